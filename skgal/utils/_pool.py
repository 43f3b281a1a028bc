"""Pools of samples, in memory or not, that are read by blocks or by rows.

From the bottom up: rows of any container, blocks of rows, the pools of each kind of container,
how samples become one, and how estimators are checked against and fitted to pools.
"""

import sys
from abc import ABC, abstractmethod
from functools import reduce
from math import isnan

import narwhals.stable.v2 as nw
import numpy as np
from scipy import sparse
from scipy.sparse import issparse
from sklearn.frozen import FrozenEstimator
from sklearn.utils import gen_batches, get_tags
from sklearn.utils.validation import validate_data

from skgal.utils._frames import column_names, is_frame
from skgal.utils._layout import warn_of_channels_last
from skgal.utils._sklearn import _safe_indexing

# Of one block; what a model computes from it takes several times as much.
BLOCK_BYTES = 2**24


def index_rows(X, indices):
    """Take rows of an array, a data frame or a list, all in memory."""
    indices = np.asarray(indices)
    if indices.size == 0:  # NumPy makes floats of an empty list
        indices = indices.astype(np.intp)
    return _safe_indexing(X, indices)


def concat_rows(first, second):
    """Stack the rows of two containers of the same kind, those of ``first`` on top.

    Sparse where one of the two is; a DataFrame where both are one, whose pandas index is made anew.
    """
    if is_frame(first) or is_frame(second):
        return _concat_frames(first, second)
    any_sparse = sparse.issparse(first) or sparse.issparse(second)
    if not any_sparse:
        first, second = np.asarray(first), np.asarray(second)
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"Cannot stack samples of shape {second.shape[1:]} below samples of shape "
            f"{first.shape[1:]}; both must have the same features or image shape."
        )
    if any_sparse:
        return sparse.vstack([first, second], format="csr")
    return np.concatenate([first, second])


def _concat_frames(first, second):
    if type(first) is not type(second):
        raise TypeError(
            f"Cannot stack a {type(second).__module__}.{type(second).__qualname__} below a "
            f"{type(first).__module__}.{type(first).__qualname__}; convert one to the other."
        )
    if column_names(first) != column_names(second):
        raise ValueError(
            f"Cannot stack columns {column_names(second)} below columns {column_names(first)}; "
            "both must have the same columns in the same order."
        )
    if nw.dependencies.is_pandas_like_dataframe(first):
        namespace = nw.get_native_namespace(first)
        return namespace.concat([first, second], ignore_index=True)
    schema = first.schema
    second = second.cast(dict(schema) if nw.dependencies.is_polars_dataframe(first) else schema)
    return nw.to_native(nw.concat([nw.from_native(first), nw.from_native(second)]))


def row_blocks(n_rows, like):
    """Cut rows of the size of those of ``like`` into slices of at most 16 MiB, at least one row.

    Rows of a sparse matrix count as if they were dense, since that is what most models make of
    them.
    """
    return gen_batches(n_rows, max(1, BLOCK_BYTES // max(1, _row_bytes(like))))


def _row_bytes(like):
    if issparse(like):
        return like.shape[1] * like.dtype.itemsize
    return np.asarray(index_rows(like, [0])).nbytes


class Pool(ABC):
    """Samples of which no more than a block need be in memory.

    ``positions`` are row numbers in ascending order, none twice; None stands for all rows.
    Every row has the same shape, ``sample_shape``.

    Attributes
    ----------
    is_indexed : bool
        Whether the samples are a container that scikit-learn's estimators take whole.
    """

    is_indexed = False

    @property
    @abstractmethod
    def n_samples(self):
        """Number of rows."""

    @property
    @abstractmethod
    def sample_shape(self):
        """Shape of one row: (n_features,) or (channels, height, width)."""

    @property
    def shape(self):
        """Shape that an array of all rows would have."""
        return (self.n_samples, *self.sample_shape)

    def __len__(self):
        return self.n_samples

    @abstractmethod
    def blocks(self, positions=None):
        """Iterate over rows in order, as containers of one row or more that may be views."""

    def map(self, function, positions=None):
        """Apply a function to each block, where the block lies; yield its results in order.

        On clusters of processes the function is pickled, so it can't be a lambda.
        """
        return map(function, self.blocks(positions))

    def take(self, indices):
        """Take rows in the order asked for, in a container of the kind of the blocks."""
        indices = np.asarray(indices)
        if indices.size == 0:
            return index_rows(next(iter(self.blocks(np.array([0])))), [])
        positions, where = np.unique(indices, return_inverse=True)
        return index_rows(reduce(concat_rows, self.blocks(positions)), where)


class RowPool(Pool):
    """An array, memory-mapped or not, a sparse matrix or a DataFrame: rows can be indexed."""

    is_indexed = True

    def __init__(self, X):
        self._X = X.tocsr() if issparse(X) else X

    @property
    def n_samples(self):
        return int(self._X.shape[0])

    @property
    def sample_shape(self):
        return tuple(self._X.shape[1:])

    def blocks(self, positions=None):
        n_rows = self.n_samples if positions is None else len(positions)
        for block in row_blocks(n_rows, like=self._X):
            yield self._rows(block if positions is None else positions[block])

    def _rows(self, wanted):
        if not isinstance(wanted, slice) and wanted[-1] - wanted[0] == len(wanted) - 1:
            wanted = slice(int(wanted[0]), int(wanted[-1]) + 1)
        if isinstance(wanted, slice) and isinstance(self._X, np.ndarray):
            return self._X[wanted]  # a view
        if isinstance(wanted, slice):
            wanted = np.arange(wanted.start, wanted.stop)
        return index_rows(self._X, wanted)

    def take(self, indices):
        return index_rows(self._X, indices)


class ChunkPool(Pool):
    """An array in chunks on disk, such as zarr's and HDF5's, that is read by slices."""

    def __init__(self, X):
        self._X = X

    @property
    def n_samples(self):
        return int(self._X.shape[0])

    @property
    def sample_shape(self):
        return tuple(self._X.shape[1:])

    def blocks(self, positions=None):
        for start, stop in self._ranges():
            if positions is None:
                yield np.asarray(self._X[start:stop])
                continue
            wanted = positions[slice(*np.searchsorted(positions, (start, stop)))]
            if len(wanted):
                first = int(wanted[0])
                rows = np.asarray(self._X[first : int(wanted[-1]) + 1])
                yield rows if len(rows) == len(wanted) else rows[wanted - first]

    def _ranges(self):
        """Cut at the borders of chunks, so that none is read twice."""
        # A shard of zarr's is a file of several chunks.
        n_chunk = (getattr(self._X, "shards", None) or self._X.chunks)[0]
        like = np.broadcast_to(np.zeros((), self._X.dtype), (1, *self.sample_shape))
        n_block = next(iter(row_blocks(self.n_samples, like=like))).stop
        step = max(1, n_block // n_chunk) * n_chunk
        for start in range(0, self.n_samples, step):
            yield start, min(start + step, self.n_samples)


class BlockPool(Pool):
    """Blocks of samples that an object yields anew each time it is iterated over."""

    def __init__(self, blocks):
        self._source = blocks
        self._shape = tuple(getattr(blocks, "shape", ())) or None

    @property
    def n_samples(self):
        return self._measured()[0]

    @property
    def sample_shape(self):
        return self._measured()[1:]

    def head(self):
        """Return the first block."""
        for block in self._source:
            return _check_block(block)
        raise ValueError("The pool is empty: it gave no block of samples.")

    def blocks(self, positions=None):
        if positions is not None and not len(positions):
            return
        start = 0
        for block in map(_check_block, self._source):
            self._check_like_the_first(block)
            stop = start + block.shape[0]
            wanted = None
            if positions is not None:
                first, last = np.searchsorted(positions, (start, stop))
                wanted = positions[first:last] - start
            if block.shape[0] and (wanted is None or len(wanted)):
                yield from RowPool(block).blocks(wanted)
            start = stop
            if positions is not None and stop > positions[-1]:
                return
        if start != self.n_samples:
            raise ValueError(
                f"The blocks of the pool had {self.n_samples} rows in all at first, and now have "
                f"{start}; each iteration over it must give the same rows."
            )

    def _measured(self):
        if self._shape is None:
            sample_shape = tuple(self.head().shape[1:])
            n_samples = sum(_check_block(block).shape[0] for block in self._source)
            self._shape = (n_samples, *sample_shape)
        return self._shape

    def _check_like_the_first(self, block):
        if tuple(block.shape[1:]) != self.sample_shape:
            raise ValueError(
                f"All blocks of a pool must hold samples of one shape; one has samples of shape "
                f"{tuple(block.shape[1:])}, the first of shape {self.sample_shape}."
            )


def _check_block(block):
    if not hasattr(block, "shape") or len(block.shape) < 2:
        raise TypeError(
            "A pool of blocks must give arrays, sparse matrices or DataFrames of several samples "
            f"each; it gave {type(block).__name__}"
            + (f" of shape {tuple(block.shape)}." if hasattr(block, "shape") else ".")
        )
    return block


class DaskPool(Pool):
    """A dask array, whose chunks are the blocks; functions run on the workers that hold them."""

    def __init__(self, X):
        import dask.array  # an optional dependency

        if not isinstance(X, dask.array.Array):
            raise TypeError(
                f"A dask pool must be an array, got {type(X).__name__}; a dask DataFrame "
                "becomes an array by to_dask_array(lengths=True)."
            )
        if any(isnan(length) for lengths in X.chunks for length in lengths):
            raise ValueError(
                "The dask array doesn't know the lengths of its chunks; call "
                "compute_chunk_sizes() on it first."
            )
        self._X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))  # a block has whole rows

    @property
    def n_samples(self):
        return int(self._X.shape[0])

    @property
    def sample_shape(self):
        return tuple(self._X.shape[1:])

    def blocks(self, positions=None):
        for task in self.tasks(_itself, positions):
            yield task.compute()

    def map(self, function, positions=None):
        import dask

        yield from dask.compute(*self.tasks(function, positions))

    def tasks(self, function, positions=None):
        """Return a delayed call of a function for each chunk that holds any of the rows."""
        from dask.delayed import delayed

        apply = delayed(_apply, pure=False, traverse=False)
        function = delayed(function, traverse=False)  # goes to a worker once, not once a block
        blocks, lengths = self._X.to_delayed().ravel(), np.asarray(self._X.chunks[0])
        if positions is None:
            return [apply(function, blocks[i]) for i in np.flatnonzero(lengths)]
        stops = np.cumsum(lengths)
        parts = np.split(positions, np.searchsorted(positions, stops[:-1]))
        return [
            # Positions are sent only where a part of the block is wanted.
            apply(function, block, None if len(part) == length else part - (stop - length))
            for block, part, stop, length in zip(blocks, parts, stops, lengths, strict=True)
            if len(part)
        ]


def _itself(block):
    return block


def _apply(function, block, rows=None):
    return function(block if rows is None else index_rows(block, rows))


def as_pool(X):
    """Wrap samples as a pool, which is read by blocks or by rows.

    Parameters
    ----------
    X : array-like, sparse matrix, DataFrame, zarr or dask array, or iterable of blocks
        An array may be memory-mapped (:class:`numpy.memmap`). Arrays that have ``chunks``, as
        those of zarr and h5py, are read by slices. Chunks of a dask array are worked on where
        they lie. :func:`gives_blocks` defines iterables of blocks.

    Returns
    -------
    Pool
        Nothing is read or copied to make it, but for lists of rows, which become arrays, and
        for sparse formats other than csr.

    Raises
    ------
    TypeError
        If X is an iterator, which gives its blocks only once; a dask collection that is no array;
        or a LazyFrame or RecordBatch.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.utils import as_pool
    >>> pool = as_pool([np.zeros((2, 3)), np.ones((4, 3))])
    >>> pool.shape
    (6, 3)
    >>> pool.take([5, 0]).tolist()
    [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    >>> list(pool.map(np.sum))
    [np.float64(0.0), np.float64(12.0)]
    """
    if isinstance(X, Pool):
        return X
    if gives_blocks(X):
        return BlockPool(X)
    if _is_dask(X):
        return DaskPool(X)
    if hasattr(X, "chunks"):
        return ChunkPool(X)
    is_frame(X)  # raises for frames that can't be taken row by row
    return RowPool(X if hasattr(X, "shape") else np.asarray(X))


def gives_blocks(X):
    """Tell whether X is an iterable of blocks of samples, each block a container of its own.

    Such is a list or tuple of tables (2-D arrays, sparse matrices, DataFrames) or of batches of
    images (4-D arrays); and any object whose ``__iter__`` starts afresh each time and which has no
    ``__getitem__``, say a class that opens one file after the other. An iterator is a TypeError.
    """
    if isinstance(X, Pool) or issparse(X):
        return False
    if isinstance(X, list | tuple):
        return bool(len(X)) and len(getattr(X[0], "shape", ())) in (2, 4)
    if hasattr(X, "__next__"):
        raise TypeError(
            f"A {type(X).__name__} gives its blocks only once, and a pool is read several "
            "times; pass a list of blocks, or an object whose __iter__ starts afresh each time."
        )
    return hasattr(X, "__iter__") and not hasattr(X, "__getitem__")


def take_rows(X, indices):
    """Take rows, by positions or a mask, of an array, a data frame, a list or a pool."""
    if isinstance(X, Pool) or gives_blocks(X) or hasattr(X, "chunks"):
        indices = np.asarray(indices)
        return as_pool(X).take(np.flatnonzero(indices) if indices.dtype == bool else indices)
    return index_rows(X, indices)


def _is_dask(X):
    # Without the import, X can't be dask's.
    dask = sys.modules.get("dask")
    return dask is not None and dask.is_dask_collection(X)


def validate_pool(estimator, X, *, reset=True):
    """Check samples, and note or compare the number and names of their features; return the pool.

    Values are not checked: NaN and strings are the model's or transformer's concern. Only NumPy
    arrays and lists are looked at; of blocks, the first.
    """
    pool = as_pool(X)
    if gives_blocks(X):
        X = pool.head()
    warn_of_channels_last(tuple(getattr(X, "shape", ())[1:]))
    foreign = hasattr(X, "shape") and not isinstance(X, np.ndarray)
    if foreign and 0 in X.shape:
        raise ValueError(
            f"Found a pool of shape {tuple(X.shape)}; at least one sample with one feature is "
            "required."
        )
    validate_data(
        estimator,
        X,
        reset=reset,
        skip_check_array=foreign,
        dtype=None,
        allow_nd=True,
        ensure_all_finite=False,
    )
    return pool


def fit_to_pool(estimator, X, y=None):
    """Fit an estimator to samples, in memory or not, and return it.

    Labels are passed on if the samples are an array, a sparse matrix or a DataFrame. Of blocks it
    sees the first, if it is frozen or needs no fit, or all of them one after the other by
    ``partial_fit``.
    """
    pool = as_pool(X)
    if pool.is_indexed:
        return estimator.fit(X, y)
    if isinstance(estimator, FrozenEstimator) or not get_tags(estimator).requires_fit:
        return estimator.fit(next(iter(pool.blocks())), None)
    if not hasattr(estimator, "partial_fit"):
        raise TypeError(
            f"{type(estimator).__name__} needs all samples at once to be fitted, but the pool "
            "comes in blocks; fit it to some of them, and pass it inside "
            "sklearn.frozen.FrozenEstimator."
        )
    for block in pool.blocks():
        estimator.partial_fit(block)
    return estimator
