"""What the learner refuses before it trains or buys anything."""

from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import (
    _safe_indexing,
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
    get_tags,
)

from skgal.active._labels import split_missing
from skgal.utils import as_label_array, as_pool, gives_blocks, is_missing


def check_samples(X, estimator, *, accept_sparse, input_name="X"):
    """Check samples; arrays are validated, data frames and streams are left to the estimator.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
        Or a DataFrame, a zarr or dask array, or an iterable of blocks.
    estimator : estimator
        Its tags say whether NaN and sparse matrices are welcome.
    accept_sparse : bool
        Whether the strategy works with sparse matrices.
    input_name : str, default="X"
        What messages call the samples.

    Returns
    -------
    ndarray, csr matrix, DataFrame, or Pool of what is not in memory

    Raises
    ------
    ValueError
        If there are no samples or features, or values are NaN or infinite.
    TypeError
        If X is sparse, but the estimator or the strategy takes no sparse data.
    """
    finite = "allow-nan" if _accepts_nan(estimator) else True
    if hasattr(X, "columns"):
        return _check_frame(X, input_name, allow_nan=finite == "allow-nan")
    if gives_blocks(X) or hasattr(X, "chunks"):
        return _check_pool(as_pool(X), input_name)
    # Strings and mixed columns are for the estimator to read, so dtype=None.
    return check_array(
        X,
        accept_sparse="csr" if accept_sparse and get_tags(estimator).input_tags.sparse else False,
        dtype=None,
        ensure_all_finite=finite,
        allow_nd=True,
        estimator="ActiveLearner",
        input_name=input_name,
    )


def check_parameters(strategy):
    """Check the parameters of a strategy, and those of a generator or a transformer in it.

    Parameters
    ----------
    strategy : PoolStrategy or SynthesisStrategy

    Raises
    ------
    TypeError, ValueError
        What their ``fit`` would raise, perhaps hours later.
    """
    # What is no estimator can't be cloned, which says so better.
    nested = strategy.get_params().values() if isinstance(strategy, BaseEstimator) else ()
    for each in (strategy, *nested):
        if isinstance(each, BaseEstimator) and hasattr(each, "_parameter_constraints"):
            each._validate_params()


def check_validation(X_val, y_val, X, estimator, *, missing_label):
    """Check the samples that models are scored on.

    Parameters
    ----------
    X_val : array-like, sparse matrix or DataFrame of n_samples rows, or None
    y_val : array-like of shape (n_samples,), or None
    X : ndarray, csr matrix or DataFrame
        What the models learn from, checked.
    estimator : estimator
    missing_label : scalar

    Returns
    -------
    tuple of the checked samples and their labels, or None if there are none

    Raises
    ------
    ValueError
        If one comes without the other, a label is missing, or samples are of another shape
        than those of X or not what :func:`check_samples` takes.
    """
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val come together; got one of them only.")
    if X_val is None:
        return None
    X_val = check_samples(X_val, estimator, accept_sparse=True, input_name="X_val")
    y_val = column_or_1d(as_label_array(y_val))
    check_consistent_length(X_val, y_val)
    known, labels = split_missing(
        y_val, is_classifier=is_classifier(estimator), missing_label=missing_label
    )
    if not known.all():
        raise ValueError(
            f"y_val must be complete, but {(~known).sum()} of its {len(known)} labels are missing; "
            "leave these samples out."
        )
    # Of data frames the estimator may pick columns by name.
    if not hasattr(X_val, "columns") and X_val.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"Samples of X_val must have the shape of those of X, {X.shape[1:]}; they have shape "
            f"{X_val.shape[1:]}."
        )
    return X_val, labels


def _accepts_nan(estimator):
    """Tell whether NaN may get as far as the estimator; it may still refuse it."""
    # What later steps get to see, and the columns of a ColumnTransformer, only fitting shows.
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    if isinstance(estimator, ColumnTransformer | str):
        return True
    tags = get_tags(estimator)
    return tags.input_tags.allow_nan or tags.no_validation


def _check_pool(pool, input_name):
    if 0 in pool.shape:
        raise ValueError(
            f"{input_name} must have samples and features; got a pool of shape {pool.shape}."
        )
    return pool


def _check_frame(X, input_name, *, allow_nan):
    if 0 in X.shape:
        raise ValueError(
            f"{input_name} must have samples and features; got a table of shape {X.shape}."
        )
    for position, name in enumerate(X.columns):
        # Missing values hide in columns of any type: as None, pandas' NA, or polars' null.
        column = as_label_array(_safe_indexing(X, position, axis=1))
        column_name = f"{input_name}[{name!r}]"
        if column.dtype.kind == "f":
            assert_all_finite(column, allow_nan=allow_nan, input_name=column_name)
        elif not allow_nan and is_missing(column).any():
            raise ValueError(
                f"{column_name} contains missing values; impute them, or use an estimator that "
                "accepts them."
            )
    return X
