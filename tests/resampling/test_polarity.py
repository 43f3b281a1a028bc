"""Polarity-GAN's sampler: its samples stay in the convex hull of their class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from imblearn.pipeline import make_pipeline
from scipy.optimize import linprog
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skgal.exceptions import FewSamplesWarning, SingleSampleClassWarning
from skgal.generators import Autoencoder, PolarityGAN
from skgal.nn import Dense
from skgal.resampling import PolarityGANSampler

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
@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")
@pytest.mark.filterwarnings("ignore::skgal.exceptions.SingleSampleClassWarning")
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
