"""What the last layer of a net that generates and classifies sees."""

from functools import singledispatch

from skgal.training._auxiliary import AuxiliaryNet
from skgal.training._polarity import PolarityNet


@singledispatch
def classifier_features(net, samples):
    """Compute the input of the layer that makes the logits of the classes.

    Parameters
    ----------
    net : AuxiliaryNet, BalancingNet or PolarityNet
        A trained net, which has ``classify``.
    samples : torch.Tensor of shape (n, ...)
        What ``net.classify`` takes.

    Returns
    -------
    torch.Tensor of shape (n, n_features)

    Raises
    ------
    TypeError
        If the net doesn't classify.

    See Also
    --------
    penultimate_features : The same of skorch's classifiers.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import classifier_features
    >>> from skgal.generators import ACGAN
    >>> from skgal.nn import Dense
    >>> acgan = ACGAN(architecture=Dense(hidden=(8,)), max_iter=1, batch_size=2, random_state=0)
    >>> net = acgan.fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).net_
    >>> classifier_features(net, torch.zeros(2, 1)).shape
    torch.Size([2, 8])
    """
    raise TypeError(f"{type(net).__name__} doesn't classify; its features are those of its critic.")


@classifier_features.register
def _(net: AuxiliaryNet, samples):
    return net.critic_.features(samples)  # the classifier is one layer on top of these


@classifier_features.register
def _(net: PolarityNet, samples):
    return net.classifier_[:-1](net.extractor_(samples))
