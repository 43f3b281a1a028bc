"""The page about strategies names what there is."""

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
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
from skorch import NeuralNetClassifier

import skgal.generators  # noqa: F401  it registers the forms of its classes
from skgal import ActiveLearner, query
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


@pytest.fixture(scope="module")
def own_strategies():
    """The module that the code of "Your own strategy" makes; its checks have run."""
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text()
    section = page.partition("## Your own strategy")[2].partition("\n## ")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    module = ModuleType("own_strategies")  # pickles look classes up in their module
    sys.modules["own_strategies"] = module
    exec(compile("".join(blocks), "own_strategies", "exec"), vars(module))
    yield module, blocks
    del sys.modules["own_strategies"]


OWN_X = np.random.RandomState(0).normal(size=(30, 2)) + 1
OWN_Y = np.r_[[0, 1] * 5, [np.nan] * 20]


def test_the_strategies_of_the_docs_are_short(own_strategies):
    for block in own_strategies[1]:
        for code in re.findall(r"^class .*?(?=^\S|\Z)", block, re.DOTALL | re.MULTILINE):
            assert len(code.split("\n")) <= 25


def test_the_ranking_strategy_of_the_docs_is_the_papers(own_strategies):
    strategy = own_strategies[0].InformationDensity(beta=2)
    clf = GaussianNB().fit(OWN_X[:10], [0, 1] * 5)
    _, utilities = strategy.query(OWN_X, OWN_Y, clf, return_utilities=True)
    proba = clf.predict_proba(OWN_X[10:])
    unit = OWN_X[10:] / np.linalg.norm(OWN_X[10:], axis=1)[:, np.newaxis]
    expected = -(proba * np.log(proba)).sum(axis=1) * (unit @ unit.T).mean(axis=1).clip(0) ** 2
    np.testing.assert_allclose(utilities[10:], expected)


def test_the_batch_strategy_of_the_docs_is_the_papers(own_strategies):
    strategy = own_strategies[0].DiverseBatch(beta=3, random_state=0)
    clf = GaussianNB().fit(OWN_X[:10], [0, 1] * 5)
    chosen, utilities = strategy.query(OWN_X, OWN_Y, clf, batch_size=4, return_utilities=True)
    proba = clf.predict_proba(OWN_X)
    uncertainty = -(proba * np.log(proba)).sum(axis=1)
    np.testing.assert_allclose(utilities[10:], uncertainty[10:])
    unsure = 10 + np.argsort(-uncertainty[10:])[:12]
    assert set(chosen) <= set(unsure)
    # One of each cluster of the unsure samples, that nearest to the weighted mean of its cluster.
    points = OWN_X[unsure].astype(np.float32)
    kmeans = KMeans(4, random_state=np.random.RandomState(0))
    clusters = kmeans.fit(points, sample_weight=uncertainty[unsure]).labels_
    for cluster in range(4):
        members = unsure[clusters == cluster]
        mean = np.average(OWN_X[members], axis=0, weights=uncertainty[members])
        assert members[np.linalg.norm(OWN_X[members] - mean, axis=1).argmin()] in chosen


@pytest.mark.parametrize("name", ["InformationDensity", "DiverseBatch"])
def test_the_strategies_of_the_docs_ask_nets_about_samples_of_float64(own_strategies, name):
    net = NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=2,
        criterion=torch.nn.CrossEntropyLoss,
        train_split=None,
        verbose=0,
    )
    net.set_params(lr=0.5, iterator_train__shuffle=False)
    strategy = getattr(own_strategies[0], name)(random_state=0)
    learner = ActiveLearner(net, strategy, n_initial=6, batch_size=3, budget=6, random_state=0)
    learner.fit(OWN_X, (OWN_X[:, 0] > 1).astype(int))
    assert learner.labelled_.n_bought == 6


def test_a_batch_with_a_sample_twice_is_refused():
    class Wrong(query.BatchStrategy):
        def choose(self, X, y, clf, candidates, batch_size):
            return np.repeat(candidates.positions[0], batch_size), np.zeros(len(candidates))

    learner = ActiveLearner(GaussianNB(), Wrong(), budget=2, batch_size=2, random_state=0)
    with pytest.raises(ValueError, match="must choose different samples among the candidates"):
        learner.fit(OWN_X, np.arange(30) % 2)
