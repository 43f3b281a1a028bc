"""What a latent search maximises: how unsure a classifier is, by the name of the measure."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skgal.metrics import distance_uncertainty, entropy


class Score(NamedTuple):
    """A score of samples, in two forms with the same maxima.

    Parameters
    ----------
    method : str
        The method of the classifier that it reads.
    of_arrays : callable
        From what the method returns to an ndarray of shape (n_samples,).
    of_tensors : str
        The function of :mod:`skgal.engine` that does it for tensors.
    """

    method: str
    of_arrays: Callable
    of_tensors: str

    def rate(self, clf, X):
        """Score samples.

        Parameters
        ----------
        clf : fitted classifier
        X : array-like of n_samples samples

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.of_arrays(getattr(clf, self.method)(X))


def _odds_uncertainty(proba):
    """Minus the log-odds of the two most probable classes: the distance without a decision."""
    proba = np.asarray(proba)
    return distance_uncertainty(np.log(np.maximum(proba, np.finfo(proba.dtype).tiny)))


# In order of preference: the first whose method the classifier has.
SCORES = {
    "entropy": [Score("predict_proba", entropy, "log_entropy")],
    "min_distance": [
        Score("decision_function", distance_uncertainty, "boundary_proximity"),
        Score("predict_proba", _odds_uncertainty, "odds_proximity"),
    ],
}


def resolve_score(name, clf):
    """Find the form of a score that suits a classifier.

    Parameters
    ----------
    name : str
        A key of ``SCORES``.
    clf : fitted classifier

    Returns
    -------
    Score

    Raises
    ------
    TypeError
        If it is a regressor, or has none of the methods that the score can read.
    sklearn.exceptions.NotFittedError
        If it isn't fitted.
    """
    check_is_fitted(clf)
    if is_regressor(clf):
        raise TypeError(
            f"This strategy looks for the boundary between classes, and {type(clf).__name__} is "
            "a regressor; use LatentUncertainty or AISEL, which know a regressor's uncertainty."
        )
    for score in SCORES[name]:
        if hasattr(clf, score.method):
            return score
    methods = " or ".join(score.method for score in SCORES[name])
    raise TypeError(
        f"{type(clf).__name__} has no {methods}, which measure={name!r} reads; use "
        "measure='min_distance' with a classifier that has a decision_function, or wrap it in "
        "sklearn.calibration.CalibratedClassifierCV."
    )
