"""What can be read from a store: records, counts, the log of events."""

import json
from collections import Counter
from datetime import datetime

import numpy as np

from skgal.active._store_file import corrupt
from skgal.active._store_labels import (
    STATUS_OF,
    Event,
    Record,
    decode_label,
)
from skgal.active._store_samples import decode_sample, encode_samples, from_npy, hash_sample

STATUSES = ("pending", "answered", "declined", "failed", "withdrawn")

_STATES = """
    SELECT samples.id, hash, position, latent, round, strategy, model, belief,
           samples.details, kind,
           label, annotator, queries.at, events.at, seconds, message,
           events.details
    FROM samples
    JOIN queries ON queries.id = samples.query
    JOIN events ON events.id = (
        SELECT max(id) FROM events WHERE sample = samples.id AND kind != 'surplus'
    )
"""


class StoreReadingMixin:
    """The methods of a store that change nothing.

    A class that inherits has ``path`` and a context manager ``_reading()`` that gives a
    connection.
    """

    def records(self, status=None, ids=None, *, since=0, samples=True):
        """Read the samples asked about, oldest first.

        Parameters
        ----------
        status : {"pending", "answered", "declined", "failed", "withdrawn"}, default=None
            Those of one status only.
        ids : int or array-like of int, default=None
            These only, in this order.
        since : int, default=0
            Without ``ids``: those only that an event after the one of this id tells of.
        samples : bool, default=True
            Whether to read the samples themselves, which may be large.

        Returns
        -------
        list of Record

        Raises
        ------
        ValueError
            If the status or an id is unknown.
        StoreCorruptError
            If a sample doesn't match its hash.
        """
        if status is not None and status not in STATUSES:
            raise ValueError(f"status must be None or one of {STATUSES}; got {status!r}.")
        with self._reading() as connection:
            if ids is None:
                told_of = "samples.id IN (SELECT sample FROM events WHERE id > ?)"
                rows = connection.execute(
                    f"{_STATES} WHERE {told_of} ORDER BY samples.id", (since,)
                ).fetchall()
            else:
                ids = as_ids(ids)
                self._labels_now(connection, ids)
                read = f"{_STATES} WHERE samples.id = ?"
                rows = [connection.execute(read, (sample,)).fetchone() for sample in ids]
            rows = [row for row in rows if status in (None, STATUS_OF[row[9]])]
            return [self._as_record(connection, row, samples) for row in rows]

    def find(self, hash):
        """Find a sample with a label by the hash of its values.

        Parameters
        ----------
        hash : str
            What a :class:`Record` has, and :meth:`hash_samples` computes.

        Returns
        -------
        Record or None
            The one asked about first.
        """
        with self._reading() as connection:
            rows = connection.execute(
                f"{_STATES} WHERE hash = ? AND kind IN ('answered', 'imported')"
                " ORDER BY samples.id LIMIT 1",
                (hash,),
            ).fetchall()
            return self._as_record(connection, rows[0], True) if rows else None

    @staticmethod
    def hash_samples(X):
        """Hash each sample by its values; equal numbers hash equally, whatever their dtype.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_samples rows

        Returns
        -------
        list of str
        """
        return [hash_sample(decode_sample(*encoded)) for encoded in encode_samples(X)]

    def counts(self):
        """Count the samples of each status.

        Returns
        -------
        dict from str to int
        """
        with self._reading() as connection:
            kinds = connection.execute(f"SELECT kind FROM ({_STATES})").fetchall()
        found = Counter(STATUS_OF[kind] for (kind,) in kinds)
        return {status: found[status] for status in STATUSES}

    def events(self, ids=None):
        """Read the log, oldest first: undone and surplus answers are in it, too.

        Parameters
        ----------
        ids : int or array-like of int, default=None
            Events of these samples only.

        Returns
        -------
        list of Event
        """
        wanted = None if ids is None else set(as_ids(ids))
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT id, sample, kind, label, annotator, seconds, message, details, at"
                " FROM events ORDER BY id"
            ).fetchall()
        return [
            Event(
                *row[:3],
                decode_label(row[3]),
                *row[4:7],
                _from_text(row[7]),
                datetime.fromisoformat(row[8]),
            )
            for row in rows
            if wanted is None or row[1] in wanted
        ]

    def last_event(self):
        """Tell which event was the last.

        Returns
        -------
        int
            Its id; 0 if there is none.
        """
        return self._last_event("true")

    def last_change(self):
        """Tell which event was the last to change what is labelled, or no longer waits.

        Returns
        -------
        int
            Its id; 0 if there is none.
        """
        return self._last_event("kind NOT IN ('asked', 'surplus')")

    def _last_event(self, condition):
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT id FROM events WHERE {condition} ORDER BY id DESC LIMIT 1"
            ).fetchone()
        return 0 if row is None else row[0]

    def _labels_now(self, connection, ids):
        """What each sample's last event says of it: its kind and label."""
        known = {}
        for sample in ids:
            row = connection.execute(
                "SELECT kind, label FROM events WHERE sample = ? AND kind != 'surplus'"
                " ORDER BY id DESC LIMIT 1",
                (sample,),
            ).fetchone()
            if row is None:
                raise ValueError(f"The store {self.path} has no sample with id {sample}.")
            known[sample] = row
        return known

    def _as_record(self, connection, row, with_sample):
        sample, digest, position, latent, round, strategy, model, belief, details = row[:9]
        kind, label, annotator, asked_at, at, seconds, message, answer_details = row[9:]
        closed = STATUS_OF[kind] in ("answered", "declined", "failed")
        return Record(
            id=sample,
            X=self._read_sample(connection, sample, digest) if with_sample else None,
            hash=digest,
            index=position,
            latent=None if latent is None else from_npy(latent),
            round=round,
            strategy=strategy,
            model=model,
            belief=decode_label(belief),
            details=_from_text(details),
            status=STATUS_OF[kind],
            label=decode_label(label),
            annotator=annotator if closed else None,
            asked_at=datetime.fromisoformat(asked_at),
            answered_at=datetime.fromisoformat(at) if closed else None,
            seconds=seconds,
            message=message,
            answer_details=_from_text(answer_details),
        )

    def _read_sample(self, connection, sample, digest):
        layout, payload = connection.execute(
            "SELECT format, payload FROM samples WHERE id = ?", (sample,)
        ).fetchone()
        try:
            values = decode_sample(layout, payload)
        except ValueError as error:
            raise corrupt(self.path, f"sample {sample} can't be read") from error
        if hash_sample(values) != digest:
            raise corrupt(self.path, f"sample {sample} doesn't match its hash")
        return values


def _from_text(text):
    return None if text is None else json.loads(text)


def as_ids(ids):
    """Check the ids of samples.

    Parameters
    ----------
    ids : int or array-like of int

    Returns
    -------
    list of int

    Raises
    ------
    TypeError
        If they are no integers.
    """
    ids = np.atleast_1d(ids)
    if ids.size and ids.dtype.kind not in "iu":
        raise TypeError(f"Samples of a store have integers as ids; got {ids.tolist()}.")
    return ids.ravel().tolist()
