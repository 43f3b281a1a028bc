"""Oracles that fail, hang, disagree: what they may answer, and what is refused."""

import logging
import os
import pickle
import subprocess
import time
from decimal import Decimal
from fractions import Fraction
from functools import partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from skgal.active import (
    ActiveLearner,
    CallableOracle,
    EstimatorOracle,
    LabelOracle,
    LabelStore,
    VotingOracle,
)
from skgal.active._session import as_store_oracle
from skgal.exceptions import StoreMissingError
from skgal.query import RandomSampling

PATIENCE = 0.5
CLASSES = np.array([0, 1])


def sign(x):
    return int(x[0] > 0)


def parity(x):
    return int(x[0]) % 2


def make_mishap():
    """Make a function that raises for 3, 13, 23, ..., hangs for 7, 27, ..., else answers.

    Made in a function, it travels by value: a child process needn't import this module.
    """

    def mishap(x):
        number = int(x[0])
        if number % 10 == 3:
            raise RuntimeError(f"solver diverged at {number}")
        if number % 20 == 7:
            time.sleep(1000)
        return number % 2

    return mishap


def numbers(n):
    return np.arange(n, dtype=float)[:, np.newaxis]


def label(oracle, X, classes=None, store=None):
    """Have an oracle label samples in a store; their records, in order."""
    store = LabelStore() if store is None else store
    if classes is None:
        store.n_outputs = 1
    else:
        store.classes = classes
    ids = store.add_query(X)
    as_store_oracle(oracle, lambda ids: X[np.asarray(ids) - 1]).label_pending(store, ids.tolist())
    return store.records()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_raising_and_hanging_calls_end_as_named_failures(n_jobs, caplog):
    oracle = CallableOracle(make_mishap(), n_jobs=n_jobs, timeout=PATIENCE, on_error="decline")
    with caplog.at_level(logging.WARNING, "skgal.active"):
        answers = dict(enumerate(label(oracle, numbers(20), CLASSES)))
    failed = {i: answers[i].message for i in answers if answers[i].status == "failed"}
    assert set(failed) == {3, 13, 7}
    assert failed[3] == "RuntimeError: solver diverged at 3"
    assert "no answer within 0.5 s" in failed[7]
    assert all(answers[i].label == i % 2 for i in answers if i not in failed)
    logged = [record.getMessage() for record in caplog.records]
    name = "make_mishap.<locals>.mishap"
    # By the ids of the store, which begin with 1.
    assert sorted(logged) == sorted(f"Sample with id {i + 1}: {name}: {failed[i]}" for i in failed)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "skgal.active"):  # without a store there are no ids
        CallableOracle(make_mishap(), on_error="decline")(numbers(4))
    (record,) = caplog.records
    assert record.getMessage() == f"Sample 3 of the batch: {name}: {failed[3]}"


def test_a_run_with_failing_calls_ends(caplog):
    X = numbers(40)
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(random_state=0),
        oracle=CallableOracle(make_mishap(), timeout=PATIENCE, on_error="decline"),
        batch_size=18,
        budget=36,
        random_state=0,
    )
    y = np.full(40, np.nan)
    y[:4] = [0, 1, 0, 1]
    with caplog.at_level(logging.WARNING, "skgal.active"):
        learner.fit(X, y)
    lost = {7, 13, 23, 27, 33}
    assert sorted(learner.labelled_.indices) == [i for i in range(40) if i not in lost]
    assert sum("RuntimeError" in record.getMessage() for record in caplog.records) == 3
    assert sum("TimeoutError" in record.getMessage() for record in caplog.records) == 2
    failed = {record.index: record.message for record in learner.store_.records("failed")}
    assert set(failed) == lost
    assert failed[13] == "RuntimeError: solver diverged at 13"
    assert "no answer within" in failed[7]


def test_failures_raise_after_the_rest_of_the_batch():
    oracle = CallableOracle(make_mishap(), timeout=PATIENCE)
    store = LabelStore()
    match = r"2 of 8 .* sample with id 4: RuntimeError: .*sample with id 8: Timeout"
    with pytest.raises(ValueError, match=match) as caught:
        label(oracle, numbers(8), CLASSES, store)
    assert [record.label for record in store.records()] == [0, 1, 0, None, 0, 1, 0, None]
    assert isinstance(caught.value.__cause__, RuntimeError)
    refused = [event for event in store.events() if event.kind == "refused"]
    assert [event.sample for event in refused] == [4, 8]
    assert "solver diverged" in refused[0].message
    with pytest.raises(ValueError, match=r"1 of 4 .* sample 3 of the batch: RuntimeError"):
        oracle(numbers(4))


def test_answers_arrive_one_by_one():
    asked = []

    def answer(x):
        asked.append(x[0])
        return 1

    stream = CallableOracle(answer).stream(numbers(5))
    assert next(stream).label == 1
    assert asked == [0.0]


def test_an_interrupt_keeps_the_answers_so_far():
    def answer(x):
        if x[0] == 3:
            raise KeyboardInterrupt
        return 1

    kept = []
    with pytest.raises(KeyboardInterrupt):
        kept.extend(CallableOracle(answer).stream(numbers(5)))
    assert [each.position for each in kept] == [0, 1, 2]


def test_retries_end_with_the_first_answer(tmp_path):
    def flaky(x):
        path = tmp_path / str(int(x[0]))
        tries = path.stat().st_size if path.exists() else 0
        path.write_bytes(b"." * (tries + 1))
        if tries < x[0]:
            raise OSError("licence server busy")
        return 1

    answers = list(CallableOracle(flaky, retries=2, on_error="decline").stream(numbers(4)))
    assert [answer.status for answer in answers] == ["answered"] * 3 + ["failed"]
    assert answers[3].message == "OSError: licence server busy (attempt 3 of 3)"
    assert [(tmp_path / str(i)).stat().st_size for i in range(4)] == [1, 2, 3, 3]


def test_a_call_that_takes_its_process_down_is_one_failure():
    def crash(x):
        if x[0] == 1:
            os._exit(1)
        return 0

    oracle = CallableOracle(crash, timeout=60, on_error="decline")
    answers = list(oracle.stream(numbers(3)))
    assert [answer.status for answer in answers] == ["answered", "failed", "answered"]
    assert "TerminatedWorkerError" in answers[1].message


def test_processes_of_a_hanging_call_are_killed(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def simulate(x):
        subprocess.run(f"exec 3>{pipe}; echo started >&3; sleep 1000", shell=True, check=False)

    oracle = CallableOracle(simulate, timeout=PATIENCE, on_error="decline")
    assert np.isnan(oracle(numbers(1))).all()
    os.set_blocking(reader, True)
    assert os.read(reader, 100) == b"started\n"
    assert os.read(reader, 100) == b""  # the end: no process is left that could write
    os.close(reader)


@pytest.mark.parametrize("backend", ["sequential", "threading", "loky", "multiprocessing", "dask"])
def test_backends_of_joblib(backend):
    X = numbers(6)
    # By value, so that loky's workers needn't import this module; by name for multiprocessing.
    oracle = CallableOracle(parity if backend == "multiprocessing" else lambda x: int(x[0]) % 2)
    if backend == "dask":
        distributed = pytest.importorskip("distributed", reason="needs distributed, the extra dask")
        cluster = {"processes": False, "n_workers": 1, "dashboard_address": None}
        with distributed.Client(**cluster), joblib.parallel_config("dask"):
            labels = oracle(X)
    else:
        with joblib.parallel_config(backend, n_jobs=2):
            labels = oracle(X)
    assert labels.tolist() == [0, 1, 0, 1, 0, 1]


def test_kinds_of_answers():
    X = numbers(3)
    ask = [CallableOracle(func) for func in (lambda x: [0.2, 0.8], lambda x: x[0] / 2)]
    np.testing.assert_array_equal(ask[0](X), [[0.2, 0.8]] * 3)
    np.testing.assert_array_equal(ask[1](X), [0, 0.5, 1])
    assert [record.label for record in label(ask[0], X, CLASSES)] == [{0: 0.2, 1: 0.8}] * 3
    assert [record.label for record in label(ask[1], X)] == [0.0, 0.5, 1.0]
    picky = CallableOracle(lambda x: "a" if x[0] else None)
    assert [a.status for a in picky.stream(X)] == ["declined", "answered", "answered"]


def test_rows_of_frames_are_series():
    frame = pd.DataFrame({"size": [1, 3], "name": ["x", "y"]})
    assert CallableOracle(lambda row: f"{row['name']}{row['size']}")(frame).tolist() == ["x1", "y3"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (7, "sample with id 3: .*7 is none of the classes"),
        (0.5, "sample with id 3: .*0.5"),
        (np.inf, "sample with id 3: .*finite"),
        ("cat", "sample with id 3: .*'cat'"),
        ([0.9, 0.3], "sample with id 3: .*sum to 1"),
        ([1.0, 0, 0], "sample with id 3: .*2 classes"),
        (object(), "sample with id 3: "),
        (np.ones((2, 2)), r"sample with id 3: .*shape \(2, 2\)"),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "decline"])
def test_unusable_answers_are_named_and_the_rest_kept(answer, message, on_error):
    func = partial(choose, answer=answer)
    oracle, store = CallableOracle(func, classes=[0, 1], on_error=on_error), LabelStore()
    if on_error == "raise":
        with pytest.raises(ValueError, match=message):
            label(oracle, numbers(4), CLASSES, store)
    else:
        label(oracle, numbers(4), CLASSES, store)
    assert [record.label for record in store.records()] == [1, 1, None, 1]
    assert store.records()[2].status == ("pending" if on_error == "raise" else "failed")
    (refused,) = [event for event in store.events() if event.kind == "refused"]
    assert refused.sample == 3


def choose(x, answer):
    return answer if x[0] == 2 else 1


@pytest.mark.parametrize(
    "answer",
    [
        np.array([[1]]),
        np.array(1),
        [[[1.0]]],
        (True,),
        pd.DataFrame({"y": [1]}),
        pl.Series([1]),
        torch.tensor([1]),
        pa.array([1]),
        pa.scalar(1),
    ],
    ids=["2-D", "0-D", "list", "tuple", "pandas", "polars", "torch", "arrow", "arrow scalar"],
)
def test_one_answer_may_come_in_any_array_of_one(answer):
    oracle = CallableOracle(lambda x: answer, on_error="decline")
    assert [record.label for record in label(oracle, numbers(3), CLASSES)] == [1, 1, 1]


@pytest.mark.parametrize(
    "row",
    [np.array([[0.25, 0.75]]), torch.tensor([[[0.25, 0.75]]]), pd.Series([0.25, 0.75], [3, 1])],
    ids=["2-D", "torch", "series"],
)
def test_one_row_may_come_in_any_array_of_one_row(row):
    # As model.predict_proba([x]) returns it.
    oracle = CallableOracle(lambda x: row)
    labels = [record.label for record in label(oracle, numbers(2), CLASSES)]
    assert labels == [{0: 0.25, 1: 0.75}] * 2


@pytest.mark.parametrize(
    "answer",
    [
        Decimal("1.5"),
        Fraction(3, 2),
        np.float16(1.5),
        np.longdouble(1.5),
        torch.tensor(1.5, requires_grad=True),
    ],
    ids=["decimal", "fraction", "half", "long double", "differentiable"],
)
def test_numbers_of_any_type_are_numbers(answer):
    oracle = CallableOracle(lambda x: answer)
    assert [record.label for record in label(oracle, numbers(2))] == [1.5, 1.5]


def test_a_differentiable_simulator_answers_whole_batches():
    def simulate(X):
        return torch.tensor(X, requires_grad=True).sum(axis=1)

    assert [record.label for record in label(simulate, numbers(3))] == [0, 1, 2]


@pytest.mark.parametrize(
    ("oracle", "labels"),
    [
        (lambda X: np.ma.array([5, 6, 7], mask=[0, 1, 0]), [5, None, 7]),
        (lambda X: np.ma.array([[5.0], [6.0], [7.0]], mask=[[0], [1], [0]]), [5, None, 7]),
        (CallableOracle(lambda x: np.ma.masked if x[0] == 1 else 3.0), [3, None, 3]),
    ],
    ids=["column of integers", "2-D", "one by one"],
)
def test_masked_answers_are_declined(oracle, labels):
    # As netCDF's readers give them; numpy.asarray would uncover what is below the mask.
    assert [record.label for record in label(oracle, numbers(3))] == labels


class UnprintableError(Exception):
    def __str__(self):
        raise AttributeError("no such part")


def break_off(x, error):
    if x[0] == 1:
        raise error
    return 1


@pytest.mark.parametrize("timeout", [None, 60], ids=["here", "in a child"])
@pytest.mark.parametrize(
    "error", [SystemExit(3), UnprintableError(1)], ids=["exits", "error without a message"]
)
def test_however_a_call_breaks_off_it_is_one_failure(error, timeout):
    oracle = CallableOracle(partial(break_off, error=error), timeout=timeout, on_error="decline")
    store = LabelStore()
    label(oracle, numbers(3), CLASSES, store)
    assert [record.status for record in store.records()] == ["answered", "failed", "answered"]
    (failed,) = [event for event in store.events() if event.kind == "failed"]
    assert failed.message.startswith(type(error).__name__)


def test_an_answer_that_cannot_be_read_is_refused():
    class Unreadable:
        def __array__(self, *args, **kwargs):
            raise RuntimeError("closed")

        def __len__(self):
            return 2

    for answer in (Unreadable(), 10**400):
        oracle, store = CallableOracle(lambda x, a=answer: a), LabelStore()
        with pytest.raises(ValueError, match=r"can't be read as a label: (Runtime|Overflow)Error"):
            label(oracle, numbers(1), None, store)
        assert [record.status for record in store.records()] == ["pending"]


def test_what_a_function_writes_into_its_sample_stays_with_it():
    def scale(x):
        x /= 2.0
        if calls.append(1) is None and len(calls) == 1:
            raise RuntimeError("first attempt")
        return x[0]

    calls, X = [], numbers(3)
    assert CallableOracle(scale, retries=1)(X).tolist() == [0, 0.5, 1]
    np.testing.assert_array_equal(X, numbers(3))

    def scale_all(X):
        X /= 2.0
        return X[:, 0]

    vectorized = CallableOracle(scale_all, vectorized=True)
    together = VotingOracle([scale_all, CallableOracle(scale), vectorized], combine="mean")
    assert together(X).tolist() == [0, 0.5, 1]
    np.testing.assert_array_equal(X, numbers(3))


def test_arrays_keep_their_good_entries_too():
    store = LabelStore()
    with pytest.raises(ValueError, match=r"samples \[2\].*finite"):
        label(lambda X: [1, np.inf, np.nan], numbers(3), CLASSES, store)
    assert [record.status for record in store.records()] == ["answered", "pending", "declined"]
    with pytest.raises(ValueError, match=r"each of 3 samples.*got 2"):
        label(lambda X: [1, 0], numbers(3), CLASSES)


def test_a_stream_must_answer_once_for_each():
    class Short(CallableOracle):
        def stream(self, X):
            yield from list(super().stream(X))[:-1]

    with pytest.raises(ValueError, match=r"each of the 3 samples.*\[0, 1\]"):
        label(Short(sign), numbers(3), CLASSES)


# Faults of the oracle


def broken(x):
    return {}["missing key"]


def test_a_batch_that_fails_for_one_reason_stops_the_session_and_costs_nothing(blobs):
    X, y = blobs
    for n_jobs in (None, 2):
        with joblib.parallel_config("loky"):
            learner = ActiveLearner(
                LogisticRegression(),
                RandomSampling(),
                oracle=CallableOracle(lambda x: {}["missing key"], n_jobs, on_error="decline"),
                budget=30,
            )
            with pytest.raises(RuntimeError, match=r"last 10 samples.*KeyError") as caught:
                learner.fit(X, y)
        assert isinstance(caught.value.__cause__, KeyError)
    store = learner.store_
    assert len(learner.pending_) == 10
    assert sum(event.kind == "failed" for event in store.events()) == 10
    with pytest.raises(ValueError, match="10 of 10") as caught:
        learner.set_params(oracle=CallableOracle(broken)).fit(X, y)
    assert isinstance(caught.value.__cause__, KeyError)
    # Mended, the same session goes on with the very samples that failed.
    learner.set_params(oracle=LabelOracle(X, y), store=store).fit(X, y)
    assert learner.labelled_.n_bought == 30


def test_small_batches_fail_for_one_reason_together(blobs):
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=CallableOracle(broken, on_error="decline"),
        batch_size=2,
        budget=30,
    )
    with pytest.raises(RuntimeError, match="last 10 samples"):
        learner.fit(*blobs)


def test_a_small_batch_in_a_corner_where_the_simulator_fails_does_not_end_the_session(blobs):
    n_calls = []

    def fails_at_first(x):
        n_calls.append(1)
        if len(n_calls) <= 5:
            raise ArithmeticError("no convergence")
        return int(x[1] > 0)

    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=CallableOracle(fails_at_first, on_error="decline"),
        batch_size=5,
        budget=15,
    ).fit(*blobs)
    assert len(n_calls) == 15
    assert learner.history_[-1]["n_bought"] == 10


def test_failures_among_answers_do_not_stop_the_session(blobs):
    X, y = blobs

    def fragile(x):
        if x[0] > 0:
            raise ArithmeticError("no convergence")
        return int(x[1] > 0)

    oracle = CallableOracle(fragile, on_error="decline")
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=oracle, budget=30, random_state=0
    ).fit(X, y)
    n_failed = learner.store_.counts()["failed"]
    assert learner.labelled_.n_failed == n_failed > 5
    assert learner.labelled_.n_declined == 0
    assert learner.labelled_.n_bought == 30 - n_failed


# Vectorized functions


@pytest.mark.parametrize(("chunk_size", "sizes"), [(None, [7]), (3, [3, 3, 1])])
def test_vectorized_functions_get_several_samples(chunk_size, sizes):
    seen = []

    def double(X):
        seen.append(len(X))
        return 2 * X[:, 0]

    oracle = CallableOracle(double, vectorized=True, chunk_size=chunk_size)
    np.testing.assert_array_equal(oracle(numbers(7)), 2 * np.arange(7))
    assert seen == sizes


def test_a_vectorized_call_that_fails_fails_its_chunk():
    def half(X):
        if X[0] == 2:
            raise RuntimeError("diverged")
        return X if X[0] == 0 else X[:1]

    oracle = CallableOracle(half, vectorized=True, chunk_size=2, on_error="decline")
    records = label(oracle, numbers(6))
    assert [record.label for record in records] == [0, 1, None, None, None, None]
    assert records[3].message == "RuntimeError: diverged"
    assert "each of the 2 samples" in records[5].message
    with pytest.raises(ValueError, match="chunk_size=2 needs vectorized=True"):
        CallableOracle(half, chunk_size=2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"timeout": 0}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"on_error": "ignore"}, "on_error"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        CallableOracle(sign, **parameters)
    with pytest.raises(ValueError, match="sorted"):
        CallableOracle(sign, classes=[1, 0])


# Several annotators


def fixed(*answers):
    """An annotator that gives these answers, whatever the samples are."""
    return lambda X: list(answers)


def test_vote_shares_are_soft_labels():
    readers = {
        "ann": fixed(0, 1, 2),
        "bob": fixed(0, 0, None),
        "cy": fixed(0, 1, 2),
        "di": fixed(0, 1, 0),
    }
    oracle = VotingOracle(readers, classes=[0, 1, 2])
    shares = [[1, 0, 0], [0.25, 0.75, 0], [1 / 3, 0, 2 / 3]]
    np.testing.assert_allclose(oracle(numbers(3)), shares)
    answers = list(oracle.stream(numbers(3)))
    assert answers[1].details["votes"] == {"ann": 1, "bob": 0, "cy": 1, "di": 1}
    assert answers[2].details["votes"] == {"ann": 2, "cy": 2, "di": 0}
    records = label(oracle, numbers(3), np.arange(3))
    assert records[1].answer_details == answers[1].details
    entropies = [-sum(p * np.log(p) for p in row if p) for row in shares]
    np.testing.assert_allclose([a.details["disagreement"] for a in answers], entropies)


def test_probabilities_are_averaged_in():
    readers = [fixed([0.2, 0.8], [0.5, 0.5]), fixed(0, 1)]
    oracle = VotingOracle(readers, classes=["a", "b"])
    with pytest.raises(ValueError, match="such as 'a'"):
        oracle(numbers(2))
    readers = [fixed([0.2, 0.8], [0.5, 0.5]), fixed("a", "b")]
    labels = VotingOracle(readers, classes=["a", "b"])(numbers(2))
    np.testing.assert_allclose(labels, [[0.6, 0.4], [0.25, 0.75]])


def test_annotators_may_know_different_classes(three_blobs):
    X, y = three_blobs
    two = LogisticRegression().fit(X[y > 0], y[y > 0])
    three = LogisticRegression().fit(X, y)
    labels = VotingOracle([EstimatorOracle(two, soft=True), EstimatorOracle(three, soft=True)])(X)
    expected = three.predict_proba(X)
    expected[:, 1:] += two.predict_proba(X)
    np.testing.assert_allclose(labels, expected / 2, rtol=1e-5)


def test_majority_and_its_ties():
    readers = [fixed(1, 2, 0), fixed(0, 1, 0), fixed(1, 1, 2), fixed(0, 2, 2)]
    oracle = VotingOracle(readers, "majority", classes=[0, 1, 2])
    assert oracle(numbers(3)).tolist() == [1, 2, 0]
    assert not oracle.soft


def test_mean_of_numbers():
    oracle = VotingOracle([fixed(1.0, 2.0), fixed(3.0, None)], "mean")
    assert oracle(numbers(2)).tolist() == [2.0, 2.0]
    first, _ = oracle.stream(numbers(2))
    assert first.details["disagreement"] == 1.0
    assert not hasattr(oracle, "classes_")


def test_all_declined_is_declined():
    oracle = VotingOracle([fixed(None, 1), fixed(None, 1)], "majority", classes=[0, 1])
    assert [a.status for a in oracle.stream(numbers(2))] == ["declined", "answered"]


def test_an_annotator_that_fails_is_named_and_the_others_kept():
    def ill(X):
        raise RuntimeError("ill")

    oracle = VotingOracle({"ann": fixed(0, 1), "bob": ill}, "majority", classes=[0, 1])
    kept = []
    with pytest.raises(RuntimeError, match="ill") as caught:
        kept.extend(oracle.stream(numbers(2)))
    assert [a.label for a in kept] == [0, 1]
    assert "'bob'" in caught.value.__notes__[0]


def test_annotators_on_joblib_side_by_side():
    def shifted(x, by):
        if x[0] + by == 3:
            time.sleep(1000)
        return int(x[0]) + by

    slow = {"timeout": PATIENCE, "on_error": "decline"}
    first, second = (CallableOracle(partial(shifted, by=by), **slow) for by in (0, 1))
    answers = list(VotingOracle([first, second], "majority", classes=[0, 1, 2]).stream(numbers(3)))
    assert [list(a.details["votes"].values()) for a in answers] == [[0, 1], [1, 2], [2]]
    assert "Timeout" in next(iter(answers[2].details["failed"].values()))


def test_voting_needs_classes_and_annotators():
    with pytest.raises(ValueError, match="classes="):
        VotingOracle([fixed(0)])
    with pytest.raises(ValueError, match="got none"):
        VotingOracle([], classes=[0, 1])


def test_a_learner_learns_from_votes(blobs):
    X, y = blobs
    noisy = [np.where(np.arange(40) % 4 == k, 1 - y, y) for k in range(3)]
    oracle = VotingOracle([LabelOracle(X, labels) for labels in noisy], classes=[0, 1])
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, budget=20)
    learner.fit(X, y)
    bought = learner.labelled_.proba[learner.labelled_.n_initial :]
    assert set(np.unique(bought.round(6)).tolist()) <= {0, 0.333333, 0.666667, 1}
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])
    kept = [event.details["votes"] for event in learner.store_.events() if event.details]
    assert len(kept) == 20
    assert {len(set(votes.values())) for votes in kept} == {1, 2}
    with pytest.raises(TypeError, match="sample_weight"):
        learner.set_params(estimator=KNeighborsClassifier()).fit(X, y)


@pytest.mark.parametrize(
    "oracle",
    [CallableOracle(sign), VotingOracle([CallableOracle(sign)], classes=[0, 1])],
)
def test_oracles_survive_clone_and_pickle(oracle):
    assert clone(oracle) is oracle
    restored = pickle.loads(pickle.dumps(oracle))
    np.testing.assert_array_equal(restored(numbers(3)), oracle(numbers(3)))


def test_regressor_with_a_callable():
    X = numbers(30)
    y = np.full(30, np.nan)
    y[:5] = 2 * X[:5, 0]
    oracle = CallableOracle(lambda x: None if x[0] == 9 else 2 * x[0])
    learner = ActiveLearner(Ridge(), RandomSampling(), oracle=oracle, budget=25).fit(X, y)
    assert len(learner.labelled_) == 29
    np.testing.assert_allclose(learner.labelled_.y, 2 * learner.labelled_.X[:, 0])


class Reversed:
    """Answers with probabilities whose columns are in the order of its ``classes_``."""

    classes_ = ("versicolor", "setosa")

    def __call__(self, X):
        return np.stack([X[:, 0] > 0, X[:, 0] <= 0], axis=1).astype(float)


@pytest.mark.parametrize(
    "make",
    [Reversed, lambda: VotingOracle([Reversed()], combine="shares")],
    ids=["alone", "as an annotator"],
)
def test_columns_are_in_the_order_of_the_oracles_classes(make):
    X = np.array([[3.0], [-2.0], [-1.0], [1.0]])
    classes = np.array(["setosa", "versicolor", "virginica"])
    answers = [max(r.label, key=r.label.get) for r in label(make(), X, classes)]
    assert answers == ["versicolor", "setosa", "setosa", "versicolor"]


def test_an_oracle_may_know_fewer_classes_than_y():
    X = np.arange(30.0)[:, np.newaxis]
    y = np.repeat(["a", "b", "c"], 10)
    expert = LogisticRegression().fit(X[10:], y[10:])
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=EstimatorOracle(expert, soft=True), budget=4
    ).fit(X, y)
    assert learner.labelled_.classes.tolist() == ["a", "b", "c"]
    bought = learner.labelled_.proba[-4:]
    assert_allclose(bought[:, 1:], expert.predict_proba(learner.labelled_.X[-4:]))
    assert (bought[:, 0] == 0).all()


def test_columns_of_unknown_classes_are_refused():
    with pytest.raises(ValueError, match="'versicolor', which is none of the classes"):
        label(
            VotingOracle([Reversed()], classes=["rosa", "setosa"]), numbers(2), ["rosa", "setosa"]
        )


def of_one_design(x):
    """Tell whether a design of two variables is good; a batch of them has no such truth."""
    return 1 if x[0] > 0.5 else 0


@pytest.mark.parametrize(
    "func",
    [of_one_design, lambda x: float(x[0]), lambda x: x.sum() > 1, lambda x: x[0] > 0.5],
    ids=["raises", "converts", "answers once", "answers for one"],
)
def test_a_function_of_one_design_as_oracle_is_told_to_be_wrapped(func):
    X = np.random.RandomState(0).uniform(size=(40, 2))
    y = np.where(np.arange(40) < 10, X[:, 0] > 0.5, np.nan)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=func, budget=8, batch_size=4, random_state=0
    )
    with pytest.raises((TypeError, ValueError), match=r"wrap it: oracle=CallableOracle") as caught:
        learner.fit(X, y)
    assert "of shape (4, 2)" in caught.value.__notes__[0]
    wrapped = learner.set_params(oracle=CallableOracle(of_one_design)).fit(X, y)
    assert wrapped.labelled_.n_bought == 8


def test_a_function_that_has_answered_for_a_batch_is_not_told_so(tmp_path):
    X = np.random.RandomState(0).uniform(size=(40, 2))
    y = np.where(np.arange(40) < 10, X[:, 0] > 0.5, np.nan)
    batches = []

    def crashes(X):
        batches.append(X)
        if len(batches) == 2:
            raise ValueError("the licence has expired")
        return X[:, 0] > 0.5

    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=crashes, budget=8, batch_size=4
    )
    with pytest.raises(ValueError, match="the licence has expired") as caught:
        learner.fit(X, y)
    assert not any("wrap it" in note for note in caught.value.__notes__)

    path = tmp_path / "labels.db"

    def unlinks(X):
        path.unlink()
        return X[:, 0] > 0.5

    with pytest.raises(StoreMissingError) as caught:
        learner.set_params(oracle=unlinks, store=path).fit(X, y)
    assert not any("wrap it" in note for note in getattr(caught.value, "__notes__", ()))


def test_oracles_are_printed_by_the_parameters_that_were_set(blobs):
    calls = CallableOracle(broken, n_jobs=2, on_error="decline")
    assert repr(calls) == "CallableOracle(func=broken, n_jobs=2, on_error='decline')"
    shown = repr(LabelOracle(np.zeros((9, 2)), np.arange(9)))
    assert shown == "LabelOracle(X=<ndarray of shape (9, 2)>, y=<ndarray of shape (9,)>)"
    assert repr(EstimatorOracle(LogisticRegression(C=2))) == (
        "EstimatorOracle(estimator=LogisticRegression(C=2))"
    )
    assert repr(VotingOracle([calls, calls, calls], classes=[0, 1])).startswith(
        "VotingOracle(oracles=[CallableOracle(func=broken, "
    )
    assert "func=broken" in repr(
        ActiveLearner(LogisticRegression(), RandomSampling(), oracle=calls)
    )


# What oracles may answer, and what gets refused.


@pytest.fixture
def ask(three_blobs):
    """Buys one batch of 4 from an oracle that gives the same answer to everything."""

    def buy(answer, estimator=None, y=None, **parameters):
        X, classes = three_blobs
        learner = ActiveLearner(
            estimator or LogisticRegression(),
            RandomSampling(),
            oracle=lambda X: answer,
            batch_size=4,
            budget=4,
            **parameters,
        ).fit(X, classes if y is None else y(classes))
        record = learner.labelled_
        bought = slice(record.n_initial, None)
        return record.y[bought], None if record.proba is None else record.proba[bought]

    return buy


@pytest.mark.parametrize(
    "answer",
    [
        [2, 0, 1, 2],
        [2.0, 0.0, 1.0, 2.0],
        np.array([[2], [0], [1], [2]]),
        np.array([2, 0, 1, 2], dtype=np.uint8),
        pd.Series([2, 0, 1, 2], index=[7, 5, 3, 1]),
        pd.Series([2, 0, 1, 2], dtype="Int64"),
    ],
    ids=["list", "floats", "column", "uint8", "series", "nullable"],
)
def test_hard_answers(ask, answer):
    y, proba = ask(answer)
    assert y.tolist() == [2, 0, 1, 2]
    assert y.dtype == np.int64
    assert proba is None


def test_new_classes_are_welcome(ask):
    y, _ = ask([5, 5, 0, 0])
    assert y.tolist() == [5, 5, 0, 0]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ([2, None, 1, 2], [2, 1, 2]),
        ([2, np.nan, 1, 2], [2, 1, 2]),
        (pd.Series([2, None, 1, 2], dtype="Int64"), [2, 1, 2]),
        ([[0, 0, 1], [np.nan] * 3, [0, 1, 0], [0, 0, 1]], [2, 1, 2]),
    ],
    ids=["None", "NaN", "NA", "row of NaN"],
)
def test_declined_answers_are_dropped(ask, answer, kept):
    y, _ = ask(answer)
    assert y.tolist() == kept


def test_soft_answers_are_kept_as_they_are(ask):
    answer = np.array([[0.2, 0.5, 0.3], [1, 0, 0], [0.1, 0.1, 0.8], [0, 0, 1]])
    y, proba = ask(answer)
    assert y.tolist() == [1, 0, 2, 2]
    np.testing.assert_allclose(proba, answer)


def test_rounding_of_half_precision_is_forgiven(ask):
    answer = np.array([[1 / 3, 1 / 3, 1 / 3]] * 4, dtype=np.float16)
    _, proba = ask(answer)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1, 0, 1], r"a label for each of 4 samples.*got 3"),
        ([1, 0, 1, 0, 1], r"a label for each of 4 samples.*got 5"),
        (1, r"a label for each sample.*got 1"),
        (None, r"a label for each sample.*got None"),
        (np.zeros((4, 3, 2)), r"one row; got an array of shape \(3, 2\)"),
        ([[0.5, 0.5]] * 4, r"each of the 3 classes.*\[0, 1, 2\]; got \[0.5, 0.5\]"),
        ([[0.5, 0.5, 0, 0]] * 4, r"3 classes.*got \[0.5, 0.5, 0, 0\]"),
        ([[1, 0, 0], [0.5, 0.4, 0], [1, 0, 0], [1, 0, 0]], r"samples \[2\].*1: 0.4, 2: 0.0"),
        ([[1.5, -0.5, 0]] * 4, "nonnegative"),
        ([[np.nan, 0.5, 0.5]] * 4, "nonnegative"),
        ([[np.inf, 0, 0]] * 4, "nonnegative"),
        ([1, 0, np.inf, 1], "finite; got inf"),
        ([0.1, 0.7, 0.4, 0.9], "whole number, a string or a boolean; got 0.1"),
        (["cat", "dog", "cat", "dog"], "such as 0; got 'cat'"),
        (["cat", 1, 0, 1], "such as 0; got 'cat'"),
    ],
)
def test_bad_answers_are_refused(ask, answer, message):
    with pytest.raises(ValueError, match=message):
        ask(answer)


def test_nan_and_the_missing_label_mean_declined(ask):
    y, _ = ask([1, -1, np.nan, 1], missing_label=-1)
    assert y.tolist() == [1, 1]


def test_numbers_for_names_are_refused(ask):
    with pytest.raises(ValueError, match=r"such as 'a'; got 0"):
        ask([0, 1, 0, 1], y=lambda y: np.array(list("abc"))[y])


def test_longer_names_are_not_cut(ask):
    y, _ = ask(["a", "horse", "b", "c"], y=lambda y: np.array(list("abc"))[y])
    assert y.tolist() == ["a", "horse", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0, np.inf, 0, 0], "finite"),
        ([["a"], ["b"], ["c"], ["d"]], "a number; got 'a'"),
        (np.zeros((4, 2)), r"Expected one number for each sample; got \[0.0, 0.0\]"),
    ],
)
def test_bad_numbers_are_refused(ask, answer, message):
    with pytest.raises(ValueError, match=message):
        ask(answer, estimator=Ridge())


def test_fractions_for_whole_numbers_are_not_rounded(ask):
    y, _ = ask([[0.5], [1.5], [np.nan], [2]], estimator=Ridge())
    assert y.tolist() == [0.5, 1.5, 2.0]


def test_plain_labels_beside_soft_ones_become_one_hot(three_blobs):
    X, y = three_blobs
    replies = iter([[0, 4, 0, 4], np.tile([0.1, 0.2, 0.3, 0.4], (4, 1)), [2, 2, 2, 2]])
    record = (
        ActiveLearner(
            LogisticRegression(),
            RandomSampling(),
            oracle=lambda X: next(replies),
            n_initial=3,
            batch_size=4,
            budget=12,
        )
        .fit(X, y)
        .labelled_
    )
    assert record.classes.tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(record.proba[:3].argmax(axis=1), record.y[:3])
    np.testing.assert_array_equal(record.proba[[3, 4]], [[1, 0, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(record.proba[7:11], np.tile([0.1, 0.2, 0.3, 0.4], (4, 1)))
    np.testing.assert_array_equal(record.proba[11:], [[0, 0, 1, 0]] * 4)


def test_new_class_after_soft_answers_gets_a_column(three_blobs):
    X, y = three_blobs
    replies = iter([np.tile([0.1, 0.2, 0.7], (4, 1)), [1, -3, 1, 1]])
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=lambda X: next(replies),
        n_initial=3,
        batch_size=4,
        budget=8,
    ).fit(X, y)
    record = learner.labelled_
    assert record.classes.tolist() == [-3, 0, 1, 2]
    np.testing.assert_allclose(record.proba[3], [0, 0.1, 0.2, 0.7])
    assert record.proba[8].tolist() == [1, 0, 0, 0]
    assert learner.history_[-1]["label_counts"] == {-3: 1, 0: 1, 1: 4, 2: 5}


# Oracles


def test_label_oracle_finds_rows_by_value():
    X = np.array([[0, 1], [2, 3], [-0.0, 5]], dtype=np.float32)
    oracle = LabelOracle(X, list("abc"))
    assert oracle(X[[2, 0]]).tolist() == ["c", "a"]
    assert oracle([[0, 5]]).tolist() == ["c"]
    assert oracle(X.astype(int)).tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="Sample 1 of the batch is none of the 3"):
        oracle([[0, 1], [9, 9]])


def test_label_oracle_tells_large_integers_apart():
    X = 2**60 + np.arange(40)[:, np.newaxis]
    oracle = LabelOracle(X, np.arange(40))
    np.testing.assert_array_equal(oracle(X[::-1]), np.arange(40)[::-1])
    assert oracle(X[:1].astype(object)).tolist() == [0]


def test_label_oracle_finds_images_and_rows_of_frames():
    images = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)
    assert LabelOracle(images, [0, 1])(images[::-1]).tolist() == [1, 0]
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert LabelOracle(frame, [0, 1])(frame.iloc[[1]]).tolist() == [1]


def test_label_oracle_refuses_to_choose_between_duplicates():
    oracle = LabelOracle([[1.0], [1.0], [2.0], [2.0]], [0, 1, 3, 3])
    with pytest.raises(ValueError, match=r"2 times, with the labels \[0, 1\]"):
        oracle([[1.0]])
    assert oracle([[2.0]]).tolist() == [3]


def test_label_oracle_needs_one_label_a_sample():
    with pytest.raises(ValueError, match="inconsistent"):
        LabelOracle([[1.0], [2.0]], [0])


def test_simulation_reveals_each_duplicate_s_own_label():
    X, y = np.ones((20, 1)), np.arange(20) % 2
    record = ActiveLearner(LogisticRegression(), RandomSampling(), budget=20).fit(X, y).labelled_
    np.testing.assert_array_equal(record.y, y[record.indices])


def test_estimator_oracle_answers_hard_and_soft(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(EstimatorOracle(teacher)(X), teacher.predict(X))
    soft = EstimatorOracle(teacher, soft=True)
    np.testing.assert_array_equal(soft(X), teacher.predict_proba(X))
    assert soft.classes_.tolist() == [0, 1, 2]
    assert clone(soft) is soft


def test_soft_oracle_needs_probabilities():
    with pytest.raises(TypeError, match="LinearSVC"):
        EstimatorOracle(LinearSVC(), soft=True)


def test_oracle_says_which_classes_it_knows(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    partial = np.where((np.arange(60) < 30) & (y < 2), y, np.nan)
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=EstimatorOracle(teacher, soft=True),
        budget=10,
    ).fit(X, partial)
    assert learner.classes_.tolist() == [0, 1, 2]
    assert learner.history_[0]["label_counts"][2] == 0


def test_estimator_oracle_answers_with_its_predictions(blobs):
    X, y = blobs
    teacher = LogisticRegression().fit(X, y)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=EstimatorOracle(teacher), budget=10
    ).fit(X, y)
    record = learner.labelled_
    bought = slice(record.n_initial, None)
    np.testing.assert_array_equal(record.y[bought], teacher.predict(record.X[bought]))
