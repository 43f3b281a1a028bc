import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.generators import GAN, GIN
from skgal.nn import Dense

SMALL = {"max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(8,)), "random_state": 0}


# One of scikit-learn's checks permutes rows with NumPy's global generator.
@pytest.mark.touches_global_rng
@parametrize_with_checks([GAN(latent_dim=2, **SMALL), GIN(latent_dim=2, **SMALL)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)
