"""Both libraries' checks of what a resampler is, none left out."""

import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from skgal.generators import CGAN, PolarityGAN
from skgal.nn import Dense
from skgal.resampling import (
    GANOverSampler,
    GatedSampler,
    PolarityGANSampler,
    SelectiveAugmentation,
)

SMALL = {
    "latent_dim": 2,
    "max_iter": 2,
    "batch_size": 8,
    "architecture": Dense(hidden=(4,)),
}
RESAMPLERS = [
    GANOverSampler(CGAN(**SMALL), random_state=0),
    PolarityGANSampler(PolarityGAN(**SMALL, autoencoder_max_iter=2, max_anchors=8), random_state=0),
    SelectiveAugmentation(
        CGAN(**SMALL), ratio=None, extractor_max_iter=2, n_passes=1, random_state=0
    ),
    GatedSampler(SMOTE(), LogisticRegression(), cv=3, random_state=0),
    GatedSampler(
        GANOverSampler(CGAN(**SMALL)), LogisticRegression(), cv=2, min_gain=-2, random_state=0
    ),
    GatedSampler(
        make_pipeline(SMOTE()),
        LogisticRegression(),
        cv=3,
        random_state=0,
    ),
]

# The checks draw their data from NumPy's global generator.
pytestmark = [
    pytest.mark.touches_global_rng,
    # Their tables are small.
    pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning"),
    pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning"),
]


@sklearn_checks(RESAMPLERS)
def test_scikit_learn(estimator, check):
    check(estimator)


@imblearn_checks(RESAMPLERS)
def test_imbalanced_learn(estimator, check):
    check(estimator)
