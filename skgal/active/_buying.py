"""From an oracle into the store: every answer is committed before it is used."""

from contextlib import closing

import numpy as np

from skgal.active._consult import stream_answers
from skgal.active._store import LabelStore
from skgal.utils import take_rows


def buy(oracle, samples, ids, store, *, classes, heard, missing_label):
    """Ask an oracle about samples, each once, and record what it answers.

    An oracle with a method ``stream`` has each answer committed before the next is taken from
    it: when its generator goes on behind a ``yield``, the answer yielded is on disk. What a
    plain oracle returns is committed at once, as a whole: what it has computed is lost only if
    the process is killed within the call, or before that commit.

    Parameters
    ----------
    oracle : callable
    samples : array-like, sparse matrix or DataFrame of n_asked rows
        What to show it; of those with the same values the first, whose answer is for all.
    ids : ndarray of shape (n_asked,), dtype int
        The ids of these samples in the store.
    store : LabelStore
    classes : ndarray of shape (n_classes,) or None
        The classes known so far, sorted; None for regression.
    heard : list
        What the oracle says is appended, as it came.
    missing_label : scalar

    Raises
    ------
    ValueError
        If answers are no labels, or not one for each sample. Good ones are recorded all the
        same; samples without stay pending.
    """
    alike = _group_alike(samples)
    distinct = take_rows(samples, [group[0] for group in alike])
    answers = stream_answers(
        oracle, distinct, classes=classes, missing_label=missing_label, heard=heard
    )
    final = getattr(oracle, "on_error", "raise") == "decline"
    streams = hasattr(oracle, "stream")
    waiting = []
    try:
        with closing(answers):
            for answer in answers:
                waiting += _answers_for_all(answer, alike, ids)
                if streams:
                    told, waiting = waiting, []
                    record_answers(told, ids, store, classes=classes, final=final)
    finally:
        if not streams:
            record_answers(waiting, ids, store, classes=classes, final=final)


def wait_for_people(oracle, ids, store):
    """Let an oracle have samples labelled that writes the answers into the store itself.

    Of samples with the same values it gets the first; its label is for all.

    Parameters
    ----------
    oracle : object with a method ``label_pending(store, ids)``
    ids : ndarray of shape (n_asked,), dtype int
    store : LabelStore

    Raises
    ------
    RuntimeError
        If samples are still pending when the oracle says it is done.
    """
    answer_known(ids, store)
    distinct = {}
    for record in store.records("pending", ids, samples=False):
        distinct.setdefault(record.hash, record.id)
    distinct = list(distinct.values())
    oracle.label_pending(store, distinct)
    answer_known(ids, store)
    pending = store.records("pending", distinct, samples=False)
    if pending:
        raise RuntimeError(
            f"{type(oracle).__name__}.label_pending must return when nothing is pending any more; "
            f"{len(pending)} of {len(distinct)} samples are, the first with id {pending[0].id}."
        )


def answer_known(ids, store):
    """Answer those pending samples whose label a store has from another one.

    Parameters
    ----------
    ids : ndarray of int
    store : LabelStore
    """
    with store.transaction():
        for record in store.records("pending", ids, samples=False):
            known = store.find(record.hash)
            if known is not None:
                message = _same_as(known.id)
                store.tell(record.id, known.label, annotator=known.annotator, message=message)


def record_answers(answers, ids, store, *, classes, final=False):
    """Write answers to a store, in one transaction.

    Parameters
    ----------
    answers : list of Answer
        Checked.
    ids : ndarray of shape (n_asked,), dtype int
        The ids of the samples, by position.
    store : LabelStore
    classes : ndarray of shape (n_classes,) or None
        What the entries of class probabilities stand for.
    final : bool, default=False
        Whether failures are recorded as such; else their samples stay pending.

    Raises
    ------
    ValueError
        If a sample has got another answer meanwhile; that one holds. The others are recorded.
    """
    conflicts = []
    with store.transaction():
        for answer in answers:
            remarks = {"annotator": answer.annotator or None, "seconds": answer.seconds}
            sample = int(ids[answer.position])
            if answer.status != "failed":
                label = _as_label(answer.label, classes)
                message = answer.message or None
                details = answer.details
                try:
                    store.tell(sample, label, message=message, details=details, **remarks)
                except ValueError as error:
                    conflicts.append(error)
            elif final:
                store.fail(sample, answer.message, **remarks)
    if conflicts:
        raise conflicts[0]


def _group_alike(samples):
    """Positions of samples, together where the values are the same, in the order of the first."""
    groups = {}
    for position, values in enumerate(LabelStore.hash_samples(samples)):
        groups.setdefault(values, []).append(position)
    return list(groups.values())


def _answers_for_all(answer, alike, ids):
    """Answers for one distinct sample, and for those like it, which took no time."""
    if not 0 <= answer.position < len(alike):
        return []  # the oracle's stream is refused at its end
    first, *others = alike[answer.position]
    copy = answer._replace(seconds=np.nan, message=answer.message or _same_as(ids[first]))
    return [answer._replace(position=first), *(copy._replace(position=p) for p in others)]


def _same_as(sample):
    return f"known already: the same as sample {sample}"


def _as_label(label, classes):
    if getattr(label, "ndim", 0) == 0:
        return label
    return dict(zip(classes.tolist(), label.tolist(), strict=True))
