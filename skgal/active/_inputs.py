"""What a learner is given, refused before anything is trained or bought: samples, labels, data.

And the labels known at the start: those given, or those that a simulation shows.
"""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
    get_tags,
)

from skgal.active._labels import split_missing
from skgal.active._session import LabelledSet
from skgal.utils import (
    _safe_indexing,
    as_label_array,
    as_pool,
    gives_blocks,
    is_missing,
    take_rows,
    warn_user,
)

# Samples


def check_samples(X, estimator, *, accept_sparse, input_name="X"):
    """Check samples: an ndarray, csr matrix, DataFrame, or Pool of what is not in memory.

    Arrays are validated; what is in DataFrames and streams is left to the estimator.
    """
    finite = "allow-nan" if _accepts_nan(estimator) else True
    if hasattr(X, "columns"):
        return _check_frame(X, input_name, allow_nan=finite == "allow-nan")
    if gives_blocks(X) or hasattr(X, "chunks"):
        pool = as_pool(X)
        if 0 in pool.shape:
            raise ValueError(
                f"{input_name} must have samples and features; got a pool of shape {pool.shape}."
            )
        return pool
    # Strings and mixed columns are for the estimator to read, so dtype=None.
    X = check_array(
        X,
        accept_sparse="csr" if accept_sparse and get_tags(estimator).input_tags.sparse else False,
        dtype=None,
        ensure_all_finite=finite,
        allow_nd=True,
        estimator="ActiveLearner",
        input_name=input_name,
    )
    if X.dtype == object and all(isinstance(value, Real) for value in X.flat):
        return X.astype(np.float64)  # numbers, which not every method of a model takes as objects
    return X


def _accepts_nan(estimator):
    """Tell whether NaN may get as far as the estimator; it may still refuse it."""
    # What later steps get to see, and the columns of a ColumnTransformer, only fitting shows.
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[0][1]
    if isinstance(estimator, ColumnTransformer | str):
        return True
    tags = get_tags(estimator)
    return tags.input_tags.allow_nan or tags.no_validation


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


def check_validation(X_val, y_val, X, estimator, *, missing_label):
    """Check the samples that models are scored on; return them with their labels, or None."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val come together; got one of them only.")
    if X_val is None:
        return None
    X_val = check_samples(X_val, estimator, accept_sparse=True, input_name="X_val")
    known, labels = check_labels(y_val, X_val, estimator, missing_label=missing_label)
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


# Labels


def check_labels(y, X, estimator, *, missing_label, warn=False):
    """Check labels; return which are known, and those, one row each for several outputs."""
    y = as_label_array(y)
    if is_classifier(estimator) or y.ndim != 2 or y.shape[1] == 1:
        y = column_or_1d(y, warn=warn)
    check_consistent_length(X, y)
    return split_missing(y, is_classifier=is_classifier(estimator), missing_label=missing_label)


def warn_of_minus_one(known, labels, missing_label, *, has_oracle):
    """Warn if -1 looks like scikit-learn's sign for "not labelled", but counts as a class here."""
    if not known.all() or labels.dtype.kind not in "if" or not is_missing([np.nan], missing_label):
        return
    others = labels[labels != -1]
    is_mostly_minus_one = 2 * len(others) < len(labels)
    if len(others) in (0, len(labels)) or others.min() < 0:
        return
    if is_mostly_minus_one or (has_oracle and others.min() == 0):
        warn_user(
            f"{len(labels) - len(others)} of {len(labels)} labels in y are -1, and count as a "
            "class. If they stand for 'not labelled', as in scikit-learn's semi-supervised "
            "learning, pass missing_label=-1.",
            UserWarning,
        )


def check_strategy_parameters(strategy):
    """Check the parameters of a strategy, and those of a generator or a transformer in it."""
    # What is no estimator can't be cloned, which says so better.
    nested = strategy.get_params().values() if isinstance(strategy, BaseEstimator) else ()
    for each in (strategy, *nested):
        if isinstance(each, BaseEstimator) and hasattr(each, "_parameter_constraints"):
            each._validate_params()


# The labels known at the start


def initial_set(X, known, labels, shown, classes=None):
    """Record the labels known at the start: those of the known ones that are shown."""
    indices, labels = np.flatnonzero(known)[shown], labels[shown]
    if not len(labels):
        raise ValueError("y has no label to start from; give some, of two classes at least.")
    if classes is not None and len(np.unique(labels)) < 2:
        raise ValueError(
            f"The {len(labels)} labels to start from are of one class only, "
            f"{labels.tolist()[0]!r}; a classifier needs two. Label a sample of another class, or "
            "raise n_initial."
        )
    return LabelledSet(
        X=take_rows(X, indices),
        y=labels,
        indices=indices,
        n_initial=len(labels),
        classes=classes,
    )


def known_classes(labels, oracle):
    """Classes that the labels and the oracle know, sorted."""
    classes = np.unique(labels)
    named = getattr(oracle, "classes_", None)
    return classes if named is None else np.union1d(classes, named)


def check_n_initial(n_initial, known):
    """Refuse a choice of initial labels where labels are missing."""
    if n_initial is not None and not known.all():
        raise ValueError(
            f"n_initial={n_initial} chooses among the labels of a complete y, but "
            f"{(~known).sum()} of {len(known)} labels are missing, so those given are the start; "
            "use n_initial=None, or remove labels from y."
        )


def count_initial(n_initial, labels, classes):
    """Decide how many labels a simulation shows; None: two a class, but no fewer than 10."""
    if n_initial is None:
        n_classes = 0 if classes is None else len(classes)
        return min(max(10, 2 * n_classes), len(labels))
    if n_initial > len(labels):
        raise ValueError(f"n_initial={n_initial}, but y has {len(labels)} labels.")
    return n_initial


def draw_initial(labels, n_initial, rng, *, stratify):
    """Draw the samples whose labels a simulation shows; return their positions, sorted.

    Stratified, classes have their share of all samples, and each has at least one where
    ``n_initial`` allows.
    """
    if not stratify:
        return np.sort(rng.permutation(len(labels))[:n_initial])
    priority = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # Systematic sampling: the members of a class are spread evenly over [0, 1), so those
        # below any threshold are its share; the first of each class come before all others.
        priority[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
        priority[members[0]] -= 1
    return np.sort(np.argsort(priority)[:n_initial])
