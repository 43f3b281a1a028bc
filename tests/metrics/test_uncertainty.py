"""Measures of uncertainty, against hand values, scipy and each other."""

import warnings

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skgal.metrics import (
    distance_uncertainty,
    entropy,
    inception_score,
    least_confidence,
    margin_of_confidence,
    mean_uncertainty,
    normalized_entropy,
    ratio_of_confidence,
)

NORMALIZED = [least_confidence, margin_of_confidence, ratio_of_confidence, normalized_entropy]
OF_PROBABILITIES = [entropy, *NORMALIZED]


@st.composite
def probabilities(draw):
    shape = (draw(st.integers(1, 6)), draw(st.integers(2, 5)))
    scores = draw(arrays(float, shape, elements=st.floats(0, 1)))
    scores[scores.sum(axis=1) == 0] = 1
    return scores / scores.sum(axis=1, keepdims=True)


@given(probabilities())
def test_measures_are_those_of_equations_7_to_10(proba):
    m = proba.shape[1]
    ranked = [sorted(row, reverse=True) for row in proba.tolist()]
    np.testing.assert_allclose(
        least_confidence(proba), [m * (1 - p[0]) / (m - 1) for p in ranked], atol=1e-12
    )
    np.testing.assert_allclose(
        margin_of_confidence(proba), [1 - (p[0] - p[1]) for p in ranked], atol=1e-15
    )
    np.testing.assert_allclose(ratio_of_confidence(proba), [p[1] / p[0] for p in ranked])
    np.testing.assert_allclose(
        normalized_entropy(proba), scipy.stats.entropy(proba, base=m, axis=1), atol=1e-12
    )
    np.testing.assert_allclose(entropy(proba), scipy.stats.entropy(proba, axis=1), atol=1e-12)


def test_hand_values():
    proba = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_allclose(least_confidence(proba), [0, 0.75, 1], atol=1e-15)
    np.testing.assert_allclose(margin_of_confidence(proba), [0, 1, 1], atol=1e-15)
    np.testing.assert_allclose(ratio_of_confidence(proba), [0, 1, 1], atol=1e-15)
    np.testing.assert_allclose(entropy(proba), [0, np.log(2), np.log(3)], atol=1e-15)
    np.testing.assert_allclose(normalized_entropy(proba), [0, np.log(2) / np.log(3), 1])


def test_report_of_a_classifier_is_the_mean_of_each_measure():
    proba = np.random.default_rng(0).dirichlet(np.ones(4), size=30)
    report = mean_uncertainty(proba)
    assert list(report) == [measure.__name__ for measure in NORMALIZED]
    for measure in NORMALIZED:
        assert report[measure.__name__] == pytest.approx(measure(proba).mean())


@pytest.mark.parametrize("measure", OF_PROBABILITIES)
def test_softmax_beyond_one_by_rounding_is_not_negative_uncertainty(measure):
    above_one = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0]], dtype=np.float32)
    assert measure(above_one) == 0


@pytest.mark.parametrize("measure", OF_PROBABILITIES)
def test_single_class_is_certain(measure):
    np.testing.assert_array_equal(measure([[1.0], [1.0]]), [0, 0])


@pytest.mark.parametrize("measure", OF_PROBABILITIES)
def test_a_row_of_zeros_is_a_tie(measure):
    # A one-vs-rest classifier returns it where it finds none of the classes.
    tie, sure = measure([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert tie == pytest.approx(np.log(3) if measure is entropy else 1)
    assert sure == 0


@pytest.mark.parametrize("measure", [*OF_PROBABILITIES, inception_score, mean_uncertainty])
def test_rows_that_do_not_sum_to_one(measure):
    with pytest.warns(UserWarning, match="sum to one"):
        measure([[0.9, 0.9], [0.5, 0.5]])  # logistic outputs, for example
    rounded = np.random.default_rng(0).dirichlet(np.ones(1000), size=20).astype(np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(rounded)


@pytest.mark.parametrize("measure", OF_PROBABILITIES)
@pytest.mark.parametrize(
    ("proba", "message"),
    [
        ([[2.0, -1.0]], "softmax"),
        ([[1.0, np.nan]], "NaN"),
        ([0.2, 0.8], "2D"),
        (np.empty((0, 2)), "0 sample"),
    ],
)
def test_values_that_are_no_probabilities_are_refused(measure, proba, message):
    with pytest.raises(ValueError, match=message):
        measure(proba)


def test_distance_of_binary_classifier():
    np.testing.assert_array_equal(distance_uncertainty([-2.0, 0.0, 0.5]), [-2, 0, -0.5])
    np.testing.assert_array_equal(distance_uncertainty([[-2.0], [0.5]]), [-2, -0.5])


def test_distance_of_multiclass_classifier():
    decision = [[3.0, 1.0, -1.0], [-1.0, -1.0, -5.0], [0.0, 2.0, 4.5]]
    np.testing.assert_array_equal(distance_uncertainty(decision), [-2, 0, -2.5])


def test_distance_rejects_nan():
    with pytest.raises(ValueError, match="decision contains NaN"):
        distance_uncertainty([0.1, np.nan])
