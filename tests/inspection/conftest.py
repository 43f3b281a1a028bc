import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats

from skgal.base import BaseGenerator

plt.switch_backend("agg")


class LinearGenerator(BaseGenerator):
    """Images that are a linear map of the latent point, so that its encoder is exact."""

    def __init__(self, latent_dim=2, image_shape=(1, 4, 4), distribution=None):
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.distribution = distribution

    def fit(self, X=None, y=None):
        self.latent_dim_ = self.latent_dim
        self.latent_distribution_ = self.distribution or stats.uniform(-1, 2)
        size = (self.latent_dim, int(np.prod(self.image_shape)))
        self.weights_ = np.random.default_rng(0).normal(size=size)
        self.history_ = [
            {"updates": 50 * i, "critic_loss": 1 / i, "generator_loss": float(i), "dur": 0.1}
            for i in range(1, 21)
        ]
        return self

    def generate(self, Z, y=None):
        return (Z @ self.weights_).reshape(-1, *self.image_shape)

    def transform(self, X):
        return X.reshape(len(X), -1) @ np.linalg.pinv(self.weights_)

    inverse_transform = generate

    def score_samples(self, X):
        raise NotImplementedError

    def sample_latent(self, n_samples=1, *, random_state=None):
        return self.latent_distribution_.rvs(
            size=(n_samples, self.latent_dim_), random_state=random_state
        )


@pytest.fixture
def generator():
    return LinearGenerator().fit()


@pytest.fixture
def make_generator():
    return LinearGenerator


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")
