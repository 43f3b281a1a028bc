"""Indexes of points, exact and approximate, behind one interface."""

from abc import ABC, abstractmethod

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

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
        """Find the nearest points of queries.

        Parameters
        ----------
        queries : ndarray of shape (n_queries, n_dimensions)
        k : int
            No more than there are points.

        Returns
        -------
        distances, indices : ndarrays of shape (n_queries, k)
            Nearest first.
        """

    @abstractmethod
    def points(self, rows):
        """Return the points at some rows."""

    def search_among(self, rows, queries, k):
        """Find the nearest of some points only, by brute force.

        Parameters
        ----------
        rows : ndarray of int
            Which of the points count.
        queries : ndarray of shape (n_queries, n_dimensions)
        k : int
            No more than there are rows.

        Returns
        -------
        distances, indices : ndarrays of shape (n_queries, k)
            Nearest first; indices are of all points.
        """
        found = []
        for batch in gen_batches(len(rows), _BATCH):
            nearest = ExactIndex(self.points(rows[batch]), "brute")
            distances, local = nearest.search(queries, min(k, len(nearest)))
            found.append((distances, rows[batch][local]))
        return merge(found, k)


class ExactIndex(Index):
    """Brute force or kd-tree of scikit-learn.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_dimensions)
        Kept, not copied.
    algorithm : {"brute", "kd_tree"}
    n_jobs : int or None
    """

    def __init__(self, points, algorithm, n_jobs=None):
        self._points = points
        self._neighbors = NearestNeighbors(algorithm=algorithm, n_jobs=n_jobs).fit(points)

    def __len__(self):
        return len(self._points)

    def search(self, queries, k):
        # Of one dtype, both go through scikit-learn's fused loop.
        return self._neighbors.kneighbors(queries.astype(self._points.dtype, copy=False), k)

    def points(self, rows):
        return self._points[rows]


class HnswIndex(Index):
    """Hierarchical navigable small world graph of hnswlib; approximate.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_dimensions)
        Copied, as float32.
    seed : int
    n_jobs : int or None
        Threads of a search. The graph is built by one, so that it depends on the seed only.
    """

    def __init__(self, points, seed, n_jobs=None):
        import hnswlib

        self._n_threads = 1 if n_jobs is None else n_jobs  # -1: all, to hnswlib as to joblib
        self._graph = hnswlib.Index("l2", points.shape[1])
        self._graph.init_index(
            len(points),
            M=_HNSW_LINKS,
            ef_construction=_HNSW_EF_CONSTRUCTION,
            random_seed=seed,
        )
        for batch in gen_batches(len(points), _BATCH):
            self._graph.add_items(points[batch], num_threads=1)

    def __len__(self):
        return self._graph.element_count

    def search(self, queries, k):
        self._graph.set_ef(max(_HNSW_EF, 2 * k))
        rows, squares = self._graph.knn_query(queries, k, num_threads=self._n_threads)
        return np.sqrt(squares), rows.astype(np.intp)

    def points(self, rows):
        return self._graph.get_items(rows)


def merge(found, k):
    """Keep the k nearest of several lists of neighbours.

    Parameters
    ----------
    found : list of (distances, indices)
    k : int

    Returns
    -------
    distances, indices : ndarrays of shape (n_queries, k)
        Nearest first.
    """
    if len(found) == 1:
        return found[0]
    distances, indices = (np.concatenate(part, axis=1) for part in zip(*found, strict=True))
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return (
        np.take_along_axis(distances, nearest, axis=1),
        np.take_along_axis(indices, nearest, axis=1),
    )


def build_index(name, points, *, seed, n_jobs=None):
    """Build an index by its name.

    Parameters
    ----------
    name : {"brute", "kd_tree", "hnsw"}
    points : ndarray of shape (n_points, n_dimensions)
    seed : int
        Of the approximate index.
    n_jobs : int or None, default=None

    Returns
    -------
    ExactIndex or HnswIndex
    """
    if name == "hnsw":
        return HnswIndex(points, seed, n_jobs)
    return ExactIndex(points, name, n_jobs)
