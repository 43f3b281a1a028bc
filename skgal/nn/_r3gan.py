"""Residual networks without normalisation, after R3GAN."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from numbers import Integral

import torch
from torch import Tensor, nn

from skgal.nn._architecture import LEAK, ConvolutionalArchitecture, Critic, resolution_levels
from skgal.nn._dcgan import channels_last
from skgal.nn._stochastic import Dropout
from skgal.utils import Interval

# The width doubles with each halving of the image, up to this multiple.
_MAX_WIDENING = 4


class R3GAN(ConvolutionalArchitecture):
    """Residual blocks without normalisation, for images with a side of at least 7.

    Each level has bottleneck blocks: a 1x1 convolution, a 3x3 convolution, a 1x1 convolution that
    starts at zero, and a shortcut, so that a new network passes on what it gets and needs no
    normalisation. Sides are doubled by bilinear interpolation and halved by averaging, outside of
    the blocks. Critic and encoder mirror the generator.

    Parameters
    ----------
    width : int, default=24
        Channels at the level of the image's full resolution; they double with each halving up to
        four times as many.
    n_blocks : int, default=1
        Residual blocks at each level; the original has 2.

    See Also
    --------
    Residual : With normalisation.
    skgal.objectives.Relativistic : The objective that it was made for.

    References
    ----------
    Y. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin, "The GAN is dead; long live the GAN! A modern
    GAN baseline" (R3GAN), NeurIPS 2024, section 4; its 3x3 convolutions are grouped, which saves
    nothing at these widths.

    H. Zhang, Y. Dauphin, T. Ma, "Fixup initialization: residual learning without normalization",
    ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> generator = R3GAN(width=8).make_generator(2, (3, 11, 37))
    >>> generator(torch.zeros(5, 2)).shape
    torch.Size([5, 3, 11, 37])
    """

    _parameter_constraints = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, *, width: int = 24, n_blocks: int = 1):
        self.width = width
        self.n_blocks = n_blocks

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator: blocks from the coarsest level to the image's."""
        levels, base = resolution_levels(shape)
        widths = self._widths(len(levels) + 1)
        layers = [
            nn.Linear(latent_dim, widths[-1] * base[0] * base[1]),
            nn.Unflatten(1, (widths[-1], *base)),
            *self._blocks(widths[-1], len(widths)),
        ]
        for level, n_in, n_out in zip(
            reversed(levels), reversed(widths[1:]), reversed(widths[:-1]), strict=True
        ):
            layers += [
                _convolution(n_in, n_out, 1),
                nn.Upsample(size=level.size, mode="bilinear"),
                *self._blocks(n_out, len(widths)),
            ]
        return channels_last(
            nn.Sequential(*layers, _convolution(widths[0], shape[0], 1), nn.Tanh())
        )

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic. Its features are the flattened coarsest map."""
        trunk, n_features = self._make_trunk(shape)
        return channels_last(Critic(trunk, n_features))

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder: the critic's blocks, and a linear output."""
        trunk, n_features = self._make_trunk(shape)
        return channels_last(nn.Sequential(*trunk, nn.Linear(n_features, latent_dim)))

    def _widths(self, n_levels: int) -> list[int]:
        return [self.width * min(2**level, _MAX_WIDENING) for level in range(n_levels)]

    def _blocks(self, width: int, n_levels: int) -> list[nn.Module]:
        return [_Bottleneck(width, n_levels * self.n_blocks) for _ in range(self.n_blocks)]

    def _make_trunk(self, shape: Sequence[int]) -> tuple[nn.Sequential, int]:
        levels, base = resolution_levels(shape)
        widths = self._widths(len(levels) + 1)
        layers: list[nn.Module] = [_convolution(shape[0], widths[0], 1)]
        for level, n_in, n_out in zip(levels, widths[:-1], widths[1:], strict=True):
            layers += [
                *self._blocks(n_in, len(widths)),
                Dropout(),
                nn.AvgPool2d(level.stride, ceil_mode=True),
                _convolution(n_in, n_out, 1),
            ]
        layers += [*self._blocks(widths[-1], len(widths)), Dropout(), nn.Flatten()]
        return nn.Sequential(*layers), widths[-1] * base[0] * base[1]


class _Bottleneck(nn.Module):
    """A residual block of 1x1, 3x3 and 1x1 convolutions; the last starts at zero."""

    def __init__(self, width: int, n_blocks: int):
        super().__init__()
        # Fixup: the variance of the sum over all blocks stays that of one.
        gain = n_blocks**-0.25
        self.residual = nn.Sequential(
            _convolution(width, width, 1, gain),
            nn.LeakyReLU(LEAK),
            _convolution(width, width, 3, gain),
            nn.LeakyReLU(LEAK),
            _convolution(width, width, 1, 0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual(x)


@torch.no_grad()
def _convolution(n_in: int, n_out: int, side: int, gain: float = 1.0) -> nn.Conv2d:
    layer = nn.Conv2d(n_in, n_out, side, padding=side // 2)
    layer.weight.normal_(std=gain / sqrt(n_in * side * side))
    layer.bias.zero_()
    return layer
