"""Monte-Carlo dropout: a trained classifier run several times with its dropout on."""

from contextlib import ExitStack, contextmanager
from functools import reduce
from typing import NamedTuple

import numpy as np
import torch
from skorch.dataset import unpack_data
from skorch.utils import to_tensor
from torch import nn
from torch.nn.functional import normalize

from skgal.classifiers._nets import find_layers
from skgal.nn import Dropout, set_rng, torch_generator
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
# By how much probabilities in half precision may miss a sum of 1.
_ROUNDING = 1e-2


class DropoutScores(NamedTuple):
    """Mean scores of samples over several passes with dropout.

    The label of a candidate with a low entropy is clear; one with a small distance is typical
    of its class.

    Parameters
    ----------
    entropy : ndarray of shape (n_samples,)
        Of the predicted class probabilities, in nats.
    distance : ndarray of shape (n_samples,)
        From the centroid of the sample's class.
    proba : ndarray of shape (n_samples, n_classes)
        Class probabilities.

    See Also
    --------
    dropout_scores : Returns them.
    skgal.resampling.SelectiveAugmentation : Chooses by them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import DropoutScores
    >>> scores = DropoutScores(
    ...     entropy=np.array([0.1, 0.6]),
    ...     distance=np.array([0.2, 1.5]),
    ...     proba=np.array([[0.98, 0.02], [0.6, 0.4]]),
    ... )
    >>> np.flatnonzero((scores.entropy < 0.5) & (scores.distance < 1.0))
    array([0])
    """

    entropy: np.ndarray
    distance: np.ndarray
    proba: np.ndarray


def class_centroids(net, X, labels, n_classes, *, layers=None, seed):
    r"""Mean activations of each class, from one pass with dropout.

    .. math:: c_i = \left[\frac{1}{N_i} \sum_j \phi_l(x_j)\right]_{l = 1 \ldots L}

    Parameters
    ----------
    net : skorch net
        A fitted classifier.
    X : what the net takes
        The samples.
    labels : ndarray of shape (n_samples,), dtype int64
        Classes from 0, each with a sample.
    n_classes : int
        The number of classes.
    layers : list of str or None, default=None
        Names of the submodules whose outputs are compared. None: all hidden activations.
    seed : int
        Decides what is dropped.

    Returns
    -------
    list of Tensor of shape (n_classes, n_channels, ...)
        One for each layer.

    Raises
    ------
    ValueError
        If the net has no such layers, or puts out what aren't class probabilities.

    See Also
    --------
    dropout_scores : Measures the distance from them.
    skgal.resampling.SelectiveAugmentation : Filters by it.

    References
    ----------
    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, equation
    (4).

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import class_centroids, fit_classifier
    >>> from skgal.nn import make_dropout_classifier
    >>> X = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    >>> labels = np.repeat([0, 1], 10)
    >>> net = fit_classifier(
    ...     lambda: make_dropout_classifier((2,), 2), X, labels, max_iter=20, seed=0, device="cpu"
    ... )
    >>> [tuple(centroid.shape) for centroid in class_centroids(net, X, labels, 2, seed=0)]
    [(2, 64), (2, 64), (2, 64)]
    """
    labels = torch.as_tensor(labels, device=net.device)
    totals = None
    with seeded_torch(seed, net.device), _dropout_on(net, seed):
        for rows, fixed, ((proba, dropped),) in _passes(net, X, layers, n_passes=1):
            _check_probabilities(net, proba)
            activations = fixed + dropped
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
        A fitted classifier, with dropout if there are several passes.
    X : what the net takes
        The samples.
    labels : ndarray of shape (n_samples,), dtype int64
        The classes that the samples should belong to.
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
        Means over the passes.

    Raises
    ------
    ValueError
        If the net has no such layers, puts out what aren't class probabilities, or has no dropout
        though there are several passes. Those that are NaN have an entropy of NaN.

    See Also
    --------
    class_centroids : Where each class has its middle.
    skgal.resampling.SelectiveAugmentation : Filters by the scores.

    References
    ----------
    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, Algorithm
    1 and equation (3).

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.classifiers import class_centroids, dropout_scores, fit_classifier
    >>> from skgal.nn import make_dropout_classifier
    >>> X = np.repeat(np.eye(2, dtype=np.float32), 10, axis=0)
    >>> labels = np.repeat([0, 1], 10)
    >>> net = fit_classifier(
    ...     lambda: make_dropout_classifier((2,), 2), X, labels, max_iter=100, seed=0, device="cpu"
    ... )
    >>> centroids = class_centroids(net, X, labels, 2, seed=0)
    >>> scores = dropout_scores(net, X, labels, centroids, n_passes=5, seed=0)
    >>> scores.entropy.shape, scores.distance.shape, scores.proba.shape
    ((20,), (20,), (20, 2))
    """
    labels = torch.as_tensor(labels, device=net.device)
    centroids = [normalize(centroid, dim=1) for centroid in centroids]
    parts = []
    if n_passes > 1:
        check_dropout(net)
    with seeded_torch(seed, net.device), _dropout_on(net, seed):
        for rows, fixed, passes in _passes(net, X, layers, n_passes):
            own = [centroid[labels[rows]] for centroid in centroids]
            distance = _distances(fixed, own[: len(fixed)])
            for _, dropped in passes:
                distance = distance + _distances(dropped, own[len(fixed) :]) / n_passes
            probas = torch.stack([proba for proba, _ in passes])
            _check_probabilities(net, probas[~probas.isnan().any(dim=-1)])
            entropy = torch.special.entr(probas).sum(dim=2).mean(dim=0)
            parts.append((entropy, distance, probas.mean(dim=0)))
    return DropoutScores(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))


def _check_probabilities(net, probas):
    """Refuse what has no entropy, such as logits and log-probabilities."""
    module = type(net.module_).__name__
    if probas.isnan().any():
        raise ValueError(
            f"{module} puts out NaN for training samples, so it can't score others; its training "
            "has failed, or the samples have gaps. Try a lower lr, or fill the gaps."
        )
    is_sum = (probas.sum(dim=-1) - 1).abs() < _ROUNDING
    if probas.ndim != 2 or (probas < 0).any() or not is_sum.all():
        raise ValueError(
            f"{module} must put out class probabilities, in each row non-negative numbers of sum "
            f"1, but puts out rows such as {probas[0].tolist()}. Have it put out logits and give "
            "the net criterion=torch.nn.CrossEntropyLoss, or give it the predict_nonlinearity "
            "that makes probabilities of what is put out: torch.exp of log-probabilities."
        )


def _distances(activations, centroids):
    """Return the summed distances of each sample's activations from its centroids."""
    return sum(
        (normalize(activation, dim=1) - centroid)
        .square()
        .sum(dim=1)
        .reshape(len(activation), -1)
        .mean(dim=1)
        for activation, centroid in zip(activations, centroids, strict=True)
    )


def check_dropout(net):
    """Refuse a fitted net that has no dropout, of which several passes would be the same.

    It is asked before a generator is trained, which would be in vain.

    Parameters
    ----------
    net : skorch net
        Fitted.

    Raises
    ------
    ValueError
        If it has no dropout.

    See Also
    --------
    dropout_scores : Needs dropout.
    skgal.nn.make_dropout_classifier : Builds a net that has it.

    Examples
    --------
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from skgal.classifiers import check_dropout
    >>> module = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(2, 2))
    >>> check_dropout(NeuralNetClassifier(module).initialize())
    >>> try:
    ...     check_dropout(NeuralNetClassifier(torch.nn.Linear(2, 2)).initialize())
    ... except ValueError:
    ...     print("no dropout")
    no dropout
    """
    if not dropout_layers(net.module_):
        raise ValueError(
            f"{type(net.module_).__name__} has no dropout, so that all passes would be the same; "
            "the extractor must have a layer such as torch.nn.Dropout(0.5), or look once only, by "
            "n_passes=1."
        )


def dropout_layers(module):
    """Find the layers of a module that drop anything."""
    return [layer for layer in module.modules() if isinstance(layer, _DROPOUTS) and layer.p > 0]


@contextmanager
def _dropout_on(net, seed):
    """Switch the net to evaluation, but its dropout layers to training."""
    module = net.module_
    module.eval()
    for layer in dropout_layers(module):
        layer.train()
    set_rng(module, torch_generator(seed, net.device))
    try:
        # Batches are made on torch's default device, which may be another one than the net's.
        with torch.device(net.device), torch.inference_mode():
            yield
    finally:
        set_rng(module, None)
        module.eval()


def _passes(net, X, layers, n_passes):
    """Yield for each batch its rows, activations before the first dropout, and those of passes."""
    nonlinearity = net._get_predict_nonlinearity()
    layers = find_layers(net.module_, layers)
    before, after = _split(net.module_, layers)
    start = 0
    with _recorded(layers) as activations:
        for batch in net.get_iterator(net.get_dataset(X), training=False):
            inputs, _ = unpack_data(batch)
            if before:
                reached = _run(before, to_tensor(inputs, net.device))
            fixed = _take(activations)
            passes = []
            for _ in range(n_passes):
                # Cloned, for the layers behind may work in place.
                output = _run(after, reached.clone()) if before else net.infer(inputs)
                output = output[0] if isinstance(output, tuple) else output
                passes.append((nonlinearity(output), _take(activations)))
            rows = slice(start, start + len(output))
            yield rows, fixed, passes
            start = rows.stop


def _split(module, layers):
    """Return the parts of a chain before the first dropout, and the others."""
    chain = _links(module, layers)
    drops = (i for i, part in enumerate(chain) if any(m.training for m in part.modules()))
    first = next(drops, 0)
    return chain[:first], chain[first:]


def _links(module, layers):
    """Return the modules that a module calls one after the other; those of `layers` stay whole."""
    is_chain = isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward
    has_hooks = module._forward_hooks or module._forward_pre_hooks
    if not is_chain or has_hooks or any(module is layer for layer in layers):
        return [module]
    return [link for child in module for link in _links(child, layers)]


def _run(chain, x):
    return reduce(lambda reached, part: part(reached), chain, x)


@contextmanager
def _recorded(layers):
    """Have the outputs of layers appended to a list."""
    activations = []
    with ExitStack() as hooks:
        for layer in layers:
            # A copy, for a layer behind it may work in place.
            hook = layer.register_forward_hook(lambda *call: activations.append(call[2].clone()))
            hooks.callback(hook.remove)
        yield activations


def _take(activations):
    """Return what is in the list, and empty it."""
    taken = tuple(activations)
    activations.clear()
    return taken
