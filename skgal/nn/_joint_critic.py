"""A critic of samples together with latents."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from skgal.nn._architecture import LEAK, Critic


class JointCritic(nn.Module):
    """A critic that tells (sample, its code) from (generated sample, its latent).

    The two are one row, the flat sample followed by the latent, so that what takes a `Critic`,
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
        The width of the layer that takes features and latent together.

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
    >>> critic(join(torch.zeros(7, 5), torch.zeros(7, 2))).shape
    torch.Size([7])
    """

    def __init__(self, critic: Critic, shape: Sequence[int], latent_dim: int, *, hidden: int = 256):
        super().__init__()
        self.body = critic.body
        self.shape = tuple(shape)
        self.n_features = hidden
        self.joint = nn.Sequential(
            nn.Linear(critic.n_features + latent_dim, hidden), nn.LeakyReLU(LEAK)
        )
        self.head = nn.Linear(hidden, 1)

    def features(self, joined: Tensor) -> Tensor:
        """Return the penultimate features.

        Parameters
        ----------
        joined : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `join` makes them.

        Returns
        -------
        features : torch.Tensor of shape (n, n_features)
        """
        x, z = joined.tensor_split([prod(self.shape)], dim=1)
        return self.joint(torch.cat([self.body(x.reshape(-1, *self.shape)), z], dim=1))

    def forward(self, joined: Tensor) -> Tensor:
        """Return one logit for each row, high for real samples and their codes.

        Parameters
        ----------
        joined : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `join` makes them.

        Returns
        -------
        logits : torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.features(joined)).squeeze(1)


def join(x: Tensor, z: Tensor) -> Tensor:
    """Lay samples and latents side by side.

    Parameters
    ----------
    x : torch.Tensor of shape (n, ...)
        Samples.
    z : torch.Tensor of shape (n, latent_dim)
        Latents.

    Returns
    -------
    joined : torch.Tensor of shape (n, n_values + latent_dim)
    """
    return torch.cat([x.flatten(1), z], dim=1)
