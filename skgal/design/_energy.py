"""The energy distance between two weighted samples."""

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.utils import check_array, gen_batches

# Distances are computed in square blocks of this side: 2 MiB, whatever the sizes.
_BLOCK_SIDE = 512


def energy_distance(X, Y, *, x_weights=None, y_weights=None):
    """Energy distance between two weighted samples: how far apart their distributions are.

    With X, X' drawn independently from the first sample and Y, Y' from the second, it is
    ``2 E|X - Y| - E|X - X'| - E|Y - Y'|`` with Euclidean norms; a draw may hit the same row
    twice (the V-statistic). It is zero only if both samples are the same distribution.

    Distances are computed in blocks of a few MiB, so memory doesn't grow with the samples;
    time grows with ``(n_samples_X + n_samples_Y) ** 2``.

    Parameters
    ----------
    X : array-like of shape (n_samples_X, n_features)
        First sample.
    Y : array-like of shape (n_samples_Y, n_features)
        Second sample.
    x_weights, y_weights : array-like of shape (n_samples_X,) and (n_samples_Y,), default=None
        Non-negative weights of the rows, of any positive sum; None weighs all rows alike.

    Returns
    -------
    float
        At least 0, in the units of X.

    Raises
    ------
    ValueError
        If a sample is empty, holds NaN or infinity, or differs in width from the other; if
        weights are negative, not finite, all zero or not one per row.

    See Also
    --------
    support_points : Minimises it.
    skgal.metrics.kernel_distance : Another distance of distributions.

    References
    ----------
    Székely and Rizzo, "Energy statistics: A class of statistics based on distances", Journal of
    Statistical Planning and Inference 143, 2013. J. Chen et al., "Active image synthesis for
    efficient labeling" (AISEL), IEEE TPAMI 43, 2021, equation (9).

    Examples
    --------
    >>> from skgal.design import energy_distance
    >>> energy_distance([[0.0], [1.0]], [[0.0], [1.0]])
    0.0
    >>> energy_distance([[0.0]], [[3.0]])
    6.0
    >>> energy_distance([[0.0]], [[0.0], [4.0]], y_weights=[3, 1])
    0.5
    """
    X, x_weights = check_weighted_sample(X, x_weights, "X", "x_weights")
    Y, y_weights = check_weighted_sample(Y, y_weights, "Y", "y_weights")
    check_width(Y, X.shape[1], "Y", "X")
    distance = (
        2 * mean_distance(X, x_weights, Y, y_weights)
        - mean_distance(X, x_weights, X, x_weights)
        - mean_distance(Y, y_weights, Y, y_weights)
    )
    # Never negative but for rounding, which a square root would turn into NaN.
    return max(distance, 0.0)


def mean_distance(X, x_weights, Y, y_weights):
    """E|X - Y|: mean Euclidean distance between two samples whose weights sum to 1."""
    total = 0.0
    for rows in gen_batches(len(X), _BLOCK_SIDE):
        for columns in gen_batches(len(Y), _BLOCK_SIDE):
            # cdist is exact where rows coincide; expanding |x|² - 2xy + |y|² is not.
            total += x_weights[rows] @ cdist(X[rows], Y[columns]) @ y_weights[columns]
    return float(total)


def check_weighted_sample(X, weights, name, weights_name):
    """Return X as a finite float64 matrix and its weights normalised to sum to 1."""
    X = check_array(X, dtype=np.float64, order="C", ensure_min_samples=0, input_name=name)
    if len(X) == 0:
        raise ValueError(f"{name} must have at least one row; it has none, shape {X.shape}.")
    if weights is None:
        return X, np.full(len(X), 1 / len(X))
    weights = check_array(
        weights, dtype=np.float64, ensure_2d=False, ensure_min_samples=0, input_name=weights_name
    )
    if weights.shape != (len(X),):
        raise ValueError(
            f"{weights_name} must hold one weight for each of the {len(X)} rows of {name}, "
            f"shape ({len(X)},); got shape {weights.shape}."
        )
    if weights.min() < 0:
        raise ValueError(
            f"{weights_name} must not be negative; {np.count_nonzero(weights < 0)} of "
            f"{len(weights)} are, the smallest is {weights.min():g}."
        )
    if weights.max() == 0:
        raise ValueError(f"{weights_name} are all zero; at least one must be positive.")
    # In two steps, so that the sum of very large weights doesn't overflow.
    weights = weights / weights.max()
    return X, weights / weights.sum()


def check_width(X, n_features, name, reference):
    """Raise a ValueError if X doesn't have as many columns as its reference."""
    if X.shape[1] != n_features:
        raise ValueError(
            f"{name} must have as many features as {reference}, {n_features}; it has {X.shape[1]}."
        )
