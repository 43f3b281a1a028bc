"""A grid of images."""

import math

from skgal.base import ConditionalGenerator
from skgal.inspection._axes import axes_or_new
from skgal.inspection._mosaic import image_range, mosaic, to_intensities


class SamplesDisplay:
    """Images side by side, those of a data set or those a generator drew.

    Black is the smallest value among the images, white the largest.

    Parameters
    ----------
    images : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Grey (c = 1) or colour (c = 3) images of any dtype and range.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        All images in one.

    Examples
    --------
    >>> from skgal.datasets import load_images
    >>> from skgal.inspection import SamplesDisplay
    >>> X, y = load_images("digits", return_X_y=True)
    >>> display = SamplesDisplay(X[:25]).plot()
    """

    def __init__(self, images, *, image_shape=None):
        self.images = images
        self.image_shape = image_shape

    @classmethod
    def from_generator(
        cls,
        generator,
        *,
        n_samples=25,
        image_shape=None,
        random_state=None,
        n_columns=None,
        ax=None,
    ):
        """Draw samples from a generator and plot them.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted on images.
        n_samples : int, default=25
        image_shape : tuple of int (c, h, w) or None, default=None
            The shape of flat images; None: the generator's own ``image_shape``, if it has one.
        random_state : int, RandomState instance or None, default=None
        n_columns : int or None, default=None
            Images a row; None makes the grid about square.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        SamplesDisplay
        """
        images = generator.sample(n_samples, random_state=random_state)
        if isinstance(generator, ConditionalGenerator):
            images, _ = images
        image_shape = image_shape or getattr(generator, "image_shape", None)
        return cls(images, image_shape=image_shape).plot(ax, n_columns=n_columns)

    def plot(self, ax=None, *, n_columns=None):
        """Plot the images.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.
        n_columns : int or None, default=None
            Images a row; None makes the grid about square.

        Returns
        -------
        SamplesDisplay
        """
        layout = image_range(self.images, self.image_shape)
        intensities = to_intensities(self.images, layout)
        if n_columns is None:
            n_columns = math.ceil(math.sqrt(len(intensities)))
        self.ax_ = axes_or_new(ax, self)
        self.figure_ = self.ax_.figure
        self.image_ = self.ax_.imshow(
            mosaic(intensities, n_columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
        self.ax_.set_axis_off()
        return self
