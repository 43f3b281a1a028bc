"""Monte-Carlo dropout: a trained classifier run several times with its dropout on."""

from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import numpy as np
import torch
from skorch.dataset import unpack_data
from torch import nn
from torch.nn.functional import normalize

from skgal.engine._layers import find_layers
from skgal.engine._seeding import torch_generator
from skgal.nn import Dropout, set_rng
from skgal.utils import seeded_torch

_DROPOUTS = (
    Dropout,
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)


class DropoutScores(NamedTuple):
    """What several passes with dropout say of samples, in the mean of the passes.

    Parameters
    ----------
    entropy : ndarray of shape (n_samples,)
        Of the predicted class probabilities, in nats.
    distance : ndarray of shape (n_samples,)
        From the centroid of the sample's class.
    proba : ndarray of shape (n_samples, n_classes)
    """

    entropy: np.ndarray
    distance: np.ndarray
    proba: np.ndarray


def class_centroids(net, X, labels, n_classes, *, layers=None, seed):
    r"""Mean activations of each class, from one pass with dropout.

    .. math:: c_i = \left[\frac{1}{N_i} \sum_j \phi_l(x_j)\right]_{l = 1 \dots L}

    Parameters
    ----------
    net : skorch net
        A fitted classifier with dropout.
    X : what the net takes
    labels : ndarray of shape (n_samples,), dtype int64
        Classes from 0, each with a sample.
    n_classes : int
    layers : list of str or None, default=None
        Names of the submodules whose outputs are compared. None: all hidden activations.
    seed : int
        Decides what is dropped.

    Returns
    -------
    list of Tensor of shape (n_classes, n_channels, ...)
        One for each layer.

    References
    ----------
    Selective augmentation, equation (4).
    """
    labels = torch.as_tensor(labels, device=net.device)
    totals = None
    with seeded_torch(seed, net.device), _dropout_on(net, seed):
        for rows, _, activations in _one_pass(net, X, layers):
            if totals is None:
                totals = [a.new_zeros((n_classes, *a.shape[1:])) for a in activations]
            for total, activation in zip(totals, activations, strict=True):
                total.index_add_(0, labels[rows], activation)
    counts = torch.bincount(labels, minlength=n_classes)
    return [total / counts.reshape(-1, *[1] * (total.ndim - 1)) for total in totals]


def dropout_scores(net, X, labels, centroids, *, n_passes, layers=None, seed):
    r"""Score samples by their mean entropy, and distance from the centroid of their class.

    .. math:: D(x, c) = \frac{1}{K} \sum_k \sum_l \frac{1}{H_l W_l}
        \| \hat\phi_l^k(x) - \hat\phi_l(c) \|_2^2

    with :math:`\hat\phi_l` the activation of layer l, at each of its :math:`H_l \times W_l`
    positions divided by its length over the channels.

    Parameters
    ----------
    net : skorch net
        A fitted classifier with dropout.
    X : what the net takes
    labels : ndarray of shape (n_samples,), dtype int64
        The classes that the samples shall be of.
    centroids : list of Tensor
        From :func:`class_centroids`.
    n_passes : int
        :math:`K`, at least 1.
    layers : list of str or None, default=None
        As for the centroids.
    seed : int
        Decides what is dropped.

    Returns
    -------
    DropoutScores

    Raises
    ------
    ValueError
        If the net has no dropout, or no such layers.

    References
    ----------
    Selective augmentation, Algorithm 1 and equation (3).
    """
    labels = torch.as_tensor(labels, device=net.device)
    centroids = [normalize(centroid, dim=1) for centroid in centroids]
    parts = []
    with seeded_torch(seed, net.device), _dropout_on(net, seed):
        for _ in range(n_passes):
            batches = [
                (proba, _distances(activations, centroids, labels[rows]))
                for rows, proba, activations in _one_pass(net, X, layers)
            ]
            parts.append([torch.cat(part) for part in zip(*batches, strict=True)])
    probas, distances = (torch.stack(part) for part in zip(*parts, strict=True))
    entropy = torch.special.entr(probas).sum(dim=2).mean(dim=0)
    means = (entropy, distances.mean(dim=0), probas.mean(dim=0))
    return DropoutScores(*(mean.cpu().numpy() for mean in means))


def _distances(activations, centroids, labels):
    return sum(
        (normalize(activation, dim=1) - centroid[labels])
        .square()
        .sum(dim=1)
        .reshape(len(labels), -1)
        .mean(dim=1)
        for activation, centroid in zip(activations, centroids, strict=True)
    )


@contextmanager
def _dropout_on(net, seed):
    """Have the net drop, and do all else as in evaluation."""
    module = net.module_
    dropouts = [layer for layer in module.modules() if isinstance(layer, _DROPOUTS)]
    if not any(layer.p > 0 for layer in dropouts):
        raise ValueError(
            f"{type(module).__name__} has no dropout, so that all passes would be the same; the "
            "extractor must have a layer such as torch.nn.Dropout(0.5)."
        )
    module.eval()
    for layer in dropouts:
        layer.train()
    set_rng(module, torch_generator(seed, net.device))
    try:
        with torch.inference_mode():
            yield
    finally:
        set_rng(module, None)
        module.eval()


def _one_pass(net, X, layers):
    """Yield of each batch its rows, class probabilities and activations."""
    nonlinearity = net._get_predict_nonlinearity()
    activations, start = [], 0
    with ExitStack() as hooks:
        for layer in find_layers(net.module_, layers):
            # A copy, for a layer behind it may work in place.
            hook = layer.register_forward_hook(lambda *call: activations.append(call[2].clone()))
            hooks.callback(hook.remove)
        for batch in net.get_iterator(net.get_dataset(X), training=False):
            inputs, _ = unpack_data(batch)
            output = net.infer(inputs)
            output = output[0] if isinstance(output, tuple) else output
            rows = slice(start, start + len(output))
            yield rows, nonlinearity(output), tuple(activations)
            start = rows.stop
            activations.clear()
