"""The template of pool strategies that rank candidates and take the first."""

from abc import abstractmethod

import numpy as np
from sklearn.utils import assert_all_finite

from skgal.base import PoolStrategy
from skgal.query._candidates import find_candidates
from skgal.query._checks import check_batch_size, check_samples
from skgal.utils import as_random_state


class RankingStrategy(PoolStrategy):
    """Base of pool strategies that rank the candidates one by one.

    A subclass has the parameters ``missing_label`` and ``random_state`` and implements
    :meth:`_utilities`.
    """

    _parameter_constraints = {
        "missing_label": "no_validation",
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _utilities(self, candidates, clf):
        """Rate how much each candidate is wanted.

        Parameters
        ----------
        candidates : Candidates
        clf : estimator

        Returns
        -------
        ndarray of shape (n_candidates,)
        """

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose the samples with the highest utilities.

        Equal utilities are ranked at random, by a random order of all rows that depends on
        ``random_state`` and the number of rows only: as a pool gets its labels, an integer
        ``random_state`` walks through that order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The pool, labelled samples included.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or class probabilities, missing where nobody has given any.
        clf : estimator
            The model to be taught, fitted on the labelled samples.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X
            that are unlabelled; or these samples, which need not be in X.
        batch_size : int, default=1
            How many samples to choose.
        return_utilities : bool, default=False
            Also return how much each candidate was wanted.

        Returns
        -------
        indices : ndarray of shape (batch_size,), dtype int
            Positions in X, or in ``candidates`` where those are samples; best first.
        utilities : ndarray of shape (n_samples,) or (n_candidates,)
            Only with ``return_utilities``; NaN for samples that were no candidates.

        Raises
        ------
        ValueError
            If there is nothing to choose from, or less than ``batch_size``; if ``candidates``
            is neither positions in X nor samples like those of X; or if the model returns NaN.
        TypeError
            If the model cannot say how unsure it is.
        sklearn.exceptions.NotFittedError
            If the model is needed, and isn't fitted.
        """
        self._validate_params()
        X = check_samples(X, y)
        pool = find_candidates(X, y, candidates, self.missing_label)
        check_batch_size(batch_size, len(pool), "unlabelled candidates")
        utilities = self._utilities(pool, clf)
        assert_all_finite(utilities, input_name="utilities")
        order = as_random_state(self.random_state).random_sample(pool.rows.shape[0])
        chosen = pool.positions[top_k(utilities, batch_size, order[pool.positions])]
        return (chosen, pool.scatter(utilities)) if return_utilities else chosen

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


def top_k(utilities, k, tie_break):
    """Find the k highest utilities.

    Parameters
    ----------
    utilities : ndarray of shape (n,)
    k : int
        From 1 to n.
    tie_break : ndarray of shape (n,)
        Of equal utilities, the one with the highest value here comes first.

    Returns
    -------
    ndarray of shape (k,), dtype int
        Best first.
    """
    threshold = np.partition(utilities, -k)[-k]
    contenders = np.flatnonzero(utilities >= threshold)
    order = np.lexsort((-tie_break[contenders], -utilities[contenders]))
    return contenders[order[:k]]
