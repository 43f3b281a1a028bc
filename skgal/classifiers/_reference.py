"""A classifier of the training data, in whose features generated samples are compared."""

from functools import partial

import torch
from skorch import NeuralNetClassifier
from torch import nn

from skgal.classifiers._loader import UpdatesLoader
from skgal.nn import make_classifier
from skgal.utils import seeded_torch


def fit_reference_classifier(architecture, tensor, labels, *, max_iter=500, seed, device):
    """Train a classifier whose hidden layers are those of an architecture's critic.

    Parameters
    ----------
    architecture : skgal.nn.Architecture
    tensor : ndarray of shape (n_samples, *shape), dtype float32
        Samples as networks see them.
    labels : ndarray of shape (n_samples,), dtype int64
        Their classes, from 0.
    max_iter : int, default=500
        Number of updates, on batches of 64.
    seed : int
    device : str

    Returns
    -------
    skorch.NeuralNetClassifier

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import fit_reference_classifier
    >>> from skgal.features import penultimate_features
    >>> from skgal.nn import Dense
    >>> from skgal.utils import seeded_nets
    >>> X = np.array([[-1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    >>> net = fit_reference_classifier(
    ...     Dense(hidden=(8,)), X, np.array([0, 1]), max_iter=100, seed=0, device="cpu"
    ... )
    >>> with seeded_nets(net):
    ...     net.predict(X).tolist(), penultimate_features(net, X).shape
    ([0, 1], (2, 8))
    """
    make_module = partial(make_classifier, architecture, tensor.shape[1:], int(labels.max()) + 1)
    return fit_classifier(make_module, tensor, labels, max_iter=max_iter, seed=seed, device=device)


def fit_classifier(make_module, tensor, labels, *, max_iter, seed, device):
    """Train a classifier for a number of updates.

    Parameters
    ----------
    make_module : callable
        Makes the network, which maps (n, *shape) to logits; called without arguments.
    tensor, labels, max_iter, seed, device
        As for `fit_reference_classifier`.

    Returns
    -------
    skorch.NeuralNetClassifier
    """
    net = NeuralNetClassifier(
        make_module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=1e-3,
        max_epochs=1,
        iterator_train=UpdatesLoader,
        iterator_train__batch_size=64,
        iterator_train__updates_per_epoch=max_iter,
        train_split=None,
        verbose=0,
        device=device,
    )
    with seeded_torch(seed):
        return net.fit(tensor, labels)
