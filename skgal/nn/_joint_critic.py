"""A critic of samples together with latents."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from skgal.nn._architecture import LEAK, Critic


class JointCritic(nn.Module):
    """A critic that tells (sample, its code) from (generated sample, its latent).

    A pair is one row, the flat sample followed by the latent, so that what takes a `Critic`,
    such as a gradient penalty, takes this one too.

    Parameters
    ----------
    critic : Critic
        Built for the samples; of it only the features are used.
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).
    latent_dim : int
        The width of the latents.
    hidden : int, default=256
        The width of the layer in which features and latent meet.

    Attributes
    ----------
    n_features : int
        The width of that layer.

    References
    ----------
    J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017, figure 1.

    Examples
    --------
    >>> import torch
    >>> critic = JointCritic(Critic(torch.nn.Linear(5, 3), 3), (5,), latent_dim=2)
    >>> critic(pairs(torch.zeros(7, 5), torch.zeros(7, 2))).shape
    torch.Size([7])
    """

    def __init__(self, critic: Critic, shape: Sequence[int], latent_dim: int, *, hidden: int = 256):
        super().__init__()
        self.body = critic.body
        self.shape = tuple(shape)
        self.n_features = hidden
        self.meeting = nn.Sequential(
            nn.Linear(critic.n_features + latent_dim, hidden), nn.LeakyReLU(LEAK)
        )
        self.head = nn.Linear(hidden, 1)

    def features(self, pairs: Tensor) -> Tensor:
        """Return the penultimate features.

        Parameters
        ----------
        pairs : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `pairs` makes them.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
        """
        x, z = pairs.tensor_split([prod(self.shape)], dim=1)
        return self.meeting(torch.cat([self.body(x.reshape(-1, *self.shape)), z], dim=1))

    def forward(self, pairs: Tensor) -> Tensor:
        """Return one logit for each pair, high for real samples and their codes.

        Parameters
        ----------
        pairs : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `pairs` makes them.

        Returns
        -------
        logits : torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.features(pairs)).squeeze(1)


def pairs(x: Tensor, z: Tensor) -> Tensor:
    """Lay samples and latents side by side.

    Parameters
    ----------
    x : torch.Tensor of shape (n, ...)
        Samples.
    z : torch.Tensor of shape (n, latent_dim)
        Latents.

    Returns
    -------
    pairs : torch.Tensor of shape (n, n_values + latent_dim)
    """
    return torch.cat([x.flatten(1), z], dim=1)
