"""What the last layer of a classifier's network sees."""

from contextlib import ExitStack

import numpy as np
import torch


def penultimate_features(net, X):
    """Compute the input of the layer that makes a skorch net's outputs.

    That layer is the last :class:`torch.nn.Linear` that runs and is as wide as the module's
    output (its first, if it has several), wherever it sits in the module.

    Parameters
    ----------
    net : skorch.NeuralNet
        A fitted net.
    X : array-like of n_samples samples
        What ``net.predict`` takes; ``net.batch_size`` samples pass at a time.

    Returns
    -------
    ndarray of shape (n_samples, width)

    Raises
    ------
    TypeError
        If no linear layer makes the outputs.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from skgal.classifiers import penultimate_features
    >>> from skgal.utils import seeded_nets
    >>> module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> net = NeuralNetClassifier(module)
    >>> X = np.array([[[[-1, 0], [1, 2]]]], dtype=np.float32)
    >>> with seeded_nets(net):
    ...     penultimate_features(net.initialize(), X)
    array([[0., 0., 1., 2.]], dtype=float32)
    """
    seen = []

    def remember(layer, inputs):
        seen.append((layer.out_features, inputs[0]))

    features = []
    with ExitStack() as hooks:
        for layer in net.module_.modules():
            if isinstance(layer, torch.nn.Linear):
                hooks.callback(layer.register_forward_pre_hook(remember).remove)
        for output in net.forward_iter(X, training=False):
            features.append(_input_of_last(seen, output).flatten(1).cpu().numpy())
            seen.clear()
    return np.concatenate(features)


def _input_of_last(seen, output):
    """Find the input of the last layer seen that is as wide as the output."""
    output = output[0] if isinstance(output, tuple) else output
    n_outputs = output.shape[1] if output.ndim > 1 else 1  # a binary classifier's may be flat
    for width, layer_input in reversed(seen):
        if width == n_outputs:
            return layer_input
    raise TypeError(
        f"No torch.nn.Linear of the module makes its output of shape {tuple(output.shape)}, so "
        "it has no penultimate layer to read; pass a transformer that makes features instead."
    )
