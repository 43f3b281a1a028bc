"""One way to look at samples, whatever container they are in."""

import sys

import numpy as np
from scipy.sparse import issparse

from skgal.utils._pool import BlockPool, ChunkPool, Pool, RowPool
from skgal.utils._rows import index_rows


def as_pool(X):
    """See samples as a pool: blocks that can be streamed, rows that can be taken.

    Parameters
    ----------
    X : array-like, sparse matrix, DataFrame, zarr or dask array, or iterable of blocks
        An array may be memory-mapped (:class:`numpy.memmap`). Arrays that have ``chunks``, as
        those of zarr and h5py, are read by slices. Chunks of a dask array are worked on where
        they lie. What counts as an iterable of blocks says :func:`gives_blocks`.

    Returns
    -------
    Pool
        Nothing is read or copied to make it, but for lists of rows, which become arrays, and
        for sparse formats other than csr.

    Raises
    ------
    TypeError
        If X is an iterator, which gives its blocks but once; or a dask collection that is no
        array.

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
        return _dask_pool(X)
    if hasattr(X, "chunks"):
        return ChunkPool(X)
    return RowPool(X if hasattr(X, "shape") else np.asarray(X))


def gives_blocks(X):
    """Tell whether X is an iterable of blocks of samples, each block a container of its own.

    Parameters
    ----------
    X : object
        Blocks are given by a list or tuple of tables (2-D arrays, sparse matrices, DataFrames)
        or of batches of images (4-D arrays); and by any object whose ``__iter__`` starts afresh
        each time and which has no ``__getitem__``, say a class that opens one file after the
        other.

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If X is an iterator: a generator gives its blocks but once.
    """
    if isinstance(X, Pool) or issparse(X):
        return False
    if isinstance(X, list | tuple):
        return bool(len(X)) and len(getattr(X[0], "shape", ())) in (2, 4)
    if hasattr(X, "__next__"):
        raise TypeError(
            f"A {type(X).__name__} gives its blocks but once, and a pool is looked at several "
            "times; pass a list of blocks, or an object whose __iter__ starts afresh each time."
        )
    return hasattr(X, "__iter__") and not hasattr(X, "__getitem__")


def take_rows(X, indices):
    """Take rows of an array, a data frame, a list or a pool that isn't in memory.

    Parameters
    ----------
    X : array-like, DataFrame or whatever else :func:`as_pool` takes, of n rows
    indices : array-like of int or of bool
        Positions, or a mask of length n.

    Returns
    -------
    array, sparse matrix, DataFrame or list
        The same kind of container as ``X``, or as the blocks it gives; in memory.

    Examples
    --------
    >>> from skgal.utils import take_rows
    >>> take_rows(["a", "b", "c"], [2, 0])
    ['c', 'a']
    """
    if isinstance(X, Pool) or gives_blocks(X) or hasattr(X, "chunks"):
        indices = np.asarray(indices)
        return as_pool(X).take(np.flatnonzero(indices) if indices.dtype == bool else indices)
    return index_rows(X, indices)


def _is_dask(X):
    # What isn't imported has made no X.
    dask = sys.modules.get("dask")
    return dask is not None and dask.is_dask_collection(X)


def _dask_pool(X):
    import dask.array

    if not isinstance(X, dask.array.Array):
        raise TypeError(
            f"Of dask's collections arrays can be pools, got {type(X).__name__}; a dask DataFrame "
            "becomes an array by to_dask_array(lengths=True)."
        )
    # Not at the top: dask is an optional dependency.
    from skgal.utils._dask_pool import DaskPool

    return DaskPool(X)
