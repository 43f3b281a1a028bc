import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import check_array

from skgal.utils import DataLayout

INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64", "uint32"]


def whole_numbers(dtype):
    if dtype == "bool":
        return st.booleans()
    info = np.iinfo(dtype)
    return st.integers(max(info.min, -(2**22)), min(info.max, 2**22))


def tables_of_whole_numbers():
    return st.sampled_from(INTEGERS).flatmap(
        lambda dtype: hnp.arrays(
            dtype, hnp.array_shapes(min_dims=2, max_dims=2), elements=whole_numbers(dtype)
        )
    )


def tables_of_floats(dtype):
    width = 8 * np.dtype(dtype).itemsize
    return hnp.arrays(
        dtype,
        hnp.array_shapes(min_dims=2, max_dims=2),
        elements=st.floats(-1e6, 1e6, width=width, allow_subnormal=False)
        if width == 64
        else st.floats(-1024, 1024, width=width),
    )


def image_batches():
    return hnp.arrays("uint8", hnp.array_shapes(min_dims=4, max_dims=4, max_side=4))


def images(n=5, shape=(3, 4, 6), dtype="uint8"):
    return np.random.default_rng(0).integers(7, 201, size=(n, *shape)).astype(dtype)


@given(tables_of_whole_numbers() | image_batches())
def test_whole_numbers_come_back_exactly(X):
    layout = DataLayout(X)
    X_back = layout.from_network(layout.to_network(X))
    assert X_back.dtype == X.dtype
    np.testing.assert_array_equal(X_back, X)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_real_numbers_come_back_to_float32_precision_of_their_span(dtype):
    @given(tables_of_floats(dtype))
    def check(X):
        layout = DataLayout(X)
        X_back = layout.from_network(layout.to_network(X))
        assert X_back.dtype == X.dtype
        span = np.ptp(X.astype(float), axis=0)
        rounding = np.abs(X).max(axis=0) * np.finfo(dtype).eps
        error = np.abs(X_back.astype(float) - X)
        assert np.all(error <= 2.0**-24 * span + 2 * rounding)

    check()


@given(tables_of_floats("float64") | image_batches())
def test_networks_see_training_data_within_minus_one_and_one(X):
    tensor = DataLayout(X).to_network(X)
    assert tensor.dtype == np.float32
    assert tensor.flags.c_contiguous
    assert np.abs(tensor).max() <= 1


@given(
    tables_of_floats("float64") | tables_of_whole_numbers(),
    st.integers(0, 2**32 - 1),
)
def test_whatever_networks_put_out_stays_in_the_range_of_each_column(X, seed):
    layout = DataLayout(X)
    tensor = np.random.default_rng(seed).uniform(-3, 3, size=(20, X.shape[1]))
    X_new = layout.from_network(tensor.astype(np.float32))
    assert np.all(X_new >= X.min(axis=0))
    assert np.all(X_new <= X.max(axis=0))


def test_columns_have_their_own_range():
    X = np.array([[0.0, 1000.0], [1.0, 3000.0], [0.25, 1500.0]])
    expected = [[-1.0, -1.0], [1.0, 1.0], [-0.5, -0.5]]
    np.testing.assert_array_equal(DataLayout(X).to_network(X), expected)


def test_values_beyond_the_training_data_are_scaled_not_clipped():
    layout = DataLayout(np.array([[0.0], [1.0]]))
    np.testing.assert_array_equal(layout.to_network(np.array([[2.0]])), [[3.0]])


@pytest.mark.parametrize("scale", [1e-300, 1e-18, 1e300])
def test_scale_of_the_unit_does_not_matter(scale):
    X = np.array([[0.0], [1.0], [4.0]]) * scale
    layout = DataLayout(X)
    np.testing.assert_allclose(layout.to_network(X), [[-1.0], [-0.5], [1.0]])
    np.testing.assert_allclose(layout.from_network(layout.to_network(X)), X)


def test_constant_columns_come_back_whatever_networks_put_out():
    X = np.array([[7.3, 0.0], [7.3, 1.0]])
    layout = DataLayout(X)
    assert np.all(layout.to_network(X)[:, 0] == 0)
    X_new = layout.from_network(np.array([[0.9, 0.0], [-1.0, 0.0]]))
    np.testing.assert_array_equal(X_new, [[7.3, 0.5], [7.3, 0.5]])


def test_pixels_share_one_range():
    X = images()
    X[:, :, 0, 0] = 100  # a constant pixel is no reason to change its contrast
    layout = DataLayout(X)
    assert layout.is_image
    low, high = X.min(), X.max()
    expected = (X.astype(float) - low) / (high - low) * 2 - 1
    np.testing.assert_allclose(layout.to_network(X), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_flat_images_go_to_networks_as_images_and_come_back_flat(dtype):
    X = images(dtype=dtype)
    flat = X.reshape(len(X), -1)
    layout = DataLayout(flat, image_shape=(3, 4, 6))
    assert layout.shape == (3, 4, 6)
    np.testing.assert_array_equal(layout.to_network(flat), DataLayout(X).to_network(X))
    X_back = layout.from_network(layout.to_network(flat))
    assert X_back.dtype == dtype
    np.testing.assert_allclose(X_back, flat, rtol=1e-6)


def test_fortran_order_does_not_matter():
    X = images()
    layout = DataLayout(np.asfortranarray(X))
    tensor = layout.to_network(np.asfortranarray(X))
    assert tensor.flags.c_contiguous
    np.testing.assert_array_equal(tensor, DataLayout(X).to_network(X))


@pytest.mark.parametrize(
    ("sample_shape", "image_shape", "message"),
    [
        ((4, 4), None, r"each sample has shape \(4, 4\)"),
        ((16,), (4, 4), r"\(channels, height, width\), got \(4, 4\)"),
        ((16,), (1, 4, 0), "three positive integers"),
        ((16,), (3, 4, 4), "48 values a sample"),
        ((1, 4, 4), (1, 2, 8), r"samples of X have shape \(1, 4, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(sample_shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        DataLayout(np.zeros((2, *sample_shape)), image_shape=image_shape)


MIXED = {
    "count": np.array([0, 3, 250], dtype="uint8"),
    "year": np.array([1901, 2024, 1999], dtype="int64"),
    "smoker": np.array([True, False, True]),
    "pressure": np.array([1.5, 0.25, -3.0], dtype="float32"),
    "price": np.array([0.1, 1e6, 0.3]),
    "constant": np.array([4, 4, 4], dtype="int16"),
}


@pytest.mark.parametrize("columns", [list(MIXED), ["count", "year"], ["smoker"], ["price"]])
@pytest.mark.parametrize("frame_type", [pd.DataFrame, pl.DataFrame])
def test_data_frames_come_back_with_names_dtypes_and_values(frame_type, columns):
    frame = frame_type({name: MIXED[name] for name in columns})
    X = check_array(frame)
    layout = DataLayout(X, container=frame)
    back = layout.from_network(layout.to_network(X))
    assert type(back) is frame_type
    assert list(back.columns) == columns
    assert list(back.dtypes) == list(frame.dtypes)
    for name in columns:
        expected = MIXED[name].astype(float)
        atol = 2.0**-23 * np.ptp(expected) if MIXED[name].dtype.kind == "f" else 0
        np.testing.assert_allclose(back[name].to_numpy().astype(float), expected, 0, atol)


@pytest.mark.parametrize("frame_type", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("columns", [["smoker"], ["smoker", "price"], ["year", "smoker"]])
def test_whole_and_boolean_columns_are_rounded_not_truncated(frame_type, columns):
    frame = frame_type({name: MIXED[name] for name in columns})
    layout = DataLayout(check_array(frame), container=frame)
    near = np.array([[-0.9], [0.9], [-0.1]]).repeat(len(columns), axis=1)
    assert list(layout.from_network(near)["smoker"]) == [False, True, False]
    if "year" in columns:  # 1901 + 123 * 0.05 = 1907.15, + 123 * 0.95 = 2017.85
        assert list(layout.from_network(near)["year"][:2]) == [1907, 2018]


def test_nullable_dtypes_of_pandas_come_back():
    frame = pd.DataFrame({"a": [1, 5, 3], "b": [True, False, True]}).convert_dtypes()
    X = check_array(frame, dtype="float64")
    layout = DataLayout(X, container=frame)
    pd.testing.assert_frame_equal(layout.from_network(layout.to_network(X)), frame)


def test_flat_images_in_a_data_frame_come_back_as_one():
    flat = images().reshape(5, -1)
    frame = pd.DataFrame(flat)
    layout = DataLayout(flat, image_shape=(3, 4, 6), container=frame)
    pd.testing.assert_frame_equal(layout.from_network(layout.to_network(flat)), frame)


def test_duplicate_column_names_are_refused():
    frame = pd.DataFrame(np.zeros((2, 3)), columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="must differ"):
        DataLayout(frame.to_numpy(), container=frame)
