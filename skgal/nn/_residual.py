"""Residual convolutional networks, after WGAN-GP and SNGAN."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

from torch import Tensor, nn

from skgal.nn._architecture import ConvolutionalArchitecture, Critic, resolution_levels
from skgal.nn._stochastic import Dropout
from skgal.utils import Interval


class Residual(ConvolutionalArchitecture):
    """Residual blocks, each halving or doubling the image, for images with a side of at least 7.

    Deeper than `DCGAN` and slower, for its first layers work at the image's full resolution. Each
    block has two 3x3 convolutions and a shortcut; sides are halved by averaging and doubled by
    repetition. The generator and the encoder have batch normalisation, the critic has none.

    Parameters
    ----------
    width : int, default=64
        Channels of every layer; the original has 128.

    See Also
    --------
    R3GAN : Without normalisation.
    BigGAN : With self-attention.

    References
    ----------
    I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, appendix F.

    T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018, table
    4.

    Examples
    --------
    >>> import torch
    >>> generator = Residual(width=8).make_generator(2, (3, 11, 37))
    >>> generator(torch.zeros(5, 2)).shape
    torch.Size([5, 3, 11, 37])
    """

    _parameter_constraints = {"width": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, width: int = 64):
        self.width = width

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator."""
        levels, base = resolution_levels(shape)
        width = self.width
        return nn.Sequential(
            nn.Linear(latent_dim, width * base[0] * base[1]),
            nn.Unflatten(1, (width, *base)),
            *(_UpBlock(width, size=level.size) for level in reversed(levels)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, shape[0], 3, padding=1),
            nn.Tanh(),
        )

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic. Its features are the means of the last block's channels."""
        return Critic(self._make_trunk(shape, norm=False), self.width)

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder: the critic's blocks with batch normalisation, and a linear output."""
        return nn.Sequential(*self._make_trunk(shape, norm=True), nn.Linear(self.width, latent_dim))

    def _make_trunk(self, shape: Sequence[int], *, norm: bool) -> nn.Sequential:
        levels, _ = resolution_levels(shape)
        width = self.width
        # A convolution first: no activation or normalisation is applied to pixels.
        layers: list[nn.Module] = [nn.Conv2d(shape[0], width, 3, padding=1)]
        for stride in (*(level.stride for level in levels), (1, 1)):
            layers.append(_DownBlock(width, stride=stride, norm=norm))
            if not norm:
                layers.append(Dropout())
        return nn.Sequential(*layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class _UpBlock(nn.Module):
    """A residual block from a smaller map to one of the given size."""

    def __init__(self, width: int, *, size: tuple[int, int]):
        super().__init__()
        self.upsample = nn.Upsample(size=size)
        self.residual = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Upsample(size=size),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x) + self.residual(x)


class _DownBlock(nn.Module):
    """A residual block, averaged over windows of the stride; an odd side's last is smaller."""

    def __init__(self, width: int, *, stride: tuple[int, int], norm: bool):
        super().__init__()
        self.pool = nn.AvgPool2d(stride, ceil_mode=True)
        layers: list[nn.Module] = []
        for _ in range(2):
            if norm:
                layers.append(nn.BatchNorm2d(width))
            layers += [nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)]
        self.residual = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x + self.residual(x))
