"""The store's file: shared, locked, outlived, killed, damaged, rescued."""

import copy
import json
import os
import pickle
import sqlite3
import subprocess
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from skgal.active import LabelOracle, LabelStore, _learner, _store, salvage_store
from skgal.active._samples import encode_samples
from skgal.exceptions import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreInUseError,
    StoreMissingError,
    StoreVersionError,
)

# One file, many users


def test_a_store_is_one_file_that_outlives_it(path):
    with LabelStore(path) as store:
        store.tell(store.add_query([[1.0]]), ["cat"])
    assert [child.name for child in path.parent.iterdir()] == ["labels.db"]
    with pytest.raises(ValueError, match="is closed"):
        store.counts()
    with LabelStore(path) as store:
        assert store.records()[0].label == "cat"


def test_an_answer_is_in_the_file_when_tell_returns(path):
    with LabelStore(path) as store:
        assert store._connection.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
        store.tell(store.add_query([[1.0]]), ["cat"])
        # Another connection sees what is committed only.
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT label FROM events").fetchall() == [(None,), ('"cat"',)]
        other.close()


def test_pickles_and_clones(path):
    with LabelStore(path) as store, LabelStore() as passing:
        for kept in (store, passing):
            kept.tell(kept.add_query([[1.0]]), ["cat"])
            assert clone(kept) is kept
            for revived in (pickle.loads(pickle.dumps(kept)), copy.deepcopy(kept)):
                assert revived.records()[0].label == "cat"
                assert repr(revived) == repr(kept)
                revived.close()
    assert "labels.db" in repr(store)


def test_threads_share_a_store(path):
    with LabelStore(path) as store:
        ids = store.add_query(np.arange(40.0)[:, np.newaxis]).tolist()

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


def test_changes_are_read_from_one_state_of_the_file(path, monkeypatch):
    with LabelStore(path) as store, LabelStore(path) as other:
        ids = store.add_query([[0.0], [1.0]])
        read = store.records

        def read_late(**conditions):
            other.tell(ids[0], "cat")  # another process, between two reads of this one
            return read(**conditions)

        with monkeypatch.context() as patch:
            patch.setattr(store, "records", read_late)
            records, last, change = store._changes_since(0)
        assert [record.status for record in records] == ["pending", "pending"]
        assert (last, change) == (2, 0)
        records, last, change = store._changes_since(last)
        assert [(record.id, record.label) for record in records] == [(1, "cat")]
        assert (last, change) == (3, 3)
        assert store._changes_since(last) == ([], 3, 3)


# Files that aren't what they should be


@pytest.fixture
def filled(path):
    """A file of several hundred pages, and the labels in it."""
    with LabelStore(path) as store:
        X = np.random.RandomState(0).normal(size=(60, 600))
        for batch in range(6):
            ids = store.add_query(X[10 * batch : 10 * batch + 10], round=batch)
            store.tell(ids, [int(sample) % 5 for sample in ids], annotator="Ada")
        labels = {record.id: record.label for record in store.records()}
    return path, labels


def test_other_files_are_refused_and_left_as_they_are(path):
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


@pytest.mark.parametrize("version", [1, 99])
def test_a_store_of_another_version_is_refused_and_left_as_it_is(filled, version):
    path, _ = filled
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = path.read_bytes()
    with pytest.raises(StoreVersionError, match=rf"version {version}; this skgal reads version \d"):
        LabelStore(path)
    assert path.read_bytes() == content


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
    assert np.median(n_rescued) >= 57
    # The exceptions are the pages through which SQLite finds all others of a table.
    assert sum(n < 30 for n in n_rescued) <= 1


def check_rescue(path, labels):
    """Salvage a file; what comes out must be right. Returns how many labels that are."""
    content = path.read_bytes()
    new_path = path.with_name("rescued.db")
    with salvage_store(path, new_path) as rescued:
        found = {record.id: record.label for record in rescued.records("answered")}
    assert found.items() <= labels.items()
    assert path.read_bytes() == content
    # What was rescued is a store like any other.
    with LabelStore(new_path) as rescued:
        (fresh,) = rescued.add_query([[0.0]])
        rescued.tell(fresh, 1)
    new_path.unlink()
    return len(found)


@pytest.mark.parametrize("share", [0.6, 0.7, 0.99])
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
        store.tell(store.add_query(np.arange(12.0).reshape(2, 6)), [0, 1])
    content = path.read_bytes()
    path.write_bytes(content.replace(np.float64(7).tobytes(), np.float64(-7).tobytes()))
    with LabelStore(path) as store, pytest.raises(StoreCorruptError, match="sample 2 doesn't"):
        store.records()
    with salvage_store(path, path.with_name("new.db")) as rescued:
        assert [record.id for record in rescued.records()] == [1]


@pytest.fixture
def rich(path):
    """A small store with something in every column."""
    with LabelStore(path) as store:
        store.classes = ["cat", "dog"]
        ids = store.add_query(
            np.arange(8.0).reshape(4, 2),
            indices=[3, 9, 4, 7],
            latent=np.ones((4, 2)),
            round=0,
            strategy="Margin",
            model="SVC",
            predictions=[0.5, 0.25, 1.0, 2.0],
            details=[1, 2, 3, 4],
            notes={"seconds_query": 1.0},
        )
        remarks = {"annotator": "Ada", "seconds": 1.5, "message": "hm", "details": {"x": 1}}
        store.tell(ids[:2], ["cat", "dog"], **remarks)
        store.fail(ids[2], "diverged")
        store._write_entry(5, {"n_labels": 2})
    return path


def read_all(path):
    """Everything that a store says."""
    with LabelStore(path) as store:
        hashes = [sample.hash for sample in encode_samples(np.arange(8.0).reshape(4, 2))]
        return repr(
            (
                store.to_frame(samples=True).to_dict("list"),
                store.events(),
                store.classes,
                store._read_entries(),
                store._costs_since(0),
                [getattr(store._find_labelled(each), "id", None) for each in hashes],
                [store.records(status) for status in ("answered", "pending")],
                store.counts(),
                store._changes_since(0),
            )
        )


def test_every_changed_value_is_noticed(rich):
    whole = rich.read_bytes()
    other = sqlite3.connect(rich)
    tables = [
        name for (name,) in other.execute("SELECT name FROM sqlite_master WHERE type='table'")
    ]
    cells = [
        (table, column)
        for table in tables
        for _, column, *_ in other.execute(f"PRAGMA table_info({table})")
    ]
    other.close()
    assert len(cells) == 37
    for table, column in cells:
        other = sqlite3.connect(rich)
        row = f"rowid = (SELECT max(rowid) FROM {table} WHERE {column} IS NOT NULL)"
        (value,) = other.execute(f"SELECT {column} FROM {table} WHERE {row}").fetchone()
        if isinstance(value, bytes | str):
            changed = value[:-1] + (b"~" if isinstance(value, bytes) else "~")
        else:
            changed = value + 1
        other.execute(f"UPDATE {table} SET {column} = ? WHERE {row}", (changed,))
        other.commit()
        other.close()
        is_noticed = False
        try:
            read_all(rich)
        except StoreCorruptError:
            is_noticed = True
        assert is_noticed, f"{table}.{column}"
        rich.write_bytes(whole)


@pytest.mark.parametrize("table", ["samples", "events", "history", "states"])
def test_rows_that_are_gone_or_added_are_noticed(rich, table):
    whole = rich.read_bytes()
    copied = "INSERT INTO states SELECT 9, status, event FROM states WHERE sample = 1"
    for change in (
        f"DELETE FROM {table} WHERE rowid = 1",
        f"DELETE FROM {table} WHERE rowid = (SELECT max(rowid) FROM {table})",
        copied if table == "states" else f"UPDATE {table} SET id = 99 WHERE id = 1",
    ):
        other = sqlite3.connect(rich)
        other.execute(change)
        other.commit()
        other.close()
        with pytest.raises(StoreCorruptError, match=r"missing|belong together|out of order"):
            LabelStore(rich)
        rich.write_bytes(whole)


def test_any_flipped_bit_is_noticed_or_changes_nothing(rich):
    whole, said = rich.read_bytes(), read_all(rich)
    random_state = np.random.RandomState(0)
    used = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8))
    n_noticed = 0
    for position in random_state.choice(used, 300, replace=False):
        content = bytearray(whole)
        content[position] ^= 1 << random_state.randint(8)
        rich.write_bytes(content)
        try:
            assert read_all(rich) == said, f"byte {position}"
        except StoreError:
            n_noticed += 1
    assert n_noticed > 250


@pytest.mark.parametrize(
    "hostile",
    [
        "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT i FROM n",
        "CREATE TRIGGER pay AFTER INSERT ON events BEGIN DELETE FROM samples; END",
        "CREATE TABLE more (x)",
        "CREATE INDEX more ON events (at)",
        "ALTER TABLE events ADD COLUMN x DEFAULT 'more'",
        "DROP INDEX samples_by_hash",
    ],
    ids=lambda text: " ".join(text.split()[:2]),
)
def test_tables_views_and_triggers_of_others_are_refused(rich, hostile):
    other = sqlite3.connect(rich)
    other.execute(hostile)
    other.commit()
    other.close()
    content = rich.read_bytes()
    with pytest.raises(StoreCorruptError, match="other tables, views or triggers"):
        LabelStore(rich)
    assert rich.read_bytes() == content
    other = sqlite3.connect(rich)
    other.execute("PRAGMA writable_schema = ON")
    other.execute("UPDATE sqlite_master SET sql = 'CREATE VIEW v AS SELECT 1' WHERE name = 'meta'")
    other.commit()
    other.close()
    with pytest.raises(StoreError):
        LabelStore(rich)


@pytest.mark.parametrize("kind", ["row", "array", "sparse"])
def test_salvage_leaves_out_samples_that_can_not_be_decoded(rich, kind, tmp_path):
    hostile = {"row": b"[" * 100_000, "array": b"\x93NUMPY\x01\x00\x05\x00((((\n", "sparse": b"x"}
    other = sqlite3.connect(rich)
    columns = _store.COLUMNS["samples"]
    *row, _, _ = other.execute(f"SELECT {columns} FROM samples WHERE id = 2").fetchone()
    row += [kind, _store.checksum(hostile[kind])]
    other.execute(
        "UPDATE samples SET format = ?, checksum = ?, digest = ?, payload = ? WHERE id = 2",
        (*row[-2:], _store.digest_row("samples", row), hostile[kind]),
    )
    other.commit()
    other.close()
    with LabelStore(rich) as store:
        with pytest.raises(StoreCorruptError, match="sample 2 can't be read"):
            store.records()
        assert len(store.records(samples=False)) == 4
    with salvage_store(rich, tmp_path / "new.db") as rescued:
        assert [record.id for record in rescued.records()] == [1, 3, 4]
        assert rescued.read_meta("salvaged") == {
            "meta": 0,
            "samples": 1,
            "events": 2,
            "history": 0,
        }
        assert rescued._read_entries() == [(4, {"n_labels": 2})], "the events are renumbered"


def test_a_note_that_can_not_be_read_is_named(rich):
    other = sqlite3.connect(rich)
    for key, text in (("classes", "[1,"), ("seed", "[" * 100_000)):
        other.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)",
            (key, text, _store.digest_row("meta", (key, text))),
        )
    other.commit()
    other.close()
    with LabelStore(rich) as store:
        for key in ("classes", "seed"):
            with pytest.raises(StoreCorruptError, match="a note about the session"):
                store.read_meta(key)


# A file that is gone


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_is_gone_is_noticed_before_each_purchase_and_nothing_is_lost(path, how):
    with LabelStore(path) as store:
        ids = store.add_query(np.eye(3))
        store.tell(ids[0], "cat")
        if how == "deleted":
            path.unlink()
        elif how == "moved":
            path.rename(path.with_name("elsewhere.db"))
        else:
            LabelStore(path.with_name("other.db")).close()
            path.with_name("other.db").replace(path)
        n_events = len(store.events())
        with pytest.raises(StoreMissingError, match=r"store\.backup"):
            store.add_query(np.eye(3))
        assert len(store.events()) == n_events
        with pytest.raises(StoreMissingError), store.transaction():
            pass
        with pytest.raises(StoreMissingError):
            store.tell(ids[1], "dog")
        store.backup(path.with_name("rescued.db"))
    with LabelStore(path.with_name("rescued.db")) as rescued:
        assert [record.label for record in rescued.records()] == ["cat", "dog", None]


def test_a_log_without_its_store_is_not_taken_for_that_of_a_new_one(path):
    with LabelStore(path) as store:
        store.tell(store.add_query([[1.0]]), ["cat"])
        moved = path.rename(path.with_name("elsewhere.db"))
        with pytest.raises(StoreError, match="its log"):
            LabelStore(path)
        moved.rename(path)
    with LabelStore(path) as store:
        assert store.records()[0].label == "cat"


def test_a_backup_is_whole_and_spares_files(path):
    with LabelStore(path) as store:
        ids = store.add_query(np.eye(2))
        store.backup(path.with_name("copy.db"))
        store.tell(ids, [0, 1])
        with pytest.raises(FileExistsError, match="a new file"):
            store.backup(path)
    with LabelStore(path.with_name("copy.db")) as copied:
        assert copied.counts()["pending"] == 2


def test_salvage_spares_files_and_says_when_there_is_nothing(path):
    path.write_bytes(b"nothing at all")
    with pytest.raises(FileExistsError, match="a new file"):
        salvage_store(path, path)
    with pytest.raises(StoreCorruptError, match="Nothing can be rescued"):
        salvage_store(path, path.with_name("new.db"))
    assert not path.with_name("new.db").exists()


def test_full_disk_keeps_what_was_committed(path):
    with LabelStore(path) as store:
        store.tell(store.add_query([[1.0]]), ["cat"])
        n_pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {n_pages + 2}")
        with pytest.raises(StoreFullError, match=r"full.*make room and go on"):
            store.add_query(np.zeros((1, 100_000)))
        assert store.counts() == {**store.counts(), "answered": 1, "pending": 0}
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.add_query(np.zeros((1, 100_000)))
    with LabelStore(path) as store:
        assert store.records("answered")[0].label == "cat"


def test_lock_that_is_never_released_is_named(path, monkeypatch):
    LabelStore(path).close()
    monkeypatch.setattr(_store, "SECONDS_TO_WAIT", 0.01)
    other = sqlite3.connect(path, isolation_level=None)
    with LabelStore(path) as store:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="Another process holds the store"):
            store.add_query([[1.0]])
        other.execute("ROLLBACK")
        store.add_query([[1.0]])
    other.close()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs POSIX")
@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "nowhere"])
def test_pipes_devices_and_broken_links_are_refused(tmp_path, kind):
    path = tmp_path / "store.db"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to({"device": "/dev/zero", "loop": path, "nowhere": tmp_path / "no"}[kind])
    for read in (LabelStore, lambda path: salvage_store(path, tmp_path / "new.db")):
        with pytest.raises(StoreError, match="no file, but a pipe, a device or a link"):
            read(path)
    assert not (tmp_path / "new.db").exists()
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIRTUAL TABLE v USING fts5(a)",
        "ALTER TABLE samples ADD COLUMN g TEXT GENERATED ALWAYS AS (hex(zeroblob(1000000000)))",
        "CREATE INDEX i ON samples(hex(zeroblob(10)))",
        "CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM samples; END",
    ],
    ids=["virtual table", "generated column", "expression", "trigger"],
)
def test_other_schemas_are_refused_and_salvage_leaves_them_behind(path, statement, tmp_path):
    with LabelStore(path) as store:
        store.tell(store.add_query(np.eye(2)), [0, 1])
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    with pytest.raises(StoreCorruptError, match="other tables, views or triggers"):
        LabelStore(path)
    with salvage_store(path, tmp_path / "new.db") as rescued:
        assert [record.label for record in rescued.records()] == [0, 1]
    LabelStore(tmp_path / "new.db").close()


# Two learners and one store: one labels at a time, and a killed one leaves no lock behind.


HOLD = """
import sys
from skgal.active import LabelStore

with LabelStore(sys.argv[1]) as store, store.lock():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(path):
    """Another process that buys for the store, until it is killed."""
    LabelStore(path).close()
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


class LockChecking(LabelOracle):
    """When asked for labels, has other learners ask, too; keeps the errors that they get."""

    def __init__(self, X, y, others):
        super().__init__(X, y)
        self.others = others
        self.errors = []

    def __call__(self, X):
        for other in self.others:
            with pytest.raises(StoreInUseError) as caught:
                other()
            self.errors.append(str(caught.value))
        return super().__call__(X)

    def __sklearn_clone__(self):
        return self


def test_while_one_buys_no_other_does(path, blobs, partial, make_learner, summary, monkeypatch):
    monkeypatch.setattr(_learner, "SECONDS_TO_WAIT", 0.0)
    X, y = blobs
    asking = make_learner(path).fit(*partial)
    fitting = make_learner(path, oracle=LabelOracle(X, y))
    oracle = LockChecking(X, y, [lambda: fitting.fit(*partial), asking.ask])
    learner = make_learner(path, oracle=oracle).fit(*partial)
    assert len(oracle.errors) == 2 * 3, "three batches, each wanted by two others"
    assert all(str(path) in error and "paid for twice" in error for error in oracle.errors)
    unbroken = make_learner(oracle=LabelOracle(X, y)).fit(*partial)
    assert summary(learner) == summary(unbroken)
    assert summary(fitting.fit(*partial)) == summary(unbroken), "its turn has come"


def test_others_may_answer_and_learn_meanwhile(path, blobs, partial, make_learner):
    _, y = blobs
    asking = make_learner(path).fit(*partial)
    query = asking.ask()
    with LabelStore(path) as store, store.lock():
        asking.tell(query, y[query.indices])
        assert make_learner(path).fit(*partial).labelled_.n_bought == 4


def test_a_killed_process_leaves_no_lock(path, other, blobs, partial, make_learner):
    learner = make_learner(path, oracle=LabelOracle(*blobs))
    with pytest.raises(StoreInUseError, match="Another learner is using"):
        learner.fit(*partial)
    with LabelStore(path) as store:
        assert not store.counts()["answered"]
    other.kill()  # SIGKILL where there is such a thing
    other.wait()
    assert learner.fit(*partial).labelled_.n_bought == 12


def test_a_link_is_the_same_store(path, blobs, partial, make_learner, tmp_path):
    with LabelStore(path) as store, store.lock():
        link = tmp_path / "link.db"
        link.symlink_to(path)
        with pytest.raises(StoreInUseError):
            make_learner(link, oracle=LabelOracle(*blobs)).fit(*partial)


def test_a_store_in_memory_needs_no_lock(blobs, partial, make_learner):
    with LabelStore() as store, store.lock():
        learner = make_learner(store, oracle=LabelOracle(*blobs)).fit(*partial)
    assert learner.labelled_.n_bought == 12


def test_links_and_folders_in_the_place_of_the_lock_are_named_and_left_alone(path, tmp_path):
    target = tmp_path / "precious"
    lock = tmp_path / "labels.db-lock"
    with LabelStore(path) as store:
        lock.symlink_to(target)
        with pytest.raises(StoreError, match="there is a link, a folder"), store.lock():
            pass
        assert not target.exists()
        target.write_text("precious")
        with pytest.raises(StoreError, match="there is a link, a folder"), store.lock():
            pass
        assert target.read_text() == "precious"
        lock.unlink()
        lock.mkdir()
        with pytest.raises(StoreError, match="there is a link, a folder"), store.lock():
            pass
        lock.rmdir()
        with store.lock():
            assert lock.read_bytes() == b""


def test_a_folder_in_the_place_of_the_store_is_named(tmp_path):
    with pytest.raises(StoreError, match="is a folder"):
        LabelStore(tmp_path)


@pytest.mark.parametrize("extension", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("is_new", [True, False])
def test_links_in_place_of_files_of_sqlite_are_not_followed(path, tmp_path, extension, is_new):
    (tmp_path / "precious").write_text("precious")
    if not is_new:
        with LabelStore(path) as store:
            store.add_query([[1.0]])
    link = tmp_path / f"labels.db{extension}"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError, match=r"labels\.db"), LabelStore(path) as store:
        store.add_query([[2.0]])
    assert (tmp_path / "precious").read_text() == "precious"
    link.unlink()
    if not is_new:
        with LabelStore(path) as store:
            assert len(store.records()) == 1


# Processes that are killed, race for one store, or find no room on the disk.


@pytest.fixture(scope="module")
def report():
    """What crash_script.py found; it asserts most of it itself."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork and SIGKILL")
    # What the processes wrote survives them in any file system, and in memory it is fast.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        os.chmod(folder, 0o755)
        script = Path(__file__).with_name("crash_script.py")
        done = subprocess.run(
            [sys.executable, script, folder], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_session_killed_a_hundred_times_equals_the_unbroken_one(report):
    # After each kill: every answer given is in the store. At the end: none was bought twice, and
    # record, history and model are those of the unbroken session.
    kills = report["kill"]
    assert sum(entry["kills"] for entry in kills.values()) >= 100
    assert kills["stream"]["lost"] == kills["label_pending"]["lost"] == 0
    # What a plain function returns can be lost between its return and the commit, a batch a kill.
    assert kills["plain"]["lost"] <= 4 * kills["plain"]["kills"]


def test_two_processes_answer_one_store_and_nothing_is_lost(report):
    race = report["race"]
    assert race["counts"]["answered"] == race["answers"] == 80
    assert race["counts"]["pending"] == 80, "those that a third process asked for meanwhile"
    assert race["wrong"] == 0
    assert race["annotators"] == 2


def test_full_disk_is_named_and_keeps_the_answers(report):
    full = report["fill"]
    assert full["error"].startswith("StoreFullError")
    assert "make room and go on with the same store" in full["error"]
    assert 0 < full["given"] < 40
    assert full["missing"] == 0
    assert full["same"]
    assert full["bought_twice"] == 0


def test_read_only_store_is_named_and_untouched(report):
    forbidden = report["forbid"]
    assert [error.split(":")[0] for error in forbidden["errors"]] == ["StoreReadOnlyError"] * 2
    assert forbidden["untouched"]
    assert forbidden["files"] == ["labels.db"]
