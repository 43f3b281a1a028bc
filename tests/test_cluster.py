"""On a dask cluster of two processes: the results of one process, whatever becomes of a worker."""

import os
import signal
import time
from concurrent.futures import CancelledError

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import MaxAbsScaler

from skgal.active import ActiveLearner, CallableOracle, LabelStore, compare_strategies
from skgal.generators import GAN
from skgal.matching import FeatureMatcher
from skgal.query import ASAL, RandomSampling, TypiClust, UncertaintySampling

dask = pytest.importorskip("dask", reason="needs dask, the extra dask")
distributed = pytest.importorskip("distributed", reason="needs distributed, the extra dask")
dask_array = pytest.importorskip("dask.array", reason="needs dask, the extra dask")

N_LABELLED = 40


@pytest.fixture(scope="module")
def client():
    """A client of two worker processes, which are patient: they share their cores."""
    patient = {
        "distributed.admin.tick.limit": "1m",
        "distributed.comm.timeouts.connect": "2m",
        "distributed.scheduler.allowed-failures": 1,
    }
    options = {"processes": True, "threads_per_worker": 1, "dashboard_address": None}
    with (
        dask.config.set(patient),
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def digits():
    X, target = load_digits(return_X_y=True)
    X, target = X[:400].astype(np.float32), target[:400]
    return X, np.where(np.arange(400) < N_LABELLED, target, np.nan), target


@pytest.fixture(scope="module")
def clf(digits):
    X, _, target = digits
    return LogisticRegression(max_iter=20, tol=0.1).fit(X[:N_LABELLED], target[:N_LABELLED])


@pytest.fixture
def pool(digits, client):
    """The digits in eight chunks, which lie in the memory of both workers."""
    pool = dask_array.from_array(digits[0], chunks=(50, 64)).persist()
    distributed.wait(pool)
    client.rebalance(distributed.futures_of(pool))
    return pool


def workers_of(client, futures):
    return {worker for holders in client.who_has(futures).values() for worker in holders}


def test_scan_and_typical_clusters(pool, digits, clf, client):
    X, y, _ = digits
    assert len(workers_of(client, distributed.futures_of(pool))) == 2
    for strategy in (
        UncertaintySampling(random_state=0),
        TypiClust(features="classifier", max_clusters=5, random_state=0),
    ):
        expected = strategy.query(X, y, clf, batch_size=20)
        assert strategy.query(pool, y, clf, batch_size=20).tolist() == expected.tolist()


def test_asal_is_matched_where_the_blocks_lie(pool, digits, clf):
    X, y, _ = digits
    generator = FrozenEstimator(GAN(latent_dim=4, max_iter=2, random_state=0).fit(X))
    strategy = ASAL(generator, max_iter=5, random_state=0)
    expected = strategy.fit(X).query(X, y, clf, batch_size=8)
    found = strategy.fit(pool).query(pool, y, clf, batch_size=8)
    assert found.tolist() == expected.tolist()


def test_neighbours_are_the_brute_force_ones(pool, digits):
    X = digits[0]
    queries = X[:9] + 0.4 * X[9:18]
    scaler = MaxAbsScaler().fit(X)
    near = NearestNeighbors(n_neighbors=3).fit(scaler.transform(X))
    _, found = (
        FeatureMatcher(FrozenEstimator(scaler), n_components=None).fit(pool).kneighbors(queries, 3)
    )
    np.testing.assert_array_equal(
        found, near.kneighbors(scaler.transform(queries), return_distance=False)
    )


def test_labels_outlive_the_scheduler(digits, tmp_path):
    X, y, target = digits
    path = tmp_path / "labels.db"
    cluster = distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None)
    # Not the default: a client that its cluster has left doesn't take back what it set of dask.
    client = distributed.Client(cluster, timeout=5, set_as_default=False)
    n_calls = 0

    def ask(x):
        nonlocal n_calls
        n_calls += 1
        if n_calls == 5:
            cluster.close()
        return int(target[np.flatnonzero((np.asarray(x) == X).all(axis=1))[0]])

    def make(budget):
        model = LogisticRegression(max_iter=20, tol=0.1)
        oracle = CallableOracle(ask)
        return ActiveLearner(
            model,
            UncertaintySampling(random_state=0),
            oracle=oracle,
            batch_size=5,
            budget=budget,
            store=path,
            random_state=0,
        )

    pool = dask_array.from_array(X, chunks=(50, 64))
    gone = (CancelledError, distributed.client.ClosedClientError)
    with (
        dask.config.set(scheduler="dask.distributed"),
        client.as_current(),
        pytest.raises(gone, match=r"lost dependencies|Client is closed"),
    ):
        make(10).fit(pool.persist(), y)
    client.close()
    assert n_calls == 5
    with LabelStore(path) as store:
        assert len(store.records("answered")) == 5
    with dask.config.set(scheduler="threads"):  # the session goes on where there is no cluster
        assert len(make(10).fit(pool, y).labelled_.y) == N_LABELLED + 10
    assert n_calls == 10


def test_joblib_goes_through_the_cluster(digits, client):
    X, _, target = digits
    X, target = X[:120], target[:120]
    model = LogisticRegression(max_iter=20, tol=0.1)
    strategies = {"entropy": UncertaintySampling(), "random": RandomSampling()}
    options = {"seeds": 2, "budget": 10, "n_initial": 20}
    grid = GridSearchCV(
        ActiveLearner(model, RandomSampling(), budget=10, n_initial=20, random_state=0),
        {"strategy": list(strategies.values())},
        cv=2,
    )
    here = compare_strategies(model, strategies, {"digits": (X, target)}, **options)
    searched = grid.fit(X, target).cv_results_["mean_test_score"]
    with joblib.parallel_config("dask"):
        there = compare_strategies(model, strategies, {"digits": (X, target)}, **options)
        assert grid.fit(X, target).cv_results_["mean_test_score"].tolist() == searched.tolist()
        pids = CallableOracle(lambda x: os.getpid())(X[:6])
    assert there.curves["score"].tolist() == here.curves["score"].tolist()
    assert set(pids) <= set(client.run(os.getpid).values())


def test_time_limits_need_processes_that_workers_may_not_start(client):
    oracle = CallableOracle(lambda x: 1, timeout=60)
    with joblib.parallel_config("dask"), pytest.raises(Exception, match="daemon"):
        oracle(np.zeros((2, 1)))


def test_time_limits_hold_where_workers_may_start_processes():
    def answer(x):
        time.sleep(1000 * x[0])
        return 1

    oracle = CallableOracle(answer, timeout=5, on_error="decline")
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask"),
    ):
        np.testing.assert_array_equal(oracle(np.array([[0], [1], [0]])), [1, np.nan, 1])


def make_deadly(path, is_always):
    """Make a classifier that kills the process that scores, once or always."""
    main = os.getpid()

    class Deadly(LogisticRegression):
        # A class of a function travels by value: workers needn't import this module.
        def predict_proba(self, X):
            if os.getpid() != main and (is_always or not path.exists()):
                path.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().predict_proba(X)

    return Deadly(max_iter=20, tol=0.1)


def test_a_worker_that_dies_changes_nothing(pool, digits, tmp_path):
    X, y, target = digits
    deadly = make_deadly(tmp_path / "died", is_always=False)
    deadly.fit(X[:N_LABELLED], target[:N_LABELLED])
    strategy = UncertaintySampling(random_state=0)
    found = strategy.query(pool, y, deadly, batch_size=20)
    assert (tmp_path / "died").exists()
    assert found.tolist() == strategy.query(X, y, deadly, batch_size=20).tolist()


def test_workers_that_always_die_are_an_error(pool, digits, client, tmp_path):
    X, y, target = digits
    deadly = make_deadly(tmp_path / "died", is_always=True)
    deadly.fit(X[:N_LABELLED], target[:N_LABELLED])
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    with pytest.raises(distributed.KilledWorker, match="worker"):
        UncertaintySampling().query(pool, y, deadly)
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 1))


def test_an_index_whose_worker_died_is_built_again(pool, digits, client):
    X = digits[0]
    matcher = FeatureMatcher().fit(pool)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
    np.testing.assert_array_equal(matcher.kneighbors(X[:5])[1].ravel(), np.arange(5))
