"""What an oracle may answer, checked in one place."""

from typing import Any, NamedTuple

import numpy as np

from skgal.active._labels import split_missing
from skgal.utils import as_label_array, observed_labels

SUM_TOLERANCE = 1e-3
"""How far class probabilities may be from summing to 1: half precision needs this much."""

NAMED_FAILURES = 5
"""How many failures an error message tells in full; the log has them all."""


class Answer(NamedTuple):
    """What became of one sample that an oracle was asked about.

    Parameters
    ----------
    position : int
        Which sample of the batch.
    label : scalar, ndarray of shape (n_classes,) or None
        A class, class probabilities, or a number; None where there is no answer.
    annotator : str, default=""
        Who or what answered.
    seconds : float, default=nan
        How long it took.
    status : {"answered", "declined", "failed"}, default="answered"
    message : str, default=""
        Why there is no answer.
    details : dict or None, default=None
        What else the oracle has to say, in types that JSON knows: of a
        :class:`~skgal.active.VotingOracle` the ``votes`` and their ``disagreement``.
    """

    position: int
    label: Any
    annotator: str = ""
    seconds: float = np.nan
    status: str = "answered"
    message: str = ""
    details: dict | None = None

    def failed(self, message):
        """Make of it an answer that failed, for a reason."""
        return self._replace(label=None, status="failed", message=message)

    def declined(self):
        """Make of it an answer that was declined."""
        return self._replace(label=None, status="declined")


class Answers(NamedTuple):
    """Answers of an oracle, those declined or failed taken out.

    Parameters
    ----------
    answered : ndarray of shape (n_asked,), dtype bool
        Which samples got a label.
    y : ndarray of shape (n_answered,)
        Class labels or numbers; of class probabilities the most probable class.
    proba : ndarray of shape (n_answered, n_classes) or None, default=None
        Class probabilities, where the oracle gave such.
    """

    answered: np.ndarray
    y: np.ndarray
    proba: np.ndarray | None = None


def as_answers(answers, n_asked, *, classes=None, **rules):
    """Take an oracle's array of answers apart; what is no label becomes a failed answer.

    Parameters
    ----------
    answers : array-like of shape (n_asked,) or (n_asked, n_classes)
        Labels, ``missing_label`` where declined; or class probabilities, a row of NaN where
        declined.
    n_asked : int
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.
    missing_label : scalar, default=nan
    closed : bool, default=False
        Whether there are no classes but these.
    columns : ndarray or None, default=None
        Which class each column of probabilities is of; None: those of ``classes``, in order.

    Returns
    -------
    list of Answer
        One for each sample, in order.

    Raises
    ------
    ValueError
        If answers are too few, too many or of no known shape: then nobody can tell which
        belongs to which sample.
    """
    answers = as_label_array(answers)
    if answers.ndim == 2 and answers.shape[1] == 1:
        answers = answers[:, 0]
    if answers.ndim == 0 or len(answers) != n_asked:
        raise ValueError(
            f"There must be an answer for each of the {n_asked} samples asked about, the missing "
            f"label where it is declined; got answers of shape {answers.shape}."
        )
    soft_allowed = classes is not None
    rules["classes"] = classes
    if answers.ndim > 2 or (answers.ndim == 2 and not soft_allowed):
        expected = "(n_asked,) or (n_asked, n_classes)" if soft_allowed else "(n_asked,)"
        raise ValueError(
            f"The oracle must answer with an array of shape {expected}; its answer has shape "
            f"{answers.shape}."
        )
    try:
        labels = _check_labels(answers, **rules)
    except (TypeError, ValueError):  # one by one, to find out which are to blame
        return [check_answer(Answer(i, label), **rules) for i, label in enumerate(answers)]
    return [_settled(Answer(i, label)) for i, label in enumerate(labels)]


def check_answer(answer, **rules):
    """Check what an oracle answered about one sample.

    Parameters
    ----------
    answer : Answer
    **rules
        ``classes``, ``missing_label``, ``closed`` and ``columns``, as :func:`as_answers` takes
        them.

    Returns
    -------
    Answer
        Its label a Python scalar or an ndarray of class probabilities that sum to 1; declined
        if it is the missing label; failed, with a message, if it is none.
    """
    if answer.status != "answered":
        return answer
    try:
        label = as_label_array([answer.label])
        (label,) = _check_labels(label[:, 0] if label.shape[1:] == (1,) else label, **rules)
    except (TypeError, ValueError) as error:
        return answer.failed(str(error))
    return _settled(answer._replace(label=label))


def gather(answers, n_asked, *, classes=None):
    """Put the answers about a batch together.

    Parameters
    ----------
    answers : iterable of Answer
        As :func:`check_answer` returns them, in any order.
    n_asked : int
        The size of the batch; samples without an answer count as declined.
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.

    Returns
    -------
    Answers
    """
    given = sorted((a for a in answers if a.status == "answered"), key=lambda a: a.position)
    answered = np.zeros(n_asked, dtype=bool)
    answered[[a.position for a in given]] = True
    if not given:
        return Answers(answered, np.empty(0, dtype=float if classes is None else classes.dtype))
    if classes is None:
        return Answers(answered, np.array([a.label for a in given]))
    soft = [isinstance(a.label, np.ndarray) for a in given]
    hard = [
        classes[a.label.argmax()] if is_soft else a.label
        for a, is_soft in zip(given, soft, strict=True)
    ]
    y = observed_labels(as_label_array(hard))
    if not any(soft):
        return Answers(answered, y)
    # An oracle may be sure of some samples: their plain labels become one-hot.
    union = np.union1d(classes, y)
    proba = np.zeros((len(given), len(union)))
    known = np.searchsorted(union, classes)
    for row, answer, is_soft in zip(proba, given, soft, strict=True):
        if is_soft:
            row[known] = answer.label
        else:
            row[np.searchsorted(union, answer.label)] = 1.0
    return Answers(answered, y, proba)


def raise_failures(answers):
    """Raise if answers failed, naming the samples.

    Parameters
    ----------
    answers : iterable of Answer

    Raises
    ------
    ValueError
    """
    answers = list(answers)
    failed = [answer for answer in answers if answer.status == "failed"]
    if not failed:
        return
    named = "; ".join(f"sample {a.position}: {a.message}" for a in failed[:NAMED_FAILURES])
    more = len(failed) - NAMED_FAILURES
    raise ValueError(
        f"There is no usable answer for {len(failed)} of {len(answers)} samples of the "
        f"batch: {named}" + (f"; and {more} more." if more > 0 else "")
    )


def _settled(answer):
    return answer.declined() if answer.label is None else answer


def _check_labels(labels, *, classes=None, missing_label=np.nan, closed=False, columns=None):
    """Check labels of several samples; a list, with None where declined."""
    if labels.ndim == 2:
        if classes is None:
            raise ValueError("A number was expected; the oracle answered with several.")
        return _check_proba(labels, classes, classes if columns is None else columns)
    answered, y = split_missing(
        labels, is_classifier=classes is not None, missing_label=missing_label
    )
    if classes is not None and len(y):
        _check_classes(y, classes, closed)
    checked = np.full(len(labels), None, dtype=object)
    checked[answered] = y.tolist()
    return checked.tolist()


def _check_classes(y, classes, closed):
    if _is_text(y) != _is_text(classes):
        raise ValueError(
            f"The labels so far are of type {classes.dtype}, such as {classes.tolist()[0]!r}; the "
            f"oracle answered with {y.dtype}, such as {y.tolist()[0]!r}."
        )
    unknown = np.setdiff1d(y, classes)
    if closed and len(unknown):
        raise ValueError(
            f"The oracle answered with {unknown.tolist()[0]!r}, which is none of the classes "
            f"{classes.tolist()}."
        )


def _check_proba(proba, classes, columns):
    if proba.shape[1] != len(columns):
        raise ValueError(
            f"Class probabilities need one column for each of the {len(columns)} classes known "
            f"so far, in the order {columns.tolist()}; the oracle answered with "
            f"{proba.shape[1]} columns. An oracle that knows other classes says so by an "
            "attribute `classes_`."
        )
    unknown = np.setdiff1d(columns, classes)
    if len(unknown):
        raise ValueError(
            f"The oracle's classes_ name {unknown.tolist()[0]!r}, which is none of the classes "
            f"{classes.tolist()}."
        )
    proba = proba.astype(np.float64)
    declined = np.isnan(proba).all(axis=1)
    totals = proba.sum(axis=1)
    # A NaN fails both comparisons, as it should.
    valid = (proba >= 0).all(axis=1) & (np.abs(totals - 1) <= SUM_TOLERANCE)
    refused = np.flatnonzero(~(valid | declined))
    if len(refused):
        raise ValueError(
            "Class probabilities must be nonnegative and sum to 1; the oracle answered with "
            f"{proba[refused[0]].tolist()}."
        )
    normed = np.zeros((len(proba), len(classes)))
    normed[:, np.searchsorted(classes, columns)] = proba / totals[:, np.newaxis]
    return [None if none else row for none, row in zip(declined, normed, strict=True)]


def _is_text(labels):
    return labels.dtype.kind in "OUS"
