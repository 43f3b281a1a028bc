"""How sure the model is of samples of a pool: the least, the most, the largest predicted loss."""

from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.classifiers import cast_for_nets
from skgal.query._base import RankingStrategy
from skgal.query._measures import MEASURES, output_scales, uncertainty_rater
from skgal.utils import StrOptions, seeded_nets, unwrap


class UncertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is least sure.

    Parameters
    ----------
    measure : {"entropy", "normalized_entropy", "least_confidence", "margin_of_confidence", \
"ratio_of_confidence", "min_distance", "mutual_information"}, default="entropy"
        A function of the class probabilities, see `skgal.metrics`: their entropy, in nats or
        normalised to [0, 1]; how far the largest is from 1; one minus the margin between the
        two largest; the second largest relative to the largest [1]_. Or minus the distance to
        the decision boundary, in units of ``decision_function``; or how much the members of an
        ensemble disagree, whatever noise they agree on. The uncertainty of a regressor is
        its predictive standard deviation, whatever ``measure`` says.
    output_weights : array-like of shape (n_outputs,), default=None
        Of a model with several outputs, how much each counts; None: all the same. Standard
        deviations are divided by those of the labels before they are combined, as the root of
        their weighted mean square; uncertainties of classes are averaged.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally uncertain.

    See Also
    --------
    skgal.metrics : The measures as functions of probabilities or decisions.

    Notes
    -----
    A classifier without ``predict_proba``, such as ``LinearSVC``, has the softmax of its
    ``decision_function`` in place of probabilities, or the logistic function if there are two
    classes. These are not calibrated; for two classes all measures then rank by the distance to
    the boundary. Of a classifier without ``decision_function`` the distance is the log-odds
    of the two most probable classes: of a softmax, the gap between the logits.

    References
    ----------
    .. [1] K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty
       sampling approach", arXiv 2020, equations (7) to (10).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import UncertaintySampling
    >>> X = np.array([[0.0], [1.0], [4.0], [5.2], [9.0], [10.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan, 1])
    >>> clf = LogisticRegression().fit(X[[0, 5]], [0, 1])
    >>> UncertaintySampling("margin_of_confidence").query(X, y, clf, batch_size=2).tolist()
    [3, 2]
    """

    _parameter_constraints = {
        **RankingStrategy._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
        "output_weights": ["array-like", None],
    }

    def __init__(
        self, measure="entropy", *, output_weights=None, missing_label=np.nan, random_state=None
    ):
        self.measure = measure
        self.output_weights = output_weights
        self.missing_label = missing_label
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse a model without the method that the measure reads."""
        uncertainty_rater(clf, self.measure)

    def compute_utilities(self, X, y, clf, pool):
        """Rate by how unsure the model is."""
        scales = output_scales(y, self.missing_label)
        return pool.map(uncertainty_rater(clf, self.measure, scales, self.output_weights))


# Each is the opposite order of an uncertainty.
_OPPOSITES = {
    "most_confidence": "least_confidence",
    "large_margin": "margin_of_confidence",
    "least_entropy": "entropy",
}


class CertaintySampling(RankingStrategy):
    """Choose the samples of a pool of which the model is most certain.

    Samples that a classifier learns least from can serve a conditional generator best: they are
    clean, and stabilise the training of an AC-GAN and its auxiliary classifier [1]_. ALCG,
    Algorithm 1 there, is ``ActiveLearner(ACGAN(warm_start=True), CertaintySampling())``.

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
    .. [1] M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG),
       KDD 2019, section 3.3, equations (6) to (8).

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

    def check_model(self, clf, X):
        """Refuse a model without the method that the measure reads."""
        uncertainty_rater(clf, _OPPOSITES[self.measure])

    def compute_utilities(self, X, y, clf, pool):
        """Rate by how certain the model is."""
        scales = output_scales(y, self.missing_label)
        rate = uncertainty_rater(clf, _OPPOSITES[self.measure], scales)
        return (-uncertain for uncertain in pool.map(rate))


class LearningLoss(RankingStrategy):
    """Choose the samples of a pool whose loss the classifier predicts to be largest.

    The classifier has learnt to predict its losses: it is a
    :class:`skgal.classifiers.LossPredictionClassifier`, or a Pipeline that ends in one, or any
    other with a method ``predict_loss(X)`` that returns one number a sample. The utility is that
    number.

    Parameters
    ----------
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides between samples of equal predicted loss.

    Notes
    -----
    The paper chooses from a random tenth of a large pool, so that a batch is no set of near
    duplicates; pass such rows as ``candidates``.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.classifiers import LossPredictionClassifier
    >>> from skgal.query import LearningLoss
    >>> from skgal.utils import seeded_torch
    >>> X = np.random.RandomState(0).normal(size=(20, 4)).astype(np.float32)
    >>> y = np.r_[[0, 1] * 4, [np.nan] * 12]
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> net = LossPredictionClassifier(module, max_epochs=2, train_split=None, verbose=0)
    >>> with seeded_torch(0):  # nets draw from torch's global random state
    ...     _ = net.fit(X[:8], y[:8].astype(int))
    >>> LearningLoss().query(X, y, net, batch_size=2).shape
    (2,)
    """

    def check_model(self, clf, X):
        """Refuse a model that doesn't predict its losses."""
        check_is_fitted(clf)
        _check_predicts_loss(unwrap(clf)[0])

    def compute_utilities(self, X, y, clf, pool):
        """Rate by the predicted loss."""
        check_is_fitted(clf)
        return pool.map(partial(_predicted_losses, clf))


def _predicted_losses(clf, X):
    model, X = unwrap(clf, cast_for_nets(clf, X))
    _check_predicts_loss(model)
    with seeded_nets(model):
        return np.asarray(model.predict_loss(X))


def _check_predicts_loss(model):
    if not hasattr(model, "predict_loss"):
        raise TypeError(
            f"LearningLoss reads predict_loss of the classifier, which {type(model).__name__} "
            "lacks; use skgal.classifiers.LossPredictionClassifier."
        )
