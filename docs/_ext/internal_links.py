"""Check the links of the built pages: each leads to a page, a file or a heading that is there."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)
_LINK = re.compile(r'<(?:a|img|link|script)\b[^>]*?\b(?:href|src)="([^"]*)"')
_ANCHOR = re.compile(r'\b(?:id|name)="([^"]*)"')


def check_links(app, exception):
    """Warn of each link within the site that leads nowhere, and of all that needs a network."""
    if exception is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    pages = (path for path in folder.rglob("*.html") if "_static" not in path.parts)
    texts = {path: path.read_text(encoding="utf-8") for path in pages}
    anchors = {path: set(_ANCHOR.findall(text)) for path, text in texts.items()}
    for page, text in texts.items():
        for tag in _LINK.finditer(text):
            url = urlsplit(tag[1].replace("&amp;", "&"))
            if url.scheme or url.netloc:
                if not tag[0].startswith("<a ") and url.scheme != "data":
                    _warn(page, folder, f"{tag[1]} comes from the network")
                continue
            target = page if not url.path else (page.parent / unquote(url.path)).resolve()
            if not target.exists():
                _warn(page, folder, f"{tag[1]} leads to no file")
            elif (
                url.fragment and target in anchors and unquote(url.fragment) not in anchors[target]
            ):
                _warn(page, folder, f"{tag[1]} leads to no heading")


def _warn(page, folder, message):
    """Warn at a page."""
    logger.warning("%s: %s", page.relative_to(folder), message, type="internal_links")


def setup(app):
    """Have links checked when all is written."""
    app.connect("build-finished", check_links)
    return {"parallel_read_safe": True}
