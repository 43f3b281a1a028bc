"""What a strategy learns of a pool is learned once, and never taken for something else."""

import numpy as np
import pytest
from joblib import Memory
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, LabelStore
from skgal.active._learner import fit_strategy
from skgal.base import PoolStrategy
from skgal.query import RandomSampling

FITS = []
"""What was fitted, one entry a fit: a list of the module, since strategies get cloned."""


class Codebook(BaseEstimator):
    """Stands for the generator, whose training is what is paid for."""

    def __init__(self, size=2, random_state=None):
        self.size = size
        self.random_state = random_state

    def fit(self, X, y=None):
        FITS.append((self.size, self.random_state))
        self.codes_ = np.asarray(X)[: self.size]
        return self


class Learning(PoolStrategy):
    """Asks for the samples next to the codes it has learned."""

    def __init__(self, generator, random_state=None):
        self.generator = generator
        self.random_state = random_state

    def fit(self, X, y=None):
        self.generator_ = clone(self.generator).fit(X, y)
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        distances = np.linalg.norm(X[candidates] - self.generator_.codes_[0], axis=1)
        return candidates[np.argsort(distances)[:batch_size]]


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()


def test_a_grid_over_ten_classifiers_trains_the_generator_once_a_fold(blobs, tmp_path):
    X, y = blobs
    classifiers = [
        LogisticRegression(C=0.1),
        LogisticRegression(C=1.0),
        LogisticRegression(C=10.0),
        RidgeClassifier(),
        GaussianNB(),
        KNeighborsClassifier(1),
        KNeighborsClassifier(3),
        LinearSVC(),  # these two leave a seed to be drawn
        DecisionTreeClassifier(),
        DecisionTreeClassifier(max_depth=1),
    ]
    learner = ActiveLearner(
        GaussianNB(), Learning(Codebook()), budget=5, memory=tmp_path, random_state=0
    )
    grid = {"estimator": classifiers, "budget": [5, 10]}
    GridSearchCV(learner, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert len(FITS) == 2


def test_learner_with_a_cache_chooses_as_without(blobs, tmp_path):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), Learning(Codebook()), budget=20, random_state=0)
    plain = clone(learner).fit(X, y).labelled_.indices
    for _ in range(2):
        cached = clone(learner).set_params(memory=str(tmp_path)).fit(X, y)
        np.testing.assert_array_equal(cached.labelled_.indices, plain)
    assert len(FITS) == 2


@pytest.mark.parametrize("memory", ["path", "text", "joblib"])
def test_ways_to_say_where(blobs, tmp_path, memory):
    X, y = blobs
    place = {"path": tmp_path, "text": str(tmp_path), "joblib": Memory(tmp_path, verbose=0)}[memory]
    first = fit_strategy(Learning(Codebook()), X, y, place)
    second = fit_strategy(Learning(Codebook()), X, y, place)
    assert len(FITS) == 1
    np.testing.assert_array_equal(first.generator_.codes_, second.generator_.codes_)
    with pytest.raises(ValueError, match="memory"):
        fit_strategy(Learning(Codebook()), X, y, 3)


def test_whatever_a_fit_may_read_is_part_of_the_key(blobs, tmp_path):
    X, y = blobs
    y = y.astype(float)

    def fits(strategy=None, X=X, y=y):
        before = len(FITS)
        fit_strategy(Learning(Codebook()) if strategy is None else strategy, X, y, tmp_path)
        return len(FITS) - before

    assert fits() == 1
    assert fits() == 0
    assert fits(Learning(Codebook(size=3))) == 1
    assert fits(Learning(Codebook(random_state=1))) == 1
    assert fits(Learning(Codebook(), random_state=1)) == 1
    assert fits(X=X + 1) == 1
    assert fits(y=np.where(np.arange(40) < 20, y, np.nan)) == 1
    assert fits(X=X.copy(), y=y.copy()) == 0


def test_nothing_is_cached_without_memory_or_learning(blobs, tmp_path):
    X, y = blobs
    for _ in range(2):
        fit_strategy(Learning(Codebook()), X, y)
    assert len(FITS) == 2
    strategy = RandomSampling()
    assert fit_strategy(strategy, X, y, tmp_path) is strategy
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_file_is_no_folder(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        learner = ActiveLearner(LogisticRegression(), RandomSampling(), memory=store.path)
        with pytest.raises(ValueError, match=r"memory is a folder.*labels\.db is a file"):
            learner.fit([[0.0], [1.0]] * 10, [0, 1] * 10)
