"""Two learners and one store: one labels at a time, and a killed one leaves no lock behind."""

import subprocess
import sys

import pytest

from skgal.active import LabelOracle, LabelStore, _learner
from skgal.exceptions import StoreError, StoreInUseError

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


class Jealous(LabelOracle):
    """Asked for labels, tries to buy by others what waits for its own; keeps what it is told."""

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
    oracle = Jealous(X, y, [lambda: fitting.fit(*partial), asking.ask])
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
    with pytest.raises(StoreInUseError, match="Another learner is buying"):
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
def test_links_in_the_place_of_what_sqlite_writes_are_not_followed(
    path, tmp_path, extension, is_new
):
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
