"""Samples that a generator is fitted to, or is given later: arrays of numbers, or mixed tables."""

from contextlib import contextmanager
from reprlib import repr as short_repr

from sklearn.utils.validation import check_consistent_length, column_or_1d, validate_data

from skgal.utils import (
    DataLayout,
    as_label_array,
    column_names,
    is_frame,
    is_mixed,
    make_layout,
)


def check_training_samples(generator, X, *y):
    """Check samples, and labels if they are passed, and find the layout of the samples.

    Parameters
    ----------
    generator : estimator with a parameter ``image_shape``
        Gets ``n_features_in_`` and ``feature_names_in_``.
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
    *y : array-like of shape (n_samples,)
        The labels of a generator that needs them.

    Returns
    -------
    layout : DataLayout or MixedLayout
    tensor : ndarray of shape (n_samples, *layout.shape), dtype float32
        The samples as networks see them.
    *y : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If there are fewer than two samples, an array holds NaN or infinite values, or the
        samples don't match ``image_shape``.
    """
    if not is_table(X):
        samples, *y = _check_array(generator, X, *y, reset=True, ensure_min_samples=2)
        layout = DataLayout(samples, generator.image_shape)
        return layout, layout.to_network(samples), *y
    if len(X) < 2:
        raise ValueError(
            f"Found {len(X)} sample(s) in X, but {type(generator).__name__} needs two or more."
        )
    y = _check_table(generator, X, *y, reset=True)
    layout = make_layout(X, generator.image_shape)
    return layout, layout.to_network(X), *y


def check_new_samples(generator, X, *y):
    """Check samples against those of ``fit``.

    Parameters
    ----------
    generator : fitted estimator
        With a layout in ``layout_``.
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
    *y : array-like of shape (n_samples,)
        Labels, to be checked as well.

    Returns
    -------
    tensor : ndarray of shape (n_samples, *layout.shape), dtype float32
        The samples as networks see them.
    *y : ndarray of shape (n_samples,)

    Raises
    ------
    ValueError
        If the samples have another shape or other columns than those of ``fit``, or a table
        has categories or gaps that were not there.
    """
    layout = generator.layout_
    has_names = hasattr(generator, "feature_names_in_")
    is_mixed_table = layout.groups is not None
    if is_mixed_table and has_names and not is_frame(X):
        raise ValueError(
            f"{type(generator).__name__} was fitted on a table with the columns "
            f"{list(generator.feature_names_in_)}, so X must be a DataFrame with these; got "
            f"{type(X).__name__}."
        )
    with _telling_columns(generator, X):
        if is_mixed_table or (is_frame(X) and layout.template is not None):
            y = _check_table(generator, X, *y, reset=False)
            return layout.to_network(X), *y
        samples, *y = _check_array(generator, X, *y, reset=False)
    if samples.shape[1:] != layout.sample_shape:
        raise ValueError(
            f"Each sample of X has shape {samples.shape[1:]}, but {type(generator).__name__} was "
            f"fitted on samples of shape {layout.sample_shape}."
        )
    return layout.to_network(samples), *y


@contextmanager
def _telling_columns(generator, X):
    """Say which columns there were in fit; scikit-learn says how those of X differ."""
    try:
        yield
    except ValueError as error:
        known = list(getattr(generator, "feature_names_in_", ()))
        given = column_names(X) if is_frame(X) else known
        if not known or given == known:
            raise
        raise ValueError(
            f"{error}\n{type(generator).__name__} was fitted on {len(known)} columns, "
            f"{short_repr(known)}; X has {len(given)}, {short_repr(given)}."
        ) from error


def is_table(X):
    """Tell whether X has columns of their own dtypes: a frame, or rows with gaps or categories."""
    return is_frame(X) or is_mixed(X)


def _check_array(generator, X, *y, **checks):
    y = [None if labels is None else as_label_array(labels) for labels in y]
    checked = validate_data(generator, X, *y, allow_nd=True, **checks)
    return checked if y else (checked,)


def _check_table(generator, X, *y, reset):
    # What is in the columns is for the layout to judge; scikit-learn sees to their names.
    validate_data(generator, X, *y, skip_check_array=True, reset=reset)
    if not y:
        return ()
    check_consistent_length(X, *y)
    return (column_or_1d(as_label_array(*y), warn=True),)
