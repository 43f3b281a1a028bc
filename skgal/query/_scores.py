"""What a latent search maximises: how unsure a classifier is, by the name of the measure."""

from collections.abc import Callable
from typing import NamedTuple

from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skgal.query._measures import MEASURES, method_to_read


class Score(NamedTuple):
    """A score of samples, in two forms with the same maxima.

    Parameters
    ----------
    method : str
        The method of the classifier that it reads.
    of_arrays : callable
        From what the method returns to an ndarray of shape (n_samples,).
    of_tensors : str
        The function of :mod:`skgal.differentiable` that does it for tensors.
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


# By the method of the classifier that is read.
SCORES = {
    "entropy": {"predict_proba": "log_entropy", "decision_function": "log_entropy_of_decisions"},
    "min_distance": {
        "predict_proba": "odds_proximity",
        "decision_function": "boundary_proximity",
    },
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
    method = method_to_read(clf, name)
    return Score(method, MEASURES[name][method], SCORES[name][method])
