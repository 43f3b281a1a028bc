"""HTML representations link to pages, once there is a site; docstrings take over from bases."""

import importlib
import inspect
import pkgutil
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

import skgal
from skgal import GatedSampler, PolarityGANSampler, UncertaintySampling
from skgal.base import DocumentedMixin, _documented

ROOT = Path(__file__).parents[1]
ESTIMATORS = [
    (subpackage, name)
    for subpackage in sorted(module.name for module in pkgutil.iter_modules(skgal.__path__))
    for name in importlib.import_module(f"skgal.{subpackage}").__all__
    if inspect.isclass(thing := getattr(importlib.import_module(f"skgal.{subpackage}"), name))
    and issubclass(thing, BaseEstimator)
    and not inspect.isabstract(thing)
]


@pytest.mark.parametrize(("subpackage", "name"), ESTIMATORS)
def test_every_estimator_links_to_the_page_that_the_site_has(subpackage, name, monkeypatch):
    monkeypatch.setenv("SKGAL_DOCS_URL", "https://docs.example/skgal/")
    cls = getattr(importlib.import_module(f"skgal.{subpackage}"), name)
    link = cls._get_doc_link(cls.__new__(cls))
    assert link == f"https://docs.example/skgal/api/skgal.{subpackage}.{name}.html"


def test_without_an_address_there_is_no_link(monkeypatch):
    monkeypatch.delenv("SKGAL_DOCS_URL", raising=False)
    monkeypatch.setattr(
        _documented, "metadata", lambda name: SimpleNamespace(get_all=lambda *_: [])
    )
    assert UncertaintySampling()._get_doc_link() == ""
    assert "Documentation for UncertaintySampling" not in UncertaintySampling()._repr_html_()


def test_the_projects_url_is_the_address(monkeypatch):
    monkeypatch.delenv("SKGAL_DOCS_URL", raising=False)
    of = {"Project-URL": ["Source, https://code.example", "Documentation, https://docs.example"]}
    found = SimpleNamespace(get_all=lambda key, default: of.get(key, default))
    monkeypatch.setattr(_documented, "metadata", lambda name: found)
    sampler = GatedSampler(PolarityGANSampler(), LogisticRegression())
    links = re.findall(r'href="([^"]*)"', clone(sampler)._repr_html_())
    assert "https://docs.example/api/skgal.resampling.GatedSampler.html" in links
    assert "https://docs.example/api/skgal.resampling.PolarityGANSampler.html" in links


def test_an_estimator_of_someone_elses_has_no_link_to_our_site(monkeypatch):
    class Own(UncertaintySampling):
        pass

    monkeypatch.setenv("SKGAL_DOCS_URL", "https://docs.example")
    assert Own()._get_doc_link() == ""


class Described(DocumentedMixin):
    """A base.

    Parameters
    ----------
    size : int, default=1
        How large.
    kind : str, default="a"
        Which.

    Attributes
    ----------
    size_ : int
        How large it is.
    """

    def __init__(self, size=1, kind="a"):
        pass


def test_a_docstring_takes_over_what_it_does_not_say():
    class Larger(Described):
        """Larger.

        Parameters
        ----------
        extra : bool, default=False
            Whether.

        Notes
        -----
        None.
        """

        def __init__(self, kind="b", size=2, *, extra=False):
            pass

    class Fixed(Larger):
        """Fixed."""

        def __init__(self, extra=True):
            pass

    sections = Larger.__doc__.split("\n\n")
    assert [part.split("\n")[0] for part in sections] == [
        "Larger.",
        "Parameters",
        "Attributes",
        "Notes",
    ]
    entries = ['kind : str, default="b"', "size : int, default=2", "extra : bool, default=False"]
    assert [line for line in sections[1].split("\n") if " : " in line] == entries
    assert "extra : bool, default=True" in Fixed.__doc__
    assert "size : int" not in Fixed.__doc__
    assert "size_ : int" in Fixed.__doc__
    assert Described.__doc__.startswith("A base.\n\n    Parameters")  # complete as it is


def test_every_parameter_of_every_estimator_is_described():
    for name in skgal.__all__:
        estimator = getattr(skgal, name)
        if inspect.isclass(estimator) and issubclass(estimator, DocumentedMixin):
            lines = inspect.getdoc(estimator).split("\n")
            described = {part for line in lines for part in line.partition(" :")[0].split(", ")}
            assert set(inspect.signature(estimator).parameters) <= described, name


def test_links_of_the_readme_lead_to_the_repository_on_an_index_page():
    with_absolute_links = runpy.run_path(str(ROOT / "setup.py"))["with_absolute_links"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", readme)
    found = re.findall(
        r"\]\(([^)\s]+)\)", with_absolute_links(readme, "https://code.example/skgal")
    )
    assert "https://code.example/skgal/raw/HEAD/docs/_static/simulator.png" in found
    assert [url.partition("/HEAD/")[2] for url in found] == targets
    assert with_absolute_links("[a](https://b.example) [c](#d)", "e") == (
        "[a](https://b.example) [c](#d)"
    )
