"""Distances of points far from the origin, which nothing else here has to do with."""

import numpy as np

# Rows that tell where the points lie, and how many times their spread is far.
_SOME, _FAR = 1000, 100


def find_offset(points):
    """Return where points lie that are far from the origin for their spread; None for others.

    scikit-learn computes Euclidean distances from squares of the points, in which what they have
    in common takes the digits of what they differ by: with an offset of 1e8 standard deviations
    nothing is left. To subtract it first changes no distance.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
        Finite numbers.

    Returns
    -------
    ndarray of shape (n_features,), dtype as of ``points``, or None
        The middle value of each column among some rows: a number that occurs, so differences of
        whole numbers stay exact.
    """
    some = points[:: max(len(points) // _SOME, 1)]
    if some.size == 0:
        return None
    middle = np.partition(some, len(some) // 2, axis=0)[len(some) // 2]
    spread = np.abs(some - middle).mean(axis=0)
    return middle if np.abs(middle).max() > _FAR * spread.max() else None


def without_offset(points, *others):
    """Move points, and others with them, to the origin if they are far from it; else do nothing."""
    offset = find_offset(points)
    return [each if offset is None else each - offset for each in (points, *others)]
