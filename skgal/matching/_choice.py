"""Which index answers first, its building included."""

from importlib.util import find_spec
from math import log2

# Seconds on one core of 2024, to be right within a factor of a few: what counts is where the
# lines cross. Measured on 10^6 x 50 principal components of MNIST: brute force 2.6 ms a query,
# kd-tree 13 ms, hnswlib 0.06 ms, after 0, 10 and 130 s of building on one thread.
_BRUTE = 5e-11  # for each coordinate of each point
_BRUTE_POINT = 10  # what goes with each distance costs as much as this many coordinates
_TREE_BUILD = 1e-8  # for each coordinate of each point, on each level
_TREE_QUERY = 2e-6  # for each level, times what a level costs in more dimensions:
_TREE_GROWTH = 2**0.5
_GRAPH_BUILD = 1.3e-4  # for each point
_GRAPH_QUERY = 6e-5

# In more dimensions a kd-tree visits most of its leaves; scikit-learn draws the line here too.
_TREE_MAX_DIMENSIONS = 15


def choose_index(n_points, n_dimensions, n_queries):
    """Choose the index with the smallest cost: of building it, and of all queries to come.

    Parameters
    ----------
    n_points, n_dimensions : int
    n_queries : int
        How many there will be in all.

    Returns
    -------
    {"brute", "kd_tree", "hnsw"}
        ``"hnsw"`` only where hnswlib is installed.
    """
    levels = log2(n_points + 1)
    costs = {"brute": n_queries * _BRUTE * n_points * (n_dimensions + _BRUTE_POINT)}
    if n_dimensions <= _TREE_MAX_DIMENSIONS:
        build = _TREE_BUILD * n_points * n_dimensions * levels
        costs["kd_tree"] = build + n_queries * _TREE_QUERY * levels * _TREE_GROWTH**n_dimensions
    if has_hnswlib():
        costs["hnsw"] = n_points * _GRAPH_BUILD + n_queries * _GRAPH_QUERY
    return min(costs, key=costs.get)


def check_index(name):
    """Raise ImportError if an index needs a library that isn't installed."""
    if name == "hnsw" and not has_hnswlib():
        raise ImportError("index='hnsw' needs hnswlib, an optional extra: pip install skgal[ann]")


def has_hnswlib():
    """Tell whether hnswlib can be imported."""
    return find_spec("hnswlib") is not None
