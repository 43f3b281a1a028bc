"""Write the API reference's sources: one page a subpackage, one a public name, from `__all__`."""

import importlib
import inspect
import re
from pathlib import Path

from inherited_docs import complete_docstring

# In the order in which a user meets them.
SUBPACKAGES = [
    "active",
    "query",
    "generators",
    "resampling",
    "datasets",
    "metrics",
    "inspection",
    "annotation",
    "features",
    "matching",
    "design",
    "classifiers",
    "differentiable",
    "training",
    "objectives",
    "nn",
    "base",
    "testing",
    "exceptions",
]

CLASS_PAGE = """{name}
{underline}

.. currentmodule:: {module}

.. autoclass:: {name}
   :members:
   :inherited-members:

{gallery}
"""
FUNCTION_PAGE = """{name}
{underline}

.. currentmodule:: {module}

.. autofunction:: {name}

{gallery}
"""
DATA_PAGE = """{name}
{underline}

.. currentmodule:: {module}

.. autodata:: {name}
   :no-value:
"""


def write_pages(app):
    """Write `api/index.rst` and a page for each public name; unchanged files keep their time."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    index = ["API reference", "=============", ""]
    written = {folder / "index.rst"}
    for subpackage in SUBPACKAGES:
        module = importlib.import_module(f"skgal.{subpackage}")
        title = f"skgal.{subpackage}"
        summary = inspect.getdoc(module).splitlines()[0]
        index += [title, "-" * len(title), "", summary, "", f".. currentmodule:: {title}", ""]
        index += [".. autosummary::", "   :nosignatures:", ""]
        pages = []
        for name in module.__all__:
            index.append(f"   {name}")
            page = folder / f"{title}.{name}.rst"
            _write(page, _page(title, name, getattr(module, name)))
            written.add(page)
            pages.append(page.stem)
        index += ["", ".. toctree::", "   :hidden:", "", *(f"   {page}" for page in pages), ""]
    _write(folder / "index.rst", "\n".join(index))
    for stale in set(folder.glob("*.rst")) - written:
        stale.unlink()


def _page(module, name, thing):
    """Return the source of one name's page."""
    if inspect.isclass(thing):
        template = CLASS_PAGE
    elif callable(thing):
        template = FUNCTION_PAGE
    else:
        template = DATA_PAGE
    gallery = f".. minigallery:: {module}.{name}\n   :add-heading: Examples that use it\n"
    return template.format(name=name, underline="=" * len(name), module=module, gallery=gallery)


def _write(path, text):
    """Write a file unless it says so already."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def skip_foreign(app, what, name, thing, skip, options):
    """Leave out what classes inherit from torch, skorch and Python; scikit-learn's stays."""
    module = getattr(thing, "__module__", None) or "builtins"
    return skip or (callable(thing) and module.split(".")[0] in {"torch", "skorch", "builtins"})


def mend_docstring(app, what, name, thing, options, lines):
    """Make reStructuredText of docstrings written for people, or for other projects' sites."""
    if what in ("class", "method") and name.startswith("skgal.") and any(lines):
        lines[:] = complete_docstring(name).split("\n")
    joined = "\n".join(lines).replace("\\\n", "")  # long types of raw docstrings
    lines[:] = joined.split("\n")
    for i, line in enumerate(lines):
        line = re.sub(r":(?:ref|term):`([^`<]*?)(?: ?<[^`]*>)?`", r"\1", line)  # targets elsewhere
        if "`" not in line:
            line = re.sub(r"(?<=, )\*(?=\w)", r"\\*", line)  # (n, *shape)
            line = re.sub(r"(?<=\w)_(?=,?\))", r"\\_", line)  # (n_features_in_,)
        lines[i] = line


def setup(app):
    """Have the pages written before Sphinx looks for sources."""
    app.connect("builder-inited", write_pages, priority=100)
    app.connect("autodoc-skip-member", skip_foreign)
    app.connect("autodoc-process-docstring", mend_docstring, priority=100)  # before numpydoc
    return {"parallel_read_safe": True}
