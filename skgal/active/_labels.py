"""Where labels come in: answers of any container and type, brought into one form or refused.

Inside, a label is a ``str``, ``bool``, ``int`` or ``float`` (a class or a number, with the type
it was given), a ``dict`` from class to probability (a soft label), a ``tuple`` of floats (several
outputs), or None (declined).
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from numbers import Real

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import type_of_target

from skgal.utils import as_label_array, as_series, is_missing, observed_labels

SUM_TOLERANCE = 1e-3
"""How far class probabilities may be from summing to 1: half precision needs this much."""


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
    """Bring answers into the form that labels have inside, and find those that are unusable.

    Parameters
    ----------
    answers : array-like of shape (n_answers,), (n_answers, n_classes) or (n_answers, n_outputs)
        A list, array, Series or DataFrame of classes, of numbers, of rows of class probabilities
        or of several numbers, of dicts from class to probability; ``missing_label``, None, NaN
        or a row of NaN where declined.
    n_answers : int
    classes : sequence or None, default=None
        The classes known so far. None: unknown, or labels are numbers.
    columns : sequence or None, default=None
        Which class each column of probabilities stands for; None: those of ``classes``.
    closed : bool, default=False
        Whether there are no classes but these.
    n_outputs : int or None, default=None
        How many numbers a label has, where labels are numbers. If both this and ``classes`` are
        None, any label is accepted, and a row is several numbers.
    missing_label : scalar, default=nan
        What else stands for "declined".

    Returns
    -------
    labels : list of length n_answers
        None where declined, and where unusable.
    problems : dict from int to str
        From the position of an unusable answer to the reason.

    Raises
    ------
    ValueError
        If there isn't an answer for each: then it is unknown which belongs to which sample.
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
        return answer
    values = np.asarray(answer, dtype=object)
    if values.size == 1:
        return values.ravel()[0]
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


def split_missing(y, *, is_classifier, missing_label=np.nan):
    """Tell known labels from missing ones, and check the known.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        A list, array or Series; pandas' nullable dtypes and polars' nulls included.
    is_classifier : bool
        Whether labels are classes; else they are numbers.
    missing_label : scalar, default=nan

    Returns
    -------
    known : ndarray of shape (n_samples,), dtype bool
    labels : ndarray of shape (n_known,)
        In the dtype of y where that is plain and no label is missing; else in the dtype they
        would have had without missing ones.

    Raises
    ------
    ValueError
        If known labels are no classes, or no finite numbers.
    """
    y = as_label_array(y)
    known = ~is_missing(y, missing_label)
    labels = y[known]
    if not len(labels):
        return known, labels
    if not is_classifier:
        return known, check_array(labels, ensure_2d=False, input_name="y")
    if labels.dtype == object and len({isinstance(label, str) for label in labels}) > 1:
        raise ValueError("Class labels must be all strings or all numbers; y mixes the two.")
    if labels.dtype == object or not known.all():
        labels = observed_labels(labels)
    assert_all_finite(labels, input_name="y")
    kind = type_of_target(labels, input_name="y")
    if kind not in ("binary", "multiclass"):
        raise ValueError(
            f"Unknown label type: {kind}. A classifier learns classes (whole numbers, strings or "
            "booleans); class probabilities come as one column per class."
        )
    return known, labels
