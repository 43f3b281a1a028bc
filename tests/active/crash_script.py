"""Stores in forked children that are killed, race, or get no room; run by test_store_file.py.

A script of its own, since a fork must not inherit the threads of a test runner, and light: it
imports no torch, so that a hundred children start in no time.
"""

import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

import numpy as np
from sklearn.naive_bayes import GaussianNB

from skgal.active import ActiveLearner, Answer, LabelStore
from skgal.query import UncertaintySampling

N_KILLS = 100
LONGEST_LIFE = 0.2
SECONDS_PER_ANSWER = 0.002

X = np.random.RandomState(0).normal(size=(80, 2))
Y = (X @ [1.0, 2.0] > 0).astype(int)
KNOWN = np.where(np.arange(80) < 10, Y, np.nan)


class Log:
    """Lines that are on disk once they are written."""

    def __init__(self, path):
        self.path = path

    def write(self, kind, rows):
        with open(self.path, "a") as file:
            file.write("".join(f"{kind} {int(row)}\n" for row in rows))
            file.flush()
            os.fsync(file.fileno())

    def read(self, kind):
        if not self.path.exists():
            return []
        # A line that was cut short by the kill says nothing.
        lines = [line.split() for line in self.path.read_text().split("\n")[:-1]]
        return [int(line[1]) for line in lines if line[0] == kind]


def rows_of(samples):
    return [int(np.flatnonzero((sample == X).all(axis=1))[0]) for sample in samples]


class Plain:
    """Logs its answers, then returns them."""

    def __init__(self, log):
        self.log = log

    def __call__(self, samples):
        rows = rows_of(samples)
        self.log.write("started", rows)
        time.sleep(SECONDS_PER_ANSWER * len(rows))
        self.log.write("answered", rows)
        return Y[rows]

    def __sklearn_clone__(self):
        return self


class Streaming(Plain):
    """Logs an answer when the learner comes back for the next one: it was taken then."""

    def stream(self, samples):
        for position, row in enumerate(rows_of(samples)):
            self.log.write("started", [row])
            time.sleep(SECONDS_PER_ANSWER)
            yield Answer(position, int(Y[row]), annotator="simulator")
            self.log.write("answered", [row])


class Writing(Plain):
    """Writes its answers to the store itself, then logs them."""

    def label_pending(self, store, ids):
        for record in store.records("pending", ids):
            (row,) = rows_of([record.X])
            self.log.write("started", [row])
            time.sleep(SECONDS_PER_ANSWER)
            store.tell(record.id, int(Y[row]))
            self.log.write("answered", [row])


PROTOCOLS = {"plain": Plain, "stream": Streaming, "label_pending": Writing}


def label(folder, protocol):
    """Run a session, or go on with it; return what it came to."""
    learner = ActiveLearner(
        GaussianNB(),
        UncertaintySampling(),
        oracle=PROTOCOLS[protocol](Log(folder / "log")),
        batch_size=4,
        budget=40,
        store=folder / "labels.db",
        random_state=0,
    ).fit(X, KNOWN, X_val=X, y_val=Y)
    record = learner.labelled_
    history = [
        {name: value for name, value in row.items() if not name.startswith("seconds")}
        for row in learner.history_
    ]
    return json.dumps(
        {
            "indices": record.indices.tolist(),
            "y": record.y.tolist(),
            "history": history,
            "means": learner.estimator_.theta_.tolist(),
        }
    )


def fork(task, *arguments):
    """Start a task in a fork; return the process id."""
    child = os.fork()
    if child == 0:
        try:
            task(*arguments)
        except BaseException:  # in a forked child nothing may get past this
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def join(child):
    """Wait for a fork; return whether it was killed."""
    _, status = os.waitpid(child, 0)
    if status and not os.WIFSIGNALED(status):
        raise RuntimeError("A forked task failed; see above.")
    return os.WIFSIGNALED(status)


def run_child(folder, protocol, seconds):
    """Run a session in a fork; kill it after some time, unless it is done before.

    Returns whether it had to be killed.
    """
    child = fork(lambda: (folder / "result").write_text(label(folder, protocol)))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return join(child)


def in_store(folder):
    """Rows that have an answer, and how often each got one."""
    if not (folder / "labels.db").exists():
        return {}
    with LabelStore(folder / "labels.db") as store:
        rows = {record.id: record.index for record in store.records(samples=False)}
        answers = [event for event in store.events() if event.kind in ("answered", "surplus")]
    for event in answers:
        assert event.label == Y[rows[event.sample]]
    return {
        row: sum(rows[event.sample] == row for event in answers)
        for row in {rows[event.sample] for event in answers}
    }


def break_and_resume(folder, protocol, moments):
    """Kill a session until it is done before it is killed; report on what it lost."""
    log = Log(folder / "log")
    n_kills, lost = 0, set()
    while run_child(folder, protocol, next(moments)):
        n_kills += 1
        given = log.read("answered")
        missing = set(given) - set(in_store(folder))
        if protocol == "plain":
            # The one window there is: returned by the last call, killed before the commit.
            assert missing <= set(given[-4:])
            lost |= {(row, given.count(row)) for row in missing}
        else:
            assert not missing, "an answer that was given is not in the store"
    answered, started = log.read("answered"), log.read("started")
    stored = in_store(folder)
    assert set(stored.values()) == {1}
    assert set(answered) <= set(stored)
    assert len(answered) - len(set(answered)) == len(lost), "an answer was bought twice"
    batch = 4 if protocol == "plain" else 1
    assert len(started) - len(set(started)) <= batch * n_kills
    return n_kills, len(lost)


def kill_often(folder):
    """Break sessions of each protocol until there were enough kills."""
    random_state = random.Random(0)
    moments = iter(lambda: random_state.uniform(0, LONGEST_LIFE), None)
    report = {name: {"sessions": 0, "kills": 0, "lost": 0} for name in PROTOCOLS}
    unbroken = {}
    for protocol in PROTOCOLS:
        whole = folder / f"unbroken-{protocol}"
        whole.mkdir()
        unbroken[protocol] = label(whole, protocol)
    assert len(set(unbroken.values())) == 1, "the protocol must not change what is chosen"
    while sum(entry["kills"] for entry in report.values()) < N_KILLS:
        protocol = min(report, key=lambda name: report[name]["kills"])
        broken = folder / f"{protocol}-{report[protocol]['sessions']}"
        broken.mkdir()
        n_kills, n_lost = break_and_resume(broken, protocol, moments)
        assert (broken / "result").read_text() == unbroken[protocol]
        report[protocol]["sessions"] += 1
        report[protocol]["kills"] += n_kills
        report[protocol]["lost"] += n_lost
    return report


def race(folder):
    """Let processes answer one store at once while another asks; count what arrived."""
    path = folder / "race.db"
    with LabelStore(path) as store:
        ids = store.add_query(X).tolist()

    def tell(part):
        with LabelStore(path) as store:
            for sample in part:
                store.tell(sample, sample % 7, annotator=str(os.getpid()))

    def ask():
        with LabelStore(path) as store:
            for sample in X:
                store.add_query([sample])

    # The last ten are told by both.
    children = [fork(tell, ids[:35] + ids[70:]), fork(tell, ids[35:]), fork(ask)]
    for child in children:
        join(child)
    with LabelStore(path) as store:
        records = store.records(samples=False)
        return {
            "counts": store.counts(),
            "wrong": sum(r.label != r.id % 7 for r in records if r.status == "answered"),
            "annotators": len({r.annotator for r in records} - {None}),
            "answers": sum(event.kind == "answered" for event in store.events()),
        }


def fill(folder):
    """Run a session that may not write more than a little; report, then go on with room."""
    broken, whole = folder / "full", folder / "whole"
    broken.mkdir()
    whole.mkdir()

    def run():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
        try:
            label(broken, "stream")
        except OSError as error:
            (broken / "error").write_text(f"{type(error).__name__}: {error}")

    join(fork(run))
    given = Log(broken / "log").read("answered")
    return {
        "error": (broken / "error").read_text(),
        "given": len(given),
        "missing": len(set(given) - set(in_store(broken))),
        "same": label(broken, "stream") == label(whole, "stream"),
        "bought_twice": len(Log(broken / "log").read("answered")) - 40,
    }


def forbid(folder):
    """Open a store that may only be read; report the error, and whether it was touched."""
    closed = folder / "closed"
    closed.mkdir()
    LabelStore(closed / "labels.db").close()
    before = (closed / "labels.db").read_bytes()
    os.chmod(closed / "labels.db", 0o444)
    os.chmod(closed, 0o555)
    report = folder / "report"
    report.touch()
    for reachable in (folder, report):
        os.chmod(reachable, 0o777)

    def run():
        if os.getuid() == 0:  # who may do anything
            os.setuid(65534)
        for name in ("labels.db", "new.db"):
            try:
                LabelStore(closed / name)
            except OSError as error:
                with open(report, "a") as file:
                    file.write(f"{type(error).__name__}: {error}\n")

    join(fork(run))
    os.chmod(closed, 0o755)
    return {
        "errors": report.read_text().splitlines(),
        "untouched": (closed / "labels.db").read_bytes() == before,
        "files": sorted(path.name for path in closed.iterdir()),
    }


if __name__ == "__main__":
    scenarios = {"kill": kill_often, "race": race, "fill": fill, "forbid": forbid}
    sys.stdout.write(json.dumps({name: run(Path(sys.argv[1])) for name, run in scenarios.items()}))
