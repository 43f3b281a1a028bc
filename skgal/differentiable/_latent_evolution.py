"""Searching a latent space for the points with the highest score, where there is no gradient."""

import numpy as np

from skgal.differentiable._progress import Progress

# A step compares this many children of each point.
_N_CHILDREN = 4


def evolve_latent(score, start, distribution, rng, *, max_iter=100, tol=1e-3, patience=15):
    """Maximise a score over latent points by evolution, all points in one batch.

    Each point is the parent of a few children, which take over a random share of its
    coordinates and draw the others anew from the latent distribution; the best of the family
    is the next parent. Children are as likely under the latent distribution as any draw, so
    nothing pulls the search to where the generator was never trained. A point leaves the batch
    once it has converged.

    Parameters
    ----------
    score : callable
        Maps an ndarray (n, latent_dim) to an ndarray (n,).
    start : ndarray of shape (n_points, latent_dim)
    distribution : frozen distribution of scipy.stats
        Of each latent coordinate.
    rng : numpy.random.RandomState
    max_iter : int, default=100
        Generations at most, each of four evaluations a point.
    tol : float or None, default=1e-3
        A point has converged once ``patience`` steps brought at most this share of all it has
        gained. None: never.
    patience : int, default=15

    Returns
    -------
    latent : ndarray of shape (n_points, latent_dim), dtype float32
    values : ndarray of shape (n_points,)
        The score there.

    Raises
    ------
    ValueError
        If the score is NaN somewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import uniform
    >>> from skgal.differentiable import evolve_latent
    >>> latent, values = evolve_latent(
    ...     lambda Z: Z[:, 0] > 0.5, np.zeros((3, 2)), uniform(-1, 2), np.random.RandomState(0)
    ... )
    >>> values
    array([1., 1., 1.])
    """
    best = np.array(start, dtype=np.float32)
    progress = Progress(len(best), tol, patience)
    progress.update(np.asarray(score(best), dtype=np.float64))
    for _ in range(max_iter):
        parents = progress.active
        children = _children(best[parents], distribution, rng)
        values = np.asarray(score(children.reshape(-1, best.shape[1])), dtype=np.float64)
        values = values.reshape(len(parents), _N_CHILDREN)
        champions = np.arange(len(parents)), values.argmax(axis=1)
        # A child as good as its parent takes its place: on a plateau, that is what moves.
        at_least = values[champions] >= progress.best[parents]
        progress.update(values[champions])
        best[parents[at_least]] = children[champions][at_least]
        if not len(progress.active):
            break
    return best, progress.best


def _children(parents, distribution, rng):
    shape = (len(parents), _N_CHILDREN, parents.shape[1])
    # Shares from one coordinate to half of them: long steps first, short ones near the end.
    shares = np.exp(rng.uniform(np.log(1 / shape[2]), np.log(0.5), size=(*shape[:2], 1)))
    redrawn = rng.random_sample(shape) < np.maximum(shares, 1 / shape[2])
    drawn = distribution.rvs(size=shape, random_state=rng).astype(np.float32)
    return np.where(redrawn, drawn, parents[:, np.newaxis])
