"""The store: what goes in comes out, and what is wrong with a file is said."""

import copy
import pickle
import sqlite3
import threading
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.base import clone

from skgal.active import LabelStore, _store_file
from skgal.active._store_samples import hash_pool, stack_samples
from skgal.exceptions import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreVersionError,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "labels.db"


@pytest.fixture
def store():
    with LabelStore() as store:
        yield store


# Samples


@pytest.mark.parametrize(
    "X",
    [
        np.arange(6.0).reshape(2, 3),
        np.arange(24, dtype=np.uint8).reshape(2, 3, 2, 2),
        np.array([[np.nan, -0.0], [np.inf, 1e-45]], dtype=np.float32),
        np.array([[2**63 - 1], [-(2**63)]]),
        np.array([["a", "zebra"], ["b", ""]]),
        np.array([["a", 1.5], [None, True]], dtype=object),
        np.array([[True], [False]]),
    ],
    ids=["float", "image", "special", "integer", "text", "mixed", "bool"],
)
def test_arrays_come_back_exactly(store, X):
    store.ask(X)
    back = stack_samples([record.X for record in store.records()], like=X)
    assert back.dtype == X.dtype
    np.testing.assert_array_equal(back, X)


@given(hnp.arrays(st.sampled_from([np.float64, np.float32, np.int16, np.uint8]), (2, 3)))
def test_equal_numbers_hash_equally(X):
    once = LabelStore.hash_samples(X)
    assert LabelStore.hash_samples(X.astype(np.float64)) == once
    assert (once[0] == once[1]) == np.array_equal(X[0], X[1], equal_nan=X.dtype.kind == "f")


def test_hashes_tell_samples_apart():
    big = np.array([[2**60], [2**60 + 1]])
    assert len(set(LabelStore.hash_samples(big))) == 2
    assert LabelStore.hash_samples(big.astype(float)[:1]) != LabelStore.hash_samples(big[1:])
    flat, image = np.zeros((1, 4)), np.zeros((1, 1, 2, 2))
    assert LabelStore.hash_samples(flat) != LabelStore.hash_samples(image)
    assert LabelStore.hash_samples([["1", "2"]]) != LabelStore.hash_samples([[1, 2]])


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_tables_come_back_with_their_types(store, make_frame):
    frame = make_frame(
        {
            "count": np.array([1, 2**40]),
            "size": np.array([0.1, np.nan], dtype=np.float32),
            "name": ["x", "ÿ"],
            "flag": [True, False],
        }
    )
    store.ask(frame)
    samples = [record.X for record in store.records()]
    assert samples[0]["name"] == "x"
    back = stack_samples(samples, like=frame)
    assert type(back) is type(frame)
    assert list(back.dtypes) == list(frame.dtypes)
    assert back.equals(frame) or back.equals(frame, null_equal=True)


def test_columns_of_any_name_and_categories(store):
    frame = pd.DataFrame({0: [1, 2], ("a", 1): pd.Categorical(["u", "v"])})
    store.ask(frame)
    assert [list(record.X.values()) for record in store.records()] == [[1, "u"], [2, "v"]]
    back = stack_samples([record.X for record in store.records()], like=frame)
    pd.testing.assert_frame_equal(back, frame)


def test_sparse_rows_come_back(store):
    X = sparse.random_array((5, 1000), density=0.01, format="csr", rng=0)
    store.ask(X)
    back = stack_samples([record.X for record in store.records()], like=X)
    assert (back != X).nnz == 0
    messy = sparse.csr_matrix(([1.0, 0.0, 2.0], ([0, 0, 0], [3, 5, 3])), shape=(1, 9))
    neat = sparse.csr_matrix(([3.0], ([0], [3])), shape=(1, 9))
    assert LabelStore.hash_samples(messy) == LabelStore.hash_samples(neat)


def test_objects_that_no_file_can_hold_are_refused(store):
    with pytest.raises(TypeError, match=r"numbers, strings, booleans, dates.*complex"):
        store.ask(np.array([[1j, "a"]], dtype=object))
    assert sum(store.counts().values()) == 0


def test_pools_are_told_apart():
    X = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(X, columns=["a", "b"])
    pools = [X, X[::-1], X[:2], X.reshape(3, 1, 2), frame, frame.rename(columns={"a": "c"})]
    assert len({hash_pool(pool) for pool in pools}) == len(pools)
    assert hash_pool(X.astype(np.float32)) == hash_pool(X)
    assert hash_pool(sparse.csr_matrix(X)) != hash_pool(sparse.csr_matrix(X[::-1]))


# Records


def test_records_tell_all_that_was_said(store):
    before = datetime.now(UTC)
    (first, second) = store.ask(
        [[1.0], [2.0]],
        indices=[7, -1],
        latent=np.array([[0.5], [0.25]], dtype=np.float32),
        round=3,
        strategy="Margin",
        model="SVC, 20 labels",
        beliefs=[{0: 0.25, 1: 0.75}, None],
        details=[{"line": [1, 2]}, None],
    )
    store.tell(first, 1, annotator="Ada", seconds=2.5, message="sure", details={"votes": [1, 1]})
    told, waiting = store.records()
    assert (told.id, told.index, told.round) == (first, 7, 3)
    assert (told.strategy, told.model) == ("Margin", "SVC, 20 labels")
    assert told.belief == {0: 0.25, 1: 0.75}
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
    (sample,) = store.ask([[0]])
    store.tell([sample], [label])
    (record,) = store.records()
    assert record.label == label
    assert type(record.label) is type(label)


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.floats(allow_nan=False)))
def test_any_label_comes_back_or_is_refused(label):
    with LabelStore() as store:
        ids = store.ask([[0]])
        if label in (float("inf"), -float("inf")):
            with pytest.raises(ValueError, match="finite"):
                store.tell(ids, [label])
        else:
            store.tell(ids, [label])
            assert store.records()[0].label == label


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, [np.nan, np.nan]], ids=repr)
def test_declined_samples(store, missing):
    store.classes = [0, 1]
    ids = store.ask([[0], [1]])
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
    ids = store.ask([[0], [1]])
    store.tell(ids, np.array([[0.25, 0.75], [1, 0]]))
    assert [record.label for record in store.records()] == [
        {"a": 0.25, "b": 0.75},
        {"a": 1, "b": 0},
    ]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"], "for each of 2 ids; got 1"),
        (["a", 1], "such as 'a'.*got 1"),
        ([["x", "y"]] * 2, "convert"),
        ([[0.5, 0.6]] * 2, "sum to 1"),
        ([[0.2, 0.3, 0.5]] * 2, "one entry for each class"),
        ([{"a": 2, "b": -1}] * 2, "nonnegative"),
    ],
)
def test_what_is_no_label_is_refused_and_nothing_is_recorded(store, labels, message):
    store.classes = ["a", "b"]
    ids = store.ask([[0], [1]])
    with pytest.raises(ValueError, match=message):
        store.tell(ids, labels)
    assert store.counts()["pending"] == 2


def test_what_no_file_can_hold_is_refused(store):
    ids = store.ask([[0]])
    with pytest.raises(TypeError, match="A label is a string"):
        store.tell(ids, [object()])
    with pytest.raises(TypeError, match="annotator must be a string"):
        store.tell(ids, [1], annotator=5)
    with pytest.raises(TypeError, match="integers as ids"):
        store.tell([0.5], [1])
    with pytest.raises(ValueError, match="no sample with id 9"):
        store.tell([*ids, 9], [1, 1])
    with pytest.raises(ValueError, match="indices for each of 1"):
        store.ask([[0]], indices=[1, 2])
    with pytest.raises(ValueError, match="status must be"):
        store.records("done")
    assert store.counts()["pending"] == 1


def test_the_first_of_two_answers_holds_and_the_other_is_kept(store):
    ids = store.ask([[0], [1]])
    store.tell(ids[:1], ["cat"], annotator="Ada")
    store.tell(ids[:1], ["cat"], annotator="Ada")
    with pytest.raises(ValueError, match=r"is 'cat', and the answer 'dog' came too late"):
        store.tell(ids, ["dog", "cow"], annotator="Bob")
    assert [record.label for record in store.records()] == ["cat", "cow"]
    log = [(event.kind, event.label, event.annotator) for event in store.events(ids[0])]
    assert log == [("asked", None, None), ("answered", "cat", "Ada"), ("surplus", "dog", "Bob")]


def test_samples_given_up_may_still_be_answered(store):
    ids = store.ask([[0], [1], [2]])
    store.tell(ids[0], None)
    store.fail(ids[1], "the simulator diverged", annotator="CFD", seconds=60)
    store.withdraw(ids)
    statuses = [record.status for record in store.records()]
    assert statuses == ["declined", "failed", "withdrawn"]
    assert store.records()[1].message == "the simulator diverged"
    store.tell(ids, [1, 2, 3])
    assert [record.label for record in store.records()] == [1, 2, 3]


def test_undo_goes_back_one_by_one(store):
    first, second, third = store.ask([[0], [1], [2]]).tolist()
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
    found = store.find(LabelStore.hash_samples([[1, 0]])[0])
    assert (found.id, found.label, found.annotator) == (ids[0], "a", "last year")
    assert store.find(LabelStore.hash_samples([[0, 1]])[0]) is None, "declined"
    with pytest.raises(ValueError, match="3 samples, y has 2"):
        store.import_labels(np.eye(3), [1, 2])


def tell_and_fail(store, sample, other):
    store.tell(sample, 1)
    assert other.counts()["answered"] == 0
    store.tell(9, 1)


def test_several_calls_are_one_transaction(path):
    with LabelStore(path) as store, LabelStore(path) as other:
        ids = store.ask([[0], [1]])
        with pytest.raises(ValueError, match="no sample with id 9"), store.transaction():
            tell_and_fail(store, ids[0], other)
        assert store.counts()["answered"] == 0
        store.tell(ids[1], 1)
        assert other.counts()["answered"] == 1


# Export


def test_export(store, tmp_path):
    ids = store.ask(np.eye(3), latent=np.ones((3, 2)), indices=[4, -1, 5], round=0)
    store.tell(ids, ["cat", None, {"cat": 0.5, "dog": 0.5}], seconds=[1, 2, 3])
    frame = store.to_frame()
    assert frame["id"].tolist() == ids.tolist()
    assert frame["label"].tolist() == ["cat", None, {"cat": 0.5, "dog": 0.5}]
    assert frame["index"].tolist() == [4, pd.NA, 5]
    assert (frame["answered_at"] >= frame["asked_at"]).all()
    store.to_csv(tmp_path / "labels.csv")
    written = pd.read_csv(tmp_path / "labels.csv")
    assert written["label"].tolist()[2] == '{"cat": 0.5, "dog": 0.5}'
    assert written["latent"].tolist()[0] == "[1.0, 1.0]"
    assert written["seconds"].tolist() == [1, 2, 3]


def test_export_to_parquet(store, tmp_path):
    pytest.importorskip("pyarrow")
    ids = store.ask(np.eye(3))
    store.tell(ids, ["cat", 3, {"cat": 1.0}])
    store.to_parquet(tmp_path / "labels.parquet")
    written = pd.read_parquet(tmp_path / "labels.parquet")
    assert written["label"].tolist() == ['"cat"', "3", '{"cat": 1.0}']


def test_empty_store_exports_an_empty_table(store):
    assert len(store.to_frame()) == 0
    assert "label" in store.to_frame()


# One file, many users


def test_a_store_is_one_file_that_outlives_it(path):
    with LabelStore(path) as store:
        store.tell(store.ask([[1.0]]), ["cat"])
    assert [child.name for child in path.parent.iterdir()] == ["labels.db"]
    with pytest.raises(ValueError, match="is closed"):
        store.counts()
    with LabelStore(path) as store:
        assert store.records()[0].label == "cat"


def test_an_answer_is_in_the_file_when_tell_returns(path):
    with LabelStore(path) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        store.tell(store.ask([[1.0]]), ["cat"])
        # Another connection sees what is committed only.
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT label FROM events").fetchall() == [(None,), ('"cat"',)]
        other.close()


def test_pickles_and_clones(path):
    with LabelStore(path) as store, LabelStore() as passing:
        for kept in (store, passing):
            kept.tell(kept.ask([[1.0]]), ["cat"])
            assert clone(kept) is kept
            for revived in (pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept)):
                assert revived.records()[0].label == "cat"
                assert repr(revived) == repr(kept)
                revived.close()
    assert "labels.db" in repr(store)


def test_threads_share_a_store(path):
    with LabelStore(path) as store:
        ids = store.ask(np.arange(40.0)[:, np.newaxis]).tolist()

        def tell(part):
            for sample in part:
                store.tell(sample, sample % 3)

        threads = [threading.Thread(target=tell, args=(ids[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.counts()["answered"] == 40
        assert all(record.label == record.id % 3 for record in store.records())


# Files that aren't what they should be


@pytest.fixture
def filled(path):
    """A file of several hundred pages, and the labels in it."""
    with LabelStore(path) as store:
        X = np.random.RandomState(0).normal(size=(60, 600))
        for batch in range(6):
            ids = store.ask(X[10 * batch : 10 * batch + 10], round=batch)
            store.tell(ids, [int(sample) % 5 for sample in ids], annotator="Ada")
        labels = {record.id: record.label for record in store.records()}
    return path, labels


def test_what_is_no_store_is_refused_and_left_as_it_is(path):
    other = sqlite3.connect(path.with_name("other.db"))
    other.execute("CREATE TABLE cats (name TEXT)")
    other.close()
    for content, message in [
        (b"", "0 bytes"),
        (b"SQLite format 3\0", "16 bytes"),
        (b"label,sample\n" * 100, "doesn't begin as an SQLite file"),
        (path.with_name("other.db").read_bytes(), "of another kind"),
    ]:
        path.write_bytes(content)
        with pytest.raises(StoreCorruptError, match=message):
            LabelStore(path)
        assert path.read_bytes() == content


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"create .*nowhere first"):
        LabelStore(tmp_path / "nowhere" / "labels.db")


def test_newer_store_is_refused_and_left_as_it_is(filled):
    path, _ = filled
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(StoreVersionError, match=r"version 99.*up to \d.*newer skgal"):
        LabelStore(path)
    assert path.read_bytes() == content


def test_older_store_is_migrated(filled, monkeypatch):
    path, labels = filled
    migration = "ALTER TABLE samples ADD COLUMN cost REAL; UPDATE samples SET cost = 1.5"
    monkeypatch.setattr(_store_file, "MIGRATIONS", (*_store_file.MIGRATIONS, migration))
    for _ in range(2):
        with LabelStore(path) as store:
            assert {record.id: record.label for record in store.records()} == labels
            costs = store._connection.execute("SELECT DISTINCT cost FROM samples").fetchall()
            assert costs == [(1.5,)]
    monkeypatch.undo()
    with pytest.raises(StoreVersionError):
        LabelStore(path)


def test_failed_migration_changes_nothing(filled, monkeypatch):
    path, labels = filled
    migrations = (*_store_file.MIGRATIONS, "ALTER TABLE samples ADD COLUMN cost; SELECT nonsense")
    monkeypatch.setattr(_store_file, "MIGRATIONS", migrations)
    with pytest.raises(StoreError, match="nonsense"):
        LabelStore(path)
    monkeypatch.undo()
    with LabelStore(path) as store:
        assert {record.id: record.label for record in store.records()} == labels


def damage(path, start, size):
    content = bytearray(path.read_bytes())
    noise = np.random.RandomState(start).bytes(size)
    content[start : start + size] = noise[: len(content) - start]
    path.write_bytes(content)
    return bytes(content)


def check_refused_or_harmless(path, labels):
    """Open a damaged file and read it all: an error, or all is well."""
    content = path.read_bytes()
    try:
        with LabelStore(path) as store:
            found = {record.id: record.label for record in store.records()}
    except StoreCorruptError:
        assert path.read_bytes() == content
        return True
    assert found == labels
    return False


def test_scribbled_pages_are_noticed_and_the_rest_is_rescued(filled):
    path, labels = filled
    whole = path.read_bytes()
    pages = range(0, len(whole) // 4096, 6)
    n_refused, n_rescued = 0, []
    for page in pages:
        path.write_bytes(whole)
        damage(path, 4096 * page, 4096)
        n_refused += check_refused_or_harmless(path, labels)
        n_rescued.append(check_rescue(path, labels))
    # An index that lost what it says of some sample's hash is the only harmless damage.
    assert n_refused >= len(pages) - 1
    assert n_rescued[0] == 60, "the first page tells where tables begin, and no more"
    # A page has parts of a sample or two, or some 20 events.
    assert np.median(n_rescued) >= 58
    assert min(n_rescued) >= 30


def check_rescue(path, labels):
    """Salvage a file; what comes out must be right. Returns how many labels that are."""
    content = path.read_bytes()
    new_path = path.with_name("rescued.db")
    with LabelStore.salvage(path, new_path) as rescued:
        found = {record.id: record.label for record in rescued.records("answered")}
    assert found.items() <= labels.items()
    assert path.read_bytes() == content
    # What was rescued is a store like any other.
    with LabelStore(new_path) as rescued:
        (fresh,) = rescued.ask([[0.0]])
        rescued.tell(fresh, 1)
    new_path.unlink()
    return len(found)


@pytest.mark.parametrize("share", [0.4, 0.7, 0.99])
def test_truncated_files_are_noticed_and_the_rest_is_rescued(filled, share):
    path, labels = filled
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert check_refused_or_harmless(path, labels)
    assert check_rescue(path, labels) >= 60 * share - 12


def test_single_flipped_bits_in_the_log_are_noticed(filled):
    path, labels = filled
    whole = path.read_bytes()
    for text in (b"Ada", b"answered", b"2026" if b"2026" in whole else b"+00:00"):
        position = whole.rindex(text)
        content = bytearray(whole)
        content[position] ^= 1
        path.write_bytes(content)
        with pytest.raises(StoreCorruptError, match="doesn't match its digest"):
            LabelStore(path)
        assert path.read_bytes() == bytes(content)
        assert check_rescue(path, labels) >= 59


def test_flipped_bits_in_a_sample_are_noticed_when_it_is_read(path):
    with LabelStore(path) as store:
        store.tell(store.ask(np.arange(12.0).reshape(2, 6)), [0, 1])
    content = path.read_bytes()
    path.write_bytes(content.replace(np.float64(7).tobytes(), np.float64(-7).tobytes()))
    with LabelStore(path) as store, pytest.raises(StoreCorruptError, match="sample 2 doesn't"):
        store.records()
    with LabelStore.salvage(path, path.with_name("new.db")) as rescued:
        assert [record.id for record in rescued.records()] == [1]


def test_salvage_spares_files_and_says_when_there_is_nothing(path):
    path.write_bytes(b"nothing at all")
    with pytest.raises(FileExistsError, match="a new file"):
        LabelStore.salvage(path, path)
    with pytest.raises(StoreCorruptError, match="Nothing can be rescued"):
        LabelStore.salvage(path, path.with_name("new.db"))
    assert not path.with_name("new.db").exists()


def test_full_disk_keeps_what_was_committed(path):
    with LabelStore(path) as store:
        store.tell(store.ask([[1.0]]), ["cat"])
        n_pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {n_pages + 2}")
        with pytest.raises(StoreFullError, match=r"full.*make room and go on"):
            store.ask(np.zeros((1, 100_000)))
        assert store.counts() == {**store.counts(), "answered": 1, "pending": 0}
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.ask(np.zeros((1, 100_000)))
    with LabelStore(path) as store:
        assert store.records("answered")[0].label == "cat"


def test_lock_that_nobody_gives_back_is_named(path, monkeypatch):
    LabelStore(path).close()
    monkeypatch.setattr(_store_file, "SECONDS_TO_WAIT", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    with LabelStore(path) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another process holds the store"):
            store.ask([[1.0]])
        other.execute("ROLLBACK")
        store.ask([[1.0]])
    other.close()
