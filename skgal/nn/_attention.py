"""Self-attention over the positions of an image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

# The queries have an eighth of the channels, the values a half.
_QUERY_SHARE = 8
_VALUE_SHARE = 2


class SelfAttention(nn.Module):
    r"""Adds to each position a mixture of what the whole image holds.

    .. math:: x + \gamma\, o\big(\mathrm{softmax}(q(x)\, k(x)^\top)\, v(x)\big)

    where :math:`q, k, v, o` are 1x1 convolutions, keys and values are halved by taking the largest
    of four neighbours, and :math:`\gamma` starts at 0: the layer does nothing until it has learnt
    to.

    Parameters
    ----------
    width : int
        Channels in and out.

    References
    ----------
    H. Zhang et al., "Self-attention generative adversarial networks", ICML 2019, section 3; with
    the halving of A. Brock, J. Donahue, K. Simonyan, "Large scale GAN training for high fidelity
    natural image synthesis", ICLR 2019, as their program has it.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(2, 16, 8, 8)
    >>> bool((SelfAttention(16)(x) == x).all())
    True
    """

    def __init__(self, width: int):
        super().__init__()
        n_query, n_value = max(width // _QUERY_SHARE, 1), max(width // _VALUE_SHARE, 1)
        self.query = nn.Conv2d(width, n_query, 1, bias=False)
        self.key = nn.Conv2d(width, n_query, 1, bias=False)
        self.value = nn.Conv2d(width, n_value, 1, bias=False)
        self.out = nn.Conv2d(n_value, width, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)
            Maps.

        Returns
        -------
        x : torch.Tensor of the same shape
        """
        query = self.query(x).flatten(2)
        key = max_pool2d(self.key(x), 2, ceil_mode=True).flatten(2)
        value = max_pool2d(self.value(x), 2, ceil_mode=True).flatten(2)
        # Not scaled_dot_product_attention: gradient penalties need a second derivative.
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=2)
        mixed = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.out(mixed)
