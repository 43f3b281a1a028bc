"""The uncertainty of any fitted model, by the name of the measure."""

from functools import partial

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skgal.metrics import (
    distance_uncertainty,
    entropy,
    least_confidence,
    margin_uncertainty,
)
from skgal.query._predictive_std import predictive_std
from skgal.utils import seeded_nets

# Each reads a method of the classifier, and turns what that returns into uncertainties.
# These are never negative, so that they can be a density (AISEL, equation 7).
DENSITY_MEASURES = {
    "entropy": ("predict_proba", entropy),
    "margin": ("predict_proba", margin_uncertainty),
    "least_confident": ("predict_proba", least_confidence),
}
MEASURES = {**DENSITY_MEASURES, "min_distance": ("decision_function", distance_uncertainty)}

_ADVICE = {
    "predict_proba": "use measure='min_distance' where the strategy has it, or wrap the "
    "classifier in sklearn.calibration.CalibratedClassifierCV.",
    "decision_function": "use 'margin', 'entropy' or 'least_confident'.",
}


def uncertainty(clf, blocks, measure):
    """Rate how unsure a model is of samples.

    Parameters
    ----------
    clf : fitted estimator
        A classifier; or a regressor, whose predictive standard deviation counts, whatever
        ``measure`` says.
    blocks : iterable of array or DataFrame
        The samples, in blocks.
    measure : str
        A key of ``MEASURES``.

    Returns
    -------
    ndarray of shape (n_samples,)
        Higher is more uncertain.

    Raises
    ------
    TypeError
        If the model cannot say how unsure it is.
    sklearn.exceptions.NotFittedError
        If the model isn't fitted.
    """
    rate = uncertainty_rater(clf, measure)
    return np.concatenate([rate(block) for block in blocks])


def uncertainty_rater(clf, measure):
    """Make the function that rates how unsure a model is of samples.

    It fails here if the model cannot say, before any sample is looked at.

    Parameters
    ----------
    clf : fitted estimator
        As in :func:`uncertainty`.
    measure : str
        A key of ``MEASURES``.

    Returns
    -------
    callable
        From a block of samples to an ndarray of shape (n_samples,). It can be pickled if the
        model can, so blocks may be rated in other processes.

    Raises
    ------
    TypeError
        If the model cannot say how unsure it is.
    sklearn.exceptions.NotFittedError
        If the model isn't fitted.
    """
    check_is_fitted(clf)
    if is_regressor(clf):
        return partial(_rate, predictive_std, clf)
    method, score = MEASURES[measure]
    if not hasattr(clf, method):
        raise TypeError(
            f"{type(clf).__name__} has no {method}, which measure={measure!r} reads; "
            + _ADVICE[method]
        )
    return partial(_rate, partial(_score, method, score), clf)


def _rate(rate, clf, X):
    with seeded_nets(clf):
        return rate(clf, X)


def _score(method, score, clf, X):
    return score(getattr(clf, method)(X))
