"""The report's distances, measured in another way."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import minmax_scale

from skgal.resampling import GANOverSampler
from skgal.utils import as_random_state, take_rows

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3)) * [1, 10, 100]
Y = np.repeat(["common", "rare"], [40, 20])


class Noisy(BaseEstimator):
    """Repeats training samples, with some noise."""

    def __init__(self, noise=0.0):
        self.noise = noise

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rng = as_random_state(random_state)
        rows = [rng.choice(np.flatnonzero(self.y_ == label)) for label in y]
        samples = take_rows(self.X_, rows)
        return samples + self.noise * rng.normal(size=samples.shape) if self.noise else samples, y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def test_distances():
    sampler = GANOverSampler(Noisy(0.5), sampling_strategy={"rare": 50, "common": 40})
    X_new, _ = sampler.set_params(random_state=0).fit_resample(X, Y)
    low, high = X.min(axis=0), X.max(axis=0)
    scaled = 2 * (X_new - low) / (high - low) - 1
    real, new = scaled[40:60], scaled[60:]
    row = sampler.report_.loc["rare"]
    nearest = cdist(new, real).min(axis=1)
    assert_allclose(row["nearest_real"], np.median(nearest), rtol=1e-4)
    assert_allclose(row["nearest_real_min"], nearest.min(), rtol=1e-4)
    among_real = cdist(real, real) + np.diag(np.full(20, np.inf))
    assert_allclose(row["nearest_real_of_real"], np.median(among_real.min(axis=1)), rtol=1e-4)
    a, b = np.cov(real.T), np.cov(new.T)
    squared = np.sum((real.mean(axis=0) - new.mean(axis=0)) ** 2)
    frechet = squared + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert_allclose(row["frechet_distance"], frechet, rtol=1e-3)
    nothing_new = sampler.report_.loc["common"]
    assert nothing_new[["frechet_distance", "nearest_real"]].isna().all()
    assert nothing_new["nearest_real_of_real"] > 0


def test_memorisation_shows():
    sampler = GANOverSampler(Noisy(), random_state=0)
    sampler.fit_resample(X, Y)
    row = sampler.report_.loc["rare"]
    assert row["nearest_real"] == row["nearest_real_min"] == 0
    assert row["nearest_real_of_real"] > 0.1


def test_mixed_tables_and_images():
    frame = pd.DataFrame({"a": X[:, 0], "city": np.where(RNG.rand(60) > 0.5, "Rome", "Oslo")})
    images = minmax_scale(RNG.normal(size=(60, 64))).reshape(60, 1, 8, 8)
    for samples in (frame, images):
        sampler = GANOverSampler(Noisy(), random_state=0)
        sampler.fit_resample(samples, Y)
        assert sampler.report_.loc["rare", "nearest_real"] == pytest.approx(0, abs=1e-3)
        assert sampler.report_["frechet_distance"].notna().tolist() == [False, True]


def test_there_is_none_before():
    with pytest.raises(NotFittedError):
        GANOverSampler(Noisy()).report_  # noqa: B018 - reading it raises
    assert not hasattr(GANOverSampler(Noisy()).fit(X, Y), "report_")
