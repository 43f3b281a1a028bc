"""The contracts of strategies: choose samples of a pool, or synthesise new ones."""

from abc import ABCMeta, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator


class Synthesis(NamedTuple):
    """Samples that a strategy designed, waiting for their labels.

    Parameters
    ----------
    X : array or DataFrame of shape (batch_size, n_features) or (batch_size, c, h, w)
        The samples, in the layout of the training data.
    latent : ndarray of shape (batch_size, latent_dim)
        The latent points they were generated from.
    utilities : ndarray of shape (batch_size,) or None, default=None
        How much each was wanted (its uncertainty, say); None where nothing ranks them.
    """

    X: Any
    latent: np.ndarray
    utilities: np.ndarray | None = None


class BaseStrategy(BaseEstimator, metaclass=ABCMeta):
    """Base of every strategy: it holds configuration; what it learns of X ends in ``_``."""

    def fit(self, X, y=None):
        """Do the work that is paid once for these samples; here there is none.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            All samples at hand, labelled or not.
        y : array-like of shape (n_samples,), default=None
            Labels, missing ones included; most strategies don't need them.

        Returns
        -------
        self
        """
        return self


class PoolStrategy(BaseStrategy):
    """Base of strategies that choose which samples of a pool to label next."""

    @abstractmethod
    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose samples to label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The pool, labelled samples included.
        y : array-like of shape (n_samples,)
            Labels, missing where nobody has given one.
        clf : estimator
            The model to be taught, fitted on the labelled samples.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X;
            or these samples, which need not be in X.
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
        """


class SynthesisStrategy(BaseStrategy):
    """Base of strategies that design new samples to be labelled."""

    @abstractmethod
    def synthesize(self, X, y, clf, *, batch_size=1):
        """Design samples to label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The samples at hand, earlier synthetic ones included.
        y : array-like of shape (n_samples,)
            Labels, missing where nobody has given one.
        clf : estimator
            The model to be taught, fitted on the labelled samples.
        batch_size : int, default=1
            How many samples to design.

        Returns
        -------
        Synthesis
        """
