"""A session: what a learner has asked a store for, what came back, and what to propose next.

All of it follows from the store, X, and the labels known at the start, whoever answered, in
whichever order and process: so any process can go on with a session.
"""

import hashlib
import inspect
import os
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skgal.active._store import STATUS_OF, LabelStore
from skgal.active._store_samples import hash_pool, stack_samples
from skgal.base import Asked
from skgal.classifiers import one_hot
from skgal.exceptions import StoreError, StoreMismatchError
from skgal.utils import (
    as_label_array,
    as_random_state,
    concat_rows,
    draw_seed,
    observed_labels,
    spread_labels,
    take_rows,
)

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
    y : ndarray of shape (n_labelled,), or (n_labelled, n_outputs) for a regressor
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
    n_declined, n_failed : int, default=0
        How many samples were asked about without getting a label: the oracle declined, or failed.
    """

    X: Any
    y: np.ndarray
    indices: np.ndarray
    n_initial: int
    classes: np.ndarray | None = None
    proba: np.ndarray | None = None
    latent: np.ndarray | None = None
    n_declined: int = 0
    n_failed: int = 0

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


# Opening a session


def open_store(store):
    """Open the store that a learner's parameter stands for; None is a new one in memory."""
    if isinstance(store, LabelStore):
        return store
    return LabelStore() if store is None else LabelStore(os.fspath(store))


def settle_seed(store, X, random_state):
    """Return the seed of a store's session; begin a session, on these samples, if there is none."""
    # In memory there is nothing to go on with, and hashing a large pool takes a while.
    pool = hash_pool(X) if store.is_durable or store.read_meta("pool") else None
    if pool is not None and store.settle("pool", pool) != pool:
        raise StoreMismatchError(
            f"The store {store.path} belongs to another data set: its session began with other "
            "samples than this X, or with the same in another order. Nothing was changed; pass "
            "the X it began with, or another store."
        )
    seed = store.read_meta("seed")
    if seed is None:
        if isinstance(random_state, int | np.integer):
            seed = int(random_state)
        else:
            seed = draw_seed(as_random_state(random_state))
        seed = store.settle("seed", seed)
    return seed


class Session:
    """What a learner asked a store for, and what became of it.

    Parameters
    ----------
    store : LabelStore
    X : ndarray, sparse matrix or DataFrame of n_samples rows
        The given samples.
    initial : LabelledSet
        Those known at the start.
    twins_share_labels : bool, default=True
        Whether samples with the same values have one label; in a simulation each has its own.

    Attributes
    ----------
    history : list of dict
        One row for each model that was fitted.
    change : int
        The last event seen that changed what is labelled, or no longer pending.
    classes : ndarray or None
        All classes known, sorted.
    n_rounds : int
        How many batches were asked for.
    """

    def __init__(self, store, X, initial, *, twins_share_labels=True):
        self.store, self.X, self.initial = store, X, initial
        self._twins_share_labels = twins_share_labels
        if store.settle("initial", _hash_labels(initial)) != _hash_labels(initial):
            raise StoreMismatchError(
                f"The session in the store {store.path} began with other labels. Nothing was "
                "changed; pass the y it began with (those bought since are in the store), the "
                "same n_initial, and as many fixed seeds in estimator and strategy."
            )
        if initial.classes is None:
            store.n_outputs = 1 if initial.y.ndim == 1 else initial.y.shape[1]
        rows = store.read_history()
        self.history = [_from_json(row) for _, row in rows]
        self._fitted_at = [event for event, _ in rows]
        self.classes, self.change, self.n_rounds = initial.classes, 0, 0
        self._seen, self._counts, self._pending = 0, Counter(), set()
        self._records = {}  # without samples, by id: in the order of asking
        self._designs = {}  # the designed samples that were read, by id
        self._labelled = None
        self._unasked = np.ones(X.shape[0], dtype=bool)
        self._unasked[initial.indices] = False
        self._publish_classes()
        self.refresh()

    # What became of the samples

    def refresh(self):
        """Read what is new in the store: others may have written to it."""
        while True:  # until nothing came while the news were read, so that `change` fits them
            change, seen = self.store.last_change(), self.store.last_event()
            if seen == self._seen:
                break
            for record in self.store.records(since=self._seen, samples=False):
                if record.round is not None:  # imported labels are of no round
                    self._update(record)
            self._seen = seen
        if change != self.change:
            self.change, self._labelled = change, None
            self._publish_classes()

    def _update(self, record):
        before = self._records.get(record.id)
        self._records[record.id] = record
        self._counts[record.status] += 1
        if before is None:
            self.n_rounds = max(self.n_rounds, 1 + record.round)
            if record.index is not None:
                self._unasked[record.index] = False
        else:
            self._counts[before.status] -= 1
        (self._pending.add if record.status == "pending" else self._pending.discard)(record.id)
        if self.classes is not None:
            if before is not None and before.status == "answered":  # its class may be gone
                self.classes = _known_classes(self.initial, self._records.values())
            elif record.status == "answered":
                self.classes = _known_classes(replace(self.initial, classes=self.classes), [record])

    def _publish_classes(self):
        """Tell the store which classes there are."""
        if self.classes is not None:
            published = self.store.classes or []
            if not set(self.classes.tolist()) <= set(published):
                # Sorted, as the columns of class probabilities are.
                self.store.classes = np.union1d(self.classes, published or self.classes)

    @property
    def n_asked(self):
        """How many samples were asked for, answered or not: it seeds the next round."""
        return len(self._records)

    @property
    def n_billed(self):
        """How many of these the budget counts: all but those withdrawn."""
        return len(self._records) - self._counts["withdrawn"]

    @property
    def labelled(self):
        """The initial samples, then those answered, in the order of asking."""
        if self._labelled is None:
            self._labelled = self._labelled_set(self._records.values())
        return self._labelled

    def labelled_in(self, row):
        """Return what was labelled when the model of a row of the history was fitted."""
        last = self._fitted_at[row]
        if last >= self.change:
            return self.labelled
        states = {}
        for event in self.store.events():
            if event.id <= last and event.kind in STATUS_OF:
                states[event.sample] = {"status": STATUS_OF[event.kind], "label": event.label}
        known = self._records.items()
        return self._labelled_set([r._replace(**states[i]) for i, r in known if i in states])

    def _labelled_set(self, records):
        answered = [record for record in records if record.status == "answered"]
        classes, counts = _known_classes(self.initial, answered), Counter(r.status for r in records)
        return _add_labels(
            replace(
                self.initial,
                classes=classes,
                n_declined=counts["declined"],
                n_failed=counts["failed"],
            ),
            self._query(answered),
            [record.label for record in answered],
        )

    @property
    def has_pending(self):
        """Whether a sample waits for its label."""
        return bool(self._pending)

    @property
    def pending(self):
        """Query of the samples that wait for their labels, oldest first."""
        return self._query([self._records[sample] for sample in sorted(self._pending)])

    @property
    def candidates(self):
        """Positions in X of what was neither known at the start nor asked for since."""
        return np.flatnonzero(self._unasked)

    def select(self, ids, status=None):
        """Make a query of samples that were asked for, by their ids; of one status only."""
        return self._query(self.store.records(status, ids, samples=False))

    def asked_designs(self):
        """Return all designed samples that were asked about, and what became of them."""
        records = [record for record in self._records.values() if record.latent is not None]
        if not records:
            return None
        outcome = {"answered": 1.0, "declined": 0.0, "failed": 0.0}
        query = self._query(records)
        succeeded = np.array([outcome.get(record.status, np.nan) for record in records])
        return Asked(query.X, query.latent, succeeded)

    def _query(self, records):
        indices = [SYNTHETIC if record.index is None else record.index for record in records]
        indices = np.array(indices, dtype=np.intp)
        details = [record.details for record in records]
        return Query(
            X=self._samples(records, indices),
            indices=indices,
            latent=_stack_points([record.latent for record in records]),
            details=details if any(detail is not None for detail in details) else None,
            ids=np.array([record.id for record in records], dtype=np.int64),
        )

    def _samples(self, records, indices):
        if not (indices == SYNTHETIC).any():
            return take_rows(self.X, indices)
        unread = [record.id for record in records if record.id not in self._designs]
        self._designs.update((record.id, record.X) for record in self.store.records(ids=unread))
        return stack_samples([self._designs[record.id] for record in records], like=self.X)

    # Asking, and having answered

    def ask(self, query, **remarks):
        """Record samples that a strategy proposes; return their ids."""
        points = (r.latent for r in self._records.values() if r.latent is not None)
        earlier = next((point.shape for point in points), None)
        given = None if query.latent is None else query.latent.shape[1:]
        if None not in (given, earlier) and given != earlier:
            raise ValueError(
                "Latent points must have the same dimension in every round, "
                f"{earlier[0]}; the strategy gave points of dimension {given[0]}."
            )
        ids = self.store.ask(
            query.X,
            indices=query.indices,
            latent=query.latent,
            round=self.n_rounds,
            details=query.details,
            **remarks,
        )
        self.refresh()
        return ids

    def answer_known(self, ids):
        """Answer those pending samples whose label the store has from another one."""
        if not self._twins_share_labels:
            return
        with self.store.transaction():
            for record in self.store.records("pending", ids, samples=False):
                known = self.store.find(record.hash)
                if known is not None:
                    self._copy_outcome(known, record.id)
        self.refresh()

    def label(self, oracle, ids):
        """Have an oracle label pending samples: of those with the same values one, for all."""
        self.store.check_present()
        self.answer_known(ids)
        alike = {}
        for record in self.store.records("pending", ids, samples=False):
            key = record.hash if self._twins_share_labels else record.id
            alike.setdefault(key, []).append(record.id)
        distinct = {samples[0]: samples[1:] for samples in alike.values()}
        try:
            if distinct:
                oracle.label_pending(self.store, list(distinct))
        except StoreError:
            raise
        except (Exception, KeyboardInterrupt):  # what was answered before is kept
            self._share_outcomes(distinct)
            raise
        self._share_outcomes(distinct)
        pending = self.store.records("pending", list(distinct), samples=False)
        if pending:
            raise RuntimeError(
                f"{type(oracle).__name__}.label_pending must return when nothing is pending any "
                f"more; {len(pending)} of {len(distinct)} samples are, the first with id "
                f"{pending[0].id}."
            )

    def _share_outcomes(self, twins):
        with self.store.transaction():
            for first in self.store.records(None, list(twins), samples=False):
                for twin in twins[first.id]:
                    self._copy_outcome(first, twin)
        self.refresh()

    def _copy_outcome(self, record, twin):
        message = f"known already: the same as sample {record.id}"
        if record.status in ("answered", "declined"):
            self.store.tell(twin, record.label, annotator=record.annotator, message=message)
        elif record.status == "failed":
            self.store.fail(twin, record.message or message, annotator=record.annotator)

    # The history

    @property
    def is_current(self):
        """Whether the last row of the history knows of all that is labelled."""
        return bool(self._fitted_at) and self._fitted_at[-1] >= self.change

    def purchase(self):
        """Sum up what was spent since the last row of the history."""
        since = self._fitted_at[-1] if self._fitted_at else 0
        notes = self.store.read_notes(since)
        return {
            "seconds_query": sum(note["seconds_query"] for note in notes),
            "seconds_oracle": self.store.sum_seconds(since),
            "mean_entropy": notes[-1]["mean_entropy"] if notes else np.nan,
        }

    def add_row(self, row):
        """Add a row to the history, for the model fitted to what is labelled now."""
        self.store.write_history(self.change, _to_json(row))
        self._fitted_at.append(self.change)
        self.history.append(row)


# Proposing


def given_samples(X, labelled):
    """Put the synthetic samples below the given ones, and labels beside both, NaN for none."""
    synthetic = np.flatnonzero(labelled.is_synthetic)
    positions = labelled.indices.copy()
    positions[synthetic] = X.shape[0] + np.arange(len(synthetic))
    y = spread_labels(labelled.y, positions, X.shape[0] + len(synthetic))
    if len(synthetic):
        X = concat_rows(X, take_rows(labelled.X, synthetic))
    return X, y


def choose(strategy, X, y, model, candidates, n_wanted):
    """Let a strategy choose samples of the pool; refuse what breaks its contract."""
    indices = np.asarray(strategy.query(X, y, model, candidates=candidates, batch_size=n_wanted))
    _check_count(strategy, len(indices), n_wanted)
    if len(np.unique(indices)) < len(indices) or not np.isin(indices, candidates).all():
        raise ValueError(
            f"{type(strategy).__name__}.query must choose different samples among the "
            f"candidates; it chose {indices.tolist()}."
        )
    return Query(take_rows(X, indices), indices)


def design(strategy, X, y, model, asked, n_wanted):
    """Let a strategy design samples; refuse what breaks its contract."""
    # A strategy written before there was such a parameter does without.
    takes_asked = "asked" in inspect.signature(strategy.synthesize).parameters
    known = {"asked": asked} if takes_asked else {}
    synthesis = strategy.synthesize(X, y, model, batch_size=n_wanted, **known)
    n_designed = synthesis.X.shape[0]
    _check_count(strategy, n_designed, n_wanted)
    try:  # on no rows at all, what the record will do once the labels are paid for
        concat_rows(take_rows(X, []), take_rows(synthesis.X, []))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must design samples like those of X. {error}"
        ) from error
    latent = np.asarray(synthesis.latent)
    if latent.ndim != 2 or len(latent) != n_designed:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must give a latent point for each of the "
            f"{n_designed} samples it designed; it gave an array of shape {latent.shape}."
        )
    details = getattr(synthesis, "details", None)
    return Query(synthesis.X, np.full(n_designed, SYNTHETIC), latent, details)


def _check_count(strategy, n_chosen, n_wanted):
    if not 1 <= n_chosen <= n_wanted:
        raise ValueError(
            f"{type(strategy).__name__} was to propose {n_wanted} samples, or fewer but at least "
            f"one; it proposed {n_chosen}."
        )


# From records to arrays


def _known_classes(initial, records):
    """Classes of the initial set and of answers, sorted; None for regression."""
    if initial.classes is None:
        return None
    labels = [record.label for record in records if record.status == "answered"]
    names = {name for label in labels for name in (label if isinstance(label, dict) else [label])}
    names -= set(initial.classes.tolist())
    return np.union1d(initial.classes, list(names)) if names else initial.classes


def _add_labels(labelled, query, labels):
    """Add samples that got labels to a set without soft labels."""
    if not labels:
        return labelled
    classes, proba = labelled.classes, None
    if classes is None:
        y = np.array(labels, dtype=np.float64)
    else:
        if any(isinstance(label, dict) for label in labels):
            # An oracle may be sure of some samples: their plain labels become one-hot.
            shares = [label if isinstance(label, dict) else {label: 1.0} for label in labels]
            names = classes.tolist()
            new = np.array([[share.get(name, 0.0) for name in names] for share in shares])
            proba = np.concatenate([one_hot(labelled.y, classes), new])
            labels = classes[new.argmax(axis=1)].tolist()
        y = observed_labels(as_label_array(labels))
    with suppress(ValueError):  # in the dtype of the initial labels, if that loses nothing
        if y.dtype.kind in "biuf" and np.array_equal(y.astype(labelled.y.dtype), y):
            y = y.astype(labelled.y.dtype)
    latent = labelled.latent
    if query.latent is not None:
        points = np.full((len(labelled), query.latent.shape[1]), np.nan)
        latent = np.concatenate([points, query.latent])
    return replace(
        labelled,
        X=concat_rows(labelled.X, query.X),
        y=np.concatenate([labelled.y, y]),
        indices=np.concatenate([labelled.indices, query.indices]),
        proba=proba,
        latent=latent,
    )


def _stack_points(points):
    """Make an array of latent points, NaN for real samples; None if all are real."""
    shape = next((point.shape for point in points if point is not None), None)
    if shape is None:
        return None
    return np.stack([np.full(shape, np.nan) if point is None else point for point in points])


def _hash_labels(labelled):
    content = repr((labelled.indices.tolist(), labelled.y.tolist()))
    return hashlib.sha256(content.encode()).hexdigest()


def _to_json(row):
    content = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }
    if "label_counts" in row:  # classes may be numbers, and JSON has no such keys
        content["label_counts"] = list(row["label_counts"].items())
    return content


def _from_json(content):
    row = dict(content)
    if "label_counts" in row:
        row["label_counts"] = dict(row["label_counts"])
    return row
