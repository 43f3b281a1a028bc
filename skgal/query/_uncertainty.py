"""Uncertainty sampling: the pool's samples of which the model is least sure."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from skgal.query._measures import MEASURES, uncertainty_rater
from skgal.query._ranking import RankingStrategy


class UncertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is least sure.

    Parameters
    ----------
    measure : {"entropy", "margin", "least_confident", "min_distance"}, default="entropy"
        Entropy of the class probabilities; one minus the margin between the two most
        probable classes; one minus the largest probability; or minus the distance to the
        decision boundary, in units of ``decision_function``. The uncertainty of a regressor is
        its predictive standard deviation, whatever ``measure`` says.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally uncertain.

    Notes
    -----
    A classifier without ``predict_proba``, such as ``LinearSVC``, has the softmax of its
    ``decision_function`` in place of probabilities, or the logistic function if there are two
    classes. Nobody has calibrated that; for two classes all measures then rank by the distance to
    the boundary. Of a classifier without ``decision_function`` the distance is the log-odds
    of the two most probable classes: of a softmax, the gap between the logits.

    See Also
    --------
    skgal.metrics : The measures as functions of probabilities or decisions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import UncertaintySampling
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.0], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> UncertaintySampling("margin").query(X, y, clf, batch_size=2).tolist()
    [3, 2]
    """

    _parameter_constraints = {
        **RankingStrategy._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
    }

    def __init__(self, measure="entropy", *, missing_label=np.nan, random_state=None):
        self.measure = measure
        self.missing_label = missing_label
        self.random_state = random_state

    def _utilities(self, candidates, clf):
        return candidates.map(uncertainty_rater(clf, self.measure))
