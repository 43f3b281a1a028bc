"""What an oracle may answer, checked in one place."""

from typing import NamedTuple

import numpy as np

from skgal.active._labels import as_label_array, split_missing

SUM_TOLERANCE = 1e-3
"""How far class probabilities may be from summing to 1: half precision needs this much."""


class Answers(NamedTuple):
    """Answers of an oracle, the declined ones taken out.

    Parameters
    ----------
    answered : ndarray of shape (n_asked,), dtype bool
        Which samples got a label; the others were declined.
    y : ndarray of shape (n_answered,)
        Class labels or numbers; of class probabilities the most probable class.
    proba : ndarray of shape (n_answered, n_classes) or None, default=None
        Class probabilities, where the oracle gave such.
    """

    answered: np.ndarray
    y: np.ndarray
    proba: np.ndarray | None = None


def check_answers(answers, n_asked, *, classes=None, missing_label=np.nan):
    """Check an oracle's answers, one for each sample it was asked about.

    Parameters
    ----------
    answers : array-like of shape (n_asked,) or (n_asked, n_classes)
        Labels, ``missing_label`` where declined; or class probabilities, a row of NaN where
        declined.
    n_asked : int
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.
    missing_label : scalar, default=nan

    Returns
    -------
    Answers

    Raises
    ------
    ValueError
        If answers are too few, too many, of no known shape, not finite, no probabilities, or
        of another kind than the labels so far.
    """
    answers = as_label_array(answers)
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    if answers.ndim == 0 or len(answers) != n_asked:
        raise ValueError(
            f"The oracle must answer for each of the {n_asked} samples it was asked about, with "
            f"the missing label where it declines; its answer has shape {answers.shape}."
        )
    if answers.ndim == 2 and classes is not None:
        return _check_proba(answers, classes)
    if answers.ndim != 1:
        expected = "(n_asked,)" if classes is None else "(n_asked,) or (n_asked, n_classes)"
        raise ValueError(
            f"The oracle must answer with an array of shape {expected}; its answer has shape "
            f"{answers.shape}."
        )
    answered, y = split_missing(
        answers, is_classifier=classes is not None, missing_label=missing_label
    )
    if not len(y):
        y = np.empty(0, dtype=float if classes is None else classes.dtype)
    elif classes is not None and _is_text(y) != _is_text(classes):
        raise ValueError(
            f"The labels so far are of type {classes.dtype}, such as {classes.tolist()[0]!r}; the "
            f"oracle answered with {y.dtype}, such as {y.tolist()[0]!r}."
        )
    return Answers(answered, y)


def _check_proba(proba, classes):
    if proba.shape[1] != len(classes):
        raise ValueError(
            f"Class probabilities need one column for each of the {len(classes)} classes known "
            f"so far, in the order {classes.tolist()}; the oracle answered with "
            f"{proba.shape[1]} columns. An oracle that knows more classes says so by an "
            "attribute `classes_`."
        )
    proba = proba.astype(np.float64)
    answered = ~np.isnan(proba).all(axis=1)
    proba = proba[answered]
    totals = proba.sum(axis=1)
    # A NaN fails both comparisons, as it should.
    valid = (proba >= 0).all(axis=1) & (np.abs(totals - 1) <= SUM_TOLERANCE)
    if not valid.all():
        row = int(np.flatnonzero(~valid)[0])
        raise ValueError(
            "Class probabilities must be nonnegative and sum to 1; the oracle answered with "
            f"{proba[row].tolist()} for sample {np.flatnonzero(answered)[row]} of the batch."
        )
    proba = proba / totals[:, np.newaxis]
    return Answers(answered, classes[proba.argmax(axis=1)], proba)


def _is_text(labels):
    return labels.dtype.kind in "OUS"
