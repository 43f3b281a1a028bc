"""Samples in the precision that a net computes in."""

import numpy as np
import torch
from torch import nn


def in_precision_of(net, X):
    """Cast float64 numbers to float32, as torch's layers want them.

    Parameters
    ----------
    net : skorch net
        Fitted or not. Where weights are known to be float64, nothing is cast.
    X : ndarray

    Returns
    -------
    ndarray of the shape of X
        Whole numbers stay what they are.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNet
    >>> net = NeuralNet(torch.nn.Linear(3, 2), criterion=torch.nn.MSELoss)
    >>> in_precision_of(net, np.ones((5, 3))).dtype
    dtype('float32')
    """
    if X.dtype != np.float64 or torch.float64 in _precisions(net):
        return X
    return X.astype(np.float32)


def _precisions(net):
    module = getattr(net, "module_", net.module)
    is_made = isinstance(module, nn.Module)  # else a class, or a function that makes it
    return {weight.dtype for weight in module.parameters()} if is_made else set()
