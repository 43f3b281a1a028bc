"""Learning loss: the pool's samples on which the net predicts that it errs most."""

from functools import partial

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.query._ranking import RankingStrategy
from skgal.utils import seeded_nets, unwrap


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
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019; reference [28] of
    ASAL.

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

    def __init__(self, *, missing_label=np.nan, random_state=None):
        self.missing_label = missing_label
        self.random_state = random_state

    def _utilities(self, candidates, clf):
        check_is_fitted(clf)
        return candidates.map(partial(_predicted_losses, clf))


def _predicted_losses(clf, X):
    model, X = unwrap(clf, X)
    if not hasattr(model, "predict_loss"):
        raise TypeError(
            f"LearningLoss reads predict_loss of the classifier, which {type(model).__name__} "
            "hasn't got; use skgal.classifiers.LossPredictionClassifier."
        )
    with seeded_nets(model):
        return model.predict_loss(X)
