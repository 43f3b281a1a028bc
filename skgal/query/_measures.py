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


def _of_probabilities(score, clf, X):
    if not hasattr(clf, "predict_proba"):
        raise TypeError(
            f"{type(clf).__name__} has no predict_proba, which this uncertainty measure reads; "
            "use measure='min_distance' where the strategy has it, or wrap the classifier in "
            "sklearn.calibration.CalibratedClassifierCV."
        )
    return score(clf.predict_proba(X))


def _of_decisions(score, clf, X):
    if not hasattr(clf, "decision_function"):
        raise TypeError(
            f"{type(clf).__name__} has no decision_function, which measure='min_distance' reads; "
            "use 'margin', 'entropy' or 'least_confident'."
        )
    return score(clf.decision_function(X))


# Those that are never negative, so that they can be a density (AISEL, equation 7).
DENSITY_MEASURES = {
    "entropy": partial(_of_probabilities, entropy),
    "margin": partial(_of_probabilities, margin_uncertainty),
    "least_confident": partial(_of_probabilities, least_confidence),
}
MEASURES = {**DENSITY_MEASURES, "min_distance": partial(_of_decisions, distance_uncertainty)}


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
    """
    check_is_fitted(clf)
    score = predictive_std if is_regressor(clf) else MEASURES[measure]
    return np.concatenate([score(clf, block) for block in blocks])
