import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetClassifier

from skgal.metrics import entropy, margin_of_confidence
from skgal.query import CoreSet, ProbCover, RandomSampling, UncertaintySampling
from skgal.query._base import top_k
from skgal.utils import _pool, seeded_torch

NAN = np.nan


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=30), st.data())
def test_top_k_is_the_head_of_a_full_sort(utilities, data):
    k = data.draw(st.integers(1, len(utilities)))
    tie_break = np.random.RandomState(0).permutation(len(utilities))
    ranked = sorted(range(len(utilities)), key=lambda i: (-utilities[i], -tie_break[i]))
    assert top_k(np.array(utilities), k, tie_break).tolist() == ranked[:k]


@pytest.fixture
def pool():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 3))
    y = np.full(50, NAN)
    y[:6] = [0, 1, 2, 0, 1, 2]
    return X, y, LogisticRegression().fit(X[:6], y[:6])


@pytest.mark.parametrize(
    ("measure", "score"), [("entropy", entropy), ("margin_of_confidence", margin_of_confidence)]
)
def test_uncertainty_sampling_takes_the_most_uncertain(pool, measure, score):
    X, y, clf = pool
    indices, utilities = UncertaintySampling(measure).query(
        X, y, clf, batch_size=5, return_utilities=True
    )
    expected = score(clf.predict_proba(X))
    assert indices.tolist() == (6 + np.argsort(-expected[6:])[:5]).tolist()
    assert np.isnan(utilities[:6]).all()
    np.testing.assert_allclose(utilities[6:], expected[6:])


def test_by_default_samples_between_two_classes_come_before_those_between_many():
    clf = LogisticRegression().fit(np.eye(3), [0, 1, 2])
    clf.coef_, clf.intercept_ = np.eye(3), np.zeros(3)  # so that X are logits
    X = np.log([[0.49, 0.49, 0.02], [0.5, 0.25, 0.25]])
    assert UncertaintySampling().query(X, [NAN] * 2, clf).tolist() == [0]
    assert UncertaintySampling("entropy").query(X, [NAN] * 2, clf).tolist() == [1]


def test_min_distance_takes_what_is_nearest_to_the_boundary():
    X = np.array([[-3.0], [-1.0], [0.4], [2.0]])
    clf = LogisticRegression().fit([[-1], [1]], [0, 1])  # symmetric, so the boundary is 0
    indices = UncertaintySampling("min_distance").query(X, [NAN] * 4, clf, batch_size=4)
    assert indices.tolist() == [2, 1, 3, 0]


def test_blocks_do_not_change_the_answer(pool, monkeypatch):
    X, y, clf = pool
    whole = UncertaintySampling().query(X, y, clf, return_utilities=True)[1]
    monkeypatch.setattr(_pool, "BLOCK_BYTES", 7 * X[0].nbytes)
    predict_proba, sizes = clf.predict_proba, []
    monkeypatch.setattr(
        clf, "predict_proba", lambda rows: sizes.append(len(rows)) or predict_proba(rows)
    )
    in_blocks = UncertaintySampling().query(X, y, clf, return_utilities=True)[1]
    np.testing.assert_allclose(in_blocks, whole)
    assert sizes == [7] * 6 + [2]


def test_pool_is_never_copied_whole(pool, tmp_path):
    X = np.memmap(tmp_path / "pool", dtype=np.float32, mode="w+", shape=(400_000, 50))
    y = np.full(len(X), NAN)
    clf = LogisticRegression().fit(np.eye(2, 50), [0, 1])
    tracemalloc.start()
    UncertaintySampling(random_state=0).query(X, y, clf, batch_size=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.75 * X.nbytes


def test_random_sampling_is_uniform():
    y = np.array([0, NAN, NAN, NAN])
    X = np.zeros((4, 1))
    rng = np.random.RandomState(0)
    chosen = [RandomSampling(random_state=rng).query(X, y, None)[0] for _ in range(3000)]
    counts = np.bincount(chosen, minlength=4)
    assert counts[0] == 0
    assert abs(counts[1:] - 1000).max() < 4 * np.sqrt(3000 * 2 / 9)  # four standard deviations


def test_rounds_of_random_sampling_follow_one_random_order():
    # Not 7, 8, 9, ...: what equal draws for ever fewer candidates would choose.
    X, y = np.zeros((30, 1)), np.full(30, NAN)
    order = RandomSampling(random_state=0).query(X, y, None, batch_size=30)
    for expected in order:
        (index,) = RandomSampling(random_state=0).query(X, y, None)
        assert index == expected
        y[index] = 0
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 0.4


def test_ties_are_broken_by_random_state(toys):
    X, y = np.arange(20.0).reshape(-1, 1), np.full(20, NAN)
    clf = toys.classifier(lambda first: np.where(first < 15, 0.5, 0.9))
    batches = {
        tuple(sorted(UncertaintySampling(random_state=seed).query(X, y, clf, batch_size=3)))
        for seed in range(10)
    }
    assert len(batches) > 5
    assert max(max(batch) for batch in batches) < 15


def test_candidates_as_positions(pool):
    X, y, clf = pool
    indices, utilities = UncertaintySampling().query(
        X, y, clf, candidates=[20, 3, 30, 10], batch_size=3, return_utilities=True
    )
    assert sorted(indices) == [10, 20, 30]  # 3 has its label
    assert np.flatnonzero(~np.isnan(utilities)).tolist() == [10, 20, 30]


@pytest.mark.parametrize(
    "contain",
    [
        lambda at: np.array(at, dtype=np.uint64),
        lambda at: np.array(at, dtype=np.int8),
        lambda at: pd.array(at, dtype="UInt8"),
        lambda at: pd.Index(at),
        lambda at: pl.Series(at, dtype=pl.UInt32),
        pa.array,
    ],
    ids=["uint64", "int8", "nullable", "index", "polars", "arrow"],
)
@pytest.mark.parametrize("strategy", [UncertaintySampling(), CoreSet(), ProbCover()], ids=repr)
def test_positions_of_candidates_may_have_any_type(pool, strategy, contain):
    X, y, clf = pool
    at = [20, 3, 30, 10, 41]
    strategy = strategy.set_params(random_state=0).fit(X)
    expected = strategy.query(X, y, clf, candidates=at, batch_size=2)
    found = strategy.query(X, y, clf, candidates=contain(at), batch_size=2)
    np.testing.assert_array_equal(found, expected)
    assert set(found) < {10, 20, 30, 41}


def test_candidates_as_foreign_samples(pool):
    X, y, clf = pool
    foreign = np.random.RandomState(1).normal(size=(7, 3))
    indices, utilities = UncertaintySampling().query(
        X, y, clf, candidates=foreign.tolist(), batch_size=7, return_utilities=True
    )
    expected = margin_of_confidence(clf.predict_proba(foreign))
    np.testing.assert_allclose(utilities, expected)
    assert indices.tolist() == np.argsort(-expected).tolist()


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([50], "from 0 to 49"),
        ([-1], "from 0 to 49"),
        ([7, 7], "more than once"),
        (np.ones(50, dtype=bool), "np.flatnonzero"),
        ([7.5], "integer positions"),
        (np.zeros((2, 4)), r"shape \(4,\), but those of X have \(3,\)"),
        ([], "candidates is empty"),
        (np.empty((0, 3)), "candidates is empty"),
        (7, "candidates must be positions in X or samples like its"),
        ([1, 2], "All 2 candidates are labelled already"),
    ],
)
def test_bad_candidates(pool, candidates, message):
    X, y, clf = pool
    with pytest.raises(ValueError, match=message):
        UncertaintySampling().query(X, y, clf, candidates=candidates)


@pytest.mark.parametrize("X", [np.empty((0, 3)), np.empty((0, 1, 8, 8)), pd.DataFrame()], ids=str)
def test_empty_pool(pool, X):
    with pytest.raises(ValueError, match="The pool is empty: X has no samples"):
        UncertaintySampling().query(X, np.empty(0), pool[2])


@pytest.mark.parametrize(
    ("batch_size", "error", "message"),
    [
        (45, ValueError, "batch_size=45, but there are only 44 unlabelled candidates"),
        (0, ValueError, "batch_size == 0"),
        (2.5, TypeError, "batch_size"),
    ],
)
def test_bad_batch_size(pool, batch_size, error, message):
    X, y, clf = pool
    with pytest.raises(error, match=message):
        UncertaintySampling().query(X, y, clf, batch_size=batch_size)


def test_labels_of_another_length(pool):
    X, y, clf = pool
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        UncertaintySampling().query(X, y[1:], clf)


def test_unknown_measure(pool):
    with pytest.raises(ValueError, match="'measure' parameter"):
        UncertaintySampling("surprise").query(*pool)


def test_model_that_returns_nan(pool, toys):
    X, y, _ = pool
    with pytest.raises(ValueError, match="NaN"):
        UncertaintySampling().query(X, y, toys.classifier(lambda first: NAN))


def test_regressor_that_returns_nan(pool, monkeypatch):
    X, y, _ = pool
    regressor = BayesianRidge().fit(X[:6], y[:6])
    monkeypatch.setattr(
        regressor, "predict", lambda rows, return_std: (rows[:, 0], np.full(len(rows), NAN))
    )
    with pytest.raises(ValueError, match="utilities contains NaN"):
        UncertaintySampling().query(X, y, regressor)


def test_skorch_net_on_images():
    X = np.random.RandomState(0).normal(size=(12, 1, 8, 8)).astype(np.float32)
    y = np.full(12, NAN)
    y[:3] = [0, 1, 2]
    with seeded_torch(0):  # weights and batches are drawn from torch's global state
        module = torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(2 * 36, 3)
        )
        net = NeuralNetClassifier(
            module, criterion=torch.nn.CrossEntropyLoss, max_epochs=1, train_split=None, verbose=0
        )
        net.fit(X[:3], y[:3].astype(int))
        expected = margin_of_confidence(net.predict_proba(X))
    before = torch.get_rng_state()
    indices = UncertaintySampling().query(X, y, net, batch_size=9)
    assert torch.equal(torch.get_rng_state(), before)
    assert indices.tolist() == (3 + np.argsort(-expected[3:])).tolist()


class OnDisk:
    """Rows behind a file: looking at the values would read them all."""

    shape = (1000, 3)

    def __len__(self):
        return 1000

    def __array__(self, *args, **kwargs):
        pytest.fail("the pool was copied")


@pytest.mark.parametrize("cls", [RandomSampling, UncertaintySampling])
def test_query_needs_no_fit(pool, cls):
    check_is_fitted(cls())  # says the tag
    assert cls().query(*pool).shape == (1,)


def test_fit_does_not_copy_the_pool(pool):
    assert RandomSampling().fit(OnDisk()).n_features_in_ == 3
    for container in (pd.DataFrame, scipy.sparse.csr_matrix):
        assert RandomSampling().fit(container(pool[0])).n_features_in_ == 3
    X = np.zeros((400_000, 10), dtype=np.float32)
    tracemalloc.start()
    RandomSampling().fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * X.nbytes


def test_fit_leaves_values_to_the_model():
    for X in ([[NAN, np.inf]], np.array([["a", "b"]], dtype=object), np.zeros((2, 1, 8, 8))):
        RandomSampling().fit(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros(3), "Expected 2D array, got 1D"),
        (np.zeros((0, 3)), r"Found array with 0 sample\(s\)"),
        (np.ones((2, 2), dtype=complex), "Complex data not supported"),
    ],
)
def test_fit_on_what_is_no_pool(X, message):
    with pytest.raises(ValueError, match=message):
        RandomSampling().fit(X)
