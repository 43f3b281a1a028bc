"""The way from samples to checked answers, the same for every oracle."""

import logging
from time import perf_counter

import numpy as np

from skgal.active._answers import as_answers, check_answer, raise_failures

logger = logging.getLogger("skgal.active")


def stream_answers(oracle, X, *, classes=None, missing_label=np.nan, closed=None, heard=None):
    """Ask an oracle, and get each answer as soon as it is there, checked.

    Parameters
    ----------
    oracle : callable
        Asked through ``stream(X)``, an iterator over :class:`Answer`, if it has one; else
        ``oracle(X)`` answers for all samples at once.
    X : array-like, sparse matrix or DataFrame of n_asked rows
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression. Columns of probabilities are in
        this order, or in that of the oracle's ``classes_`` if it has any.
    missing_label : scalar, default=nan
        What stands for "declined" in the oracle's answers.
    closed : bool, default=None
        Whether there are no classes but these; None: if the oracle has ``classes_``.
    heard : list, default=None
        What the oracle says is appended, as it came.

    Yields
    ------
    Answer
        In the order in which they arrive. Those that failed are logged to ``skgal.active``,
        level WARNING.

    Raises
    ------
    ValueError
        After the last answer, if some failed and the oracle's ``on_error`` is not
        ``"decline"``; at once, if the oracle answers for too few or too many samples.
    """
    named = None if classes is None else getattr(oracle, "classes_", None)
    columns = None if named is None else np.asarray(named)
    if closed is None:
        closed = named is not None  # an oracle that names its classes has no others
    rules = {
        "classes": classes,
        "missing_label": missing_label,
        "closed": closed,
        "columns": columns,
    }
    name = annotator_name(oracle)
    forgiving = getattr(oracle, "on_error", "raise") == "decline"
    told, heard = [], [] if heard is None else heard
    for answer in _answers_of(oracle, X, name, rules, heard):
        told.append(answer._replace(label=None))
        yield answer
    _check_complete(told, count_samples(X))
    if not forgiving:
        raise_failures(told)


def count_samples(X):
    """Count the rows of an array, sparse matrix, DataFrame or list."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def annotator_name(oracle):
    """Name of an oracle: its own, its function's or its class's."""
    for named in (oracle, getattr(oracle, "func", None)):
        name = getattr(named, "name", None) or getattr(named, "__qualname__", None)
        if isinstance(name, str):
            return name
    return type(oracle).__qualname__


def log_failure(answer):
    """Log an answer that failed, at the level WARNING; others are none of the log's business."""
    if answer.status == "failed":
        logger.warning(
            "Sample %d of the batch: %s: %s", answer.position, answer.annotator, answer.message
        )


def _answers_of(oracle, X, name, rules, heard):
    if hasattr(oracle, "stream"):
        for answer in oracle.stream(X):
            heard.append(answer)
            named = answer._replace(annotator=answer.annotator or name)
            checked = check_answer(named, **rules)
            if checked.status != answer.status:
                log_failure(checked)
            yield checked
        return
    n_asked = count_samples(X)
    start = perf_counter()
    heard.append(oracle(X))
    seconds = (perf_counter() - start) / n_asked
    for answer in as_answers(heard[-1], n_asked, **rules):
        named = answer._replace(annotator=name, seconds=seconds)
        log_failure(named)
        yield named


def _check_complete(told, n_asked):
    positions = sorted(answer.position for answer in told)
    if positions != list(range(n_asked)):
        raise ValueError(
            f"The oracle's stream must answer once for each of the {n_asked} samples it was asked "
            f"about; it answered for the positions {positions}."
        )
