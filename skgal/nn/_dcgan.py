"""Convolutional networks without shortcuts: DCGAN, and its form without transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral

import torch
from torch import Tensor, nn

from skgal.nn._architecture import LEAK, ConvolutionalArchitecture, Critic, resolution_levels
from skgal.nn._stochastic import Dropout
from skgal.utils import Interval, StrOptions

# The width doubles with each halving of the image, up to this multiple.
_MAX_WIDENING = 8


class DCGAN(ConvolutionalArchitecture):
    """Strided convolutions down, transposed convolutions up, for images with a side of at least 7.

    The number of levels follows from the size: each side is halved, on its own, until it is about 4
    (28x28 has three levels, 64x64 four). The number of channels doubles from level to level. The
    generator has batch normalisation and ReLU, the critic leaky ReLU, the encoder leaky ReLU and
    batch normalisation.

    Parameters
    ----------
    width : int, default=24
        Channels at the level next to the image; the original's 64x64 generator has 128.
    norm : {"batch"} or None, default="batch"
        Normalisation of the generator's layers.

    See Also
    --------
    ResizeConvolution : Without transposed convolutions.
    Residual : Deeper.

    References
    ----------
    A. Radford, L. Metz, S. Chintala, "Unsupervised representation learning with deep convolutional
    generative adversarial networks", ICLR 2016, figure 1.

    Examples
    --------
    >>> import torch
    >>> generator = DCGAN(width=8).make_generator(2, (3, 11, 37))
    >>> generator(torch.zeros(5, 2)).shape
    torch.Size([5, 3, 11, 37])
    """

    _parameter_constraints = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "norm": [StrOptions({"batch"}), None],
    }

    def __init__(self, *, width: int = 24, norm: str | None = "batch"):
        self.width = width
        self.norm = norm

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator."""
        levels, base = resolution_levels(shape)
        channels = [shape[0], *self._widths(len(levels))]
        layers = [
            nn.Linear(latent_dim, channels[-1] * base[0] * base[1]),
            nn.Unflatten(1, (channels[-1], *base)),
        ]
        for level, (n_out, n_in) in zip(
            reversed(levels), reversed(list(pairwise(channels))), strict=True
        ):
            if self.norm is not None:
                layers.append(nn.BatchNorm2d(n_in))
            layers += [nn.ReLU(), _UpConv2d(n_in, n_out, size=level.size, stride=level.stride)]
        return channels_last(nn.Sequential(*layers, nn.Tanh()))

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic. Its features are the flattened coarsest map."""
        trunk, n_features = self._make_trunk(shape, norm=False)
        return channels_last(Critic(trunk, n_features))

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder: normalised convolutions, a hidden layer, a linear output."""
        trunk, n_features = self._make_trunk(shape, norm=True)
        n_hidden = _MAX_WIDENING * self.width
        hidden = [
            nn.Linear(n_features, n_hidden, bias=False),
            nn.BatchNorm1d(n_hidden),
            nn.LeakyReLU(LEAK),
        ]
        return channels_last(nn.Sequential(*trunk, *hidden, nn.Linear(n_hidden, latent_dim)))

    def _widths(self, n_levels: int) -> list[int]:
        return [self.width * min(2**level, _MAX_WIDENING) for level in range(n_levels)]

    def _make_trunk(self, shape: Sequence[int], *, norm: bool) -> tuple[nn.Sequential, int]:
        levels, _ = resolution_levels(shape)
        channels = [shape[0], *self._widths(len(levels))]
        size = tuple(shape[1:])
        layers: list[nn.Module] = []
        for level, (n_in, n_out) in zip(levels, pairwise(channels), strict=True):
            # Halves round down here: no pixel is left out, and the features are fewer.
            layers.append(
                nn.Conv2d(
                    n_in,
                    n_out,
                    _kernel(level.stride),
                    stride=level.stride,
                    padding=1,
                    bias=not norm,
                )
            )
            size = tuple(side // step for side, step in zip(size, level.stride, strict=True))
            if norm:
                layers.append(nn.BatchNorm2d(n_out))
            layers.append(nn.LeakyReLU(LEAK))
            if not norm:
                layers.append(Dropout())
        return nn.Sequential(*layers, nn.Flatten()), channels[-1] * size[0] * size[1]


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

    See Also
    --------
    DCGAN : With transposed convolutions.
    resolve_architecture : Takes this one for images by default.

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


class _UpConv2d(nn.ConvTranspose2d):
    """A transposed convolution to a given size: an odd one loses the last row or column."""

    def __init__(self, n_in: int, n_out: int, *, size: tuple[int, int], stride: tuple[int, int]):
        super().__init__(n_in, n_out, _kernel(stride), stride=stride, padding=1)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        height, width = self.size
        return super().forward(x)[..., :height, :width]


def _kernel(stride: tuple[int, int]) -> tuple[int, int]:
    # 4 at stride 2 and 3 at stride 1: every pixel is reached equally often.
    return tuple(step + 2 for step in stride)


def channels_last(network: nn.Module) -> nn.Module:
    # Narrow convolutions are a quarter to a third faster on CPUs in this layout, which the maps
    # take over from the weights.
    return network.to(memory_format=torch.channels_last)
