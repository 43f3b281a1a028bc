"""Labels of users and oracles, brought into one form and refused where they are none."""

import numpy as np
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.multiclass import type_of_target

from skgal.utils import as_label_array, is_missing, observed_labels


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


def code_missing(labels, positions, n_samples):
    """Spread labels over all samples, NaN where there is none.

    Parameters
    ----------
    labels : ndarray of shape (n_labelled,)
    positions : ndarray of shape (n_labelled,), dtype int
    n_samples : int

    Returns
    -------
    ndarray of shape (n_samples,)
        Numbers as float64, other labels as objects.
    """
    dtype = np.float64 if labels.dtype.kind in "iuf" else object
    coded = np.full(n_samples, np.nan, dtype=dtype)
    coded[positions] = labels
    return coded
