"""Architectures by name."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import clone

from skgal.nn._architecture import Architecture, check_shape
from skgal.nn._biggan import BigGAN
from skgal.nn._dcgan import DCGAN
from skgal.nn._dense import Dense
from skgal.nn._r3gan import R3GAN
from skgal.nn._residual import Residual
from skgal.nn._resize import ResizeConvolution

ARCHITECTURES: dict[str, type[Architecture]] = {
    "dense": Dense,
    "dcgan": DCGAN,
    "residual": Residual,
    "biggan": BigGAN,
    "resize": ResizeConvolution,
    "r3gan": R3GAN,
}

# Below this side convolutions have nothing to slide over.
_MIN_CONVOLUTIONAL_SIDE = 8


def resolve_architecture(architecture: str | Architecture, shape: Sequence[int]) -> Architecture:
    """Return the architecture that a user's argument names.

    Parameters
    ----------
    architecture : str or Architecture
        "auto", a key of ``ARCHITECTURES``, or an architecture. "auto" is "resize" for images
        with sides of at least 8, else "dense".
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).

    Returns
    -------
    architecture : Architecture
        A validated copy of what was given.

    Raises
    ------
    ValueError
        If the name is unknown, or a parameter or the shape is out of range.
    TypeError
        If the argument is neither a name nor an architecture.

    Examples
    --------
    >>> resolve_architecture("auto", (1, 28, 28)), resolve_architecture("auto", (64,))
    (ResizeConvolution(), Dense())
    """
    if isinstance(architecture, str):
        name = _choose(check_shape(shape)) if architecture == "auto" else architecture
        if name not in ARCHITECTURES:
            raise ValueError(
                f"architecture must be 'auto', one of {sorted(ARCHITECTURES)} or an Architecture, "
                f"got {architecture!r}."
            )
        resolved = ARCHITECTURES[name]()
    elif isinstance(architecture, Architecture):
        resolved = clone(architecture)
    else:
        raise TypeError(
            "architecture must be a name or an instance of skgal.nn.Architecture, "
            f"got {architecture!r} of type {type(architecture).__name__}."
        )
    resolved.check(shape)
    return resolved


def _choose(shape: tuple[int, ...]) -> str:
    convolutional = len(shape) == 3 and min(shape[1:]) >= _MIN_CONVOLUTIONAL_SIDE
    return "resize" if convolutional else "dense"
