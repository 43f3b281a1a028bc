"""The store's file: shared, outlived, and what is wrong with it is said."""

import copy
import pickle
import sqlite3
import threading

import numpy as np
import pytest
from sklearn.base import clone

from skgal.active import LabelStore, _store_file
from skgal.exceptions import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreVersionError,
)

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
