import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.generators import ACGAN, BAGAN, CGAN, GAN, GIN, BiGAN, PolarityGAN
from skgal.nn import Dense

# Of a layer of 8 units, fewer than a vector register holds, the last bit of what comes out depends
# on the place of a row in its batch.
SMALL = {"max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(16,)), "random_state": 0}
# scikit-learn expects of a classifier that it has learnt something.
CLASSIFIER = SMALL | {
    "max_iter": 20,
    "batch_size": 32,
    "learning_rate": 0.02,
    "architecture": Dense(hidden=(32,)),
}


# One of scikit-learn's checks permutes rows with NumPy's global generator.
@pytest.mark.touches_global_rng
@parametrize_with_checks(
    [
        GAN(latent_dim=2, **SMALL),
        GIN(latent_dim=2, **SMALL),
        BiGAN(latent_dim=2, **SMALL),
        CGAN(latent_dim=2, conditioning="projection", **SMALL),
        CGAN(latent_dim=2, conditioning="concatenation", **SMALL),
        ACGAN(latent_dim=2, **CLASSIFIER),
        BAGAN(latent_dim=2, autoencoder_max_iter=5, **CLASSIFIER),
        PolarityGAN(
            latent_dim=2, autoencoder_max_iter=5, classifier_learning_rate=0.02, **CLASSIFIER
        ),
    ]
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)
