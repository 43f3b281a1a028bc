"""An index in parts, each where a part of the pool lies."""

import dask
import numpy as np
from dask.delayed import delayed

from skgal.matching._indexes import Index, merge


class DaskIndex(Index):
    """One index for each block of a dask array, on the worker that has the block.

    Only queries travel, and the neighbours found.

    Parameters
    ----------
    pool : DaskPool
    build : callable
        From a block of samples to an :class:`Index`.
    """

    def __init__(self, pool, build):
        self._parts = dask.persist(*pool.tasks(build))
        # What goes wrong in building the parts shows here.
        self._lengths = np.array(self._map(len, [()] * len(self._parts)))
        self._stops = np.cumsum(self._lengths)
        self._starts = self._stops - self._lengths

    def __len__(self):
        return int(self._stops[-1])

    def search(self, queries, k):
        queries = delayed(queries, traverse=False)
        found = self._map(_search, [(queries, min(k, length)) for length in self._lengths])
        return self._merge(found, k)

    def search_among(self, rows, queries, k):
        queries = delayed(queries, traverse=False)
        parts = self._split(rows)
        found = self._map(_search_among, [(part, queries, min(k, len(part))) for part in parts])
        return self._merge(found, k)

    def points(self, rows):
        return np.concatenate(self._map(_points, [(part,) for part in self._split(rows)]))

    def _split(self, rows):
        """Number rows, which are in ascending order, within the parts they belong to."""
        parts = np.split(rows, np.searchsorted(rows, self._stops[:-1]))
        return [part - start for part, start in zip(parts, self._starts, strict=True)]

    def _merge(self, found, k):
        starts = zip(found, self._starts, strict=True)
        return merge([(near, start + rows) for (near, rows), start in starts], k)

    def _map(self, function, arguments):
        """Call a function with each part and its arguments, where the part lies."""
        function = delayed(function, pure=False)
        return dask.compute(
            *(function(part, *some) for part, some in zip(self._parts, arguments, strict=True))
        )


def _search(index, queries, k):
    return index.search(queries, k)


def _search_among(index, rows, queries, k):
    if len(rows) == 0:
        return np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.intp)
    return index.search_among(rows, queries, k)


def _points(index, rows):
    return index.points(rows)
