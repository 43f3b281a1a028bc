"""A learner's session: what it asked a store for, who answers, and the labels that came of it.

The learner writes its queries to the store (:meth:`LabelStore.add_query`), an oracle its answers
(:meth:`LabelStore.tell`), and :class:`Session` reads what became of them and makes arrays of it.

A sample has an ``index``, its place in X (:data:`SYNTHETIC` if it was designed), and an ``id``, its
number in the store; a ``position`` is a place within one batch. An ``entry`` of ``history_`` is
written for each model that was fitted.
"""

import hashlib
import inspect
import os
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from skgal.active._oracles import annotator_name, as_failed, log_failure, raise_failures
from skgal.active._samples import hash_pool, stack_samples
from skgal.active._store import STATUS_OF, LabelStore
from skgal.base import Asked
from skgal.classifiers import one_hot
from skgal.exceptions import LabelError, StoreError, StoreMismatchError
from skgal.utils import as_random_state, concat_rows, draw_seed, take_rows

SYNTHETIC = -1
"""The index of a sample that is in no pool."""

SYSTEMATIC_FAILURES = 10
"""So many failures in a row for one reason are the oracle's fault, not the samples'."""


@dataclass(frozen=True, repr=False)
class Query:
    """Samples on their way to the oracle.

    ``ask`` returns one, and ``tell`` takes it together with the answers, or with some of them.

    Parameters
    ----------
    X : array or DataFrame of shape (n_asked, n_features) or (n_asked, c, h, w)
        The samples.
    indices : ndarray of shape (n_asked,), dtype int
        Where they are in the pool; -1 for synthetic ones.
    latent : ndarray of shape (n_asked, latent_dim) or None, default=None
        The latent points that synthetic samples were generated from.
    details : list or None, default=None
        What else the strategy says about each sample, such as the line that it was found on.
    ids : ndarray of shape (n_asked,), dtype int, or None, default=None
        Their ids in the store; None as long as they aren't recorded.

    See Also
    --------
    ActiveLearner : Its ``ask`` returns a query, its ``tell`` takes one.
    Record : A sample of a query in the store.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> y_known = np.where(np.arange(150) % 10 == 0, y, np.nan)
    >>> query = ActiveLearner(GaussianNB(), RandomSampling(), random_state=0).fit(X, y_known).ask(3)
    >>> query.X.shape, query.ids
    ((3, 4), array([1, 2, 3]))
    >>> bool(np.all(query.X == X[query.indices]))
    True
    """

    X: Any
    indices: np.ndarray
    latent: np.ndarray | None = None
    details: list | None = None
    ids: np.ndarray | None = None

    def __len__(self):
        return len(self.indices)

    def __repr__(self):
        n_designed = np.count_nonzero(self.indices == SYNTHETIC)
        return f"<Query: X of shape {tuple(self.X.shape)}, {n_designed} designed>"


@dataclass(frozen=True, repr=False)
class LabelledSet:
    """Every labelled sample: the initial ones on top, then those asked for, oldest first.

    What the model learns from, and all that was paid for.

    Parameters
    ----------
    X : array or DataFrame of shape (n_labelled, n_features) or (n_labelled, c, h, w)
        The samples.
    y : ndarray of shape (n_labelled,), or (n_labelled, n_outputs) for a regressor
        Class labels or numbers; of soft labels the most probable class.
    indices : ndarray of shape (n_labelled,), dtype int
        Where the samples are in the X that was fitted; -1 for synthetic ones.
    n_initial : int
        How many came labelled; those after them were asked for.
    classes : ndarray of shape (n_classes,) or None, default=None
        The classes known so far, sorted; None for regression.
    proba : ndarray of shape (n_labelled, n_classes) or None, default=None
        Class probabilities, one-hot where a plain label was given; None where all were plain.
    latent : ndarray of shape (n_labelled, latent_dim) or None, default=None
        Latent points of the synthetic samples, NaN for real ones; None if all are real.
    n_declined, n_failed : int, default=0
        How many samples were asked about without getting a label: the oracle declined, or failed.

    See Also
    --------
    ActiveLearner : Has it as ``labelled_``.
    LabelStore : Keeps what is not labelled as well.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(GaussianNB(), RandomSampling(), budget=20, random_state=0).fit(X, y)
    >>> labelled = learner.labelled_
    >>> labelled.X.shape, labelled.n_initial, labelled.n_bought
    ((30, 4), 10, 20)
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

    def __repr__(self):
        counts = f"{self.n_initial} initial and {self.n_bought} further labels"
        return f"<LabelledSet: X of shape {tuple(self.X.shape)}, {counts}>"

    @property
    def is_synthetic(self):
        """Which samples were designed by a strategy; ndarray of shape (n_labelled,)."""
        return self.indices == SYNTHETIC

    @property
    def n_bought(self):
        """How many labels there are beyond the initial ones."""
        return len(self) - self.n_initial

    def count_labels(self):
        """Count the labels of each class, soft ones for their most probable class.

        Returns
        -------
        dict from class to int
            The number of labels of every known class.
        """
        counts = np.bincount(np.searchsorted(self.classes, self.y), minlength=len(self.classes))
        return dict(zip(self.classes.tolist(), counts.tolist(), strict=True))


# Beginning a session


def open_store(store):
    """Open the store that a learner's parameter stands for; None is a new one in memory."""
    if isinstance(store, LabelStore):
        return store
    return LabelStore() if store is None else LabelStore(os.fspath(store))


def settle_seed(store, X, random_state):
    """Return the seed of a store's session; begin a session, on these samples, if there is none."""
    # A session in memory isn't resumed, and hashing a large pool takes long.
    pool = hash_pool(X) if store.is_durable or store.read_meta("pool") else None
    if pool is not None and store._write_meta_once("pool", pool) != pool:
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
        seed = store._write_meta_once("seed", seed)
    return seed


def check_n_initial(n_initial, known):
    """Refuse a choice of initial labels where labels are missing."""
    if n_initial is not None and not known.all():
        raise ValueError(
            f"n_initial={n_initial} chooses among the labels of a complete y, but "
            f"{(~known).sum()} of {len(known)} labels are missing, so those given are the start; "
            "use n_initial=None, or remove labels from y."
        )


def count_initial(n_initial, labels, classes):
    """Decide how many labels a simulation shows; None: two a class, but no fewer than 10."""
    if n_initial is None:
        n_classes = 0 if classes is None else len(classes)
        return min(max(10, 2 * n_classes), len(labels))
    if n_initial > len(labels):
        raise ValueError(f"n_initial={n_initial}, but y has {len(labels)} labels.")
    return n_initial


def draw_initial(labels, n_initial, rng, *, stratify):
    """Draw which labels a simulation shows, by the share of each class, one each if possible."""
    if not stratify:
        return np.sort(rng.permutation(len(labels))[:n_initial])
    priority = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # Systematic sampling: the members of a class are spread evenly over [0, 1), so those
        # below any threshold are its share; the first of each class come before all others.
        priority[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
        priority[members[0]] -= 1
    return np.sort(np.argsort(priority)[:n_initial])


def initial_set(X, known, labels, shown, classes=None):
    """Record the labels known at the start: those of the known ones that are shown."""
    indices, labels = np.flatnonzero(known)[shown], labels[shown]
    if not len(labels):
        raise ValueError(
            "y has no label to start from; give some, of two classes at least. "
            "TypiClust().query(X, y, None, batch_size=10) chooses which samples to label first."
        )
    if classes is not None and len(np.unique(labels)) < 2:
        raise ValueError(
            f"The {len(labels)} labels to start from are of one class only, "
            f"{labels.tolist()[0]!r}; a classifier needs two. Label a sample of another class, or "
            "raise n_initial."
        )
    return LabelledSet(
        X=take_rows(X, indices),
        y=labels,
        indices=indices,
        n_initial=len(labels),
        classes=classes,
    )


def _hash_labels(labelled):
    content = repr((labelled.indices.tolist(), labelled.y.tolist()))
    return hashlib.sha256(content.encode()).hexdigest()


# The session


class Session:
    """What a learner asked a store for, and what became of it.

    All of it follows from the store, X, and the labels known at the start, whoever answered, in
    whichever order and process: so any process can go on with a session.
    """

    def __init__(self, store, X, initial, *, duplicates_share_labels=True):
        self.store, self.X, self.initial = store, X, initial
        # Samples with the same values share a label, except in a simulation.
        self._duplicates_share_labels = duplicates_share_labels
        if store._write_meta_once("initial", _hash_labels(initial)) != _hash_labels(initial):
            raise StoreMismatchError(
                f"The session in the store {store.path} began with other labels. Nothing was "
                "changed; pass the y it began with (labels since then are in the store), the "
                "same n_initial, and as many fixed seeds in estimator and strategy."
            )
        if initial.classes is None:
            store.n_outputs = 1 if initial.y.ndim == 1 else initial.y.shape[1]
        entries = store._read_entries()  # one for each model that was fitted
        self.history = [_decode_entry(content) for _, content in entries]
        self._fit_events = [event for event, _ in entries]  # the last_label_event of each
        self.classes, self.n_rounds = initial.classes, 0
        # Ids of events: the last that changed the labels or what is pending, and the last read.
        self.last_label_event, self._last_event_read = 0, 0
        self._counts = Counter()  # of samples by their status
        self._unlabelled, self._reasked = set(), set()  # ids of what is pending
        self._records = {}  # without samples, by id: in the order of asking
        self._failed_elsewhere = {}  # by id: failures of samples that no learner asked for
        self._designs = {}  # the designed samples that were read, by id
        self._labelled = None
        self._unasked = np.ones(X.shape[0], dtype=bool)
        self._unasked[initial.indices] = False
        self._publish_classes()
        self.refresh()

    # The samples and their labels

    def refresh(self):
        """Read what is new in the store: others may have written to it."""
        records, last_event, last_label_event = self.store._changes_since(self._last_event_read)
        for record in records:
            if record.round is not None:
                self._update(record)
            elif record.status in ("declined", "failed"):
                self._failed_elsewhere[record.id] = record
            else:  # asked for by no learner, such as imported labels
                self._failed_elsewhere.pop(record.id, None)
        self._last_event_read = last_event
        if last_label_event != self.last_label_event:
            self.last_label_event = last_label_event
            self._labelled = None
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
        is_pending, is_labelled = record.status == "pending", record.label is not None
        for group, is_member in (
            (self._unlabelled, is_pending and not is_labelled),
            (self._reasked, is_pending and is_labelled),
        ):
            if is_member:
                group.add(record.id)
            else:
                group.discard(record.id)
        if self.classes is not None:
            if before is not None and before.label is not None:  # the last one of its class?
                self.classes = _known_classes(self.initial, self._records.values())
            elif is_labelled:
                self.classes = _known_classes(replace(self.initial, classes=self.classes), [record])

    def _publish_classes(self):
        """Tell the store which classes there are."""
        if self.classes is not None:
            published = self.store.classes or []
            if not set(self.classes.tolist()) <= set(published):
                # Sorted, as the columns of class probabilities are.
                self.store.classes = np.union1d(self.classes, published or self.classes)

    @property
    def first_asked_at(self):
        """When a learner first asked, whatever was imported before; None if none has yet."""
        return next((record.asked_at for record in self._records.values()), None)

    @property
    def n_asked(self):
        """How many samples were asked for, answered or not: it seeds the next round."""
        return len(self._records)

    @property
    def n_counted(self):
        """How many of these count for the budget: all but those withdrawn."""
        return len(self._records) - self._counts["withdrawn"]

    @property
    def labelled(self):
        """The initial samples, then those answered, in the order of asking."""
        if self._labelled is None:
            self._labelled = self._labelled_set(self._records.values())
        return self._labelled

    def labelled_at(self, number):
        """Return what was labelled when the model of an entry of the history was fitted."""
        last = self._fit_events[number]
        if last >= self.last_label_event:
            return self.labelled
        states = {}
        for event in self.store.events():
            if event.id <= last and event.kind in STATUS_OF:
                states[event.sample] = {"status": STATUS_OF[event.kind], "label": event.label}
        known = self._records.items()
        return self._labelled_set([r._replace(**states[i]) for i, r in known if i in states])

    def _labelled_set(self, records):
        answered = [record for record in records if record.label is not None]
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
        """Whether a sample waits for an answer."""
        return bool(self._unlabelled or self._reasked)

    @property
    def has_unlabelled(self):
        """Whether a sample waits for its first answer."""
        return bool(self._unlabelled)

    @property
    def pending(self):
        """Query of the samples that wait for an answer, oldest first."""
        ids = sorted(self._unlabelled | self._reasked)
        return self._query([self._records[sample] for sample in ids])

    @property
    def unlabelled(self):
        """Query of the samples that wait for their first answer, oldest first."""
        return self._query([self._records[sample] for sample in sorted(self._unlabelled)])

    @property
    def candidates(self):
        """Indices of what was neither known at the start nor asked for since."""
        return np.flatnonzero(self._unasked)

    def select(self, ids, status=None):
        """Make a query of samples that were asked for, by their ids; of one status only."""
        return self._query(self.store.records(status, ids, samples=False))

    def asked_designs(self, latent_dim=None):
        """Return all designed samples that were asked about, and what became of them.

        What is known to have failed before is among them; its latent points are NaN.
        """
        records = [record for record in self._records.values() if record.latent is not None]
        if records or latent_dim is not None:
            known = self._failed_elsewhere.values()
            records += [record for record in known if record.index is None]
        if not records:
            return None
        outcome = {"declined": 0.0, "failed": 0.0}
        query = self._query(records)
        latent = query.latent
        if latent is None:
            latent = np.full((len(records), latent_dim), np.nan)
        succeeded = np.array(
            [outcome.get(r.status, np.nan) if r.label is None else 1.0 for r in records]
        )
        return Asked(query.X, latent, succeeded)

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

    # Answers

    def answer_known(self, ids):
        """Answer those pending samples whose label the store has from another one."""
        if self._duplicates_share_labels:
            with self.store.transaction():
                for record in self.store.records("pending", ids, samples=False):
                    known = self.store._find_labelled(record.hash)
                    if known is not None:
                        self._copy_outcome(known, record.id)
        self.refresh()

    def label(self, oracle, ids):
        """Have an oracle label pending samples: of those with the same values one, for all."""
        self.store._check_present()
        self.answer_known(ids)
        alike = {}
        for record in self.store.records("pending", ids, samples=False):
            key = record.hash if self._duplicates_share_labels else record.id
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

    def _share_outcomes(self, duplicates):
        with self.store.transaction():
            for first in self.store.records(None, list(duplicates), samples=False):
                for duplicate in duplicates[first.id]:
                    self._copy_outcome(first, duplicate)
        self.refresh()

    def _copy_outcome(self, record, duplicate):
        message = f"known already: the same as sample {record.id}"
        if record.status in ("answered", "declined"):
            self.store.tell(duplicate, record.label, annotator=record.annotator, message=message)
        elif record.status == "failed":
            self.store.fail(duplicate, record.message or message, annotator=record.annotator)

    # The history

    @property
    def is_current(self):
        """Whether the last entry of the history covers all that is labelled."""
        return bool(self._fit_events) and self._fit_events[-1] >= self.last_label_event

    def sum_costs(self):
        """Sum up what was spent since the last entry of the history."""
        since = self._fit_events[-1] if self._fit_events else 0
        notes, seconds_oracle = self.store._costs_since(since)
        return {
            "seconds_query": sum(note["seconds_query"] for _, note in notes),
            "seconds_oracle": seconds_oracle,
            "mean_entropy": notes[-1][1]["mean_entropy"] if notes else np.nan,
        }

    def add_entry(self, entry):
        """Add an entry to the history, for the model fitted to what is labelled now."""
        self.store._write_entry(self.last_label_event, _encode_entry(entry))
        self._fit_events.append(self.last_label_event)
        self.history.append(entry)


# Oracles: those of other forms (see ORACLE_FORMS) are wrapped, with a `label_pending`


class RevealedLabels:
    """The oracle of a simulation: the labels of y, by the indices of the samples."""

    def __init__(self, y):
        self._y = y

    def label_pending(self, store, ids):
        """Label pending samples; of those with the same values each has its own label."""
        indices = [record.index for record in store.records(None, ids, samples=False)]
        store.tell(ids, self._y[indices], annotator="simulation", seconds=0.0)


def as_store_oracle(oracle, read_samples, *, missing_label=np.nan):
    """Make of any oracle one with ``label_pending``; ``read_samples`` gets samples by their ids."""
    if hasattr(oracle, "label_pending"):
        return oracle
    return _StoreOracle(oracle, read_samples, missing_label)


class _StoreOracle:
    """Asks a callable or a stream, and has the store check and keep each answer."""

    # An answer of a stream is committed before the next is taken from it: when its generator goes
    # on behind a `yield`, the answer yielded is on disk. What a plain callable returns is committed
    # at once, as a whole.

    def __init__(self, oracle, read_samples, missing_label):
        self._oracle = oracle
        self._read_samples = read_samples
        self._rules = {
            "missing_label": missing_label,
            "classes": getattr(oracle, "classes_", None),
        }
        self._name = annotator_name(oracle)
        self._has_answered = False
        self._failing = []  # ids of failures in a row

    def label_pending(self, store, ids):
        """Label pending samples; those that get no answer may stay pending, with an error."""
        X = self._read_samples(ids)
        if hasattr(self._oracle, "stream"):
            self._keep_stream(store, ids, self._oracle.stream(X))
            return
        start = perf_counter()
        with self._explained_call(X):
            answers = self._oracle(X)
            seconds = (perf_counter() - start) / len(ids)
            store.tell(ids, answers, annotator=self._name, seconds=seconds, **self._rules)
        self._has_answered = True

    @contextmanager
    def _explained_call(self, X):
        """Add to errors of a function of one sample how oracles are called, and what to do."""
        try:
            yield
        except Exception as error:  # raised again as it is; a function of a user raises any kind
            is_function = inspect.isroutine(getattr(self._oracle, "func", self._oracle))
            is_its_fault = not (self._has_answered or isinstance(error, StoreError))
            if is_function and is_its_fault:
                error.add_note(
                    f"{self._name} was called as an oracle is, with all samples of the batch at "
                    f"once, of shape {X.shape}, to return a label for each. If it takes one "
                    "sample, wrap it: oracle=CallableOracle(function)."
                )
            raise

    def _keep_stream(self, store, ids, stream):
        is_final = getattr(self._oracle, "on_error", "raise") == "decline"
        positions, failures, conflicts = [], [], []
        with closing(stream):
            for answer in stream:
                positions.append(answer.position)
                if not 0 <= answer.position < len(ids):
                    continue  # an error is raised at the end of the stream
                try:
                    failure = self._keep(store, ids, answer, is_final)
                except LabelError as error:  # another process was first, and its answer counts
                    conflicts.append(error)
                else:
                    failures += [] if failure is None else [failure]
        if sorted(positions) != list(range(len(ids))):
            raise ValueError(
                f"The oracle's stream must answer once for each of the {len(ids)} samples it was "
                f"asked about; it answered for the positions {sorted(positions)}."
            )
        if conflicts:
            raise conflicts[0]
        if is_final:
            self._check_systematic(store, ids, failures)
        else:
            raise_failures(failures, len(ids), ids)

    def _keep(self, store, ids, answer, is_final):
        """Bring an answer into the store; return it if it has failed."""
        sample = int(ids[answer.position])
        remarks = {"annotator": answer.annotator or self._name, "seconds": answer.seconds}
        if answer.status != "failed":
            label = None if answer.status == "declined" else answer.label
            notes = {"message": answer.message or None, "details": answer.details}
            try:
                store.tell([sample], [label], **remarks, **notes, **self._rules)
                return None
            except LabelError as error:
                if not error.refused:
                    raise
                answer = as_failed(answer, error.refused[sample], error)
        elif not is_final:
            store.refuse([sample], answer.message, **remarks)
        if is_final:
            store.fail([sample], answer.message, **remarks)
        log_failure(answer, ids)
        return answer

    def _check_systematic(self, store, ids, failures):
        """Stop where a whole batch has failed for one reason, before the budget is spent on it."""
        reasons = {_reason(failure) for failure in failures}
        if len(failures) < len(ids) or len(reasons) != 1:
            self._failing = []
            return
        self._failing += list(ids)
        if len(self._failing) >= SYSTEMATIC_FAILURES:
            n_failed = len(self._failing)
            # They are asked again once the oracle is repaired, at no cost; other labels stay.
            store.reopen([record.id for record in store.records("failed", self._failing)])
            self._failing = []
            raise RuntimeError(
                f"All of the last {n_failed} samples have failed for one reason, "
                f"{failures[0].message!r}, so the fault is likely that of the oracle. Their "
                "failures are in the store's events(), and they are pending again: "
                "correct the oracle and call the same fit. For a sample whose label can't be "
                "computed, it should return None."
            ) from failures[0].error


def _reason(failure):
    return type(failure.error) if failure.error is not None else failure.message


# From records to arrays


def _known_classes(initial, records):
    """Classes of the initial set and of answers, sorted; None for regression."""
    if initial.classes is None:
        return None
    labels = [record.label for record in records if record.label is not None]
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
    elif any(isinstance(label, dict) for label in labels):
        # An oracle may be sure of some samples: their plain labels become one-hot.
        shares = [label if isinstance(label, dict) else {label: 1.0} for label in labels]
        names = classes.tolist()
        new = np.array([[share.get(name, 0.0) for name in names] for share in shares])
        proba = np.concatenate([one_hot(labelled.y, classes), new])
        y = classes[new.argmax(axis=1)]
    else:
        column = {name: number for number, name in enumerate(classes.tolist())}
        y = classes[[column[label] for label in labels]]
    if y.dtype.kind in "biuf" and np.array_equal(y.astype(labelled.y.dtype), y):
        y = y.astype(labelled.y.dtype)  # the dtype of the initial labels, if it loses nothing
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


def _encode_entry(entry):
    """What JSON can hold of an entry of the history: Python's numbers, and no dict from classes."""
    content = {k: v.item() if isinstance(v, np.generic) else v for k, v in entry.items()}
    if "label_counts" in entry:
        content["label_counts"] = list(entry["label_counts"].items())
    return content


def _decode_entry(content):
    if "label_counts" not in content:
        return content
    return {**content, "label_counts": dict(content["label_counts"])}
