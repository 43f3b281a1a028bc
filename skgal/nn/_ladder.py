"""The resolutions between a small base map and an image of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from skgal.nn._architecture import check_shape

# A side is halved while it is longer than this, so it ends at 4, 5 or 6.
_MAX_BASE_SIDE = 6


class Rung(NamedTuple):
    """One step of the ladder: a size, and the strides that lead to the next coarser one."""

    size: tuple[int, int]
    stride: tuple[int, int]


def resolution_ladder(shape: Sequence[int]) -> tuple[list[Rung], tuple[int, int]]:
    """Halve the sides of an image, each on its own, until they are about 4.

    Halves are rounded up, so that twice a size less at most one row and column is the size above.
    The strides of a long narrow image are (2, 1) once its short side has arrived.

    Parameters
    ----------
    shape : tuple of int
        (channels, height, width).

    Returns
    -------
    rungs : list of Rung
        From the size of the image downwards; never empty.
    base : tuple of int
        The height and width below the last rung.

    Raises
    ------
    ValueError
        If the shape is not that of an image, or no side can be halved.

    Examples
    --------
    >>> rungs, base = resolution_ladder((1, 28, 11))
    >>> [rung.size for rung in rungs], base
    ([(28, 11), (14, 6), (7, 6)], (4, 6))
    """
    shape = check_shape(shape)
    if len(shape) != 3:
        raise ValueError(
            "A convolutional architecture needs samples of shape (channels, height, width), "
            f"got {shape}: give the image's shape or choose architecture='dense'."
        )
    rungs, base = halvings(shape[1:])
    if not rungs:
        raise ValueError(
            f"A convolutional architecture needs a side longer than {_MAX_BASE_SIDE}, "
            f"got an image of {base}: choose architecture='dense'."
        )
    return rungs, base


def halvings(size: tuple[int, int]) -> tuple[list[Rung], tuple[int, int]]:
    """Halve a size as `resolution_ladder` does; the list is empty for one that is small already.

    Parameters
    ----------
    size : tuple of int
        Height and width.

    Returns
    -------
    rungs : list of Rung
    base : tuple of int

    Examples
    --------
    >>> halvings((4, 6))
    ([], (4, 6))
    """
    rungs = []
    while max(size) > _MAX_BASE_SIDE:
        stride = tuple(2 if side > _MAX_BASE_SIDE else 1 for side in size)
        rungs.append(Rung(size, stride))
        size = tuple(-(-side // step) for side, step in zip(size, stride, strict=True))
    return rungs, size
