"""The promises of all query strategies, kept by those of skgal."""

import pytest
from sklearn.linear_model import LogisticRegression

from skgal.query import (
    AISEL,
    BADGE,
    CertaintySampling,
    CoreSet,
    LatentRandom,
    LatentUncertainty,
    LearningLoss,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)
from skgal.testing import check_query_strategy, query_strategy_checks


class LossPredictor(LogisticRegression):
    """A stand-in for a net with a loss-prediction head, for samples of any shape."""

    def fit(self, X, y):
        return super().fit(X.reshape(len(X), -1), y)

    def predict_loss(self, X):
        return 1 - self.predict_proba(X.reshape(len(X), -1)).max(axis=1)


OURS = [
    (RandomSampling(), None),
    (UncertaintySampling(), None),
    (UncertaintySampling("min_distance"), None),
    (CertaintySampling(), None),
    (CoreSet(), None),
    (CoreSet(features="classifier"), None),
    (BADGE(), None),
    (TypiClust(), None),
    (ProbCover(), None),
    (LearningLoss(), LossPredictor()),
]


@pytest.mark.parametrize(
    ("name", "check"),
    [
        pytest.param(name, check, id=f"{strategy}-{name}")
        for strategy, clf in OURS
        for name, check in query_strategy_checks(strategy, clf=clf)
    ],
)
def test_ours_keep_the_promises(name, check):
    check()


@pytest.mark.parametrize("cls", [LatentRandom, LatentUncertainty, AISEL])
def test_designs_keep_the_promises(cls, toys):
    params = {} if cls is LatentRandom else {"n_candidates": 64}
    check_query_strategy(cls(toys.Invertible(), **params))
