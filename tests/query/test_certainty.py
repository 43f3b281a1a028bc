import numpy as np
import pytest
from sklearn.linear_model import BayesianRidge, LogisticRegression

from skgal.query import CertaintySampling, UncertaintySampling

NAN = np.nan


@pytest.fixture
def pool():
    X = np.random.RandomState(0).normal(size=(50, 3))
    y = np.full(50, NAN)
    y[:6] = [0, 1, 2, 0, 1, 2]
    return X, y, LogisticRegression().fit(X[:6], y[:6])


def most_confidence(p):  # ALCG, equation (6)
    return p.max(axis=1)


def large_margin(p):  # (7)
    return np.sort(p)[:, -1] - np.sort(p)[:, -2]


def least_entropy(p):  # (8), in ascending order
    return (p * np.log(p)).sum(axis=1)


@pytest.mark.parametrize("criterion", [most_confidence, large_margin, least_entropy])
def test_order_of_the_paper(pool, criterion):
    X, y, clf = pool
    certainty = criterion(clf.predict_proba(X[6:]))
    chosen = CertaintySampling(criterion.__name__).query(X, y, clf, batch_size=10)
    assert chosen.tolist() == (6 + np.argsort(-certainty)[:10]).tolist()


@pytest.mark.parametrize(
    ("certainty", "uncertainty"),
    [
        ("most_confidence", "least_confidence"),
        ("large_margin", "margin_of_confidence"),
        ("least_entropy", "entropy"),
    ],
)
def test_opposite_order_of_uncertainty_sampling(pool, certainty, uncertainty):
    certain = CertaintySampling(certainty).query(*pool, batch_size=44)
    uncertain = UncertaintySampling(uncertainty).query(*pool, batch_size=44)
    assert certain.tolist() == uncertain[::-1].tolist()


def test_regressor(pool):
    X, y, _ = pool
    regressor = BayesianRidge().fit(X[:6], y[:6])
    std = regressor.predict(X[6:], return_std=True)[1]
    assert CertaintySampling().query(X, y, regressor)[0] == 6 + np.argmin(std)


def test_unknown_measure(pool):
    with pytest.raises(ValueError, match="'measure' parameter"):
        CertaintySampling("entropy").query(*pool)
