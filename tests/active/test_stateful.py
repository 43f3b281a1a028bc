"""Any conversation, with crashes in between, against a plain record of what was said."""

import os
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sklearn.naive_bayes import GaussianNB

from skgal.active import ActiveLearner, LabelStore
from skgal.base import PoolStrategy

X = np.random.RandomState(0).normal(size=(30, 2))
Y = np.where(np.arange(30) < 4, np.arange(30) % 2, np.nan)
BUDGET = 8


class First(PoolStrategy):
    """Chooses the first candidates."""

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]


class Conversation(RuleBasedStateMachine):
    """A learner with a store on one side, lists and dicts on the other."""

    @initialize()
    def begin(self):
        # Crashes here leave no trace but the file, so it may lie in memory.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = tempfile.TemporaryDirectory(dir=memory)
        self.path = Path(self.folder.name) / "labels.db"
        self.asked = []  # ids, in order; the pool is asked for in order, too
        self.pending, self.labels, self.declined, self.ignored = set(), {}, set(), set()
        self.again, self.second = set(), set()  # wait for, or have, a second opinion
        self.answers = []  # ids and annotators, the last to be undone first
        self.known_to_model = {}
        self.n_events = 0
        self.open()
        self.ask(3)

    def open(self):
        self.learner = ActiveLearner(
            GaussianNB(), First(), batch_size=3, budget=BUDGET, store=self.path, random_state=0
        ).fit(X, Y)

    def teardown(self):
        if hasattr(self, "folder"):
            self.learner.store_.close()
            self.folder.cleanup()

    def refitted(self, *, if_pending):
        if if_pending or not self.pending | self.again:
            self.known_to_model = dict(self.labels)

    def some(self, ids, data):
        return data.draw(st.lists(st.sampled_from(sorted(ids)), min_size=1, unique=True))

    @rule(n=st.integers(1, 3))
    def ask(self, n):
        query = self.learner.ask(n)
        self.refitted(if_pending=True)
        left = BUDGET - len(self.asked) + len(self.ignored)
        assert len(query) == min(n, left, 26 - len(self.asked))
        start = 4 + len(self.asked)
        assert query.indices.tolist() == list(range(start, start + len(query)))
        ids = query.ids.tolist()
        assert not set(ids) & set(self.asked)
        self.asked += ids
        self.pending |= set(ids)

    @precondition(lambda self: self.pending)
    @rule(data=st.data(), elsewhere=st.booleans())
    def tell(self, data, elsewhere):
        ids = self.some(self.pending, data)
        labels = data.draw(
            st.lists(st.sampled_from([0, 1, 2, None]), min_size=len(ids), max_size=len(ids))
        )
        if elsewhere:
            with LabelStore(self.path) as other:
                other.tell(ids, labels)
        else:
            self.learner.tell(ids, labels)
        for sample, label in zip(ids, labels, strict=True):
            self.pending.remove(sample)
            self.answers.append((sample, None))
            if label is None:
                self.declined.add(sample)
            else:
                self.labels[sample] = label
        if not elsewhere:
            self.refitted(if_pending=False)

    @precondition(lambda self: self.labels)
    @rule(data=st.data())
    def tell_again(self, data):
        for sample in self.some(self.labels, data):
            if sample not in self.again:
                self.learner.tell(sample, self.labels[sample])
                self.refitted(if_pending=False)

    @precondition(lambda self: set(self.labels) - self.again - self.second)
    @rule(data=st.data())
    def ask_again(self, data):
        ids = self.some(set(self.labels) - self.again - self.second, data)
        assert self.learner.ask_again(ids).ids.tolist() == ids
        self.again |= set(ids)

    @precondition(lambda self: self.again)
    @rule(data=st.data(), label=st.sampled_from([0, 1, 2, None]))
    def tell_second(self, data, label):
        for sample in self.some(self.again, data):
            self.learner.tell(sample, label, annotator="Bob")
            self.again.remove(sample)
            self.second.add(sample)
            self.answers.append((sample, "Bob"))
            self.refitted(if_pending=False)  # the first label holds in any case

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def ignore(self, data):
        ids = set(self.some(self.asked, data))
        self.learner.ignore(sorted(ids))
        self.ignored |= ids & self.pending
        self.pending -= ids
        self.again -= ids
        self.refitted(if_pending=False)

    @rule()
    def undo(self):
        undone = self.learner.undo()
        if not self.answers:
            assert undone is None
            return
        sample, who = self.answers.pop()
        assert undone == sample
        self.again.discard(undone)
        self.second.discard(undone)
        if who is not None:
            self.again.add(undone)
            return
        self.pending.add(undone)
        self.declined.discard(undone)
        self.labels.pop(undone, None)

    @rule(politely=st.booleans())
    def crash(self, politely):
        if politely:
            self.learner.store_.close()
        else:
            # Reopened beside the old connection, which is never closed.
            self.abandoned = self.learner
        self.open()
        # Its model is that of the last round, unless all have a label.
        self.refitted(if_pending=not self.pending)

    @invariant()
    def same_record(self):
        pending = self.learner.pending_
        assert pending.ids.tolist() == sorted(self.pending | self.again)
        assert pending.indices.tolist() == [3 + sample for sample in pending.ids]
        record = self.learner.labelled_
        expected = sorted(self.labels)
        assert record.indices[4:].tolist() == [3 + sample for sample in expected]
        assert record.y[4:].tolist() == [self.labels[sample] for sample in expected]
        assert self.learner.store_.counts() == {
            "pending": len(self.pending | self.again),
            "answered": len(self.labels) - len(self.again),
            "declined": len(self.declined),
            "failed": 0,
            "withdrawn": len(self.ignored),
        }

    @invariant()
    def same_model(self):
        ids = sorted(self.known_to_model)
        y = np.r_[Y[:4], [self.known_to_model[sample] for sample in ids]]
        expected = GaussianNB().fit(X[np.r_[0:4, 3 + np.array(ids, dtype=int)]], y)
        np.testing.assert_array_equal(self.learner.estimator_.theta_, expected.theta_)

    @invariant()
    def log_only_grows(self):
        events = self.learner.store_.events()
        assert [event.id for event in events] == list(range(1, len(events) + 1))
        assert len(events) >= self.n_events
        self.n_events = len(events)


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=30, stateful_step_count=25)
