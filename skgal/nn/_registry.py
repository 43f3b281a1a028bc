"""Architectures by name: apart from their base, which all of them import."""

from __future__ import annotations

from collections.abc import Sequence

from skgal.nn._architecture import Architecture, check_shape
from skgal.nn._biggan import BigGAN
from skgal.nn._dcgan import DCGAN, ResizeConvolution
from skgal.nn._dense import Dense
from skgal.nn._r3gan import R3GAN
from skgal.nn._residual import Residual
from skgal.utils import resolve_component

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

    A name, an instance or ``"auto"``: estimators call it once, in ``fit``.

    Parameters
    ----------
    architecture : str or Architecture
        "auto", a key of ``ARCHITECTURES``, or an architecture. "auto" is "resize" for images
        with sides of at least 8, else "dense".
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).

    Returns
    -------
    Architecture
        A validated copy of what was given.

    Raises
    ------
    ValueError
        If the name is unknown, or a parameter or the shape is out of range.
    TypeError
        If the argument is neither a name nor an architecture.

    See Also
    --------
    resolve_conditioning : The same of conditioning.
    Architecture : What is returned.

    Examples
    --------
    >>> resolve_architecture("auto", (1, 28, 28)), resolve_architecture("auto", (64,))
    (ResizeConvolution(), Dense())
    """
    if isinstance(architecture, str) and architecture == "auto":
        is_large = len(check_shape(shape)) == 3 and min(shape[1:]) >= _MIN_CONVOLUTIONAL_SIDE
        architecture = "resize" if is_large else "dense"
    resolved = resolve_component(architecture, "architecture", ARCHITECTURES, Architecture)
    resolved.check(shape)
    return resolved
