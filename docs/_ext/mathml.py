"""Formulas as MathML, written when the site is built: browsers draw it themselves, offline."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

logger = logging.getLogger(__name__)


def visit_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(_convert(node, as_block=False))
    raise nodes.SkipNode


def visit_display(translator, node):
    """Write a formula on a line of its own, which scrolls where the page is too narrow."""
    translator.body.append(f'<div class="formula">{_convert(node, as_block=True)}</div>')
    raise nodes.SkipNode


def _convert(node, as_block):
    """Return MathML; a formula that is none is a warning, as all mistakes in the sources."""
    try:
        return tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        logger.warning("%s: %s", node.astext(), error, location=node, type="mathml")
        return node.astext()


def setup(app):
    """Register the renderer that `html_math_renderer` names."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True}
