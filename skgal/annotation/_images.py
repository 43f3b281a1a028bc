"""Images as a browser shows them."""

import io

import numpy as np
from sklearn.utils import check_array

from skgal.utils import DataLayout


def to_pixels(images, image_shape=None):
    """Scale images to 8-bit pixels, one range for all of them.

    The smallest value of all images becomes black and the largest white, whatever their dtype:
    images of one batch can be compared with each other, those of two batches cannot.
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
    """Encode one image as PNG."""
    from PIL import Image

    file = io.BytesIO()
    # The page is on this machine: speed is worth more than size.
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=1)
    return file.getvalue()
