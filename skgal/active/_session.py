"""A learner's view of a store: what it asked for, what came back, what may still be asked."""

import hashlib
import os
from dataclasses import replace

import numpy as np

from skgal.active._answers import Answer, gather
from skgal.active._buying import answer_known
from skgal.active._record import SYNTHETIC, Query
from skgal.active._store import LabelStore
from skgal.active._store_samples import hash_pool, stack_samples
from skgal.exceptions import StoreMismatchError
from skgal.utils import as_random_state, draw_seed, take_rows


def open_store(store):
    """Open the store that a learner's parameter stands for.

    Parameters
    ----------
    store : LabelStore, str, path-like or None
        None: a new one in memory.

    Returns
    -------
    LabelStore
    """
    if isinstance(store, LabelStore):
        return store
    return LabelStore() if store is None else LabelStore(os.fspath(store))


def settle_seed(store, X, random_state):
    """Tell which seed the session of a store has; begin one if there is none.

    Parameters
    ----------
    store : LabelStore
    X : ndarray, sparse matrix or DataFrame
        The samples at hand.
    random_state : int, RandomState instance or None
        Decides the seed of a new session only.

    Returns
    -------
    int

    Raises
    ------
    StoreMismatchError
        If the session of the store has other samples at hand.
    """
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

    All that is here follows from the store, X and the initial labels, whoever answered, in
    whichever order, in whichever process: so a session can be taken up again by anyone.

    Parameters
    ----------
    store : LabelStore
    X : ndarray, sparse matrix or DataFrame of n_samples rows
        The samples at hand.
    initial : LabelledSet
        Those known at the start.

    Attributes
    ----------
    labelled : LabelledSet
        The initial samples, then those answered, in the order of asking.
    pending : Query
        What waits for its answer.
    n_asked : int
        How many samples were asked for, answered or not: it seeds the next round.
    n_billed : int
        How many of these the budget counts: all but those withdrawn.
    n_rounds : int
        How many batches were asked for.
    change : int
        The last event known here that changed what is labelled.

    Raises
    ------
    StoreMismatchError
        If the session of the store began with other labels.
    """

    def __init__(self, store, X, initial):
        self.store, self.X, self.initial = store, X, initial
        if store.settle("initial", _hash_labels(initial)) != _hash_labels(initial):
            raise StoreMismatchError(
                f"The session in the store {store.path} began with other labels. Nothing was "
                "changed; pass the y it began with (those bought since are in the store), the "
                "same n_initial, and as many fixed seeds in estimator and strategy."
            )
        self.labelled, self.change = initial, 0
        self._note_classes()
        self._records, self._seen = {}, 0
        self._designed = {}  # samples already read, by id
        self.refresh()

    def refresh(self):
        """Read the store again: others may have written to it."""
        # Read first, so that what comes meanwhile counts as news the next time.
        seen, change = self.store.last_event(), self.store.last_change()
        if seen == self._seen and self._records:
            return
        news = self.store.records(since=self._seen, samples=False)
        self._records.update((record.id, record) for record in news if record.round is not None)
        self._seen = seen
        records = [self._records[sample] for sample in sorted(self._records)]
        self.n_asked = len(records)
        self.n_billed = sum(record.status != "withdrawn" for record in records)
        self.n_rounds = 1 + max((record.round for record in records), default=-1)
        self.pending = self._query([record for record in records if record.status == "pending"])
        self._unasked = np.ones(self.X.shape[0], dtype=bool)
        self._unasked[self.initial.indices] = False
        self._unasked[[record.index for record in records if record.index is not None]] = False
        if change != self.change:
            self.labelled = self._labelled([r for r in records if r.status == "answered"])
            self.change = change
            self._note_classes()

    @property
    def candidates(self):
        """Positions in X of what was neither known at the start nor asked for since."""
        return np.flatnonzero(self._unasked)

    def ask(self, query, *, strategy, model, beliefs, notes):
        """Record samples that a strategy proposes.

        Parameters
        ----------
        query : Query
            Without ids.
        strategy, model : str
        beliefs : list or None
        notes : dict

        Returns
        -------
        ndarray of shape (n_asked,), dtype int
            Their ids.

        Raises
        ------
        ValueError
            If the latent points have another shape than those of earlier samples.
        """
        self._check_latent(query.latent)
        ids = self.store.ask(
            query.X,
            indices=query.indices,
            latent=query.latent,
            round=self.n_rounds,
            strategy=strategy,
            model=model,
            beliefs=beliefs,
            details=query.details,
            notes=notes,
        )
        self.refresh()
        return ids

    def answer_known(self, ids):
        """Answer those samples whose label the store has from before.

        Parameters
        ----------
        ids : ndarray of int
        """
        answer_known(ids, self.store)
        self.refresh()

    def select(self, ids):
        """Make a query of samples that were asked for.

        Parameters
        ----------
        ids : array-like of int

        Returns
        -------
        Query
        """
        return self._query(self.store.records(ids=ids, samples=False))

    def select_pending(self, ids):
        """Make a query of those samples that still wait for an answer.

        Parameters
        ----------
        ids : array-like of int

        Returns
        -------
        Query
        """
        return self._query(self.store.records("pending", ids, samples=False))

    def _note_classes(self):
        """Tell the store which classes there are, for those who label; its order is theirs."""
        if self.labelled.classes is not None:
            noted = self.store.classes or []
            new = [name for name in self.labelled.classes.tolist() if name not in noted]
            if new:
                self.store.classes = noted + new

    def _check_latent(self, latent):
        """Refuse, before they are paid for, points that make no array with those before."""
        earlier = self.labelled.latent if len(self.pending) == 0 else self.pending.latent
        if latent is not None and earlier is not None and latent.shape[1:] != earlier.shape[1:]:
            raise ValueError(
                "Latent points must have the same dimension in every round, "
                f"{earlier.shape[1]}; the strategy gave points of dimension {latent.shape[1]}."
            )

    def _query(self, records):
        ids = np.array([record.id for record in records], dtype=np.int64)
        indices = [SYNTHETIC if record.index is None else record.index for record in records]
        indices = np.array(indices, dtype=np.intp)
        details = [record.details for record in records]
        return Query(
            X=self._samples(records, indices),
            indices=indices,
            latent=_stack_points([record.latent for record in records]),
            details=details if any(detail is not None for detail in details) else None,
            ids=ids,
        )

    def _samples(self, records, indices):
        if not (indices == SYNTHETIC).any():
            return take_rows(self.X, indices)
        unread = [record.id for record in records if record.id not in self._designed]
        self._designed.update((record.id, record.X) for record in self.store.records(ids=unread))
        return stack_samples([self._designed[record.id] for record in records], like=self.X)

    def _labelled(self, records):
        if not records:
            return self.initial
        classes = self.initial.classes
        if classes is not None:
            known = [list(r.label) if isinstance(r.label, dict) else [r.label] for r in records]
            classes = np.union1d(classes, np.concatenate(known))
        answers = [
            Answer(position, _as_row(record.label, classes))
            for position, record in enumerate(records)
        ]
        initial = replace(self.initial, classes=classes)
        answers = gather(answers, len(records), classes=classes)
        return initial.extended(self._query(records), answers)


def _stack_points(points):
    """Make an array of latent points, NaN for real samples; None if all are real."""
    shape = next((point.shape for point in points if point is not None), None)
    if shape is None:
        return None
    return np.stack([np.full(shape, np.nan) if point is None else point for point in points])


def _as_row(label, classes):
    """Class probabilities as a row; other labels as they are."""
    if not isinstance(label, dict):
        return label
    return np.array([label.get(name, 0.0) for name in classes.tolist()])


def _hash_labels(labelled):
    content = repr((labelled.indices.tolist(), labelled.y.tolist()))
    return hashlib.sha256(content.encode()).hexdigest()
