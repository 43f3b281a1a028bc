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
from skgal.query._predictive_std import check_predictive_std, predictive_std
from skgal.query._probabilities import check_classifier, pseudo_probabilities
from skgal.utils import seeded_nets


def _of_decisions(score):
    return partial(_score_of_decisions, score)


def _score_of_decisions(score, decisions):
    return score(pseudo_probabilities(decisions))


def _odds_uncertainty(proba):
    """Minus the log-odds of the two most probable classes: the distance without a decision."""
    proba = np.asarray(proba)
    return distance_uncertainty(np.log(np.maximum(proba, np.finfo(proba.dtype).tiny)))


# By the method of the classifier that is read, the preferred one first: how to turn what it
# returns into uncertainties. These are never negative, so that they can be a density (AISEL,
# equation 7).
DENSITY_MEASURES = {
    name: {"predict_proba": score, "decision_function": _of_decisions(score)}
    for name, score in {
        "entropy": entropy,
        "margin": margin_uncertainty,
        "least_confident": least_confidence,
    }.items()
}
MEASURES = {
    **DENSITY_MEASURES,
    "min_distance": {
        "decision_function": distance_uncertainty,
        "predict_proba": _odds_uncertainty,
    },
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
        check_predictive_std(clf)
        return partial(_rate, predictive_std, clf)
    method = method_to_read(clf, measure)
    return partial(_rate, partial(_score, method, MEASURES[measure][method]), clf)


def method_to_read(clf, measure):
    """Find the method of a classifier that a measure of its uncertainty reads.

    Parameters
    ----------
    clf : fitted classifier
    measure : str
        A key of ``MEASURES``.

    Returns
    -------
    {"predict_proba", "decision_function"}

    Raises
    ------
    TypeError
        If it is a regressor, or has neither.
    sklearn.exceptions.NotFittedError
        If it isn't fitted.
    """
    check_classifier(clf, f"measure={measure!r}")
    return next(method for method in MEASURES[measure] if hasattr(clf, method))


def _rate(rate, clf, X):
    with seeded_nets(clf):
        return rate(clf, X)


def _score(method, score, clf, X):
    return score(getattr(clf, method)(X))
