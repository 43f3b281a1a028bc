"""Several annotators: what each says, how far they agree, and the label that the model sees."""

import json

import numpy as np
import pandas as pd
import pytest

from skgal.active import CallableOracle, LabelOracle, LabelStore, VotingOracle, salvage_store
from skgal.exceptions import LabelError


@pytest.fixture
def store():
    with LabelStore() as store:
        yield store


@pytest.fixture
def two(store):
    """Two samples that Ada has labelled, and the ids under which they were asked again."""
    ids = store.add_query([[0.0], [1.0]])
    store.tell(ids, ["cat", "dog"], annotator="Ada", seconds=1)
    store.ask_again(ids)
    return ids.tolist()


def labels(store):
    return [record.label for record in store.records(samples=False)]


def kinds(store, sample):
    return [event.kind for event in store.events(sample)]


def test_a_label_holds_until_the_second_opinion_is_there(store, two):
    assert store.counts()["pending"] == 2
    assert labels(store) == ["cat", "dog"]
    store.tell(two, ["cow", "dog"], annotator="Bob", seconds=2)
    assert store.counts()["answered"] == 2
    assert labels(store) == ["cat", "dog"], "of equally frequent classes the first"
    assert store.opinions() == {
        two[0]: {"Ada": "cat", "Bob": "cow"},
        two[1]: {"Ada": "dog", "Bob": "dog"},
    }
    record = store.records()[0]
    assert record.annotator == "Ada, Bob"
    assert record.answer_details == {"n_answers": 2, "votes": {"Ada": "cat", "Bob": "cow"}}
    store.ask_again(two[0])
    store.tell(two[0], "cow", annotator="Eve")
    assert labels(store) == ["cow", "dog"]
    assert [event.seconds for event in store.events() if event.seconds] == [1, 1, 2, 2]


def test_shares_are_those_of_a_voting_oracle(store):
    X, rng = np.arange(30.0)[:, np.newaxis], np.random.default_rng(0)
    answers = {name: rng.integers(3, size=30) for name in ("Ada", "Bob", "Eve")}
    readers = {name: LabelOracle(X, y) for name, y in answers.items()}
    ids = store.add_query(X)
    for name, y in answers.items():
        store.ask_again(ids)
        store.tell(ids, y, annotator=name)
    votes = VotingOracle(readers, "shares", classes=[0, 1, 2])(X)
    majority = VotingOracle(readers, "majority", classes=[0, 1, 2])(X)
    assert labels(store) == majority.tolist()
    store.combine = "shares"
    shares = [[label.get(name, 0.0) for name in (0, 1, 2)] for label in labels(store)]
    np.testing.assert_allclose(shares, votes, rtol=1e-15)
    store.combine = "majority"
    assert labels(store) == majority.tolist()
    with pytest.raises(ValueError, match='"majority" or "shares"; got \'mean\''):
        store.combine = "mean"


@pytest.mark.parametrize(
    ("first", "second", "label", "agreement"),
    [
        (1.0, 2.0, 1.5, {"rmse": 1.0}),
        ((1.0, 0.0), (3.0, 0.0), (2.0, 0.0), {"rmse": np.sqrt(2)}),
        ({"a": 1.0}, {"a": 0.5, "b": 0.5}, {"a": 0.75, "b": 0.25}, {"share": 1.0, "kappa": None}),
        ("a", {"a": 0.2, "b": 0.8}, {"a": 0.6, "b": 0.4}, {"share": 0.0, "kappa": 0.0}),
        (10**17 + 1, 10**17 + 2, 10**17 + 1, {"share": 0.0, "kappa": 0.0}),
    ],
    ids=str,
)
def test_labels_of_every_kind_are_combined_and_compared(store, first, second, label, agreement):
    ids = store.add_query([[0]])
    store.tell(ids, [first], annotator="Ada")
    store.ask_again(ids)
    store.tell(ids, [second], annotator="Bob")
    assert labels(store) == [label]
    assert store.opinions() == {1: {"Ada": first, "Bob": second}}
    (found,) = store.agreement()
    assert found.pop("annotators") == ("Ada", "Bob")
    assert found.pop("n_samples") == 1
    found = {name: None if np.isnan(value) else value for name, value in found.items()}
    assert found == pytest.approx(agreement)


def test_agreement_is_cohens(store):
    rng = np.random.default_rng(0)
    first = rng.choice(["a", "b", "c"], size=60)
    second = np.where(rng.uniform(size=60) < 0.6, first, rng.choice(["a", "b", "c"], size=60))
    ids = store.add_query(np.arange(62)[:, np.newaxis])
    store.tell(ids, [*first, "a", None], annotator="Ada")
    store.ask_again(ids[:61])
    store.tell(ids[:61], [*second, None], annotator="Bob")
    ((pair),) = store.agreement()
    observed = (first == second).mean()
    expected = sum((first == name).mean() * (second == name).mean() for name in "abc")
    assert (pair["annotators"], pair["n_samples"]) == (("Ada", "Bob"), 60)
    assert pair["share"] == observed
    assert pair["kappa"] == pytest.approx((observed - expected) / (1 - expected))


def test_who_has_answered_is_not_asked_again(store, two):
    assert store.waiting("Bob") == two
    assert store.waiting("Ada") == store.waiting() == []
    store.tell(two[0], "cat", annotator="Ada")  # told again: nothing changes
    with pytest.raises(LabelError, match="the answer 'cow' came too late"):
        store.tell(two[0], "cow", annotator="Ada")
    with pytest.raises(LabelError, match="say who answers"):
        store.tell(two[0], "cow")
    assert kinds(store, two[0]) == ["asked", "answered", "reasked", "surplus", "refused"]
    for _ in range(2):  # the second time nothing changes
        store.tell(two[0], "cow", annotator="Bob")
    assert kinds(store, two[0])[5:] == ["replicate", "aggregated"]
    with pytest.raises(LabelError, match="too late"):
        store.tell(two[0], "emu", annotator="Bob")
    assert store.opinions(two[0]) == {two[0]: {"Ada": "cat", "Bob": "cow"}}


def test_nothing_paid_is_lost_by_what_comes_to_nothing(store):
    ids = store.add_query(np.eye(4)).tolist()
    store.tell(ids, ["a", "b", "c", None], annotator="Ada")
    store.ask_again(ids)
    store.tell(ids[0], None, annotator="Bob")
    store.fail(ids[1], "no light", annotator="Bob")
    store.withdraw(ids[2])
    assert labels(store) == ["a", "b", "c", None]
    assert [record.status for record in store.records()] == ["answered"] * 3 + ["pending"]
    assert store.records()[0].answer_details["declined"] == ["Bob"]
    assert store.opinions(ids[0]) == {ids[0]: {"Ada": "a", "Bob": None}}
    assert [event.message for event in store.events(ids[1])][-2:] == ["no light", None]
    store.tell(ids[3], "d", annotator="Bob")
    assert store.opinions(ids[3]) == {ids[3]: {"Bob": "d"}}


def test_undo_takes_back_one_opinion_and_keeps_the_others(store, two):
    store.tell(two, ["cow", "cow"], annotator="Bob")
    assert store.undo("Ada") == two[1]
    assert store.opinions(two[1]) == {two[1]: {"Bob": "cow"}}
    assert labels(store) == ["cat", "cow"]
    assert store.waiting("Ada") == [two[1]]
    store.tell(two[1], "emu", annotator="Ada")
    assert labels(store) == ["cat", "cow"], "Bob's came first now"
    assert store.undo(ids=two[0]) == two[0]
    assert store.opinions(two[0]) == {two[0]: {"Ada": "cat"}}
    assert [store.undo() for _ in range(4)] == [two[1], two[1], two[0], None]
    assert labels(store) == [None, None]
    assert store.counts()["pending"] == 2


def test_opinions_outlive_the_process_and_a_salvage(path, tmp_path):
    with LabelStore(path) as store:
        ids = store.add_query(np.eye(3))
        store.tell(ids, [0, 1, 2], annotator="Ada")
        store.ask_again(ids)
        store.tell(ids[:2], [1, 1], annotator="Bob")
        store.undo("Bob")
        store.combine = "shares"
        expected = store.opinions(), labels(store), store.waiting("Bob"), store.combine
    with LabelStore(path) as store:
        assert (store.opinions(), labels(store), store.waiting("Bob"), store.combine) == expected
    with salvage_store(path, tmp_path / "new.db") as store:
        assert (store.opinions(), labels(store), store.waiting("Bob"), store.combine) == expected
        assert labels(store) == [{0: 0.5, 1: 0.5}, 1, 2]


def test_the_table_has_a_column_for_each_annotator(store, two, tmp_path):
    store.tell(two[1], {"dog": 0.5, "cow": 0.5}, annotator="Bob")
    table = store.to_frame(opinions=True)
    assert table["label of Ada"].tolist() == ["cat", "dog"]
    assert table["label of Bob"].tolist() == [None, {"dog": 0.5, "cow": 0.5}]
    store.to_frame(opinions=True, as_text=True).to_csv(tmp_path / "labels.csv")
    read = pd.read_csv(tmp_path / "labels.csv")
    assert json.loads(read["label of Bob"][1]) == {"dog": 0.5, "cow": 0.5}


# The learner


@pytest.mark.parametrize("combine", ["majority", "shares"])
def test_a_resumed_session_with_second_opinions_is_an_unbroken_one(
    path, tmp_path, blobs, partial, make_learner, summary, combine
):
    X, y = blobs
    X, y_few = partial

    def begin(path):
        return make_learner(path, batch_size=3, budget=6).fit(X, y_few)

    def label_first(learner):
        query = learner.ask()
        learner.tell(query, y[query.indices], annotator="Ada")
        learner.store_.combine = combine
        learner.ask_again(query.ids[:2])
        assert len(learner.labelled_) == 6 + 3
        assert learner.pending_.ids.tolist() == query.ids[:2].tolist()
        return learner.tell(query.ids[1], 1 - y[query.indices[1]], annotator="Bob")

    def label_second(learner):
        if combine == "shares":
            assert learner.labelled_.proba[-2].tolist() == [0.5, 0.5]
        query = learner.ask()
        return learner.tell(query, y[query.indices], annotator="Ada")

    unbroken = label_second(label_first(begin(path)))
    broken = tmp_path / "broken.db"
    label_first(begin(broken)).store_.close()
    resumed = label_second(begin(broken))
    assert summary(resumed) == summary(unbroken)


def test_fit_buys_no_second_opinion(path, blobs, partial, make_learner):
    X, y = blobs
    asked = []

    def oracle(samples):
        asked.extend(samples.tolist())
        return LabelOracle(X, y)(samples)

    learner = make_learner(path, oracle=oracle, budget=4).fit(partial[0], partial[1])
    learner.ask_again(learner.store_.records()[0].id)
    learner.store_.close()
    learner.set_params(budget=8).fit(partial[0], partial[1])
    assert len(asked) == len({tuple(x) for x in asked}) == 8
    assert learner.store_.counts()["pending"] == 1
    assert len(learner.labelled_) == 6 + 8


def test_another_oracle_gives_second_opinions(path, blobs, partial, make_learner):
    X, y = blobs
    known = LabelOracle(X, y)
    learner = make_learner(path, oracle=known, budget=4).fit(*partial)
    ids = [record.id for record in learner.store_.records()]

    def bob(samples):
        return 1 - known(samples)

    query = learner.ask_again(ids, oracle=bob)
    assert query.ids.tolist() == ids
    assert learner.pending_.ids.size == 0
    (pair,) = learner.store_.agreement()
    assert (pair["n_samples"], pair["share"]) == (4, 0.0)
    assert learner.labelled_.y[6:].tolist() == y[query.indices].tolist()
    with pytest.raises(ValueError, match="LabelOracle has answered for 4 of these samples already"):
        learner.ask_again(ids, oracle=known)


def test_an_oracle_that_always_fails_costs_no_label(path, blobs, partial, make_learner):
    learner = make_learner(path, oracle=LabelOracle(*blobs), budget=10).fit(*partial)
    ids = [record.id for record in learner.store_.records()]
    before = learner.labelled_.y.tolist()

    def broken(x):
        raise RuntimeError("no licence")

    with pytest.raises(RuntimeError, match="have failed for one reason"):
        learner.ask_again(ids, oracle=CallableOracle(broken, on_error="decline"))
    assert learner.labelled_.y.tolist() == before
    assert learner.store_.counts()["answered"] == 10
    with pytest.raises(ValueError, match="no usable answer for 10 of 10"):
        learner.ask_again(ids, oracle=CallableOracle(broken))
    assert learner.labelled_.y.tolist() == before
    assert learner.ignore(ids).store_.counts()["answered"] == 10
