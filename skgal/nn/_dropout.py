"""Dropout that draws from a generator of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    """Dropout whose masks come from its own source of randomness.

    `torch.nn.Dropout` reads torch's global generator; this layer reads ``rng``, which whoever
    trains the network sets with `set_dropout_rng`. In evaluation mode it is the identity.

    Parameters
    ----------
    p : float
        The probability that an element is set to zero, in [0, 1). The others are divided by ``1 -
        p``.

    Attributes
    ----------
    rng : torch.Generator or None
        The source of the masks, on the device of the input. Copies and pickles start without one.

    Raises
    ------
    ValueError
        If ``p`` is not in [0, 1).

    Examples
    --------
    >>> import torch
    >>> dropout = Dropout(0.5)
    >>> set_dropout_rng(dropout, torch.Generator().manual_seed(0))
    >>> sorted(set(dropout(torch.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p: float):
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        super().__init__()
        self.p = p
        self.rng: torch.Generator | None = None

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
            If no ``rng`` was set.
        """
        if not self.training or self.p == 0:
            return x
        if self.rng is None:
            raise RuntimeError(
                "Dropout in training mode needs a source of randomness: call "
                "skgal.nn.set_dropout_rng(network, torch.Generator(device)), as the engine does."
            )
        return x * torch.empty_like(x).bernoulli_(1 - self.p, generator=self.rng).div_(1 - self.p)

    def extra_repr(self) -> str:
        """Return the parameters shown in the representation."""
        return f"p={self.p}"

    def __getstate__(self) -> dict:
        # A generator belongs to a training run, not to the network.
        return {**self.__dict__, "rng": None}


def set_dropout_rng(network: nn.Module, rng: torch.Generator | None) -> None:
    """Give every `Dropout` of a network the source of its masks.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place.
    rng : torch.Generator or None
        On the device of the network's input; shared by all layers.

    Examples
    --------
    >>> import torch
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2), Dropout(0.5))
    >>> set_dropout_rng(network, torch.Generator().manual_seed(0))
    """
    for module in network.modules():
        if isinstance(module, Dropout):
            module.rng = rng
