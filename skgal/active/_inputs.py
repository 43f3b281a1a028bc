"""What the learner refuses before it trains or buys anything."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import assert_all_finite, check_array, get_tags


def check_samples(X, estimator, *, accept_sparse):
    """Check samples; arrays are validated, data frames are left to the estimator.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
    estimator : estimator
        Its tags say whether NaN and sparse matrices are welcome.
    accept_sparse : bool
        Whether the strategy works with sparse matrices.

    Returns
    -------
    ndarray, csr matrix or DataFrame

    Raises
    ------
    ValueError
        If there are no samples or features, or values are NaN or infinite.
    TypeError
        If X is sparse, but the estimator or the strategy takes no sparse data.
    """
    finite = "allow-nan" if _accepts_nan(estimator) else True
    if hasattr(X, "columns"):
        return _check_frame(X, allow_nan=finite == "allow-nan")
    # Strings and mixed columns are for the estimator to read, so dtype=None.
    return check_array(
        X,
        accept_sparse="csr" if accept_sparse and get_tags(estimator).input_tags.sparse else False,
        dtype=None,
        ensure_all_finite=finite,
        allow_nd=True,
        estimator="ActiveLearner",
        input_name="X",
    )


def _accepts_nan(estimator):
    """Tell whether NaN may get as far as the estimator; it may still refuse it."""
    # What later steps get to see, and the columns of a ColumnTransformer, only fitting shows.
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    if isinstance(estimator, ColumnTransformer | str):
        return True
    tags = get_tags(estimator)
    return tags.input_tags.allow_nan or tags.no_validation


def _check_frame(X, *, allow_nan):
    if 0 in X.shape:
        raise ValueError(f"X must have samples and features; got a table of shape {X.shape}.")
    for name in X.columns:
        column = np.asarray(X[name])
        if column.dtype.kind == "f":
            assert_all_finite(column, allow_nan=allow_nan, input_name=f"X[{name!r}]")
    return X
