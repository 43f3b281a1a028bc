"""Point sets that cover a latent space evenly."""

import numpy as np
from scipy.stats import qmc

from skgal.utils import draw_seed

# Sobol points are multiples of 2**-30; half a step keeps those of the left edge, where the
# quantile function of an unbounded distribution is infinite, inside the cube.
_INSIDE = 2.0**-31


def resolve_kind(kind, dim, n_points):
    """Settle on the kind of a point set, before anything is spent on it.

    Parameters
    ----------
    kind : {"auto", "grid", "sobol"}
        ``"auto"`` is a grid in one or two dimensions.
    dim : int
    n_points : int

    Returns
    -------
    {"grid", "sobol"}

    Raises
    ------
    ValueError
        If a grid of about ``n_points`` is too coarse in ``dim`` dimensions.
    """
    if kind == "auto":
        kind = "grid" if dim <= 2 else "sobol"
    if kind == "grid" and (_cells_a_side(dim, n_points) + 1) ** dim > 2 * n_points:
        raise ValueError(
            f"A grid of about {n_points} points is too coarse in {dim} dimensions; "
            "use candidates='sobol', or more n_candidates."
        )
    return kind


def latent_points(distribution, dim, n_points, kind, rng):
    """Cover a latent space with points, as densely as its distribution is there.

    Parameters
    ----------
    distribution : frozen distribution of scipy.stats
        Of each coordinate.
    dim : int
        Width of the latent space.
    n_points : int
        How many points; about how many for a grid.
    kind : {"auto", "grid", "sobol"}
        See :func:`resolve_kind`.
    rng : numpy.random.RandomState
        Scrambles the Sobol set.

    Returns
    -------
    ndarray of shape (n_points, dim)
    """
    if resolve_kind(kind, dim, n_points) == "grid":
        return _grid(distribution, dim, n_points)
    return distribution.ppf(_sobol(dim, n_points, rng))


def _grid(distribution, dim, n_points):
    """Cut the space into about n_points cells of equal probability.

    The points are the corners of the cells, so that they reach the edge; where a coordinate
    is unbounded and the outer cells have no corners, the points are the cells' middles.
    """
    n_cells = _cells_a_side(dim, n_points)
    if np.isfinite(distribution.support()).all():
        levels = np.linspace(0, 1, n_cells + 1)
    else:
        levels = (np.arange(n_cells) + 0.5) / n_cells
    axes = np.meshgrid(*[distribution.ppf(levels)] * dim, indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, dim)


def _cells_a_side(dim, n_points):
    return int(n_points ** (1 / dim) + 1e-9)  # 1000 ** (1 / 3) is 9.99...


def _sobol(dim, n_points, rng):
    sobol = qmc.Sobol(dim, scramble=True, seed=np.random.default_rng(draw_seed(rng)))
    # The balanced sets have a power of two of points; the first n of one are nearly so.
    n_doublings = int(np.ceil(np.log2(n_points)))
    return sobol.random_base2(n_doublings)[:n_points] + _INSIDE
