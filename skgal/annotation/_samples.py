"""What a page shows of samples: pictures, or the rows of a table."""

import base64

import numpy as np
from scipy import sparse

from skgal.annotation._images import encode_png, to_pixels

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
        self._rows = [[_as_text(value) for value in _values(sample)] for sample in samples]

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


def _as_text(value):
    if value is None:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
