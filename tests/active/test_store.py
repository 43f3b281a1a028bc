"""The store: what goes in comes out, whoever answers and however often."""

import json
import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skgal.active import CallableOracle, LabelOracle, LabelStore, VotingOracle, salvage_store
from skgal.active._samples import encode_samples
from skgal.exceptions import LabelError


@pytest.fixture
def store():
    with LabelStore() as store:
        yield store


# Records


def test_records_tell_all_that_was_said(store):
    before = datetime.now(UTC)
    (first, second) = store.add_query(
        [[1.0], [2.0]],
        indices=[7, -1],
        latent=np.array([[0.5], [0.25]], dtype=np.float32),
        round=3,
        strategy="Margin",
        model="SVC, 20 labels",
        predictions=[{0: 0.25, 1: 0.75}, None],
        details=[{"line": [1, 2]}, None],
    )
    store.tell(first, 1, annotator="Ada", seconds=2.5, message="sure", details={"votes": [1, 1]})
    told, waiting = store.records()
    assert (told.id, told.index, told.round) == (first, 7, 3)
    assert (told.strategy, told.model) == ("Margin", "SVC, 20 labels")
    assert told.prediction == {0: 0.25, 1: 0.75}
    assert told.details == {"line": [1, 2]}
    assert told.latent.dtype == np.float32
    assert (told.status, told.label, told.annotator) == ("answered", 1, "Ada")
    assert (told.seconds, told.message, told.answer_details) == (2.5, "sure", {"votes": [1, 1]})
    assert before <= told.asked_at <= told.answered_at <= datetime.now(UTC)
    assert (waiting.id, waiting.index, waiting.status) == (second, None, "pending")
    assert waiting.label is waiting.annotator is waiting.answered_at is None
    assert store.records("answered") == [told]
    assert [record.id for record in store.records(ids=[second, first])] == [second, first]
    assert store.records(samples=False)[0].X is None


@pytest.mark.parametrize(
    "label",
    [0, -3, True, "cat", "", "π\x00'\"", 2.5, 2.0, 1e-300, {"a": 0.25, "b": 0.75}, {0: 1.0}],
    ids=repr,
)
def test_labels_come_back_with_their_type(store, label):
    (sample,) = store.add_query([[0]])
    store.tell([sample], [label])
    (record,) = store.records()
    assert record.label == label
    assert type(record.label) is type(label)


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False)))
def test_any_label_comes_back_or_is_refused(label):
    with LabelStore() as store:
        ids = store.add_query([[0]])
        if label in (float("inf"), -float("inf")):
            with pytest.raises(ValueError, match="finite"):
                store.tell(ids, [label])
        else:
            store.tell(ids, [label])
            assert store.records()[0].label == label


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, [np.nan, np.nan]], ids=repr)
def test_declined_samples(store, missing):
    store.classes = [0, 1]
    ids = store.add_query([[0], [1]])
    store.tell(ids, [missing, 1])
    assert store.counts() == {
        "pending": 0,
        "answered": 1,
        "declined": 1,
        "failed": 0,
        "withdrawn": 0,
    }


def test_rows_of_probabilities_are_named_by_the_classes(store):
    store.classes = np.array(["a", "b"])
    ids = store.add_query([[0], [1]])
    store.tell(ids, np.array([[0.25, 0.75], [1, 0]]))
    assert [record.label for record in store.records()] == [
        {"a": 0.25, "b": 0.75},
        {"a": 1, "b": 0},
    ]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (["a", 1], "such as 'a'.*got 1"),
        (["a", ["x", "y"]], "convert"),
        (["a", [0.5, 0.6]], "sum to 1"),
        (["a", [0.2, 0.3, 0.5]], "one entry for each"),
        (["a", np.ones((2, 2))], "one value or one row"),
        (["a", []], "one value or one row"),
        (["a", {"a": 2, "b": -1}], "nonnegative"),
        (["a", 1j], "a string, a boolean, a number"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_unusable_answers_are_kept_as_they_came_and_the_others_are_recorded(
    store, answers, message
):
    store.classes = ["a", "b"]
    ids = store.add_query([[0], [1]])
    with pytest.raises(LabelError, match=message) as caught:
        store.tell(ids, answers, annotator="Ada", seconds=2)
    assert list(caught.value.refused) == [ids[1]]
    assert [record.status for record in store.records()] == ["answered", "pending"]
    _, refused = store.events(ids[1])
    assert (refused.kind, refused.annotator, refused.seconds) == ("refused", "Ada", 2)
    assert refused.message == caught.value.refused[ids[1]]
    as_it_came = answers[1].tolist() if hasattr(answers[1], "tolist") else answers[1]
    assert refused.details == {"answer": repr(as_it_came)}
    store.tell(ids[1], "b")
    assert store.records()[1].label == "b"


@pytest.mark.parametrize("answers", [np.arange(3), "ab", np.array(1), [1], 7], ids=repr)
def test_answers_of_the_wrong_number_are_kept_together(store, answers):
    ids = store.add_query([[0], [1]])
    with pytest.raises(LabelError, match="a label for each") as caught:
        store.tell(ids, answers)
    assert list(caught.value.refused) == ids.tolist()
    assert store.counts()["pending"] == 2
    (refused,) = [event for event in store.events() if event.kind == "refused"]
    assert refused.details["answer"] == repr(getattr(answers, "tolist", lambda: answers)())


def test_a_store_of_classes_closed_to_others(store):
    store.classes = [0, 1]
    ids = store.add_query([[0], [1], [2]])
    with pytest.raises(LabelError, match="5 is none of the classes"):
        store.tell(ids, [1.0, 5, [0.25, 0.75]], classes=[1, 0])
    assert [record.label for record in store.records()] == [1, None, {1: 0.25, 0: 0.75}]
    assert type(store.records()[0].label) is int, "the class that it equals"
    store.tell(ids[1], np.float64(5))
    assert repr(store.records()[1].label) == "5", "new classes are like the others"


def test_wrong_uses_change_nothing(store):
    ids = store.add_query([[0]])
    with pytest.raises(TypeError, match="annotator must be a string"):
        store.tell(ids, [1], annotator=5)
    with pytest.raises(TypeError, match="integers as ids"):
        store.tell([0.5], [1])
    with pytest.raises(ValueError, match="no sample with id 9"):
        store.tell([*ids, 9], [1, 1])
    with pytest.raises(ValueError, match="indices for each of 1"):
        store.add_query([[0]], indices=[1, 2])
    with pytest.raises(ValueError, match="status must be"):
        store.records("done")
    assert store.counts()["pending"] == 1
    assert len(store.events()) == 1


# Large integers, several outputs, replicates


BIG = [10**17 + 41, 10**17 + 42]


@pytest.mark.parametrize(
    "container",
    [
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: pd.Series(y, dtype="int64[pyarrow]"),
        lambda y: pd.DataFrame({"y": pd.Series(y, dtype="Int64")}),
        pl.Series,
        lambda y: pl.DataFrame({"y": y}),
        lambda y: np.array(y, dtype=object),
        list,
    ],
    ids=["Int64", "arrow", "frame", "polars", "polars frame", "object", "list"],
)
def test_large_integers_beside_missing_labels_stay_what_they_are(store, container):
    store.import_labels(np.eye(3), container([BIG[0], None, BIG[1]]))
    assert [record.label for record in store.records()] == [BIG[0], None, BIG[1]]
    ids = store.add_query(np.ones((3, 2)))
    store.classes = BIG
    store.tell(ids, container([BIG[1], None, BIG[0]]))
    assert [record.label for record in store.records(ids=ids)] == [BIG[1], None, BIG[0]]


@pytest.mark.parametrize(
    "container",
    [
        np.array,
        list,
        lambda y: pd.DataFrame(y, columns=["lift", "drag"]),
        lambda y: pl.DataFrame(y, schema=["lift", "drag"], orient="row"),
    ],
    ids=["array", "list", "pandas", "polars"],
)
def test_labels_of_several_numbers(path, container):
    with LabelStore(path) as store:
        store.n_outputs = 2
        ids = store.add_query(np.eye(3))
        with pytest.raises(LabelError, match="finite") as caught:
            store.tell(ids, container([[1, 0.25], [np.nan, np.nan], [np.inf, 1.0]]))
        assert list(caught.value.refused) == [ids[2]]
        for wrong in (1.0, [1, 2, 3], "a", {"a": 1}):
            with pytest.raises(LabelError):
                store.tell(ids[2], wrong)
    with LabelStore(path) as store:
        labels = [record.label for record in store.records()]
        assert labels == [(1.0, 0.25), None, None]
        assert [record.status for record in store.records()] == ["answered", "declined", "pending"]
        store.tell(ids[0], (1, 0.25))
        assert store.events()[-1].id == len(store.events())
        assert json.loads(store.to_frame(as_text=True)["label"][0]) == [1.0, 0.25]


def test_numbers_are_floats_where_labels_are_numbers(store):
    store.n_outputs = 1
    ids = store.add_query(np.eye(3))
    store.tell(ids, np.array([[1], [2], [3]]))
    assert [repr(record.label) for record in store.records()] == ["1.0", "2.0", "3.0"]
    assert [store.tell(ids[0], same) for same in (1, 1.0, [1], np.array([[1]]))] == [None] * 4
    with pytest.raises(LabelError, match="finite and a number"):
        store.tell(ids[0], "high")


@pytest.mark.parametrize(
    ("answers", "label", "details"),
    [
        ([1.0, 2.0, 6.0], 3.0, {"n_answers": 3, "std": np.std([1, 2, 6])}),
        ([(1.0, 4.0), (3.0, 4.0)], (2.0, 4.0), {"n_answers": 2, "std": [1.0, 0.0]}),
        (["cat", "dog", "dog"], "dog", {"n_answers": 3}),
        (["cat", "dog"], "cat", {"n_answers": 2}),
        ([{"a": 1.0}, {"a": 0.5, "b": 0.5}], {"a": 0.75, "b": 0.25}, {"n_answers": 2}),
    ],
    ids=repr,
)
def test_replicates_come_to_a_mean_or_a_majority(store, answers, label, details):
    (sample,) = store.add_query([[0]])
    store.tell(sample, "cat", annotator="before")
    store.reopen(sample)
    for answer in answers:
        store.tell(sample, answer, replicate=True, seconds=1)
    (record,) = store.records()
    assert record.label == label
    assert record.answer_details == details
    assert sum(event.seconds or 0 for event in store.events()) == len(answers)
    kept = [e.label for e in store.events() if e.kind in ("answered", "replicate")]
    assert kept == ["cat", *answers]
    assert store.undo() == sample
    assert store.counts()["pending"] == 1


def test_the_first_of_two_answers_holds_and_the_other_is_kept(store):
    ids = store.add_query([[0], [1]])
    store.tell(ids[:1], ["cat"], annotator="Ada")
    store.tell(ids[:1], ["cat"], annotator="Ada")
    with pytest.raises(ValueError, match=r"is 'cat', and the answer 'dog' came too late"):
        store.tell(ids, ["dog", "cow"], annotator="Bob")
    assert [record.label for record in store.records()] == ["cat", "cow"]
    log = [(event.kind, event.label, event.annotator) for event in store.events(ids[0])]
    assert log == [("asked", None, None), ("answered", "cat", "Ada"), ("surplus", "dog", "Bob")]


def test_samples_given_up_may_still_be_answered(store):
    ids = store.add_query([[0], [1], [2]])
    store.tell(ids[0], None)
    store.fail(ids[1], "the simulator diverged", annotator="CFD", seconds=60)
    store.withdraw(ids)
    statuses = [record.status for record in store.records()]
    assert statuses == ["declined", "failed", "withdrawn"]
    assert store.records()[1].message == "the simulator diverged"
    store.tell(ids, [1, 2, 3])
    assert [record.label for record in store.records()] == [1, 2, 3]


def test_undo_goes_back_one_by_one(store):
    first, second, third = store.add_query([[0], [1], [2]]).tolist()
    store.import_labels([[9]], [1])
    store.tell(first, 1, annotator="Ada")
    store.tell(second, 2, annotator="Bob")
    store.tell(third, None, annotator="Ada")
    assert store.undo("Bob") == second
    assert store.undo() == third
    store.tell(second, 5, annotator="Bob")
    assert store.undo() == second
    assert store.undo() == first
    assert store.undo() is None
    assert store.counts()["pending"] == 3
    assert store.counts()["answered"] == 1, "the imported one"
    assert [event.label for event in store.events(second)] == [None, 2, None, 5, None]


def test_imported_labels_are_found_by_value(store):
    ids = store.import_labels(np.eye(2, dtype=np.float32), ["a", np.nan], annotator="last year")
    found = store._find_labelled(encode_samples([[1, 0]])[0].hash)
    assert (found.id, found.label, found.annotator) == (ids[0], "a", "last year")
    assert store._find_labelled(encode_samples([[0, 1]])[0].hash) is None, "declined"
    with pytest.raises(ValueError, match="3 samples, y has 2"):
        store.import_labels(np.eye(3), [1, 2])


def tell_and_fail(store, sample, other):
    store.tell(sample, 1)
    assert other.counts()["answered"] == 0
    store.tell(9, 1)


def test_several_calls_are_one_transaction(path):
    with LabelStore(path) as store, LabelStore(path) as other:
        ids = store.add_query([[0], [1]])
        with pytest.raises(ValueError, match="no sample with id 9"), store.transaction():
            tell_and_fail(store, ids[0], other)
        assert store.counts()["answered"] == 0
        store.tell(ids[1], 1)
        assert other.counts()["answered"] == 1


# Export


def test_export(store, tmp_path):
    ids = store.add_query(np.eye(3), latent=np.ones((3, 2)), indices=[4, -1, 5], round=0)
    store.tell(ids, ["cat", None, {"cat": 0.5, "dog": 0.5}], seconds=[1, 2, 3])
    frame = store.to_frame()
    assert frame["id"].tolist() == ids.tolist()
    assert frame["label"].tolist() == ["cat", None, {"cat": 0.5, "dog": 0.5}]
    assert frame["index"].tolist() == [4, pd.NA, 5]
    assert (frame["answered_at"] >= frame["asked_at"]).all()
    store.to_frame(as_text=True).to_csv(tmp_path / "labels.csv", index=False)
    written = pd.read_csv(tmp_path / "labels.csv")
    assert written["label"].tolist()[2] == '{"cat": 0.5, "dog": 0.5}'
    assert written["latent"].tolist()[0] == "[1.0, 1.0]"
    assert written["seconds"].tolist() == [1, 2, 3]


def test_export_keeps_whole_numbers_whole_and_nests_no_python(store, tmp_path):
    ids = store.add_query(np.eye(3))
    store.tell(ids[:2], [7, None], details={"votes": {"Ada": 7}})
    assert [type(label) for label in store.to_frame()["label"]] == [int, type(None), type(None)]
    store.to_frame(as_text=True).to_csv(tmp_path / "labels.csv", index=False)
    written = pd.read_csv(tmp_path / "labels.csv", dtype=str)
    assert written["label"].tolist()[0] == "7"
    assert json.loads(written["answer_details"][0]) == {"votes": {"Ada": 7}}


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, sparse.csr_matrix])
def test_export_with_the_samples(store, tmp_path, form):
    store.add_query(form(np.eye(2)))
    store.to_frame(samples=True, as_text=True).to_csv(tmp_path / "labels.csv", index=False)
    samples = [json.loads(text) for text in pd.read_csv(tmp_path / "labels.csv")["X"]]
    rows = [list(x.values()) if isinstance(x, dict) else x for x in samples]
    assert rows == np.eye(2).tolist()
    assert "X" not in store.to_frame()


def test_export_to_parquet(store, tmp_path):
    pytest.importorskip("pyarrow", reason="needs pyarrow, of the extra test")
    ids = store.add_query(np.eye(3))
    store.tell(ids, ["cat", 3, {"cat": 1.0}], details={"page": 1})
    store.to_frame(as_text=True).to_parquet(tmp_path / "labels.parquet")
    written = pd.read_parquet(tmp_path / "labels.parquet")
    assert written["label"].tolist() == ['"cat"', "3", '{"cat": 1.0}']
    assert written["answer_details"].tolist() == ['{"page": 1}'] * 3


def test_empty_store_exports_an_empty_table(store):
    assert len(store.to_frame()) == 0
    assert "label" in store.to_frame()


def test_a_notebook_shows_numbers_and_the_last_samples():
    with LabelStore() as store:
        ids = store.add_query(np.arange(8.0)[:, np.newaxis], strategy="A<B>")
        store.tell(ids[:2], ["cat", "dog"], annotator="Ada & Bob")
        html = store._repr_html_()
        assert "6 pending, 2 answered" in html
        head, *rows = [re.findall(r">([^<>]*)</t[dh]>", row) for row in html.split("<tr>")[1:]]
        assert len(rows) == 5
        (answered,) = (row for row in rows if row[0] == str(ids[1]))
        assert dict(zip(head, answered, strict=True)) == {
            "id": str(ids[1]),
            "index": "",
            "round": "",
            "strategy": "A&lt;B&gt;",
            "status": "answered",
            "label": "dog",
            "annotator": "Ada &amp; Bob",
        }
    assert "LabelStore" in store._repr_html_()  # closed
    with LabelStore() as store:
        assert "no samples" in store._repr_html_()


# Several annotators: what each says, how far they agree, and the label that the model sees.


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


def test_paid_labels_survive_second_opinions_that_fail(store):
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
