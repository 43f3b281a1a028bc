import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from skorch import NeuralNetClassifier
from torch import nn

from skgal.exceptions import NotDifferentiableError
from skgal.generators import ACGAN, GAN
from skgal.metrics import entropy
from skgal.nn import Dense
from skgal.query import GAAL, LatentRandom
from skgal.utils import seeded_torch

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, size=(60, 3)).astype(np.float32)
y = np.where(X[:, 0] + X[:, 1] > 0.2, "right", "left")


@pytest.fixture(scope="module")
def gan():
    """A generator whose samples lie on both sides of the boundary."""
    generator = GAN(
        latent_dim=4, latent="uniform", max_iter=250, batch_size=16, learning_rate=3e-3,
        objective="hinge", penalty="spectral_norm", architecture=Dense(hidden=(16,)),
        random_state=0,
    )  # fmt: skip
    return FrozenEstimator(generator.fit(X))


def make_net(n_classes=2):
    with seeded_torch(0):
        net = NeuralNetClassifier(
            nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, n_classes)),
            criterion=nn.CrossEntropyLoss, max_epochs=40, lr=0.5, train_split=None, verbose=0,
        )  # fmt: skip
        return net.fit(X, (y == "right").astype(np.int64))


def distance_of(clf, X):
    return np.abs(clf.decision_function(X))


def log_odds_of(clf, X):
    with seeded_torch(0):
        proba = clf.predict_proba(X)
    return np.abs(np.log(proba[:, 1] / proba[:, 0]))


@pytest.mark.parametrize(
    ("clf", "distance"),
    [
        (LogisticRegression(C=100).fit(X, y), distance_of),
        (make_pipeline(StandardScaler(), LinearSVC(random_state=0)).fit(X, y), distance_of),
        (make_net(), log_odds_of),
    ],
    ids=["logistic", "svc pipeline", "skorch"],
)
def test_samples_lie_on_the_boundary(gan, clf, distance):
    strategy = GAAL(gan, random_state=0).fit(X)
    synthesis = strategy.synthesize(X, y, clf, batch_size=12)
    random = LatentRandom(gan, random_state=0).fit(X).synthesize(X, y, clf, batch_size=200)
    assert_array_equal(synthesis.X, gan.generate(synthesis.latent))
    assert synthesis.line is None
    assert np.median(distance(clf, synthesis.X)) < np.median(distance(clf, random.X)) / 20
    assert np.abs(synthesis.latent).max() <= 1


def test_entropy(gan):
    clf = LogisticRegression(C=100).fit(X, y)
    strategy = GAAL(gan, measure="entropy", random_state=0).fit(X)
    synthesis = strategy.synthesize(X, y, clf, batch_size=12)
    uncertain = entropy(clf.predict_proba(synthesis.X))
    assert np.median(uncertain) > 0.99 * np.log(2)
    assert_allclose(np.sort(uncertain)[::-1], uncertain, atol=1e-4)  # best first


def test_forests_are_searched_without_gradients(gan):
    clf = RandomForestClassifier(10, random_state=0).fit(X, y)
    found = GAAL(gan, measure="entropy", random_state=0).fit(X)
    drawn = LatentRandom(gan, random_state=0).fit(X)
    uncertain, usual = (
        entropy(clf.predict_proba(strategy.synthesize(X, y, clf, batch_size=10).X)).mean()
        for strategy in (found, drawn)
    )
    assert uncertain > 0.95 * np.log(2) > 1.4 * usual
    with pytest.raises(NotDifferentiableError, match="RandomForestClassifier"):
        found.set_params(search="gradient").synthesize(X, y, clf)


def test_evolution_on_request(gan):
    clf = LogisticRegression(C=100).fit(X, y)
    evolved, climbed = (
        GAAL(gan, search=search, random_state=0).fit(X).synthesize(X, y, clf, batch_size=4)
        for search in ("evolution", "auto")
    )
    assert (evolved.latent != climbed.latent).any()
    assert distance_of(clf, evolved.X).max() < 0.3


def test_generators_without_a_network(toys):
    # The toy's samples are their latent points, so the boundary is known in closed form.
    clf = LogisticRegression(C=100).fit(X, y)
    strategy = GAAL(toys.Generator(), random_state=0).fit(X)
    latent = strategy.synthesize(X, y, clf, batch_size=5).latent
    assert_allclose(latent @ clf.coef_[0, :2] + clf.intercept_, 0, atol=0.3)


def test_classifier_that_generates(gan):
    acgan = ACGAN(
        latent_dim=2, max_iter=30, batch_size=16, architecture=Dense(hidden=(8,)), random_state=0
    ).fit(X, y)
    synthesis = GAAL(gan, search="gradient", random_state=0).fit(X).synthesize(X, y, acgan)
    assert synthesis.X.shape == (1, 3)


def test_rounds_differ_and_can_be_repeated(gan):
    clf = LogisticRegression(C=100).fit(X, y)
    strategy = GAAL(gan, random_state=0).fit(X)
    first, again = (strategy.synthesize(X, y, clf, batch_size=3).latent for _ in range(2))
    assert_array_equal(first, again)
    second = strategy.synthesize(np.concatenate([X, X[:1]]), np.append(y, y[0]), clf, batch_size=3)
    assert (first != second.latent).any()


@pytest.mark.filterwarnings("error")  # scikit-learn warns if a model sees other column names
@pytest.mark.parametrize("model", [LogisticRegression(), RandomForestClassifier(3, random_state=0)])
def test_data_frames(model):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    generator = GAN(latent_dim=2, max_iter=2, batch_size=8, architecture=Dense(hidden=(8,)))
    strategy = GAAL(generator, max_iter=3, random_state=0).fit(frame)
    synthesis = strategy.synthesize(frame, y, model.fit(frame, y), batch_size=4)
    assert synthesis.X.columns.tolist() == ["a", "b", "c"]


def test_bad_models(gan):
    strategy = GAAL(gan, random_state=0).fit(X)
    with pytest.raises(NotFittedError):
        strategy.synthesize(X, y, LogisticRegression())
    with pytest.raises(TypeError, match="LinearRegression is a regressor"):
        strategy.synthesize(X, y, LinearRegression().fit(X, X[:, 0]))
    codes = OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X, y)
    with pytest.raises(TypeError, match="OutputCodeClassifier has no predict_proba and no"):
        strategy.synthesize(X, y, codes)


@pytest.mark.parametrize("search", ["gradient", "evolution"])
def test_entropy_of_a_classifier_without_probabilities(gan, search):
    svc = LinearSVC(random_state=0).fit(X, y)
    strategy = GAAL(gan, measure="entropy", search=search, random_state=0).fit(X)
    found = distance_of(svc, strategy.synthesize(X, y, svc, batch_size=6).X)
    assert np.median(found) < np.median(distance_of(svc, X)) / 5


def test_nan():
    with pytest.raises(ValueError, match="constant"):
        GAAL(GAN(max_iter=2)).fit(np.full((5, 3), np.nan))
