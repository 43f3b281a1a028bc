"""Sessions in which others bring the labels, or a store has them already."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, Answer, LabelOracle, LabelStore
from skgal.base import PoolStrategy
from skgal.query import RandomSampling

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


def test_model_is_fitted_when_nothing_waits_and_when_asked_for_more(blobs, partial, make_learner):
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
