"""Polarity-GAN's sampler: its samples stay in the convex hull of their class."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_array_equal
from scipy.optimize import linprog
from sklearn.base import clone
from sklearn.datasets import load_digits, make_moons
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skgal.exceptions import FewSamplesWarning, SingleSampleClassWarning
from skgal.generators import CGAN, Autoencoder, PolarityGAN
from skgal.nn import Dense
from skgal.resampling import PolarityGANSampler
from skgal.resampling._polarity import LabelTrust

TINY = PolarityGAN(
    latent_dim=2,
    max_iter=2,
    batch_size=8,
    autoencoder_max_iter=2,
    max_anchors=6,
    architecture=Dense(hidden=(4,)),
)


def distance_from_hull(point, vertices):
    """The least largest deviation of a weighted mean of the vertices, by linear programming."""
    n, width = vertices.shape
    tolerance = -np.ones((width, 1))
    result = linprog(
        np.r_[np.zeros(n), 1.0],
        A_ub=np.block([[vertices.T, tolerance], [-vertices.T, tolerance]]),
        b_ub=np.r_[point, -point],
        A_eq=[[1.0] * n + [0.0]],
        b_eq=[1.0],
    )
    return result.x[-1]


@settings(max_examples=8)
@given(
    st.lists(st.integers(1, 9), min_size=2, max_size=3),
    st.integers(1, 3),
    st.integers(0, 99),
    st.data(),
)
@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")  # that is the case
@pytest.mark.filterwarnings("ignore::skgal.exceptions.SingleSampleClassWarning")  # that is the case
def test_samples_lie_in_the_hull_of_their_class(counts, width, seed, data):
    y = np.repeat(np.arange(len(counts)), counts)
    X = data.draw(arrays(float, (len(y), width), elements=st.floats(-5, 5, width=32)))
    strategy = {label: count + 2 for label, count in enumerate(counts)}
    sampler = PolarityGANSampler(TINY, sampling_strategy=strategy, random_state=seed)
    X_new, y_new = sampler.fit_resample(X, y)
    assert len(X_new) == len(X) + 2 * len(counts)
    for point, label in zip(X_new[len(X) :], y_new[len(X) :], strict=True):
        assert distance_from_hull(point, X[y == label]) < 1e-5


def test_the_hull_of_one_sample_is_that_sample():
    X = np.random.RandomState(0).normal(size=(12, 3))
    y = np.repeat([0, 1], [11, 1])
    with pytest.warns(SingleSampleClassWarning), pytest.warns(FewSamplesWarning):
        X_new, _ = PolarityGANSampler(TINY, random_state=0).fit_resample(X, y)
    np.testing.assert_allclose(X_new[12:], np.repeat(X[11:], 10, axis=0), atol=1e-5)


def test_after_a_feature_extractor():
    digits = load_digits()
    X, y = digits.images[:200, None].astype(np.uint8), digits.target[:200] == 3
    extractor = Autoencoder(latent_dim=4, max_iter=2, architecture="dense", random_state=0)
    pipe = make_pipeline(extractor, PolarityGANSampler(TINY, random_state=0), LogisticRegression())
    pipe.fit(X, y)
    assert pipe.predict(X).shape == (200,)
    assert pipe[1].n_features_in_ == 4
    assert pipe[1].sampling_strategy_ == {True: (~y).sum() - y.sum()}


@pytest.mark.parametrize("width", [2, 40])
def test_trust_is_the_weighted_share_of_the_own_class(width):
    rng = np.random.RandomState(0)
    X, y = rng.uniform(-1, 1, size=(60, width)), np.repeat(["a", "b", "c"], [40, 15, 5])
    X[0], X[1] = -1, 1  # so that networks see them as they are
    new, labels = rng.uniform(-1, 1, size=(9, width)), np.tile(["a", "b", "c"], 3)
    real, seen = X, new
    if width > 32:
        components = PCA(32, svd_solver="randomized", random_state=0).fit(X.astype(np.float32))
        real, seen = components.transform(X), components.transform(new)
    found = LabelTrust(X, y).score(new, labels)
    for trust, point, label in zip(found, seen, labels, strict=True):
        distance = np.linalg.norm(real - point, axis=1)
        nearest = np.argsort(distance)[:5]
        votes = [1 / (distance[row] * np.sum(y == y[row])) for row in nearest]
        own = sum(vote for vote, row in zip(votes, nearest, strict=True) if y[row] == label)
        assert trust == pytest.approx(own / sum(votes), abs=1e-3)


def test_where_real_samples_coincide_with_a_point_they_decide():
    X = np.array([[0.0], [0.0], [1.0], [1.0], [1.0], [1.0]])
    judge = LabelTrust(X, np.array([0, 0, 1, 1, 1, 0]))
    np.testing.assert_allclose(judge.score([[0.0], [1.0]], np.array([0, 1])), [1, 0.75])


def overlapping():
    return np.random.RandomState(0).normal(size=(70, 2)), np.repeat([0, 1], [60, 10])


def test_samples_among_other_classes_are_left_out():
    X, y = overlapping()
    trust = {}
    for min_trust in (0, 0.5):
        sampler = PolarityGANSampler(TINY, min_trust=min_trust, random_state=0)
        X_new, y_new = sampler.fit_resample(X, y)
        assert np.bincount(y_new).tolist() == [60, 60]
        trust[min_trust] = LabelTrust(X, y).score(X_new[70:], y_new[70:])
    assert trust[0].min() < 0.5
    report = sampler.report_.loc[1]
    assert report["generated"] == 100
    assert report["rejected_by_trust"] > 0
    assert report["accepted"] + report["topped_up"] == 50
    assert np.sum(trust[0.5] >= 0.5) == report["accepted"]
    assert report["topped_up"] == 0 or report["surplus"] == 0


def test_a_quota_that_trust_does_not_fill_takes_the_most_trusted():
    X, y = overlapping()
    sampler = PolarityGANSampler(TINY, min_trust=1.0, random_state=0)
    X_new, y_new = sampler.fit_resample(X[:, :1], y)
    report = sampler.report_.loc[1]
    assert report["topped_up"] == 50 - report["accepted"]
    assert report["surplus"] + report["accepted"] + report["rejected_by_trust"] == 100
    assert len(X_new) == len(y_new) == 120


def test_wide_samples_that_are_all_the_same():
    X, y = np.ones((40, 64)), np.repeat([0, 1], [30, 10])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert_array_equal(PolarityGANSampler(TINY).fit_resample(X, y)[0], np.ones((60, 64)))


def test_a_frozen_generator_is_used_as_it_is():
    X, y = overlapping()
    generator = clone(TINY).fit(X, y)
    sampler = PolarityGANSampler(FrozenEstimator(generator), random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    assert sampler.generator_.estimator is generator
    few = X[y == 1]
    assert np.all(X_new[70:] >= few.min(axis=0) - 1e-6)
    assert np.all(X_new[70:] <= few.max(axis=0) + 1e-6)
    with pytest.raises(TypeError, match=r"needs a PolarityGAN.*got a CGAN in a FrozenEstimator"):
        PolarityGANSampler(FrozenEstimator(CGAN())).fit_resample(X, y)


@pytest.mark.parametrize("min_trust", [-0.1, 1.1, "high"])
def test_trust_is_a_share(min_trust):
    with pytest.raises(ValueError, match="min_trust"):
        PolarityGANSampler(min_trust=min_trust).fit_resample(*overlapping())


@pytest.mark.parametrize(
    "params",
    [{}, {"n_neighbors": None}, {"feature_extractor": "encoder"}],
    ids=["neighbours", "all anchors", "in features"],
)
def test_samples_stay_within_their_class_however_long_the_classifier_pulls(params):
    # Judged by many fresh samples of both classes. Large steps stand for a long training, which
    # put 27 % (in features) to 77 % of the samples among those of the other class.
    judge = KNeighborsClassifier(25).fit(*make_moons(10_000, noise=0.25, random_state=1))
    X, y = make_moons((500, 60), noise=0.25, random_state=0)
    gan = PolarityGAN(
        classifier_weight=1,
        max_iter=150,
        learning_rate=5e-3,
        autoencoder_max_iter=50,
        random_state=0,
        **params,
    )
    new, _ = gan.fit(X, y).sample(y=np.ones(1000, dtype=int), random_state=0)
    assert np.mean(judge.predict(X[y == 1]) == 0) < 0.04
    assert np.mean(judge.predict(new) == 0) < 0.12
