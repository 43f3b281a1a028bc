"""Differentiable augmentation (DiffAugment), for GANs trained on a few hundred images.

Real and generated images are changed alike before the critic sees them, and gradients flow
through the change, so the generator never learns to draw the changes themselves.

References
----------
.. [1] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS 2020.
"""

import torch

# Strengths of the reference implementation: shifts of 1/8 and cuts of 1/2 of the side.
_SHIFT = 1 / 8
_CUT = 1 / 2


def translate(images, rng):
    """Shift each image by up to an eighth of its sides; what enters is black (-1)."""
    n, _, height, width = images.shape
    rows, row_inside = _shifted_positions(n, height, images.device, rng)
    columns, column_inside = _shifted_positions(n, width, images.device, rng)
    sample = torch.arange(n, device=images.device)[:, None, None]
    # Advanced indices on the first, third and fourth axes put the channels last.
    moved = images[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    inside = row_inside[:, None, :, None] & column_inside[:, None, None, :]
    return moved.masked_fill(~inside, -1.0)


def _shifted_positions(n, side, device, rng):
    """Draw one shift a sample; return where each position comes from, and if it was inside."""
    largest = round(side * _SHIFT)
    shift = torch.randint(-largest, largest + 1, (n, 1), generator=rng, device=device)
    source = torch.arange(side, device=device) + shift
    return source.clamp(0, side - 1), (source >= 0) & (source < side)


def flip(images, rng):
    """Mirror each image left to right with probability one half."""
    heads = _draw_for_each(images, rng) < 0.5
    return torch.where(heads, images.flip(-1), images)


def cutout(images, rng):
    """Paint a grey (0) rectangle of half the sides at a random place of each image."""
    n, _, height, width = images.shape
    rows = _cut_positions(n, height, images.device, rng)
    columns = _cut_positions(n, width, images.device, rng)
    hole = rows[:, None, :, None] & columns[:, None, None, :]
    return images.masked_fill(hole, 0.0)


def _cut_positions(n, side, device, rng):
    # The centre is uniform over the image, so a cut may stick out at the border.
    length = round(side * _CUT)
    start = torch.randint(0, side + 1, (n, 1), generator=rng, device=device) - length // 2
    position = torch.arange(side, device=device)
    return (position >= start) & (position < start + length)


def brightness(images, rng):
    """Add a constant, uniform on [-0.5, 0.5], to each image."""
    return images + _draw_for_each(images, rng) - 0.5


def _draw_for_each(images, rng):
    """Draw a number from [0, 1) for each image."""
    size = len(images), 1, 1, 1
    return torch.rand(size, generator=rng, device=images.device, dtype=torch.float32)


# Functions of images of shape (n, c, h, w) in [-1, 1] and a generator on their device.
AUGMENTATIONS = {
    "translation": translate,
    "flip": flip,
    "cutout": cutout,
    "brightness": brightness,
}


def resolve_augmentations(augment, is_image):
    """Turn the ``augment`` argument of a generator into a tuple of functions.

    Small data sets need it: without augmentation a critic memorises them.

    Parameters
    ----------
    augment : None, "auto", str or sequence of str
        Names from ``AUGMENTATIONS``. ``"auto"`` is translation for images and nothing for
        tables: a flip may change what an image shows, and in short trainings the rectangles
        of cutout turned up in the generated images.
    is_image : bool
        Whether samples are images.

    Returns
    -------
    tuple of callables ``f(images, rng) -> images``
        What is applied in turn.

    Raises
    ------
    ValueError
        For an unknown name, or augmentation of a table.

    See Also
    --------
    AdversarialGame : Augments what its critic sees.

    Examples
    --------
    >>> from skgal.training import resolve_augmentations
    >>> [f.__name__ for f in resolve_augmentations("auto", is_image=True)]
    ['translate']
    """
    if augment == "auto":
        augment = "translation" if is_image else None
    if augment is None:
        return ()
    names = (augment,) if isinstance(augment, str) else tuple(augment)
    unknown = [name for name in names if name not in AUGMENTATIONS]
    if unknown:
        raise ValueError(
            f"Unknown augmentation {unknown[0]!r}; choose from {sorted(AUGMENTATIONS)}."
        )
    if names and not is_image:
        raise ValueError(
            f"augment={augment!r} changes images, but X is a table; pass augment=None, or "
            "image_shape=(channels, height, width) if the rows of X are flat images."
        )
    return tuple(AUGMENTATIONS[name] for name in names)
