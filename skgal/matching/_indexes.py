"""Indexes of points, exact and approximate, behind one interface."""

from abc import ABC, abstractmethod
from importlib.util import find_spec
from io import BytesIO
from math import log2

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from skgal.utils import find_offset

# Points that are compared with the queries at a time.
_BATCH = 2**17
# Links of a point, and candidates while they are chosen: recall at 1 stays above 0.99 on images.
_HNSW_LINKS, _HNSW_EF_CONSTRUCTION, _HNSW_EF = 16, 200, 100


class Index(ABC):
    """Points among which the nearest are searched."""

    @abstractmethod
    def __len__(self):
        """Return the number of points."""

    @abstractmethod
    def search(self, queries, k):
        """Return distances and rows of the k nearest points, (n_queries, k), nearest first."""

    @abstractmethod
    def points(self, rows):
        """Return the points at some rows."""

    def search_among(self, rows, queries, k):
        """Do the same among some rows only, by brute force."""
        found = []
        for batch in gen_batches(len(rows), _BATCH):
            nearest = ExactIndex(self.points(rows[batch]), "brute")
            distances, local = nearest.search(queries, min(k, len(nearest)))
            found.append((distances, rows[batch][local]))
        return merge(found, k)


class ExactIndex(Index):
    """Brute force or kd-tree of scikit-learn; points are not copied, unless far from the origin."""

    def __init__(self, points, algorithm, n_jobs=None):
        self._points = points
        self._offset = find_offset(points) if algorithm == "brute" else None
        near = points if self._offset is None else points - self._offset
        self._neighbors = NearestNeighbors(algorithm=algorithm, n_jobs=n_jobs).fit(near)

    def __len__(self):
        return len(self._points)

    def search(self, queries, k):
        if self._offset is not None:
            queries = queries - self._offset
        # Of one dtype, both go through scikit-learn's fused loop.
        return self._neighbors.kneighbors(queries.astype(self._points.dtype, copy=False), k)

    def points(self, rows):
        return self._points[rows]


class HnswIndex(Index):
    """Hierarchical navigable small world graph of voyager; approximate."""

    def __init__(self, points, n_jobs=None):
        import voyager  # an optional dependency

        self._n_threads = 1 if n_jobs is None else n_jobs  # -1: all, to voyager as to joblib
        self._graph = voyager.Index(
            voyager.Space.Euclidean,
            num_dimensions=points.shape[1],
            M=_HNSW_LINKS,
            ef_construction=_HNSW_EF_CONSTRUCTION,
            max_elements=len(points),
        )
        offset = find_offset(points)
        self._offset = 0 if offset is None else offset.astype(np.float64)
        # By one thread, for the same graph each time: voyager 2.2 ignores its seed.
        for batch in gen_batches(len(points), _BATCH):
            self._graph.add_items(self._single(points[batch]), num_threads=1)

    def __len__(self):
        return self._graph.num_elements

    def search(self, queries, k):
        rows, squares = self._graph.query(
            self._single(queries), k, num_threads=self._n_threads, query_ef=max(_HNSW_EF, 2 * k)
        )
        return np.sqrt(squares), rows.astype(np.intp)

    def points(self, rows):
        return self._graph.get_vectors(rows) + self._offset

    def _single(self, points):
        """Return points in the single precision of the graph."""
        return (points - self._offset).astype(np.float32, copy=False)

    def __getstate__(self):
        return {**self.__dict__, "_graph": self._graph.as_bytes()}

    def __setstate__(self, state):
        import voyager

        graph = voyager.Index.load(BytesIO(state["_graph"]))
        self.__dict__.update(state, _graph=graph)


def merge(found, k):
    """Keep the k nearest of several lists of neighbours."""
    if len(found) == 1:
        return found[0]
    distances, indices = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return (
        np.take_along_axis(distances, nearest, axis=1),
        np.take_along_axis(indices, nearest, axis=1),
    )


def build_index(name, points, n_jobs=None):
    """Build the index "brute", "kd_tree" or "hnsw" of points (n_points, n_dimensions)."""
    return HnswIndex(points, n_jobs) if name == "hnsw" else ExactIndex(points, name, n_jobs)


class DaskIndex(Index):
    """One index for each block of a dask array, where the block lies; only queries travel."""

    def __init__(self, pool, build):
        import dask  # an optional dependency

        self._parts = dask.persist(*pool.tasks(build))
        # What goes wrong in building the parts shows here.
        self._lengths = np.array(self._map(len, [()] * len(self._parts)))
        self._stops = np.cumsum(self._lengths)
        self._starts = self._stops - self._lengths

    def __len__(self):
        return int(self._stops[-1])

    def search(self, queries, k):
        wanted = [(min(k, length),) for length in self._lengths]
        return self._merge(self._map(_search, wanted, queries), k)

    def search_among(self, rows, queries, k):
        wanted = [(min(k, len(part)), part) for part in self._split(rows)]
        return self._merge(self._map(_search_among, wanted, queries), k)

    def points(self, rows):
        return np.concatenate(self._map(_points, [(part,) for part in self._split(rows)]))

    def _split(self, rows):
        """Number rows, which are in ascending order, within the parts they belong to."""
        parts = np.split(rows, np.searchsorted(rows, self._stops[:-1]))
        return [part - start for part, start in zip(parts, self._starts, strict=True)]

    def _merge(self, found, k):
        starts = zip(found, self._starts, strict=True)
        return merge([(near, start + rows) for (near, rows), start in starts], k)

    def _map(self, function, arguments, *shared):
        """Call a function with each part, its arguments and shared ones, where the part lies."""
        import dask

        function = dask.delayed(function, pure=False)
        shared = [dask.delayed(value, traverse=False) for value in shared]
        return dask.compute(
            *(
                function(part, *some, *shared)
                for part, some in zip(self._parts, arguments, strict=True)
            )
        )


def _search(index, k, queries):
    return index.search(queries, k)


def _search_among(index, k, rows, queries):
    if len(rows) == 0:
        return np.empty((len(queries), 0)), np.empty((len(queries), 0), dtype=np.intp)
    return index.search_among(rows, queries, k)


def _points(index, rows):
    return index.points(rows)


# Seconds on one core of 2024, to be right within a factor of two: what counts is where the lines
# cross. Fitted to searches for 16 neighbours among 3,000 to 10^6 points in 2 to 50 dimensions; the
# tests of "auto" hold what was measured.
_BRUTE = 3e-11  # for each coordinate of each point
_BRUTE_POINT = 35  # what goes with each distance costs as much as this many coordinates
_TREE_BUILD = 1e-8  # for each coordinate of each point, on each level
_TREE_QUERY = (
    4.5e-6  # for a few leaves, 300 points; more are visited the more dimensions there are:
)
_TREE_LEAVES, _TREE_EXPONENT = 300, 1 / 14
_GRAPH_BUILD = 1.3e-4  # for each point
_GRAPH_QUERY = 6e-5

# In more dimensions a kd-tree visits most of its leaves; scikit-learn draws the line here too.
_TREE_MAX_DIMENSIONS = 15


def choose_index(n_points, n_dimensions, n_queries):
    """Choose the index that costs least: to build, and for all the queries to come."""
    levels = log2(n_points + 1)
    costs = {"brute": n_queries * _BRUTE * n_points * (n_dimensions + _BRUTE_POINT)}
    if n_dimensions <= _TREE_MAX_DIMENSIONS:
        build = _TREE_BUILD * n_points * n_dimensions * levels
        visited = (n_points / _TREE_LEAVES) ** (n_dimensions * _TREE_EXPONENT)
        costs["kd_tree"] = build + n_queries * _TREE_QUERY * visited
    if has_voyager():
        costs["hnsw"] = n_points * _GRAPH_BUILD + n_queries * _GRAPH_QUERY
    return min(costs, key=costs.get)


def check_index(name):
    """Raise ImportError if an index needs a library that isn't installed."""
    if name == "hnsw" and not has_voyager():
        raise ImportError("index='hnsw' needs voyager, an optional extra: pip install skgal[ann]")


def has_voyager():
    """Tell whether voyager can be imported."""
    return find_spec("voyager") is not None
