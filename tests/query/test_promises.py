"""The promises of all query strategies, kept by those of skgal."""

import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.generators import ACGAN, GAN, PolarityGAN
from skgal.nn import Dense
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
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

TINY = {"latent_dim": 2, "batch_size": 8, "architecture": Dense(hidden=(4,))}


def flatten(X):
    return X.reshape(len(X), -1)


class LossPredictor(LogisticRegression):
    """A stand-in for a net with a loss-prediction head, for samples of any shape."""

    def fit(self, X, y):
        return super().fit(flatten(X), y)

    def predict_loss(self, X):
        return 1 - self.predict_proba(flatten(X)).max(axis=1)


OURS = [
    (RandomSampling(), None),
    (UncertaintySampling(), None),
    (UncertaintySampling("min_distance"), None),
    (CertaintySampling(), None),
    (CoreSet(), None),
    (CoreSet(features="classifier"), None),
    (BADGE(), None),
    (TypiClust(), None),
    (TypiClust(features="classifier"), None),
    (ProbCover(), None),
    (ProbCover(features="classifier"), None),
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


@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (LatentRandom, {}),
        (LatentUncertainty, {"n_candidates": 64}),
        (AISEL, {"n_candidates": 64}),
        (GAAL, {"max_iter": 3}),
        (GAAL, {"max_iter": 3, "measure": "entropy"}),
        (ADBA, {}),
        (ADBA, {"n_points": 2}),
    ],
)
def test_designs_keep_the_promises(cls, params, toys):
    check_query_strategy(cls(toys.Invertible(), **params))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"measure": "min_distance", "features": "critic"},
        {"features": make_pipeline(FunctionTransformer(flatten), PCA(2)), "index": "kd_tree"},
        {"features": "classifier"},
        {"oversampling": 3},
        {"n_neighbors": 3},
    ],
    ids=[
        "entropy",
        "min_distance, critic",
        "pipeline, kd_tree",
        "classifier",
        "oversampling",
        "n_neighbors",
    ],
)
def test_matches_keep_the_promises(params, toys):
    check_query_strategy(ASAL(toys.Generator(), max_iter=3, **params))


@pytest.mark.parametrize(
    "clf",
    [
        ACGAN(max_iter=1, random_state=0, **TINY),
        PolarityGAN(max_iter=1, autoencoder_max_iter=1, random_state=0, **TINY),
    ],
    ids=["ACGAN", "PolarityGAN"],
)
def test_classifiers_that_generate(clf):
    check_query_strategy(UncertaintySampling(), clf=clf)
    check_query_strategy(CoreSet(features="classifier"), clf=clf)
    generator = GAN(max_iter=1, **TINY)
    strategy = ASAL(generator, features="classifier", search="gradient", max_iter=2)
    check_query_strategy(strategy, clf=clf)
