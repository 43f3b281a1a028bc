"""What a generator minimises that wants its samples hard to classify."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus


def evasion_loss(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Mean of :math:`-\log(1 - C(y | x))`: small where the class is not recognised.

    Its gradient does not vanish where the classifier is sure of the class, as that of
    :math:`\log C(y | x)` does, and it does where the classifier is misled already.

    Parameters
    ----------
    logits : torch.Tensor of shape (n, n_classes)
        The classifier's, of two classes or more.
    labels : torch.Tensor of shape (n,), dtype int64
        The classes that the samples were generated of.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the generator minimises.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN", 2020, equation (6).

    Examples
    --------
    >>> import torch
    >>> evasion_loss(torch.zeros(1, 2), torch.tensor([0]))  # -log(1/2)
    tensor(0.6931)
    """
    labels = labels.unsqueeze(1)
    others = logits.scatter(1, labels, -torch.inf).logsumexp(1)
    return softplus(logits.gather(1, labels).squeeze(1) - others).mean()
