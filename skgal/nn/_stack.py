"""Generators and critics in stages, each at twice the resolution of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from skgal.nn._architecture import append_classes, check_shape, halvings
from skgal.nn._critics import ConditionalCritic
from skgal.nn._stochastic import TableGenerator

# As in StackGAN-v2: stages, and residual blocks in each that refines another.
_N_STAGES = 3
_N_RESIDUAL_BLOCKS = 2
# The width doubles with each halving of the image, up to this multiple.
_MAX_WIDENING = 8


def stage_shapes(shape: Sequence[int], n_stages: int = _N_STAGES) -> list[tuple[int, ...]]:
    """Return the shape of what each stage makes, the coarsest first.

    Each side of an image is halved, and rounded up, from stage to stage. A row of a table has one
    resolution only: every stage makes whole rows.

    Parameters
    ----------
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).
    n_stages : int, default=3
        The number of stages.

    Returns
    -------
    list of tuple of int
        One shape for each stage.

    See Also
    --------
    StackGenerator : Makes samples of these shapes.

    Examples
    --------
    >>> stage_shapes((3, 32, 16))
    [(3, 8, 4), (3, 16, 8), (3, 32, 16)]
    >>> stage_shapes((5,), n_stages=2)
    [(5,), (5,)]
    """
    n_first, *size = check_shape(shape)
    return [
        (n_first, *(-(-side // 2**level) for side in size)) for level in reversed(range(n_stages))
    ]


class StackGenerator(nn.Module):
    """A generator in stages: each refines the maps of the one before, and makes a sample of them.

    The first stage takes latent and class; for images, through a linear layer to a small map (what
    a transposed convolution of a single position is) and blocks that double it. Each further stage
    takes the maps behind the last sample, with a constant plane for each class: a convolution,
    residual blocks, one block that doubles the resolution. Convolutions are 3x3, with batch
    normalisation and ReLU.

    For tables the maps are rows of hidden units, the blocks are dense, and the latent is passed on
    from stage to stage.

    Parameters
    ----------
    latent_dim : int
        The width of the latents.
    shape : tuple of int
        The shape of one sample of the last stage: (n_features,) or (channels, height, width).
    n_classes : int
        The number of classes.
    width : int, default=24
        Channels of the last stage; they double with each halving of the image, up to eight times
        as many. Tables have eight times as many units in every stage.
    groups : sequence of int or None, default=None
        Which features of a table belong together: see `TableGenerator`. None: all are numbers.

    Attributes
    ----------
    shapes : list of tuple of int
        The shapes of the samples, stage by stage.

    See Also
    --------
    StackCritic : Its adversary.
    stage_shapes : The shapes of its stages.

    References
    ----------
    H. Zhang et al., "StackGAN++: realistic image synthesis with stacked generative adversarial
    networks", TPAMI 2018, section 4.

    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, section
    3.1.

    Examples
    --------
    >>> import torch
    >>> generator = StackGenerator(2, (3, 32, 16), n_classes=4, width=2)
    >>> latents, classes = torch.zeros(5, 2), torch.zeros(5, dtype=torch.int64)
    >>> generator(latents, classes).shape
    torch.Size([5, 3, 32, 16])
    >>> [tuple(samples.shape[1:]) for samples in generator.samples(latents, classes)]
    [(3, 8, 4), (3, 16, 8), (3, 32, 16)]
    """

    def __init__(
        self,
        latent_dim: int,
        shape: Sequence[int],
        n_classes: int,
        *,
        width: int = 24,
        groups: Sequence[int] | None = None,
    ):
        super().__init__()
        self.n_classes = n_classes
        self.shapes = stage_shapes(shape)
        if len(shape) == 3:
            stages, outputs = _image_stages(latent_dim, self.shapes, n_classes, width)
        else:
            stages, outputs = _table_stages(
                latent_dim, self.shapes, n_classes, _MAX_WIDENING * width, groups
            )
        self.stages = nn.ModuleList(stages)
        self.outputs = nn.ModuleList(outputs)

    def samples(self, z: Tensor, labels: Tensor) -> list[Tensor]:
        """Return the samples of every stage.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        list of torch.Tensor
            The coarsest first, each in [-1, 1].
        """
        maps = self._maps(z, labels)
        return [output(x) for output, x in zip(self.outputs, maps, strict=True)]

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return the samples of the last stage, shape (n, *shape), in [-1, 1]."""
        *_, finest = self._maps(z, labels)
        return self.outputs[-1](finest)

    def _maps(self, z: Tensor, labels: Tensor) -> Iterator[Tensor]:
        x = z
        for stage in self.stages:
            x = stage(append_classes(x, labels, self.n_classes))
            yield x


class StackCritic(ConditionalCritic):
    """A critic for each stage; as a critic of samples, it is that of the last.

    Each stage of the generator is rated at its own resolution, so that coarse errors are corrected
    early.

    Parameters
    ----------
    critics : sequence of ConditionalCritic
        That of the coarsest samples first.

    See Also
    --------
    StackGenerator : Its adversary.
    Critic : A single one.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Critic, ProjectionCritic, StackCritic
    >>> stages = [ProjectionCritic(Critic(torch.nn.Linear(5, 3), 3), n_classes=2) for _ in range(3)]
    >>> StackCritic(stages)(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0])).shape
    torch.Size([4])
    """

    def __init__(self, critics: Sequence[ConditionalCritic]):
        super().__init__()
        self.stages = nn.ModuleList(critics)
        self.n_features = critics[-1].n_features
        self.features_see_classes = critics[-1].features_see_classes

    def features(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the features of samples of the last stage."""
        return self.stages[-1].features(x, labels)

    def head(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the logits of the last stage's features."""
        return self.stages[-1].head(features, labels)


def _image_stages(
    latent_dim: int, shapes: Sequence[tuple[int, ...]], n_classes: int, width: int
) -> tuple[list[nn.Module], list[nn.Module]]:
    sizes = [shape[1:] for shape in shapes]
    levels, base = halvings(sizes[0])
    n_levels = len(shapes) + len(levels)
    # From the base map to the last stage.
    channels = [width * min(2**level, _MAX_WIDENING) for level in reversed(range(n_levels))]
    first = [
        nn.Linear(latent_dim + n_classes, channels[0] * prod(base)),
        nn.Unflatten(1, (channels[0], *base)),
        nn.BatchNorm2d(channels[0]),
        nn.ReLU(),
    ]
    to_first, onwards = channels[: len(levels) + 1], channels[len(levels) :]
    for level, (n_in, n_out) in zip(reversed(levels), pairwise(to_first), strict=True):
        first.append(_up_block(n_in, n_out, level.size))
    stages = [nn.Sequential(*first)]
    for size, (n_in, n_out) in zip(sizes[1:], pairwise(onwards), strict=True):
        joint = _convolution(n_in + n_classes, n_in), nn.ReLU()
        residual = (_residual_block(n_in) for _ in range(_N_RESIDUAL_BLOCKS))
        stages.append(nn.Sequential(*joint, *residual, _up_block(n_in, n_out, size)))
    outputs = [
        nn.Sequential(nn.Conv2d(n_in, shape[0], 3, padding=1), nn.Tanh())
        for n_in, shape in zip(onwards, shapes, strict=True)
    ]
    return stages, outputs


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out))


def _up_block(n_in: int, n_out: int, size: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(nn.Upsample(size=size), _convolution(n_in, n_out), nn.ReLU())


def _residual_block(width: int) -> nn.Module:
    return _Shortcut(_convolution(width, width), nn.ReLU(), _convolution(width, width))


def _table_stages(
    latent_dim: int,
    shapes: Sequence[tuple[int, ...]],
    n_classes: int,
    n_hidden: int,
    groups: Sequence[int] | None,
) -> tuple[list[nn.Module], list[nn.Module]]:
    carried = [0, *(n_hidden for _ in shapes[1:])]
    stages = [_DenseStage(n_before, latent_dim, n_classes, n_hidden) for n_before in carried]
    outputs = [_row_output(n_hidden, latent_dim, shape, groups) for shape in shapes]
    return stages, outputs


def _row_output(
    n_hidden: int, latent_dim: int, shape: tuple[int, ...], groups: Sequence[int] | None
) -> nn.Module:
    linear = nn.Linear(n_hidden + latent_dim, *shape)
    if groups is None:
        return nn.Sequential(linear, nn.Tanh())
    output = TableGenerator(linear, linear.in_features, groups)
    # The draw of a category magnifies its input: only the latent is the same to the last bit in
    # batches of other sizes.
    output.directions[:n_hidden] = 0
    return output


class _DenseStage(nn.Module):
    """Hidden units from those of the stage before, latent and class; the latent is passed on."""

    def __init__(self, n_before: int, latent_dim: int, n_classes: int, n_hidden: int):
        super().__init__()
        self.latent = slice(n_before, n_before + latent_dim)
        self.body = nn.Sequential(
            nn.Linear(n_before + latent_dim + n_classes, n_hidden),
            nn.ReLU(),
            _Shortcut(nn.Linear(n_hidden, n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_hidden)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.body(x), x[:, self.latent]], dim=1)


class _Shortcut(nn.Sequential):
    """Layers whose input is added to their output."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)
