"""Samples in a store: they come back exactly, equal ones hash equally, hostile ones are refused."""

import io
import json
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from skgal.active import LabelStore
from skgal.active._samples import decode_sample, encode_samples, hash_pool, stack_samples, to_npy
from skgal.utils import as_pool


def hashes(X):
    return [sample.hash for sample in encode_samples(X)]


@pytest.fixture
def store():
    with LabelStore() as store:
        yield store


# The same values in another container, dtype or unit

TIMES = [datetime(2024, 1, 31, 12, 30, 0, 250_000), datetime(1066, 10, 14), None]


@pytest.mark.parametrize(
    "forms",
    [
        [
            [[1.0, 2.5], [3.0, np.nan]],
            np.array([[1, 2.5], [3, None]], dtype=object),
            np.array([[1.0, 2.5], [3.0, np.nan]], dtype=np.float32),
            np.array([[Decimal(1), Decimal("2.50")], [np.int8(3), pd.NA]], dtype=object),
            np.array([[1.0, 2.5], [3.0, np.nan]], dtype=np.float16),
            np.array([[1.0, 2.5], [3.0, np.nan]], dtype=">f8", order="F"),
        ],
        [
            np.array([[2**60], [2**60 + 1]]),
            np.array([[2**60], [2**60 + 1]], dtype=np.uint64),
            np.array([[2**60], [2**60 + 1]], dtype=object),
        ],
        [
            np.array([["a", "zebra"], ["b", ""]]),
            np.array([["a", "zebra"], ["b", ""]], dtype=object),
        ],
        [
            np.array([["2024-01-31"]], dtype=f"datetime64[{unit}]")
            for unit in ("D", "h", "s", "ms", "us", "ns")
        ],
    ],
    ids=["numbers", "large integers", "text", "times"],
)
def test_arrays_of_equal_values_are_the_same_samples(forms):
    assert len({tuple(hashes(form)) for form in forms}) == 1
    assert len({hash_pool(np.asarray(form)) for form in forms}) == 1


def test_sparse_matrices_of_equal_values_are_the_same_samples():
    X = sparse.csr_matrix(np.array([[0, 1.5, 0, 2], [3, 0, 0, 0]]))
    wide = X.copy()
    wide.indices, wide.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    with_zero = sparse.csr_matrix(([1.5, 2, 0, 3], [1, 3, 2, 0], [0, 3, 4]), shape=(2, 4))
    forms = [X, X.astype(np.float32), sparse.coo_array(X), X.tocsc(), X.tolil(), wide, with_zero]
    assert len({tuple(hashes(form)) for form in forms}) == 1
    assert len({hash_pool(form) for form in forms}) == 1


def series(values, dtype):
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize(
    "forms",
    [
        [
            *[series(TIMES, f"datetime64[{unit}]") for unit in ("ms", "us")],
            series(TIMES, object),
            *[pl.DataFrame({"x": pl.Series(TIMES, dtype=pl.Datetime(u))}) for u in ("ms", "us")],
            pa.table({"x": pa.array(TIMES, pa.timestamp("us"))}),
        ],
        [
            series(TIMES[::2], "datetime64[ns]"),
            series(TIMES[::2], "datetime64[ms]"),
            pl.DataFrame({"x": pl.Series(TIMES[::2], dtype=pl.Datetime("ns"))}),
            series(TIMES[::2], "timestamp[ns][pyarrow]"),
        ],
        [
            series([datetime(2024, 7, 1, 12, tzinfo=UTC)], "datetime64[us, UTC]"),
            series([datetime(2024, 7, 1, 12, tzinfo=UTC)], "datetime64[ns, Europe/Berlin]"),
            pl.DataFrame({"x": pl.Series([datetime(2024, 7, 1, 12)]).dt.replace_time_zone("UTC")}),
        ],
        [
            series([timedelta(hours=1), None], "timedelta64[ns]"),
            series([timedelta(hours=1), None], "timedelta64[s]"),
            pl.DataFrame({"x": pl.Series([timedelta(hours=1), None], dtype=pl.Duration("ms"))}),
        ],
        [
            series([date(2024, 1, 31), None], object),
            series([datetime(2024, 1, 31), None], "datetime64[s]"),
            pl.DataFrame({"x": [date(2024, 1, 31), None]}),
        ],
        [
            series([1, None], "Int64"),
            series([1, None], "float64"),
            series([1, None], object),
            series([1, None], "int64[pyarrow]"),
            series([Decimal("1.00"), None], pd.ArrowDtype(pa.decimal128(10, 2))),
            pl.DataFrame({"x": [1, None]}),
            pl.DataFrame({"x": pl.Series([Decimal("1.00"), None], dtype=pl.Decimal(10, 2))}),
            pl.DataFrame({"x": [1.0, float("nan")]}),
        ],
        [
            series(["a", "b"], "category"),
            series(["a", "b"], object),
            series(["a", "b"], "string"),
            series(["a", "b"], "string[pyarrow]"),
            series(["a", "b"], pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
            pl.DataFrame({"x": pl.Series(["a", "b"], dtype=pl.Categorical)}),
            pa.table({"x": pa.array(["a", "b"]).dictionary_encode()}),
        ],
        [series([True, False], bool), series([1, 0], int), pl.DataFrame({"x": [True, False]})],
        [series([Decimal("0.10")], object), pl.DataFrame({"x": [Decimal("0.1")]})],
    ],
    ids=["times", "ns", "instants", "spans", "dates", "numbers", "text", "bool", "decimal"],
)
def test_tables_of_equal_values_are_the_same_samples(forms):
    assert len({tuple(hashes(form)) for form in forms}) == 1
    assert len({hash_pool(form) for form in forms}) == 1


def test_a_table_read_back_from_csv_is_the_same_table(tmp_path):
    frame = pd.DataFrame(
        {
            "count": pd.Series([1, None, 3], dtype="Int32"),
            "size": np.array([0.5, 1.25, -0.0], dtype=np.float32),
            "kind": pd.Categorical(["a", None, "b"]),
            "flag": [True, False, True],
        }
    )
    frame.to_csv(tmp_path / "table.csv", index=False)
    again = pd.read_csv(tmp_path / "table.csv")
    assert again["count"].dtype == "float64"
    assert hashes(again) == hashes(frame)
    assert hashes(pl.read_csv(tmp_path / "table.csv")) == hashes(frame)


def test_different_values_are_different_samples():
    rows = [0.1, np.float32(0.1), "0.1", Decimal("0.1"), 2**60, 2**60 + 1, None, "", TIMES[0]]
    rows += [TIMES[0].replace(tzinfo=UTC), timedelta(1), np.datetime64(1, "ns"), True]
    assert len(set(hashes(np.array([[value] for value in rows], dtype=object)))) == len(rows)


# What comes back, and is told apart


@pytest.mark.parametrize(
    "X",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2),
        np.array([[np.nan, -0.0], [np.inf, 1e-45]], dtype=np.float32),
        np.array([[2**63 - 1], [-(2**63)]]),
        np.array([["a", "zebra"], ["b", ""]]),
        np.array([["a", 1.5], [None, True]], dtype=object),
        np.array([[True], [False]]),
    ],
    ids=["float", "image", "special", "integer", "text", "mixed", "bool"],
)
def test_arrays_come_back_exactly(store, X):
    store.add_query(X)
    back = stack_samples([record.X for record in store.records()], like=X)
    assert back.dtype == X.dtype
    np.testing.assert_array_equal(back, X)


@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.int16, np.uint8]), (2, 3)))
def test_equal_numbers_hash_equally(X):
    once = hashes(X)
    assert hashes(X.astype(np.float64)) == once
    assert (once[0] == once[1]) == np.array_equal(X[0], X[1], equal_nan=X.dtype.kind == "f")


def test_hashes_tell_samples_apart():
    big = np.array([[2**60], [2**60 + 1]])
    assert len(set(hashes(big))) == 2
    assert hashes(big.astype(float)[:1]) != hashes(big[1:])
    flat, image = np.zeros((1, 4)), np.zeros((1, 1, 2, 2))
    assert hashes(flat) != hashes(image)
    assert hashes([["1", "2"]]) != hashes([[1, 2]])


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_tables_come_back_with_their_types(store, make_frame):
    frame = make_frame(
        {
            "count": np.array([1, 2**40]),
            "size": np.array([0.1, np.nan], dtype=np.float32),
            "name": ["x", "ÿ"],
            "flag": [True, False],
        }
    )
    store.add_query(frame)
    samples = [record.X for record in store.records()]
    assert samples[0]["name"] == "x"
    back = stack_samples(samples, like=frame)
    assert type(back) is type(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    assert back.equals(frame) or back.equals(frame, null_equal=True)


def test_columns_of_any_name_and_categories(store):
    frame = pd.DataFrame({0: [1, 2], ("a", 1): pd.Categorical(["u", "v"])})
    store.add_query(frame)
    assert [list(record.X.values()) for record in store.records()] == [[1, "u"], [2, "v"]]
    back = stack_samples([record.X for record in store.records()], like=frame)
    pd.testing.assert_frame_equal(back, frame)


def test_sparse_rows_come_back(store):
    dense = np.random.default_rng(0).random((5, 1000))
    X = sparse.csr_array(np.where(dense < 0.01, dense, 0.0))
    store.add_query(X)
    back = stack_samples([record.X for record in store.records()], like=X)
    assert (back != X).nnz == 0
    messy = sparse.csr_matrix(([1.0, 0.0, 2.0], ([0, 0, 0], [3, 5, 3])), shape=(1, 9))
    neat = sparse.csr_matrix(([3.0], ([0], [3])), shape=(1, 9))
    assert hashes(messy) == hashes(neat)


def test_pools_are_told_apart():
    X = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(X, columns=["a", "b"])
    pools = [X, X[::-1], X[:2], X.reshape(3, 1, 2), frame, frame.rename(columns={"a": "c"})]
    assert len({hash_pool(pool) for pool in pools}) == len(pools)
    assert hash_pool(X.astype(np.float32)) == hash_pool(X)
    for form in (np.asarray, pd.DataFrame, sparse.csr_matrix):
        one, two, other = ([form(x[:2]), form(x[2:])] for x in (X, X.astype(int), X[::-1]))
        assert hash_pool(as_pool(one)) == hash_pool(as_pool(two)) != hash_pool(as_pool(other))
    assert hash_pool(as_pool([X[:2], X[2:]])) == hash_pool(as_pool([X])) == hash_pool(X)
    assert hash_pool(sparse.csr_matrix(X)) != hash_pool(sparse.csr_matrix(X[::-1]))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([Decimal("1.10"), None], dtype=pd.ArrowDtype(pa.decimal128(12, 2))),
        pd.Series([Decimal("1.10"), Decimal("-3")], dtype=object),
        pd.Series(["a", None], dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
        pd.Series([2**63 - 1, None], dtype="Int64"),
        pd.Series([2**64 - 1, 0], dtype="uint64"),
        pd.Series(pd.to_datetime([1, 2**62], unit="ns")),
        pd.Series(pd.to_datetime([1, 2**62], unit="ns", utc=True)),
        pd.Series(TIMES, dtype="datetime64[s]"),
        pd.Series([TIMES[0], None], dtype="datetime64[us, Europe/Berlin]"),
        pd.Series([1, 86_400 * 10**9, None], dtype="timedelta64[ns]"),
        pd.Series(pd.Categorical([3, 1, None], categories=[1, 2, 3], ordered=True)),
        pd.Series([True, pd.NA], dtype="boolean"),
        pd.Series([date(2024, 1, 31), date(1066, 10, 14)], dtype=object),
        pl.Series("x", [Decimal("1.10"), None], dtype=pl.Decimal(12, 2)),
        pl.Series("x", [1, None], dtype=pl.Datetime("ns", "Europe/Berlin")),
        pl.Series("x", TIMES, dtype=pl.Datetime("us")),
        pl.Series("x", [1, None], dtype=pl.Duration("ns")),
        pl.Series("x", ["b", None], dtype=pl.Enum(["a", "b"])),
        pl.Series("x", [date(2024, 1, 31), None]),
        pl.Series("x", [2**64 - 1, None], dtype=pl.UInt64),
        pa.array(["b", "a", "b"]).dictionary_encode(),
        pa.array([Decimal("1.10"), None], pa.decimal256(50, 2)),
    ],
    ids=lambda column: f"{type(column).__module__.split('.')[0]} {getattr(column, 'dtype', '')}",
)
def test_columns_come_back_exactly(path, column):
    if isinstance(column, pd.Series):
        table = column.to_frame("x")
    else:
        table = pl.DataFrame([column]) if hasattr(column, "to_frame") else pa.table({"x": column})
    with LabelStore(path) as store:
        store.add_query(table)
        back = stack_samples([record.X for record in store.records()], like=table)
    assert type(back) is type(table)
    if isinstance(column, pd.Series):
        pd.testing.assert_frame_equal(back, table)
    else:
        assert back.schema == table.schema
        assert back.equals(table)
    assert hashes(back) == hashes(table)


@pytest.mark.parametrize(
    "value",
    [1j, b"raw", object(), np.datetime64(1, "ps"), {"a": 1}, time(12, 30), pd.Period("2024")],
    ids=["complex", "bytes", "object", "picoseconds", "dict", "time of day", "period"],
)
def test_values_that_no_file_can_hold_are_refused(value):
    if type(value) is object:
        value = print
    with LabelStore() as store:
        with pytest.raises(TypeError, match="A store holds"):
            store.add_query(np.array([[value, "a"]], dtype=object))
        assert sum(store.counts().values()) == 0


# Bytes that claim what isn't there


def sparse_bytes(n_columns, indices, data=None):
    data = np.ones(len(indices)) if data is None else data
    return b"".join(to_npy(np.asarray(part)) for part in ([n_columns], indices, data))


def header(text):
    """An array of NumPy whose header has any text."""
    text = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def compressed():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", bytes(10**6))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("sparse", sparse_bytes(9, [2**30])),
        ("sparse", sparse_bytes(9, [-1])),
        ("sparse", sparse_bytes(9, [3, 2, 3])[:-1]),
        ("sparse", sparse_bytes(2**62, [0])),
        ("sparse", sparse_bytes(-1, [0])),
        ("sparse", sparse_bytes([9, 9], [0])),
        ("sparse", sparse_bytes(9, [0.5])),
        ("sparse", sparse_bytes(9, [0], np.ones(2))),
        ("sparse", sparse_bytes(9, [[0]])),
        ("sparse", compressed()),
        ("array", header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}")),
        ("array", header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}")),
        ("array", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -4)}")),
        ("array", header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + bytes(8)),
        ("array", header("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,)}")),
        ("array", header("{'descr': '<f8', 'fortran_order'")),
        ("array", header("((((")),
        ("array", header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,)}")),
        ("array", header("'''")),
        ("array", b""),
        ("array", b"\x93NUMPY\x09\x09"),
        ("array", to_npy(np.ones(3))[:-1]),
        ("array", to_npy(np.ones(3)) * 2),
        ("row", b"[" * 100_000),
        ("row", b"{}"),
        ("row", b"[1]"),
        ("row", json.dumps({"columns": ["a"], "values": [1, 2]}).encode()),
        ("row", json.dumps({"columns": [{}], "values": [1]}).encode()),
        ("row", json.dumps({"columns": ["a"], "values": [{"pickle": "x"}]}).encode()),
        ("row", json.dumps({"columns": ["a"], "values": [{"decimal": "x"}]}).encode()),
        ("row", json.dumps({"columns": ["a"], "values": [{"datetime": 10**40}]}).encode()),
        ("values", b"\xff\xfe\x00"),
        ("values", b'[{"date": "yesterday"}]'),
        ("values", b"[1" + b"0" * 10_000 + b"]"),
        ("values", b""),
        ("pickle", b"cos\nsystem\n(S'true'\ntR."),
    ],
)
def test_damaged_and_hostile_samples_are_refused(kind, payload):
    with pytest.raises(ValueError, match=r"damaged|no format"):
        decode_sample(kind, payload)


def test_sparse_matrices_wider_than_a_store_holds_are_refused_when_asked_about():
    with LabelStore() as store, pytest.raises(ValueError, match="67108864 columns"):
        store.add_query(sparse.csr_matrix((1, 2**26 + 1)))


def test_a_sparse_matrix_that_could_not_be_read_again_is_not_written():
    broken = sparse.csr_matrix([[1.0, 2.0]])
    broken.indices[1] = 2**30
    with LabelStore() as store:
        with pytest.raises(ValueError, match="indices"):
            store.add_query(broken)
        assert store.records() == []
