import numpy as np
import pandas as pd
import polars as pl
import pytest

from skgal.utils import is_missing, observed_labels

NAN = float("nan")


@pytest.mark.parametrize(
    "y",
    [
        [0, NAN, 1, None],
        ["cat", NAN, "dog", None],
        np.array([0, NAN, 1, NAN]),
        np.array([0, NAN, 1, NAN], dtype=np.float32),
        np.array(["cat", np.float32("nan"), "dog", None], dtype=object),
        np.array([True, NAN, False, pd.NA], dtype=object),
        pd.Series([0, None, 1, None]),
        pd.Series(["cat", None, "dog", None]),
        pd.Series(["cat", None, "dog", None], dtype="category"),
        pd.Series([0, None, 1, None], dtype="Int64"),
        pl.Series(["cat", None, "dog", None]),
        pl.Series([0, None, 1, None]),
    ],
    ids=lambda y: f"{type(y).__module__}-{getattr(y, 'dtype', 'any')}",
)
def test_nan_none_and_na_are_missing(y):
    missing = is_missing(y)
    assert missing.dtype == bool
    assert missing.tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("y", "missing_label", "expected"),
    [
        ([0, -1, 1], -1, [False, True, False]),
        (["cat", "?"], "?", [False, True]),
        (np.array(["cat", "?"], dtype=object), "?", [False, True]),
        (["cat", None], None, [False, True]),
        (["cat", NAN], np.nan, [False, True]),
        ([0.0, 1.0], None, [False, False]),
        ([0.0, 1.0], "?", [False, False]),
        (["cat", "nan"], np.nan, [False, False]),
        (np.array(["cat", pd.NA], dtype=object), "?", [False, False]),
        ([], np.nan, []),
    ],
)
def test_missing_label(y, missing_label, expected):
    assert is_missing(y, missing_label).tolist() == expected


def test_class_probabilities_are_missing_as_a_row():
    y = [[0.2, 0.8], [NAN, NAN], [0.0, 1.0], [NAN, 1.0]]
    assert is_missing(y).tolist() == [False, True, False, False]
    assert is_missing(np.array(y, dtype=object)).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([0.0, 2.0], np.array([0, 2])),
        ([0.5, 2.0], np.array([0.5, 2.0])),
        ([0.0, np.inf], np.array([0.0, np.inf])),
        (np.array([0, 2], dtype=object), np.array([0, 2])),
        (np.array([0.0, 2.0], dtype=object), np.array([0, 2])),
        (np.array([True, False], dtype=object), np.array([True, False])),
        (np.array(["cat", "dog"], dtype=object), np.array(["cat", "dog"])),
        ([[0.0, 1.0], [1.0, 0.0]], np.array([[0.0, 1.0], [1.0, 0.0]])),
    ],
)
def test_observed_labels_take_their_own_dtype(y, expected):
    observed = observed_labels(y)
    assert observed.dtype == expected.dtype
    np.testing.assert_array_equal(observed, expected)


def test_labels_of_mixed_types_are_not_turned_into_strings():
    assert observed_labels(np.array(["cat", 1], dtype=object)).tolist() == ["cat", 1]


def test_y_is_not_changed():
    y = np.array([0.0, 1.0])
    observed_labels(y)[:] = 7
    assert y.tolist() == [0, 1]
