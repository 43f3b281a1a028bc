"""What a generator draws, brought into the container and the dtypes of the data."""

import numpy as np

from skgal.resampling._containers import as_array
from skgal.utils import is_missing


def as_data(samples, X, generator):
    """Make samples that a generator has drawn fit to stand below the original ones.

    Generators of skgal draw what they were fitted to, and lose nothing here. Others return floats
    for pixels, an array for a table, or what they were fitted to before they were frozen.

    Parameters
    ----------
    samples : array-like or DataFrame
    X : ndarray or DataFrame
        The original samples.
    generator : str
        The name of what has drawn them.

    Returns
    -------
    ndarray or DataFrame
        With the container, columns and dtypes of X; whole numbers and booleans are rounded, and
        clipped to the range of their dtype.

    Raises
    ------
    ValueError
        If the samples have another shape or other columns than X, or in a column infinite numbers,
        gaps or categories that X has none of there.
    """
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
    _refuse_gaps(array, generator)
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
