"""How unsure a classifier is of each sample; higher is more uncertain in every measure."""

import numpy as np
from scipy.special import entr
from sklearn.utils import check_array

# Probabilities computed in half precision sum to one no better than this.
_ROUNDING = 1e-3


def entropy(proba):
    """Entropy of predicted class probabilities, in nats.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1].

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, log(n_classes)]: 0 where one class is certain, largest where all are as likely.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    References
    ----------
    AISEL, equation (6).

    Examples
    --------
    >>> from skgal.metrics import entropy
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4).tolist()
    [0.0, 0.6931]
    """
    return entr(check_proba(proba)).sum(axis=1)


def margin_uncertainty(proba):
    """One minus the margin between the two most probable classes.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1].

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1]: 1 where two classes tie for the first place.

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Examples
    --------
    >>> from skgal.metrics import margin_uncertainty
    >>> margin_uncertainty([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]).tolist()
    [0.0, 0.75]
    """
    return 1 - _first_minus_second(check_proba(proba))


def least_confidence(proba):
    """One minus the probability of the most probable class.

    Parameters
    ----------
    proba : array-like of shape (n_samples, n_classes)
        Class probabilities, in [0, 1].

    Returns
    -------
    ndarray of shape (n_samples,)
        In [0, 1 - 1 / n_classes].

    Raises
    ------
    ValueError
        If ``proba`` isn't 2-D, or holds NaN or values outside [0, 1].

    Examples
    --------
    >>> from skgal.metrics import least_confidence
    >>> least_confidence([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]]).tolist()
    [0.0, 0.5]
    """
    return 1 - check_proba(proba).max(axis=1)


def distance_uncertainty(decision):
    """Minus the distance to the nearest decision boundary, in units of the decision function.

    Parameters
    ----------
    decision : array-like of shape (n_samples,) or (n_samples, n_classes)
        What ``decision_function`` returns: signed values of a binary classifier, whose
        boundary lies at 0, or one value a class, where the largest wins and the boundary
        lies where the second draws level.

    Returns
    -------
    ndarray of shape (n_samples,)
        Never positive: 0 on a boundary.

    Raises
    ------
    ValueError
        If ``decision`` holds NaN or infinity, or has more than two dimensions.

    Examples
    --------
    >>> from skgal.metrics import distance_uncertainty
    >>> distance_uncertainty([-2.0, 0.5]).tolist()
    [-2.0, -0.5]
    >>> distance_uncertainty([[3.0, 1.0, -1.0]]).tolist()
    [-2.0]
    """
    decision = check_array(
        decision, dtype=[np.float64, np.float32], ensure_2d=False, input_name="decision"
    )
    if decision.ndim == 1:
        return -np.abs(decision)
    if decision.shape[1] == 1:
        return -np.abs(decision[:, 0])
    return -_first_minus_second(decision)


def check_proba(proba):
    proba = check_array(proba, dtype=[np.float64, np.float32], input_name="proba")
    low, high = proba.min(), proba.max()
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            "proba must hold class probabilities in [0, 1], got values from "
            f"{low:.3g} to {high:.3g}; pass logits through a softmax first."
        )
    # A softmax in float32 can exceed 1 by rounding, which would make an uncertainty negative.
    return np.clip(proba, 0, 1)


def _first_minus_second(scores):
    if scores.shape[1] == 1:  # A model that knows one class: nothing competes with it.
        return scores[:, 0]
    second, first = np.partition(scores, -2, axis=1)[:, -2:].T
    return first - second
