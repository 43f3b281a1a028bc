"""Many images as one."""

import numpy as np
from sklearn.utils import check_array

from skgal.utils import DataLayout


def image_range(images, image_shape=None):
    """Learn the layout of images and the range of their values.

    Parameters
    ----------
    images : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Finite numbers; c is 1 (grey) or 3 (red, green, blue).
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.

    Returns
    -------
    DataLayout
    """
    images = check_array(images, allow_nd=True, input_name="images")
    layout = DataLayout(images, image_shape)
    if not layout.is_image:
        raise ValueError(
            f"The samples have shape {layout.shape}, not that of an image; say "
            "image_shape=(channels, height, width) if they are flat images."
        )
    if layout.shape[0] not in (1, 3):
        raise ValueError(
            "Only grey images (1 channel) and colour images (3 channels) can be drawn, got "
            f"images of shape {layout.shape}; choose one or three of the channels."
        )
    return layout


def to_intensities(images, layout):
    """Scale images to [0, 1], from the smallest to the largest value that ``layout`` saw.

    Parameters
    ----------
    images : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
    layout : DataLayout

    Returns
    -------
    ndarray of shape (n_samples, c, h, w), dtype float32
    """
    return (np.clip(layout.to_network(np.asarray(images)), -1, 1) + 1) / 2


def mosaic(images, n_columns):
    """Lay images out in rows, one pixel of white between them.

    Parameters
    ----------
    images : ndarray of shape (n_samples, c, h, w), values in [0, 1]
    n_columns : int
        Images a row; what the last row lacks is white.

    Returns
    -------
    ndarray of shape (height, width, c)
    """
    n, c, h, w = images.shape
    n_rows = -(-n // n_columns)
    cells = np.ones((n_rows * n_columns, h + 1, w + 1, c), dtype=images.dtype)
    cells[:n, :h, :w] = images.transpose(0, 2, 3, 1)
    rows = cells.reshape(n_rows, n_columns, h + 1, w + 1, c).swapaxes(1, 2)
    return rows.reshape(n_rows * (h + 1), n_columns * (w + 1), c)[:-1, :-1]
