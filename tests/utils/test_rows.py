import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skgal.utils import concat_rows, take_rows

VALUES = np.arange(12).reshape(4, 3)
CONTAINERS = {
    "ndarray": VALUES,
    "images": VALUES.reshape(4, 3, 1, 1),
    "labels": VALUES[:, 0],
    "pandas": pd.DataFrame(VALUES, columns=list("abc"), index=[10, 20, 30, 40]),
    "polars": pl.DataFrame(VALUES, schema=list("abc")),
    "arrow": pa.table(dict(zip("abc", VALUES.T, strict=True))),
}


@pytest.fixture(params=CONTAINERS)
def container(request):
    return CONTAINERS[request.param]


@pytest.mark.parametrize(
    "indices", [[2, 0], np.array([3, 3]), [], [True, False, False, True], np.array([], dtype=int)]
)
def test_take_rows(container, indices):
    taken = take_rows(container, indices)
    expected = np.asarray(container)[np.asarray(indices, dtype=None if len(indices) else int)]
    assert type(taken) is type(container)
    np.testing.assert_array_equal(np.asarray(taken), expected)


def test_take_rows_of_a_list():
    assert take_rows(["a", "b", "c"], [2, 0]) == ["c", "a"]


@given(st.integers(0, 4))
def test_splitting_and_stacking_gives_the_same_rows(cut):
    for container in CONTAINERS.values():
        top = take_rows(container, np.arange(cut))
        bottom = take_rows(container, np.arange(cut, 4))
        whole = concat_rows(top, bottom)
        assert type(whole) is type(container)
        np.testing.assert_array_equal(np.asarray(whole), np.asarray(container))


def test_stacking_keeps_dtypes():
    first = pd.DataFrame({"a": np.array([1], dtype="uint8"), "b": [True], "c": ["x"]})
    pd.testing.assert_series_equal(concat_rows(first, first).dtypes, first.dtypes)
    first = pl.DataFrame({"a": [1], "b": [True]}, schema={"a": pl.UInt8, "b": pl.Boolean})
    wider = first.cast({"a": pl.Int64})
    assert concat_rows(first, wider).schema == first.schema
    images = np.zeros((2, 1, 8, 8), dtype=np.uint8)
    assert concat_rows(images, images).dtype == np.uint8


def test_pandas_index_is_made_anew():
    frame = CONTAINERS["pandas"]
    assert concat_rows(frame, frame).index.tolist() == list(range(8))


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\) below samples of shape \(3,\)"):
        concat_rows(np.zeros((4, 3)), np.zeros((4, 2)))


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow"])
def test_other_columns_are_refused(kind):
    frame = CONTAINERS[kind]
    with pytest.raises(ValueError, match="same columns in the same order"):
        concat_rows(
            frame, frame.select(["b", "a", "c"]) if kind == "arrow" else frame[["b", "a", "c"]]
        )


@pytest.mark.parametrize("second", ["ndarray", "polars"])
def test_other_containers_are_refused(second):
    with pytest.raises(TypeError, match="convert one to the other"):
        concat_rows(CONTAINERS["pandas"], CONTAINERS[second])
    with pytest.raises(TypeError, match="convert one to the other"):
        concat_rows(CONTAINERS[second], CONTAINERS["pandas"])
