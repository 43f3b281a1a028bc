"""The contract of the networks: an architecture builds a generator, a critic, an encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral

from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skgal.nn._one_hot import ClassInput

LEAK = 0.2


class Critic(nn.Module):
    """A critic in two parts: features, and a linear head that turns them into one logit.

    The seam serves whoever needs the penultimate features: the consistency term, a projection of
    the class, an auxiliary classifier, the features that a generator's ``transform`` returns.

    Parameters
    ----------
    body : torch.nn.Module
        Maps samples of shape (n, ...) to features of shape (n, n_features).
    n_features : int
        The number of features.

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
        features : torch.Tensor of shape (n, n_features)
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
        logits : torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.body(x)).squeeze(1)


class Architecture(BaseEstimator, ABC):
    """Base of the recipes for a generator, a critic and an encoder that fit a shape of sample.

    Subclasses hold sizes and choices in explicit keyword parameters, and build networks with
    torch's default generator (whoever builds them seeds it). The networks keep their state in
    parameters and buffers, can be deep-copied and pickled, and draw nothing in ``forward``,
    `skgal.nn.Stochastic` layers excepted.

    Critics have no batch normalisation: a gradient penalty is the gradient of one sample's logit.
    """

    _parameter_constraints: dict = {}

    def check(self, shape: Sequence[int]) -> None:
        """Say what is wrong with the parameters, or with the shape, before anything is built.

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
        architecture : Architecture

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
        generator : torch.nn.Module
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
        generator : torch.nn.Module
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
        critic : Critic
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
        encoder : torch.nn.Module
            Maps (n, *shape) to (n, latent_dim), not bounded.
        """


def check_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of one sample as a tuple, or say what is wrong with it.

    Parameters
    ----------
    shape : sequence of int
        (n_features,) or (channels, height, width).

    Returns
    -------
    shape : tuple of int
        The same numbers.

    Raises
    ------
    ValueError
        If the shape has neither one nor three dimensions, or a dimension is not a positive integer.
    """
    shape = tuple(shape)
    if len(shape) not in (1, 3) or not all(
        isinstance(side, Integral) and side > 0 for side in shape
    ):
        raise ValueError(
            "shape must be (n_features,) or (channels, height, width) in positive integers, "
            f"got {shape}."
        )
    return tuple(int(side) for side in shape)
