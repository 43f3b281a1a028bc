import numpy as np
import pytest
import skactiveml.pool
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression

from skgal.query import ProbCover
from skgal.query._clustering import pure_radius

NAN = np.nan


@pytest.fixture
def pool():
    X = np.random.RandomState(0).normal(size=(80, 3))
    y = np.full(80, NAN)
    y[:4] = [0, 1, 0, 1]
    return X, y


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_choice_covers_most(pool, dtype):
    X, y = pool
    X = X.astype(dtype)
    chosen, utilities = ProbCover(delta=0.9).query(X, y, None, batch_size=6, return_utilities=True)
    near = cdist(X, X) <= 0.9
    covered = near[:4].any(axis=0)
    np.testing.assert_array_equal(utilities[4:], (near & ~covered).sum(axis=1)[4:])
    for index in chosen:
        gains = (near & ~covered).sum(axis=1)[4:]
        assert gains[index - 4] == gains.max()
        covered |= near[index]


def test_a_large_offset_changes_no_choice(pool):
    X, y = pool
    X = np.round(np.repeat(X, 6, axis=1) * 2**20) / 2**20  # so wide, by brute force
    strategy = ProbCover(n_classes=3, purity=0.7, random_state=0)
    chosen = [strategy.query(X + offset, y, None, batch_size=10) for offset in (0, 2.0**27)]
    assert chosen[0].tolist() == chosen[1].tolist()


@pytest.mark.filterwarnings("ignore:The maximum purity")  # theirs, of a single delta
def test_choices_are_scikit_activemls():
    # Groups of different sizes around hubs that alone reach all: no ties.
    rng = np.random.RandomState(0)
    groups = []
    for i, size in enumerate([9, 8, 7, 6, 5, 4]):
        angles = np.linspace(0, 2 * np.pi, size, endpoint=False)
        ring = np.column_stack([np.cos(angles), np.sin(angles)])
        groups.append(np.vstack([[0, 0], ring]) + np.array([10 * i, 0]))
    X = rng.permutation(np.vstack(groups))
    y = np.full(len(X), NAN)
    y[np.flatnonzero((X == [10, 0]).all(axis=1))] = 0
    theirs = skactiveml.pool.ProbCover(deltas=[1.01], random_state=0).query(X, y, batch_size=5)
    ours = ProbCover(delta=1.01).query(X, y, None, batch_size=5)
    assert ours.tolist() == theirs.tolist()
    assert X[ours, 0].tolist() == [0, 20, 30, 40, 50]


def test_radius_is_the_largest_that_is_pure_enough(pool):
    X, _ = pool
    for purity in (0.6, 0.9, 1.0):
        delta = pure_radius(X, 3, purity, seed=0)
        clusters = KMeans(3, random_state=0).fit_predict(X)
        strangers = np.where(clusters[:, None] == clusters, np.inf, cdist(X, X))
        assert (strangers.min(axis=1) > delta).mean() >= purity
        assert (strangers.min(axis=1) > delta * (1 + 1e-6)).mean() < purity


def test_radius_by_the_classes_of_the_model(pool):
    X, y = pool
    clf = LogisticRegression().fit(X[:4], y[:4])
    by_model = ProbCover(random_state=0).query(X, y, clf, batch_size=3)
    by_number = ProbCover(n_classes=2, random_state=0).query(X, y, None, batch_size=3)
    assert by_model.tolist() == by_number.tolist()
    with pytest.raises(TypeError, match="pass n_classes or delta"):
        ProbCover().query(X, y, None)


def test_everything_covered_leaves_a_random_order(pool):
    X, y = pool
    batches = {
        tuple(ProbCover(delta=100, random_state=seed).query(X, y, None, batch_size=3))
        for seed in range(5)
    }
    assert len(batches) == 5


def test_one_sample():
    assert ProbCover(n_classes=3).query(np.ones((1, 2)), [NAN], None).tolist() == [0]


@pytest.mark.parametrize("params", [{"delta": -1}, {"purity": 1.5}, {"n_classes": 1}])
def test_bad_parameters(pool, params):
    with pytest.raises(ValueError, match="parameter of ProbCover"):
        ProbCover(**params).query(*pool, None)


def test_nan_features(pool):
    X, y = pool
    X[7, 1] = NAN
    with pytest.raises(ValueError, match="features contains NaN"):
        ProbCover(delta=1).query(X, y, None)
