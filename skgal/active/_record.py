"""What was asked and what was answered: the record that outlives a failing fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from skgal.classifiers import one_hot
from skgal.utils import concat_rows, take_rows

SYNTHETIC = -1
"""Position of a sample that is in no pool."""


@dataclass(frozen=True)
class Query:
    """Samples on their way to the oracle.

    Parameters
    ----------
    X : array or DataFrame of shape (n_asked, n_features) or (n_asked, c, h, w)
        The samples.
    indices : ndarray of shape (n_asked,), dtype int
        Their positions in the pool; -1 for synthetic ones.
    latent : ndarray of shape (n_asked, latent_dim) or None, default=None
        The latent points that synthetic samples were generated from.
    details : list or None, default=None
        What else the strategy says about each sample, such as the line that it was found on.
    ids : ndarray of shape (n_asked,), dtype int, or None, default=None
        Their ids in the store; None as long as they aren't recorded.
    """

    X: Any
    indices: np.ndarray
    latent: np.ndarray | None = None
    details: list | None = None
    ids: np.ndarray | None = None

    def __len__(self):
        return len(self.indices)


@dataclass(frozen=True)
class LabelledSet:
    """Every labelled sample: the initial ones on top, then those bought, oldest first.

    Parameters
    ----------
    X : array or DataFrame of shape (n_labelled, n_features) or (n_labelled, c, h, w)
        The samples.
    y : ndarray of shape (n_labelled,)
        Class labels or numbers; of soft labels the most probable class.
    indices : ndarray of shape (n_labelled,), dtype int
        Positions in the X that was fitted; -1 for synthetic samples.
    n_initial : int
        How many came labelled; those after them were bought.
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.
    proba : ndarray of shape (n_labelled, n_classes) or None, default=None
        Class probabilities, one-hot where a plain label was given; None where all were plain.
    latent : ndarray of shape (n_labelled, latent_dim) or None, default=None
        Latent points of the synthetic samples, NaN for real ones; None if all are real.
    """

    X: Any
    y: np.ndarray
    indices: np.ndarray
    n_initial: int
    classes: np.ndarray | None = None
    proba: np.ndarray | None = None
    latent: np.ndarray | None = None

    def __len__(self):
        return len(self.y)

    @property
    def is_synthetic(self):
        """Which samples were designed by a strategy; ndarray of shape (n_labelled,)."""
        return self.indices == SYNTHETIC

    @property
    def n_bought(self):
        """How many labels were bought."""
        return len(self) - self.n_initial

    def count_labels(self):
        """Count the labels of each class, soft ones for their most probable class.

        Returns
        -------
        dict from class to int
        """
        counts = np.bincount(np.searchsorted(self.classes, self.y), minlength=len(self.classes))
        return dict(zip(self.classes.tolist(), counts.tolist(), strict=True))

    def extended(self, query, answers):
        """Add the samples that were answered.

        Parameters
        ----------
        query : Query
        answers : Answers

        Returns
        -------
        LabelledSet
        """
        answered = answers.answered
        classes = None
        if self.classes is not None:
            classes = np.union1d(self.classes, answers.y)
        proba = None
        if self.proba is not None or answers.proba is not None:
            old = _in_columns(classes, self.classes, self.y, self.proba)
            new = _in_columns(classes, self.classes, answers.y, answers.proba)
            proba = np.concatenate([old, new])
        latent = self.latent
        if query.latent is not None:
            if latent is None:
                latent = np.full((len(self), query.latent.shape[1]), np.nan)
            latent = np.concatenate([latent, query.latent[answered]])
        return LabelledSet(
            X=_stack(self.X, take_rows(query.X, np.flatnonzero(answered))),
            y=_append(self.y, answers.y),
            indices=np.concatenate([self.indices, query.indices[answered]]),
            n_initial=self.n_initial,
            classes=classes,
            proba=proba,
            latent=latent,
        )


def _in_columns(classes, known, y, proba):
    """Class probabilities with one column for each of ``classes``."""
    if proba is None:
        return one_hot(y, classes)
    wide = np.zeros((len(proba), len(classes)))
    wide[:, np.searchsorted(classes, known)] = proba
    return wide


def _stack(old, new):
    if sparse.issparse(old):
        return sparse.vstack([old, new], format="csr")
    return concat_rows(old, new)


def _append(old, new):
    """Concatenate labels in the dtype of the old ones, if that loses nothing of the new ones."""
    if new.dtype.kind in "biuf" and np.array_equal(new.astype(old.dtype), new):
        new = new.astype(old.dtype)
    return np.concatenate([old, new])
