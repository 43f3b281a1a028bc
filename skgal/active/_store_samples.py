"""Samples as a file holds them: bytes that come back exactly, and a hash of the values."""

import hashlib
import io
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import chain
from zipfile import BadZipFile

import numpy as np
from scipy import sparse

from skgal.utils import Pool, as_label_array, is_missing

EXACT_INTEGERS = 2**53
"""Up to here every integer is a float64, too."""


def encode_samples(X):
    """Write each sample as bytes.

    Parameters
    ----------
    X : ndarray, sparse matrix or DataFrame of n_samples rows

    Returns
    -------
    list of tuple (kind, payload)
        ``"array"``: NumPy's npy format, so dtype and shape are in the bytes. ``"sparse"``:
        SciPy's npz of one row. ``"row"``: JSON of columns and values of a table's row.
        ``"values"``: JSON of a row that mixes types.
    """
    if hasattr(X, "columns"):
        columns = [_as_plain(column) for column in X.columns]
        return [("row", _to_json({"columns": columns, "values": row})) for row in _rows_of(X)]
    if sparse.issparse(X):
        return [("sparse", _to_npz(X[[position]])) for position in range(X.shape[0])]
    X = np.asarray(X)
    if X.dtype == object:
        return [("values", _to_json(row)) for row in X.tolist()]
    return [("array", to_npy(sample)) for sample in X]


def decode_sample(kind, payload):
    """Read a sample.

    Parameters
    ----------
    kind : {"array", "sparse", "row", "values"}
    payload : bytes

    Returns
    -------
    ndarray, csr matrix of one row, dict from column to value, or list

    Raises
    ------
    ValueError
        If the bytes are damaged.
    """
    if kind == "array":
        return from_npy(payload)
    if kind == "sparse":
        return _from_npz(payload)
    content = json.loads(payload)
    if kind == "row":
        # JSON has no tuples, and lists are no names.
        columns = [tuple(name) if isinstance(name, list) else name for name in content["columns"]]
        return dict(zip(columns, content["values"], strict=True))
    return content


def hash_sample(sample):
    """Hash the values of a sample; equal numbers have equal hashes, whatever their dtype.

    Parameters
    ----------
    sample : what :func:`decode_sample` gives

    Returns
    -------
    str
        SHA-256, in hexadecimal.
    """
    if sparse.issparse(sample):
        row = sparse.csr_matrix(sample)
        row.sum_duplicates()
        row.eliminate_zeros()
        parts = [b"sparse", repr(row.shape[1]).encode(), _numbers(row.indices), _numbers(row.data)]
    elif isinstance(sample, Mapping):
        parts = [b"row", _canonical(list(sample.items()))]
    elif isinstance(sample, np.ndarray) and sample.dtype.kind in "biufc":
        parts = [b"array", repr(sample.shape).encode(), _numbers(sample)]
    else:
        parts = [b"values", _canonical(np.asarray(sample, dtype=object).tolist())]
    return _digest(parts)


def hash_pool(X):
    """Hash all samples at hand, to tell one data set from another.

    Parameters
    ----------
    X : ndarray, sparse matrix, DataFrame or Pool of n_samples rows

    Returns
    -------
    str
        SHA-256, in hexadecimal; of values, order, and names of columns, not of dtypes, nor of
        whether an array is in memory.
    """
    if isinstance(X, Pool):
        rows = (row for block in X.blocks() for row in _block_rows(block))
        return _digest(chain([repr(X.shape).encode()], rows))
    if hasattr(X, "columns"):
        names = [_as_plain(column) for column in X.columns]
        columns = (as_label_array(X[column]) for column in X.columns)
        return _digest([_to_json(names), *map(_column, columns)])
    if sparse.issparse(X):
        return hash_sample(X.reshape(1, -1))
    return _digest(chain([repr(X.shape).encode()], map(_column, X)))


def stack_samples(samples, like):
    """Put samples that were read back into the container they came from.

    Parameters
    ----------
    samples : list of what :func:`decode_sample` gives
    like : ndarray, sparse matrix or DataFrame
        Where they belong: decides the container and, for tables, the dtypes.

    Returns
    -------
    The same kind of container, of len(samples) rows.
    """
    if hasattr(like, "columns"):
        rows = [list(sample.values()) for sample in samples]
        if hasattr(like, "schema"):  # polars
            return type(like)(rows, schema=like.schema, orient="row")
        frame = type(like)(rows, columns=like.columns)
        return frame.astype(dict(zip(like.columns, like.dtypes, strict=True)))
    if sparse.issparse(like):
        return sparse.vstack(samples, format="csr")
    if np.asarray(like).dtype == object:
        rows = np.empty((len(samples), *like.shape[1:]), dtype=object)
        for position, sample in enumerate(samples):
            rows[position] = sample
        return rows
    return np.stack(samples)


def to_npy(array):
    """Write an array in NumPy's npy format.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    bytes
    """
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def from_npy(payload):
    """Read an array in NumPy's npy format; nothing is ever unpickled.

    Parameters
    ----------
    payload : bytes

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the bytes are damaged.
    """
    return np.lib.format.read_array(io.BytesIO(payload), allow_pickle=False)


def _to_npz(row):
    stream = io.BytesIO()
    sparse.save_npz(stream, sparse.csr_matrix(row), compressed=False)
    return stream.getvalue()


def _from_npz(payload):
    try:
        return sparse.load_npz(io.BytesIO(payload))
    except (OSError, KeyError, ImportError, BadZipFile) as error:  # many faces of damage
        raise ValueError("The bytes of a sparse sample are damaged.") from error


def _rows_of(frame):
    if hasattr(frame, "iter_rows"):  # polars
        return [list(row) for row in frame.iter_rows()]
    return [list(row) for row in frame.itertuples(index=False, name=None)]


def _to_json(value):
    return json.dumps(value, default=_as_plain, separators=(",", ":")).encode()


def _as_plain(value):
    """Python's own type for what JSON doesn't know."""
    if isinstance(value, np.generic):
        return value.item()
    if is_missing(np.array([value], dtype=object))[0]:
        return None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | int | float | tuple):
        return value
    raise TypeError(
        "A store holds numbers, strings, booleans, dates and missing values; got a value of "
        f"type {type(value).__name__}."
    )


def _canonical(values):
    return _to_json(_as_floats(values))


def _as_floats(value):
    """The same number in the same spelling, whether a table kept it as integer or as float."""
    if isinstance(value, list | tuple):
        return [_as_floats(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float) and -EXACT_INTEGERS <= value <= EXACT_INTEGERS:
        return float(value) + 0.0
    return None if isinstance(value, float) and value != value else value


def _numbers(array):
    """Bytes of numbers, equal where the numbers are: no dtypes, no negative zeros."""
    if _fits_floats(array):
        with np.errstate(invalid="ignore"):  # a NaN may be a signalling one
            return (array.astype(np.float64) + 0.0).tobytes()
    return array.dtype.str.encode() + (array + 0).tobytes()


def _fits_floats(array):
    """Whether each of the numbers is a float64, too."""
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
        # Compared as Python's integers: NumPy would compare with a rounded limit.
        return -EXACT_INTEGERS <= int(array.min()) <= int(array.max()) <= EXACT_INTEGERS
    return array.dtype.kind != "c" and array.dtype.itemsize <= 8


def _column(values):
    if values.dtype.kind in "biufc":
        return _numbers(values)
    return _canonical(values.tolist())


def _block_rows(block):
    if hasattr(block, "columns") or sparse.issparse(block):
        return (hash_sample(decode_sample(*row)).encode() for row in encode_samples(block))
    return map(_column, np.asarray(block))


def _digest(parts):
    digest = hashlib.sha256()
    for part in parts:
        # With its length, so that no two lists of parts read the same.
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
