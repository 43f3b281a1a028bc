"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from numbers import Real

from sklearn.base import clone
from torch import nn

from skgal.nn._architecture import LEAK, Architecture, Critic, check_shape
from skgal.nn._stochastic import Dropout, TableGenerator
from skgal.utils import Interval


class Dense(Architecture):
    """Fully connected generator, critic and encoder, for tables and for small images.

    The generator has ReLU, the critic leaky ReLU, the encoder leaky ReLU and batch normalisation.
    Images are flattened on the way in and unflattened on the way out.

    Parameters
    ----------
    hidden : sequence of int, default=(256, 256)
        Widths of the generator's hidden layers, from the latent to the sample.
    critic_hidden : sequence of int or None, default=None
        Widths of the critic's hidden layers, from the sample to the logit. None: ``hidden`` in
        reverse.
    encoder_hidden : sequence of int or None, default=None
        Widths of the encoder's hidden layers, from the sample to the latent. None: ``hidden`` in
        reverse.
    critic_leak : float, default=0.2
        Slope of the critic's activation for negative values; 0 is ReLU.
    groups : sequence of int or None, default=None
        Which features of a table belong together, so that generators put out numbers and
        categories: see `TableGenerator`. A generator that is fitted on such a table sets it.

    See Also
    --------
    DCGAN : For images.
    TableGenerator : The generator of mixed tables.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    appendix D. Its generator and critic are those of ``Dense(hidden=(512, 512, 1024, 1024, 1024),
    critic_hidden=(1024, 1024, 1024, 512, 512), critic_leak=0)``; its encoder is convolutional,
    which the parameter ``encoder`` of `skgal.generators.GIN` takes apart from these.

    Examples
    --------
    >>> import torch
    >>> generator = Dense().make_generator(2, (1, 8, 8))
    >>> generator(torch.zeros(5, 2)).shape
    torch.Size([5, 1, 8, 8])
    """

    _parameter_constraints = {
        "hidden": ["array-like"],
        "critic_hidden": ["array-like", None],
        "encoder_hidden": ["array-like", None],
        "critic_leak": [Interval(Real, 0, None, closed="left")],
        "groups": ["array-like", None],
    }

    def __init__(
        self,
        *,
        hidden: Sequence[int] = (256, 256),
        critic_hidden: Sequence[int] | None = None,
        encoder_hidden: Sequence[int] | None = None,
        critic_leak: float = LEAK,
        groups: Sequence[int] | None = None,
    ):
        self.hidden = hidden
        self.critic_hidden = critic_hidden
        self.encoder_hidden = encoder_hidden
        self.critic_leak = critic_leak
        self.groups = groups

    def check(self, shape: Sequence[int]) -> None:
        """Refuse parameters or a shape that no network can be built for."""
        super().check(shape)
        for name in ("hidden", "critic_hidden", "encoder_hidden"):
            self._hidden(name)

    def for_table(self, groups: Sequence[int]) -> Dense:
        """Return a copy whose generators put out numbers and categories."""
        return clone(self).set_params(groups=tuple(groups))

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator: ReLU layers and a hyperbolic tangent."""
        shape = check_shape(shape)
        widths = [latent_dim, *self._hidden("hidden")]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.ReLU()]
        layers.append(nn.Linear(widths[-1], prod(shape)))
        if self.groups is not None:
            return TableGenerator(nn.Sequential(*layers), latent_dim, self.groups)
        return nn.Sequential(*layers, nn.Tanh(), nn.Unflatten(1, shape))

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic: leaky ReLU layers. Its features are the last hidden layer."""
        widths = [prod(check_shape(shape)), *self._hidden("critic_hidden")]
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(self.critic_leak), Dropout()]
        return Critic(nn.Sequential(*layers), widths[-1])

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder: leaky ReLU layers with batch normalisation, and a linear output."""
        widths = [prod(check_shape(shape)), *self._hidden("encoder_hidden")]
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in pairwise(widths):
            layers += [
                nn.Linear(n_in, n_out, bias=False),
                nn.BatchNorm1d(n_out),
                nn.LeakyReLU(LEAK),
            ]
        return nn.Sequential(*layers, nn.Linear(widths[-1], latent_dim))

    def _hidden(self, name: str) -> list[int]:
        hidden = getattr(self, name)
        if hidden is None:
            return self._hidden("hidden")[::-1]
        widths = [int(width) for width in hidden]
        if not widths or min(widths) < 1 or widths != list(hidden):
            raise ValueError(f"{name} must be one or more positive integers, got {hidden!r}.")
        return widths
