"""The report's distances, measured in another way."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import minmax_scale

from skgal.exceptions import PoorSamplesWarning
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


def test_places_between_classes():
    # Eighty of 3 classes, of which all dimensions are kept, compared one by one.
    rng = np.random.RandomState(1)
    samples = rng.normal(size=(80, 3)) + 1.5 * np.repeat([[0], [1], [2]], [40, 25, 15], axis=0)
    y = np.repeat(["a", "b", "c"], [40, 25, 15])
    sampler = GANOverSampler(Noisy(0.8), random_state=0)
    X_new, y_new = sampler.fit_resample(samples, y)
    low, high = samples.min(axis=0), samples.max(axis=0)
    scaled = 2 * (X_new - low) / (high - low) - 1
    real = scaled[:80]
    for label in ("b", "c"):
        own, others = real[y == label], real[y != label]
        new = scaled[80:][y_new[80:] == label]
        among_others = cdist(others, others) + np.diag(np.full(len(others), np.inf))
        overlap = np.mean(cdist(others, new).min(axis=1) < among_others.min(axis=1))
        among_own = cdist(own, own) + np.diag(np.full(len(own), np.inf))
        of_new = cdist(new, own).min(axis=1) / cdist(new, others).min(axis=1)
        of_real = among_own.min(axis=1) / cdist(own, others).min(axis=1)
        nearer = np.mean(of_new[:, np.newaxis] > of_real)
        row = sampler.report_.loc[label]
        assert_allclose(row[["overlap", "nearer_to_others"]].astype(float), [overlap, nearer])
    assert sampler.report_.loc["a", ["overlap", "nearer_to_others"]].isna().all()


class Drawing(Noisy):
    """Draws from normal distributions, of the classes that it says."""

    def __init__(self, centres, shift=0.0):
        self.centres, self.shift = centres, shift

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rng = as_random_state(random_state)
        centres = np.array([self.centres[label] for label in y])[:, np.newaxis]
        return rng.normal(size=(len(y), self.X_.shape[1])) + centres + self.shift, y


@pytest.mark.parametrize("distance", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("n_rare", [40, 300])
def test_samples_as_good_as_real_ones_are_not_warned_of(distance, n_rare):
    # However much the classes overlap: what is warned of is that the new samples do so more.
    rng = np.random.RandomState(0)
    y = np.repeat([0, 1], [1000, n_rare])
    samples = rng.normal(size=(len(y), 5)) + distance * y[:, np.newaxis]
    with warnings.catch_warnings():
        warnings.simplefilter("error", PoorSamplesWarning)
        sampler = GANOverSampler(Drawing({1: distance}), random_state=0)
        sampler.fit_resample(samples, y)
    assert 0.35 < sampler.report_.loc[1, "nearer_to_others"] < 0.65


def test_samples_among_other_classes_are_warned_of():
    rng = np.random.RandomState(0)
    y = np.repeat(["common", "rare"], [500, 50])
    samples = rng.normal(size=(550, 5)) + 3.0 * (y == "rare")[:, np.newaxis]
    sampler = GANOverSampler(Drawing({"rare": 3.0}, shift=-2.0), random_state=0)
    with pytest.warns(
        PoorSamplesWarning, match=r"neighbours to \{'rare': '\d\d%'\}.*ask for fewer"
    ):
        sampler.fit_resample(samples, y)


@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")
def test_places_of_classes_of_one_sample_and_of_copies():
    for samples, y in (
        (X[:21], np.repeat([0, 1], [20, 1])),  # one of the rare class
        (X[:3], np.array([0, 0, 1])),
        (np.zeros((30, 3)), np.repeat([0, 1], [20, 10])),
        (np.repeat(X[:2], [20, 10], axis=0), np.repeat([0, 1], [20, 10])),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error", PoorSamplesWarning)
            GANOverSampler(Noisy(), random_state=0).fit_resample(samples, y)


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
