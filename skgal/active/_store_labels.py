"""Labels as a file holds them, and the log of events that they come from."""

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from skgal.active._answers import SUM_TOLERANCE
from skgal.utils import as_label_array, is_missing

STATUS_OF = {
    "asked": "pending",
    "reopened": "pending",
    "answered": "answered",
    "imported": "answered",
    "declined": "declined",
    "failed": "failed",
    "withdrawn": "withdrawn",
}
"""What a sample's last event makes of it; a ``"surplus"`` answer makes nothing of it."""


class Record(NamedTuple):
    """A sample that was asked about, and what became of it.

    Parameters
    ----------
    id : int
        Counts up from 1 in the order of asking.
    X : ndarray, csr matrix of one row, dict from column to value, or list
        The sample; None where records were read without samples.
    hash : str
        SHA-256 of its values.
    index : int or None
        Position in the pool; None for a sample of no pool, such as a designed one.
    latent : ndarray or None
        The latent point that a designed sample was generated from.
    round : int or None
        How many times the learner had asked before; None for samples that no learner asked for.
    strategy, model : str
        Who chose the sample, and under which version of the classifier.
    belief : dict from class to float, float or None
        What that classifier thought of the sample.
    details : object or None
        What else whoever asked wanted kept.
    status : {"pending", "answered", "declined", "failed", "withdrawn"}
    label : str, bool, int, float, dict from class to probability, or None
        None unless answered.
    annotator : str or None
    asked_at : datetime
        In UTC.
    answered_at : datetime or None
        In UTC; of an answer, a refusal or a failure.
    seconds : float or None
        How long the answer took.
    message : str or None
        What the oracle or the annotator said about it.
    answer_details : object or None
        What else the oracle wanted kept, such as the votes of several annotators.
    """

    id: int
    X: Any
    hash: str
    index: int | None
    latent: np.ndarray | None
    round: int | None
    strategy: str
    model: str
    belief: Any
    details: Any
    status: str
    label: Any
    annotator: str | None
    asked_at: datetime
    answered_at: datetime | None
    seconds: float | None
    message: str | None
    answer_details: Any


class Event(NamedTuple):
    """An entry of the log under a store; none is ever changed or removed.

    Parameters
    ----------
    id : int
        Counts up from 1.
    sample : int
        The id of the sample.
    kind : str
        ``"asked"``, ``"answered"``, ``"imported"``, ``"declined"``, ``"failed"``,
        ``"withdrawn"``, ``"reopened"`` by an undo, or ``"surplus"``: another answer to what was
        answered already.
    label : str, bool, int, float, dict from class to probability, or None
    annotator : str or None
    seconds : float or None
    message : str or None
    details : object or None
    at : datetime
        In UTC.
    """

    id: int
    sample: int
    kind: str
    label: Any
    annotator: str | None
    seconds: float | None
    message: str | None
    details: Any
    at: datetime


def as_answers(labels, classes):
    """Bring answers of any form into labels that a store can hold.

    Parameters
    ----------
    labels : array-like of shape (n_answers,) or (n_answers, n_classes), or list
        Classes, numbers, rows of class probabilities, dicts from class to probability; None,
        NaN, or a row of NaN where declined.
    classes : list or None
        What the columns of probabilities stand for, in that order; also tells names from
        numbers.

    Returns
    -------
    list
        Of str, bool, int, float, dict from class to probability; None where declined.

    Raises
    ------
    ValueError
        If a label is infinite, no probability, or a name among numbers.
    TypeError
        If a label is of a type that a store can't hold.
    """
    if hasattr(labels, "to_numpy"):
        labels = as_label_array(labels)
    return [_as_answer(label, classes, row) for row, label in enumerate(labels)]


def encode_label(label):
    """Write a label, or a belief, as JSON.

    Parameters
    ----------
    label : str, bool, int, float, dict from class to probability, or None

    Returns
    -------
    str or None
    """
    if label is None:
        return None
    if isinstance(label, Mapping):
        # Classes may be numbers, and JSON has no such keys.
        classes = [_as_scalar(name) for name in label]
        label = {"classes": classes, "probabilities": [float(p) for p in label.values()]}
    else:
        label = _as_scalar(label)
    return json.dumps(label)


def conflict_error(conflicts):
    """Say that samples had other labels already.

    Parameters
    ----------
    conflicts : list of tuple (id, label, late_label)
        At least one.

    Returns
    -------
    ValueError
    """
    sample, label, late = conflicts[0]
    return ValueError(
        f"{len(conflicts)} of the samples have another label already: sample {sample} is "
        f"{label!r}, and the answer {late!r} came too late. The first answer holds, the late one "
        "is kept in the store's events(). To replace a label, reopen its sample first."
    )


def decode_label(text):
    """Read a label as it was before :func:`encode_label`.

    Parameters
    ----------
    text : str or None

    Returns
    -------
    str, bool, int, float, dict from class to probability, or None
    """
    if text is None:
        return None
    label = json.loads(text)
    if isinstance(label, dict):
        return dict(zip(label["classes"], label["probabilities"], strict=True))
    return label


def digest_event(sample, kind, label, annotator, seconds, message, details, at):
    """Hash an event, so that a single flipped bit shows.

    Parameters
    ----------
    sample : int
    kind : str
    label, annotator, message, details : str or None
    seconds : float or None
    at : str

    Returns
    -------
    str
        SHA-256, in hexadecimal.
    """
    content = json.dumps([sample, kind, label, annotator, seconds, message, details, at])
    return hashlib.sha256(content.encode()).hexdigest()


def _as_answer(label, classes, row):
    if isinstance(label, Mapping):
        label = {_as_scalar(name): float(p) for name, p in label.items()}
        return _check_probabilities(label, row)
    if isinstance(label, list | tuple | np.ndarray) and np.size(label) != 1:
        return _as_soft(np.asarray(label, dtype=np.float64), classes, row)
    if isinstance(label, list | tuple | np.ndarray):
        (label,) = np.ravel(np.asarray(label, dtype=object))
    if is_missing(np.array([label], dtype=object))[0]:
        return None
    label = _as_scalar(label)
    if isinstance(label, float) and not math.isfinite(label):
        raise ValueError(f"A label must be finite; got {label} for sample {row} of the batch.")
    if classes and isinstance(label, str) != isinstance(classes[0], str):
        raise ValueError(
            f"The labels so far are such as {classes[0]!r}; got {label!r} for sample {row} of the "
            "batch."
        )
    return label


def _as_soft(row_of_proba, classes, row):
    if np.isnan(row_of_proba).all():
        return None
    if classes is None or row_of_proba.shape != (len(classes),):
        raise ValueError(
            "A row of class probabilities needs one entry for each class known so far, "
            f"{classes}; got {row_of_proba.tolist()} for sample {row} of the batch. A dict from "
            "class to probability says itself what it means."
        )
    return _check_probabilities(dict(zip(classes, row_of_proba.tolist(), strict=True)), row)


def _check_probabilities(label, row):
    # A NaN fails both comparisons, as it should.
    if not (min(label.values()) >= 0 and abs(sum(label.values()) - 1) <= SUM_TOLERANCE):
        raise ValueError(
            f"Class probabilities must be nonnegative and sum to 1; got {label} for sample {row} "
            "of the batch."
        )
    return label


def _as_scalar(label):
    if isinstance(label, np.generic):
        label = label.item()
    if not isinstance(label, str | bool | int | float):
        raise TypeError(
            "A label is a string, a boolean, a number or a dict from class to probability; got "
            f"{label!r} of type {type(label).__name__}."
        )
    return label
