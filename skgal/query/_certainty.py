"""Certainty sampling: the pool's samples of which the model is surest."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skgal.query._measures import uncertainty_rater
from skgal.query._ranking import RankingStrategy

# Each is the opposite order of an uncertainty.
_OPPOSITES = {
    "most_confidence": "least_confident",
    "large_margin": "margin",
    "least_entropy": "entropy",
}


class CertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is surest.

    What teaches a classifier least can teach a conditional generator most: such samples are
    clean, and keep the auxiliary classifier of an AC-GAN from unsettling the training [1]_.

    Parameters
    ----------
    measure : {"most_confidence", "large_margin", "least_entropy"}, default="most_confidence"
        The largest class probability (equation 6), the margin between the two most probable
        classes (7), or minus the entropy of the class probabilities (8); the first two as
        what they lack to 1, negative. A regressor's certainty is minus its predictive standard
        deviation, whatever ``measure`` says. For classifiers without probabilities see
        :class:`UncertaintySampling`.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally certain.

    See Also
    --------
    UncertaintySampling : The opposite order.

    References
    ----------
    .. [1] ALCG, section 3.3, equations (6) to (8).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import CertaintySampling
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.5], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> CertaintySampling().query(X, y, clf, batch_size=2).tolist()
    [4, 1]
    """

    _parameter_constraints = {
        **RankingStrategy._parameter_constraints,
        "measure": [StrOptions(set(_OPPOSITES))],
    }

    def __init__(self, measure="most_confidence", *, missing_label=np.nan, random_state=None):
        self.measure = measure
        self.missing_label = missing_label
        self.random_state = random_state

    def _utilities(self, candidates, clf):
        rate = uncertainty_rater(clf, _OPPOSITES[self.measure])
        return (-uncertain for uncertain in candidates.map(rate))
