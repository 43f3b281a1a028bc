"""The durable record of what was asked and what was answered."""

import json
import os
from datetime import UTC, datetime

import numpy as np

from skgal.active._store_connection import StoreConnection
from skgal.active._store_export import StoreExportMixin
from skgal.active._store_labels import (
    STATUS_OF,
    as_answers,
    conflict_error,
    decode_label,
    digest_event,
    encode_label,
)
from skgal.active._store_notes import StoreNotesMixin
from skgal.active._store_reading import StoreReadingMixin, as_ids
from skgal.active._store_salvage import salvage
from skgal.active._store_samples import decode_sample, encode_samples, hash_sample, to_npy


class LabelStore(StoreReadingMixin, StoreNotesMixin, StoreExportMixin, StoreConnection):
    """A record of labels that survives crashes, full disks and closed laptops: an SQLite file.

    Every answer is on disk (``synchronous=FULL``) when :meth:`tell` returns. Threads and
    processes of one machine may use the same file at once; not so machines that share a network
    folder, for which SQLite's write-ahead log isn't made. Below the records is a log of events
    to which entries are only ever added: :meth:`undo` hides an answer, and :meth:`events` still
    shows it.

    While a store is open, or after a crash, a file ``-wal`` lies beside it and belongs to it;
    closing folds it in. An empty file ``-buyer`` lies there once a learner has bought for it: a
    lock, so that one learner at a time does; it may be deleted when none runs.

    Parameters
    ----------
    path : str or path-like, default=":memory:"
        The file, created if there is none. ``":memory:"`` keeps the record in memory only.

    Raises
    ------
    StoreCorruptError
        If the file is no store, is truncated, or is damaged; it is left as it is, and
        :meth:`salvage` rescues what can be read.
    StoreVersionError
        If a newer version of skgal wrote it.
    StoreReadOnlyError, StoreFullError
        If it can't be written to; the latter also later, from any method that writes.

    Examples
    --------
    >>> from skgal.active import LabelStore
    >>> store = LabelStore()
    >>> ids = store.ask([[0.0, 1.0], [2.0, 3.0]], strategy="by hand")
    >>> store.tell(ids[:1], ["cat"], annotator="Ada")
    >>> store.counts()
    {'pending': 1, 'answered': 1, 'declined': 0, 'failed': 0, 'withdrawn': 0}
    >>> [record.label for record in store.records("answered")]
    ['cat']
    """

    def __init__(self, path=":memory:"):
        super().__init__(path)

    # Asking

    def ask(
        self,
        X,
        *,
        indices=None,
        latent=None,
        round=None,
        strategy="",
        model="",
        beliefs=None,
        details=None,
        notes=None,
    ):
        """Record samples that wait for their labels from now on.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows
        indices : array-like of int or of None of shape (n_asked,), default=None
            Positions in the pool; None or negative for samples of no pool.
        latent : array-like of shape (n_asked, latent_dim), default=None
            Latent points of designed samples.
        round : int, default=None
            How many times a learner has asked before; None if it isn't a learner who asks.
        strategy, model : str, default=""
            Who chose the samples, and under which version of the classifier.
        beliefs : list of dict from class to probability, of float, or of None, default=None
            What the classifier thinks of each sample.
        details : list, default=None
            Anything else about each sample that JSON can hold.
        notes : dict, default=None
            Anything about this batch that JSON can hold.

        Returns
        -------
        ndarray of shape (n_asked,), dtype int
            The ids of the samples in this store.

        Raises
        ------
        TypeError
            If samples hold what is neither number, string, boolean, date nor missing.
        ValueError
            If there isn't one of everything for each sample.
        """
        encoded = encode_samples(X)
        columns = [
            [_as_position(position) for position in _each(indices, encoded, "indices")],
            [_as_blob(point) for point in _each(latent, encoded, "latent")],
            [encode_label(belief) for belief in _each(beliefs, encoded, "beliefs")],
            [_as_json(detail) for detail in _each(details, encoded, "details")],
        ]
        with self._writing() as connection:
            query = connection.execute(
                "INSERT INTO queries (round, strategy, model, at, notes) VALUES (?, ?, ?, ?, ?)",
                (round, strategy, model, _now(), json.dumps(notes or {})),
            ).lastrowid
            ids = []
            for (layout, payload), position, point, belief, detail in zip(
                encoded, *columns, strict=True
            ):
                # Of what comes back, so that the hash also checks the bytes when they are read.
                digest = hash_sample(decode_sample(layout, payload))
                row = (query, digest, layout, payload, position, point, belief, detail)
                sample = connection.execute(
                    "INSERT INTO samples (query, hash, format, payload, position, latent, belief,"
                    " details) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                ).lastrowid
                self._log(sample, "asked")
                ids.append(sample)
        return np.array(ids, dtype=np.int64)

    # Answering

    def tell(self, ids, labels, *, annotator=None, seconds=None, message=None, details=None):
        """Record answers; they are on disk when this returns.

        An answer that is there already may be told again: nothing changes. A sample that was
        declined, has failed or was withdrawn may still be answered.

        Parameters
        ----------
        ids : int or array-like of int of shape (n_answers,)
            What :meth:`ask` returned.
        labels : array-like of shape (n_answers,) or (n_answers, n_classes), or list
            Classes or numbers; rows of class probabilities in the order of :attr:`classes`, or
            dicts from class to probability; None, NaN or a row of NaN where declined. A single
            label if ``ids`` is a single id.
        annotator : str, default=None
            Who or what answered.
        seconds : float or array-like of shape (n_answers,), default=None
            How long each answer took.
        message : str, default=None
            Anything the annotator says about it.
        details : object, default=None
            Anything else about the answers that JSON can hold.

        Raises
        ------
        ValueError
            If an id is unknown, a label is none, or there isn't one for each id: nothing is
            recorded then. If a sample has another answer already: then that one holds, the new
            one is kept in :meth:`events` as surplus, and those of the other samples are
            recorded.
        """
        answers = as_answers([labels] if np.ndim(ids) == 0 else labels, self.classes)
        remarks = {"annotator": annotator, "message": message, "details": _as_json(details)}
        self._answer(as_ids(ids), answers, "answered", seconds, **remarks)

    def _answer(self, ids, answers, kind, seconds, **remarks):
        if len(answers) != len(ids):
            raise ValueError(f"Expected a label for each of {len(ids)} ids; got {len(answers)}.")
        seconds = np.broadcast_to(np.nan if seconds is None else seconds, len(ids)).tolist()
        conflicts = []
        with self._writing() as connection:
            now = self._labels_now(connection, ids)
            for sample, answer, taken in zip(ids, answers, seconds, strict=True):
                label = encode_label(answer)
                news = ("declined", None) if label is None else (kind, label)
                if now[sample] == news:
                    continue
                if STATUS_OF[now[sample][0]] == "answered":
                    conflicts.append((sample, decode_label(now[sample][1]), answer))
                    news = ("surplus", label)
                else:
                    now[sample] = news
                self._log(sample, *news, seconds=taken, **remarks)
        if conflicts:
            raise conflict_error(conflicts)

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
        self._move(ids, "failed", ("pending",), **remarks)

    def withdraw(self, ids):
        """Record that pending samples need no label any more.

        Parameters
        ----------
        ids : int or array-like of int
            Those that aren't pending stay as they are.

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        self._move(ids, "withdrawn", ("pending",))

    def reopen(self, ids):
        """Make samples pending again; what was answered stays in :meth:`events` only.

        Parameters
        ----------
        ids : int or array-like of int

        Raises
        ------
        ValueError
            If an id is unknown.
        """
        self._move(ids, "reopened", ("answered", "declined", "failed", "withdrawn"))

    def undo(self, annotator=None):
        """Reopen the sample that was answered or declined last; imported labels stay.

        Parameters
        ----------
        annotator : str, default=None
            Undo the last answer of this one only.

        Returns
        -------
        int or None
            The id of the sample; None if there is nothing to undo.
        """
        with self._writing() as connection:
            row = connection.execute(
                "SELECT sample FROM events AS last WHERE kind IN ('answered', 'declined')"
                " AND (:annotator IS NULL OR annotator = :annotator)"
                " AND NOT EXISTS (SELECT 1 FROM events AS later WHERE later.sample = last.sample"
                " AND later.id > last.id AND later.kind != 'surplus')"
                " ORDER BY last.id DESC LIMIT 1",
                {"annotator": annotator},
            ).fetchone()
            if row is None:
                return None
            self._log(row[0], "reopened", annotator=annotator)
        return row[0]

    def import_labels(self, X, y, *, annotator=None):
        """Record labels that were made elsewhere; a learner never asks for them again.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_samples rows
        y : array-like of shape (n_samples,) or (n_samples, n_classes), or list
            As in :meth:`tell`; samples whose label is missing are recorded as declined.
        annotator : str, default=None
            Who or what labelled them.

        Returns
        -------
        ndarray of shape (n_samples,), dtype int
            The ids of the samples in this store.

        Raises
        ------
        ValueError
            If X and y differ in length, or a label is none.
        """
        n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
        answers = as_answers(y, self.classes)
        if len(answers) != n_samples:
            raise ValueError(f"X has {n_samples} samples, y has {len(answers)} labels.")
        with self._writing():
            ids = self.ask(X, strategy="import")
            self._answer(ids.tolist(), answers, "imported", None, annotator=annotator)
        return ids

    # The file

    @staticmethod
    def salvage(path, new_path):
        """Rescue what can be read of a damaged store into a new one.

        Samples that don't match their hash, and answers that don't match their digest, are
        left behind; so are answers whose sample is lost. The damaged file isn't written to.

        Parameters
        ----------
        path : str or path-like
            The damaged file.
        new_path : str or path-like
            Where to put the new store; there must be none yet.

        Returns
        -------
        LabelStore
            The new store; its :meth:`counts` say what was rescued.

        Raises
        ------
        FileExistsError
            If there is a file at ``new_path``.
        StoreCorruptError
            If nothing can be rescued.
        """
        path, new_path = os.path.abspath(path), os.path.abspath(new_path)
        salvage(path, new_path)
        return LabelStore(new_path)

    def _log(
        self,
        sample,
        kind,
        label=None,
        *,
        annotator=None,
        seconds=None,
        message=None,
        details=None,
    ):
        for name, text in (("annotator", annotator), ("message", message)):
            if not isinstance(text, str | None):
                raise TypeError(f"{name} must be a string or None; got {text!r}.")
        # As SQLite gives it back, or the digest would be another one.
        seconds = None if seconds is None or seconds != seconds else float(seconds)
        content = (sample, kind, label, annotator, seconds, message, details, _now())
        self._connection.execute(
            "INSERT INTO events (sample, kind, label, annotator, seconds, message, details, at,"
            " digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*content, digest_event(*content)),
        )

    def _move(self, ids, kind, movable, **remarks):
        """Log an event of a kind for those samples that a last event of some kinds makes ready."""
        ids = as_ids(ids)
        with self._writing() as connection:
            for sample, (last, _) in self._labels_now(connection, ids).items():
                if STATUS_OF[last] in movable:
                    self._log(sample, kind, **remarks)


def _now():
    return datetime.now(UTC).isoformat()


def _each(values, encoded, name):
    """One value for each sample; None for each where there are no values."""
    if values is None:
        return [None] * len(encoded)
    if len(values) != len(encoded):
        raise ValueError(f"Expected {name} for each of {len(encoded)} samples; got {len(values)}.")
    return values


def _as_position(position):
    return None if position is None or position < 0 else int(position)


def _as_blob(point):
    return None if point is None else to_npy(np.asarray(point))


def _as_json(value):
    return None if value is None else json.dumps(value)
