"""The link from an estimator's HTML representation to its page, for estimators of any kind."""

import os
from importlib.metadata import PackageNotFoundError, metadata


class DocumentedMixin:
    """Link the HTML representation of an estimator to its page of the API reference.

    The address of the site is that of the environment variable ``SKGAL_DOCS_URL``, such as
    "file:///home/me/skgal/docs/_build/html" for a site of your own, else the project URL
    "Documentation" of the installed package. Where there is neither, there is no link.

    Name it before scikit-learn's and imbalanced-learn's classes, which link to their own sites.

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
