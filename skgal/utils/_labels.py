"""Labels in any container become one form, with nothing rounded: an array, or answers one by one.

Labels are whole numbers, strings, booleans, or (for regressors) real numbers, one or several a
sample. None, NaN, ``pandas.NA`` and the nulls of polars and Arrow all mean "not labelled yet".

An answer, as a store keeps it, is a ``str``, ``bool``, ``int`` or ``float`` (a class or a number,
with the type it was given), a ``dict`` from class to probability (a soft label), a ``tuple`` of
floats (several outputs), or None (declined).
"""

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from numbers import Real

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skgal.utils._fits import warn_user
from skgal.utils._sklearn import is_pandas_na

MAX_EXACT = 2**53
"""The integers up to here float64 holds exactly, so that NaN may stand beside them."""

SUM_TOLERANCE = 1e-3
"""How far class probabilities may be from summing to 1: half precision needs this much."""

# How missing values are spelt, or left out, in arrays of strings: by NumPy and pandas (NaN, None,
# pandas.NA, NaT), by polars, and in what was never filled.
_TEXT_FOR_MISSING = frozenset({"nan", "None", "<NA>", "NaT", "NaN", ""})

# Arrays of labels


def as_label_array(y, *, warn=False):
    """Make an array of labels that keeps missing ones apart from the others.

    Series and bare arrays of pandas, polars and pyarrow may be nullable; an array or frame of one
    column counts as a Series, of which ``warn`` warns, as scikit-learn does. Missing labels of
    Series are NaN; lists and arrays of objects keep theirs; what is masked is missing. Integers
    beside missing ones are float64 where that holds them exactly, else objects.
    """
    if y is None:
        raise ValueError("This requires y to be passed, but the target y is None.")
    y = _as_plain(y)
    container = nw.from_native(as_series(y), eager_only=True, allow_series=True, pass_through=True)
    if isinstance(container, nw.DataFrame):
        columns = [_from_series(column) for column in container.iter_columns()]
        return columns[0] if len(columns) == 1 else np.column_stack(columns)
    if isinstance(container, nw.Series):
        return _from_series(container)
    array = np.asarray(y)
    if not hasattr(y, "dtype") and _is_changed_by_numpy(array):
        array = _from_objects(np.asarray(y, dtype=object))
    if array.dtype.kind == "T":  # NumPy's strings of any length, which may have missing ones
        array = array.astype(object)
    return column_or_1d(array, warn=warn) if array.shape[1:] == (1,) else array


def _as_plain(y):
    """Make an array of a tensor; put NaN or None where a masked array has no value."""
    if hasattr(y, "detach"):  # a tensor, which may need gradients or lie on a GPU
        return y.detach().cpu().numpy()
    if not isinstance(y, np.ma.MaskedArray):
        return y
    if y.dtype.kind == "f":
        return y.filled(np.nan)
    if not np.ma.is_masked(y):
        return y.data
    plain = y.data.astype(object)
    plain[y.mask] = None
    return plain


def as_series(y):
    """Make a Series of a bare array of pandas or pyarrow, which narwhals doesn't know."""
    package = type(y).__module__.partition(".")[0]
    if package == "pandas" and getattr(y, "ndim", 1) == 1:  # an ExtensionArray or an Index
        return import_module(package).Series(y)
    if package == "pyarrow" and hasattr(y, "is_null") and not hasattr(y, "chunks"):
        return import_module(package).chunked_array([y])
    return y


def _from_series(series):
    """Return the labels of a narwhals Series."""
    dtype = series.dtype
    missing = series.is_null().to_numpy()
    if dtype in (nw.Int128, nw.UInt128):  # NumPy has no such integers
        return as_label_array(series.to_list())
    if dtype.is_integer() and missing.any():
        return _integers_with_gaps(series.fill_null(0).to_numpy(), missing)
    if dtype.is_numeric() and not dtype.is_integer():
        width = np.float32 if dtype == nw.Float32 else np.float64
        return np.where(missing, np.nan, series.fill_null(0).to_numpy()).astype(width)
    if not missing.any():
        return np.asarray(series.to_numpy())
    values = np.fromiter(series.to_list(), dtype=object, count=len(missing))
    values[missing] = np.nan
    return _from_objects(values)


def _is_changed_by_numpy(array):
    """Tell whether NumPy may have rounded labels, or spelt NaN as a string, to fit one dtype."""
    if array.dtype.kind == "f":
        return bool((np.abs(array[np.isfinite(array)]) > MAX_EXACT).any())
    return array.dtype.kind in "US"


def _from_objects(values):
    """Give whole numbers among objects the dtype of numbers, where it holds them exactly."""
    missing = _is_null(values)
    known = values[~missing].tolist()
    if values.ndim > 1 or not known or not all(type(label) is int for label in known):
        return values
    filled = np.array([0 if gap else v for v, gap in zip(values, missing, strict=True)])
    return _integers_with_gaps(filled, missing) if filled.dtype.kind in "iu" else values


def _integers_with_gaps(values, missing):
    """Put NaN among integers: in float64 if that holds all of them exactly, else in objects."""
    known = values[~missing]
    is_exact = not known.size or (known.max() <= MAX_EXACT and known.min() >= -MAX_EXACT)
    with_gaps = values.astype(np.float64 if is_exact else object)
    with_gaps[missing] = np.nan
    return with_gaps


def is_missing(y, missing_label=np.nan):
    """Tell which labels are missing; a row of class probabilities is if all of them are.

    NaN, ``None`` and ``pandas.NA`` as ``missing_label`` mean each other.
    """
    y = as_label_array(y)
    if _is_null_label(missing_label):
        missing = _is_null(y)
    elif y.dtype == object:
        # Comparisons with pandas.NA have no truth value.
        found = (not is_pandas_na(label) and bool(label == missing_label) for label in y.flat)
        missing = np.fromiter(found, dtype=bool, count=y.size).reshape(y.shape)
    else:
        missing = np.broadcast_to(y == missing_label, y.shape)
    return missing.all(axis=1) if missing.ndim == 2 else missing


def _is_null(y):
    if y.dtype != object:
        return y != y
    try:
        return (y != y) | np.equal(y, None).astype(bool)
    except (TypeError, ValueError):  # pandas.NA and arrays, whose comparisons have no truth value
        pass
    return np.fromiter(map(_is_null_label, y.flat), dtype=bool, count=y.size).reshape(y.shape)


def _is_null_label(label):
    """Whether a label is None, pandas.NA, or, as the NaN of any type, differs from itself."""
    if label is None or is_pandas_na(label):
        return True
    unequal = label != label
    return isinstance(unequal, bool | np.bool_) and bool(unequal)


def observed_labels(y):
    """Give class labels, none missing, the dtype they would have had without missing ones.

    NaN forces integer labels into floats; whole-numbered floats become integers again, and objects
    take the dtype of their values. Class probabilities stay as they are, even if each is 0 or 1.
    """
    y = as_label_array(y)
    if y.dtype == object:
        y = _narrow(y)
    if y.ndim == 1 and y.dtype.kind == "f" and np.all((np.abs(y) <= MAX_EXACT) & (y == np.rint(y))):
        return y.astype(np.int64)
    return y


def _narrow(y):
    """Find the dtype of an object array's values, unless NumPy would change a value for it."""
    values = y.tolist()
    narrow = np.array(values)
    if narrow.dtype.kind in "US":
        return narrow if all(isinstance(label, str | bytes) for label in y.flat) else y
    return narrow if narrow.tolist() == values else y


def check_class_labels(y, *, warn=False):
    """Make an array of class labels, one a sample; refuse missing ones and continuous numbers."""
    y = as_label_array(y, warn=warn)
    if (missing := is_missing(y)).any():
        raise ValueError(
            f"y holds {np.count_nonzero(missing)} missing labels (NaN or None) among "
            f"{len(missing)}; leave these samples out, or have them labelled."
        )
    if y.dtype == object:
        is_text = [isinstance(label, str) for label in y.flat]
        if any(is_text) and not all(is_text):
            raise ValueError("Class labels must be all strings or all numbers; y mixes the two.")
        y = y if any(is_text) else observed_labels(y)
    check_classification_targets(y)
    warn_of_text_for_missing(y)
    return y


def warn_of_text_for_missing(y, missing_label=np.nan, known=()):
    """Warn of class labels such as "nan", unless known: NumPy spells missing ones so as strings."""
    if y.ndim != 1 or y.dtype.kind not in "UO":
        return
    words = _TEXT_FOR_MISSING - {missing_label, *known}
    labels = y[np.isin(y, list(words))] if y.dtype.kind == "U" else y
    found = [label for label in labels.tolist() if isinstance(label, str) and label in words]
    if found:
        warn_user(
            f"{len(found)} of {len(y)} labels are {' or '.join(map(repr, sorted(set(found))))}, as "
            "text, and count as a class. If they stand for missing labels, which NumPy spells so "
            "in an array of strings, make that array with dtype=object, or name the text as "
            "missing_label where there is such a parameter.",
            UserWarning,
        )


def warn_of_minus_one(known, labels, missing_label, *, expects_missing):
    """Warn if -1 looks like scikit-learn's sign for "not labelled", but counts as a class here.

    Where labels are likely to be missing, one -1 beside labels from 0 is enough; else most must be.
    """
    if not known.all() or labels.dtype.kind not in "if" or not is_missing([np.nan], missing_label):
        return
    others = labels[labels != -1]
    is_mostly_minus_one = 2 * len(others) < len(labels)
    if len(others) in (0, len(labels)) or others.min() < 0:
        return
    if is_mostly_minus_one or (expects_missing and others.min() == 0):
        warn_user(
            f"{len(labels) - len(others)} of {len(labels)} labels in y are -1, and count as a "
            "class. If they stand for 'not labelled', as in scikit-learn's semi-supervised "
            "learning, pass missing_label=-1.",
            UserWarning,
        )


def spread_labels(labels, positions, n_samples):
    """Put known labels at their positions among all samples, NaN elsewhere.

    Numbers as float64 where that holds them exactly; other labels as objects.
    """
    is_float = labels.dtype.kind == "f" or (
        labels.dtype.kind in "iu" and bool((np.abs(labels.astype(np.float64)) <= MAX_EXACT).all())
    )
    spread = np.full((n_samples, *labels.shape[1:]), np.nan, np.float64 if is_float else object)
    spread[positions] = labels
    return spread


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


# Answers of oracles, people and programs, one by one


def as_labels(
    answers,
    n_answers,
    *,
    classes=None,
    columns=None,
    n_outputs=None,
    missing_label=np.nan,
):
    """Bring answers into the form that labels have inside; find those that are unusable.

    Columns of class probabilities stand for the known ``classes``, or for ``columns``, which are
    all that there are then. Labels are numbers where ``n_outputs`` says how many. Returns a list of
    labels, None where declined or unusable, and a dict from positions to what is wrong there.
    """
    rows = _rows(answers)
    if len(rows) != n_answers:
        raise ValueError(
            f"Expected a label for each of {n_answers} samples, the missing label where it is "
            f"declined; got {len(rows)}."
        )
    proba_columns = _as_list(classes if columns is None else columns)
    allow_new_classes = columns is None
    # From each class to itself, as it is known: the answer 1.0 finds the class 1 (they are equal,
    # and so one key), and becomes it.
    canonical = {name: name for name in _as_list(classes) or proba_columns}
    if not allow_new_classes:
        canonical |= {name: canonical.get(name, name) for name in proba_columns}
    if is_missing(np.array([missing_label], dtype=object))[0]:
        missing_label = None
    if n_outputs is None:
        texts = [answer for answer in rows if isinstance(answer, str) and answer != missing_label]
        warn_of_text_for_missing(np.array(texts, dtype=object), known=(*canonical, *proba_columns))
    labels, problems = [None] * n_answers, {}
    for position, answer in enumerate(rows):
        try:
            answer = _as_plain(answer)
            if not _is_declined(answer, missing_label):
                if n_outputs is None:
                    label = _as_class(answer, canonical, proba_columns, allow_new_classes)
                else:
                    label = _as_numbers(answer, n_outputs)
                labels[position] = label
        except (TypeError, ValueError) as error:
            problems[position] = str(error)
        except Exception as error:  # an answer is any object: what it does when read is unknown
            problems[position] = f"The answer can't be read as a label: {describe_error(error)}"
    return labels, problems


def describe_error(error):
    """Name an error and what it says, also where a user's own class fails to say it."""
    try:
        text = str(error)
    except Exception:  # a __str__ of the user's may raise anything
        text = "its message can't be read"
    return f"{type(error).__name__}: {text}"


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
    answers = as_series(_as_plain(answers))
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
    """Whether an answer is the missing label, or a row of missing labels."""
    if isinstance(answer, Mapping | str | int):
        return missing_label is not None and answer == missing_label
    values = np.asarray(answer, dtype=object).ravel()
    if not values.size:
        return False
    return bool(is_missing(values).all() or is_missing(values, missing_label).all())


def _as_class(answer, canonical, proba_columns, allow_new_classes):
    """A class, class probabilities, or, where no classes are known, one or several numbers."""
    if isinstance(answer, Mapping):
        names = [_as_known(name, canonical, allow_new_classes) for name in answer]
        return _as_probabilities(names, answer.values())
    answer = _single(answer)
    if not isinstance(answer, list):
        return _as_known(answer, canonical, allow_new_classes)
    if not canonical:
        return _as_numbers(answer, len(answer))
    if len(answer) != len(proba_columns):
        raise ValueError(
            f"Class probabilities need one entry for each of the {len(proba_columns)} classes "
            f"known so far, in the order {proba_columns}; got {answer}. An oracle that knows other "
            "classes says so by an attribute `classes_`; a dict from class to probability needs no "
            "order."
        )
    return _as_probabilities(
        [_as_known(name, canonical, allow_new_classes) for name in proba_columns], answer
    )


def _as_known(label, canonical, allow_new_classes):
    """A class, spelt as the known class that equals it: the 1.0 of a float array as 1."""
    label = _as_scalar(label)
    if isinstance(label, float) and not math.isfinite(label):
        raise ValueError(f"A label must be finite; got {label}.")
    if not canonical:
        return label
    if label in canonical:
        return canonical[label]
    if isinstance(label, float) and not label.is_integer():
        raise ValueError(f"A class is a whole number, a string or a boolean; got {label}.")
    example = next(iter(canonical))
    if isinstance(label, str) != isinstance(example, str):
        raise ValueError(f"The labels so far are such as {example!r}; got {label!r}.")
    if not allow_new_classes:
        raise ValueError(f"{label!r} is none of the classes {list(canonical)}.")
    if type(example) is int and not isinstance(label, str) and label == int(label):
        return int(label)
    return label


def _as_probabilities(names, shares):
    shares = [np.nan if _is_null_label(share) else float(share) for share in shares]
    total = sum(shares)
    # A NaN fails both comparisons, as it should.
    if not (shares and min(shares) >= 0 and abs(total - 1) <= SUM_TOLERANCE):
        raise ValueError(
            "Class probabilities must be nonnegative and sum to 1; got "
            f"{dict(zip(names, shares, strict=True))}."
        )
    if abs(total - 1) > 1e-12:  # else a label told again would differ in its last bits
        shares = [share / total for share in shares]
    return dict(zip(names, shares, strict=True))


def _as_numbers(answer, n_outputs):
    """A finite number, or a tuple of them."""
    answer = _single(answer)
    numbers = answer if isinstance(answer, list) else [answer]
    if len(numbers) != n_outputs:
        wanted = "one number" if n_outputs == 1 else f"{n_outputs} numbers"
        raise ValueError(f"Expected {wanted} for each sample; got {answer!r}.")
    numbers = [np.nan if _is_null_label(number) else _as_scalar(number) for number in numbers]
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


def _as_scalar(label):
    label = _as_plain(label)
    if isinstance(label, np.generic | np.ndarray) and label.ndim == 0:
        label = label.item()
    # As databases and spreadsheets have them; and long doubles, which stay NumPy's.
    if isinstance(label, Decimal | Fraction | np.floating):
        label = float(label)
    if not isinstance(label, str | bool | int | float):
        raise TypeError(
            "A label is a string, a boolean, a number, a dict from class to probability or a row "
            f"of numbers; got {label!r} of type {type(label).__name__}."
        )
    return label
