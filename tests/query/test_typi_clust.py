import numpy as np
import pytest
import skactiveml.pool
from scipy.spatial.distance import cdist
from sklearn.datasets import make_blobs

from skgal.query import TypiClust, _clustering
from skgal.query._clustering import typicality

NAN = np.nan
CENTRES = [[0, 0], [40, 0], [0, 40], [40, 40], [80, 80]]
SIZES = [30, 26, 22, 18, 14]


@pytest.fixture
def blobs():
    """Five clusters that no start of k-means misses, each of its own size."""
    return make_blobs(SIZES, centers=CENTRES, random_state=0)


def test_typicality_is_the_inverse_mean_distance(blobs):
    X, clusters = blobs
    expected = np.empty(len(X))
    for i, cluster in enumerate(clusters):
        others = np.flatnonzero((clusters == cluster) & (np.arange(len(X)) != i))
        expected[i] = 1 / np.sort(cdist(X[[i]], X[others])[0])[:5].mean()
    np.testing.assert_allclose(typicality(X, clusters, 5, range(5)), expected, rtol=1e-5)


def test_lonely_samples_and_duplicates():
    points = np.array([[0.0], [0.0], [5.0]])
    values = typicality(points, np.array([0, 0, 1]), 20, [0, 1])
    assert values[2] == 0
    assert np.isfinite(values).all()
    assert values[0] == values[1] > 1e6


def test_a_large_offset_changes_no_choice(blobs):
    X = np.round(blobs[0] * 2**20) / 2**20
    y = np.r_[np.zeros(3), np.full(len(X) - 3, NAN)]
    # In 18 columns scikit-learn searches by brute force.
    X = np.repeat(X, 9, axis=1)
    chosen = [
        TypiClust(random_state=0).query(X + offset, y, None, batch_size=10)
        for offset in (0, 2.0**27)
    ]
    assert chosen[0].tolist() == chosen[1].tolist()


def test_largest_clusters_without_a_label_come_first(blobs):
    X, clusters = blobs
    y = np.full(len(X), NAN)
    y[np.flatnonzero(clusters == 0)[:2]] = 0
    y[np.flatnonzero(clusters == 2)[0]] = 0
    chosen = TypiClust(random_state=0).query(X, y, None, batch_size=2)
    assert clusters[chosen].tolist() == [1, 3]
    for index in chosen:
        members = np.flatnonzero(clusters == clusters[index])
        assert index == members[np.argmax(typicality(X, clusters, 20, range(5))[members])]


def test_clusters_without_a_choice_are_not_wanted(blobs):
    X, clusters = blobs
    y = np.where(clusters == 0, 0.0, NAN)
    y[np.flatnonzero(clusters == 0)[1:]] = NAN
    strategy = TypiClust(n_neighbors=5, random_state=0)
    _, utilities = strategy.query(X, y, None, batch_size=4, return_utilities=True)
    np.testing.assert_allclose(
        utilities[clusters > 0], typicality(X, clusters, 5, range(5))[clusters > 0]
    )
    assert np.isnan(utilities[y == 0]).all()
    assert (utilities[(clusters == 0) & (y != 0)] == 0).all()


def test_centres_of_few_clusters_are_found_on_some_samples(monkeypatch, blobs):
    X, _ = blobs
    expected = TypiClust(random_state=0).query(X, np.full(len(X), NAN), None, batch_size=5)
    monkeypatch.setattr(_clustering, "_ENOUGH_SAMPLES", 60)
    found = TypiClust(random_state=0).query(X, np.full(len(X), NAN), None, batch_size=5)
    assert found.tolist() == expected.tolist()  # blobs this far apart are found on any


@pytest.mark.parametrize("seed", range(3))
def test_choices_are_scikit_activemls(blobs, seed):
    X, clusters = blobs
    y = np.full(len(X), NAN)
    y[np.flatnonzero(clusters == 1)[0]] = 0
    theirs = skactiveml.pool.TypiClust(k=5, random_state=seed).query(X, y, batch_size=4)
    ours = TypiClust(n_neighbors=5, random_state=seed).query(X, y, None, batch_size=4)
    assert ours.tolist() == theirs.tolist()


def test_more_choices_than_clusters_are_shared_evenly(blobs):
    X, clusters = blobs
    chosen = TypiClust(max_clusters=5, random_state=0).query(
        X, np.full(len(X), NAN), None, batch_size=12
    )
    assert clusters[chosen].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_many_clusters():
    X = np.random.RandomState(0).normal(size=(150, 2))
    chosen = TypiClust(random_state=0).query(X, np.full(150, NAN), None, batch_size=60)
    assert len(set(chosen)) == 60


def test_ties_are_broken_by_random_state():
    X = np.repeat([[0.0], [100.0]], 10, axis=0)
    batches = {
        tuple(TypiClust(random_state=seed).query(X, np.full(20, NAN), None, batch_size=2))
        for seed in range(10)
    }
    assert len(batches) > 5


def test_nan_features():
    X = np.full((5, 2), NAN)
    with pytest.raises(ValueError, match="features contains NaN"):
        TypiClust().query(X, np.full(5, NAN), None)
