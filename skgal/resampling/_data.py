"""Samples and labels on their way through a resampler: checked, to networks, back to the user."""

import numpy as np
from imblearn.utils import check_target_type
from imblearn.utils._validation import ArraysTransformer  # private, but imblearn's own contract
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skgal import utils
from skgal.utils import is_frame, is_missing, is_mixed, observed_labels


def check_samples_and_labels(resampler, X, y):
    """Check samples and labels; return X, y, and whether y had a column for each class."""
    y, is_one_hot = check_labels(y)
    if is_frame(X) and not hasattr(X, "dtypes"):
        raise TypeError(
            f"Resamplers take DataFrames of pandas and polars, got a {type(X).__name__} of "
            f"{type(X).__module__.partition('.')[0]}; pass X.to_pandas()."
        )
    X = _densify(X)
    holds_objects = isinstance(X, np.ndarray) and X.dtype.kind == "O"
    if (is_frame(X) or holds_objects) and is_mixed(X):
        # What is in the columns is for the layout to judge; scikit-learn sees to their names.
        validate_data(resampler, X, y, skip_check_array=True)
        check_consistent_length(X, y)
        return X, y, is_one_hot
    samples, y = validate_data(resampler, X, y, allow_nd=True)
    if samples.ndim not in (2, 4):
        raise ValueError(
            "X must have shape (n_samples, n_features) or (n_samples, channels, height, width), "
            f"got {samples.shape}."
        )
    return (X if hasattr(X, "columns") else samples), y, is_one_hot


def check_labels(y):
    """Return one label per sample as an array, and whether y was one-hot; refuse missing ones."""
    y = _labels_as_array(y)
    _refuse_missing(y)
    array = np.asarray(y)
    if array.dtype.kind == "O" and array.ndim == 1 and not any(isinstance(v, str) for v in array):
        y = observed_labels(array)  # numbers or booleans, in a column that could hold others
    check_classification_targets(y)
    return check_target_type(y, indicate_one_vs_all=True)


def check_columns(X):
    """Refuse columns that no network can see, which a generator of the user's may not look at."""
    if is_frame(X):
        utils.make_layout(X)


def as_passed(values, container):
    """Bring resampled samples or labels into the kind of container that was passed."""
    if not _is_polars(container):
        return ArraysTransformer(container, container).transform(values, values)[0]
    if _is_polars(values):
        return values
    if hasattr(container, "columns"):
        return type(container)(np.atleast_2d(values.T).T, schema=container.schema)
    return type(container)(container.name, values.tolist(), dtype=container.dtype)


def make_layout(X, image_shape=None):
    """Learn how samples go to networks."""
    layout = utils.make_layout(X, image_shape)
    return layout, layout.to_network(X)


def to_network(layout, X):
    """Bring samples to the networks, whatever container they are in."""
    return layout.to_network(X)


def as_array(X):
    """Make an array of samples, of numbers where they are nothing but numbers."""
    array = np.asarray(X)
    if array.dtype != object or not is_frame(X) or is_mixed(X):
        return array
    # Of pandas' nullable and Arrow columns only each by itself becomes an array of numbers.
    return np.column_stack([X[name].to_numpy() for name in X.columns])


def one_hot(labels, y):
    """Make one-hot labels with the columns that the user passed."""
    y = np.asarray(y)
    return np.eye(y.shape[1], dtype=y.dtype)[labels]


def _refuse_missing(y):
    """Refuse what else would be an error about comparing None and str."""
    if np.ndim(y) and np.asarray(y).dtype == object and (missing := is_missing(y)).any():
        raise ValueError(
            f"y holds {np.count_nonzero(missing)} missing labels (NaN or None) among "
            f"{len(missing)}; leave these samples out, or have them labelled."
        )


def _labels_as_array(y):
    """Make an array of what imblearn takes for one, and isn't."""
    is_wide = hasattr(y, "columns") and len(y.columns) > 1
    return np.asarray(y) if _is_polars(y) or _is_nested(y) or is_wide else y


def _is_nested(y):
    return isinstance(y, list) and bool(y) and isinstance(y[0], list | tuple)


def _is_polars(container):
    return type(container).__module__.partition(".")[0] == "polars"


def _densify(X):
    if _is_polars(X) or not hasattr(X, "columns"):
        return X
    sparse = {name: dtype.subtype for name, dtype in X.dtypes.items() if hasattr(dtype, "subtype")}
    return X.astype(sparse) if sparse else X


def as_data(samples, X, generator):
    """Make samples that a generator has drawn fit to stand below the original ones."""
    if hasattr(X, "columns"):
        frame = _as_frame(samples, X, generator)
        columns = {name: _as_column(frame[name], X[name], generator) for name in X.columns}
        return _with_dtypes(columns, X)
    array = as_array(samples)
    if array.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"{generator} must draw samples of shape {X.shape[1:]}, as those of X; it returned "
            f"an array of shape {array.shape}."
        )
    may_miss = X.dtype.kind == "O" and bool(is_missing(X.ravel()).any())
    _refuse_gaps(array, generator, may_miss=may_miss)
    return _as_dtype(array, X.dtype)


def _refuse_gaps(values, generator, where="", may_miss=False):
    values = np.ravel(values)
    is_infinite = values.dtype.kind == "f" and np.isinf(values).any()
    if is_infinite or (not may_miss and is_missing(values).any()):
        what = "infinite" if may_miss else "NaN or infinite"
        raise ValueError(
            f"{generator} has drawn samples with {what} values{where}, and X has none; its "
            "training may have failed: try a lower learning rate, or more samples."
        )


def _refuse_new_categories(column, original, generator, where):
    if _is_number(original.dtype):
        return
    values, known = np.fromiter(column.to_list(), dtype=object), {*original.to_list()}
    new = [value for value in dict.fromkeys(values[~is_missing(values)]) if value not in known]
    if new:
        raise ValueError(f"{generator} has drawn categories{where} that X has not: {new}.")


def _is_number(dtype):
    """Tell whether a pandas or polars dtype holds numbers or booleans."""
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric() or str(dtype) == "Boolean"
    return dtype.kind in "biuf"


def _as_frame(samples, X, generator):
    """Return samples as a DataFrame like X, but for the dtypes."""
    names = list(X.columns)
    if type(samples) is type(X):
        if set(samples.columns) != set(names):
            raise ValueError(
                f"{generator} must draw the columns {names} of X; it returned "
                f"{list(samples.columns)}."
            )
        return samples[names]
    array = as_array(samples)
    if array.ndim != 2 or array.shape[1] != len(names):
        raise ValueError(
            f"{generator} must draw a number for each of the columns {names} of X; it returned an "
            f"array of shape {array.shape}."
        )
    # Lists, for of objects both libraries look for the dtype in these only.
    columns = array.T if array.dtype != object else array.T.tolist()
    return type(X)(dict(zip(names, columns, strict=True)))


def _as_column(column, original, generator):
    """Return a column rounded like the original one, which must hold such values."""
    where = f" in column {original.name!r}"
    may_miss = is_missing(original.to_numpy()).any()
    _refuse_gaps(column.to_numpy(), generator, where, may_miss)
    column = _rounded(column, original)
    _refuse_new_categories(column, original, generator, where)
    return column


def _with_dtypes(columns, X):
    if hasattr(X, "schema"):  # polars, whose gaps are None
        return type(X)(columns).fill_nan(None).cast(dict(X.schema))
    return type(X)(columns).astype(X.dtypes.to_dict())


def _rounded(column, original):
    """Round and clip a column of numbers, where it shall have whole ones; gaps stay."""
    dtype = original[:0].to_numpy().dtype  # that of NumPy, whatever the column's is called
    if column.dtype == original.dtype or dtype.kind not in "biu":
        return column
    values = column.to_numpy()
    return _clipped(values, dtype) if values.dtype.kind in "biuf" else column


def _as_dtype(array, dtype):
    if array.dtype == dtype:
        return array
    return (_clipped(array, dtype) if dtype.kind in "biu" else array).astype(dtype)


def _clipped(values, dtype):
    """Return the whole numbers, as float64, of a dtype's range that are nearest to values."""
    if dtype.kind == "b":
        low, high = 0, 1
    else:
        low, high = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        if high > np.iinfo(dtype).max:  # which float64 doesn't hold
            high = np.nextafter(high, 0)
    return np.clip(np.rint(np.asarray(values, dtype=np.float64)), low, high)
