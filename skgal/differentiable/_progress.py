"""When a search that improves many points side by side may leave some of them."""

from collections import deque

import numpy as np


class Progress:
    """The best value of every point so far, and which points have stopped improving.

    A point has converged once the last ``patience`` steps brought it at most the share ``tol``
    of all it has gained since the start, which suits scores of any scale.

    Parameters
    ----------
    n_points : int
    tol : float or None
        None: no point ever does.
    patience : int

    Attributes
    ----------
    best : ndarray of shape (n_points,)
    active : ndarray of int
        The points that have not converged.
    """

    def __init__(self, n_points, tol, patience):
        self.tol = tol
        self.best = np.full(n_points, -np.inf)
        self.active = np.arange(n_points)
        self._history = deque(maxlen=patience + 1)
        self._start = None

    def update(self, values):
        """Take the next value of every active point.

        Parameters
        ----------
        values : ndarray of shape (n_active,)

        Returns
        -------
        improved : ndarray of int
            The points whose best value this is.

        Raises
        ------
        ValueError
            If a value is NaN.
        """
        if np.isnan(values).any():
            raise ValueError(
                "The score of a generated sample is NaN; check that the classifier and the "
                "generator return finite numbers."
            )
        improved = self.active[values > self.best[self.active]]
        self.best[self.active] = np.maximum(self.best[self.active], values)
        if self._start is None:
            self._start = self.best.copy()
        self._history.append(self.best.copy())
        if self.tol is not None and len(self._history) == self._history.maxlen:
            recent = self.best - self._history[0]
            converged = recent <= self.tol * (self.best - self._start)
            self.active = self.active[~converged[self.active]]
        return improved
