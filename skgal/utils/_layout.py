"""The way from the user's samples to network tensors in [-1, 1], and back."""

from numbers import Integral

import numpy as np


class DataLayout:
    """Shape, value range, dtype and column names of the data a generator was fitted on.

    Networks see float32 arrays in [-1, 1] of shape (n, n_features) or (n, c, h, w); users see
    their own layout. A table is scaled column by column, an image by one range for all
    pixels: what the training data span is what comes back, whatever the dtype allows.

    The way there and back returns whole numbers and booleans exactly (columns that span less
    than 2**24) and real numbers to the float32 precision of their column's span. A constant
    column is 0 to the networks and comes back as it was, whatever they make of it.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features) or (n_samples, c, h, w)
        Validated numeric samples.
    image_shape : tuple of int (c, h, w) or None
        The shape of images that come as flat rows.
    container : object, optional
        What the user passed, a pandas or polars DataFrame say; samples come back as such.

    Attributes
    ----------
    shape : tuple of int
        Shape of one sample as networks see it: (n_features,) or (c, h, w).
    is_image : bool

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.utils import DataLayout
    >>> X = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    >>> layout = DataLayout(X)
    >>> layout.to_network(X).tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    >>> layout.from_network(np.array([[0.0, 1.0]])).tolist()
    [[128, 255]]
    """

    def __init__(self, X, image_shape=None, container=None):
        self.sample_shape = X.shape[1:]
        self.dtype = X.dtype
        self.shape = _network_shape(self.sample_shape, image_shape)
        self.frame = FrameTemplate.of(container)
        axis = None if self.is_image else 0
        # Not MinMaxScaler: it takes spans below 2e-15 for constant, and SI units go lower.
        self._low = np.min(X, axis=axis).astype(np.float64)
        self._high = np.max(X, axis=axis).astype(np.float64)
        self._centre = self._low / 2 + self._high / 2
        half_span = self._high / 2 - self._low / 2
        self._scale = np.where(half_span > 0, half_span, 1.0)

    @property
    def is_image(self):
        """Whether a sample is an image."""
        return len(self.shape) == 3

    @property
    def affine(self):
        """Scale and centre, float64: what networks call x is ``scale * x + centre`` to users.

        The scale of a constant column is 0, so that it stays what it is.
        """
        return np.where(self._high > self._low, self._scale, 0.0), self._centre

    def to_network(self, X):
        r"""Scale samples to [-1, 1] and shape them for the networks.

        Parameters
        ----------
        X : ndarray of shape (n_samples, \*sample_shape)

        Returns
        -------
        ndarray of shape (n_samples, \*shape), dtype float32
            Values beyond the fitted range lie outside [-1, 1].
        """
        scaled = np.subtract(X, self._centre, dtype=np.float64)
        scaled /= self._scale
        return scaled.astype(np.float32, order="C").reshape(len(X), *self.shape)

    def from_network(self, tensor):
        r"""Bring network outputs back to the user's shape, range, dtype and columns.

        Parameters
        ----------
        tensor : ndarray of shape (n_samples, \*shape), values in [-1, 1]

        Returns
        -------
        ndarray of shape (n_samples, \*sample_shape), or a DataFrame
        """
        values = np.multiply(tensor, self._scale, dtype=np.float64)
        values += self._centre
        # Neither a network nor rounding in floating point may leave the range of the data.
        np.clip(values, self._low, self._high, out=values)
        if _is_whole(self.dtype):
            np.rint(values, out=values)
        values = values.reshape(len(tensor), *self.sample_shape).astype(self.dtype)
        return values if self.frame is None else self.frame.fill(values)


def _network_shape(sample_shape, image_shape):
    if image_shape is None:
        if len(sample_shape) in (1, 3):
            return tuple(sample_shape)
        raise ValueError(
            "X must have shape (n_samples, n_features) or (n_samples, channels, height, width); "
            f"each sample has shape {sample_shape}."
        )
    if len(image_shape) != 3 or not all(map(_is_length, image_shape)):
        raise ValueError(
            "image_shape must be three positive integers (channels, height, width), "
            f"got {image_shape!r}."
        )
    image_shape = tuple(int(side) for side in image_shape)
    if sample_shape != image_shape and sample_shape != (int(np.prod(image_shape)),):
        raise ValueError(
            f"image_shape={image_shape} stands for {int(np.prod(image_shape))} values a sample, "
            f"but the samples of X have shape {sample_shape}; change image_shape or X."
        )
    return image_shape


def _is_length(side):
    return isinstance(side, Integral) and side >= 1


class FrameTemplate:
    """Columns and dtypes of a DataFrame, to be filled with new rows."""

    def __init__(self, empty):
        self._empty = empty

    @classmethod
    def of(cls, container):
        if not hasattr(container, "columns"):
            return None
        if len(set(container.columns)) < len(container.columns):
            raise ValueError(
                f"Column names must differ from each other, got {list(container.columns)}; "
                "rename the columns of X."
            )
        return cls(container[:0])

    def fill(self, values):
        # Each column takes its own dtype back: the array may have been their common one.
        empty = self._empty
        columns = {
            name: np.rint(column) if _is_whole(empty[name].dtype) else column
            for name, column in zip(empty.columns, values.T, strict=True)
        }
        frame = type(empty)(columns)
        if hasattr(empty, "schema"):  # polars
            return frame.cast(dict(empty.schema))
        return frame.astype(empty.dtypes.to_dict())


def _is_whole(dtype):
    """Tell whether a NumPy, pandas or polars dtype holds only whole numbers or booleans."""
    if hasattr(dtype, "is_integer"):  # polars
        return dtype.is_integer() or str(dtype) == "Boolean"
    return dtype.kind in "biu"
