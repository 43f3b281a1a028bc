"""Convolutional networks that enlarge by repetition instead of transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from skgal.nn._architecture import resolution_levels
from skgal.nn._dcgan import DCGAN, channels_last


class ResizeConvolution(DCGAN):
    """`DCGAN` whose generator repeats pixels and convolves, for images with a side of at least 7.

    A transposed convolution at stride 2 writes even and odd pixels with different weights, which
    shows as a checkerboard. Here each level is enlarged by the nearest neighbour and goes through a
    3x3 convolution, and one more convolution at full size makes the image. Critic and encoder are
    those of `DCGAN`.

    Parameters
    ----------
    width : int, default=16
        Channels at the image's full size and at the level below. An update of these networks takes
        about as long as one of ``DCGAN(width=24)``.
    norm : {"batch"} or None, default="batch"
        Normalisation of the generator's layers.

    References
    ----------
    A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016.

    Examples
    --------
    >>> import torch
    >>> generator = ResizeConvolution(width=8).make_generator(2, (3, 11, 37))
    >>> generator(torch.zeros(5, 2)).shape
    torch.Size([5, 3, 11, 37])
    """

    def __init__(self, *, width: int = 16, norm: str | None = "batch"):
        super().__init__(width=width, norm=norm)

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator."""
        levels, base = resolution_levels(shape)
        widths = self._widths(len(levels))
        channels = [widths[0], *widths]
        layers = [
            nn.Linear(latent_dim, channels[-1] * base[0] * base[1]),
            nn.Unflatten(1, (channels[-1], *base)),
            *self._activation(channels[-1]),
        ]
        for level, (n_out, n_in) in zip(
            reversed(levels), reversed(list(pairwise(channels))), strict=True
        ):
            layers += [
                nn.Upsample(size=level.size),
                nn.Conv2d(n_in, n_out, 3, padding=1),
                *self._activation(n_out),
            ]
        return channels_last(
            nn.Sequential(*layers, nn.Conv2d(channels[0], shape[0], 3, padding=1), nn.Tanh())
        )

    def _activation(self, width: int) -> tuple[nn.Module, ...]:
        return (nn.ReLU(),) if self.norm is None else (nn.BatchNorm2d(width), nn.ReLU())
