"""Nothing of what was labelled is lost, whatever fails."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, LabelOracle
from skgal.base import PoolStrategy
from skgal.query import RandomSampling


class First(PoolStrategy):
    """Chooses the first candidates."""

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]


class Failing(ClassifierMixin, BaseEstimator):
    """A classifier whose fit fails once it has more than ``limit`` samples."""

    def __init__(self, limit=10):
        self.limit = limit

    def fit(self, X, y):
        if len(X) > self.limit:
            raise RuntimeError("no more than that")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_labels_survive_a_failing_fit(blobs):
    X, y = blobs
    learner = ActiveLearner(Failing(limit=10), RandomSampling(), n_initial=8, batch_size=5)
    with pytest.raises(RuntimeError, match="no more than that") as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 5
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])
    assert "5 bought" in caught.value.__notes__[0]
    assert learner.predict(X).shape == (40,), "the model of the round before is still there"


def test_labels_survive_a_failing_oracle(blobs):
    X, y = blobs
    answer = LabelOracle(X, y)

    def tired(X):
        if tired.n_calls == 2:
            raise TimeoutError("the simulator hangs")
        tired.n_calls += 1
        return answer(X)

    tired.n_calls = 0
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=tired, batch_size=3)
    with pytest.raises(TimeoutError) as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 6
    assert "labelled_" in caught.value.__notes__[0]


def test_labels_survive_a_failing_strategy_and_an_interrupt(blobs):
    class Stubborn(First):
        def query(self, X, y, clf, **parameters):
            if np.isfinite(y).sum() > 10:
                raise KeyboardInterrupt
            return super().query(X, y, clf, **parameters)

    learner = ActiveLearner(LogisticRegression(), Stubborn(), batch_size=5)
    with pytest.raises(KeyboardInterrupt):
        learner.fit(*blobs)
    assert learner.labelled_.n_bought == 5


def test_answers_that_are_refused_are_in_the_error(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=lambda X: [1, 0, 1])
    with pytest.raises(ValueError, match=r"each of the 10 samples.*shape \(3,\)") as caught:
        learner.fit(*blobs)
    assert "[1, 0, 1]" in caught.value.__notes__[0]
    assert learner.labelled_.n_bought == 0


@pytest.mark.parametrize(
    "choice",
    [[], [0, 0], [39, 40], list(range(30)), [-1]],
    ids=["none", "twice", "no", "many", "-1"],
)
def test_strategies_that_break_their_contract_are_named(blobs, choice):
    class Broken(First):
        def query(self, X, y, clf, **parameters):
            return np.array(choice, dtype=int)

    with pytest.raises(ValueError, match="Broken"):
        ActiveLearner(LogisticRegression(), Broken(), n_initial=30, batch_size=8).fit(*blobs)
