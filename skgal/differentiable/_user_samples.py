"""The way between networks and samples as users see them, for torch to differentiate."""

import numpy as np
import torch
from torch import nn


class UserSamples(nn.Module):
    """A generator's network, followed by the way to the samples that users see.

    It differs from :meth:`skgal.utils.DataLayout.from_network` in two ways: whole numbers are
    not rounded, which would leave no gradient, and all values are float64.

    Parameters
    ----------
    network : torch.nn.Module
        Maps latent points (n, latent_dim) to tensors (n, *layout.shape) in [-1, 1].
    layout : skgal.utils.DataLayout
    device : str
        Where the network is.
    """

    def __init__(self, network, layout, device):
        super().__init__()
        self._network = (network,)  # a tuple: whoever moves this module must not move the network
        self._device = device
        self._sample_shape = layout.sample_shape
        scale, centre = layout.affine
        self.register_buffer("scale", torch.tensor(scale, device=device))
        self.register_buffer("centre", torch.tensor(centre, device=device))

    def forward(self, latent):
        """Map latent points (n, latent_dim) to samples (n, *sample_shape) on the device."""
        (network,) = self._network
        values = network(latent.to(self._device)).double().clamp(-1, 1)
        return (values * self.scale + self.centre).reshape(-1, *self._sample_shape)


class UserProba(nn.Module):
    """The way from users' samples to the networks, followed by a network that classifies.

    Parameters
    ----------
    network : callable
        Maps tensors (n, *layout.shape) to logits (n, n_classes).
    layout : skgal.utils.DataLayout
    device : str
        Where the network is.
    """

    def __init__(self, network, layout, device):
        super().__init__()
        self._network = (network,)  # a tuple, as above
        self._device = device
        self._shape = layout.shape
        scale, centre = layout.affine
        self.register_buffer("scale", torch.tensor(np.where(scale > 0, scale, 1.0)))
        self.register_buffer("centre", torch.tensor(centre))

    def forward(self, samples):
        """Map samples (n, *sample_shape) to probabilities (n, n_classes), on their device."""
        (network,) = self._network
        values = (samples - self.centre) / self.scale
        logits = network(values.float().reshape(-1, *self._shape).to(self._device))
        return logits.softmax(dim=1).to(samples.device)
