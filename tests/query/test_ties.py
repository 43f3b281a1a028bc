"""Between samples of equal utility the seed decides, and nothing else."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skgal.query import (
    ASAL,
    BADGE,
    CertaintySampling,
    CoreSet,
    LearningLoss,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)

# TypiClust asks for more clusters than there are places.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 40
# Two places, twenty samples at each: to any strategy those of one place are the same.
X = np.tile([[-1.0, 0.0], [1.0, 0.0]], (N // 2, 1))
Y = np.r_[0, 1, np.full(N - 2, np.nan)]


class LossPredictor(LogisticRegression):
    def predict_loss(self, X):
        return 1 - self.predict_proba(X).max(axis=1)


CLF = LossPredictor().fit(X[:2], Y[:2])

STRATEGIES = [
    RandomSampling(),
    UncertaintySampling(),
    UncertaintySampling("min_distance"),
    CertaintySampling(),
    CoreSet(),
    BADGE(),
    TypiClust(),
    ProbCover(delta=0.5),
    LearningLoss(),
]


def choices(strategy, batch_size, seeds=range(12)):
    return [
        tuple(strategy.set_params(random_state=seed).query(X, Y, CLF, batch_size=batch_size))
        for seed in seeds
    ]


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_random_state_decides_between_equals(strategy, batch_size):
    by_seed = choices(strategy, batch_size)
    assert len(set(by_seed)) > 6
    assert choices(strategy, batch_size) == by_seed


@pytest.mark.parametrize("hybrid", [{"oversampling": 4}, {"n_neighbors": 4}], ids=str)
def test_matches_that_are_equally_uncertain(toys, hybrid):
    strategy = ASAL(toys.Generator(), max_iter=2, random_state=0, **hybrid).fit(X)
    assert len(set(choices(strategy, 3))) > 6
