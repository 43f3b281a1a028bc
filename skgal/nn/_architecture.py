"""The contract of the networks: an architecture builds a generator, a critic, an encoder.

Further down: the sizes that convolutions go through, and classes as input of a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skgal.base import DocumentedMixin

LEAK = 0.2
# A side is halved while it is longer than this, so it ends at 4, 5 or 6.
_MAX_BASE_SIDE = 6


class Critic(nn.Module):
    """A critic in two parts: features, and a linear head that turns them into one logit.

    The penultimate features are what the consistency term, a projection of the class, an auxiliary
    classifier and a generator's ``transform`` use.

    Parameters
    ----------
    body : torch.nn.Module
        Maps samples of shape (n, ...) to features of shape (n, n_features).
    n_features : int
        The number of features.

    See Also
    --------
    ConditionalCritic : Sees classes.
    JointCritic : Sees latents.

    Examples
    --------
    >>> import torch
    >>> critic = Critic(torch.nn.Linear(5, 3), 3)
    >>> critic(torch.zeros(7, 5)).shape, critic.features(torch.zeros(7, 5)).shape
    (torch.Size([7]), torch.Size([7, 3]))
    """

    def __init__(self, body: nn.Module, n_features: int):
        super().__init__()
        self.n_features = n_features
        self.body = body
        self.head = nn.Linear(n_features, 1)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Samples in [-1, 1].

        Returns
        -------
        torch.Tensor of shape (n, n_features)
            What the head sees.
        """
        return self.body(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each sample, high for real ones.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Samples in [-1, 1].

        Returns
        -------
        torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.body(x)).squeeze(1)


class Architecture(DocumentedMixin, BaseEstimator, ABC):
    """Base of the recipes for a generator, a critic and an encoder that fit a shape of sample.

    Subclasses hold sizes and choices in explicit keyword parameters, and build networks with
    torch's default generator, which the caller seeds. The networks keep their state in
    parameters and buffers, can be deep-copied and pickled, and draw nothing in ``forward``,
    `skgal.nn.Stochastic` layers excepted.

    Critics have no batch normalisation: a gradient penalty is the gradient of one sample's logit.

    See Also
    --------
    Dense : For tables.
    resolve_architecture : Finds one by name.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Architecture, Critic
    >>> class Linear(Architecture):
    ...     def make_generator(self, latent_dim, shape):
    ...         return torch.nn.Linear(latent_dim, shape[0])
    ...
    ...     def make_critic(self, shape):
    ...         return Critic(torch.nn.Linear(shape[0], 8), 8)
    ...
    ...     def make_encoder(self, latent_dim, shape):
    ...         return torch.nn.Linear(shape[0], latent_dim)
    >>> Linear().make_generator(2, (5,))(torch.zeros(3, 2)).shape
    torch.Size([3, 5])
    """

    _parameter_constraints: dict = {}

    def check(self, shape: Sequence[int]) -> None:
        """Refuse parameters or a shape that no network can be built for.

        Subclasses extend it by what else they need.

        Parameters
        ----------
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).

        Raises
        ------
        ValueError
            If a parameter is out of range, or no network can be built for the shape.
        """
        self._validate_params()
        check_shape(shape)

    def for_table(self, groups: Sequence[int]) -> Architecture:
        """Return an architecture whose generators put out numbers and categories.

        Parameters
        ----------
        groups : sequence of int
            Which features belong together: see `TableGenerator`.

        Returns
        -------
        Architecture
            A copy for tables.

        Raises
        ------
        ValueError
            If the architecture can't, as here.
        """
        raise ValueError(
            f"{type(self).__name__} has no generator for tables of categories or with gaps; "
            "choose the dense architecture, or pass numbers only."
        )

    @abstractmethod
    def make_generator(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build a network from latents to samples.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).

        Returns
        -------
        torch.nn.Module
            Maps (n, latent_dim) to (n, *shape), in [-1, 1].
        """

    def make_conditional_generator(
        self, latent_dim: int, shape: Sequence[int], n_classes: int
    ) -> nn.Module:
        """Build a network from latents and classes to samples.

        Here the class goes in beside the latent, as a row of zeros and a one. Architectures with a
        way of their own override it.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).
        n_classes : int
            The number of classes.

        Returns
        -------
        torch.nn.Module
            Maps (n, latent_dim) and classes (n,), as integers from 0, to (n, *shape), in [-1, 1].
        """
        return ClassInput(self.make_generator(latent_dim + n_classes, shape), n_classes)

    @abstractmethod
    def make_critic(self, shape: Sequence[int]) -> Critic:
        """Build a network from samples to logits.

        Behind its hidden layers there should be layers of `Dropout`, with the probability 0: a
        penalty that needs dropout switches them on.

        Parameters
        ----------
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).

        Returns
        -------
        Critic
            Maps (n, *shape) to (n,).
        """

    @abstractmethod
    def make_encoder(self, latent_dim: int, shape: Sequence[int]) -> nn.Module:
        """Build a network from samples to latents.

        Parameters
        ----------
        latent_dim : int
            The width of the latents.
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).

        Returns
        -------
        torch.nn.Module
            Maps (n, *shape) to (n, latent_dim), not bounded.
        """


def check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of one sample as a tuple of 1 or 3 positive integers, or refuse it."""
    shape = tuple(shape)
    if len(shape) not in (1, 3) or not all(
        isinstance(side, Integral) and side > 0 for side in shape
    ):
        raise ValueError(
            "shape must be (n_features,) or (channels, height, width) in positive integers, "
            f"got {shape}."
        )
    return tuple(int(side) for side in shape)


class ConvolutionalArchitecture(Architecture):
    """Base of architectures whose networks halve and double an image's sides, level by level."""

    def check(self, shape: Sequence[int]) -> None:
        """Refuse parameters or a shape that no network can be built for."""
        super().check(shape)
        resolution_levels(shape)


class Level(NamedTuple):
    """A size of an image, and the strides that lead to the next coarser one."""

    size: tuple[int, int]
    stride: tuple[int, int]


def resolution_levels(shape: Sequence[int]) -> tuple[list[Level], tuple[int, int]]:
    """Return the sizes of an image from the full one to the coarsest, and the small base below."""
    shape = check_shape(shape)
    if len(shape) != 3:
        raise ValueError(
            "A convolutional architecture needs samples of shape (channels, height, width), "
            f"got {shape}: give the image's shape or choose architecture='dense'."
        )
    levels, base = halvings(shape[1:])
    if not levels:
        raise ValueError(
            f"A convolutional architecture needs a side longer than {_MAX_BASE_SIDE}, "
            f"got an image of {base}: choose architecture='dense'."
        )
    return levels, base


def halvings(size: tuple[int, int]) -> tuple[list[Level], tuple[int, int]]:
    """Halve each side, rounded up, while it is long; the list is empty if the size is small."""
    levels = []
    while max(size) > _MAX_BASE_SIDE:
        stride = tuple(2 if side > _MAX_BASE_SIDE else 1 for side in size)
        levels.append(Level(size, stride))
        size = tuple(-(-side // step) for side, step in zip(size, stride, strict=True))
    return levels, size


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Turn classes, int64 from 0, into rows with a one among zeros, float32."""
    # torch's own function checks the range, which would make the host wait for the GPU.
    return (labels.unsqueeze(1) == torch.arange(n_classes, device=labels.device)).float()


def append_classes(x: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Append classes to samples: as columns to rows, as constant planes to images.

    Samples and latents alike, so networks that know nothing of classes take them as further
    input.

    Parameters
    ----------
    x : torch.Tensor of shape (n, n_columns) or (n, channels, height, width)
        Samples or latents.
    labels : torch.Tensor of shape (n,), dtype int64
        Their classes.
    n_classes : int
        The number of classes.

    Returns
    -------
    torch.Tensor of shape (n, n_columns + n_classes) or (n, channels + n_classes, ...)
        The samples, with the one-hot classes behind.

    See Also
    --------
    ConcatenationCritic : Appends them to what it sees.
    ClassInput : Appends them to latents.

    Examples
    --------
    >>> import torch
    >>> append_classes(torch.zeros(5, 3, 8, 8), torch.zeros(5, dtype=torch.int64), 2).shape
    torch.Size([5, 5, 8, 8])
    """
    planes = one_hot(labels, n_classes)
    planes = planes.reshape(planes.shape + (1,) * (x.ndim - 2))
    return torch.cat([x, planes.expand(-1, -1, *x.shape[2:])], dim=1)


class ClassInput(nn.Module):
    """A generator of given classes, made of one that takes its latent and classes side by side.

    Turns any architecture's generator into a conditional one: only the latent dimension
    differs.

    Parameters
    ----------
    generator : torch.nn.Module
        Maps (n, latent_dim + n_classes) to samples.
    n_classes : int
        The number of classes.

    See Also
    --------
    ClassLatents : Each class has latents of its own.
    Concatenation : How critics take classes.

    Examples
    --------
    >>> import torch
    >>> generator = ClassInput(torch.nn.Linear(2 + 10, 5), 10)
    >>> generator(torch.zeros(7, 2), torch.zeros(7, dtype=torch.int64)).shape
    torch.Size([7, 5])
    """

    def __init__(self, generator: nn.Module, n_classes: int):
        super().__init__()
        self.generator = generator
        self.n_classes = n_classes

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples of the given classes.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        torch.Tensor of shape (n, *shape)
            One sample for each latent.
        """
        return self.generator(append_classes(z, labels, self.n_classes))
