import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from skgal.utils import as_label_array, is_missing, observed_labels, spread_labels

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


BIG = 10**17 + 41  # float64 makes ...040 of it
CONTAINERS = {
    "list": lambda values: list(values),
    "list with NaN": lambda values: [NAN if v is None else v for v in values],
    "object array": lambda values: np.array([*values, None], dtype=object)[:-1],
    "array of NA": lambda values: np.array(
        [pd.NA if v is None else v for v in values] + [0], object
    )[:-1],
    "pandas object": lambda values: pd.Series(list(values), dtype=object),
    "pandas Int64": lambda values: pd.Series(list(values), dtype="Int64"),
    "pandas Arrow": lambda values: pd.Series(list(values), dtype="int64[pyarrow]"),
    "pandas categories": lambda values: pd.Series(list(values), dtype="Int64").astype("category"),
    "pandas array": lambda values: pd.array(list(values), dtype="Int64"),
    "pandas Arrow array": lambda values: pd.array(list(values), dtype="int64[pyarrow]"),
    "pandas index": lambda values: pd.Index(pd.array(list(values), dtype="Int64")),
    "pandas frame": lambda values: pd.DataFrame({"y": pd.array(list(values), dtype="Int64")}),
    "polars": lambda values: pl.Series(list(values), dtype=pl.Int64),
    "polars Int128": lambda values: pl.Series(list(values), dtype=pl.Int128),
    "polars frame": lambda values: pl.DataFrame({"y": pl.Series(list(values), dtype=pl.Int64)}),
    "arrow": lambda values: pa.chunked_array([pa.array(list(values), type=pa.int64())]),
    "arrow array": lambda values: pa.array(list(values), type=pa.int64()),
    "arrow dictionary": lambda values: pa.chunked_array(
        [pa.array(list(values), type=pa.int64())]
    ).dictionary_encode(),
    "arrow table": lambda values: pa.table({"y": pa.array(list(values), type=pa.int64())}),
}


@pytest.mark.parametrize("container", CONTAINERS)
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=8))
@example([BIG, None, BIG - 1, None])
@example([2**63 - 1, None, -(2**63)])
def test_integers_are_kept_to_the_last_digit_in_any_container(container, values):
    y = CONTAINERS[container](values)
    missing = is_missing(y)
    assert missing.tolist() == [value is None for value in values]
    known = observed_labels(as_label_array(y)[~missing])
    assert known.tolist() == [value for value in values if value is not None]
    assert known.dtype.kind in "iu" or not known.size
    positions = np.flatnonzero(~missing)
    spread = spread_labels(known, positions, len(values))
    assert is_missing(spread).tolist() == missing.tolist()
    assert observed_labels(spread[~missing]).tolist() == known.tolist()


@pytest.mark.parametrize("label", [NAN, None, pd.NA, float("nan"), np.float32("nan")])
def test_na_none_and_nan_stand_for_each_other(label):
    for y in ([0, None, 1], [0.0, NAN, 1.0], pd.Series([0, None, 1], dtype="Int64")):
        assert is_missing(y, missing_label=label).tolist() == [False, True, False]
    assert is_missing(["cat", pd.NA, "dog"], missing_label=label).tolist() == [False, True, False]
    assert is_missing([True, None, False], missing_label=label).tolist() == [False, True, False]


@pytest.mark.parametrize("frame_type", [pd.DataFrame, pl.DataFrame, pa.table])
def test_several_outputs_in_a_frame(frame_type):
    y = as_label_array(frame_type({"lift": [1.0, 2.0], "drag": [3.5, 4.5]}))
    np.testing.assert_array_equal(y, [[1.0, 3.5], [2.0, 4.5]])


@pytest.mark.parametrize("dtype", ["Float32", "float[pyarrow]"])
def test_numbers_keep_their_width_beside_missing_ones(dtype):
    y = as_label_array(pd.Series([0.5, None], dtype=dtype))
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, np.float32([0.5, NAN]))


def test_numbers_that_integers_cannot_hold_stay_numbers():
    assert observed_labels([1e300, 2.0]).tolist() == [1e300, 2.0]
    assert observed_labels(np.array([2**64, 3], dtype=object)).tolist() == [2**64, 3]
    assert observed_labels(np.array([BIG, 0.5], dtype=object)).tolist() == [BIG, 0.5]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, "U3"])
def test_masked_labels_are_missing(dtype):
    y = np.ma.array([1, 2, 3], mask=[False, True, False]).astype(dtype)
    assert is_missing(y).tolist() == [False, True, False]
    assert observed_labels(as_label_array(y)[[0, 2]]).tolist() == y.data[[0, 2]].tolist()
    whole = np.ma.array([1, 2]).astype(dtype)
    assert as_label_array(whole).dtype == whole.dtype


def test_labels_of_a_tensor_that_needs_gradients():
    y = torch.tensor([1.0, 2.0], requires_grad=True)
    assert as_label_array(y).tolist() == [1, 2]
