"""Docstrings of all public names are numpydoc; which checks hold is stated here, for all alike."""

import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import pytest

import skgal

validation = pytest.importorskip("numpydoc.validate")
docscrape = pytest.importorskip("numpydoc.docscrape")

sys.path.append(str(Path(__file__).parents[1] / "docs" / "_ext"))
from inherited_docs import complete_docstring  # noqa: E402 - found by the path above

# Methods to be overridden in a GAN of one's own, dozens that take a batch and return a loss: the
# class says what batches hold (PR01, RT01).
HOOKS = {"differentiable", "generators", "nn", "objectives", "training"}
CHECKS = set(validation.ERROR_MSGS)
# Methods share the example, the second paragraph and the neighbours of their class, as in
# scikit-learn; many have them all the same.
OF_THE_CLASS = {"ES01", "EX01", "SA01"}
SUBPACKAGES = sorted(module.name for module in pkgutil.iter_modules(skgal.__path__))


class CompletedValidator(validation.Validator):
    """Validates a docstring with the sections that it takes over from base classes."""

    def __init__(self, obj_name):
        thing = self._load_obj(obj_name)
        super().__init__(docscrape.get_doc_object(thing, doc=complete_docstring(obj_name)))


def public_names(subpackage):
    """Full names of the classes and functions of a subpackage, and of what classes define."""
    module = importlib.import_module(f"skgal.{subpackage}")
    for name in module.__all__:
        thing = getattr(module, name)
        if callable(thing):
            yield f"skgal.{subpackage}.{name}"
        if inspect.isclass(thing):
            for attribute, value in vars(thing).items():
                kinds = classmethod | staticmethod | property
                is_public = not attribute.startswith("_")
                if is_public and (inspect.isfunction(value) or isinstance(value, kinds)):
                    yield f"skgal.{subpackage}.{name}.{attribute}"


def left_out(name):
    """Codes that are not asked of a name."""
    _, subpackage, *path = name.split(".")
    if len(path) == 1:  # subclasses list their own parameters
        return {"PR01"} if inspect.isabstract(validation.Validator._load_obj(name)) else set()
    return OF_THE_CLASS | ({"PR01", "RT01"} if subpackage in HOOKS else set())


@pytest.mark.parametrize("subpackage", [name for name in SUBPACKAGES if name != "utils"])
def test_docstrings_are_numpydoc(subpackage):
    broken = [
        f"{name}: {code} {message}"
        for name in public_names(subpackage)
        for code, message in validation.validate(name, CompletedValidator)["errors"]
        if code in CHECKS - left_out(name)
    ]
    assert not broken, "\n".join(broken)
