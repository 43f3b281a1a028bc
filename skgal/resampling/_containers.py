"""What users pass to a resampler, as generators take it; and the way back."""

import numpy as np
from imblearn.utils import check_target_type
from imblearn.utils._validation import ArraysTransformer
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, validate_data

from skgal.utils import DataLayout, MixedLayout, is_missing


def check_samples_and_labels(resampler, X, y):
    """Check samples and labels, before anything is trained on them.

    Parameters
    ----------
    resampler : estimator
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
    y : array-like of shape (n_samples,), or one column for each class, one-hot

    Returns
    -------
    X : ndarray or DataFrame
        Pandas' sparse columns are dense here.
    y : ndarray of shape (n_samples,)
    is_one_hot : bool
        Whether y had a column for each class.

    Raises
    ------
    TypeError
        If X is a sparse matrix or a LazyFrame.
    ValueError
        If an array holds NaN or infinite values, a label is missing, X has another number of
        dimensions than two or four, there are several labels a sample, or X and y have different
        lengths.
    """
    y = _labels_as_array(y)
    _refuse_missing(y)
    check_classification_targets(y)
    y, is_one_hot = check_target_type(y, indicate_one_vs_all=True)
    X = _densify(X)
    if MixedLayout.fits(X):
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


def check_columns(X):
    """Refuse columns that no network can see, for a generator of the user's may not look at them.

    Parameters
    ----------
    X : ndarray or DataFrame
        As :func:`check_samples_and_labels` returns it.

    Raises
    ------
    ValueError
        If a column holds times, infinite numbers or lists, or all columns are constant.
    """
    if MixedLayout.fits(X):
        MixedLayout(X)


def as_passed(values, container):
    """Bring resampled samples or labels into the kind of container that was passed.

    Parameters
    ----------
    values : ndarray or DataFrame
    container : object
        What the user passed: its type, names and dtypes are taken over.

    Returns
    -------
    ndarray, list, Series or DataFrame
    """
    if not _is_polars(container):
        return ArraysTransformer(container, container).transform(values, values)[0]
    if _is_polars(values):
        return values
    if hasattr(container, "columns"):
        return type(container)(np.atleast_2d(values.T).T, schema=container.schema)
    return type(container)(container.name, values.tolist(), dtype=container.dtype)


def make_layout(X, image_shape=None):
    """Learn how samples go to networks.

    Parameters
    ----------
    X : ndarray or DataFrame
        As :func:`check_samples_and_labels` returns it.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.

    Returns
    -------
    layout : DataLayout or MixedLayout
    tensor : ndarray of shape (n_samples, *layout.shape), dtype float32
    """
    if MixedLayout.fits(X):
        layout = MixedLayout(X)
        return layout, layout.to_network(X)
    array = as_array(X)
    layout = DataLayout(array, image_shape)
    return layout, layout.to_network(array)


def to_network(layout, X):
    """Bring samples to the networks, whatever container they are in.

    Parameters
    ----------
    layout : DataLayout or MixedLayout
    X : ndarray or DataFrame

    Returns
    -------
    ndarray of shape (n_samples, *layout.shape), dtype float32
    """
    return layout.to_network(X if isinstance(layout, MixedLayout) else as_array(X))


def as_array(X):
    """Make an array of samples, of numbers where they are nothing but numbers.

    Parameters
    ----------
    X : array-like or DataFrame

    Returns
    -------
    ndarray of shape (n_samples, ...)
    """
    array = np.asarray(X)
    if array.dtype != object or not hasattr(X, "columns") or MixedLayout.fits(X):
        return array
    # Of pandas' nullable and Arrow columns only each by itself becomes an array of numbers.
    return np.column_stack([X[name].to_numpy() for name in X.columns])


def one_hot(labels, y):
    """Make one-hot labels with the columns that the user passed.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
        Positions of columns.
    y : array-like of shape (n_original, n_columns)
        What was passed.

    Returns
    -------
    ndarray of shape (n_samples, n_columns)
        Of the dtype of y. imbalanced-learn would leave out columns of classes that have no
        samples, and one column of two.
    """
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
