import tracemalloc

import numpy as np
import pytest
import skactiveml.pool
import torch
from scipy.special import softmax
from skactiveml.classifier import SklearnClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.svm import LinearSVC
from skorch import NeuralNetClassifier

from skgal.query import BADGE
from skgal.query._badge import gradient_k_means_pp
from skgal.utils import seeded_torch

NAN = np.nan


def explicit_k_means_pp(embedding, k, rng):
    """k-means++ on vectors that are there."""
    rng.random_sample(len(embedding))  # which decides between equal norms; here are none
    chosen = [int(np.argmax((embedding**2).sum(axis=1)))]
    while len(chosen) < k:
        distances = ((embedding[:, None] - embedding[chosen]) ** 2).sum(axis=2).min(axis=1)
        distances[chosen] = 0
        chosen.append(rng.choice(len(embedding), p=distances / distances.sum()))
    return chosen


@pytest.fixture
def pool():
    X = np.random.RandomState(0).normal(size=(60, 4))
    y = np.full(60, NAN)
    y[:9] = [0, 1, 2] * 3
    return X, y, LogisticRegression().fit(X[:9], y[:9])


@pytest.mark.parametrize("seed", range(5))
def test_factorised_draws_are_those_of_the_explicit_embedding(seed):
    rng = np.random.RandomState(seed)
    residuals, points = rng.normal(size=(50, 3)), rng.normal(size=(50, 7))
    embedding = np.einsum("nc,nw->ncw", residuals, points).reshape(50, -1)
    ours = gradient_k_means_pp(residuals, points, 20, np.random.RandomState(seed))
    assert ours.tolist() == explicit_k_means_pp(embedding, 20, np.random.RandomState(seed))


def test_embedding_is_the_gradient_of_the_loss(pool):
    X, y, _ = pool
    with seeded_torch(0):
        layer = torch.nn.Linear(4, 3, dtype=torch.float64)
    gradients = []
    for row in torch.from_numpy(X):
        layer.zero_grad()
        logits = layer(row)
        torch.nn.functional.cross_entropy(logits, logits.argmax()).backward()
        gradients.append(layer.weight.grad.flatten().clone())
    squared_norms = torch.stack(gradients).square().sum(dim=1).numpy()

    clf = LogisticRegression().fit(X[:9], y[:9])
    clf.coef_ = layer.weight.detach().numpy()
    clf.intercept_ = layer.bias.detach().numpy()
    indices, utilities = BADGE(random_state=0).query(X, y, clf, return_utilities=True)
    np.testing.assert_allclose(utilities[9:], squared_norms[9:])
    assert indices[0] == 9 + np.argmax(squared_norms[9:])


def test_first_choice_and_its_probabilities_are_scikit_activemls(pool):
    # The others are draws, and scikit-activeml draws as if the origin were a centre as well.
    X, y, _ = pool
    clf = SklearnClassifier(LogisticRegression(), classes=[0, 1, 2]).fit(X, y)
    theirs, their_utilities = skactiveml.pool.Badge(random_state=0).query(
        X, y, clf, fit_clf=False, return_utilities=True
    )
    ours, utilities = BADGE(features=None).query(X, y, clf, return_utilities=True)
    assert ours.tolist() == list(theirs)
    np.testing.assert_allclose(utilities / np.nansum(utilities), their_utilities[0])


def test_default_features_of_a_net_are_its_penultimate_layer(pool):
    X, y, _ = pool
    X = X.astype(np.float32)
    with seeded_torch(0):
        module = torch.nn.Sequential(
            torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3), torch.nn.Softmax(dim=1)
        )
        net = NeuralNetClassifier(module, max_epochs=1, train_split=None, verbose=0)
        net.fit(X[:9], y[:9].astype(int))
        residuals = net.predict_proba(X)
    hidden = module[:2](torch.from_numpy(X)).detach().numpy()
    residuals[np.arange(60), residuals.argmax(axis=1)] -= 1
    expected = (residuals**2).sum(axis=1) * (hidden**2).sum(axis=1)
    _, utilities = BADGE(random_state=0).query(X, y, net, return_utilities=True)
    np.testing.assert_allclose(utilities[9:], expected[9:], rtol=1e-5)


def test_certain_classifier_leaves_a_uniform_draw(toys):
    X, y = np.zeros((12, 2)), np.full(12, NAN)
    clf = toys.classifier(lambda first: 1.0)
    for seed in range(3):
        batch = BADGE(features=None, random_state=seed).query(X, y, clf, batch_size=12)
        assert sorted(batch) == list(range(12))


def test_any_classifier_with_features_of_its_own(pool):
    X, y, _ = pool
    forest = RandomForestClassifier(5, random_state=0).fit(X[:9], y[:9])
    assert len(BADGE(features=None).query(X, y, forest, batch_size=4)) == 4
    with pytest.raises(TypeError, match="skorch net, a multi-layer perceptron or a linear model"):
        BADGE().query(X, y, forest)


def test_models_that_will_not_do(pool):
    X, y, _ = pool
    with pytest.raises(NotFittedError):
        BADGE().query(X, y, LogisticRegression())
    with pytest.raises(TypeError, match="BayesianRidge is a regressor"):
        BADGE().query(X, y, BayesianRidge().fit(X[:9], y[:9]))
    codes = OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X[:9], y[:9])
    with pytest.raises(TypeError, match="no predict_proba and no decision_function"):
        BADGE(features=None).query(X, y, codes)


def test_decisions_stand_for_probabilities(pool):
    X, y, _ = pool
    svc = LinearSVC(random_state=0).fit(X[:9], y[:9])
    residuals = softmax(svc.decision_function(X), axis=1)
    residuals[np.arange(60), residuals.argmax(axis=1)] -= 1
    expected = (residuals**2).sum(axis=1) * (X**2).sum(axis=1)
    _, utilities = BADGE(random_state=0).query(X, y, svc, return_utilities=True)
    np.testing.assert_allclose(utilities[9:], expected[9:])


def test_first_of_equal_gradients_is_drawn():
    X, y = np.tile([[1.0, 0.0], [0.0, 1.0]], (10, 1)), np.r_[0, 1, np.full(18, NAN)]
    clf = LogisticRegression().fit(X[:2], y[:2])
    firsts = {BADGE(random_state=seed).query(X, y, clf)[0] for seed in range(10)}
    assert len(firsts) > 4


def test_memory_holds_no_embedding():
    n, n_classes, width = 4000, 50, 64
    rng = np.random.RandomState(0)
    residuals, points = rng.normal(size=(n, n_classes)), rng.normal(size=(n, width))
    tracemalloc.start()
    gradient_k_means_pp(residuals, points, 20, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * n * (n_classes + width)  # an embedding has 8 n n_classes width bytes
