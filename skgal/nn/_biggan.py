"""The networks of BigGAN, in its configuration for small images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d
from torch.nn.utils.parametrizations import spectral_norm

from skgal.nn._architecture import ConvolutionalArchitecture, Critic, one_hot, resolution_levels
from skgal.nn._residual import Residual
from skgal.nn._stochastic import Dropout
from skgal.utils import Interval

# Of the initial weights.
_DEVIATION = 0.02
# The queries have an eighth of the channels, the values a half.
_QUERY_SHARE = 8
_VALUE_SHARE = 2


class BigGAN(ConvolutionalArchitecture):
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

    See Also
    --------
    Residual : Simpler.
    SelfAttention : One of its parts.

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

    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the generator of samples without classes."""
        return _OneClass(self.make_conditional_generator(latent_dim, shape, n_classes=1))

    def make_conditional_generator(
        self, latent_dim: int, shape: Sequence[int], n_classes: int
    ) -> nn.Module:
        """Build the generator: the class scales and shifts the maps of every block."""
        return _Generator(latent_dim, shape, n_classes, self.width, attention=self.attention)

    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build the critic. Its features are the sums over the last block's positions."""
        levels, _ = resolution_levels(shape)
        # The coarsest two blocks work at one resolution.
        strides = [*(level.stride for level in levels[:-1]), (1, 1), (1, 1)]
        layers: list[nn.Module] = []
        for index, stride in enumerate(strides):
            n_in = self.width if index else shape[0]
            layers.append(_DownBlock(n_in, self.width, stride=stride, is_first=not index))
            if self.attention and not index:
                layers.append(SelfAttention(self.width))
            layers.append(Dropout())
        return _initialised(
            Critic(nn.Sequential(*layers, nn.ReLU(), _SumOverPositions()), self.width)
        )

    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build the encoder of `Residual`."""
        return Residual(width=self.width).make_encoder(latent_dim, shape)


class ConditionalBatchNorm2d(nn.Module):
    r"""Batch normalisation, then a scale and a shift for each channel and class.

    .. math:: (1 + g_y) \odot \frac{x - \mu}{\sigma} + b_y

    Parameters
    ----------
    width : int
        Channels.
    n_classes : int
        The number of classes.

    See Also
    --------
    BigGAN : Has it in its generator.

    References
    ----------
    V. Dumoulin, J. Shlens, M. Kudlur, "A learned representation for artistic style", ICLR 2017,
    equation (5); in generators: T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR
    2018.

    Examples
    --------
    >>> import torch
    >>> norm = ConditionalBatchNorm2d(4, n_classes=10)
    >>> norm(torch.zeros(2, 4, 8, 8), torch.tensor([0, 9])).shape
    torch.Size([2, 4, 8, 8])
    """

    def __init__(self, width: int, n_classes: int):
        super().__init__()
        self.n_classes = n_classes
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain = nn.Linear(n_classes, width, bias=False)
        self.shift = nn.Linear(n_classes, width, bias=False)
        for layer in (self.gain, self.shift):
            nn.init.normal_(layer.weight, std=_DEVIATION)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Normalise, scale and shift.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)
            Maps.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each.

        Returns
        -------
        torch.Tensor of the same shape
            The maps, scaled and shifted by class.
        """
        classes = one_hot(labels, self.n_classes).to(x.dtype)
        gain, shift = self.gain(classes)[..., None, None], self.shift(classes)[..., None, None]
        return (1 + gain) * self.norm(x) + shift


class SelfAttention(nn.Module):
    r"""Add to each position a weighted mean of all positions.

    .. math:: x + \gamma\, o\left(\mathrm{softmax}(q(x)\, k(x)^\top)\, v(x)\right)

    where :math:`q, k, v, o` are 1x1 convolutions, keys and values are halved by taking the largest
    of four neighbours, and :math:`\gamma` starts at 0, so the layer is the
    identity at first.

    Parameters
    ----------
    width : int
        Channels in and out.

    See Also
    --------
    BigGAN : Has one in the middle.

    References
    ----------
    H. Zhang et al., "Self-attention generative adversarial networks", ICML 2019, section 3; with
    the halving of A. Brock, J. Donahue, K. Simonyan, "Large scale GAN training for high fidelity
    natural image synthesis", ICLR 2019, as their program has it.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(2, 16, 8, 8)
    >>> bool((SelfAttention(16)(x) == x).all())
    True
    """

    def __init__(self, width: int):
        super().__init__()
        n_query, n_value = max(width // _QUERY_SHARE, 1), max(width // _VALUE_SHARE, 1)
        self.query = nn.Conv2d(width, n_query, 1, bias=False)
        self.key = nn.Conv2d(width, n_query, 1, bias=False)
        self.value = nn.Conv2d(width, n_value, 1, bias=False)
        self.out = nn.Conv2d(n_value, width, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Attend.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)
            Maps.

        Returns
        -------
        torch.Tensor of the same shape
            The maps, with what each place attends to added.
        """
        query = self.query(x).flatten(2)
        key = max_pool2d(self.key(x), 2, ceil_mode=True).flatten(2)
        value = max_pool2d(self.value(x), 2, ceil_mode=True).flatten(2)
        # Not scaled_dot_product_attention: gradient penalties need a second derivative.
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=2)
        mixed = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.gamma * self.out(mixed)


class _Generator(nn.Module):
    """Blocks up from a small map, each conditioned on the class."""

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
        levels, base = resolution_levels(shape)
        attended = levels[min(1, len(levels) - 1)] if attention else None
        self.first = nn.Linear(latent_dim, width * prod(base))
        self.unflatten = nn.Unflatten(1, (width, *base))
        self.blocks = nn.ModuleList(
            _UpBlock(width, n_classes, size=level.size, attention=level is attended)
            for level in reversed(levels)
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
    """A conditional generator of a single class, called without it."""

    def __init__(self, generator: nn.Module):
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z, torch.zeros(len(z), dtype=torch.int64, device=z.device))


class _UpBlock(nn.Module):
    """A residual block from a smaller map to one of the given size, conditioned on the class."""

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
        # No activation is applied to pixels.
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
