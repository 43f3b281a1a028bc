"""A table of mixed columns goes to the networks and comes back."""

import numpy as np
import pandas as pd
import polars as pl
import polars.testing
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from skgal.utils import MixedLayout

PANDAS = pd.DataFrame(
    {
        "age": np.array([20, 35, 61, 44], dtype=np.int16),
        "dose": [0.5, np.nan, 2.0, 1e-9],
        "visits": pd.array([1, None, 3, 1], dtype="Int64"),
        "smoker": [True, False, False, True],
        "consent": pd.array([True, None, True, False], dtype="boolean"),
        "stage": pd.Categorical(
            ["II", "I", None, "II"], categories=["I", "II", "III"], ordered=True
        ),
        "city": ["Ulm", "Bonn", "Ulm", None],
        "lab": "north",
        "empty": pd.Series([None] * 4, dtype="float64"),
    },
    index=[3, 1, 4, 1],
)
POLARS = pl.DataFrame(
    {
        "age": pl.Series([20, 35, 61, 44], dtype=pl.UInt8),
        "dose": [0.5, None, 2.0, 1e-9],
        "smoker": [True, None, False, True],
        "stage": pl.Series(["II", "I", None, "II"], dtype=pl.Enum(["I", "II", "III"])),
        "kind": pl.Series(["a", "b", "b", "a"], dtype=pl.Categorical),
        "lab": ["north"] * 4,
    }
)


def test_pandas_columns_come_back_as_they_were():
    layout = MixedLayout(PANDAS)
    there = layout.to_network(PANDAS)
    assert there.dtype == np.float32
    assert there.shape == (4, *layout.shape)
    back = layout.from_network(there)
    pd.testing.assert_frame_equal(back, PANDAS.reset_index(drop=True), rtol=1e-4)


def test_polars_columns_come_back_as_they_were():
    layout = MixedLayout(POLARS)
    back = layout.from_network(layout.to_network(POLARS))
    assert back.schema == POLARS.schema
    polars.testing.assert_frame_equal(back, POLARS, rel_tol=1e-4)


def test_groups_are_numbers_flags_and_categories():
    # age, dose + flag, visits + flag, smoker, consent + gap, two stages + gap, two cities + gap
    layout = MixedLayout(PANDAS)
    assert layout.groups == (1, 1, 2, 1, 2, 2, 3, 3, 3)
    assert layout.flags == (2, 4)


def test_numbers_are_spread_by_rank():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"skewed": np.exp(3 * rng.normal(size=3000)), "kind": ["a", "b"] * 1500})
    layout = MixedLayout(frame)
    encoded = layout.to_network(frame)[:, 0]
    assert kstest(encoded, "uniform", args=(-1, 2)).statistic < 0.01
    assert_array_equal(encoded.argsort(), frame["skewed"].to_numpy().argsort())


def test_a_spike_comes_back_from_all_of_its_interval():
    frame = pd.DataFrame({"gain": [0] * 90 + list(range(1, 11)), "kind": ["a", "b"] * 50})
    layout = MixedLayout(frame)
    tensor = np.zeros((1000, 3))
    tensor[:, 0] = np.linspace(-1, 1, 1000)
    gains = layout.from_network(tensor)["gain"]
    assert gains.between(0, 10).all()
    assert (gains == 0).mean() == pytest.approx(0.9, abs=0.02)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(-1e6, 1e6)),
            st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""])),
        ),
        min_size=2,
        max_size=30,
    ).filter(lambda rows: any(len(set(column)) > 1 for column in zip(*rows, strict=True))),
    st.integers(0, 10),
)
def test_whatever_a_network_says_comes_back_valid(rows, seed):
    frame = pd.DataFrame(rows, columns=["x", "kind"]).astype({"x": float, "kind": object})
    layout = MixedLayout(frame)
    tensor = np.random.default_rng(seed).normal(scale=2, size=(20, *layout.shape))
    back = layout.from_network(tensor)
    assert_array_equal(back.dtypes, frame.dtypes)
    assert set(back["kind"].dropna()) <= set(frame["kind"].dropna())
    numbers = back["x"].dropna()
    assert numbers.between(frame["x"].min(), frame["x"].max()).all()
    assert frame.isna().any()[back.isna().any()].all()


def test_rows_alone_are_as_rows_together():
    layout = MixedLayout(PANDAS)
    assert_allclose(layout.to_network(PANDAS.iloc[[2]]), layout.to_network(PANDAS)[[2]])


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pd.date_range("2020-01-01", periods=4), "holds times"),
        ([1.0, np.inf, 2.0, 3.0], "infinite"),
        ([[1], [2], [3], [4]], "can't be categories"),
    ],
)
def test_columns_that_nothing_can_be_done_with(column, message):
    frame = pd.DataFrame({"kind": ["a", "b", "a", "b"], "odd": column})
    with pytest.raises(ValueError, match=rf"Column 'odd' of X .*{message}"):
        MixedLayout(frame)


def test_what_was_not_there_in_fit():
    frame = pd.DataFrame({"x": [1.0, 2.0], "kind": ["a", "b"]})
    layout = MixedLayout(frame)
    with pytest.raises(ValueError, match=r"'kind' .* not there in fit: \['c'\]; known are"):
        layout.to_network(frame.assign(kind=["a", "c"]))
    with pytest.raises(ValueError, match=r"'x' .* missing values, but had none in fit"):
        layout.to_network(frame.assign(x=[1.0, np.nan]))


def test_all_columns_constant():
    with pytest.raises(ValueError, match="constant"):
        MixedLayout(pd.DataFrame({"x": [1, 1], "kind": ["a", "a"]}))


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (PANDAS, True),
        (POLARS, True),
        (PANDAS[["age"]], False),
        (PANDAS[["visits"]], True),
        (POLARS.select("age"), False),
        (pl.DataFrame({"x": [1.0, float("nan")]}), True),
        (np.ones((2, 2)), False),
    ],
)
def test_fits(frame, answer):
    assert MixedLayout.fits(frame) is answer
