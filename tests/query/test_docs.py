"""The page about strategies names what there is."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import skgal.generators  # noqa: F401  it registers the forms of its classes
from skgal import query
from skgal.differentiable import _forms, differentiable
from skgal.exceptions import NotDifferentiableError

PAGE = (Path(__file__).parents[2] / "docs" / "query.md").read_text()


def test_everything_with_a_gradient_is_named():
    # Examples and tests register classes of their own, which no module holds.
    registered = {
        cls.__name__
        for cls, _ in _forms._forms
        if cls.__module__.split(".")[0] in {"skgal", "sklearn", "skorch"}
        and hasattr(sys.modules[cls.__module__], cls.__name__)
    }
    assert len(registered) > 20
    assert not {name for name in registered if f"`{name}`" not in PAGE.replace("()`", "`")}


@pytest.mark.parametrize(
    "clf",
    [
        BaggingClassifier(n_estimators=2, random_state=0),
        DecisionTreeClassifier(random_state=0),
        ExtraTreesClassifier(2, random_state=0),
        GaussianNB(),
        GaussianProcessClassifier(optimizer=None, random_state=0),
        GradientBoostingClassifier(n_estimators=2, random_state=0),
        KNeighborsClassifier(1),
        RandomForestClassifier(2, random_state=0),
        SVC(random_state=0),
    ],
    ids=lambda clf: type(clf).__name__,
)
def test_what_is_said_to_have_none_has_none(clf):
    clf.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    for method in ("predict_proba", "decision_function"):
        with pytest.raises(NotDifferentiableError):
            differentiable(clf, method)


def test_every_strategy_is_named():
    strategies = [name for name in query.__all__ if name != "label_lines"]
    assert not [name for name in strategies if f"`{name}`" not in PAGE]


def test_the_strategy_of_the_docs_is_short_and_keeps_all_promises(monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()
    section = page.partition("## Your own strategy")[2].partition("\n## ")[0]
    code, checks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len(code.splitlines()) < 30
    module = ModuleType("own_strategy")  # pickles look classes up in their module
    monkeypatch.setitem(sys.modules, "own_strategy", module)
    exec(compile(code + checks, "own_strategy", "exec"), vars(module))
    X = np.random.RandomState(0).normal(size=(30, 2)) + 1
    clf = GaussianNB().fit(X[:10], [0, 1] * 5)
    y = np.r_[[0, 1] * 5, [np.nan] * 20]
    _, utilities = module.InformationDensity(beta=2).query(X, y, clf, return_utilities=True)
    proba, unit = clf.predict_proba(X[10:]), X[10:] / np.linalg.norm(X[10:], axis=1)[:, np.newaxis]
    expected = -(proba * np.log(proba)).sum(axis=1) * (unit @ unit.T).mean(axis=1).clip(0) ** 2
    np.testing.assert_allclose(utilities[10:], expected)
