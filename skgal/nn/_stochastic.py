"""Layers that draw, each from a source of randomness that it is given."""

from __future__ import annotations

import torch
from torch import nn


class Stochastic(nn.Module):
    """Base of layers that draw in training mode.

    Torch's own such layers read its global generator; these read ``rng``, which whoever trains
    the network sets with `set_rng`.

    Attributes
    ----------
    rng : torch.Generator or None
        The source, on the device of the input. Copies and pickles start without one.
    """

    def __init__(self):
        super().__init__()
        self._rng: torch.Generator | None = None

    @property
    def rng(self) -> torch.Generator:
        """The source of randomness.

        Raises
        ------
        RuntimeError
            If none was set.
        """
        if self._rng is None:
            raise RuntimeError(
                f"{type(self).__name__} in training mode needs a source of randomness: call "
                "skgal.nn.set_rng(network, torch.Generator(device)), as the training does."
            )
        return self._rng

    def __getstate__(self) -> dict:
        # A generator belongs to a training run, not to the network.
        return {**self.__dict__, "_rng": None}


def set_rng(network: nn.Module, rng: torch.Generator | None) -> None:
    """Give every layer of a network that draws its source of randomness.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place.
    rng : torch.Generator or None
        On the device of the network's input; shared by all layers.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dropout
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2), Dropout(0.5))
    >>> set_rng(network, torch.Generator().manual_seed(0))
    """
    for module in network.modules():
        if isinstance(module, Stochastic):
            module._rng = rng
