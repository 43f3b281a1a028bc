"""What a page shows of samples: pictures, or the rows of a table."""

import base64
import io

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from skgal.utils import DataLayout

BUNDLE_PIXELS = 2**19
"""How many pixels go into one answer to the page: many small images, or a single large one."""


class Pictures:
    """Samples that are images, of shape (c, h, w) or flat rows of an ``image_shape``."""

    def __init__(self, samples, image_shape):
        self._pixels = to_pixels(_stack(samples), image_shape)
        height, width = self._pixels.shape[1:3]
        self._per_bundle = max(1, BUNDLE_PIXELS // (height * width))

    def describe(self):
        """Width and height that all of them have, and how many come together."""
        height, width = self._pixels.shape[1:3]
        image = {"width": width, "height": height, "perBundle": self._per_bundle}
        return {"image": image, "columns": None}

    def row(self, position):
        """Text of a sample: none, it is a picture."""
        return None

    def images(self, bundle):
        """Encode the pictures of a bundle."""
        start = bundle * self._per_bundle
        pngs = [encode_png(pixels) for pixels in self._pixels[start : start + self._per_bundle]]
        return [base64.b64encode(png).decode() for png in pngs]


class Rows:
    """Samples that are rows of a table; ``feature_names`` are for columns that have no names."""

    def __init__(self, samples, feature_names):
        self._columns = _column_names(samples[0], feature_names)
        self._rows = [[_cell_text(value) for value in _values(sample)] for sample in samples]

    def describe(self):
        """Names of the columns."""
        return {"image": None, "columns": self._columns}

    def row(self, position):
        """Text of a sample, one for each column."""
        return self._rows[position]

    def images(self, bundle):
        """Refuse: there are no pictures."""
        raise ValueError("The samples of this batch are rows of a table.")


def show_samples(samples, *, image_shape=None, feature_names=None):
    """Return samples as `Pictures` or as `Rows`."""
    if image_shape is not None or np.ndim(samples[0]) == 3:
        return Pictures(samples, image_shape)
    return Rows(samples, feature_names)


def _stack(samples):
    shapes = {np.shape(sample) for sample in samples}
    if len(shapes) > 1:
        raise ValueError(f"Images of one batch must have one shape; got {sorted(shapes)}.")
    return np.stack(samples)


def _values(sample):
    if isinstance(sample, dict):
        return list(sample.values())
    if sparse.issparse(sample):
        sample = sample.toarray()
    return np.asarray(sample, dtype=object).ravel().tolist()


def _column_names(sample, feature_names):
    if isinstance(sample, dict):
        return [str(name) for name in sample]
    n_columns = len(_values(sample))
    if feature_names is None:
        return [f"Feature {column}" for column in range(n_columns)]
    if len(feature_names) != n_columns:
        raise ValueError(
            f"feature_names must name the {n_columns} columns of the samples, got "
            f"{len(feature_names)} names."
        )
    return [str(name) for name in feature_names]


def _cell_text(value):
    if value is None or value != value:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def to_pixels(images, image_shape=None):
    """Scale images to 8-bit pixels: the smallest value of all becomes black, the largest white."""
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
