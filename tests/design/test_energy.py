import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from skgal.design import energy_distance


def brute_force(X, Y, x_weights, y_weights):
    a, b = x_weights / x_weights.sum(), y_weights / y_weights.sum()
    return 2 * a @ cdist(X, Y) @ b - a @ cdist(X, X) @ a - b @ cdist(Y, Y) @ b


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(1, 30), st.integers(1, 5))
def test_agrees_with_all_pairs(seed, n_x, n_y, n_features):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(n_x, n_features)), rng.normal(1, 2, size=(n_y, n_features))
    a, b = rng.uniform(0.1, 1, n_x), rng.exponential(size=n_y)
    expected = brute_force(X, Y, a, b)
    np.testing.assert_allclose(
        energy_distance(X, Y, x_weights=a, y_weights=b), expected, rtol=1e-12, atol=1e-13
    )


def test_agrees_with_scipy_in_one_dimension():
    # SciPy returns the square root.
    rng = np.random.default_rng(0)
    x, y, a, b = rng.normal(size=70), rng.uniform(size=90), rng.uniform(size=70), np.arange(90)
    expected = scipy.stats.energy_distance(x, y, a, b) ** 2
    ours = energy_distance(x[:, None], y[:, None], x_weights=a, y_weights=b)
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_two_point_masses():
    assert energy_distance([[0, 0]], [[3, 4]]) == 10


def test_midpoint_against_the_uniform_distribution():
    # For one point at 0 and U(-1, 1): 2 E|U| - E|U - U'| = 1 - 2/3.
    grid = (np.arange(2000)[:, None] + 0.5) / 1000 - 1
    np.testing.assert_allclose(energy_distance([[0]], grid), 1 / 3, atol=1e-6)


def test_samples_larger_than_a_block():
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(1100, 3)), rng.normal(0.1, size=(600, 3))
    expected = brute_force(X, Y, np.ones(1100), np.ones(600))
    np.testing.assert_allclose(energy_distance(X, Y), expected, rtol=1e-10)


@pytest.mark.parametrize("n_samples", [1, 40, 700])
def test_zero_between_a_sample_and_itself(n_samples):
    X = np.random.default_rng(2).normal(1e6, 1, size=(n_samples, 3))
    w = np.arange(1.0, n_samples + 1)
    assert energy_distance(X, X.copy(), x_weights=w, y_weights=2 * w) == 0


def test_rounding_does_not_make_it_negative():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 3))
    distances = [energy_distance(X, rng.permutation(X)) for _ in range(20)]
    assert 0 <= min(distances) <= max(distances) < 1e-14


def test_a_repeated_row_is_a_weight():
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(5, 2)), rng.normal(size=(6, 2))
    repeats = np.array([1, 3, 0, 2, 1])
    np.testing.assert_allclose(
        energy_distance(X, Y, x_weights=repeats), energy_distance(X.repeat(repeats, axis=0), Y)
    )


def test_huge_weights_dont_overflow():
    assert energy_distance([[0], [1]], [[0], [1]], x_weights=[1e308, 1e308]) == 0


def test_takes_data_frames_and_integers():
    frame = pd.DataFrame({"a": [0, 1], "b": [2, 3]})
    assert energy_distance(frame, frame.to_numpy()) == 0


def test_memory_does_not_grow_with_the_samples():
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(3000, 2)), rng.normal(size=(3000, 2))
    tracemalloc.start()
    energy_distance(X, Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 2**20  # all pairs at once are 69 MiB


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.empty((0, 2))}, r"X must have at least one row; it has none, shape \(0, 2\)"),
        ({"Y": [[np.nan, 0]]}, "Input Y contains NaN"),
        ({"X": [[np.inf, 0]]}, "Input X contains infinity"),
        ({"X": [0.0, 1.0]}, "Expected 2D array, got 1D array"),
        ({"Y": [[0.0]]}, "Y must have as many features as X, 2; it has 1"),
        ({"x_weights": [1]}, r"one weight for each of the 2 rows of X, shape \(2,\); got .*\(1,\)"),
        ({"y_weights": [[1], [1]]}, r"y_weights must hold one weight .* got shape \(2, 1\)"),
        ({"x_weights": [2, -1]}, "x_weights must not be negative; 1 of 2 are, the smallest is -1"),
        ({"y_weights": [0, 0]}, "y_weights are all zero; at least one must be positive"),
        ({"y_weights": [1, np.nan]}, "Input y_weights contains NaN"),
        ({"y_weights": [1, np.inf]}, "Input y_weights contains infinity"),
    ],
)
def test_bad_input(arguments, message):
    sample = [[0.0, 0.0], [1.0, 1.0]]
    with pytest.raises(ValueError, match=message):
        energy_distance(**{"X": sample, "Y": sample, **arguments})
