"""Fitting to samples that need not be in memory."""

from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags

from skgal.utils._as_pool import as_pool


def fit_to_pool(estimator, X, y=None):
    """Fit an estimator to samples, in memory or not.

    Parameters
    ----------
    estimator : estimator
    X : whatever :func:`skgal.utils.as_pool` takes
    y : array-like of shape (n_samples,), default=None
        Passed on if the samples are an array (memory-mapped or not), a sparse matrix or a
        DataFrame.

    Returns
    -------
    estimator
        Itself. Of other samples it has seen the first block, if it is frozen or needs no fit, or
        all of them one after the other by its ``partial_fit``.

    Raises
    ------
    TypeError
        If the samples come in blocks, and the estimator needs all of them at once.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skgal.utils import fit_to_pool
    >>> fit_to_pool(StandardScaler(), [np.zeros((2, 1)), np.ones((2, 1))]).mean_
    array([0.5])
    """
    pool = as_pool(X)
    if pool.is_indexed:
        return estimator.fit(X, y)
    if isinstance(estimator, FrozenEstimator) or not get_tags(estimator).requires_fit:
        return estimator.fit(next(iter(pool.blocks())), None)
    if not hasattr(estimator, "partial_fit"):
        raise TypeError(
            f"{type(estimator).__name__} needs all samples at once to be fitted, but the pool "
            "comes in blocks; fit it to some of them, and pass it inside "
            "sklearn.frozen.FrozenEstimator."
        )
    for block in pool.blocks():
        estimator.partial_fit(block)
    return estimator
