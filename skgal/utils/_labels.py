"""Labels that nobody has given yet."""

import numpy as np
from sklearn.utils._missing import is_pandas_na, is_scalar_nan


def as_label_array(y):
    """Make an array of labels that keeps missing ones apart from the others.

    Parameters
    ----------
    y : array-like

    Returns
    -------
    ndarray
        Missing labels of pandas are NaN.
    """
    if hasattr(y, "isna"):
        # pandas' NA can't even be compared with itself; integers can't hold the NaN for it.
        return np.asarray(y.to_numpy(na_value=np.nan) if y.isna().any() else y.to_numpy())
    array = np.asarray(y)
    if array.dtype.kind in "US" and not hasattr(y, "dtype"):
        # NumPy spells the NaN of ["cat", nan] as the label "nan"; keep it a NaN.
        return np.asarray(y, dtype=object)
    return array


def is_missing(y, missing_label=np.nan):
    """Tell which labels are missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of any dtype, or class probabilities.
    missing_label : scalar, default=nan
        What stands for "not labelled". With NaN, ``None`` and ``pandas.NA`` count as missing
        too.

    Returns
    -------
    ndarray of shape (n_samples,), dtype bool
        A row of class probabilities is missing if all of them are.

    Examples
    --------
    >>> from skgal.utils import is_missing
    >>> is_missing([0, float("nan"), 1]).tolist()
    [False, True, False]
    >>> is_missing(["cat", None]).tolist()
    [False, True]
    >>> is_missing(["cat", "?"], missing_label="?").tolist()
    [False, True]
    """
    y = as_label_array(y)
    if y.dtype == object:
        test = _missing_test(missing_label)
        missing = np.fromiter(map(test, y.flat), dtype=bool, count=y.size).reshape(y.shape)
    elif is_scalar_nan(missing_label):
        missing = y != y
    else:
        missing = y == missing_label
    return missing.all(axis=1) if missing.ndim == 2 else missing


def observed_labels(y):
    """Give class labels the dtype they would have had without missing ones.

    NaN forces integer labels into floats; once the missing ones are gone, whole-numbered
    floats are integers again. Object arrays take the dtype of their values.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Class labels, none missing. Class probabilities stay as they are, even if each is 0
        or 1.

    Returns
    -------
    ndarray of the shape of y

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.utils import observed_labels
    >>> observed_labels(np.array([0.0, 2.0])).dtype.kind
    'i'
    >>> observed_labels(np.array(["cat", "dog"], dtype=object)).dtype.kind
    'U'
    """
    y = as_label_array(y)
    if y.dtype == object:
        y = _narrow(y)
    if y.ndim == 1 and y.dtype.kind == "f" and np.all(np.isfinite(y) & (y == np.rint(y))):
        return y.astype(np.int64)
    return y


def _missing_test(missing_label):
    if is_scalar_nan(missing_label):
        return lambda label: label is None or is_scalar_nan(label) or is_pandas_na(label)
    # pandas.NA equals nothing, and refuses to say so.
    return lambda label: not is_pandas_na(label) and bool(label == missing_label)


def _narrow(y):
    """Find the dtype of an object array's values, unless NumPy would change a value for it."""
    narrow = np.array(y.tolist())
    if narrow.dtype.kind in "US" and not all(isinstance(label, str | bytes) for label in y.flat):
        return y
    return narrow
