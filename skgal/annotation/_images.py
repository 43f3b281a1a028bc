"""Images as a browser shows them."""

import io

import numpy as np
from sklearn.utils import check_array

from skgal.utils import DataLayout


def to_pixels(images, image_shape=None):
    """Scale images to 8-bit pixels, one range for all of them.

    The smallest value of all images becomes black and the largest white, whatever their dtype:
    images of one batch can be compared with each other, those of two batches cannot.

    Parameters
    ----------
    images : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Finite numbers. One channel is grey, three are red, green and blue; any other number
        of channels is shown as that many grey images side by side.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.

    Returns
    -------
    ndarray of shape (n_samples, h, w) or (n_samples, h, w, 3), dtype uint8

    Raises
    ------
    ValueError
        If values are NaN or infinite, or samples aren't of that shape.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.annotation._images import to_pixels
    >>> to_pixels(np.array([[[[-1.0, 1.0]]], [[[0.0, 3.0]]]])).tolist()
    [[[0, 128]], [[64, 255]]]
    """
    images = check_array(images, allow_nd=True, input_name="images")
    layout = DataLayout(images, image_shape)
    scaled = (layout.to_network(images) + 1) / 2
    pixels = np.rint(255 * scaled).astype(np.uint8)
    n, c, h, w = pixels.shape
    if c == 3:
        return pixels.transpose(0, 2, 3, 1)
    return pixels.transpose(0, 2, 1, 3).reshape(n, h, c * w)


def encode_png(pixels):
    """Encode one image as PNG.

    Parameters
    ----------
    pixels : ndarray of shape (h, w) or (h, w, 3), dtype uint8

    Returns
    -------
    bytes
    """
    from PIL import Image

    file = io.BytesIO()
    # The page is on this machine: speed is worth more than size.
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()
