"""Support points: the design that matches a distribution and keeps its points apart."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from joblib import effective_n_jobs
from numpy.linalg import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, gen_even_slices
from threadpoolctl import threadpool_limits

from skgal.design._energy import check_weighted_sample, check_width, mean_distance
from skgal.utils import Interval, as_random_state, validate_params, warn_user

# A distance d counts as sqrt(d² + SMOOTHING²), in units of the candidates' spread. It keeps
# divisions by coincident points finite, leaves the procedure's descent exact (the root is
# concave in d² and convex in d), and drowns the rounding of |x|² - 2xy + |y|², which is 1e-16.
SMOOTHING = 1e-6

# Blocks of distances stay in a core's cache: 128 x 256 doubles are 256 KiB. They are the same
# for any number of threads, and so are the sums.
_BLOCK_ROWS = 128
_BLOCK_SIZE = 2**15


@validate_params(
    {
        "n_points": [Interval(Integral, 1, None, closed="left")],
        "candidates": ["array-like"],
        "weights": ["array-like", None],
        "existing": ["array-like", None],
        "bounds": ["array-like", None],
        "init": ["array-like", None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "return_history": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def support_points(
    n_points,
    candidates,
    *,
    weights=None,
    existing=None,
    bounds=None,
    init=None,
    max_iter=500,
    tol=1e-5,
    n_jobs=None,
    random_state=None,
    return_history=False,
):
    r"""Place points that match a weighted sample and stay away from each other and from others.

    The points x_1..x_m minimise, with the existing points x_{m+1}..x_N fixed,

    .. math:: \sum_{i \le m} E|x_i - \gamma| - \frac{1}{2N} \sum_{i, j \le N} |x_i - x_j|

    where :math:`\gamma` is drawn from the weighted candidates. Up to a constant that is N/2
    times the energy distance between all N points and the candidates.

    Each step of the convex-concave procedure minimises a quadratic surrogate from above. A
    quasi-Newton method that learns how much flatter the objective is than its surrogate
    proposes a longer step; where that doesn't lower the objective it is shortened, in the end
    to the plain step, which always does. So the objective never rises, and the points settle
    in some tenth of the plain procedure's iterations.

    Beyond copies of its inputs, memory is some 30 times the size of the result and 1 MiB per
    thread; time per iteration grows with ``n_points * (n_candidates + n_points + n_existing)``.

    Parameters
    ----------
    n_points : int
        Number of points to place.
    candidates : array-like of shape (n_candidates, n_features)
        Sample of the distribution to match.
    weights : array-like of shape (n_candidates,), default=None
        Non-negative weights of the candidates, of any positive sum; None weighs all alike.
        In AISEL the classifier's uncertainty.
    existing : array-like of shape (n_existing, n_features), default=None
        Points that are there already. They count as part of the design and are not moved.
    bounds : (low, high), default=None
        Box that the points must stay in; scalars or arrays of shape (n_features,), low < high.
        Candidates and existing points may lie outside.
    init : array-like of shape (n_points, n_features), default=None
        Where the points start, clipped to ``bounds``. Starting points should be distinct, and
        not candidates: one that lies exactly on a candidate is slow to leave it. None draws
        candidates by their weights and moves them a little.
    max_iter : int, default=500
        Iterations at most.
    tol : float, default=1e-5
        The points have settled when a plain step is certain to lower the objective by no more
        than ``tol`` times the candidates' standard deviation (the root of the summed variances).
        From random points to the best ones the objective falls by about one standard deviation.
    n_jobs : int, default=None
        Number of threads, as in :mod:`joblib`. The result is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Draws the starting points; not used with ``init``.
    return_history : bool, default=False
        Whether to return the objective's course too.

    Returns
    -------
    points : ndarray of shape (n_points, n_features), dtype float64
        The design.
    history : ndarray of shape (n_iter + 1,)
        The objective above at the start and after each iteration, never rising. Only if
        ``return_history`` is true.

    Raises
    ------
    ValueError
        If the candidates are empty or hold NaN or infinity; if weights are negative, not
        finite, all zero or not one per candidate; if ``existing``, ``init`` or ``bounds`` don't
        fit the candidates' width, or ``init`` doesn't hold ``n_points`` rows.

    Warns
    -----
    ConvergenceWarning
        If the points haven't settled after ``max_iter`` iterations.

    See Also
    --------
    energy_distance : Measures how well a design matches a sample.

    Notes
    -----
    A distance d counts as the root of d² + s² with s a millionth of the candidates' standard
    deviation, so that a point may coincide with a candidate or with another point.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    equation (10). S. Mak, R. Joseph, "Support points", Annals of Statistics 46, 2018, algorithm 1
    (``sp.ccp``). K. Lange, "A quasi-Newton acceleration of the EM algorithm", Statistica Sinica 5,
    1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.design import support_points
    >>> grid = np.linspace(-1, 1, 1001).reshape(-1, 1)
    >>> points = support_points(4, grid, bounds=(-1, 1), random_state=0)
    >>> np.sort(points, axis=0).round(2).ravel().tolist()
    [-0.75, -0.25, 0.25, 0.75]
    """
    candidates, weights = check_weighted_sample(candidates, weights, "candidates", "weights")
    n_features = candidates.shape[1]
    existing = _check_points(existing, n_features, "existing")
    low, high = _check_bounds(bounds, n_features)
    if init is not None:
        init = _check_points(init, n_features, "init")
        if len(init) != n_points:
            raise ValueError(f"init must hold n_points={n_points} rows; it has {len(init)}.")
    n_threads = effective_n_jobs(n_jobs)

    # Around the origin and of unit spread, little is lost to rounding, and tol means the same
    # whatever the data's units. Candidates without weight are none.
    candidates, weights = candidates[weights > 0], weights[weights > 0]
    center = weights @ candidates
    scale = np.sqrt(weights @ ((candidates - center) ** 2).sum(axis=1)) or 1.0
    candidates = (candidates - center) / scale
    existing = (existing - center) / scale
    if init is None:
        init = _initial_points(n_points, candidates, weights, as_random_state(random_state))
    else:
        init = (init - center) / scale

    # The threads of the matrix products would compete with ours, and sum in another order.
    with (
        threadpool_limits(limits=1, user_api="blas"),
        DesignObjective(candidates, weights, existing, n_points, n_threads) as objective,
    ):
        box = ((low - center) / scale, (high - center) / scale)
        points, history = _minimise(objective, init, *box, max_iter, tol)
    points = np.clip(points * scale + center, low, high)
    if not return_history:
        return points
    return points, scale * (history - _existing_pairs(existing, n_points))


def _check_points(points, n_features, name):
    if points is None:
        return np.empty((0, n_features))
    points = check_array(points, dtype=np.float64, order="C", ensure_min_samples=0, input_name=name)
    check_width(points, n_features, name, "candidates")
    return points


def _check_bounds(bounds, n_features):
    if bounds is None:
        return np.full(n_features, -np.inf), np.full(n_features, np.inf)
    try:
        low, high = (np.broadcast_to(np.asarray(b, dtype=float), n_features) for b in bounds)
    except (TypeError, ValueError):
        low = high = np.full(n_features, np.nan)
    if not (low < high).all():
        raise ValueError(
            "bounds must be a pair (low, high) with low < high, each a number or an array of "
            f"shape ({n_features},), one for each feature of candidates; got {bounds!r}."
        )
    return low, high


def _initial_points(n_points, candidates, weights, rng):
    """Draw candidates of unit spread and move them by about a tenth of the points' distance."""
    n_features = candidates.shape[1]
    drawn = candidates[rng.choice(len(candidates), size=n_points, p=weights)]
    return drawn + 0.1 * n_points ** (-1 / n_features) * rng.standard_normal(drawn.shape)


def _existing_pairs(existing, n_points):
    """Return the objective's part that no new point has a share in."""
    n_existing = len(existing)
    if n_existing == 0:
        return 0.0
    uniform = np.full(n_existing, 1 / n_existing)
    mean = mean_distance(existing, uniform, existing, uniform)
    return n_existing**2 * mean / (2 * (n_points + n_existing))


def _minimise(objective, points, low, high, max_iter, tol):
    """Run the accelerated convex-concave procedure; return the points and the values met."""
    points = np.clip(points, low, high)
    memory = _CurvatureMemory()
    now = objective(points)
    history = [now.value]
    while True:
        plain = np.clip(points - now.gradient / now.curvature[:, None], low, high)
        certain = now.curvature @ ((plain - points) ** 2).sum(axis=1) / 2
        if certain <= tol:
            break
        if len(history) > max_iter:
            warn_user(
                f"The support points had not settled after max_iter={max_iter} iterations: one "
                f"more lowers the objective by at least {certain:.1e} standard deviations of the "
                f"candidates, tol={tol:g}. Increase max_iter or tol.",
                ConvergenceWarning,
            )
            break
        # At a bound that the objective pushes against, a point can't move.
        free = plain != points
        direction = memory.solve(now.gradient, now.curvature, free)
        bold = np.clip(points - direction, low, high)
        for boldness in (1.0, 0.5, 0.0):
            trial = plain + boldness * (bold - plain)
            then = objective(trial)
            if then.value < now.value:
                break
        else:
            break  # Even the plain step's gain is lost in rounding.
        if boldness == 0:
            memory.clear()
        memory.add(trial - points, then.gradient - now.gradient)
        points, now = trial, then
        history.append(now.value)
    return points, np.array(history)


class _CurvatureMemory:
    """Limited-memory BFGS that starts from the surrogate's curvature, not from the identity."""

    def __init__(self, n_pairs=5):
        self._pairs = deque(maxlen=n_pairs)

    def add(self, step, change):
        """Learn that the gradient changed by so much along a step."""
        self._pairs.append((step, change))

    def clear(self):
        """Reset: the steps so far say nothing about the objective here."""
        self._pairs.clear()

    def solve(self, gradient, curvature, free):
        """Divide the gradient by the Hessian learnt of free coordinates (two-loop recursion)."""
        curvature = curvature[:, None]
        pairs = [(step * free, change * free) for step, change in self._pairs]
        # Only along a convex direction does a pair keep the Hessian positive definite.
        pairs = [(s, y, np.vdot(s, y)) for s, y in pairs]
        pairs = [(s, y, sy) for s, y, sy in pairs if sy > 1e-8 * norm(s) * norm(y)]
        direction = gradient * free
        shares = []
        for s, y, sy in reversed(pairs):
            shares.append(np.vdot(s, direction) / sy)
            direction = direction - shares[-1] * y
        direction = direction / curvature
        if pairs:
            s, y, sy = pairs[-1]
            direction *= sy / np.vdot(y, y / curvature)
        for (s, y, sy), share in zip(pairs, reversed(shares), strict=True):
            direction += s * (share - np.vdot(y, direction) / sy)
        return direction * free


class Evaluation(NamedTuple):
    """The objective at a design, and what the next step needs to know."""

    value: float
    gradient: np.ndarray  # (n_points, n_features)
    curvature: np.ndarray  # (n_points,), of the surrogate: c_i where it is c_i/2 |x - ...|² + ...


class DesignObjective:
    r"""The objective of `support_points` as a function of the new points, by blocks of them.

    At the present points the convex first sum touches a quadratic from below, the concave second
    term its tangent. So their sum is a surrogate that lies above the objective and has its
    gradient: for each point alone, a round paraboloid of curvature c_i. Its minimiser,
    ``x_i - gradient_i / c_i``, clipped where there is a box, is the step of the procedure.
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
