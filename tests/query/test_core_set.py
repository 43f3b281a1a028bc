import tracemalloc

import numpy as np
import pytest
import skactiveml.pool
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from skgal.query import CoreSet, _core_set
from skgal.query._core_set import k_centre_greedy

NAN = np.nan


def brute_force(points, nearest, k, tie_break):
    """Farthest first, all distances anew for each choice."""
    chosen = []
    for _ in range(k):
        distances = nearest
        if chosen:
            distances = np.minimum(nearest, cdist(points, points[chosen]).min(axis=1) ** 2)
        order = np.lexsort((-tie_break, -distances))
        chosen.append(next(i for i in order if i not in chosen))
    return chosen


def make_pool(n=500, d=5, n_labelled=7, dtype=float):
    X = np.random.RandomState(0).normal(size=(n, d)).astype(dtype)
    y = np.full(n, NAN)
    y[:n_labelled] = 0
    return X, y


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=25),
    st.integers(1, 6),
    st.integers(1, 5),
    st.data(),
)
def test_every_head_and_block_give_the_farthest(points, head, block, data):
    # Integers, so that distances are exact and there are many ties and duplicates.
    points = np.array(points, dtype=float)
    k = data.draw(st.integers(1, len(points)))
    tie_break = np.random.RandomState(0).random_sample(len(points))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_core_set, "_HEAD", head)
        patch.setattr(_core_set, "_BLOCK", block)
        for nearest in (np.full(len(points), np.inf), (points**2).sum(axis=1)):
            chosen = k_centre_greedy(points, nearest, k, tie_break)
            assert chosen.tolist() == brute_force(points, nearest, k, tie_break)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("head", [8, 1024])
def test_choices_are_scikit_activemls(monkeypatch, dtype, head):
    monkeypatch.setattr(_core_set, "_HEAD", head)
    X, y = make_pool(dtype=dtype)
    ours, utilities = CoreSet().query(X, y, None, batch_size=60, return_utilities=True)
    theirs, their_utilities = skactiveml.pool.CoreSet(random_state=0).query(
        X, y, batch_size=60, return_utilities=True
    )
    assert ours.tolist() == theirs.tolist()
    np.testing.assert_allclose(utilities, their_utilities[0], rtol=1e-5)


def test_foreign_candidates_are_scikit_activemls():
    X, y = make_pool()
    foreign = np.random.RandomState(1).normal(size=(40, 5))
    theirs = skactiveml.pool.CoreSet(random_state=0).query(X, y, candidates=foreign, batch_size=9)
    assert CoreSet().query(X, y, None, candidates=foreign, batch_size=9).tolist() == theirs.tolist()


def test_nothing_labelled():
    X, y = make_pool(n_labelled=0)
    firsts = {CoreSet(random_state=seed).query(X, y, None)[0] for seed in range(8)}
    assert len(firsts) > 5  # any sample
    indices, utilities = CoreSet(random_state=0).query(
        X, y, None, batch_size=20, return_utilities=True
    )
    assert (utilities == 0).all()
    y[indices[0]] = 0
    assert CoreSet().query(X, y, None, batch_size=19).tolist() == indices[1:].tolist()


def test_far_from_the_origin_no_digit_is_lost():
    # float32 products of such numbers are exact to 1e4 only.
    X = (np.arange(40.0).reshape(-1, 1) ** 2 + 3e5).astype(np.float32)
    y = np.r_[0, np.full(39, NAN)]
    chosen = CoreSet().query(X, y, None, batch_size=5)
    assert chosen.tolist() == brute_force(X.astype(float), (X[:, 0] - 3e5) ** 2.0, 5, np.zeros(40))


@pytest.mark.parametrize("n_labelled", [0, 5])
def test_a_large_offset_changes_no_choice(n_labelled):
    X, _ = make_pool()
    y = np.r_[np.zeros(n_labelled), np.full(len(X) - n_labelled, NAN)]
    X = np.round(X * 2**20) / 2**20
    chosen = [
        CoreSet(random_state=0).query(X + offset, y, None, batch_size=20) for offset in (0, 2.0**27)
    ]
    assert chosen[0].tolist() == chosen[1].tolist()


def test_single_precision_does_not_make_ties():
    points = np.array([[0, 0], [4096, 0], [4096, 2**-5]], dtype=np.float32)
    tie_break = np.array([3.0, 2.0, 1.0])
    # The squares differ by 2**-10 of 2**24: a bit less than float32 can tell.
    assert k_centre_greedy(points, np.full(3, np.inf), 2, tie_break).tolist() == [0, 2]


def test_features_of_a_transformer_are_fitted_once():
    X, y = make_pool()
    X[:, 0] *= 100
    strategy = CoreSet(features=PCA(1)).fit(X, y)
    expected = CoreSet().query(PCA(1).fit_transform(X), y, None, batch_size=5)
    assert strategy.query(X, y, None, batch_size=5).tolist() == expected.tolist()
    frozen = CoreSet(features=FrozenEstimator(PCA(1).fit(X))).fit(X, y)
    assert frozen.query(X, y, None, batch_size=5).tolist() == expected.tolist()


def test_pool_in_chunks():
    X, y = make_pool()
    dask_array = pytest.importorskip("dask.array", reason="needs dask, the extra dask")
    chunked = dask_array.from_array(X, chunks=(150, 5))
    expected = CoreSet().query(X, y, None, batch_size=20)
    assert CoreSet().query(chunked, y, None, batch_size=20).tolist() == expected.tolist()


def test_transformer_needs_fit():
    X, y = make_pool()
    with pytest.raises(NotFittedError, match="CoreSet"):
        CoreSet(features=PCA(1)).query(X, y, None)


def test_classifier_features_need_a_fitted_classifier():
    X, y = make_pool()
    with pytest.raises(NotFittedError):
        CoreSet(features="classifier").query(X, y, LogisticRegression())


def test_nan_features():
    X, y = make_pool()
    X[9] = NAN
    with pytest.raises(ValueError, match="features contains NaN"):
        CoreSet().query(X, y, None)


def test_memory_is_linear_in_the_samples(monkeypatch):
    monkeypatch.setattr(_core_set, "_BLOCK", 512)
    X, y = make_pool(n=20_000, d=4)
    tracemalloc.start()
    CoreSet().query(X, y, None, batch_size=200)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 200 * 8 / 2  # half of a distance for each sample and choice
