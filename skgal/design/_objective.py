"""The objective of a design and the surrogate that the convex-concave procedure minimises."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from sklearn.utils import gen_even_slices

# A distance d counts as sqrt(d² + SMOOTHING²), in units of the candidates' spread. It keeps
# divisions by coincident points finite, leaves the procedure's descent exact (the root is
# concave in d² and convex in d), and drowns the rounding of |x|² - 2xy + |y|², which is 1e-16.
SMOOTHING = 1e-6

# Blocks of distances stay in a core's cache: 128 x 256 doubles are 256 KiB. They are the same
# for any number of threads, and so are the sums.
_BLOCK_ROWS = 128
_BLOCK_SIZE = 2**15


class Evaluation(NamedTuple):
    """The objective at a design, and what the next step needs to know."""

    value: float
    gradient: np.ndarray  # (n_points, n_features)
    curvature: np.ndarray  # (n_points,), of the surrogate: c_i where it is c_i/2 |x - ...|² + ...


class DesignObjective:
    r"""Equation (10) of AISEL as a function of the new points, in blocks of bounded memory.

    With candidates y of weights w, new points x_1..x_m and N = m + n_existing points in all,

    .. math:: \sum_{i \le m} \sum_k w_k |x_i - y_k| - \frac{1}{2N} \sum_{i, j \le N} |x_i - x_j|

    less the pairs of two existing points, which don't change. At the present points the convex
    first sum touches a quadratic from below, the concave second term its tangent. So their sum
    is a surrogate that lies above the objective and has its gradient: for each point alone, a
    round paraboloid of curvature c_i. Its minimiser, ``x_i - gradient_i / c_i``, clipped where
    there is a box, is the step of the convex-concave procedure.

    Use it in a ``with`` statement, which ends its threads.

    Parameters
    ----------
    candidates : ndarray of shape (n_candidates, n_features)
        With a spread of about 1 around the origin.
    weights : ndarray of shape (n_candidates,)
        Positive, of sum 1.
    existing : ndarray of shape (n_existing, n_features)
        May be empty.
    n_points : int
        Number of new points.
    n_threads : int
        Number of threads that the blocks of points are shared between.
    """

    def __init__(self, candidates, weights, existing, n_points, n_threads=1):
        n_union = n_points + len(existing)
        self._candidates = _augment(candidates)
        self._weights = weights
        self._existing = _augment(existing)
        self._existing_weights = np.full(len(existing), 1 / n_union)
        self._point_weights = np.full(n_points, 1 / n_union)
        # Not joblib: its threads are polled every 10 ms, as long as a whole evaluation takes.
        self._pool = ThreadPoolExecutor(n_threads)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._pool.shutdown()

    def __call__(self, points):
        """Evaluate the objective at points of shape (n_points, n_features)."""
        targets = _augment(points)

        def evaluate(rows):
            x = points[rows]
            attraction = _distance_sums(x, self._candidates, self._weights)
            # The other points pull the wrong way. A pair of new points is met from both ends.
            mutual = _distance_sums(x, targets, self._point_weights)
            existing = _distance_sums(x, self._existing, self._existing_weights)
            return (
                attraction.value - mutual.value / 2 - existing.value,
                attraction.gradient - mutual.gradient - existing.gradient,
                attraction.curvature,
            )

        n_blocks = -(-len(points) // _BLOCK_ROWS)
        blocks = self._pool.map(evaluate, gen_even_slices(len(points), n_blocks))
        values, gradients, curvatures = zip(*blocks, strict=True)
        return Evaluation(sum(values), np.concatenate(gradients), np.concatenate(curvatures))


def _augment(points):
    """Append 1 and |y|² to each row y, so that squared distances are one matrix product."""
    return np.column_stack([points, np.ones(len(points)), (points**2).sum(axis=1)])


def _distance_sums(x, targets, weights):
    """Evaluate sum_k w_k |x - y_k| over augmented targets: in total, and its slope at each x."""
    n_features = x.shape[1]
    x_augmented = np.column_stack([-2 * x, (x**2).sum(axis=1) + SMOOTHING**2, np.ones(len(x))])
    n_columns = _BLOCK_SIZE // len(x)
    buffer = np.empty((len(x), min(n_columns, len(targets))))
    sums = np.zeros_like(x_augmented)
    for start in range(0, len(targets), n_columns):
        block = targets[start : start + n_columns]
        pull = buffer[:, : len(block)]  # w/d, computed in place
        np.matmul(x_augmented, block.T, out=pull)  # d² = |x - y|² + SMOOTHING²
        if pull.min() < SMOOTHING**2:  # by rounding; looking is cheaper than always clipping
            np.clip(pull, SMOOTHING**2, np.inf, out=pull)
        np.sqrt(pull, out=pull)
        np.divide(weights[start : start + n_columns], pull, out=pull)
        sums += pull @ block
    # The sums hold w/d times y, 1 and |y|²: all that w d = (w/d) d² takes.
    curvature = sums[:, n_features]
    gradient = x * curvature[:, None] - sums[:, :n_features]
    return Evaluation(np.vdot(x_augmented, sums), gradient, curvature)
