import pytest
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.generators import GIN
from skgal.nn import Dense
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    CertaintySampling,
    CoreSet,
    FromSkactiveml,
    LatentRandom,
    LatentUncertainty,
    LearningLoss,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)

TINY_GIN = GIN(
    latent_dim=2,
    architecture=Dense(hidden=(8,)),
    max_iter=2,
    encoder_max_iter=2,
    batch_size=8,
)


# One of scikit-learn's checks permutes rows with NumPy's global generator.
@pytest.mark.touches_global_rng
@parametrize_with_checks(
    [
        RandomSampling(random_state=0),
        UncertaintySampling(random_state=0),
        CertaintySampling(random_state=0),
        CoreSet(features=PCA(1), random_state=0),
        BADGE(random_state=0),
        LearningLoss(random_state=0),
        TypiClust(random_state=0),
        ProbCover(random_state=0),
        FromSkactiveml(RandomSampling(), random_state=0),
        LatentRandom(TINY_GIN, random_state=0),
        LatentUncertainty(TINY_GIN, random_state=0),
        AISEL(TINY_GIN, random_state=0),
        ASAL(TINY_GIN, max_iter=2, random_state=0),
        GAAL(TINY_GIN, max_iter=2, random_state=0),
        ADBA(TINY_GIN, random_state=0),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
