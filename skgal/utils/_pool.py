"""Pools of samples, in memory or not, that are looked at a block at a time."""

from abc import ABC, abstractmethod
from functools import reduce

import numpy as np
from scipy.sparse import issparse

from skgal.utils._blocks import row_blocks
from skgal.utils._rows import concat_rows, index_rows


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
        """Iterate over the rows in order, as containers of several rows each.

        Parameters
        ----------
        positions : ndarray of int or None, default=None

        Yields
        ------
        array, sparse matrix or DataFrame
            At least one row each, in memory, and for reading only: it may be a view.
        """

    def map(self, function, positions=None):
        """Apply a function to each block, where the block lies.

        Parameters
        ----------
        function : callable
            From a block to what is wanted of it, which should be small. It may have to be
            pickled, so lambdas are no use on clusters of processes.
        positions : ndarray of int or None, default=None

        Yields
        ------
        object
            What ``function`` returns, in the order of the rows.
        """
        return map(function, self.blocks(positions))

    def take(self, indices):
        """Take rows in the order asked for.

        Parameters
        ----------
        indices : array-like of int

        Returns
        -------
        array, sparse matrix or DataFrame
            Of the kind of the blocks.
        """
        indices = np.asarray(indices)
        if indices.size == 0:
            return index_rows(next(iter(self.blocks(np.array([0])))), [])
        positions, where = np.unique(indices, return_inverse=True)
        return index_rows(reduce(concat_rows, self.blocks(positions)), where)


class RowPool(Pool):
    """An array, memory-mapped or not, a sparse matrix or a DataFrame: rows can be indexed.

    Parameters
    ----------
    X : array, sparse matrix or DataFrame of n_samples rows
        Of the sparse formats, csr is not copied.
    """

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
    """An array in chunks on disk, such as zarr's and HDF5's: slices are read, nothing else.

    Parameters
    ----------
    X : zarr.Array, h5py.Dataset or alike
        With ``shape``, ``dtype``, ``chunks`` and slicing.
    """

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
    """Blocks of samples that an object gives afresh each time it is iterated over.

    Parameters
    ----------
    blocks : iterable of array, sparse matrix or DataFrame
        ``iter`` of it starts again at the first block. Blocks may differ in length. A ``shape``
        saves reading all of them only to count the rows.
    """

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
