"""Pools on a dask cluster: functions run on the workers that hold the blocks."""

from math import isnan

import dask
import numpy as np
from dask.delayed import delayed

from skgal.utils._pool import Pool, index_rows


class DaskPool(Pool):
    """A dask array, whose chunks are the blocks; functions run where the chunks lie."""

    def __init__(self, X):
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
        yield from dask.compute(*self.tasks(function, positions))

    def tasks(self, function, positions=None):
        """Return a delayed call of a function for each chunk that holds any of the rows."""
        function = delayed(function, traverse=False)  # goes to a worker once, not once a block
        blocks, lengths = self._X.to_delayed().ravel(), np.asarray(self._X.chunks[0])
        if positions is None:
            return [_APPLY(function, blocks[i]) for i in np.flatnonzero(lengths)]
        stops = np.cumsum(lengths)
        parts = np.split(positions, np.searchsorted(positions, stops[:-1]))
        return [
            # Positions travel only where there is a choice: they are in ascending order.
            _APPLY(function, block, None if len(part) == length else part - (stop - length))
            for block, part, stop, length in zip(blocks, parts, stops, lengths, strict=True)
            if len(part)
        ]


def _itself(block):
    return block


def _apply(function, block, rows=None):
    return function(block if rows is None else index_rows(block, rows))


_APPLY = delayed(_apply, pure=False, traverse=False)
