"""Docstrings of all public names are numpydoc; which checks hold is stated here, for all alike."""

import importlib
import inspect
import pkgutil

import pytest

import skgal

validation = pytest.importorskip("numpydoc.validate")

# All of numpydoc's checks but those that our style decides otherwise: an extended summary, "See
# Also" and an example are written where they help (ES01, SA01, EX01); methods that only repeat
# scikit-learn's contract don't document its parameters and returns again (PR01, PR04, PR07, RT01 to
# RT03); a context manager yields without a section (YD01); a summary may be a noun phrase (SS05).
LEFT_OUT = {"ES01", "SA01", "EX01", "PR01", "PR04", "PR07", "RT01", "RT02", "RT03", "SS05", "YD01"}
CHECKS = set(validation.ERROR_MSGS) - LEFT_OUT
SUBPACKAGES = sorted(module.name for module in pkgutil.iter_modules(skgal.__path__))


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


@pytest.mark.parametrize("subpackage", [name for name in SUBPACKAGES if name != "utils"])
def test_docstrings_are_numpydoc(subpackage):
    broken = [
        f"{name}: {code} {message}"
        for name in public_names(subpackage)
        for code, message in validation.validate(name)["errors"]
        if code in CHECKS
    ]
    assert not broken, "\n".join(broken)
