"""scikit-activeml's strategies with skgal's learner, and skgal's in scikit-activeml's loop."""

import numpy as np
import pandas as pd
import pytest
import skactiveml.pool as theirs
import torch
from skactiveml.classifier import SklearnClassifier
from skactiveml.utils import MISSING_LABEL, unlabeled_indices
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC
from skorch import NeuralNetClassifier

from skgal.active import ActiveLearner
from skgal.generators import GAN
from skgal.query import (
    ASAL,
    BADGE,
    CertaintySampling,
    CoreSet,
    FromSkactiveml,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)
from skgal.utils import seeded_torch

NAN = np.nan

MEASURES = [
    ("entropy", "entropy"),
    ("margin_of_confidence", "margin_sampling"),
    ("least_confidence", "least_confident"),
]


@pytest.fixture
def pool():
    X, labels = load_iris(return_X_y=True)
    X = X + np.random.RandomState(0).normal(scale=0.01, size=X.shape)  # no duplicates, no ties
    y = np.full(len(X), NAN)
    y[::15] = labels[::15]
    return X, y, LogisticRegression(max_iter=500).fit(X[::15], labels[::15])


@pytest.mark.parametrize(("ours", "method"), MEASURES)
def test_identical_choices(pool, ours, method):
    X, y, clf = pool
    expected = theirs.UncertaintySampling(method, random_state=0).query(
        X, y, SklearnClassifier(clf, classes=[0, 1, 2]), batch_size=20
    )
    assert UncertaintySampling(ours).query(X, y, clf, batch_size=20).tolist() == expected.tolist()
    through_us = FromSkactiveml(theirs.UncertaintySampling(method), random_state=0)
    assert through_us.query(X, y, clf, batch_size=20).tolist() == expected.tolist()


@pytest.mark.parametrize("refit", [False, True])
def test_utilities_are_those_of_the_first_choice(pool, refit):
    X, y, clf = pool
    strategy = FromSkactiveml(theirs.UncertaintySampling("entropy"), refit=refit)
    _, utilities = strategy.query(X, y, clf, batch_size=3, return_utilities=True)
    _, expected = UncertaintySampling("entropy").query(X, y, clf, return_utilities=True)
    np.testing.assert_allclose(utilities, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "strategy",
    [
        theirs.UncertaintySampling("entropy"),
        theirs.CoreSet(),
        theirs.Badge(),
        theirs.TypiClust(),
        theirs.ContrastiveAL(),
        theirs.RandomSampling(),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_theirs_in_our_learner(strategy):
    X, y = load_digits(return_X_y=True)
    X, y = X[:100].reshape(-1, 1, 8, 8) / 16, np.array(list("abcdefghij"))[y[:100]]
    model = make_pipeline(
        FunctionTransformer(np.reshape, kw_args={"shape": (-1, 64)}), LogisticRegression()
    )
    learner = ActiveLearner(
        model, FromSkactiveml(strategy), n_initial=20, batch_size=5, budget=10, random_state=0
    )
    first, second = (learner.fit(X, y).labelled_.indices.tolist() for _ in range(2))
    assert len(set(first)) == 30
    assert first == second


@pytest.mark.parametrize(
    "strategy",
    [
        RandomSampling(random_state=0),
        UncertaintySampling(),
        CertaintySampling(),
        CoreSet(),
        BADGE(random_state=0),
        TypiClust(random_state=0),
        ProbCover(random_state=0),
        ASAL(GAN(latent_dim=2, max_iter=2, batch_size=8), max_iter=2, random_state=0),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
def test_ours_in_their_loop(strategy):
    X, labels = load_iris(return_X_y=True)
    clf = SklearnClassifier(LogisticRegression(max_iter=500), classes=[0, 1, 2])
    y = np.full(len(X), MISSING_LABEL)
    y[::50] = labels[::50]
    strategy.fit(X)
    for _ in range(4):
        clf.fit(X, y)
        indices = strategy.query(X=X, y=y, clf=clf, batch_size=5)
        assert np.isnan(y[indices]).all()
        y[indices] = labels[indices]
    assert len(unlabeled_indices(y)) == len(X) - 3 - 20


def test_strategy_that_supposes_labels(pool):
    X, y, clf = pool
    X, y = X[::5], y[::5]
    candidates = np.flatnonzero(np.isnan(y))[:3]
    strategy = FromSkactiveml(theirs.MonteCarloEER())
    with pytest.raises(TypeError, match="pass refit=True"):
        strategy.query(X, y, clf, candidates=candidates)
    expected = theirs.MonteCarloEER(random_state=0).query(
        X, y, SklearnClassifier(clf, classes=[0, 1, 2]), candidates=candidates, batch_size=2
    )
    chosen = strategy.set_params(refit=True, random_state=0).query(
        X, y, clf, candidates=candidates, batch_size=2
    )
    assert chosen.tolist() == expected.tolist()


def test_classifiers_without_probabilities(pool):
    X, y, _ = pool
    svc = LinearSVC(random_state=0).fit(X[::15], y[::15])
    chosen = FromSkactiveml(theirs.UncertaintySampling("entropy"), random_state=0).query(
        X, y, svc, batch_size=9
    )
    assert chosen.tolist() == UncertaintySampling("entropy").query(X, y, svc, batch_size=9).tolist()


def test_arguments_that_we_cannot_know(pool):
    X, y, clf = pool
    strategy = FromSkactiveml(theirs.QueryByCommittee(), random_state=0)
    with pytest.raises(TypeError, match=r"\['ensemble'\], which skgal can't supply"):
        strategy.query(X, y, clf)
    committee = [
        SklearnClassifier(LogisticRegression(C=C, max_iter=1000), classes=[0, 1, 2])
        for C in (0.1, 1.0, 10.0)
    ]
    chosen = strategy.set_params(query_params={"ensemble": committee}).query(X, y, clf)
    assert (
        chosen.tolist() == theirs.QueryByCommittee(random_state=0).query(X, y, committee).tolist()
    )


@pytest.mark.touches_global_rng  # GreedySamplingTarget does, whatever its seed
def test_regressors():
    X = np.linspace(0, 1, 20).reshape(-1, 1)
    y = np.full(20, NAN)
    y[[3, 10]] = [1.0, 7.5]
    model = LinearRegression().fit(X[[3, 10]], y[[3, 10]])
    by_target = FromSkactiveml(theirs.GreedySamplingTarget(), random_state=0)
    # Predictions are a line through both labels: the farthest from them is one of its ends.
    assert by_target.query(X, y, model)[0] == 19
    with pytest.raises(TypeError, match="pass refit=True"):
        FromSkactiveml(theirs.ExpectedModelChangeMaximization()).query(X, y, model)


def test_data_frames_reach_the_model_as_such(pool):
    X, y, _ = pool
    frame = pd.DataFrame(X, columns=list("abcd"))
    clf = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[::15], y[::15])
    strategy = FromSkactiveml(theirs.UncertaintySampling("entropy"))
    assert (
        strategy.query(frame, y, clf).tolist()
        == UncertaintySampling("entropy").query(frame, y, clf).tolist()
    )


def test_net_whose_classes_are_codes():
    X = np.random.RandomState(0).normal(size=(40, 3)).astype(np.float32)
    y = np.where(X[:, 0] > 0, "right", "left")
    with seeded_torch(0):
        module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Softmax(dim=1))
    net = NeuralNetClassifier(module, max_epochs=2, train_split=None, verbose=0)
    learner = ActiveLearner(
        net, FromSkactiveml(theirs.Badge()), n_initial=6, batch_size=4, budget=8, random_state=0
    )
    assert len(learner.fit(X, y).labelled_) == 14


def test_random_state_seeds_theirs(pool):
    X, y, _ = pool
    batches = [
        FromSkactiveml(theirs.RandomSampling(), random_state=seed).query(X, y, None, batch_size=9)
        for seed in (0, 0, 1)
    ]
    assert batches[0].tolist() == batches[1].tolist() != batches[2].tolist()


def test_bad_input(pool):
    X, y, clf = pool
    strategy = FromSkactiveml(theirs.UncertaintySampling())
    with pytest.raises(NotFittedError):
        strategy.query(X, y, LogisticRegression())
    with pytest.raises(ValueError, match="there are only 140 unlabelled"):
        strategy.query(X, y, clf, batch_size=141)
    with pytest.raises(ValueError, match="labelled already"):
        strategy.query(X, np.zeros(len(X)), clf)
    X[3] = NAN
    with pytest.raises(ValueError, match="NaN"):
        strategy.query(X, y, clf)
    with pytest.raises(ValueError, match="'strategy' parameter"):
        FromSkactiveml(LogisticRegression()).query(X, y, clf)
