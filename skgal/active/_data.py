"""Samples and labels where they come in: each is checked and converted once.

Inside, a label is a ``str``, ``bool``, ``int`` or ``float`` (a class or a number, with the type
it was given), a ``dict`` from class to probability (a soft label), a ``tuple`` of floats (several
outputs), or None (declined).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
    get_tags,
)

from skgal.utils import (
    _safe_indexing,
    accepts_nan,
    as_label_array,
    as_pool,
    as_series,
    check_class_labels,
    column_names,
    gives_blocks,
    is_frame,
    is_missing,
    observed_labels,
    take_rows,
    warn_user,
)

SUM_TOLERANCE = 1e-3
"""How far class probabilities may be from summing to 1: half precision needs this much."""

SYNTHETIC = -1
"""Position of a sample that is in no pool."""


@dataclass(frozen=True)
class Query:
    """Samples on their way to the oracle.

    Parameters
    ----------
    X : array or DataFrame of shape (n_asked, n_features) or (n_asked, c, h, w)
        The samples.
    indices : ndarray of shape (n_asked,), dtype int
        Their positions in the pool; -1 for synthetic ones.
    latent : ndarray of shape (n_asked, latent_dim) or None, default=None
        The latent points that synthetic samples were generated from.
    details : list or None, default=None
        What else the strategy says about each sample, such as the line that it was found on.
    ids : ndarray of shape (n_asked,), dtype int, or None, default=None
        Their ids in the store; None as long as they aren't recorded.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> y_known = np.where(np.arange(150) % 10 == 0, y, np.nan)
    >>> query = ActiveLearner(GaussianNB(), RandomSampling(), random_state=0).fit(X, y_known).ask(3)
    >>> query.X.shape, query.ids
    ((3, 4), array([1, 2, 3]))
    >>> bool(np.all(query.X == X[query.indices]))
    True
    """

    X: Any
    indices: np.ndarray
    latent: np.ndarray | None = None
    details: list | None = None
    ids: np.ndarray | None = None

    def __len__(self):
        return len(self.indices)


@dataclass(frozen=True)
class LabelledSet:
    """Every labelled sample: the initial ones on top, then those bought, oldest first.

    Parameters
    ----------
    X : array or DataFrame of shape (n_labelled, n_features) or (n_labelled, c, h, w)
        The samples.
    y : ndarray of shape (n_labelled,), or (n_labelled, n_outputs) for a regressor
        Class labels or numbers; of soft labels the most probable class.
    indices : ndarray of shape (n_labelled,), dtype int
        Positions in the X that was fitted; -1 for synthetic samples.
    n_initial : int
        How many came labelled; those after them were bought.
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.
    proba : ndarray of shape (n_labelled, n_classes) or None, default=None
        Class probabilities, one-hot where a plain label was given; None where all were plain.
    latent : ndarray of shape (n_labelled, latent_dim) or None, default=None
        Latent points of the synthetic samples, NaN for real ones; None if all are real.
    n_declined, n_failed : int, default=0
        How many samples were asked about without getting a label: the oracle declined, or failed.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(GaussianNB(), RandomSampling(), budget=20, random_state=0).fit(X, y)
    >>> labelled = learner.labelled_
    >>> labelled.X.shape, labelled.n_initial, labelled.n_bought
    ((30, 4), 10, 20)
    """

    X: Any
    y: np.ndarray
    indices: np.ndarray
    n_initial: int
    classes: np.ndarray | None = None
    proba: np.ndarray | None = None
    latent: np.ndarray | None = None
    n_declined: int = 0
    n_failed: int = 0

    def __len__(self):
        return len(self.y)

    @property
    def is_synthetic(self):
        """Which samples were designed by a strategy; ndarray of shape (n_labelled,)."""
        return self.indices == SYNTHETIC

    @property
    def n_bought(self):
        """How many labels were bought."""
        return len(self) - self.n_initial

    def count_labels(self):
        """Count the labels of each class, soft ones for their most probable class.

        Returns
        -------
        dict from class to int
            The number of labels of every known class.
        """
        counts = np.bincount(np.searchsorted(self.classes, self.y), minlength=len(self.classes))
        return dict(zip(self.classes.tolist(), counts.tolist(), strict=True))


# Samples


def check_samples(X, estimator, *, accept_sparse, input_name="X"):
    """Check samples: an ndarray, csr matrix, DataFrame, or Pool of what is not in memory.

    Arrays are validated; what is in DataFrames and streams is left to the estimator.
    """
    finite = "allow-nan" if accepts_nan(estimator) else True
    if is_frame(X):
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


def _check_frame(X, input_name, *, allow_nan):
    if 0 in X.shape:
        raise ValueError(
            f"{input_name} must have samples and features; got a table of shape {X.shape}."
        )
    for position, name in enumerate(column_names(X)):
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
    if not is_frame(X_val) and X_val.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"Samples of X_val must have the shape of those of X, {X.shape[1:]}; they have shape "
            f"{X_val.shape[1:]}."
        )
    return X_val, labels


# Labels


def check_labels(y, X, estimator, *, missing_label, warn=False):
    """Check labels; return which are known, and those, one row each for several outputs."""
    y = as_label_array(y, warn=warn)
    if is_classifier(estimator) or y.ndim != 2:
        y = column_or_1d(y)
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
    if isinstance(strategy, type):
        raise TypeError(f"{strategy.__name__} is a class; pass an instance, {strategy.__name__}().")
    # What is no estimator can't be cloned, which says so better.
    nested = strategy.get_params().values() if isinstance(strategy, BaseEstimator) else ()
    for each in (strategy, *nested):
        if isinstance(each, BaseEstimator) and hasattr(each, "_parameter_constraints"):
            each._validate_params()


def split_missing(y, *, is_classifier, missing_label=np.nan):
    """Tell which labels are known, and check these: classes, or finite numbers."""
    known = ~is_missing(y, missing_label)
    labels = y[known]
    if not len(labels):
        return known, labels
    if not is_classifier:
        return known, check_array(labels, ensure_2d=False, input_name="y")
    if labels.dtype == object or not known.all():
        labels = observed_labels(labels)
    return known, check_class_labels(labels)


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
    """Draw which labels a simulation shows, by the share of each class, one each if possible."""
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


# Answers


def as_labels(
    answers,
    n_answers,
    *,
    classes=None,
    columns=None,
    closed=False,
    n_outputs=None,
    missing_label=np.nan,
):
    """Bring answers into the form that labels have inside; find those that are unusable.

    Columns of class probabilities stand for ``columns``, or the known ``classes``; ``closed`` if
    there are no others. Labels are numbers where ``n_outputs`` says how many. Returns a list of
    labels, None where declined or unusable, and a dict from positions to what is wrong there.
    """
    rows = _rows(answers)
    if len(rows) != n_answers:
        raise ValueError(
            f"Expected a label for each of {n_answers} samples, the missing label where it is "
            f"declined; got {len(rows)}."
        )
    columns = _as_list(classes if columns is None else columns)
    known = {name: name for name in _as_list(classes) or columns}
    if closed:
        known |= {name: known.get(name, name) for name in columns}
    if is_missing(np.array([missing_label], dtype=object))[0]:
        missing_label = None
    labels, problems = [None] * n_answers, {}
    for position, answer in enumerate(rows):
        try:
            if not _is_declined(answer, missing_label):
                if n_outputs is None:
                    label = _as_class(answer, known, columns, closed)
                else:
                    label = _as_numbers(answer, n_outputs)
                labels[position] = label
        except (TypeError, ValueError) as error:
            problems[position] = str(error)
    return labels, problems


def encode_label(label):
    """Write a label, or a prediction, as JSON text; None stays None."""
    if label is None:
        return None
    if isinstance(label, Mapping):  # classes may be numbers, and JSON has no such keys
        label = {
            "classes": [_as_scalar(name) for name in label],
            "probabilities": [float(share) for share in label.values()],
        }
    elif isinstance(label, list | tuple | np.ndarray):
        label = [float(number) for number in label]
    else:
        label = _as_scalar(label)
    return json.dumps(label)


def decode_label(text):
    """Read what :func:`encode_label` wrote."""
    if text is None:
        return None
    label = json.loads(text)
    if isinstance(label, dict):
        return dict(zip(label["classes"], label["probabilities"], strict=True))
    return tuple(label) if isinstance(label, list) else label


def _rows(answers):
    """Take a container of answers apart, without a change of types."""
    answers = as_series(answers)
    container = nw.from_native(answers, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(container, nw.DataFrame):
        rows = container.rows()
        return [row[0] for row in rows] if len(container.columns) == 1 else rows
    if isinstance(container, nw.Series):
        return container.to_list()
    if isinstance(answers, np.ndarray):
        if answers.ndim == 0:
            raise ValueError("Expected a label for each sample; got a single one for all.")
        return answers.tolist() if answers.ndim == 1 else list(answers)
    if isinstance(answers, str | Mapping) or not hasattr(answers, "__iter__"):
        raise ValueError(f"Expected a label for each sample, such as a list; got {answers!r}.")
    return list(answers)


def _as_list(classes):
    return [] if classes is None else np.asarray(classes, dtype=object).tolist()


def _is_declined(answer, missing_label):
    """Whether an answer is the missing label, or a row of such."""
    if isinstance(answer, Mapping | str | int):
        return missing_label is not None and answer == missing_label
    values = np.asarray(answer, dtype=object).ravel()
    if not values.size:
        return False
    return bool(is_missing(values).all() or is_missing(values, missing_label).all())


def _as_class(answer, known, columns, closed):
    """A class, class probabilities, or, where no classes are known, one or several numbers."""
    if isinstance(answer, Mapping):
        names = [_as_known(name, known, closed) for name in answer]
        return _as_probabilities(names, answer.values())
    answer = _single(answer)
    if not _is_row(answer):
        return _as_known(answer, known, closed)
    if not known:
        return _as_numbers(answer, len(answer))
    if len(answer) != len(columns):
        raise ValueError(
            f"Class probabilities need one entry for each of the {len(columns)} classes known so "
            f"far, in the order {columns}; got {answer}. An oracle that knows other classes says "
            "so by an attribute `classes_`; a dict from class to probability needs no order."
        )
    return _as_probabilities([_as_known(name, known, closed) for name in columns], answer)


def _as_known(label, known, closed):
    """A class, spelt as the known class that equals it: the 1.0 of a float array as 1."""
    label = _as_scalar(label)
    if isinstance(label, float) and not math.isfinite(label):
        raise ValueError(f"A label must be finite; got {label}.")
    if not known:
        return label
    if label in known:
        return known[label]
    if isinstance(label, float) and not label.is_integer():
        raise ValueError(f"A class is a whole number, a string or a boolean; got {label}.")
    example = next(iter(known))
    if isinstance(label, str) != isinstance(example, str):
        raise ValueError(f"The labels so far are such as {example!r}; got {label!r}.")
    if closed:
        raise ValueError(f"{label!r} is none of the classes {list(known)}.")
    if type(example) is int and not isinstance(label, str) and label == int(label):
        return int(label)
    return label


def _as_probabilities(names, shares):
    shares = [float(share) for share in shares]
    total = sum(shares)
    # A NaN fails both comparisons, as it should.
    if not (shares and min(shares) >= 0 and abs(total - 1) <= SUM_TOLERANCE):
        raise ValueError(
            "Class probabilities must be nonnegative and sum to 1; got "
            f"{dict(zip(names, shares, strict=True))}."
        )
    if abs(total - 1) > 1e-12:  # else a label that is told again would change in its last bits
        shares = [share / total for share in shares]
    return dict(zip(names, shares, strict=True))


def _as_numbers(answer, n_outputs):
    """A finite number, or a tuple of them."""
    answer = _single(answer)
    numbers = answer if _is_row(answer) else [answer]
    if len(numbers) != n_outputs:
        raise ValueError(f"Expected {n_outputs} numbers for each sample; got {answer!r}.")
    numbers = [_as_scalar(number) for number in numbers]
    if not all(isinstance(number, Real) and math.isfinite(number) for number in numbers):
        raise ValueError(f"A label must be finite and a number; got {answer!r}.")
    return float(numbers[0]) if n_outputs == 1 else tuple(map(float, numbers))


def _single(answer):
    """Take the value out of an array of one, and make a list of any other."""
    if isinstance(answer, str | Mapping) or not hasattr(answer, "__len__"):
        if isinstance(answer, np.ndarray):  # of no dimension
            return answer.item()
        return answer.as_py() if hasattr(answer, "as_py") else answer  # a scalar of pyarrow
    values = np.asarray(answer, dtype=object)
    if values.size == 1:
        return values.ravel()[0]
    if values.size and values.size == values.shape[-1]:  # one row, as model.predict_proba([x]) has
        values = values.ravel()
    if values.ndim != 1 or not values.size:
        raise ValueError(f"A label is one value or one row; got an array of shape {values.shape}.")
    return values.tolist()


def _is_row(answer):
    return isinstance(answer, list)


def _as_scalar(label):
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, Decimal | Fraction):  # as databases and spreadsheets have them
        label = float(label)
    if not isinstance(label, str | bool | int | float):
        raise TypeError(
            "A label is a string, a boolean, a number, a dict from class to probability or a row "
            f"of numbers; got {label!r} of type {type(label).__name__}."
        )
    return label
