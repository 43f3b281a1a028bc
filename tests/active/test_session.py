"""Sessions: others bring the labels, they are interrupted, resumed, and nothing is lost."""

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, Answer, LabelOracle, LabelStore
from skgal.base import PoolStrategy, Synthesis
from skgal.exceptions import StoreMismatchError
from skgal.generators import GIN
from skgal.query import LatentRandom, RandomSampling, UncertaintySampling

# Asking and telling


def test_asking_and_telling_is_the_simulation_by_hand(blobs, partial, make_learner, summary):
    X, y = blobs
    simulated = make_learner(oracle=LabelOracle(X, y)).fit(*partial)
    by_hand = make_learner().fit(*partial)
    while len(query := by_hand.ask()):
        by_hand.tell(query, y[query.indices])
    assert summary(by_hand) == summary(simulated)


def test_labels_may_come_in_part_and_out_of_order(blobs, partial, make_learner):
    X, y = blobs
    straight, crooked = make_learner().fit(*partial), make_learner().fit(*partial)
    first, second = straight.ask(), straight.ask()
    straight.tell(first, y[first.indices]).tell(second, y[second.indices])
    first, second = crooked.ask(), crooked.ask()
    crooked.tell(second.ids[::-1], y[second.indices[::-1]])
    crooked.tell(int(first.ids[2]), y[first.indices[2]])
    assert crooked.pending_.ids.tolist() == first.ids[[0, 1, 3]].tolist()
    np.testing.assert_array_equal(crooked.pending_.X, X[first.indices[[0, 1, 3]]])
    crooked.tell(crooked.pending_, y[crooked.pending_.indices])
    assert crooked.labelled_.indices.tolist() == straight.labelled_.indices.tolist()
    np.testing.assert_array_equal(crooked.estimator_.coef_, straight.estimator_.coef_)


@pytest.mark.parametrize("contain", [pl.Series, pa.array, pd.Categorical, pd.array, list])
def test_answers_may_come_in_any_container(blobs, contain):
    X, y = blobs
    names = np.array(["no", "yes"], dtype=object)[y]
    names[10:] = None
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), random_state=0).fit(X, names)
    learner.tell(learner.ask(3), contain(["yes", None, "no"]))
    assert learner.labelled_.y[10:].tolist() == ["yes", "no"]


def test_pending_samples_are_not_asked_for_again(partial, make_learner):
    learner = make_learner(budget=1000).fit(*partial)
    asked = [learner.ask(5).indices for _ in range(8)]
    assert [len(indices) for indices in asked] == [5, 5, 5, 5, 5, 5, 4, 0]
    assert len(set(np.concatenate(asked))) == 34
    assert len(learner.pending_) == 34


def test_model_is_refitted_when_nothing_is_pending_and_by_ask(blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(budget=100).fit(*partial)

    def n_known():
        return [row["n_labels"] for row in learner.history_]

    query = learner.ask(4)
    learner.tell(query.ids[:1], y[query.indices[:1]])
    assert n_known() == [6]
    learner.ask(2)
    assert n_known() == [6, 7]
    learner.tell(learner.pending_, y[learner.pending_.indices])
    assert n_known() == [6, 7, 12]
    expected = LogisticRegression().fit(learner.labelled_.X, learner.labelled_.y)
    np.testing.assert_array_equal(learner.estimator_.coef_, expected.coef_)


def test_ignored_samples_cost_nothing_and_stay_away(blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(budget=4).fit(*partial)
    ignored = learner.ask(3)
    assert len(learner.ask()) == 1
    learner.ignore(ignored)
    assert len(learner.pending_) == 1
    again = learner.ask()
    assert len(again) == 3
    assert not np.isin(again.indices, ignored.indices).any()
    learner.tell(learner.pending_, y[learner.pending_.indices])
    assert learner.labelled_.n_bought == 4
    assert len(learner.ask()) == 0


def test_undo_takes_the_last_answer_back(blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner().fit(*partial)
    query = learner.ask(2)
    learner.tell(query.ids[:1], [1 - y[query.indices[0]]], annotator="Ada")
    learner.tell(query.ids[1:], y[query.indices[1:]], annotator="Bob")
    assert learner.undo("Ada") == query.ids[0]
    assert learner.labelled_.n_bought == 1
    learner.tell(query.ids[0], y[query.indices[0]])
    np.testing.assert_array_equal(learner.labelled_.y[-2:], y[query.indices])
    assert learner.undo() == query.ids[0]
    assert learner.undo() == query.ids[1]
    assert learner.undo() is None
    # Learned anew from what is left, at the latest when asked.
    learner.ask(1)
    assert learner.history_[-1]["n_labels"] == 6


def test_unusable_labels_are_named_and_the_rest_is_kept(partial, make_learner):
    learner = make_learner().fit(*partial)
    query = learner.ask(4)
    with pytest.raises(ValueError, match=r"no usable answer for samples \[2, 4\].*finite"):
        learner.tell(query, [1, np.inf, 0, -np.inf])
    assert learner.labelled_.n_bought == 2
    assert learner.pending_.ids.tolist() == query.ids[[1, 3]].tolist()
    with pytest.raises(ValueError, match="no sample with id 99"):
        learner.tell(99, 1)
    with pytest.raises(ValueError, match=r"a label for each of 2 samples.*got 1"):
        learner.tell(learner.pending_, [1])
    with pytest.raises(ValueError, match="n == 0, must be >= 1"):
        learner.ask(0)
    with pytest.raises(TypeError, match="whole number, got True"):
        learner.ask(True)
    learner.tell(learner.pending_, [None, np.nan])
    assert learner.store_.counts()["declined"] == 2


def test_soft_labels_and_new_classes(partial, make_learner):
    learner = make_learner().fit(*partial)
    query = learner.ask(3)
    learner.tell(query.ids[:2], [[0.25, 0.75], [1, 0]]).tell(query.ids[2], 7)
    assert learner.labelled_.classes.tolist() == [0, 1, 7]
    np.testing.assert_array_equal(
        learner.labelled_.proba[-3:], [[0.25, 0.75, 0], [1, 0, 0], [0, 0, 1]]
    )
    assert learner.store_.classes == [0, 1, 7]


def test_numbers(blobs):
    X, _ = blobs
    y = X @ [1.0, -2.0]
    learner = ActiveLearner(Ridge(1e-6), RandomSampling(), random_state=0)
    learner.fit(X, np.where(np.arange(40) < 5, y, np.nan))
    query = learner.ask(5)
    learner.tell(query, y[query.indices])
    np.testing.assert_array_equal(learner.labelled_.y[5:], y[query.indices])
    assert learner.score(X, y) > 0.99
    assert learner.store_.records()[0].prediction == pytest.approx(y[query.indices[0]], abs=5)


def test_records_say_who_chose_under_which_model_and_what_it_predicted(
    blobs, partial, make_learner
):
    X, y = blobs
    learner = make_learner().fit(*partial)
    predicted = learner.predict_proba(X)
    query = learner.ask(2)
    learner.tell(query, y[query.indices], annotator="Ada", seconds=3)
    learner.ask(1)
    records = learner.store_.records()
    assert [record.round for record in records] == [0, 0, 1]
    assert [record.index for record in records[:2]] == query.indices.tolist()
    assert [record.model for record in records] == [
        "LogisticRegression, 6 labels",
        "LogisticRegression, 6 labels",
        "LogisticRegression, 8 labels",
    ]
    assert records[0].strategy == "UncertaintySampling"
    assert records[0].prediction == dict(enumerate(predicted[query.indices[0]]))
    assert (records[0].annotator, records[0].seconds) == ("Ada", 3)
    np.testing.assert_array_equal(records[1].X, X[query.indices[1]])
    assert learner.history_[-1]["seconds_oracle"] == 6


def test_conversation_needs_a_fit(make_learner):
    learner = make_learner()
    for talk in (learner.ask, learner.undo, lambda: learner.tell([1], [1])):
        with pytest.raises(ValueError, match="not fitted"):
            talk()


# What a store knows already


class Stream:
    """Keeps what it was shown, and answers one by one."""

    def __init__(self, X, y):
        self.labels = LabelOracle(X, y)
        self.shown = []

    def stream(self, samples):
        self.shown += samples.tolist()
        for position, label in enumerate(self(samples)):
            yield Answer(position, label, seconds=1.0)

    def __call__(self, samples):
        return self.labels(samples)

    def __sklearn_clone__(self):
        return self


class Person(Stream):
    """Writes the answers into the store."""

    def label_pending(self, store, ids):
        samples = np.array([record.X for record in store.records("pending", ids)])
        self.shown += samples.tolist()
        store.tell(ids, self(samples))


def test_known_labels_are_never_sent_to_the_oracle(blobs, partial, make_learner, summary):
    X, y = blobs
    oracle = Stream(X, y)
    unbroken = make_learner(oracle=LabelOracle(X, y)).fit(*partial)
    with LabelStore() as store:
        known = unbroken.labelled_.indices[6:12]
        store.import_labels(X[known].astype(float), y[known], annotator="last year")
        learner = make_learner(store, oracle=oracle).fit(*partial)
        records = store.records()
    assert oracle.shown == X[unbroken.labelled_.indices[12:]].tolist()
    assert summary(learner) == summary(unbroken)
    assert sum(record.annotator == "last year" for record in records) == 12
    assert any("the same as sample" in (record.message or "") for record in records)


def test_duplicates_are_bought_once(blobs, partial, make_learner):
    X, y = blobs
    X = np.repeat(X, 2, axis=0)
    known = np.repeat(partial[1], 2)
    asked = []

    def oracle(samples):
        asked.extend(samples.tolist())
        return LabelOracle(X, np.repeat(y, 2))(samples)

    learner = make_learner(oracle=oracle, strategy=RandomSampling(), batch_size=1, budget=60)
    learner.fit(X, known)
    assert learner.labelled_.n_bought == 60
    assert len(asked) == len(np.unique(asked, axis=0)) < 60


@pytest.mark.parametrize("kind", [Stream, Person])
def test_duplicates_in_one_batch_are_bought_once(path, blobs, partial, kind, make_learner):
    X, y = (np.repeat(values, 2, axis=0) for values in blobs)
    oracle = kind(X, y)
    learner = make_learner(path, oracle=oracle, batch_size=20, budget=60, strategy=RandomSampling())
    learner.fit(X, np.repeat(partial[1], 2))
    assert len(oracle.shown) == len(np.unique(oracle.shown, axis=0)) < 60
    assert learner.labelled_.n_bought == 60
    indices = learner.labelled_.indices
    np.testing.assert_array_equal(learner.labelled_.y, y[indices])
    if kind is Stream:
        seconds = sum(event.seconds or 0 for event in learner.store_.events())
        assert seconds == len(oracle.shown), "a duplicate's answer takes no time"


def test_duplicates_share_a_failure(blobs, partial, make_learner):
    X = np.repeat(blobs[0], 2, axis=0)
    asked = []

    def fail(samples):
        asked.extend(samples.tolist())
        return np.full(len(samples), np.nan)

    learner = make_learner(oracle=fail, batch_size=66, budget=66).fit(X, np.repeat(partial[1], 2))
    assert learner.store_.counts()["declined"] == 66
    assert len(asked) == len(np.unique(asked, axis=0))


def test_pending_samples_whose_label_has_come_otherwise_are_not_bought(
    path, blobs, partial, make_learner
):
    # So does a session lie there that was killed between recording what it asks for and looking
    # up what of it is known.
    X, y = blobs
    query = make_learner(path).fit(*partial).ask()
    known, unknown = query.indices[:2], query.indices[2:]
    with LabelStore(path) as store:
        store.import_labels(X[known], y[known], annotator="last year")
    shown = []

    def oracle(samples):
        shown.extend(samples.tolist())
        return LabelOracle(X, y)(samples)

    learner = make_learner(path, oracle=oracle, budget=4).fit(*partial)
    assert shown == X[unknown].tolist()
    assert learner.labelled_.indices[6:].tolist() == query.indices.tolist()
    np.testing.assert_array_equal(learner.labelled_.y[6:], y[query.indices])


def test_batch_of_known_samples_leads_to_the_next(blobs, partial, make_learner):
    X, y = blobs
    with LabelStore() as store:
        store.import_labels(X, y)
        learner = make_learner(store).fit(*partial)
        assert len(learner.ask()) == 0, "all there was to ask for is known"
        assert learner.labelled_.n_bought == 12


# Oracles that write to the store, stopping, memory


def test_oracle_may_write_to_the_store_itself(path, blobs, partial, make_learner, summary):
    X, y = blobs

    class Person:
        def label_pending(self, store, ids):
            with LabelStore(store.path) as page:
                for record in page.records(ids=ids):
                    page.tell(record.id, y[record.index], annotator="Ada")

    learner = make_learner(path, oracle=Person()).fit(*partial)
    assert summary(learner) == summary(make_learner(oracle=LabelOracle(X, y)).fit(*partial))


def test_oracle_that_leaves_samples_pending_is_named(partial, make_learner):
    class Lazy:
        def label_pending(self, store, ids):
            store.tell(ids[0], 1)

    learner = make_learner(oracle=Lazy())
    with pytest.raises(RuntimeError, match=r"Lazy.*3 of 4 samples are"):
        learner.fit(*partial)
    assert learner.labelled_.n_bought == 1


def test_criterion_stops_a_session_and_says_why(path, blobs, partial, make_learner):
    X, y = blobs

    class Enough:
        def check(self, learner):
            n_bought = learner.labelled_.n_bought
            return f"{n_bought} are enough" if n_bought >= 8 else None

    learner = make_learner(path, oracle=LabelOracle(X, y), stopping=Enough()).fit(*partial)
    assert learner.stop_reason_ == "8 are enough"
    assert learner.labelled_.n_bought == 8
    again = make_learner(path, oracle=LabelOracle(X, y), stopping=Enough()).fit(*partial)
    assert (again.stop_reason_, again.labelled_.n_bought) == ("8 are enough", 8)
    by_hand = make_learner(stopping=Enough()).fit(*partial)
    while len(query := by_hand.ask()):
        by_hand.tell(query, y[query.indices])
    assert by_hand.labelled_.n_bought == 8


def test_why_no_more_is_asked_for(blobs, partial, make_learner):
    X, y = blobs
    learner = make_learner(oracle=LabelOracle(X, y)).set_params(budget=7).fit(*partial)
    assert learner.stop_reason_ == "budget: 7 answers, of 7"
    learner.set_params(budget=10)  # more money, and the session goes on
    assert learner.stop_reason_ is None
    assert len(learner.ask(3)) == 3
    assert learner.stop_reason_ == "budget: 10 answers, of 10"
    learner.ignore(learner.pending_)  # which isn't paid for
    assert learner.stop_reason_ is None
    by_hand = make_learner().set_params(budget=1000).fit(*partial)
    assert by_hand.stop_reason_ is None
    by_hand.ask(1000)
    assert by_hand.stop_reason_ == f"pool: all of its {len(X)} samples are labelled or asked for"
    with pytest.raises(NotFittedError):
        make_learner().stop_reason_  # noqa: B018 - reading it raises


class Slow(PoolStrategy):
    """Says on the screen when it is fitted, as the cache knows no objects."""

    def fit(self, X, y=None):
        with open("fits.txt", "a") as file:
            file.write("x")
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]


def test_memory_spares_the_strategy_s_fit(tmp_path, blobs, monkeypatch, make_learner):
    monkeypatch.chdir(tmp_path)
    for estimator in (LogisticRegression(), DecisionTreeClassifier(random_state=0)):
        learner = make_learner(strategy=Slow(), memory=tmp_path / "cache", n_initial=6)
        learner.set_params(estimator=estimator).fit(*blobs)
        assert learner.labelled_.n_bought == 12
    assert (tmp_path / "fits.txt").read_text() == "x"


# Sessions that are taken up again: after a crash, in another process, with other data.


# Another process, or a later one


def test_another_process_may_tell(path, blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(path).fit(*partial)
    query = learner.ask(3)
    with LabelStore(path) as other:
        other.tell(query.ids, y[query.indices], annotator="elsewhere")
    assert len(learner.pending_) == 0
    learner.ask(1)
    assert learner.history_[-1]["n_labels"] == 9


@pytest.mark.parametrize("resume", [False, True], ids=["fit", "resume"])
def test_session_that_is_dropped_anywhere_goes_on_as_if_never_dropped(
    path, blobs, partial, resume, make_learner, summary
):
    X, y = blobs
    validation = {"X_val": X, "y_val": y}
    unbroken = make_learner().fit(*partial, **validation)
    broken = make_learner(path).fit(*partial, **validation)

    def drop():
        if not resume:
            return make_learner(path).fit(*partial, **validation)
        # The seed is the store's, so another one changes nothing.
        return make_learner(random_state=5).resume(path, *partial, **validation)

    while len(query := unbroken.ask()):
        broken = drop()
        again = broken.ask()
        assert again.ids.tolist() == query.ids.tolist()
        assert again.indices.tolist() == query.indices.tolist()
        broken = drop()
        first, rest = query.ids[:2], query.ids[2:]
        unbroken.tell(first, y[query.indices[:2]]).tell(rest, y[query.indices[2:]])
        broken.tell(first, y[query.indices[:2]])
        broken = drop()
        assert broken.pending_.ids.tolist() == rest.tolist()
        broken.tell(rest, y[query.indices[2:]])
    assert len(broken.ask()) == 0
    assert summary(broken) == summary(unbroken)
    assert summary(drop()) == summary(unbroken)


def test_undo_and_ignore_survive_as_well(path, blobs, partial, make_learner):
    _, y = blobs
    learner = make_learner(path).fit(*partial)
    query = learner.ask(4)
    learner.ignore(query.ids[:1]).tell(query.ids[1:], y[query.indices[1:]])
    undone = learner.undo()
    again = make_learner(path).fit(*partial)
    assert again.pending_.ids.tolist() == [undone]
    assert again.labelled_.n_bought == 2
    assert query.indices[0] not in again.ask().indices


class Interrupted:
    """Answers for ``n`` samples, then is interrupted; counts what it is asked."""

    def __init__(self, X, y, n):
        self.X, self.y, self.n, self.asked = X, y, n, []

    def stream(self, X):
        for position, sample in enumerate(X):
            if len(self.asked) == self.n:
                self.n = None
                raise KeyboardInterrupt
            (row,) = np.flatnonzero((sample == self.X).all(axis=1))
            self.asked.append(int(row))
            yield Answer(position, self.y[row], "simulator", 0.5)

    def __sklearn_clone__(self):
        return self


@pytest.mark.parametrize("n", range(1, 12))
def test_interrupted_fit_keeps_its_answers_and_the_same_call_goes_on(
    path, blobs, partial, n, make_learner, summary
):
    X, y = blobs
    unbroken = make_learner(oracle=Interrupted(X, y, None)).fit(*partial)
    oracle = Interrupted(X, y, n)
    learner = make_learner(path, oracle=oracle)
    with pytest.raises(KeyboardInterrupt) as caught:
        learner.fit(*partial)
    assert learner.labelled_.n_bought == n
    assert "labelled_" in caught.value.__notes__[-1]
    assert str(path) in caught.value.__notes__[-1]
    assert learner.predict(X).shape == (40,)
    learner.fit(*partial)
    assert len(oracle.asked) == len(set(oracle.asked)) == 12
    assert summary(learner) == summary(unbroken)


def test_answers_of_a_stream_are_on_disk_before_the_next_is_asked_for(
    path, blobs, partial, make_learner
):
    X, y = blobs
    n_seen = []

    class Suspicious(Interrupted):
        def stream(self, X):
            for answer in super().stream(X):
                yield answer
                with LabelStore(path) as other:
                    n_seen.append(other.counts()["answered"])

    make_learner(path, oracle=Suspicious(X, y, None)).fit(*partial)
    assert n_seen == list(range(1, 13))


def test_budget_is_that_of_the_whole_session(path, blobs, partial, make_learner):
    X, y = blobs
    oracle = Interrupted(X, y, None)
    make_learner(path, oracle=oracle, budget=6).fit(*partial)
    learner = make_learner(path, oracle=oracle, budget=10).fit(*partial)
    assert len(oracle.asked) == 10
    assert learner.labelled_.n_bought == 10
    make_learner(path, oracle=oracle, budget=3).fit(*partial)
    assert len(oracle.asked) == 10


def test_unseeded_session_keeps_its_seed(path, blobs, make_learner, summary):
    X, y = blobs
    parameters = {"strategy": RandomSampling(), "random_state": None}
    first = make_learner(path, budget=4, **parameters).fit(X, y)
    again = make_learner(path, budget=8, **parameters).fit(X, y)
    assert again.labelled_.indices[:14].tolist() == first.labelled_.indices.tolist()
    unbroken = make_learner(budget=8, **parameters)
    unbroken.set_params(random_state=first.store_.read_meta("seed"))
    assert summary(unbroken.fit(X, y)) == summary(again)


def test_designed_samples_survive_with_their_latent_points(path, blobs, make_learner):
    X, y = blobs
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(X))
    parameters = {"strategy": LatentRandom(generator), "budget": 8}
    teacher = LogisticRegression().fit(X, y)
    unbroken = make_learner(oracle=teacher.predict_proba, **parameters).fit(X, y)
    learner = make_learner(path, **parameters).fit(X, y)
    query = learner.ask()
    learner.tell(query.ids[1:], teacher.predict_proba(query.X[1:]))
    learner = make_learner(path, oracle=teacher.predict_proba, **parameters).fit(X, y)
    np.testing.assert_array_equal(learner.labelled_.X, unbroken.labelled_.X)
    assert learner.labelled_.X.dtype == unbroken.labelled_.X.dtype
    np.testing.assert_array_equal(learner.labelled_.latent, unbroken.labelled_.latent)
    np.testing.assert_allclose(learner.labelled_.proba, unbroken.labelled_.proba)


def test_rows_of_frames_survive(path, blobs, make_learner):
    X, y = blobs
    frame = pd.DataFrame({"a": X[:, 0], "b": np.arange(40)})
    generator = FrozenEstimator(GIN(max_iter=1, random_state=0).fit(frame))
    parameters = {"strategy": LatentRandom(generator), "budget": 4}
    learner = make_learner(path, **parameters).fit(frame, y)
    designed = learner.ask().X
    learner = make_learner(path, **parameters).fit(frame, y)
    learner.tell(learner.pending_, [0, 1, 0, 1])
    pd.testing.assert_frame_equal(
        learner.labelled_.X[40:].reset_index(drop=True), designed.reset_index(drop=True)
    )
    assert learner.labelled_.X.dtypes.tolist() == frame.dtypes.tolist()


@pytest.mark.parametrize("form", ["dask", "zarr"])
def test_pools_on_disk_survive(path, blobs, partial, make_learner, form):
    X, y = blobs
    package = pytest.importorskip(
        "dask.array" if form == "dask" else "zarr", reason=f"needs {form}"
    )
    pool = package.from_array(X, chunks=(15, 2)) if form == "dask" else package.array(X)
    learner = make_learner(path, oracle=LabelOracle(X, y), budget=4).fit(pool, partial[1])
    longer = make_learner(path, oracle=LabelOracle(X, y), budget=8).fit(pool, partial[1])
    assert longer.labelled_.indices.tolist()[:10] == learner.labelled_.indices.tolist()
    with pytest.raises(StoreMismatchError, match="another data set"):
        make_learner(path, oracle=LabelOracle(X, y)).fit(X[::-1], partial[1])


def test_a_store_object_serves_several_fits(blobs, partial, make_learner):
    X, y = blobs
    with LabelStore() as store:
        learner = make_learner(store, oracle=Interrupted(X, y, 5))
        with pytest.raises(KeyboardInterrupt):
            learner.fit(*partial)
        assert clone(learner).fit(*partial).labelled_.n_bought == 12
        assert store.counts()["answered"] == 12


# Another data set, another session


def test_store_of_other_samples_is_refused(path, blobs, partial, make_learner):
    X, y = blobs
    make_learner(path, oracle=Interrupted(X, y, None)).fit(*partial)
    content = path.read_bytes()
    for other in (X + 1, X[::-1].copy(), X[:30], pd.DataFrame(X)):
        with pytest.raises(StoreMismatchError, match=r"another data set.*another store"):
            make_learner(path).fit(other, partial[1][: len(other)])
    with pytest.raises(StoreMismatchError, match=r"began with other labels.*the y it began with"):
        make_learner(path).fit(X, y)
    with LabelStore(path) as store:
        assert store.counts()["answered"] == 12
    assert path.read_bytes() == content


def test_resuming_needs_something_to_resume(path, partial, make_learner):
    with pytest.raises(FileNotFoundError, match="no store"):
        make_learner().resume(path, *partial)
    LabelStore(path).close()
    with pytest.raises(ValueError, match="holds no session"):
        make_learner().resume(path, *partial)


# Nothing of what was labelled is lost, whatever fails.


class First(PoolStrategy):
    """Chooses the first candidates."""

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]


class Failing(ClassifierMixin, BaseEstimator):
    """A classifier whose fit fails once it has more than ``limit`` samples."""

    def __init__(self, limit=10):
        self.limit = limit

    def fit(self, X, y):
        if len(X) > self.limit:
            raise RuntimeError("no more than that")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_labels_survive_a_failing_fit(blobs):
    X, y = blobs
    learner = ActiveLearner(Failing(limit=10), RandomSampling(), n_initial=8, batch_size=5)
    with pytest.raises(RuntimeError, match="no more than that") as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 5
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])
    assert "the 5 given before this" in caught.value.__notes__[0]
    assert learner.predict(X).shape == (40,), "the model of the round before is still there"


def test_labels_survive_a_failing_oracle(blobs):
    X, y = blobs
    answer = LabelOracle(X, y)

    def tired(X):
        if tired.n_calls == 2:
            raise TimeoutError("the simulator hangs")
        tired.n_calls += 1
        return answer(X)

    tired.n_calls = 0
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=tired, batch_size=3)
    with pytest.raises(TimeoutError) as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 6
    assert "labelled_" in caught.value.__notes__[0]


def test_labels_survive_a_failing_strategy_and_an_interrupt(blobs):
    class Stubborn(First):
        def query(self, X, y, clf, **parameters):
            if np.isfinite(y).sum() > 10:
                raise KeyboardInterrupt
            return super().query(X, y, clf, **parameters)

    learner = ActiveLearner(LogisticRegression(), Stubborn(), batch_size=5)
    with pytest.raises(KeyboardInterrupt):
        learner.fit(*blobs)
    assert learner.labelled_.n_bought == 5


def test_answers_that_are_refused_are_kept_as_they_came():
    X = np.arange(4000.0).reshape(2000, 2)
    y = np.arange(2000) % 2
    answers = np.arange(1500) % 7 % 2
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=lambda X: answers, batch_size=1600
    )
    with pytest.raises(ValueError, match=r"a label for each of 1600 samples.*got 1500"):
        learner.fit(X, y)
    (refused,) = [event for event in learner.store_.events() if event.kind == "refused"]
    assert json.loads(refused.details["answer"]) == answers.tolist()
    assert learner.labelled_.n_bought == 0
    assert len(learner.pending_) == 1600


def test_latent_points_of_another_dimension_are_refused_before_they_are_paid_for(blobs, segment):
    class Widening(type(segment)):
        def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
            designed, latent = super().synthesize(X, y, clf, batch_size=batch_size)[:2]
            return Synthesis(designed, np.repeat(latent, len(X), axis=1))

    n_paid = []
    learner = ActiveLearner(
        LogisticRegression(),
        Widening(),
        oracle=lambda X: n_paid.append(len(X)) or [1] * len(X),
        batch_size=5,
    )
    with pytest.raises(ValueError, match=r"same dimension in every round, 40;.*dimension 45"):
        learner.fit(*blobs)
    assert n_paid == [5]
    assert learner.labelled_.n_bought == 5, "those of the first round"


class TimingOut:
    """An oracle that fails the first time it is asked after it has answered ``n_answers``."""

    def __init__(self, answer, n_answers):
        self.answer, self.n_answers, self.n_asked, self.failed = answer, n_answers, 0, False

    def __call__(self, X):
        if self.n_asked >= self.n_answers and not self.failed:
            self.failed = True
            raise TimeoutError("the simulator hangs")
        self.n_asked += len(X)
        return self.answer(X)

    def __sklearn_clone__(self):
        return self


def test_going_on_with_a_pool_pays_for_nothing_twice(blobs):
    X, y = blobs
    oracle = TimingOut(LabelOracle(X, y), n_answers=6)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=oracle, batch_size=3, budget=12
    )
    with pytest.raises(TimeoutError):
        learner.fit(X, y)
    labelled = learner.labelled_
    y_known = np.full(len(X), np.nan)
    y_known[labelled.indices] = labelled.y
    learner.set_params(budget=12 - labelled.n_bought).fit(X, y_known)
    assert oracle.n_asked == 12
    assert len(np.unique(learner.labelled_.indices)) == len(labelled) + 6
    assert set(labelled.indices) < set(learner.labelled_.indices)
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])


def test_going_on_with_designed_samples_pays_for_nothing_twice(blobs):
    X, y = blobs
    oracle = TimingOut(LogisticRegression().fit(X, y).predict, n_answers=4)
    strategy = LatentRandom(GIN(max_iter=1))
    learner = ActiveLearner(LogisticRegression(), strategy, oracle=oracle, batch_size=2, budget=8)
    with pytest.raises(TimeoutError):
        learner.fit(X, y)
    labelled, generator = learner.labelled_, learner.strategy_.generator_
    learner.set_params(budget=8 - labelled.n_bought)
    learner.set_params(strategy__generator=FrozenEstimator(generator))
    learner.fit(labelled.X, labelled.y)
    assert oracle.n_asked == 8
    np.testing.assert_array_equal(learner.labelled_.X[:44], labelled.X)
    assert len(np.unique(learner.labelled_.X[40:], axis=0)) == 8
    assert learner.strategy_.generator_.estimator is generator


@pytest.mark.parametrize(
    "choice",
    [[], [0, 0], [39, 40], list(range(30)), [-1]],
    ids=["none", "twice", "no", "many", "-1"],
)
def test_strategies_that_break_their_contract_are_named(blobs, choice):
    class Broken(First):
        def query(self, X, y, clf, **parameters):
            return np.array(choice, dtype=int)

    with pytest.raises(ValueError, match="Broken"):
        ActiveLearner(LogisticRegression(), Broken(), n_initial=30, batch_size=8).fit(*blobs)


# Partly labelled data: those given are the start, an oracle brings the others.


def counting(oracle):
    """Wrap an oracle so that it counts what it was asked."""

    def ask(X):
        ask.n_asked += len(X)
        ask.n_calls += 1
        return oracle(X)

    ask.n_asked = ask.n_calls = 0
    return ask


def test_given_labels_are_the_start_and_the_oracle_brings_the_others(blobs):
    X, y = blobs
    partial = y.astype(float)
    partial[np.r_[2:18, 22:40]] = np.nan
    partial[np.flatnonzero(y == 0)[0]] = 0
    partial[np.flatnonzero(y == 1)[0]] = 1
    given = np.flatnonzero(~np.isnan(partial))
    oracle = counting(LabelOracle(X, y))
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, budget=12)
    record = learner.fit(X, partial).labelled_
    np.testing.assert_array_equal(record.indices[: record.n_initial], given)
    assert (oracle.n_asked, oracle.n_calls) == (12, 2)
    assert not np.isin(record.indices[record.n_initial :], given).any()
    np.testing.assert_array_equal(record.y, y[record.indices])
    assert record.y.dtype.kind == "i"


@pytest.mark.parametrize(
    ("make_y", "missing_label"),
    [
        (lambda names: ["?" if i >= 20 else name for i, name in enumerate(names)], "?"),
        (lambda names: [None if i >= 20 else name for i, name in enumerate(names)], np.nan),
        (lambda names: [np.nan if i >= 20 else name for i, name in enumerate(names)], np.nan),
        (lambda names: pd.Series(names, dtype="string").where(np.arange(40) < 20), np.nan),
        (lambda names: pd.Series(names, dtype="category").where(np.arange(40) < 20), np.nan),
        (lambda names: pl.Series([*names[:20], *[None] * 20]), np.nan),
    ],
    ids=["question mark", "None", "NaN", "pandas string", "pandas category", "polars"],
)
def test_names_with_missing_labels(blobs, make_y, missing_label):
    X, y = blobs
    names = np.array(["cat", "zebra"])[y]
    learner = ActiveLearner(
        LogisticRegression(),
        UncertaintySampling(),
        oracle=LabelOracle(X, names),
        missing_label=missing_label,
        budget=10,
    ).fit(X, make_y(names))
    assert learner.labelled_.n_initial == 20
    assert learner.classes_.tolist() == ["cat", "zebra"]
    np.testing.assert_array_equal(learner.labelled_.y, names[learner.labelled_.indices])


def test_strategy_and_learner_may_have_the_same_missing_label(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(),
        UncertaintySampling(missing_label=-1),
        oracle=LabelOracle(X, y),
        missing_label=-1,
        budget=10,
    ).fit(X, np.where(np.arange(40) < 20, y, -1))
    assert learner.labelled_.n_bought == 10


def test_nullable_integers_with_missing_labels(blobs):
    X, y = blobs
    partial = pd.Series(y, dtype="Int64").where(np.arange(40) < 20)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), budget=10
    ).fit(X, partial)
    assert learner.labelled_.n_initial == 20
    assert learner.classes_.dtype.kind == "i"


def test_missing_labels_without_an_oracle_begin_a_session(blobs):
    X, y = blobs
    partial = np.where(np.arange(40) < 20, y, np.nan)
    learner = ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, partial)
    assert len(learner.labelled_) == 20
    assert len(learner.pending_) == 0
    assert learner.predict(X).shape == (40,)
    assert (learner.ask(3).indices >= 20).all()


def test_n_initial_has_no_say_over_labels_given(blobs):
    X, y = blobs
    partial = np.where(np.arange(40) < 30, y, np.nan)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), n_initial=5
    )
    with pytest.raises(ValueError, match=r"n_initial=5.* 10 of 40 labels are missing"):
        learner.fit(X, partial)


def test_one_class_only_is_an_error_before_anything_is_asked(blobs):
    X, _ = blobs
    oracle = counting(lambda X: np.zeros(len(X)))
    partial = np.where(np.arange(40) < 20, 1.0, np.nan)
    with pytest.raises(ValueError, match="one class only"):
        ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle).fit(X, partial)
    assert oracle.n_calls == 0


def test_no_label_is_an_error(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=len)
    with pytest.raises(ValueError, match="no label to start from"):
        learner.fit(blobs[0], np.full(40, np.nan))


def test_declined_samples_count_as_asked_and_are_not_asked_again(blobs):
    X, y = blobs
    asked = []

    def moody(X):
        asked.append(X)
        return np.where(np.arange(len(X)) % 2, np.nan, 1.0)

    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=moody, batch_size=6, budget=24
    ).fit(X, y)
    asked = np.concatenate(asked)
    assert len(asked) == 24
    assert len(np.unique(asked, axis=0)) == 24
    assert learner.labelled_.n_bought == 12


def test_oracle_that_declines_everything_ends_the_session(blobs):
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=lambda X: [None] * len(X), budget=20
    ).fit(*blobs)
    assert learner.labelled_.n_bought == 0
    assert len(learner.history_) == 3


# Any conversation, with crashes in between, against a plain record of what was said.


X = np.random.RandomState(0).normal(size=(30, 2))
Y = np.where(np.arange(30) < 4, np.arange(30) % 2, np.nan)
BUDGET = 8


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
