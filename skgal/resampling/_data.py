"""Samples and labels on their way through a resampler: checked, and back as they were passed."""

import narwhals.stable.v2 as nw
import numpy as np
from imblearn.utils import check_target_type
from sklearn.utils.validation import check_consistent_length, validate_data

from skgal.utils import (
    Column,
    FrameTemplate,
    LabelTemplate,
    as_label_array,
    as_samples,
    check_class_labels,
    check_sample_shape,
    frame_columns,
    is_frame,
    is_missing,
    is_mixed,
    read_categories,
    read_series,
)


def check_samples_and_labels(resampler, X, y):
    """Check samples and labels; return X, y, and whether y had a column for each class."""
    y, is_one_hot = flatten_labels(y)
    X = as_samples(X)
    if sparse := _sparse_dtypes(X):
        X = X.astype({name: dtype.subtype for name, dtype in sparse.items()})
    if is_mixed(X):
        # The layout checks the values in the columns, scikit-learn only their names.
        validate_data(resampler, X, y, skip_check_array=True)
        check_consistent_length(X, y)
        return X, y, is_one_hot
    samples, y = validate_data(resampler, X, y, allow_nd=True)
    check_sample_shape(samples.shape[1:])
    return (X if is_frame(X) else samples), y, is_one_hot


def flatten_labels(y):
    """Return one label per sample as an array, and whether y was one-hot; refuse missing ones."""
    labels = as_label_array(y)
    if labels.ndim == 1:
        labels = check_class_labels(labels)
    return check_target_type(labels, indicate_one_vs_all=True)


def labels_as_passed(labels, y, is_one_hot):
    """Bring resampled labels, one a sample, into the kind of container that was passed."""
    if is_one_hot:
        columns = np.asarray(y)
        labels = np.eye(columns.shape[1], dtype=columns.dtype)[labels]
    return as_passed(labels, y)


def as_passed(values, container):
    """Bring resampled samples or labels into the kind of container that was passed."""
    if isinstance(container, list):
        return values.tolist()
    if is_frame(values):
        sparse = _sparse_dtypes(container)
        return values.astype(sparse) if sparse else values
    if template := LabelTemplate.of(container):
        return template.fill(values)
    if template := FrameTemplate.of(container):  # one-hot labels
        complete = np.zeros(len(values), dtype=bool)
        return template.fill([Column("integer", column, complete) for column in values.T])
    return values


def as_array(X):
    """Make an array of samples, of numbers where they are nothing but numbers."""
    array = np.asarray(X)
    if array.dtype != object or not is_frame(X) or is_mixed(X):
        return array
    # Of pandas' nullable and Arrow columns only each by itself becomes an array of numbers.
    return np.column_stack([series.to_numpy() for series in frame_columns(X).values()])


def as_data(samples, X, generator):
    """Make samples that a generator has drawn fit to stand below the original ones."""
    if is_frame(X):
        drawn = _drawn_columns(samples, list(frame_columns(X)), generator)
        columns = [
            _like_column(values, series, f" in column {name!r}", generator)
            for values, (name, series) in zip(drawn, frame_columns(X).items(), strict=True)
        ]
        return FrameTemplate.of(X).fill(columns)
    array = as_array(samples)
    if array.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"{generator} must draw samples of shape {X.shape[1:]}, as those of X; it returned "
            f"an array of shape {array.shape}."
        )
    may_miss = bool(is_missing(X.ravel()).any())
    _refuse_gaps(array, generator, may_miss=may_miss)
    is_whole = X.dtype.kind in "biu" and array.dtype != X.dtype
    return (_clipped(array, X.dtype) if is_whole else array).astype(X.dtype, copy=False)


def _sparse_dtypes(X):
    """Return the dtypes of the sparse columns of a pandas DataFrame, by name; {} of all else."""
    if not is_frame(X) or not nw.dependencies.is_pandas_like_dataframe(X):
        return {}
    return {name: dtype for name, dtype in X.dtypes.items() if str(dtype).startswith("Sparse")}


def _drawn_columns(samples, names, generator):
    """Return the columns of drawn samples, Series of narwhals or arrays, in the order of names."""
    if is_frame(samples):
        columns = frame_columns(samples)
        if set(columns) != set(names):
            raise ValueError(
                f"{generator} must draw the columns {names} of X; it returned {list(columns)}."
            )
        return [columns[name] for name in names]
    array = as_array(samples)
    if array.ndim != 2 or array.shape[1] != len(names):
        raise ValueError(
            f"{generator} must draw a number for each of the columns {names} of X; it returned an "
            f"array of shape {array.shape}."
        )
    return list(array.T)


def _like_column(values, original, where, generator):
    """Return drawn values as a column like the original one, which must hold such values."""
    known, is_series = read_series(original), isinstance(values, nw.Series)
    array = np.asarray(values.to_numpy()) if is_series else values
    _refuse_gaps(array, generator, where, may_miss=bool(known.missing.any()))
    missing, is_flag = is_missing(array), original.dtype == nw.Boolean
    if known.kind == "category" and not is_flag:
        drawn = [None if gap else v for v, gap in zip(array.tolist(), missing, strict=True)]
        as_known = {value: value for value in (None, *known.values)}
        new = [value for value in dict.fromkeys(drawn) if value not in as_known]
        if new:
            raise ValueError(f"{generator} has drawn categories{where} that X doesn't have: {new}.")
        return Column("category", [as_known[value] for value in drawn], missing)
    if is_series and values.dtype == original.dtype:
        return read_series(values)  # exact, also where float64 isn't
    numbers = np.where(missing, 0, array).astype(np.float64)
    if known.kind == "real":
        return Column("real", np.where(missing, np.nan, numbers), missing)
    dtype = np.dtype(bool) if is_flag else known.values.dtype
    whole = _clipped(numbers, dtype).astype(dtype)
    if is_flag:
        return read_categories(np.where(missing, None, whole).tolist())
    return Column("integer", whole, missing)


def _refuse_gaps(values, generator, where="", may_miss=False):
    values = np.ravel(values)
    is_infinite = values.dtype.kind == "f" and np.isinf(values).any()
    if is_infinite or (not may_miss and is_missing(values).any()):
        what = "infinite" if may_miss else "NaN or infinite"
        raise ValueError(
            f"{generator} has drawn samples with {what} values{where}, and X has none; its "
            "training may have failed: try a lower learning rate, or more samples."
        )


def _clipped(values, dtype):
    """Return the whole numbers, as float64, of a dtype's range that are nearest to values."""
    if dtype.kind == "b":
        low, high = 0, 1
    else:
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        if high > np.iinfo(dtype).max:  # which float64 doesn't hold
            high = np.nextafter(high, 0)
    return np.clip(np.rint(np.asarray(values, dtype=np.float64)), low, high)
