"""A generator and a classifier so simple that every answer is known in closed form."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
from sklearn.base import BaseEstimator, ClassifierMixin

from skgal.base import BaseGenerator

DISTRIBUTIONS = {"uniform": scipy.stats.uniform(-1, 2), "normal": scipy.stats.norm()}


class PaddingGenerator(BaseGenerator):
    """A sample is its latent point, padded with zeros to the shape of the training data."""

    def __init__(self, latent_dim=2, distribution="uniform", random_state=None):
        self.latent_dim = latent_dim
        self.distribution = distribution
        self.random_state = random_state

    def fit(self, X, y=None):
        self.like_ = X[:1]
        self.latent_dim_ = self.latent_dim
        self.latent_distribution_ = DISTRIBUTIONS[self.distribution]
        return self

    def generate(self, Z, y=None):
        shape = np.shape(self.like_)[1:]
        flat = np.zeros((len(Z), np.prod(shape, dtype=int)), dtype=np.float32)
        flat[:, : self.latent_dim_] = Z
        if hasattr(self.like_, "columns"):
            return type(self.like_)(dict(zip(self.like_.columns, flat.T, strict=True)))
        return flat.reshape(-1, *shape)

    def transform(self, X):
        return np.asarray(X, dtype=np.float32).reshape(len(X), -1)[:, : self.latent_dim_]

    def score_samples(self, X):
        return np.zeros(len(X))

    def sample_latent(self, n_samples=1, *, random_state=None):
        size = (n_samples, self.latent_dim_)
        return self.latent_distribution_.rvs(size, random_state=random_state).astype(np.float32)


class PaddingInvertible(PaddingGenerator):
    def inverse_transform(self, Z):
        return self.generate(Z)


class FormulaClassifier(ClassifierMixin, BaseEstimator):
    """The probability of class 1 is a given function of the first pixel or feature."""

    def __init__(self, formula):
        self.formula = formula

    def fit(self, X=None, y=None):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        first = np.asarray(X, dtype=float).reshape(len(X), -1)[:, 0]
        proba = np.broadcast_to(self.formula(first), len(X))
        return np.column_stack([1 - proba, proba])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def toys():
    return SimpleNamespace(
        Generator=PaddingGenerator,
        Invertible=PaddingInvertible,
        classifier=lambda formula: FormulaClassifier(formula).fit(),
    )
