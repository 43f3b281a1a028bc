"""How a critic is told the class of a sample: a choice like any other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from sklearn.base import BaseEstimator, clone

from skgal.nn._architecture import Architecture
from skgal.nn._conditional_critic import ConcatenationCritic, ConditionalCritic, ProjectionCritic


class Conditioning(BaseEstimator, ABC):
    """Base of the ways to tell a critic the class of a sample.

    The generator's way is its architecture's: see `Architecture.make_conditional_generator`.
    """

    _parameter_constraints: dict = {}

    @abstractmethod
    def make_critic(
        self,
        architecture: Architecture,
        shape: Sequence[int],
        n_classes: int,
    ) -> ConditionalCritic:
        """Build a critic of samples and their classes.

        Parameters
        ----------
        architecture : Architecture
            Builds the critic that is to be conditioned.
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).
        n_classes : int
            The number of classes.

        Returns
        -------
        critic : ConditionalCritic
            Maps (n, *shape) and classes (n,) to (n,).
        """


class Concatenation(Conditioning):
    """The class is further input: a column of a row, or a constant plane of an image, each.

    References
    ----------
    M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Concatenation, Dense
    >>> critic = Concatenation().make_critic(Dense(), (4,), n_classes=3)
    >>> critic(torch.zeros(2, 4), torch.tensor([0, 2])).shape
    torch.Size([2])
    """

    def make_critic(self, architecture, shape, n_classes):
        """Build the critic for samples with a column or plane more for each class."""
        widened = (shape[0] + n_classes, *shape[1:])
        return ConcatenationCritic(architecture.make_critic(widened), n_classes)


class Projection(Conditioning):
    """The class meets the critic's features: the inner product with its embedding is added.

    References
    ----------
    T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dense, Projection
    >>> critic = Projection().make_critic(Dense(), (4,), n_classes=3)
    >>> critic(torch.zeros(2, 4), torch.tensor([0, 2])).shape
    torch.Size([2])
    """

    def make_critic(self, architecture, shape, n_classes):
        """Build the critic for samples, and an embedding of the classes."""
        return ProjectionCritic(architecture.make_critic(shape), n_classes)


CONDITIONINGS: dict[str, type[Conditioning]] = {
    "concatenation": Concatenation,
    "projection": Projection,
}


def resolve_conditioning(conditioning: str | Conditioning) -> Conditioning:
    """Return the conditioning that a user's argument names.

    Parameters
    ----------
    conditioning : str or Conditioning
        A key of ``CONDITIONINGS``, or a conditioning.

    Returns
    -------
    conditioning : Conditioning
        A validated copy of what was given.

    Raises
    ------
    ValueError
        If the name is unknown, or a parameter is out of range.
    TypeError
        If the argument is neither a name nor a conditioning.

    Examples
    --------
    >>> resolve_conditioning("projection")
    Projection()
    """
    if isinstance(conditioning, str):
        if conditioning not in CONDITIONINGS:
            raise ValueError(
                f"conditioning must be one of {sorted(CONDITIONINGS)} or a Conditioning, got "
                f"{conditioning!r}."
            )
        return CONDITIONINGS[conditioning]()
    if not isinstance(conditioning, Conditioning):
        raise TypeError(
            "conditioning must be a name or an instance of skgal.nn.Conditioning, got "
            f"{conditioning!r} of type {type(conditioning).__name__}."
        )
    conditioning = clone(conditioning)
    conditioning._validate_params()
    return conditioning
