"""The store: what goes in comes out."""

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

from skgal.active import LabelStore
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
