"""Pools that don't fit in memory get the answers of those that do."""

import pickle

import dask
import dask.array
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import zarr
from dask.distributed import Client, LocalCluster, get_worker
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, QuantileTransformer
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner
from skgal.features import feature_extractor
from skgal.matching import FeatureMatcher
from skgal.matching._matcher import Extractor
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    CertaintySampling,
    CoreSet,
    LatentRandom,
    LatentUncertainty,
    LearningLoss,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)
from skgal.query._base import EmbeddingStrategy
from skgal.query._uncertainty import uncertainty_rater
from skgal.utils import _pool


class Blocks:
    """A pool of a user: one file after the other."""

    def __init__(self, X):
        self.X = X

    def __iter__(self):
        for start in range(0, len(self.X), 40):
            yield self.X[start : start + 40]


def in_zarr(X):
    array = zarr.create_array({}, shape=X.shape, chunks=(30, *X.shape[1:]), dtype=X.dtype)
    array[:] = X
    return array


CONTAINERS = {
    "memmap": lambda X: np.ndarray.view(np.array(X), np.memmap),
    "zarr": in_zarr,
    "dask": lambda X: dask.array.from_array(X, chunks=(50, 20)),
    "csr": scipy.sparse.csr_matrix,
    "frame": pd.DataFrame,
    "list of blocks": lambda X: [X[:60], X[60:]],
    "iterable": Blocks,
}


class LossyTree(DecisionTreeClassifier):
    """A stand-in for a net with a loss-prediction head."""

    def predict_loss(self, X):
        return 1 - self.predict_proba(X).max(axis=1)


STRATEGIES = [
    RandomSampling(random_state=0),
    UncertaintySampling(random_state=0),
    UncertaintySampling("margin_of_confidence", random_state=0),
    CertaintySampling(random_state=0),
    CoreSet(random_state=0),
    BADGE(features=None, random_state=0),
    TypiClust(max_clusters=5, random_state=0),
    ProbCover(delta=20, random_state=0),
    LearningLoss(random_state=0),
]


@pytest.fixture(scope="module")
def problem():
    X, target = load_digits(return_X_y=True)
    X = X[:200].astype(np.float32)
    y = np.full(200, np.nan)
    y[:40] = target[:40]
    # Few leaves, so that most samples tie.
    return X, y, LossyTree(min_samples_leaf=10, random_state=0).fit(X[:40], y[:40])


@pytest.fixture(params=CONTAINERS)
def container(request, problem):
    return CONTAINERS[request.param](problem[0])


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_pool, "BLOCK_BYTES", 16 * 64 * 4)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
@pytest.mark.parametrize("candidates", [None, np.arange(199, 0, -3)], ids=["all", "some"])
def test_same_answer_as_in_memory(problem, container, strategy, candidates):
    X, y, clf = problem
    if isinstance(strategy, EmbeddingStrategy) and scipy.sparse.issparse(container):
        pytest.skip("distances between sparse samples are refused")
    options = {"candidates": candidates, "batch_size": 30, "return_utilities": True}
    indices, utilities = strategy.query(X, y, clf, **options)
    found = strategy.fit(container).query(container, y, clf, **options)
    np.testing.assert_array_equal(found[0], indices)
    np.testing.assert_array_equal(found[1], utilities)


def test_foreign_candidates(problem, container):
    X, y, clf = problem
    strategy = UncertaintySampling(random_state=0)
    expected = strategy.query(X[:50], y[:50], clf, candidates=X, batch_size=8)
    np.testing.assert_array_equal(
        strategy.query(X[:50], y[:50], clf, candidates=container, batch_size=8), expected
    )


def test_scores_are_never_an_array_for_the_whole_pool(problem, container):
    X, y, _ = problem
    lengths = []

    class Watched(DecisionTreeClassifier):
        def predict_proba(self, X):
            lengths.append(X.shape[0])
            return super().predict_proba(X)

    watched = Watched(min_samples_leaf=10, random_state=0).fit(X[:40], y[:40])
    UncertaintySampling().query(container, y, watched)
    assert sum(lengths) == 160
    assert max(lengths) <= 50


def test_random_sampling_reads_no_sample(problem):
    class Untouchable:
        shape, dtype, chunks = (200, 64), np.float32, (30, 64)

        def __getitem__(self, rows):
            pytest.fail("the pool was read")

    assert len(RandomSampling().query(Untouchable(), problem[1], None, batch_size=160)) == 160


@pytest.mark.parametrize("name", ["zarr", "dask", "iterable", "list of blocks"])
def test_users_mistakes(problem, name):
    X, y, clf = problem
    strategy, container = UncertaintySampling(), CONTAINERS[name](X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        strategy.query(container, y[1:], clf)
    with pytest.raises(ValueError, match="All 200 candidates are labelled already"):
        strategy.query(container, np.zeros(200), clf)
    with pytest.raises(ValueError, match="batch_size=161, but there are only 160"):
        strategy.query(container, y, clf, batch_size=161)
    with pytest.raises(ValueError, match=r"Each sample of candidates has shape \(3,\)"):
        strategy.query(container, y, clf, candidates=X[:, :3])
    with pytest.raises(NotFittedError):
        strategy.query(container, y, GaussianNB())
    spoilt = X.copy()
    spoilt[170, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        strategy.query(CONTAINERS[name](spoilt), y, GaussianNB().fit(X[:40], y[:40]))
    with pytest.raises(ValueError, match="NaN"):
        FeatureMatcher().fit(CONTAINERS[name](spoilt))


@pytest.mark.parametrize("cls", [RandomSampling, UncertaintySampling])
def test_generator_is_refused(problem, cls):
    X, y, clf = problem
    with pytest.raises(TypeError, match="generator gives its blocks only once"):
        cls().fit(block for block in [X])
    with pytest.raises(TypeError, match="generator gives its blocks only once"):
        cls().query((block for block in [X]), y, clf)


@pytest.mark.parametrize("empty", ["zarr", "dask", "csr", "frame"])
def test_empty_pool(problem, empty):
    X = CONTAINERS[empty](problem[0])[:0]
    for estimator in (RandomSampling(), FeatureMatcher()):
        with pytest.raises(ValueError, match=r"0 sample|pool of shape \(0, 64\)"):
            estimator.fit(X)


def test_no_blocks():
    for estimator in (RandomSampling(), FeatureMatcher()):
        with pytest.raises(ValueError, match="empty"):
            estimator.fit({}.keys())


@pytest.mark.parametrize("features", [None, MaxAbsScaler(), "frozen"], ids=str)
@pytest.mark.parametrize("index", ["brute", "kd_tree", pytest.param("hnsw", marks=pytest.mark.ann)])
def test_matching_as_in_memory(problem, container, features, index):
    X, queries = problem[0], problem[0][:9] + 0.4 * problem[0][9:18]
    if features == "frozen":
        features = FrozenEstimator(MaxAbsScaler().fit(X))
    matcher = FeatureMatcher(features, n_components=20, index=index, random_state=0)
    distances, indices = matcher.fit(X).kneighbors(queries, 4)
    matched = matcher.match(queries, available=np.arange(100, 200))
    matcher.fit(container)
    assert matcher.n_samples_fit_ == 200
    found = matcher.kneighbors(queries, 4)
    np.testing.assert_allclose(found[0], distances, rtol=1e-4)
    np.testing.assert_array_equal(found[1], indices)
    np.testing.assert_array_equal(matcher.match(queries, available=np.arange(100, 200)), matched)


def asal(problem, toys, **kwargs):
    generator = FrozenEstimator(toys.Generator().fit(problem[0]))
    return ASAL(generator, max_iter=5, random_state=0, **kwargs)


def test_asal_as_in_memory(problem, container, toys):
    X, y, _ = problem
    clf = LogisticRegression(max_iter=20, tol=1e-2).fit(X[:40], y[:40])
    strategy = asal(problem, toys)
    expected = strategy.fit(X).query(X, y, clf, batch_size=8)
    found = strategy.fit(container).query(container, y, clf, batch_size=8)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["memmap", "zarr", "dask", "list of blocks", "iterable"])
def test_foreign_candidates_of_asal(problem, name, toys):
    X, y, _ = problem
    clf = LogisticRegression(max_iter=20, tol=1e-2).fit(X[:40], y[:40])
    strategy = asal(problem, toys, n_components=5).fit(X[:50])
    expected = strategy.query(X[:50], y[:50], clf, candidates=X, batch_size=8)
    foreign = CONTAINERS[name](X)
    found = strategy.query(X[:50], y[:50], clf, candidates=foreign, batch_size=8)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of AISEL's points
@pytest.mark.parametrize("name", ["memmap", "zarr", "dask", "list of blocks", "iterable"])
def test_asal_in_the_features_of_the_classifier(problem, name, toys):
    X, y, _ = problem
    clf = make_pipeline(MinMaxScaler(), MLPClassifier((6,), max_iter=3, random_state=0))
    clf.fit(X[:40], y[:40])
    strategy, pool = asal(problem, toys, features="classifier"), CONTAINERS[name](X)
    expected = strategy.fit(X).query(X, y, clf, batch_size=8)
    found = strategy.fit(pool).query(pool, y, clf, batch_size=8)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of AISEL's points
@pytest.mark.parametrize(
    ("cls", "params"),
    [
        (LatentRandom, {}),
        (LatentUncertainty, {"n_candidates": 25}),
        (AISEL, {"n_candidates": 25, "max_iter": 2}),
        (GAAL, {"max_iter": 2}),
        (ADBA, {"n_points": 2}),
    ],
)
@pytest.mark.parametrize("name", ["memmap", "zarr", "dask", "list of blocks", "iterable"])
def test_designs_as_in_memory(problem, name, toys, cls, params):
    X, y, _ = problem
    y = np.where(np.isnan(y), np.nan, y > 4)
    clf = LogisticRegression(max_iter=20, tol=1e-2).fit(X[:40], y[:40])
    generator = FrozenEstimator(toys.Invertible().fit(X))
    made, expected = (
        cls(generator, random_state=0, **params).fit(pool).synthesize(pool, y, clf, batch_size=4)
        for pool in (CONTAINERS[name](X), X)
    )
    np.testing.assert_array_equal(made.latent, expected.latent)
    np.testing.assert_array_equal(made.X, expected.X)


@pytest.mark.parametrize("name", ["zarr", "dask", "list of blocks", "iterable"])
def test_training_that_needs_all_samples_at_once(problem, name, toys):
    pool = CONTAINERS[name](problem[0])
    for cls in (ASAL, GAAL, LatentRandom):
        with pytest.raises(TypeError, match=r"PaddingGenerator needs all samples.*FrozenEstimator"):
            cls(toys.Generator()).fit(pool)
    with pytest.raises(TypeError, match=r"Autoencoder needs all samples.*FrozenEstimator"):
        asal(problem, toys, features="autoencoder").fit(pool)
    for cls in (CoreSet, BADGE, TypiClust, ProbCover):
        with pytest.raises(TypeError, match=r"PCA needs all samples.*FrozenEstimator"):
            cls(features=PCA(2)).fit(pool)


@pytest.mark.parametrize("features", [MinMaxScaler(), "frozen"], ids=str)
def test_transformers_of_pools_in_blocks(problem, container, features):
    X, y, _ = problem
    if scipy.sparse.issparse(container):
        pytest.skip("distances between sparse samples are refused")
    if features == "frozen":
        features = FrozenEstimator(PCA(5).fit(X))
    strategy = CoreSet(features=features, random_state=0)
    expected = strategy.fit(X).query(X, y, None, batch_size=9)
    found = strategy.fit(container).query(container, y, None, batch_size=9)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["zarr", "dask", "iterable"])
def test_features_that_need_all_samples_at_once(problem, name):
    with pytest.raises(TypeError, match=r"QuantileTransformer needs all samples.*FrozenEstimator"):
        FeatureMatcher(QuantileTransformer()).fit(CONTAINERS[name](problem[0]))


def test_table_of_floats_is_not_copied(tmp_path):
    X = np.memmap(tmp_path / "pool", dtype=np.float32, mode="w+", shape=(1000, 10))
    X[:] = np.random.RandomState(0).normal(size=X.shape)
    matcher = FeatureMatcher(index="brute").fit(X)
    assert np.shares_memory(matcher._index._points, X)


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set({"distributed.admin.tick.limit": "1m"}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_what_travels_to_workers_can_be_pickled(problem):
    X, y, clf = problem
    linear = LogisticRegression(max_iter=20, tol=1e-2).fit(X[:40], y[:40])
    for function in (
        uncertainty_rater(clf, "entropy"),
        feature_extractor("classifier", linear),
        Extractor(MaxAbsScaler().fit(X), PCA(2).fit(X)),
    ):
        revived = pickle.loads(pickle.dumps(function))
        np.testing.assert_array_equal(revived(X), function(X))


class TestCluster:
    @pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
    def test_query(self, problem, cluster, strategy):
        X, y, clf = problem
        pool = dask.array.from_array(X, chunks=(50, 64)).persist()
        np.testing.assert_array_equal(
            strategy.query(pool, y, clf, batch_size=30), strategy.query(X, y, clf, batch_size=30)
        )

    def test_blocks_are_scored_by_the_workers(self, problem, cluster):
        X, y, _ = problem

        class OnWorkersOnly(DecisionTreeClassifier):
            def predict_proba(self, X):
                get_worker()
                return super().predict_proba(X)

        clf = OnWorkersOnly(random_state=0).fit(X[:40], y[:40])
        pool = dask.array.from_array(X, chunks=(50, 64)).persist()
        assert UncertaintySampling().query(pool, y, clf) >= 40
        with pytest.raises(ValueError, match="No worker found"):
            UncertaintySampling().query(X, y, clf)

    @pytest.mark.parametrize("features", ["pixels", "classifier", MaxAbsScaler()], ids=str)
    @pytest.mark.parametrize("hybrid", [{}, {"oversampling": 2}, {"n_neighbors": 2}], ids=str)
    def test_asal(self, problem, cluster, toys, features, hybrid):
        X, y, _ = problem
        clf = LogisticRegression(max_iter=20, tol=1e-2).fit(X[:40], y[:40])
        strategy = asal(problem, toys, features=features, **hybrid)
        expected = strategy.fit(X).query(X, y, clf, batch_size=8)
        pool = dask.array.from_array(X, chunks=(50, 64)).persist()
        found = strategy.fit(pool).query(pool, y, clf, batch_size=8)
        np.testing.assert_array_equal(found, expected)

    def test_shards_are_searched_where_they_lie(self, problem, cluster):
        X, queries = problem[0], problem[0][:9] + 0.4 * problem[0][9:18]
        pool = dask.array.from_array(X, chunks=(50, 64)).persist()
        matcher = FeatureMatcher(MinMaxScaler(), n_components=20, random_state=0).fit(pool)
        holders = cluster.who_has()
        assert all(holders[part.key] for part in matcher._index._parts)
        expected = FeatureMatcher(MinMaxScaler(), n_components=20, random_state=0).fit(X)
        np.testing.assert_array_equal(
            matcher.kneighbors(queries, 3)[1], expected.kneighbors(queries, 3)[1]
        )
        left = np.arange(60, 90)
        np.testing.assert_array_equal(
            matcher.match(queries, available=left, n_neighbors=2),
            expected.match(queries, available=left, n_neighbors=2),
        )


@pytest.mark.parametrize("name", ["memmap", "zarr", "dask", "list of blocks", "iterable"])
def test_active_learner(problem, name):
    X = problem[0]
    y = load_digits().target[:200]
    expected, learner = (
        ActiveLearner(
            LogisticRegression(max_iter=20, tol=1e-2),
            UncertaintySampling("margin_of_confidence"),
            n_initial=20,
            budget=20,
            random_state=0,
        ).fit(pool, y)
        for pool in (X, CONTAINERS[name](X))
    )
    np.testing.assert_array_equal(learner.labelled_.indices, expected.labelled_.indices)
    np.testing.assert_array_equal(learner.labelled_.X, expected.labelled_.X)
