"""Small strategies, nets and data that the tests of this room share."""

import numpy as np
import pytest
import skorch
import torch
from sklearn.datasets import make_blobs
from sklearn.utils import check_random_state

from skgal.base import Synthesis, SynthesisStrategy


class Segment(SynthesisStrategy):
    """Designs samples on the segment between two labelled ones: position in [0, 1] is latent."""

    def __init__(self, *, random_state=None):
        self.random_state = random_state

    def fit(self, X, y=None):
        X = np.asarray(X)
        self.ends_ = X[:2]
        return self

    def synthesize(self, X, y, clf, *, batch_size=1):
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
