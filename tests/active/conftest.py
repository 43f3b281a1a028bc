"""Small strategies, nets and data that the tests of this folder share."""

import numpy as np
import pytest
import skorch
import torch
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state

from skgal.active import ActiveLearner
from skgal.base import Synthesis, SynthesisStrategy
from skgal.query import UncertaintySampling


class Segment(SynthesisStrategy):
    """Designs samples on the segment between two labelled ones: position in [0, 1] is latent."""

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        X = np.asarray(X)
        self.ends_ = X[:2]
        return self

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        latent = check_random_state(self.random_state).uniform(size=(batch_size, 1))
        first, second = self.ends_
        designed = first + latent * (second - first)
        return Synthesis(designed.astype(self.ends_.dtype), latent)


class Net(torch.nn.Module):
    """Two features in, class probabilities out; logits if ``logits``."""

    def __init__(self, n_outputs=2, logits=False):
        super().__init__()
        self.linear = torch.nn.Linear(2, n_outputs)
        self.logits = logits

    def forward(self, X):
        out = self.linear(X)
        return out if self.logits else out.softmax(dim=1)


@pytest.fixture
def segment():
    return Segment()


@pytest.fixture
def make_net():
    """Makes skorch classifiers that train in milliseconds."""

    def make(**parameters):
        defaults = {"module": Net, "max_epochs": 3, "lr": 0.1, "verbose": 0, "train_split": None}
        return skorch.NeuralNetClassifier(**{**defaults, **parameters})

    return make


@pytest.fixture
def blobs():
    """Two classes in the plane, 40 samples, float32; the classes overlap a little."""
    X, y = make_blobs(40, centers=[[-1, 0], [1, 0]], cluster_std=0.8, random_state=0)
    return X.astype(np.float32), y


@pytest.fixture
def three_blobs():
    """Three classes in the plane, 60 samples, float32."""
    X, y = make_blobs(60, centers=[[-2, 0], [2, 0], [0, 3]], random_state=0)
    return X.astype(np.float32), y


@pytest.fixture
def partial(blobs):
    """The blobs, and labels of the first three of each class."""
    X, y = blobs
    rank = np.where(y == 0, np.cumsum(y == 0), np.cumsum(y == 1))
    return X, np.where(rank <= 3, y, np.nan)


@pytest.fixture
def path(tmp_path):
    """Where a test may keep a store."""
    return tmp_path / "labels.db"


@pytest.fixture
def make_learner():
    """Makes learners that buy three batches of four."""

    def make(path=None, **parameters):
        defaults = {"batch_size": 4, "budget": 12, "random_state": 0, "store": path}
        strategy = parameters.pop("strategy", UncertaintySampling())
        return ActiveLearner(LogisticRegression(), strategy, **{**defaults, **parameters})

    return make


@pytest.fixture
def summary():
    """Tells what two sessions must have in common to be the same."""

    def summarise(learner):
        rows = [{k: v for k, v in row.items() if "seconds" not in k} for row in learner.history_]
        record = learner.labelled_
        proba = None if record.proba is None else record.proba.tolist()
        latent = None if record.latent is None else record.latent[record.is_synthetic].tolist()
        return repr(
            (
                record.indices.tolist(),
                np.asarray(record.X).tolist(),
                record.y.tolist(),
                str(record.y.dtype),
                proba,
                latent,
                rows,
                learner.predict_proba(np.asarray(record.X)).tolist(),
            )
        )

    return summarise
