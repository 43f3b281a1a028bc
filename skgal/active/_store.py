"""The durable record of what was asked and what was answered: an SQLite file.

Four tables: ``samples`` (what was asked), ``events`` (what happened to them, only ever added
to), ``meta`` and ``history`` (notes of the session). ``states`` has the last event of each sample,
so that nothing needs to read the whole log. Every row has a digest, and all are checked when the
file is opened.

A sample has an ``id`` here, counted from 1, and an ``index`` in the pool that it is from, if any; a
``position`` is a place within the answers of one call.
"""

import errno
import hashlib
import json
import logging
import os
import secrets
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from html import escape
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.metrics import cohen_kappa_score

from skgal.active._samples import decode_sample, encode_samples, from_npy, to_npy
from skgal.exceptions import (
    LabelError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreInUseError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreVersionError,
)
from skgal.utils import as_labels, decode_label, encode_label

logger = logging.getLogger("skgal.active")

SECONDS_TO_WAIT = 60.0
"""How long to wait for another process to finish its transaction."""

STATUS_OF = {
    "asked": "pending",
    "reopened": "pending",
    "reasked": "pending",
    "answered": "answered",
    "imported": "answered",
    "aggregated": "answered",
    "declined": "declined",
    "failed": "failed",
    "withdrawn": "withdrawn",
}
"""The status that an event gives its sample; those of the other kinds leave it as it is."""

KINDS = {*STATUS_OF, "surplus", "refused", "replicate"}

APPLICATION_ID = 0x736B676C
"""Marks the file as ours: "skgl" in the header of an SQLite file."""

VERSION = 3

SCHEMA = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, digest TEXT NOT NULL);
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash TEXT NOT NULL, round INTEGER, strategy TEXT NOT NULL, model TEXT NOT NULL,
        pool_index INTEGER, latent BLOB, prediction TEXT, details TEXT, at TEXT NOT NULL,
        format TEXT NOT NULL, checksum TEXT NOT NULL, digest TEXT NOT NULL, payload BLOB NOT NULL
    );
    CREATE INDEX samples_by_hash ON samples (hash);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sample INTEGER NOT NULL REFERENCES samples, kind TEXT NOT NULL, label TEXT, annotator TEXT,
        seconds REAL, message TEXT, details TEXT, at TEXT NOT NULL, digest TEXT NOT NULL
    );
    CREATE INDEX events_by_sample ON events (sample);
    CREATE INDEX events_of_change ON events (id)
        WHERE kind NOT IN ('asked', 'surplus', 'refused', 'replicate');
    CREATE TABLE states (
        sample INTEGER PRIMARY KEY REFERENCES samples, status TEXT NOT NULL, event INTEGER NOT NULL
    );
    CREATE INDEX states_by_status ON states (status);
    CREATE TABLE history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, digest TEXT NOT NULL
    );
    CREATE INDEX history_by_kind ON history (kind, event)
"""

COLUMNS = {
    "meta": "key, value",
    "samples": "hash, round, strategy, model, pool_index, latent, prediction, details, at, format,"
    " checksum",
    "events": "sample, kind, label, annotator, seconds, message, details, at",
    "history": "event, kind, content",
}
"""What the digest of a row is of; the payload of a sample has a checksum, which is among it."""

STATUSES = ("pending", "answered", "declined", "failed", "withdrawn")

_RECORDS = """
    SELECT samples.id, hash, pool_index, latent, round, strategy, model, prediction,
           samples.details, samples.at, status, label, annotator, events.at, seconds, message,
           events.details
    FROM samples JOIN states ON states.sample = samples.id JOIN events ON events.id = states.event
"""

_NESTED = {"X", "latent", "prediction", "details", "label", "answer_details"}
"""Fields of a record that may hold other values than scalars."""

_NAMELESS = "It was asked again of another annotator: say who answers (annotator=...)."

_inherited = []
"""Connections of a parent process: a fork may not use them, nor even close them."""


class Record(NamedTuple):
    """A sample that was asked about, and what became of it.

    One row of a :class:`LabelStore`, as its events have left it.

    Parameters
    ----------
    id : int
        Counts up from 1 in the order of asking.
    X : ndarray, csr matrix of one row, dict from column to value, or list
        The sample; None where records were read without samples.
    hash : str
        SHA-256 of its values.
    index : int or None
        Where the sample is in the pool; None for one of no pool, such as a designed one.
    latent : ndarray or None
        The latent point that a designed sample was generated from.
    round : int or None
        How many times the learner had asked before; None for samples that no learner asked for.
    strategy, model : str
        Who chose the sample, and under which version of the model.
    prediction : dict from class to probability, float, tuple of float or None
        What that model predicted.
    details : object or None
        What else was noted when it was asked about.
    status : {"pending", "answered", "declined", "failed", "withdrawn"}
    label : str, bool, int, float, dict from class to probability, tuple of float, or None
        None unless answered; a sample that is pending since it was asked again keeps its label. Of
        several answers what :attr:`LabelStore.combine` makes of them.
    annotator : str or None
        Of several answers all who gave one, joined by commas.
    asked_at : datetime
        In UTC.
    answered_at : datetime or None
        In UTC; of an answer, a refusal or a failure.
    seconds : float or None
        How long the answer took.
    message : str or None
        What the oracle or the annotator said about it.
    answer_details : object or None
        What else the oracle wanted kept, such as the votes of several annotators. Of several
        answers ``n_answers``; of numbers ``std``; where all of them have names, ``votes``, a dict
        from annotator to label, and ``declined``, who couldn't tell.

    See Also
    --------
    Event : What happened to it, step by step.
    LabelStore : Returns records.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> store = LabelStore()
    >>> ids = store.add_query([[0.0, 1.0]])
    >>> store.tell(ids, ["cat"], annotator="Ada")
    >>> (record,) = store.records()
    >>> record.X, record.status, record.label, record.annotator
    (array([0., 1.]), 'answered', 'cat', 'Ada')
    """

    id: int
    X: Any
    hash: str
    index: int | None
    latent: np.ndarray | None
    round: int | None
    strategy: str
    model: str
    prediction: Any
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

    A record follows from the events of its sample, which also show what was undone, refused or
    came too late.

    Parameters
    ----------
    id : int
        Counts up from 1.
    sample : int
        The id of the sample.
    kind : str
        ``"asked"``, ``"answered"``, ``"imported"``, ``"declined"``, ``"failed"``,
        ``"withdrawn"``, ``"reopened"`` by an undo; ``"refused"``: an answer that is unusable,
        kept in ``details``; ``"surplus"``: another answer to what was answered already;
        ``"replicate"``: a further answer that counts, and ``"aggregated"``, what all of them
        come to; ``"reasked"``: another annotator's answer is wanted, or was undone, and the label
        holds until it comes.
    label : as in :class:`Record`
        The label that the event is about.
    annotator : str or None
        Who or what answered.
    seconds : float or None
        How long the answer took.
    message : str or None
        What was said about it.
    details : object or None
        What else was kept, such as an unusable answer.
    at : datetime
        In UTC.

    See Also
    --------
    Record : What a sample's events add up to.
    LabelStore : Keeps both.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> store = LabelStore()
    >>> ids = store.add_query([[0.0], [1.0]])
    >>> store.tell(ids[:1], ["cat"], annotator="Ada")
    >>> [(event.sample, event.kind, event.label) for event in store.events()]
    [(1, 'asked', None), (2, 'asked', None), (1, 'answered', 'cat')]
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


class LabelStore:
    """A record of labels that survives crashes, full disks and killed processes: an SQLite file.

    Every answer is on disk (``synchronous=FULL``) when :meth:`tell` returns. Threads and
    processes of one machine may use the same file at once; not so machines that share a network
    folder, for which SQLite's write-ahead log isn't made. Below the records is a log of events
    to which entries are only ever added: :meth:`undo` hides an answer, and :meth:`events` still
    shows it.

    While a store is open, or after a crash, a file ``-wal`` lies beside it and belongs to it;
    closing folds it in. An empty file ``-lock`` is beside it once a learner has used it, so
    that one learner at a time does; it may be deleted when none runs.

    Parameters
    ----------
    path : str or path-like, default=":memory:"
        The file, created if there is none. ``":memory:"`` keeps the record in memory only.

    Raises
    ------
    StoreCorruptError
        If the file is no store, is truncated, or is damaged; it is left as it is, and
        :func:`salvage_store` rescues what can be read.
    StoreVersionError
        If another version of skgal wrote it.
    StoreReadOnlyError, StoreFullError
        If it can't be written to; the latter also later, from any method that writes.

    See Also
    --------
    ActiveLearner : Writes its answers to a store.
    skgal.annotation.to_label_studio : Takes samples of a store to another program.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> store = LabelStore()
    >>> ids = store.add_query([[0.0, 1.0], [2.0, 3.0]], strategy="by hand")
    >>> store.tell(ids[:1], ["cat"], annotator="Ada")
    >>> store.counts()
    {'pending': 1, 'answered': 1, 'declined': 0, 'failed': 0, 'withdrawn': 0}
    >>> [record.label for record in store.records("answered")]
    ['cat']
    """

    def __init__(self, path=":memory:"):
        path = os.fspath(path)
        self.path = path if path == ":memory:" else os.path.abspath(path)
        self._connect()

    # Asking

    def add_query(
        self,
        X,
        *,
        indices=None,
        latent=None,
        round=None,
        strategy="",
        model="",
        predictions=None,
        details=None,
        notes=None,
    ):
        """Record samples that wait for their labels from now on.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows
            The samples, in the order in which they should be labelled.
        indices : array-like of int or of None of shape (n_asked,), default=None
            Where the samples are in the pool; None or negative for samples of no pool.
        latent : array-like of shape (n_asked, latent_dim), default=None
            Latent points of designed samples.
        round : int, default=None
            How many times a learner has asked before; None if it isn't a learner who asks.
        strategy, model : str, default=""
            Who chose the samples, and under which version of the model.
        predictions : list of dict from class to probability, float, row of float, or None
            What the model predicts for each sample; default None.
        details : list, default=None
            Anything else about each sample that JSON can hold.
        notes : dict, default=None
            Anything about this batch that JSON can hold; kept where ``round`` is given.

        Returns
        -------
        ndarray of shape (n_asked,), dtype int
            The ids of the samples in this store.

        Raises
        ------
        TypeError
            If samples hold what is neither number, string, boolean, date, time span nor missing.
        ValueError
            If there isn't one of everything for each sample.
        StoreMissingError
            If the file was deleted or moved since it was opened.
        """
        self._check_present()
        samples = encode_samples(X)
        columns = [
            [_as_index(index) for index in _each(indices, samples, "indices")],
            [None if p is None else to_npy(p) for p in _each(latent, samples, "latent")],
            [_as_prediction(each) for each in _each(predictions, samples, "predictions")],
            [_as_json(detail) for detail in _each(details, samples, "details")],
        ]
        ids = []
        with self.transaction() as connection:
            for sample, index, point, prediction, detail in zip(samples, *columns, strict=True):
                now = _now()
                row = (sample.hash, round, strategy, model, index, point)
                row += (prediction, detail, now, sample.format, checksum(sample.payload))
                ids.append(insert_row(connection, "samples", row, payload=sample.payload))
                event = self._add_event(ids[-1], "asked", at=now)
            if round is not None and ids:
                first = event - len(ids) + 1
                insert_row(connection, "history", (first, "batch", json.dumps(notes or {})))
        return np.array(ids, dtype=np.int64)

    def ask_again(self, ids):
        """Record that samples wait for the answer of another annotator, a second opinion.

        Samples with a label are pending again, and keep it until that answer comes; then the label
        is what :attr:`combine` makes of all answers. Where that annotator can't tell, fails, or the
        request is withdrawn, the label stays. What was declined or has failed is pending as if
        it had never been asked; what is pending or withdrawn stays as it is.

        Parameters
        ----------
        ids : int or array-like of int
            Ids of samples of this store.

        Raises
        ------
        ValueError
            If an id is unknown.

        Examples
        --------
        >>> from skgal.active import LabelStore
        >>> store = LabelStore()
        >>> ids = store.add_query([[0.0, 1.0]])
        >>> store.tell(ids, ["cat"], annotator="Ada")
        >>> store.ask_again(ids)
        >>> store.waiting("Ada"), store.waiting("Bob")
        ([], [1])
        >>> store.tell(ids, ["dog"], annotator="Bob")
        >>> store.opinions()
        {1: {'Ada': 'cat', 'Bob': 'dog'}}
        >>> store.records()[0].label  # of equally frequent classes the one that was given first
        'cat'
        """
        with self.transaction() as connection:
            for sample in as_ids(ids):
                status, label = self._state(connection, sample)
                if status == "answered":
                    self._add_event(sample, "reasked", label)
                elif status in ("declined", "failed"):
                    self._add_event(sample, "reopened")

    def waiting(self, annotator=None, ids=None):
        """List the samples that an annotator may answer.

        Parameters
        ----------
        annotator : str, default=None
            Who it is: not asked again for what this one has answered. None: one without a
            name, who can't give second opinions.
        ids : int or array-like of int, default=None
            Of these samples only, in this order.

        Returns
        -------
        list of int
            Ids, oldest first.
        """
        with self._reading() as connection:
            records = self.records("pending", ids, samples=False)
            return [
                record.id
                for record in records
                if record.label is None
                or annotator
                not in {None, *_by_annotator(self._read_opinions(connection, record.id))}
            ]

    # Answering

    def tell(
        self,
        ids,
        labels,
        *,
        classes=None,
        missing_label=np.nan,
        annotator=None,
        seconds=None,
        message=None,
        details=None,
        replicate=False,
    ):
        """Record answers; they are on disk when this returns.

        An answer that is there already may be told again: nothing changes. A sample that was
        declined, has failed or was withdrawn may still be answered. Of a sample that was asked
        again (:meth:`ask_again`), the answer of an annotator who has given none yet counts, too.

        Parameters
        ----------
        ids : int or array-like of int of shape (n_answers,)
            What :meth:`add_query` returned.
        labels : array-like of shape (n_answers,), (n_answers, n_classes) or (n_answers, n_outputs)
            In any container: classes, or numbers; rows of class probabilities in the order of
            ``classes``, or of several numbers (see :attr:`n_outputs`); dicts from class to
            probability; None, NaN or a row of NaN where declined. A single label if ``ids`` is a
            single id.
        classes : array-like, default=None
            All classes that the annotator may answer with, in the order of columns of
            probabilities. None: the columns are those of :attr:`classes`, and answers may name
            new classes.
        missing_label : scalar, default=nan
            Another value that means "declined".
        annotator : str, default=None
            Who or what answered.
        seconds : float or array-like of shape (n_answers,), default=None
            How long each answer took.
        message : str, default=None
            Anything the annotator says about it.
        details : object, default=None
            Anything else about the answers that JSON can hold.
        replicate : bool, default=False
            Whether a further answer to the same sample counts, whoever gives it, as of a
            stochastic simulator: the label becomes what :attr:`combine` says.

        Raises
        ------
        LabelError
            A ValueError, raised when all else is recorded: if an answer is unusable (its sample
            stays pending, the answer is kept as an event ``"refused"``), if there isn't one for
            each id (all are kept in one such event), if a sample was asked again and there is no
            ``annotator``, or if a sample, or this annotator's opinion of it, has another answer
            already (the first holds, the new one is kept as an event ``"surplus"``).
        ValueError
            If an id is unknown; nothing is recorded then.
        """
        labels = [labels] if np.ndim(ids) == 0 else labels
        self._record_answers(
            as_ids(ids),
            labels,
            "replicate" if replicate else "answered",
            columns=classes,
            missing_label=missing_label,
            seconds=seconds,
            remarks={"annotator": annotator, "message": message, "details": details},
        )

    def _record_answers(self, ids, answers, kind, *, columns, missing_label, remarks, seconds=None):
        """Record answers of any form in one transaction; raise for those that don't count."""
        seconds = np.broadcast_to(np.nan if seconds is None else seconds, len(ids)).tolist()
        refused, conflicts = {}, []
        with self.transaction() as connection:
            for sample in ids:
                self._state(connection, sample)  # refuses ids that are unknown
            known_classes, n_outputs = self.classes, self.n_outputs
            try:
                labels, problems = as_labels(
                    answers,
                    len(ids),
                    classes=known_classes,
                    columns=columns,
                    n_outputs=n_outputs,
                    missing_label=missing_label,
                )
            except ValueError as error:  # not one for each: it is unknown which answer is whose
                refused = dict.fromkeys(ids, str(error))
                if ids:
                    self.refuse(ids[0], str(error), answer=answers, annotator=remarks["annotator"])
                ids = labels = seconds = []
            for position, sample in enumerate(ids):
                label, noted = labels[position], {**remarks, "seconds": seconds[position]}
                if position in problems:
                    refused[sample] = problems[position]
                    who = {name: noted[name] for name in ("annotator", "seconds")}
                    answer = _row_of(answers, position)
                    self.refuse(sample, problems[position], answer=answer, **who)
                else:
                    problem, conflict = self._record_answer(connection, sample, label, kind, noted)
                    if problem is not None:
                        refused[sample] = problem
                    if conflict is not None:
                        conflicts.append(conflict)
        if refused or conflicts:
            raise LabelError(refused, conflicts)

    def _record_answer(self, connection, sample, label, kind, remarks):
        """Record a valid label; return a problem, and a conflict with another label, if any."""
        status, known = self._state(connection, sample)
        # The first answer. A sample that was declined before may get one too.
        if known is None:
            if label is not None:
                event = "answered" if kind == "replicate" else kind
                self._add_event(sample, event, label, **remarks)
            elif status != "declined":
                self._add_event(sample, "declined", **remarks)
            return None, None
        who, is_asked_again = remarks["annotator"], status == "pending"
        opinions = self._read_opinions(connection, sample)
        own = {opinion.annotator: opinion.label for opinion in opinions if who}
        # A further opinion: from whomever of a replicate, else of an annotator who is new to the
        # sample, where it was asked again. Events call both "replicate".
        if kind == "replicate" or (is_asked_again and who and who not in own):
            self._add_event(sample, "replicate", label, **remarks)
            if is_asked_again or label is not None:
                self._aggregate(connection, sample)
            return None, None
        # Without a name it can't be told from the first opinion, given again.
        if is_asked_again and not who:
            self.refuse(sample, _NAMELESS, answer=label, seconds=remarks["seconds"])
            return _NAMELESS, None
        # The same answer again.
        repeats_own = who in own and own[who] == label
        repeats_label = label == known and not is_asked_again
        if repeats_own or repeats_label:
            return None, None
        # A contradiction: the first answer holds.
        self._add_event(sample, "surplus", label, **remarks)
        return None, (sample, own.get(who, known), label)

    def _add_event(
        self,
        sample,
        kind,
        label=None,
        *,
        annotator=None,
        seconds=None,
        message=None,
        details=None,
        at=None,
    ):
        """Add an event, within a transaction, and let it change the state of its sample."""
        for name, text in (("annotator", annotator), ("message", message)):
            if not isinstance(text, str | None):
                raise TypeError(f"{name} must be a string or None; got {text!r}.")
        # As SQLite returns it, so that the digest is the same.
        seconds = None if seconds is None or seconds != seconds else float(seconds) + 0.0
        label, details = encode_label(label), _as_json(details)
        content = (sample, kind, label, annotator, seconds, message, details, at or _now())
        event = insert_row(self._connection, "events", content)
        if kind in STATUS_OF:
            self._connection.execute(
                "INSERT INTO states VALUES (?1, ?2, ?3)"
                " ON CONFLICT (sample) DO UPDATE SET status = ?2, event = ?3",
                (sample, STATUS_OF[kind], event),
            )
        return event

    def _state(self, connection, sample):
        """Status and label of a sample."""
        row = connection.execute(
            "SELECT status, label FROM states JOIN events ON events.id = states.event"
            " WHERE states.sample = ?",
            (sample,),
        ).fetchone()
        if row is None:
            raise ValueError(f"The store {self.path} has no sample with id {sample}.")
        with self._damage_named(f"the label of sample {sample}"):
            return row[0], decode_label(row[1])

    def refuse(self, ids, message, *, answer=None, annotator=None, seconds=None):
        """Log an answer that is unusable; the status of its samples stays as it is.

        Parameters
        ----------
        ids : int or array-like of int
            Ids of the samples that it was an answer to.
        message : str
            Why it is unusable.
        answer : object, default=None
            The answer as it came; ``details["answer"]`` of the event has its text.
        annotator : str, default=None
            Who or what answered.
        seconds : float, default=None
            How long it took.

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        remarks = {"annotator": annotator, "seconds": seconds, "message": message}
        with self.transaction() as connection:
            for sample in as_ids(ids):
                self._state(connection, sample)  # refuses ids that are unknown
                self._add_event(
                    sample, "refused", details={"answer": _answer_repr(answer)}, **remarks
                )

    def fail(self, ids, message, *, annotator=None, seconds=None):
        """Record that asking about samples has failed for good.

        Parameters
        ----------
        ids : int or array-like of int
            Those that aren't pending stay as they are.
        message : str
            What happened.
        annotator : str, default=None
            Who or what was asked.
        seconds : float, default=None
            How long it took to fail.

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        remarks = {"annotator": annotator, "seconds": seconds, "message": message}
        self._give_up(ids, "failed", **remarks)

    def withdraw(self, ids):
        """Record that pending samples need no label any more, or no second opinion.

        Parameters
        ----------
        ids : int or array-like of int
            Those that aren't pending stay as they are.

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        self._give_up(ids, "withdrawn")

    def _give_up(self, ids, kind, **remarks):
        """Log that pending samples get no answer; those that were asked again keep their label."""
        with self.transaction() as connection:
            for sample in as_ids(ids):
                status, label = self._state(connection, sample)
                if status == "pending" and label is None:
                    self._add_event(sample, kind, **remarks)
                elif status == "pending":
                    if remarks:
                        self._add_event(sample, "refused", **remarks)
                    self._aggregate(connection, sample)

    def reopen(self, ids):
        """Make samples pending again; what was answered stays in :meth:`events` only.

        Parameters
        ----------
        ids : int or array-like of int
            Ids of samples of this store.

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        with self.transaction() as connection:
            for sample in as_ids(ids):
                if self._state(connection, sample)[0] != "pending":
                    self._add_event(sample, "reopened")

    def undo(self, annotator=None, ids=None):
        """Take back the answer, or refusal, that came last; its sample is pending again.

        Imported labels stay, and so do the answers of others to the same sample: what these come
        to is its label until another answer comes.

        Parameters
        ----------
        annotator : str, default=None
            Undo the last answer of this one only.
        ids : int or array-like of int, default=None
            Of these samples only.

        Returns
        -------
        int or None
            The id of the sample; None if there is nothing to undo.
        """
        among = None if ids is None else set(as_ids(ids))
        with self.transaction() as connection:
            rows = connection.execute(
                "SELECT id, sample, annotator FROM events"
                " WHERE kind IN ('answered', 'declined', 'replicate')"
                " AND (?1 IS NULL OR annotator = ?1) ORDER BY id DESC",
                (annotator,),
            )
            for event, sample, who in rows:
                if among is not None and sample not in among:
                    continue
                opinions = self._read_opinions(connection, sample)
                if event not in [opinion.event for opinion in opinions]:
                    continue  # undone already, or its sample was reopened
                others = [each for each in opinions if each.event != event]
                label, _ = _combine(others, self.combine)
                if label is None:
                    self._add_event(sample, "reopened", annotator=who)
                else:
                    undone = {"undone": True}
                    self._add_event(sample, "reasked", label, annotator=who, details=undone)
                return sample
        return None

    def import_labels(self, X, y, *, classes=None, missing_label=np.nan, annotator=None):
        """Record labels that were made elsewhere; a learner never asks for them again.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_samples rows
            The samples.
        y : array-like of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_outputs)
            As in :meth:`tell`; samples whose label is missing are recorded as declined.
        classes : array-like, default=None
            What columns of probabilities stand for.
        missing_label : scalar, default=nan
            What else stands for "not labelled".
        annotator : str, default=None
            Who or what labelled them.

        Returns
        -------
        ndarray of shape (n_samples,), dtype int
            The ids of the samples in this store.

        Raises
        ------
        ValueError
            If X and y differ in length, or a label is unusable: nothing is recorded then.
        """
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        if len(y) != n_samples:
            raise ValueError(f"X has {n_samples} samples, y has {len(y)} labels.")
        with self.transaction():
            ids = self.add_query(X, strategy="import")
            self._record_answers(
                ids.tolist(),
                y,
                "imported",
                columns=classes,
                missing_label=missing_label,
                remarks={"annotator": annotator},
            )
        return ids

    # What a label may be

    @property
    def classes(self):
        """Classes known so far, as a list; None where labels are numbers, or unknown."""
        return self.read_meta("classes")

    @classes.setter
    def classes(self, classes):
        self._write_meta("classes", None if classes is None else np.asarray(classes).tolist())

    @property
    def n_outputs(self):
        """How many numbers a label has; None where labels are classes, or unknown."""
        return self.read_meta("n_outputs")

    @n_outputs.setter
    def n_outputs(self, n_outputs):
        self._write_meta("n_outputs", None if n_outputs is None else int(n_outputs))

    # Several answers to one sample

    @property
    def combine(self):
        """What several answers to one sample come to: "majority" (the default) or "shares".

        "majority": the most frequent class, of equally frequent ones the one that was given first;
        "shares": class probabilities, the share of answers for each class. Either way numbers and
        class probabilities are averaged. Setting it forms the labels of all samples with several
        answers anew.
        """
        return self.read_meta("combine") or "majority"

    @combine.setter
    def combine(self, combine):
        if combine not in ("majority", "shares"):
            raise ValueError(f'combine must be "majority" or "shares"; got {combine!r}.')
        with self.transaction() as connection:
            self._write_meta("combine", combine)
            rows = connection.execute("SELECT DISTINCT sample FROM events WHERE kind = 'replicate'")
            for (sample,) in rows.fetchall():
                status, label = self._state(connection, sample)
                new, _ = _combine(self._read_opinions(connection, sample), combine)
                if label is not None and new != label:
                    self._aggregate(connection, sample)
                    if status == "pending":
                        self._add_event(sample, "reasked", new)

    def _aggregate(self, connection, sample):
        """Log what all answers to a sample since it was last open come to."""
        opinions = self._read_opinions(connection, sample)
        label, details = _combine(opinions, self.combine)
        names = dict.fromkeys(opinion.annotator for opinion in opinions if opinion.annotator)
        who = ", ".join(names) or None
        self._add_event(sample, "aggregated", label, annotator=who, details=details)

    def _read_opinions(self, connection, sample):
        """The answers to a sample that count, oldest first, those declined among them."""
        rows = connection.execute(
            "SELECT id, kind, label, annotator, details FROM events WHERE sample = ? ORDER BY id",
            (sample,),
        )
        opinions = []
        with self._damage_named(f"an answer to sample {sample}"):
            for event, kind, label, annotator, details in rows.fetchall():
                if kind in ("asked", "reopened"):
                    opinions = []
                elif kind in ("answered", "imported", "declined", "replicate"):
                    opinions.append(_Opinion(event, annotator, decode_label(label)))
                elif kind == "reasked" and details is not None:  # one was undone
                    last = max(i for i, each in enumerate(opinions) if each.annotator == annotator)
                    del opinions[last]
        return opinions

    def opinions(self, ids=None):
        """List who says what, side by side.

        Parameters
        ----------
        ids : int or array-like of int, default=None
            Of these samples only; None: of all that have an answer.

        Returns
        -------
        dict from int to dict from str to label
            For each sample the answers that count, by annotator (None for those without a name);
            None where one couldn't tell. What was undone or came too late is in :meth:`events`.
        """
        with self._reading() as connection:
            ids = [record.id for record in self.records(ids=ids, samples=False)]
            found = {i: _by_annotator(self._read_opinions(connection, i)) for i in ids}
        return {sample: opinions for sample, opinions in found.items() if opinions}

    def agreement(self):
        """Compare the answers of each pair of annotators to the same samples.

        Returns
        -------
        list of dict
            For each pair ``annotators``, a tuple, and ``n_samples``, how many both have answered.
            For classes ``share``, of how many they say the same, and ``kappa``, Cohen's kappa: 1
            where they always agree, 0 where they do so as often as by chance, NaN where both gave
            a single class. Of class probabilities the most probable class counts. For numbers
            ``rmse``, the root mean square difference. ``pandas.DataFrame(store.agreement())`` is a
            table.

        References
        ----------
        J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
        Measurement 20, 1960.

        Examples
        --------
        >>> from skgal.active import LabelStore
        >>> store = LabelStore()
        >>> ids = store.add_query([[0.0], [1.0], [2.0], [3.0]])
        >>> store.tell(ids, ["cat", "cat", "dog", "dog"], annotator="Ada")
        >>> store.ask_again(ids)
        >>> store.tell(ids, ["cat", "dog", "dog", "dog"], annotator="Bob")
        >>> store.agreement()
        [{'annotators': ('Ada', 'Bob'), 'n_samples': 4, 'share': 0.75, 'kappa': 0.5}]
        """
        pairs = {}
        for opinions in self.opinions().values():
            given = [(who, label) for who, label in opinions.items() if label is not None]
            for first, second in combinations(sorted(given, key=lambda item: str(item[0])), 2):
                names = first[0], second[0]
                pairs.setdefault(names, []).append((first[1], second[1]))
        return [
            {"annotators": names, "n_samples": len(labels), **_compare(labels)}
            for names, labels in sorted(pairs.items(), key=lambda item: str(item[0]))
        ]

    # Reading

    def records(self, status=None, ids=None, *, since=0, samples=True):
        """Read the samples asked about, oldest first.

        Parameters
        ----------
        status : {"pending", "answered", "declined", "failed", "withdrawn"}, default=None
            Those of one status only.
        ids : int or array-like of int, default=None
            These only, in this order.
        since : int, default=0
            Without ``ids``: only those that have an event with an id above this one.
        samples : bool, default=True
            Whether to read the samples themselves, which may be large.

        Returns
        -------
        list of Record
            One for each sample.

        Raises
        ------
        ValueError
            If the status or an id is unknown.
        StoreCorruptError
            If a sample doesn't match its checksum.
        """
        if status is not None and status not in STATUSES:
            raise ValueError(f"status must be None or one of {STATUSES}; got {status!r}.")
        with self._reading() as connection:
            if ids is None:
                conditions = ["status = :status"] if status is not None else []
                if since:
                    conditions.append("samples.id IN (SELECT sample FROM events WHERE id > :since)")
                where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
                query = f"{_RECORDS} {where} ORDER BY samples.id"
                rows = connection.execute(query, {"status": status, "since": since}).fetchall()
            else:
                rows = []
                for sample in as_ids(ids):
                    self._state(connection, sample)  # refuses ids that are unknown
                    query = f"{_RECORDS} WHERE samples.id = ?"
                    rows.append(connection.execute(query, (sample,)).fetchone())
                rows = [row for row in rows if status in (None, row[10])]
            return [self._as_record(connection, row, samples) for row in rows]

    def _as_record(self, connection, row, with_sample):
        sample, hash_, index, latent, round, strategy, model, prediction, details = row[:9]
        asked_at, status, label, annotator, at, seconds, message, answer_details = row[9:]
        closed = status in ("answered", "declined", "failed")
        with self._damage_named(f"the record of sample {sample}"):
            return Record(
                id=sample,
                X=self._read_sample(connection, sample) if with_sample else None,
                hash=hash_,
                index=index,
                latent=None if latent is None else from_npy(latent),
                round=round,
                strategy=strategy,
                model=model,
                prediction=decode_label(prediction),
                details=_from_json(details),
                status=status,
                label=decode_label(label),
                annotator=annotator if closed else None,
                asked_at=datetime.fromisoformat(asked_at),
                answered_at=datetime.fromisoformat(at) if closed else None,
                seconds=seconds,
                message=message,
                answer_details=_from_json(answer_details),
            )

    def _read_sample(self, connection, sample):
        format, expected, payload = connection.execute(
            "SELECT format, checksum, payload FROM samples WHERE id = ?", (sample,)
        ).fetchone()
        if checksum(payload) != expected:
            raise corrupt(self.path, f"sample {sample} doesn't match its checksum")
        return decode_sample(format, payload)

    def _find_labelled(self, hash):
        """Return the record of the first sample with a label and this hash of its values."""
        with self._reading() as connection:
            row = connection.execute(
                f"{_RECORDS} WHERE hash = ? AND label IS NOT NULL ORDER BY samples.id LIMIT 1",
                (hash,),
            ).fetchone()
            return None if row is None else self._as_record(connection, row, False)

    def counts(self):
        """Count the samples of each status.

        Returns
        -------
        dict from str to int
            Every status with its number, 0 included.
        """
        with self._reading() as connection:
            found = dict(
                connection.execute("SELECT status, count(*) FROM states GROUP BY status").fetchall()
            )
        return {status: found.get(status, 0) for status in STATUSES}

    def events(self, ids=None, *, since=0):
        """Read the log, oldest first: undone, surplus and refused answers are in it, too.

        Parameters
        ----------
        ids : int or array-like of int, default=None
            Events of these samples only.
        since : int, default=0
            Events after the one of this id only.

        Returns
        -------
        list of Event
            The entries of the log.
        """
        query = f"SELECT id, {COLUMNS['events']} FROM events WHERE id > ?"
        with self._reading() as connection:
            if ids is None:
                rows = connection.execute(f"{query} ORDER BY id", (since,)).fetchall()
            else:
                query += " AND sample = ?"
                rows = sorted(
                    row
                    for sample in set(as_ids(ids))
                    for row in connection.execute(query, (since, sample)).fetchall()
                )
            with self._damage_named("an event"):
                return [
                    Event(
                        *row[:3],
                        decode_label(row[3]),
                        *row[4:7],
                        _from_json(row[7]),
                        datetime.fromisoformat(row[8]),
                    )
                    for row in rows
                ]

    def to_frame(self, *, samples=False, as_text=False, opinions=False):
        """Make a table of what was asked and answered.

        Parameters
        ----------
        samples : bool, default=False
            Whether to add a column ``X`` with the samples themselves, which may be large.
        as_text : bool, default=False
            Whether labels, predictions, latent points, details and samples are JSON, as CSV and
            Parquet need: ``store.to_frame(as_text=True).to_parquet(path)``.
        opinions : bool, default=False
            Whether to add a column for each annotator, ``"label of Ada"``, with that one's answers;
            those without a name are left out.

        Returns
        -------
        pandas.DataFrame
            One row for each sample, columns as in :class:`Record`; soft labels and predictions
            as dicts, latent points as arrays.
        """
        import pandas as pd

        dtypes = {
            "id": "int64",
            "index": "Int64",
            "round": "Int64",
            "asked_at": "datetime64[us, UTC]",
            "answered_at": "datetime64[us, UTC]",
            "seconds": "float64",
        }
        records = self.records(samples=samples)
        content = {}
        for name in [*(name for name in Record._fields if name != "X"), *["X"] * samples]:
            values = [getattr(record, name) for record in records]
            if as_text and name in _NESTED:
                values = [_to_text(value) for value in values]
            # As objects: whole numbers stay whole where other labels are missing.
            content[name] = pd.Series(values, dtype=dtypes.get(name, object))
        if opinions:
            said = self.opinions()
            names = dict.fromkeys(name for given in said.values() for name in given if name)
            for name in names:
                values = [said.get(record.id, {}).get(name) for record in records]
                values = [_to_text(value) for value in values] if as_text else values
                content[f"label of {name}"] = pd.Series(values, dtype=object)
        return pd.DataFrame(content)

    def read_meta(self, key):
        """Read a note about the session.

        Parameters
        ----------
        key : str
            Its name.

        Returns
        -------
        object or None
            What was written under the key; None if nothing was.
        """
        with self._reading() as connection, self._damage_named("a note about the session"):
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
            return None if row is None else json.loads(row[0])

    @contextmanager
    def _damage_named(self, what):
        """Turn errors of decoding into a StoreCorruptError."""
        try:
            yield
        except (StoreError, sqlite3.Error):
            raise
        except Exception as error:  # damaged values raise errors of any kind, also RecursionError
            raise corrupt(self.path, f"{what} can't be read ({error!r})") from error

    # What a learner's session keeps here, used by `Session` only

    def _write_meta(self, key, value):
        """Write a note, anything that JSON can hold, over the one before."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE key = ?", (key,))
            insert_row(connection, "meta", (key, json.dumps(value)))

    def _write_meta_once(self, key, value):
        """Write a note unless there is one under that key; return the one that holds."""
        with self.transaction():
            if self.read_meta(key) is None:
                self._write_meta(key, value)
            return self.read_meta(key)

    def _changes_since(self, since):
        """Records that have changed since an event, the last event, and the last of a change."""
        with self._reading() as connection:
            is_nested = connection.in_transaction
            if not is_nested:  # one state of the file, even if others write
                connection.execute("BEGIN")
            try:
                last, change = connection.execute(
                    "SELECT (SELECT coalesce(max(id), 0) FROM events),"
                    " (SELECT coalesce(max(id), 0) FROM events"
                    " WHERE kind NOT IN ('asked', 'surplus', 'refused', 'replicate'))"
                ).fetchone()
                records = self.records(since=since, samples=False) if last > since else []
            finally:
                if not is_nested:
                    connection.execute("ROLLBACK")
        return records, last, change

    def _costs_since(self, since):
        """Notes about the batches asked for after an event, and seconds of all answers since."""
        query = "SELECT coalesce(sum(seconds), 0.0) FROM events WHERE id > ?"
        with self._reading() as connection:
            seconds = connection.execute(query, (since,)).fetchone()[0]
        return self._read_history("kind = 'batch' AND event > ?", since), seconds

    def _read_entries(self):
        """Entries of the history, each with the last event that its model knew of."""
        return self._read_history("kind = 'round' AND event >= ?", 0)

    def _write_entry(self, event, content):
        """Write an entry of the history, with the last event that its model knew of."""
        with self.transaction() as connection:
            insert_row(connection, "history", (int(event), "round", json.dumps(content)))

    def _read_history(self, condition, event):
        with self._reading() as connection, self._damage_named("the history"):
            rows = connection.execute(
                f"SELECT event, content FROM history WHERE {condition} ORDER BY id", (event,)
            ).fetchall()
            return [(event, json.loads(content)) for event, content in rows]

    # The file

    @property
    def is_durable(self):
        """Whether it has a file."""
        return self.path != ":memory:"

    @contextmanager
    def transaction(self):
        """Group several calls: on disk, all of them or none, when the context is left.

        Other threads and processes that write wait meanwhile.

        Yields
        ------
        sqlite3.Connection
            In a transaction; the same for a context within another one.

        Raises
        ------
        StoreMissingError
            If the file was deleted or moved since it was opened.
        """
        with self._reading() as connection:
            if connection.in_transaction:
                yield connection
                return
            with run_transaction(connection):
                yield connection
        # Only afterwards, so that answers that were paid for are recorded in any case.
        self._check_present()

    @contextmanager
    def lock(self, wait=0.0):
        """Be the only learner that has labels made for this store, within a context.

        The lock is SQLite's own, on an empty file ``-lock`` beside the store: it works wherever
        the store does, between threads and between processes; children of a fork don't inherit
        it; and the system gives it back when the process ends, however that ends. The file
        stays, since whoever deletes it may do so just after another one has opened it.

        Parameters
        ----------
        wait : float, default=0.0
            Seconds to wait for another learner to finish.

        Yields
        ------
        None

        Raises
        ------
        StoreInUseError
            If another learner has the lock; the store is left as it is.
        StoreError
            If something else is in the place of the lock's file, such as a link or a folder.
        """
        if not self.is_durable:  # in memory: no other process has it
            yield
            return
        path = os.path.realpath(self.path) + "-lock"
        touch(path)
        connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
        with closing(connection), errors_named(path):
            try:
                connection.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                raise StoreInUseError(
                    f"Another learner is using the store {self.path}, and the labels it waits "
                    "for would be paid for twice. Wait until it is done, or give this one a "
                    "store of its own; people and programs that only answer (tell, "
                    "skgal-annotate) need not wait."
                ) from None
            yield

    def backup(self, path):
        """Write a whole copy to a new file, also while the store is in use.

        Parameters
        ----------
        path : str or path-like
            There must be no file yet.

        Raises
        ------
        FileExistsError
            If there is a file at ``path``.
        """
        path = os.path.abspath(path)
        if os.path.lexists(path):
            raise FileExistsError(f"{path} exists already; backup writes to a new file.")
        with (
            self._reading() as connection,
            errors_named(path),
            closing(sqlite3.connect(path)) as copy,
        ):
            connection.backup(copy)

    def close(self):
        """Fold SQLite's log into the file and close it; a closed store can't be used."""
        if self._process != os.getpid():
            _inherited.append(self._connection)
            self._connection = None
            return
        with self._mutex:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connect(self):
        self._mutex = threading.RLock()
        self._connection = open_file(self.path)
        self._file = os.stat(self.path) if self.is_durable else None
        self._process = os.getpid()

    @contextmanager
    def _reading(self):
        """A connection for this process and, within the context, for this thread only."""
        if self._process != os.getpid() and self.is_durable and self._connection is not None:
            _inherited.append(self._connection)
            self._connect()
        with self._mutex, errors_named(self.path):
            if self._connection is None:
                raise ValueError(f"The store {self.path} is closed; open it again.")
            yield self._connection

    def _check_present(self):
        """Refuse to go on where the file was deleted, moved or replaced since it was opened."""
        if not self.is_durable or self._connection is None or self._process != os.getpid():
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self.path), self._file):
                return
        raise StoreMissingError(
            f"The store {self.path} was deleted, moved or replaced while it is in use: what is "
            "recorded now would be lost with this process. All that it holds can still be read, as "
            "long as this process runs: store.backup(new_path) writes it to a new file, with which "
            "the session goes on."
        )

    # Protocols of Python and scikit-learn

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __del__(self):
        # A store whose opening failed has no connection.
        if getattr(self, "_connection", None) is not None:
            self.close()

    def __repr__(self):
        return f"LabelStore({self.path!r})"

    def _repr_html_(self):
        """Counts, and the samples of the last events, for notebooks."""
        try:
            counts = self.counts()
            with self._reading() as connection:
                n_events = connection.execute("SELECT count(*) FROM events").fetchone()[0]
            last = self.records(since=max(0, n_events - 5), samples=False)[-5:]
        except (StoreError, ValueError):  # damaged or closed
            return f"<p>{escape(repr(self))}</p>"
        columns = ("id", "index", "round", "strategy", "status", "label", "annotator")
        lines = [columns, *([getattr(record, name) for name in columns] for record in last)]
        cells = [["" if cell is None else escape(str(cell)) for cell in line] for line in lines]
        head, *rows = ["".join(f"<td>{cell}</td>" for cell in line) for line in cells]
        numbers = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        return (
            f"<p>{escape(repr(self))}: {numbers or 'no samples'}</p>"
            f"<table><thead><tr>{head.replace('td>', 'th>')}</tr></thead>{table}</table>"
        )

    def __sklearn_clone__(self):
        # Clones of a learner write to the same file.
        return self

    def __getstate__(self):
        if self.is_durable:
            return {"path": self.path}
        with self._reading() as connection:
            return {"path": self.path, "content": connection.serialize()}

    def __setstate__(self, state):
        self.path = state["path"]
        self._connect()
        if "content" in state:
            self._connection.deserialize(state["content"])


# Values on their way to the file, and back


def as_ids(ids):
    """Check the ids of samples, and make a list of them; TypeError if they are no integers."""
    ids = np.atleast_1d(ids)
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"Samples of a store have integers as ids; got {ids.tolist()}.")
    return ids.ravel().tolist()


def _each(values, samples, name):
    """One value for each sample; None for each where there are no values."""
    if values is None:
        return [None] * len(samples)
    if len(values) != len(samples):
        raise ValueError(f"Expected {name} for each of {len(samples)} samples; got {len(values)}.")
    return values


def _as_index(index):
    return None if index is None or index < 0 else int(index)


def _as_prediction(prediction):
    """A prediction as JSON; None for one that isn't finite."""
    if prediction is None or isinstance(prediction, str):
        return encode_label(prediction)
    numbers = list(prediction.values()) if isinstance(prediction, Mapping) else prediction
    is_finite = np.isfinite(np.asarray(numbers, dtype=np.float64)).all()
    return encode_label(prediction) if is_finite else None


def _as_json(value):
    return None if value is None else json.dumps(value)


def _from_json(text):
    return None if text is None else json.loads(text)


def _answer_repr(answer):
    """An answer of any type as text, whole where it isn't huge."""
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    return repr(answer)[:1_000_000]


def _row_of(answers, position):
    """The answer at a position of any container."""
    values = answers.to_numpy() if hasattr(answers, "to_numpy") else answers
    return values[position]


class _Opinion(NamedTuple):
    """An answer that counts, and the event that it was recorded by."""

    event: int
    annotator: str | None
    label: Any


def _by_annotator(opinions):
    return {opinion.annotator: opinion.label for opinion in opinions}


def _combine(opinions, rule):
    """Combine answers to a label (None if all were declined), and to details about them."""
    labels = [opinion.label for opinion in opinions if opinion.label is not None]
    names = [opinion.annotator for opinion in opinions]
    details = {"n_answers": len(labels)}
    if all(names) and len(set(names)) == len(names):
        votes = {each.annotator: each.label for each in opinions if each.label is not None}
        details["votes"] = {name: json.loads(encode_label(vote)) for name, vote in votes.items()}
        if declined := [name for name in names if name not in votes]:
            details["declined"] = declined
    if not labels:
        return None, details
    if all(isinstance(label, float | tuple) for label in labels):
        numbers = np.array(labels)
        mean, std = numbers.mean(axis=0).tolist(), numbers.std(axis=0).tolist()
        return tuple(mean) if isinstance(mean, list) else mean, {**details, "std": std}
    is_soft = any(isinstance(label, dict) for label in labels)
    if not is_soft and (rule == "majority" or len(labels) == 1):
        return Counter(labels).most_common(1)[0][0], details
    total = Counter()
    for label in labels:
        total.update(label if isinstance(label, dict) else {label: 1.0})
    return {name: share / len(labels) for name, share in total.items()}, details


def _compare(pairs):
    """How far two annotators agree, of whom each pair has the answers to one sample."""
    if isinstance(pairs[0][0], float | tuple):
        first, second = np.array(pairs, dtype=np.float64).swapaxes(0, 1)
        return {"rmse": float(np.sqrt(np.mean((first - second) ** 2)))}
    classes = {}  # numbered, since scikit-learn takes no mixed types
    first, second = (
        [classes.setdefault(_most_probable(label), len(classes)) for label in labels]
        for labels in zip(*pairs, strict=True)
    )
    share = float(np.mean(np.equal(first, second)))
    kappa = float(cohen_kappa_score(first, second)) if len(classes) > 1 else float("nan")
    return {"share": share, "kappa": kappa}


def _most_probable(label):
    return max(label, key=label.get) if isinstance(label, dict) else label


def _to_text(value):
    """JSON of a value for other programs; None stays None."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        value = {str(name): share for name, share in value.items()}
    return json.dumps(value, default=_to_plain)


def _to_plain(value):
    if sparse.issparse(value):
        return value.toarray()[0].tolist()
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def _now():
    return datetime.now(UTC).isoformat()


# Rows and their digests


def insert_row(connection, table, content, payload=None):
    """Insert a row with its digest; return its id."""
    columns, values = f"{COLUMNS[table]}, digest", (*content, digest_row(table, content))
    if payload is not None:
        columns, values = f"{columns}, payload", (*values, payload)
    places = ", ".join("?" * len(values))
    return connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places})", values
    ).lastrowid


def digest_row(table, content):
    """Hash a row, so that a single flipped bit shows."""
    text = repr((table, *content)).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def checksum(payload):
    return hashlib.blake2b(payload, digest_size=16).hexdigest()


# The file


def open_file(path):
    """Open a store's file, creating it if there is none, and check all that it says."""
    if path == ":memory:":
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.executescript(SCHEMA)
        return connection
    if not os.path.lexists(path):
        _create(path)
    _check_header(path)
    with errors_named(path):
        # Read-only first: a writing connection would fold its log into a damaged file.
        uri = f"{Path(path).as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=SECONDS_TO_WAIT)) as connection:
            _verify(connection, path)
        if not os.access(path, os.W_OK):
            raise StoreReadOnlyError(errno.EACCES, "The store can't be written to", path)
        # Calls are serialised by the store's own lock, so threads may share the connection.
        connection = sqlite3.connect(
            path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # Where SQLite can't write, it says so only when it has to.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except BaseException:  # also on Ctrl-C: no connection stays open
            connection.close()
            raise
    return connection


def new_content():
    """The bytes of a store without samples."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        return connection.serialize()


def _create(path):
    """Make a new file under another name and link it to its own: it is never incomplete there."""
    # SQLite would take this log for the new file's.
    if os.path.lexists(f"{path}-wal") and not os.path.lexists(path):
        raise StoreError(
            f"There is no store {path}, but its log {path}-wal, which may have labels in it: the "
            "store was deleted or moved alone. Move it back, or the log away."
        )
    name = f"{path}.{secrets.token_hex(8)}.new"
    try:
        with open(name, "xb") as file:
            file.write(new_content())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename, this never replaces a file
        except FileExistsError:
            return  # another process has created the store
        except OSError:  # a file system without hard links
            os.rename(name, path)
        _sync_folder(os.path.dirname(path))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The folder of the store {path} doesn't exist; create {os.path.dirname(path)} first."
        ) from None
    except PermissionError as error:
        raise StoreReadOnlyError(
            errno.EACCES, "The store can't be created: its folder can't be written to", path
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def _sync_folder(folder):
    """Make the name of a new file last, too, where the system lets one."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def touch(path):
    """Make an empty file, unless there is one; refuse links and folders in its place."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        os.close(os.open(path, flags, 0o666))
    except PermissionError as error:
        raise StoreReadOnlyError(errno.EACCES, "The lock can't be written to", path) from error
    except OSError as error:
        raise StoreError(
            f"The lock of a store needs a file {path}, but there is a link, a folder or something "
            f"else ({error.strerror}); move it away."
        ) from error


def check_regular(path):
    """Refuse broken links, and what reading may block on forever, such as pipes and devices."""
    if os.path.lexists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise StoreError(
            f"{path} is no file, but a pipe, a device or a link that leads nowhere; a store is a "
            "file."
        )


def _check_header(path):
    """Look at the first bytes before SQLite may touch the file."""
    check_regular(path)
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except PermissionError as error:
        raise StoreReadOnlyError(errno.EACCES, "The store can't be read", path) from error
    except IsADirectoryError:
        raise StoreError(f"{path} is a folder; a store is a file.") from None
    if len(header) < 100:
        raise corrupt(path, f"it has {len(header)} bytes, less than its header")
    if not header.startswith(b"SQLite format 3\0"):
        raise corrupt(path, "it doesn't begin as an SQLite file does")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise corrupt(path, "it is an SQLite file of another kind")
    version = int.from_bytes(header[60:64], "big")
    if version != VERSION:
        raise StoreVersionError(
            f"The store {path} is of schema version {version}; this skgal reads version {VERSION}. "
            "The file is left as it is; use the skgal that wrote it."
        )


def _verify(connection, path):
    """Check the schema, the pages, and every row but the payloads of samples."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("BEGIN")  # one state of the file, even if others write
    if read_schema(connection) != EXPECTED_SCHEMA:
        raise corrupt(path, "it has other tables, views or triggers than a store")
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise corrupt(path, "; ".join(map(str, problems)))
    for table, columns in COLUMNS.items():
        rows = connection.execute(f"SELECT rowid, digest, {columns} FROM {table}")
        for rowid, digest, *content in rows:
            if digest_row(table, content) != digest:
                name = content[0] if table == "meta" else rowid
                raise corrupt(path, f"{table} {name} doesn't match its digest")
    states = {}
    for event, sample, kind in connection.execute("SELECT id, sample, kind FROM events"):
        if kind not in KINDS:
            raise corrupt(path, f"event {event} is of no known kind")
        if kind in STATUS_OF:
            states[sample] = (STATUS_OF[kind], event)
    found = {row[0]: row[1:] for row in connection.execute("SELECT * FROM states")}
    samples = {row[0] for row in connection.execute("SELECT id FROM samples")}
    if states != found or samples != set(states):
        raise corrupt(path, "samples and events don't belong together")
    # SQLite counts the rows ever added; those of a log are never removed.
    added = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
    for table in ("samples", "events", "history"):
        query = f"SELECT coalesce(max(id), 0), count(*) FROM {table}"
        last, n_rows = connection.execute(query).fetchone()
        if added.pop(table, 0) != last or (table != "samples" and n_rows != last):
            raise corrupt(path, f"{table} are missing")
    if added:
        raise corrupt(path, f"rows of {', '.join(map(str, added))} are missing")


def read_schema(connection):
    return sorted(
        connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"), key=repr
    )


def _make_expected_schema():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return read_schema(connection)


EXPECTED_SCHEMA = _make_expected_schema()


@contextmanager
def run_transaction(connection):
    """Run statements so that all of them last, or none: on disk when this is left."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:  # also on Ctrl-C: nothing of it lasts
        if connection.in_transaction:  # SQLite itself rolls back on a full disk
            connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_named(path):
    """Turn SQLite's errors into those of :mod:`skgal.exceptions`, which say what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's message cites a damaged name
        raise corrupt(path, repr(error.object)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None and "decode" in str(error):
            raise corrupt(path, str(error)) from error
        if code is None:  # an error of Python's module, not of SQLite
            raise
        raise _named(error, code, path) from error


def _named(error, code, path):
    primary = code & 0xFF
    io_reading = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or code in io_reading:
        return corrupt(path, str(error))
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StoreFullError(
            errno.ENOSPC,
            f"The store can't be written ({error}): the disk is full, over its quota, or failing. "
            "What was committed before is kept; make room and go on with the same store",
            path,
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreReadOnlyError(
            errno.EACCES,
            f"The store can't be written ({error}); it needs permission to write to the file and "
            "to its folder, where SQLite keeps its log",
            path,
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"Another process holds the store {path} for more than {SECONDS_TO_WAIT:g} seconds "
            f"({error})."
        )
    return StoreError(f"SQLite can't use the store {path}: {error}.")


def corrupt(path, reason):
    return StoreCorruptError(
        f"{path} is no store of labels, or is damaged: {reason}. The file is left as it is; "
        f"skgal.active.salvage_store({path!r}, new_path) rescues what can be read."
    )
