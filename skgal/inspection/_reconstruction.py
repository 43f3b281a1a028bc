"""Real images above what a generator makes of their codes."""

import numpy as np

from skgal.inspection._axes import axes_or_new
from skgal.inspection._mosaic import image_range, mosaic, to_intensities


class ReconstructionDisplay:
    """Real images, each above its reconstruction.

    Black is the smallest value among the real images, white the largest.

    Parameters
    ----------
    originals : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Grey (c = 1) or colour (c = 3) images of any dtype and range.
    reconstructions : array-like, shaped as ``originals``
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        All images in one.

    References
    ----------
    AISEL, figure 3.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from skgal.datasets import load_images
    >>> from skgal.inspection import ReconstructionDisplay
    >>> X = load_images("digits").data.reshape(-1, 64)
    >>> pca = PCA(8).fit(X)
    >>> display = ReconstructionDisplay.from_generator(pca, X[:10], image_shape=(1, 8, 8))
    """

    def __init__(self, originals, reconstructions, *, image_shape=None):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape

    @classmethod
    def from_generator(cls, generator, X, *, image_shape=None, n_columns=10, ax=None):
        """Encode and decode images, and plot them.

        Parameters
        ----------
        generator : transformer with ``inverse_transform``
            A fitted generator with an encoder, or any other transformer that goes both ways.
        X : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        image_shape : tuple of int (c, h, w) or None, default=None
            The shape of flat images; None: the generator's own ``image_shape``, if it has one.
        n_columns : int, default=10
            Images a row.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        TypeError
            If the generator has no encoder.
        """
        if not hasattr(generator, "inverse_transform"):
            raise TypeError(
                f"{type(generator).__name__} has no inverse_transform, so it cannot "
                "reconstruct; use a generator with an encoder, such as skgal.generators.GIN."
            )
        reconstructions = generator.inverse_transform(generator.transform(X))
        image_shape = image_shape or getattr(generator, "image_shape", None)
        display = cls(X, reconstructions, image_shape=image_shape)
        return display.plot(ax, n_columns=n_columns)

    def plot(self, ax=None, *, n_columns=10):
        """Plot the images.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.
        n_columns : int, default=10
            Images a row.

        Returns
        -------
        ReconstructionDisplay
        """
        layout = image_range(self.originals, self.image_shape)
        if np.shape(self.reconstructions) != np.shape(self.originals):
            raise ValueError(
                "originals and reconstructions must have the same shape, got "
                f"{np.shape(self.originals)} and {np.shape(self.reconstructions)}."
            )
        rows = _alternate_rows(
            to_intensities(self.originals, layout),
            to_intensities(self.reconstructions, layout),
            n_columns,
        )
        self.ax_ = axes_or_new(ax, self)
        self.figure_ = self.ax_.figure
        self.image_ = self.ax_.imshow(
            mosaic(rows, n_columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
        height = layout.shape[1]
        n_rows = len(rows) // n_columns
        centres = np.arange(n_rows) * (height + 1) + (height - 1) / 2
        self.ax_.set_yticks(centres, ["real", "reconstructed"] * (n_rows // 2))
        self.ax_.tick_params(left=False)
        self.ax_.set_xticks([])
        self.ax_.spines[:].set_visible(False)
        return self


def _alternate_rows(originals, reconstructions, n_columns):
    """Put a row of reconstructions below each row of originals; what a row lacks is white."""
    pairs = np.stack([originals, reconstructions])
    n_missing = -pairs.shape[1] % n_columns
    pairs = np.pad(pairs, [(0, 0), (0, n_missing), (0, 0), (0, 0), (0, 0)], constant_values=1)
    rows = pairs.reshape(2, -1, n_columns, *pairs.shape[2:]).swapaxes(0, 1)
    return rows.reshape(-1, *pairs.shape[2:])
