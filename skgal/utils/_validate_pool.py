"""What an estimator checks of a pool that it must not read whole."""

import numpy as np
from sklearn.utils.validation import validate_data

from skgal.utils._as_pool import as_pool, gives_blocks


def validate_pool(estimator, X, *, reset=True):
    """Check samples, and note or compare the number and names of their features.

    Values pass, NaN and strings too: they are for a model or transformer to judge. Only NumPy
    arrays and lists are looked at; of blocks, the first.

    Parameters
    ----------
    estimator : estimator
        Gets ``n_features_in_`` and, of DataFrames, ``feature_names_in_``.
    X : whatever :func:`skgal.utils.as_pool` takes
    reset : bool, default=True
        Whether to note the features, as in ``fit``, or to compare them with those noted.

    Returns
    -------
    Pool

    Raises
    ------
    ValueError
        If X is empty, complex, has one dimension only, or other features than in ``fit``.
    TypeError
        If X is an iterator, which gives its blocks but once.
    """
    pool = as_pool(X)
    if gives_blocks(X):
        X = pool.head()
    foreign = hasattr(X, "shape") and not isinstance(X, np.ndarray)
    if foreign and 0 in X.shape:
        raise ValueError(
            f"Found a pool of shape {tuple(X.shape)}; at least one sample with one feature is "
            "required."
        )
    validate_data(
        estimator,
        X,
        reset=reset,
        skip_check_array=foreign,
        dtype=None,
        allow_nd=True,
        ensure_all_finite=False,
    )
    return pool
