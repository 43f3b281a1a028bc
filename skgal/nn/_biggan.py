"""The networks of BigGAN, in its configuration for small images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from skgal.nn._architecture import Architecture, Critic
from skgal.nn._attention import SelfAttention
from skgal.nn._class_norm import ConditionalBatchNorm2d
from skgal.nn._dropout import Dropout
from skgal.nn._ladder import resolution_ladder
from skgal.nn._residual import Residual

# Of the initial weights.
_DEVIATION = 0.02


class BigGAN(Architecture):
    """Residual networks with conditional batch normalisation and self-attention.

    BigGAN is this architecture with ``conditioning="projection"``, ``objective="hinge"`` and
    ``penalty="spectral_norm"``; its authors train on CIFAR-10 with ``batch_size=50``,
    ``critic_iter=4``, ``learning_rate=2e-4``, ``latent_dim=128``. The 32x32 images of that set
    have three blocks up from 4x4, and four blocks in the critic, of which the first two halve the
    image; images of other sizes have more or fewer. All layers of the generator but those of the
    classes are spectrally normalised; what constrains the critic is the penalty's choice.

    Without classes (`skgal.generators.GAN`) batch normalisation is an ordinary one. The encoder is
    that of `Residual`.

    Parameters
    ----------
    width : int, default=256
        Channels of every layer: four times the authors' 64. It takes a GPU; 32 is a start without.
    attention : bool, default=True
        Whether there is self-attention at half the resolution of the image. The authors' program
        for CIFAR-10 has none, for larger images it has.

    References
    ----------
    A. Brock, J. Donahue, K. Simonyan, "Large scale GAN training for high fidelity natural image
    synthesis", ICLR 2019, appendix B.

    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, section
    4.2.

    Examples
    --------
    >>> import torch
    >>> generator = BigGAN(width=8).make_conditional_generator(2, (3, 32, 32), n_classes=10)
    >>> generator(torch.zeros(5, 2), torch.arange(5)).shape
    torch.Size([5, 3, 32, 32])
    """

    _parameter_constraints = {
        "width": [Interval(Integral, 1, None, closed="left")],
        "attention": ["boolean"],
    }

    def __init__(self, *, width: int = 256, attention: bool = True):
        self.width = width
        self.attention = attention

    def check(self, shape: Sequence[int]) -> None:
        """Say what is wrong with the parameters, or with the shape, before anything is built.

        Parameters
        ----------
        shape : tuple of int
            (channels, height, width), a side of at least 7.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the shape is not that of such an image.
        """
        super().check(shape)
        resolution_ladder(shape)

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator of samples without classes.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            (channels, height, width), a side of at least 7.

        Returns
        -------
        generator : torch.nn.Module
            Maps (n, latent_dim) to (n, *shape), in [-1, 1].
        """
        return _OneClass(self.make_conditional_generator(latent_dim, shape, n_classes=1))

    def make_conditional_generator(
        self, latent_dim: int, shape: Sequence[int], n_classes: int
    ) -> nn.Module:
        """Build the generator: the class scales and shifts the maps of every block.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            (channels, height, width), a side of at least 7.
        n_classes : int
            The number of classes.

        Returns
        -------
        generator : torch.nn.Module
            Maps (n, latent_dim) and classes (n,) to (n, *shape), in [-1, 1].
        """
        return _Generator(latent_dim, shape, n_classes, self.width, attention=self.attention)

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic.

        Parameters
        ----------
        shape : tuple of int
            (channels, height, width), a side of at least 7.

        Returns
        -------
        critic : Critic
            Its features are the sums over the last block's positions.
        """
        rungs, _ = resolution_ladder(shape)
        # The coarsest two blocks work at one resolution.
        strides = [*(rung.stride for rung in rungs[:-1]), (1, 1), (1, 1)]
        layers: list[nn.Module] = []
        for level, stride in enumerate(strides):
            n_in = self.width if level else shape[0]
            layers.append(_DownBlock(n_in, self.width, stride=stride, is_first=not level))
            if self.attention and not level:
                layers.append(SelfAttention(self.width))
            layers.append(Dropout())
        return _initialised(
            Critic(nn.Sequential(*layers, nn.ReLU(), _SumOverPositions()), self.width)
        )

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder of `Residual`.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            (channels, height, width), a side of at least 7.

        Returns
        -------
        encoder : torch.nn.Sequential
            Maps (n, *shape) to (n, latent_dim).
        """
        return Residual(width=self.width).make_encoder(latent_dim, shape)


class _Generator(nn.Module):
    """Blocks up from a small map, each told the class."""

    def __init__(
        self,
        latent_dim: int,
        shape: Sequence[int],
        n_classes: int,
        width: int,
        *,
        attention: bool,
    ):
        super().__init__()
        rungs, base = resolution_ladder(shape)
        attended = rungs[min(1, len(rungs) - 1)] if attention else None
        self.first = nn.Linear(latent_dim, width * prod(base))
        self.unflatten = nn.Unflatten(1, (width, *base))
        self.blocks = nn.ModuleList(
            _UpBlock(width, n_classes, size=rung.size, attention=rung is attended)
            for rung in reversed(rungs)
        )
        self.last = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, shape[0], 3, padding=1), nn.Tanh()
        )
        _initialised(self)
        for layer in (self.first, *(m for m in self.modules() if isinstance(m, nn.Conv2d))):
            spectral_norm(layer)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        x = self.unflatten(self.first(z))
        for block in self.blocks:
            x = block(x, labels)
        return self.last(x)


class _OneClass(nn.Module):
    """A generator of given classes where there is but one."""

    def __init__(self, generator: nn.Module):
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z, torch.zeros(len(z), dtype=torch.int64, device=z.device))


class _UpBlock(nn.Module):
    """A residual block from a smaller map to one of the given size, told the class."""

    def __init__(self, width: int, n_classes: int, *, size: tuple[int, int], attention: bool):
        super().__init__()
        self.upsample = nn.Upsample(size=size)
        self.norm1 = ConditionalBatchNorm2d(width, n_classes)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = ConditionalBatchNorm2d(width, n_classes)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, width, 1)
        self.attention = SelfAttention(width) if attention else nn.Identity()

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        residual = self.conv1(self.upsample(self.norm1(x, labels).relu()))
        residual = self.conv2(self.norm2(residual, labels).relu())
        return self.attention(residual + self.shortcut(self.upsample(x)))


class _DownBlock(nn.Module):
    """A residual block, averaged over windows of the stride; an odd side's last is smaller."""

    def __init__(self, n_in: int, n_out: int, *, stride: tuple[int, int], is_first: bool):
        super().__init__()
        pool = nn.AvgPool2d(stride, ceil_mode=True)
        convolutions = [
            nn.Conv2d(n_in, n_out, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1),
            pool,
        ]
        # Pixels must not meet an activation first.
        self.residual = nn.Sequential(*([] if is_first else [nn.ReLU()]), *convolutions)
        is_identity = n_in == n_out and stride == (1, 1)
        self.shortcut = (
            nn.Identity() if is_identity else nn.Sequential(pool, nn.Conv2d(n_in, n_out, 1))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class _SumOverPositions(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=(2, 3))


def _initialised(network: nn.Module) -> nn.Module:
    """Draw the weights of a network from a narrow normal distribution."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.normal_(layer.weight, std=_DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return network
