"""What every strategy promises, whatever it does."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.query import AISEL, LatentRandom, LatentUncertainty, RandomSampling, UncertaintySampling

POOL = [RandomSampling, UncertaintySampling]
LATENT = [LatentRandom, LatentUncertainty, AISEL]
NAN = np.nan


def flatten(X):
    return np.reshape(X, (len(X), -1))


def make_problem(kind):
    """A pool of 24 samples with 6 labels, and a classifier fitted on these."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(24, 4)).astype(np.float32)
    y = np.where(X[:, 0] > 0, 1.0, 0.0)
    if kind == "images":
        X = X.reshape(24, 1, 2, 2)
    if kind == "strings":
        y = np.where(y == 1, "cat", "dog").astype(object)
    labelled = np.sort(rng.permutation(24)[:6])
    clf = make_pipeline(FunctionTransformer(flatten), LogisticRegression())
    clf.fit(X[labelled], y[labelled].tolist())
    y[np.setdiff1d(np.arange(24), labelled)] = NAN
    return X, y, clf


@pytest.fixture(params=["tabular", "images", "strings"])
def problem(request):
    return make_problem(request.param)


def pool_strategy(cls, random_state=0):
    return cls(random_state=random_state)


@pytest.fixture
def latent_strategy(toys):
    def make(cls, random_state=0):
        params = {} if cls is LatentRandom else {"n_candidates": 64}
        return cls(toys.Invertible(), random_state=random_state, **params)

    return make


@pytest.fixture(params=POOL + LATENT, ids=lambda cls: cls.__name__)
def strategy(request, latent_strategy):
    make = pool_strategy if request.param in POOL else latent_strategy
    return make(request.param)


def ask(strategy, X, y, clf, batch_size=5):
    """The strategy's batch, as one array."""
    strategy.fit(X, y)
    if hasattr(strategy, "query"):
        return strategy.query(X, y, clf, batch_size=batch_size)
    return strategy.synthesize(X, y, clf, batch_size=batch_size).latent


def test_parameters(strategy):
    params = strategy.get_params()
    assert set(strategy.get_params(deep=False)) == set(strategy._parameter_constraints)
    assert repr(clone(strategy)) == repr(strategy)
    assert repr(strategy.set_params(**params)) == repr(strategy)
    assert strategy.set_params(random_state=3).random_state == 3


def test_fit_returns_self_and_keeps_parameters(strategy, problem):
    before = repr(strategy.get_params())
    assert strategy.fit(problem[0]) is strategy
    assert repr(strategy.get_params()) == before


def test_fit_notes_the_features(strategy):
    X = np.random.RandomState(0).uniform(-1, 1, size=(24, 4)).astype(np.float32)
    frame = pd.DataFrame(X, columns=list("abcd"))
    strategy.fit(frame)
    assert strategy.n_features_in_ == 4
    assert strategy.feature_names_in_.tolist() == list("abcd")
    strategy.fit(X[:, :3])
    assert strategy.n_features_in_ == 3
    assert not hasattr(strategy, "feature_names_in_")


def test_random_state_decides(strategy, problem):
    answer = ask(clone(strategy), *problem)
    np.testing.assert_array_equal(ask(clone(strategy), *problem), answer)
    np.testing.assert_array_equal(ask(pickle.loads(pickle.dumps(strategy)), *problem), answer)


def test_inputs_are_not_changed(strategy, problem):
    X, y, clf = problem
    before = pickle.dumps((X, y, clf))
    X.flags.writeable = y.flags.writeable = False
    ask(strategy, X, y, clf)
    X.flags.writeable = y.flags.writeable = True
    assert pickle.dumps((X, y, clf)) == before


def test_model_that_is_not_fitted(strategy):
    if isinstance(strategy, RandomSampling | LatentRandom):
        pytest.skip("doesn't look at the model")
    X, y, _ = make_problem("tabular")
    with pytest.raises(NotFittedError):
        ask(strategy, X, y, LogisticRegression())


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_that_is_none(strategy, batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        ask(strategy, *make_problem("tabular"), batch_size=batch_size)


@pytest.mark.parametrize("cls", POOL)
class TestPool:
    def test_unlabelled_samples_are_chosen_once_each(self, cls, problem):
        X, y, clf = problem
        indices = pool_strategy(cls).query(X, y, clf, batch_size=18)
        assert indices.dtype.kind == "i"
        assert sorted(indices) == [i for i in range(24) if y[i] != y[i]]

    def test_smaller_batch_is_the_head_of_a_larger(self, cls, problem):
        X, y, clf = problem
        large = pool_strategy(cls).query(X, y, clf, batch_size=10)
        np.testing.assert_array_equal(pool_strategy(cls).query(X, y, clf, batch_size=4), large[:4])

    def test_utilities(self, cls, problem):
        X, y, clf = problem
        indices, utilities = pool_strategy(cls).query(
            X, y, clf, batch_size=18, return_utilities=True
        )
        assert utilities.shape == (24,)
        assert np.isnan(utilities).sum() == 6
        assert (np.diff(utilities[indices]) <= 0).all()

    def test_foreign_candidates(self, cls, problem):
        X, y, clf = problem
        indices, utilities = pool_strategy(cls).query(
            X, y, clf, candidates=X[:7] / 2, batch_size=7, return_utilities=True
        )
        assert sorted(indices) == list(range(7))
        assert utilities.shape == (7,)

    def test_exhausted_pool(self, cls, problem):
        X, _, clf = problem
        with pytest.raises(ValueError, match="All 24 candidates are labelled already"):
            pool_strategy(cls).query(X, np.zeros(24), clf)

    def test_batch_larger_than_pool(self, cls, problem):
        X, y, clf = problem
        with pytest.raises(ValueError, match="batch_size=19, but there are only 18"):
            pool_strategy(cls).query(X, y, clf, batch_size=19)


@pytest.mark.parametrize("cls", LATENT)
class TestSynthesis:
    def test_samples_are_those_of_the_latent_points(self, cls, problem, latent_strategy):
        X, y, clf = problem
        strategy = latent_strategy(cls).fit(X)
        synthesis = strategy.synthesize(X, y, clf, batch_size=5)
        assert synthesis.latent.shape == (5, 2)
        assert synthesis.X.shape == (5, *X.shape[1:])
        assert synthesis.X.dtype == X.dtype
        np.testing.assert_array_equal(synthesis.X, strategy.generator_.generate(synthesis.latent))

    def test_no_latent_point_twice(self, cls, problem, latent_strategy):
        latent = ask(latent_strategy(cls), *problem, batch_size=15)
        assert len(np.unique(latent.round(6), axis=0)) == 15

    def test_another_seed_is_another_design(self, cls, problem, latent_strategy):
        if cls is LatentUncertainty:
            pytest.skip("the top of a grid is the top of a grid")
        designs = [ask(latent_strategy(cls, seed), *problem) for seed in (0, 1)]
        assert not np.array_equal(*designs)
