"""Samples as a store's file holds them: bytes that come back exactly, and a hash of the values.

Nothing in the bytes is executed, decompressed or unpickled, and nothing is allocated that they
only claim: a file that was made up to do harm is refused.
"""

import hashlib
import io
import json
from calendar import timegm
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse

from skgal.utils import Pool, arrow_array, is_frame, is_pandas_na

MAX_COLUMNS = 2**26
"""Columns of a sparse sample: shown as a dense row, more of them would fill the memory."""

_ARRAY_KINDS = "biufcUSmM"
_EPOCH = datetime(1970, 1, 1)
_NANOSECONDS = {
    "W": 7 * 86_400 * 10**9,
    "D": 86_400 * 10**9,
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "ns": 1,
}


class EncodedSample(NamedTuple):
    """A sample as a file holds it."""

    hash: str  # SHA-256 of its values
    format: str  # "array" of NumPy, "sparse" row, or JSON: "row" of a table, "values" of any type
    payload: bytes


def encode_samples(X):
    """Write each sample as bytes; TypeError for values of a kind that no file holds."""
    if is_frame(X):
        names, columns = _columns(X)
        rows = zip(*columns, strict=True) if columns else ()
        return [_encode_row(names, list(row)) for row in rows]
    if sparse.issparse(X):
        if X.shape[1] > MAX_COLUMNS:
            raise ValueError(f"A store holds up to {MAX_COLUMNS} columns; got {X.shape[1]}.")
        X = sparse.csr_matrix(X)
        X.check_format(full_check=True)  # an invalid one could be written, but not read
        return [_encode_sparse(X[[position]]) for position in range(X.shape[0])]
    X = np.asarray(X)
    if X.dtype.kind in _ARRAY_KINDS:
        return [EncodedSample(hash_sample(x), "array", to_npy(x)) for x in X]
    rows = X.astype(object).tolist()
    return [EncodedSample(hash_sample(row), "values", _to_json(_plain(row))) for row in rows]


def _encode_row(names, values):
    content = {"columns": names, "values": [_plain(value) for value in values]}
    return EncodedSample(_hash_row(names, values), "row", _to_json(content))


def _encode_sparse(row):
    parts = [np.array([row.shape[1]]), row.indices, row.data]
    return EncodedSample(hash_sample(row), "sparse", b"".join(map(to_npy, parts)))


def decode_sample(format, payload):
    """Read what :func:`encode_samples` wrote; ValueError if the bytes are damaged."""
    try:
        if format == "array":
            (sample,) = _read_arrays(payload)
            return sample
        if format == "sparse":
            return _decode_sparse(*_read_arrays(payload))
        content = json.loads(payload)
        if format == "row":
            names = [tuple(name) if isinstance(name, list) else name for name in content["columns"]]
            return dict(zip(names, map(_revive, content["values"]), strict=True))
        if format == "values":
            return _revive(content)
    except Exception as error:  # damaged bytes raise errors of any kind, also RecursionError
        raise ValueError(f"The bytes of a sample are damaged: {error!r}") from error
    raise ValueError(f"Samples have no format {format!r}.")


def _decode_sparse(shape, indices, data):
    (n_columns,) = shape.tolist()
    if not 0 <= n_columns <= MAX_COLUMNS or indices.dtype.kind not in "iu":
        raise ValueError(f"{n_columns} columns")
    row = sparse.csr_matrix((data, indices, [0, len(indices)]), shape=(1, n_columns))
    row.check_format(full_check=True)
    return row


def hash_sample(sample):
    """Hash the values of a sample: equal where they are, whatever their dtype or library."""
    if sparse.issparse(sample):
        row = sparse.csr_matrix(sample, copy=True)
        row.sum_duplicates()
        row.eliminate_zeros()
        indices = row.indices.astype(np.int64).tobytes()
        return _sha256([b"sparse", str(row.shape[1]).encode(), indices, _canonical(row.data)])
    if not isinstance(sample, np.ndarray):
        sample = np.array(sample, dtype=object)
    return _sha256([b"array", repr(sample.shape).encode(), _canonical(sample.ravel())])


def _hash_row(names, values):
    return _sha256([b"row", _to_json(names), _canonical(values)])


def hash_pool(X):
    """Hash values, order and names of columns of all given samples, not their dtypes."""
    if isinstance(X, Pool):
        rows = (row for block in X.blocks() for row in _pool_rows(block))
        return _sha256(chain([repr(X.shape).encode()], rows))
    if is_frame(X):
        names, columns = _columns(X)
        return _sha256(chain([_to_json(names)], map(_canonical, columns)))
    if sparse.issparse(X):
        return hash_sample(X.reshape(1, -1))
    return _sha256(chain([repr(X.shape).encode()], _pool_rows(X)))


def _pool_rows(block):
    if is_frame(block) or sparse.issparse(block):
        return (sample.hash.encode() for sample in encode_samples(block))
    return (_canonical(np.ravel(row)) for row in np.asarray(block))


def stack_samples(samples, like):
    """Put samples that were read back into the kind of container that ``like`` is."""
    if is_frame(like):
        rows = [list(sample.values()) for sample in samples]
        columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * like.shape[1]
        return _make_table(columns, like)
    if sparse.issparse(like):
        return sparse.vstack(samples, format="csr")
    if np.asarray(like).dtype == object:
        rows = np.empty((len(samples), *like.shape[1:]), dtype=object)
        for position, sample in enumerate(samples):
            rows[position] = sample
        return rows
    return np.stack([np.asarray(sample) for sample in samples])


def to_npy(array):
    """Write an array in NumPy's npy format, as bytes."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), allow_pickle=False)
    return stream.getvalue()


def from_npy(payload):
    """Read an array in NumPy's npy format; ValueError if the bytes are damaged."""
    return decode_sample("array", payload)


def _read_arrays(payload):
    """Read consecutive arrays; no memory is allocated beyond the bytes that are there."""
    stream = io.BytesIO(payload)
    arrays = []
    while stream.tell() < len(payload):
        version = np.lib.format.read_magic(stream)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, dtype = read_header(stream)
        size, start = dtype.itemsize, stream.tell()
        for side in shape:
            size *= side
        if dtype.kind not in _ARRAY_KINDS or dtype.hasobject or len(payload) - start < size:
            raise ValueError(f"an array of {dtype} and shape {shape} in {len(payload)} bytes")
        values = np.frombuffer(stream.read(size), dtype)
        arrays.append(values.reshape(shape, order="F" if by_columns else "C").copy())
    return arrays


# Values of tables and of rows that mix types


def _columns(frame):
    """Names of a table's columns, and their values: arrays of numbers, or lists."""
    if nw.dependencies.is_pandas_like_dataframe(frame):  # whose names may be anything
        columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
        return [_as_name(name) for name in frame.columns], [_pandas_values(c) for c in columns]
    frame = nw.from_native(frame, eager_only=True)
    return list(frame.columns), [_other_values(column) for column in frame.iter_columns()]


def _pandas_values(column):
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return column.to_numpy()
    return column.to_list()


def _other_values(column):
    # Python's times have microseconds, so polars would round nanoseconds.
    if column.dtype in (nw.Datetime, nw.Duration) and hasattr(column.to_native(), "to_physical"):
        unit = column.dtype.time_unit
        make = np.timedelta64 if column.dtype == nw.Duration else np.datetime64
        times = column.to_native().to_physical().to_list()
        is_aware = column.dtype == nw.Datetime and column.dtype.time_zone is not None
        return [_as_time(time, make, unit, is_aware) for time in times]
    return column.to_list()


def _as_time(time, make, unit, is_aware):
    if time is None:
        return None
    if not is_aware:
        return make(time, unit)
    return _revive({"instant": time * _NANOSECONDS[unit]})


def _as_name(name):
    """A column's name as JSON holds it; tuples become lists there."""
    if isinstance(name, np.generic):
        name = name.item()
    if isinstance(name, tuple):
        return [_as_name(part) for part in name]
    if not isinstance(name, str | int | float | None):
        raise TypeError(f"A store holds columns named by strings or numbers; rename {name!r}.")
    return name


def _plain(value):
    """A value as JSON holds it: what it has no type for is an object of one key."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic) and value.dtype.kind not in "mM":
        value = value.item()
    if isinstance(value, str | bool | int | float):
        return value
    if value is None or is_pandas_na(value) or value != value:
        return None
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, datetime):  # of pandas, too
        return {"datetime" if value.tzinfo is None else "instant": _count_nanoseconds(value)}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, np.datetime64):
        return {"datetime": _count_nanoseconds(value)}
    if isinstance(value, timedelta | np.timedelta64):
        return {"timedelta": _count_nanoseconds(value)}
    raise TypeError(
        "A store holds numbers, strings, booleans, dates, time spans and missing values; got a "
        f"value of type {type(value).__name__}. Convert it, to a string or a number for example."
    )


def _revive(value):
    """The value that :func:`_plain` wrote."""
    if isinstance(value, list):
        return [_revive(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "decimal":
        return Decimal(content)
    if kind == "date":
        return date.fromisoformat(content)
    if kind == "timedelta":
        is_exact = content % 1000 == 0
        return (
            timedelta(microseconds=content // 1000) if is_exact else np.timedelta64(content, "ns")
        )
    if kind not in ("datetime", "instant"):
        raise ValueError(f"Values are of no kind {kind!r}.")
    if content % 1000:  # with nanoseconds; an instant is then in UTC
        return np.datetime64(content, "ns")
    moment = _EPOCH + timedelta(microseconds=content // 1000)
    return moment if kind == "datetime" else moment.replace(tzinfo=UTC)


def _count_nanoseconds(time):
    """Whole nanoseconds since 1970 (in UTC where a time zone is known), or of a time span."""
    if isinstance(time, np.generic):
        unit, step = np.datetime_data(time.dtype)
        if unit in ("Y", "M") and isinstance(time, np.datetime64):
            time, unit, step = time.astype("datetime64[D]"), "D", 1
        if unit not in _NANOSECONDS:
            raise TypeError(f"A store holds times down to nanoseconds; got {time.dtype}.")
        return int(time.astype(np.int64)) * step * _NANOSECONDS[unit]
    if isinstance(time, timedelta):
        seconds = time.days * 86_400 + time.seconds
        return seconds * 10**9 + time.microseconds * 1000 + getattr(time, "nanoseconds", 0)
    if not isinstance(time, datetime):
        return timegm(time.timetuple()) * 10**9
    seconds = timegm(time.utctimetuple())
    return seconds * 10**9 + time.microsecond * 1000 + getattr(time, "nanosecond", 0)


def _canonical(values):
    """Bytes of several values, equal where the values are: no dtypes, units, negative zeros."""
    numbers = None
    if isinstance(values, np.ndarray):
        numbers = _as_floats(values)
        values = values.tolist() if values.dtype.kind not in "mM" else list(values)
    if numbers is None:
        values = [_canonical_value(value) for value in values]
        if not all(value is None or type(value) is float for value in values):
            return b"values" + _to_json(values)
        numbers = np.array(values, dtype=np.float64)
    numbers = numbers + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return b"numbers" + numbers.tobytes()


def _as_floats(array):
    """The numbers as float64 if that changes none of them; else None."""
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        return None
    is_wide = array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size
    # Compared as Python's integers: NumPy would compare with a rounded limit.
    if is_wide and not -(2**53) <= int(array.min()) <= int(array.max()) <= 2**53:
        return None
    with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
        return array.astype(np.float64)


def _canonical_value(value):
    """The same spelling for equal values: numbers as floats where that is exact."""
    if isinstance(value, list | tuple):
        return [_canonical_value(item) for item in value]
    if isinstance(value, complex | np.complexfloating | np.longdouble):
        return {"number": repr(complex(value)) if np.iscomplexobj(value) else str(value)}
    if isinstance(value, bytes):  # of an array of such
        return {"bytes": value.hex()}
    value = _plain(value)
    if isinstance(value, dict) and "decimal" in value:
        number = Decimal(value["decimal"])
        value = int(number) if number == number.to_integral_value() else number
    if isinstance(value, dict) and "date" in value:
        return {"datetime": _count_nanoseconds(date.fromisoformat(value["date"]))}
    if isinstance(value, bool | int | float | Decimal):
        try:
            as_float = float(value)
        except OverflowError:
            return value
        if as_float != as_float:
            return None
        if as_float == value:
            return as_float + 0.0
        return {"decimal": f"{value:f}".rstrip("0")} if isinstance(value, Decimal) else value
    return value


def _make_table(columns, like):
    """A table of columns, lists of values, with names and dtypes of another one."""
    if nw.dependencies.is_pandas_like_dataframe(like):
        import pandas as pd

        made = [_pandas_column(c, dtype) for c, dtype in zip(columns, like.dtypes, strict=True)]
        table = pd.concat(made, axis=1) if made else pd.DataFrame(index=range(len(columns)))
        table.columns = like.columns
        return table
    if nw.dependencies.is_pyarrow_table(like):
        import pyarrow as pa

        arrays = [arrow_array(c, kind) for c, kind in zip(columns, like.schema.types, strict=True)]
        return pa.Table.from_arrays(arrays, schema=like.schema)
    import polars as pl

    made = [
        _polars_column(pl, name, column, dtype)
        for column, (name, dtype) in zip(columns, like.schema.items(), strict=True)
    ]
    return pl.DataFrame(made)


def _pandas_column(values, dtype):
    import pandas as pd

    if isinstance(dtype, pd.DatetimeTZDtype):
        return pd.Series(pd.to_datetime(values, utc=True)).astype(dtype)
    if isinstance(dtype, pd.ArrowDtype):
        array = arrow_array(values, dtype.pyarrow_dtype)
        return pd.Series(pd.arrays.ArrowExtensionArray(array))
    return pd.Series(values, dtype=dtype)


def _polars_column(pl, name, values, dtype):
    if dtype not in (pl.Datetime, pl.Duration):
        return pl.Series(name, values, dtype=dtype)
    step = _NANOSECONDS[dtype.time_unit]
    counts = [None if value is None else _count_nanoseconds(value) // step for value in values]
    return pl.Series(name, counts, dtype=pl.Int64).cast(dtype)


def _to_json(value):
    return json.dumps(value, separators=(",", ":")).encode()


def _sha256(parts):
    digest = hashlib.sha256()
    for part in parts:
        # With its length, so that no two lists of parts have the same digest.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
