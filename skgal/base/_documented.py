"""Documentation of estimators of any kind: links to pages, descriptions of base classes."""

import inspect
import json
import os
import re
from importlib.metadata import PackageNotFoundError, metadata


class DocumentedMixin:
    """Link an estimator's HTML representation to its page, and complete its docstring from bases.

    What the docstring of a subclass doesn't say of its parameters and attributes, but that of a
    base class does, is added to it, with the subclass's own default values. So a description is
    written once, and a subclass describes what is different.

    The address of the site is that of the environment variable ``SKGAL_DOCS_URL``, such as
    "file:///home/me/skgal/docs/_build/html" for a site of your own, else the project URL
    "Documentation" of the installed package. Where there is neither, there is no link.

    Name it before scikit-learn's and imbalanced-learn's classes, which link to their own sites.

    See Also
    --------
    BaseGenerator : Has it.
    BaseStrategy : Has it.

    Examples
    --------
    >>> import os
    >>> from skgal import RandomSampling
    >>> os.environ["SKGAL_DOCS_URL"] = "https://docs.example/skgal/"
    >>> RandomSampling()._get_doc_link()
    'https://docs.example/skgal/api/skgal.query.RandomSampling.html'
    >>> del os.environ["SKGAL_DOCS_URL"]
    """

    _doc_link_module = "skgal"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        _complete_docstring(cls)

    @property
    def _doc_link_template(self):
        """The address of a page, to be filled in by scikit-learn."""
        base = os.environ.get("SKGAL_DOCS_URL", "").rstrip("/") or _project_url()
        return base and base + "/api/{estimator_module}.{estimator_name}.html"


def _project_url():
    """Return the project URL "Documentation" of the installed package, or an empty string."""
    try:
        urls = metadata("skgal").get_all("Project-URL", [])
    except PackageNotFoundError:
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "").rstrip("/")


_HEADING = re.compile(r"^(\w[\w ]*)\n-+\n", re.MULTILINE)


# An example: the docstring of GAN, as its file has it, says of `latent` and a few others
#
#     latent : {"normal", "uniform"}, default="normal"
#         Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
#
# and nothing of `learning_rate`. Once the class is made, its docstring has, from the base class
# but with the default value that GAN has,
#
#     learning_rate : float, default=0.0005
#         Step size of Adam, for all networks.


def _complete_docstring(cls):
    """Add what base classes say of parameters and attributes to the docstring of a class."""
    own = vars(cls).get("__doc__")
    if not own:  # none of its own, or python -OO
        return
    sections = _sections(own)
    parameters = inspect.signature(cls).parameters
    kept = {
        heading: _entries(sections.get(heading, "")) for heading in ("Parameters", "Attributes")
    }
    n_kept = sum(map(len, kept.values()))
    for base in cls.__mro__[1:]:
        text = vars(base).get("__doc__")
        if not text or base is DocumentedMixin or not issubclass(base, DocumentedMixin):
            continue
        theirs = _sections(text)
        for name, entry in _entries(theirs.get("Parameters", "")).items():
            if name in parameters and name not in kept["Parameters"]:
                kept["Parameters"][name] = _with_default(entry, parameters[name].default)
        kept["Attributes"] = _entries(theirs.get("Attributes", "")) | kept["Attributes"]
    if sum(map(len, kept.values())) == n_kept:
        return
    order = list(parameters)
    ranked = sorted(kept["Parameters"], key=lambda name: order.index(name) if name in order else -1)
    kept["Parameters"] = {name: kept["Parameters"][name] for name in ranked}
    completed = {heading: "\n".join(entries.values()) for heading, entries in kept.items()}
    rest = {heading: text for heading, text in sections.items() if heading not in completed}
    ordered = {"": rest.pop("")} | {h: text for h, text in completed.items() if text} | rest
    parts = [
        (f"{heading}\n{'-' * len(heading)}\n" if heading else "") + text.strip("\n")
        for heading, text in ordered.items()
    ]
    cls.__doc__ = "\n\n".join(parts) + "\n"


def _sections(docstring):
    """Return the sections of a docstring by heading; that of what is before the first is empty."""
    pieces = _HEADING.split(inspect.cleandoc(docstring))
    return {"": pieces[0]} | dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _entries(section):
    """Return what a section says of each name."""
    entries = re.split(r"\n(?=\S)", section.strip("\n")) if section else []
    return {entry.partition(" :")[0]: entry for entry in entries}


def _with_default(entry, default):
    """Return a parameter's description with another default value."""
    head, _, text = entry.partition("\n")
    shown = json.dumps(default) if isinstance(default, str) else repr(default)
    head = re.sub("default=.*", lambda _: f"default={shown}", head)
    return f"{head}\n{text}" if text else head
