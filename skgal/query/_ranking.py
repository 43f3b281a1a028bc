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
        iterable of ndarray
            The utilities of the candidates in order, one array after the other, such as
            ``candidates.map`` gives.
        """

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose the samples with the highest utilities.

        Equal utilities are ranked at random, by a random order of all rows that depends on
        ``random_state`` and the number of rows only: as a pool gets its labels, an integer
        ``random_state`` walks through that order.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The pool, labelled samples included. It may be memory-mapped, sparse, a DataFrame,
            a zarr or dask array, or an iterable of blocks, and is rated block by block; blocks
            of a dask array are rated where they lie. See :func:`skgal.utils.as_pool`.
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
        order = as_random_state(self.random_state).random_sample(pool.rows.n_samples)
        best, rated = RunningTopK(batch_size, order), []
        for utilities, positions in self._rated_blocks(pool, clf):
            assert_all_finite(utilities, input_name="utilities")
            best.update(utilities, positions)
            if return_utilities:
                rated.append(utilities)
        if return_utilities:
            return best.positions, pool.scatter(np.concatenate(rated))
        return best.positions

    def _rated_blocks(self, pool, clf):
        start = 0
        for utilities in self._utilities(pool, clf):
            yield utilities, pool.positions[start : start + len(utilities)]
            start += len(utilities)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class RunningTopK:
    """The k highest of utilities that come in blocks.

    Parameters
    ----------
    k : int
        At least 1.
    tie_break : ndarray of shape (n_rows,)
        Of rows with equal utilities, the one with the highest value here comes first.

    Attributes
    ----------
    positions : ndarray of at most k int
        Rows with the highest utilities so far, best first.
    utilities : ndarray of float, as long
        Their utilities.
    """

    def __init__(self, k, tie_break):
        self.k = k
        self.tie_break = tie_break
        self.positions = np.empty(0, dtype=np.intp)
        self.utilities = np.empty(0)

    def update(self, utilities, positions):
        """Take in the utilities of the rows at some positions."""
        k = min(self.k, len(utilities))
        head = top_k(utilities, k, self.tie_break[positions])
        utilities = np.concatenate([self.utilities, utilities[head]])
        positions = np.concatenate([self.positions, positions[head]])
        best = top_k(utilities, min(self.k, len(utilities)), self.tie_break[positions])
        self.utilities, self.positions = utilities[best], positions[best]


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
