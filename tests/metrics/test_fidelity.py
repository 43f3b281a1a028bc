"""Distances between generated and real samples, against closed forms and brute force."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from skgal.metrics import coverage, frechet_distance, inception_score, recall


def samples(n, d, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def test_frechet_distance_is_that_of_the_formula():
    real, generated = samples(50, 4, 0) @ np.diag([1, 2, 3, 0.1]), samples(40, 4, 1, shift=0.5)
    s, t = np.cov(real.T), np.cov(generated.T)
    expected = np.sum((real.mean(0) - generated.mean(0)) ** 2)
    expected += np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_shift_is_its_square():
    real = samples(30, 3, 0)
    assert frechet_distance(real, real + np.array([1.0, 2.0, 0.0])) == pytest.approx(5.0)


def test_frechet_distance_of_a_dilation():
    real = samples(100, 3, 0)
    real -= real.mean(0)
    expected = np.trace(np.cov(real.T))  # tr(S + 4 S - 2 * 2 S)
    assert frechet_distance(real, 2 * real) == pytest.approx(expected)


def test_frechet_distance_of_fewer_samples_than_features():
    real = samples(5, 20, 0)
    assert frechet_distance(real, real[::-1]) == pytest.approx(0.0, abs=1e-9)


def test_recall_and_coverage_by_brute_force():
    real, generated = samples(60, 2, 0), samples(50, 2, 1, shift=0.8)
    between = cdist(real, generated)
    radii = np.sort(cdist(generated, generated), axis=1)[:, 3]
    assert recall(real, generated) == np.mean((between <= radii).any(axis=1))
    radii = np.sort(cdist(real, real), axis=1)[:, 5]
    assert coverage(real, generated) == np.mean((radii >= between.T).any(axis=0))


def test_a_lost_mode_shows_in_recall_and_coverage():
    real = np.concatenate([samples(100, 2, 0), samples(100, 2, 1, shift=20.0)])
    whole = np.concatenate([samples(100, 2, 2), samples(100, 2, 3, shift=20.0)])
    half = samples(200, 2, 4)
    for measure in (recall, coverage):
        assert measure(real, whole) > 0.8
        assert measure(real, half) <= 0.5


def test_inception_score_spans_one_to_the_number_of_classes():
    assert inception_score(np.eye(4)) == pytest.approx(4.0)
    assert inception_score(np.full((5, 4), 0.25)) == pytest.approx(1.0)
    assert inception_score(np.eye(4)[[1, 1, 1]]) == pytest.approx(1.0)


def test_features_that_don_t_match():
    with pytest.raises(ValueError, match="got 3 and 2"):
        frechet_distance(np.ones((4, 3)), np.ones((4, 2)))
