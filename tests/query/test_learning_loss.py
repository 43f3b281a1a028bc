import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.active import ActiveLearner
from skgal.classifiers import LossPredictionClassifier
from skgal.query import LearningLoss
from skgal.utils import seeded_nets

NAN = np.nan


def make_net():
    with seeded_nets(LossPredictionClassifier(torch.nn.Identity)):
        module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    return LossPredictionClassifier(module, max_epochs=2, train_split=None, verbose=0)


@pytest.fixture
def pool():
    X = np.random.RandomState(0).normal(size=(30, 4)).astype(np.float32)
    y = np.full(30, NAN)
    y[:10] = X[:10, 0] > 0
    return X, y


def test_largest_predicted_losses(pool):
    X, y = pool
    net = make_net()
    with seeded_nets(net):
        net.fit(X[:10], y[:10].astype(int))
        losses = net.predict_loss(X)
    before = torch.get_rng_state()
    chosen, utilities = LearningLoss().query(X, y, net, batch_size=5, return_utilities=True)
    assert torch.equal(torch.get_rng_state(), before)
    assert chosen.tolist() == (10 + np.argsort(-losses[10:])[:5]).tolist()
    np.testing.assert_allclose(utilities[10:], losses[10:], rtol=1e-5)


def test_net_in_a_pipeline_in_a_learner(pool):
    X, _ = pool
    model = make_pipeline(StandardScaler(), make_net())
    learner = ActiveLearner(model, LearningLoss(), n_initial=6, batch_size=3, budget=6)
    learner.set_params(random_state=0).fit(X, (X[:, 0] > 0).astype(int))
    assert len(learner.labelled_) == 12


def test_classifier_that_predicts_no_loss(pool):
    X, y = pool
    clf = LogisticRegression().fit(X[:10], y[:10])
    with pytest.raises(TypeError, match=r"predict_loss .* LogisticRegression lacks"):
        LearningLoss().query(X, y, clf)


def test_classifier_that_is_not_fitted(pool):
    with pytest.raises(NotFittedError):
        LearningLoss().query(*pool, make_net())
