"""Figures of images: samples, reconstructions, and what a query matched."""

import math

import numpy as np

from skgal.base import ConditionalGenerator
from skgal.inspection._drawing import (
    axes_or_new,
    draw_images,
    image_range,
    label_rows,
    picture_size,
    to_intensities,
)
from skgal.inspection._latent_space import latent_plane


class SamplesDisplay:
    """Images side by side, those of a data set or those a generator drew.

    Black is the smallest value among the images, white the largest.

    Parameters
    ----------
    images : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Grey (c = 1) or colour (c = 3) images of any dtype and range.
    labels : array-like of shape (n_samples,), default=None
        The class of each image, or any other name. Written beside a row where all of its images
        have the same, else below each image.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.
    grid : array-like of shape (n_grid,), default=None
        Where the images lie on a square grid in a plane of the latent space, row by row from the
        smallest value of the second coordinate: the values of either coordinate. The picture
        then has the second coordinate upwards.
    coordinates : tuple of two int, default=(0, 1)
        Which latent coordinates these are, counted from 0.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        All images in one.

    See Also
    --------
    ReconstructionDisplay : Pairs of images.
    QueryDisplay : Images and their matches.

    Examples
    --------
    >>> from skgal.datasets import load_images
    >>> from skgal.inspection import SamplesDisplay
    >>> X, y = load_images("digits", return_X_y=True)
    >>> display = SamplesDisplay(X[:25], labels=y[:25]).plot()
    """

    def __init__(
        self, images, *, labels=None, image_shape=None, grid=None, coordinates=(0, 1), title=None
    ):
        self.images = images
        self.labels = labels
        self.image_shape = image_shape
        self.grid = grid
        self.coordinates = coordinates
        self.title = title

    @classmethod
    def from_generator(
        cls,
        generator,
        *,
        n_samples=25,
        y=None,
        Z=None,
        image_shape=None,
        random_state=None,
        n_columns=None,
        ax=None,
    ):
        """Draw samples from a generator and plot them, with their classes if they have any.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted on images.
        n_samples : int, default=25
            How many, where neither ``y`` nor ``Z`` says so.
        y : array-like of shape (n_samples,), default=None
            The class of each image, for a conditional generator; with ``n_columns`` images of a
            class in turn, each row has its name.
        Z : array-like of shape (n_samples, latent_dim), default=None
            Latent points to be shown; a conditional generator needs ``y`` besides. None: they
            are drawn.
        image_shape : tuple of int (c, h, w) or None, default=None
            The shape of flat images; None: the generator's own ``image_shape``, if it has one.
        random_state : int, RandomState instance or None, default=None
            Decides what is drawn; None: the generator's own.
        n_columns : int or None, default=None
            Images a row; None makes the grid about square.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        SamplesDisplay
        """
        if Z is not None:
            images = generator.generate(Z, y)
        elif isinstance(generator, ConditionalGenerator):
            n_samples = n_samples if y is None else 1
            images, y = generator.sample(n_samples, y=y, random_state=random_state)
        else:
            images = generator.sample(n_samples, y=y, random_state=random_state)
        display = cls(
            images,
            labels=y,
            image_shape=image_shape or getattr(generator, "image_shape", None),
            title=f"Samples of {type(generator).__name__}",
        )
        return display.plot(ax, n_columns=n_columns)

    @classmethod
    def from_latent_plane(
        cls,
        generator,
        *,
        coordinates=(0, 1),
        n_grid=10,
        origin=None,
        label=None,
        image_shape=None,
        ax=None,
    ):
        """Plot the samples on a grid of a plane of the latent space, to see what coordinates mean.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted on images.
        coordinates : tuple of two int, default=(0, 1)
            The latent coordinates that span the plane.
        n_grid : int, default=10
            Values of either coordinate; ``n_grid ** 2`` images are generated.
        origin : array-like of shape (latent_dim,), default=None
            A point of the plane, a sample's code for instance; None: the middle of the space.
        label : object, default=None
            The class of all images, for a conditional generator.
        image_shape : tuple of int (c, h, w) or None, default=None
            The shape of flat images; None: the generator's own ``image_shape``, if it has one.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        SamplesDisplay

        Raises
        ------
        ValueError
            If the latent space has no such coordinates.

        References
        ----------
        J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
        2021, figures 7 and 10.
        """
        grid, Z = latent_plane(generator, coordinates, n_grid, origin)
        y = None if label is None else np.full(len(Z), label)
        display = cls(
            generator.generate(Z, y),
            image_shape=image_shape or getattr(generator, "image_shape", None),
            grid=grid,
            coordinates=coordinates,
            title="Samples over the latent plane" if label is None else f"Samples of class {label}",
        )
        return display.plot(ax)

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
            Itself, drawn.

        Raises
        ------
        ValueError
            If the samples are no images, or there is not one label for each.
        """
        layout = image_range(self.images, self.image_shape)
        intensities = to_intensities(self.images, layout)
        labels = self._checked_labels(len(intensities))
        if self.grid is not None:
            n_columns = len(self.grid)
            intensities = np.concatenate(np.split(intensities, n_columns)[::-1])
        elif n_columns is None:
            n_columns = math.ceil(math.sqrt(len(intensities)))
        rows = (
            []
            if labels is None
            else [labels[i : i + n_columns] for i in range(0, len(labels), n_columns)]
        )
        by_row = n_columns > 1 and all(len(set(row)) == 1 for row in rows)
        height, width = layout.shape[1:]
        # As high as text of a cell's width, so that names don't cover the images.
        gap = 1 if labels is None or by_row else max(2, math.ceil(0.35 * width))
        size = picture_size(intensities, n_columns, gap=gap)
        self.ax_ = axes_or_new(ax, self, title=self.title, figsize=size)
        self.figure_ = self.ax_.figure
        self.image_ = draw_images(self.ax_, intensities, n_columns, gap=gap)
        if self.grid is not None:
            self._label_coordinates(height, width)
        elif labels is not None and by_row:
            label_rows(self.ax_, [row[0] for row in rows], height)
        elif labels is not None:
            for i, label in enumerate(labels):
                row, column = divmod(i, n_columns)
                x, y = column * (width + 1) + (width - 1) / 2, row * (height + gap) + height - 0.5
                self.ax_.text(x, y, label, ha="center", va="top", fontsize=8)
            self.ax_.set_ylim(len(rows) * (height + gap) - 0.5, -0.5)
        return self

    def _checked_labels(self, n_samples):
        if self.labels is None:
            return None
        if len(self.labels) != n_samples:
            raise ValueError(f"There are {n_samples} images, but {len(self.labels)} labels.")
        return [str(label) for label in self.labels]

    def _label_coordinates(self, height, width):
        grid, n_grid = np.asarray(self.grid), len(self.grid)
        ticks = np.linspace(grid[0], grid[-1], 5)
        names = [f"{tick:.2g}" for tick in ticks]
        places = np.interp(ticks, grid, np.arange(n_grid))
        first, second = self.coordinates
        self.ax_.set_xticks(places * (width + 1) + (width - 1) / 2, names)
        self.ax_.set_yticks((n_grid - 1 - places) * (height + 1) + (height - 1) / 2, names)
        self.ax_.set(
            xlabel=f"latent coordinate {first + 1}", ylabel=f"latent coordinate {second + 1}"
        )


class ReconstructionDisplay:
    """Real images, each above its reconstruction.

    Black is the smallest value among the real images, white the largest.

    Parameters
    ----------
    originals : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Grey (c = 1) or colour (c = 3) images of any dtype and range.
    reconstructions : array-like, shaped as ``originals``
        What became of each.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        All images in one.

    See Also
    --------
    SamplesDisplay : Images by themselves.
    skgal.generators.GIN : Reconstructs.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    figure 3.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from skgal.datasets import load_images
    >>> from skgal.inspection import ReconstructionDisplay
    >>> X = load_images("digits").data.reshape(-1, 64)
    >>> pca = PCA(8).fit(X)
    >>> display = ReconstructionDisplay.from_generator(pca, X[:10], image_shape=(1, 8, 8))
    """

    def __init__(self, originals, reconstructions, *, image_shape=None, title=None):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.title = title

    @classmethod
    def from_generator(cls, generator, X, *, image_shape=None, n_columns=10, ax=None):
        """Encode and decode images, and plot them.

        Parameters
        ----------
        generator : transformer with ``inverse_transform``
            A fitted generator with an encoder, or any other transformer that goes both ways.
        X : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
            The images to encode and decode.
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
        display = cls(
            X,
            generator.inverse_transform(generator.transform(X)),
            image_shape=image_shape or getattr(generator, "image_shape", None),
            title=f"Reconstructions of {type(generator).__name__}",
        )
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
            Itself, drawn.
        """
        layout = image_range(self.originals, self.image_shape)
        if np.shape(self.reconstructions) != np.shape(self.originals):
            raise ValueError(
                "originals and reconstructions must have the same shape, got "
                f"{np.shape(self.originals)} and {np.shape(self.reconstructions)}."
            )
        kinds = [to_intensities(each, layout) for each in (self.originals, self.reconstructions)]
        rows = _in_turn(kinds, n_columns)
        self.ax_ = axes_or_new(ax, self, title=self.title, figsize=picture_size(rows, n_columns))
        self.figure_ = self.ax_.figure
        self.image_ = draw_images(self.ax_, rows, n_columns)
        n_pairs = len(rows) // (2 * n_columns)
        label_rows(self.ax_, ["real", "reconstructed"] * n_pairs, layout.shape[1])
        return self


class QueryDisplay:
    """Generated images, each above the images of a pool that were matched to it.

    Black is the smallest value among the matched images, white the largest.

    Parameters
    ----------
    generated : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
        Images of which a classifier is unsure.
    matched : array-like of shape (n_samples, n_neighbors, c, h, w) or (..., c * h * w)
        Images of the pool, the nearest first.
    names : array-like of str, of shape (n_samples, n_neighbors), default=None
        What to write below each matched image.
    image_shape : tuple of int (c, h, w) or None, default=None
        The shape of images that come as flat rows.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    image_ : matplotlib AxesImage
        All images in one.

    See Also
    --------
    skgal.query.ASAL : The strategy that matches.
    SamplesDisplay : Images by themselves.

    References
    ----------
    C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020,
    figure 2.

    Examples
    --------
    >>> from skgal.datasets import load_images
    >>> from skgal.generators import GAN
    >>> from skgal.inspection import QueryDisplay
    >>> from skgal.matching import FeatureMatcher
    >>> X, y = load_images("digits", return_X_y=True)
    >>> gan = GAN(max_iter=10, random_state=0).fit(X)
    >>> matcher = FeatureMatcher().fit(X)
    >>> display = QueryDisplay.from_matcher(matcher, gan.sample(5), X, labels=y)
    """

    def __init__(self, generated, matched, *, names=None, image_shape=None, title=None):
        self.generated = generated
        self.matched = matched
        self.names = names
        self.image_shape = image_shape
        self.title = title

    @classmethod
    def from_matcher(
        cls, matcher, generated, X, *, n_neighbors=1, labels=None, image_shape=None, ax=None
    ):
        """Match generated images to those of a pool, and plot both.

        Parameters
        ----------
        matcher : skgal.matching.FeatureMatcher
            Fitted on the pool; the ``matcher_`` of a fitted `skgal.query.ASAL`, for instance.
        generated : array-like of shape (n_samples, c, h, w) or (n_samples, c * h * w)
            Generated images, those that `skgal.query.GAAL` designs, for instance.
        X : array-like of shape (n_pool, c, h, w) or (n_pool, c * h * w)
            The pool.
        n_neighbors : int, default=1
            Matches to be shown for each.
        labels : array-like of shape (n_pool,), default=None
            Classes in the pool, to be written below its images, before the number of the row.
        image_shape : tuple of int (c, h, w) or None, default=None
            The shape of images that come as flat rows.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        QueryDisplay
        """
        rows = matcher.kneighbors(generated, n_neighbors, return_distance=False)
        names = rows.astype(str)
        if labels is not None:
            classes = np.asarray(labels)[rows].astype(str)
            names = np.char.add(np.char.add(classes, " / "), names)
        display = cls(
            generated,
            np.asarray(X)[rows],
            names=names,
            image_shape=image_shape,
            title="Generated images and their matches in the pool",
        )
        return display.plot(ax)

    def plot(self, ax=None):
        """Plot the images.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        QueryDisplay
            Itself, drawn.

        Raises
        ------
        ValueError
            If the samples are no images, or there are not matches for each.
        """
        matched = np.asarray(self.matched)
        n_samples, n_neighbors = matched.shape[:2]
        if len(self.generated) != n_samples:
            raise ValueError(
                f"There are {len(self.generated)} generated images, but matches for {n_samples}."
            )
        layout = image_range(matched.reshape(-1, *matched.shape[2:]), self.image_shape)
        rows = [to_intensities(self.generated, layout)]
        rows += [to_intensities(matched[:, k], layout) for k in range(n_neighbors)]
        images = np.concatenate(rows)
        height, width = layout.shape[1:]
        gap = 1 if self.names is None else max(2, math.ceil(0.3 * height))
        size = picture_size(images, n_samples, gap=gap)
        self.ax_ = axes_or_new(ax, self, title=self.title, figsize=size)
        self.figure_ = self.ax_.figure
        self.image_ = draw_images(self.ax_, images, n_samples, gap=gap)
        names = ["match"] if n_neighbors == 1 else [f"match {k + 1}" for k in range(n_neighbors)]
        label_rows(self.ax_, ["generated", *names], height, gap=gap)
        for (sample, k), name in np.ndenumerate([] if self.names is None else self.names):
            x = sample * (width + 1) + (width - 1) / 2
            y = (k + 1) * (height + gap) + 1.05 * height - 0.5
            self.ax_.text(x, y, name, ha="center", va="top", fontsize=7)
        self.ax_.set_ylim((n_neighbors + 1) * (height + gap) - 0.5, -0.5)
        return self


def _in_turn(kinds, n_columns):
    """Put a row of each kind of images below the other in turn; what a row lacks is white."""
    stacked = np.stack(kinds)
    n_missing = -stacked.shape[1] % n_columns
    stacked = np.pad(stacked, [(0, 0), (0, n_missing), *[(0, 0)] * 3], constant_values=1)
    rows = stacked.reshape(len(kinds), -1, n_columns, *stacked.shape[2:]).swapaxes(0, 1)
    return rows.reshape(-1, *stacked.shape[2:])
