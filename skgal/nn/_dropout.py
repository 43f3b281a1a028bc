"""Dropout that draws from a generator of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from skgal.nn._stochastic import Stochastic


class Dropout(Stochastic):
    """Dropout whose masks come from its own source of randomness.

    `torch.nn.Dropout` reads torch's global generator; this layer reads ``rng``, which whoever
    trains the network sets with `set_rng`. In evaluation mode it is the identity.

    Parameters
    ----------
    p : float, default=0.0
        The probability that an element is set to zero, in [0, 1). The others are divided by ``1 -
        p``.

    Raises
    ------
    ValueError
        If ``p`` is not in [0, 1).

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import set_rng
    >>> dropout = Dropout(0.5)
    >>> set_rng(dropout, torch.Generator().manual_seed(0))
    >>> sorted(set(dropout(torch.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p: float = 0.0):
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Set elements to zero at random, in training mode.

        Parameters
        ----------
        x : torch.Tensor
            Any shape.

        Returns
        -------
        x : torch.Tensor
            The same shape.

        Raises
        ------
        RuntimeError
            If no source of randomness was set.
        """
        if not self.training or self.p == 0:
            return x
        return x * torch.empty_like(x).bernoulli_(1 - self.p, generator=self.rng).div_(1 - self.p)

    def extra_repr(self) -> str:
        """Return the parameters shown in the representation."""
        return f"p={self.p}"
