"""Nothing of what was labelled is lost, whatever fails."""

import json

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, LabelOracle
from skgal.base import PoolStrategy, Synthesis
from skgal.generators import GIN
from skgal.query import LatentRandom, RandomSampling


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


def test_answers_that_are_refused_are_kept_as_they_came():
    X = np.arange(4000.0).reshape(2000, 2)
    y = np.arange(2000) % 2
    answers = np.arange(1500) % 7 % 2
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=lambda X: answers, batch_size=1600
    )
    with pytest.raises(ValueError, match=r"a label for each of 1600 samples.*got 1500"):
        learner.fit(X, y)
    (refused,) = [event for event in learner.store_.events() if event.kind == "refused"]
    assert json.loads(refused.details["answer"]) == answers.tolist()
    assert learner.labelled_.n_bought == 0
    assert len(learner.pending_) == 1600


def test_latent_points_of_another_dimension_are_refused_before_they_are_paid_for(blobs, segment):
    class Widening(type(segment)):
        def synthesize(self, X, y, clf, *, batch_size=1):
            designed, latent = super().synthesize(X, y, clf, batch_size=batch_size)[:2]
            return Synthesis(designed, np.repeat(latent, len(X), axis=1))

    n_paid = []
    learner = ActiveLearner(
        LogisticRegression(),
        Widening(),
        oracle=lambda X: n_paid.append(len(X)) or [1] * len(X),
        batch_size=5,
    )
    with pytest.raises(ValueError, match=r"same dimension in every round, 40;.*dimension 45"):
        learner.fit(*blobs)
    assert n_paid == [5]
    assert learner.labelled_.n_bought == 5, "those of the first round"


class Tiring:
    """An oracle that fails the first time it is asked after it has answered ``n_answers``."""

    def __init__(self, answer, n_answers):
        self.answer, self.n_answers, self.n_asked, self.failed = answer, n_answers, 0, False

    def __call__(self, X):
        if self.n_asked >= self.n_answers and not self.failed:
            self.failed = True
            raise TimeoutError("the simulator hangs")
        self.n_asked += len(X)
        return self.answer(X)

    def __sklearn_clone__(self):
        return self


def test_going_on_with_a_pool_pays_for_nothing_twice(blobs):
    X, y = blobs
    oracle = Tiring(LabelOracle(X, y), n_answers=6)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=oracle, batch_size=3, budget=12
    )
    with pytest.raises(TimeoutError):
        learner.fit(X, y)
    labelled = learner.labelled_
    y_known = np.full(len(X), np.nan)
    y_known[labelled.indices] = labelled.y
    learner.set_params(budget=12 - labelled.n_bought).fit(X, y_known)
    assert oracle.n_asked == 12
    assert len(np.unique(learner.labelled_.indices)) == len(labelled) + 6
    assert set(labelled.indices) < set(learner.labelled_.indices)
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])


def test_going_on_with_designed_samples_pays_for_nothing_twice(blobs):
    X, y = blobs
    oracle = Tiring(LogisticRegression().fit(X, y).predict, n_answers=4)
    strategy = LatentRandom(GIN(max_iter=1))
    learner = ActiveLearner(LogisticRegression(), strategy, oracle=oracle, batch_size=2, budget=8)
    with pytest.raises(TimeoutError):
        learner.fit(X, y)
    labelled, generator = learner.labelled_, learner.strategy_.generator_
    learner.set_params(budget=8 - labelled.n_bought)
    learner.set_params(strategy__generator=FrozenEstimator(generator))
    learner.fit(labelled.X, labelled.y)
    assert oracle.n_asked == 8
    np.testing.assert_array_equal(learner.labelled_.X[:44], labelled.X)
    assert len(np.unique(learner.labelled_.X[40:], axis=0)) == 8
    assert learner.strategy_.generator_.estimator is generator


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
