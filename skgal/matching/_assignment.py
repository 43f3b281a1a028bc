"""Different rows for all samples, the nearest pairs first."""

import numpy as np


def assign_greedily(distances, indices, n_each):
    """Give each sample its own rows, by taking pairs of sample and row in order of distance.

    Parameters
    ----------
    distances : ndarray of shape (n_samples, n_neighbors)
        To the nearest rows of each sample, in ascending order; infinite where a row is not to be
        had, or the list of a sample is shorter than others.
    indices : ndarray of shape (n_samples, n_neighbors), dtype int
        These rows.
    n_each : int
        How many rows each sample is given.

    Returns
    -------
    ndarray of shape (n_samples, n_each), dtype int
        The rows of each sample, nearest first, no row twice; -1 where a sample's list came to
        its end. If none did, farther neighbours would change nothing: a pair that isn't in the
        lists comes after those by which its sample got all it is given.
    """
    n_samples, n_neighbors = indices.shape
    assigned = np.full((n_samples, n_each), -1, dtype=np.intp)
    n_given = np.zeros(n_samples, dtype=np.intp)
    n_open, taken = n_samples, set()
    # A stable sort: of equal distances the first sample's comes first.
    order = np.argsort(distances, axis=None, kind="stable")
    order = order[np.isfinite(distances.ravel()[order])]
    rows = indices.ravel()[order].tolist()
    for sample, row in zip((order // n_neighbors).tolist(), rows, strict=True):
        if n_given[sample] == n_each or row in taken:
            continue
        taken.add(row)
        assigned[sample, n_given[sample]] = row
        n_given[sample] += 1
        n_open -= n_given[sample] == n_each
        if n_open == 0:
            break
    return assigned
