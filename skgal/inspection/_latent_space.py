"""The latent space: where a classifier is unsure, where the samples are, which were chosen."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.inspection._axes import axes_or_new
from skgal.metrics import entropy


class LatentSpaceDisplay:
    """A map of a classifier's uncertainty over two latent coordinates, and points on it.

    The samples at hand are black crosses, the chosen points red circles.

    Parameters
    ----------
    grid : array-like of shape (n_grid,)
        Values of either coordinate, ascending.
    uncertainty : array-like of shape (n_grid, n_grid)
        ``uncertainty[i, j]`` where the first coordinate is ``grid[j]`` and the second is
        ``grid[i]``.
    existing : array-like of shape (n_existing, 2) or None, default=None
        The samples at hand.
    chosen : array-like of shape (n_chosen, 2) or None, default=None
        The points where new samples were designed.
    coordinates : tuple of two int, default=(0, 1)
        Which latent coordinates these are, counted from 0, for the axes.
    uncertainty_name : str, default="entropy of the prediction (nats)"
        What the colours mean.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    map_ : matplotlib QuadMesh
    existing_, chosen_ : matplotlib Line2D or None

    References
    ----------
    AISEL, figures 4 and 11.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.inspection import LatentSpaceDisplay
    >>> grid = np.linspace(-1, 1, 21)
    >>> uncertainty = np.exp(-np.abs(grid + grid[:, np.newaxis]))
    >>> display = LatentSpaceDisplay(grid, uncertainty, chosen=[[0.5, -0.5]]).plot()
    """

    def __init__(
        self,
        grid,
        uncertainty,
        *,
        existing=None,
        chosen=None,
        coordinates=(0, 1),
        uncertainty_name="entropy of the prediction (nats)",
    ):
        self.grid = grid
        self.uncertainty = uncertainty
        self.existing = existing
        self.chosen = chosen
        self.coordinates = coordinates
        self.uncertainty_name = uncertainty_name

    @classmethod
    def from_generator(
        cls, generator, clf, *, X=None, chosen=None, coordinates=(0, 1), n_grid=51, ax=None
    ):
        """Map the entropy of what a classifier predicts for generated samples.

        In a latent space of more than two dimensions the map is a plane through its middle:
        the other coordinates are held at their median. All points are shown, projected onto
        that plane, so colours tell the truth about points near it only.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted; where X is given, one with an encoder.
        clf : classifier with ``predict_proba``
            Fitted on samples in the layout of the generator's.
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), default=None
            The samples at hand, to be encoded.
        chosen : array-like of shape (n_chosen, latent_dim), default=None
            Latent points where new samples were designed, a Synthesis's ``latent``.
        coordinates : tuple of two int, default=(0, 1)
            Which latent coordinates to show.
        n_grid : int, default=51
            Values of either coordinate; ``n_grid ** 2`` samples are generated.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LatentSpaceDisplay

        Raises
        ------
        ValueError
            If the latent space has no such coordinates.
        TypeError
            If X is given and the generator has no encoder, or the model gives no
            probabilities.
        """
        check_is_fitted(generator)
        _check_is_encoder(generator, X)
        if not hasattr(clf, "predict_proba"):
            raise TypeError(
                f"{type(clf).__name__} has no predict_proba; compute the uncertainty yourself "
                "and pass it to LatentSpaceDisplay."
            )
        first, second = _check_coordinates(coordinates, generator.latent_dim_)
        grid = np.linspace(*_bounds(generator.latent_distribution_), n_grid)
        Z = np.full(
            (n_grid, n_grid, generator.latent_dim_),
            generator.latent_distribution_.median(),
            dtype=np.float32,
        )
        Z[:, :, first] = grid
        Z[:, :, second] = grid[:, np.newaxis]
        samples = generator.generate(Z.reshape(n_grid**2, -1))
        existing = None if X is None else np.asarray(generator.transform(X))[:, [first, second]]
        return cls(
            grid,
            entropy(clf.predict_proba(samples)).reshape(n_grid, n_grid),
            existing=existing,
            chosen=None if chosen is None else np.asarray(chosen)[:, [first, second]],
            coordinates=(first, second),
        ).plot(ax)

    def plot(self, ax=None, *, cmap="cividis"):
        """Plot the map and the points.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.
        cmap : str or matplotlib Colormap, default="cividis"
            Colours from certain to uncertain.

        Returns
        -------
        LatentSpaceDisplay
        """
        self.ax_ = axes_or_new(ax, self)
        self.figure_ = self.ax_.figure
        self.map_ = self.ax_.pcolormesh(
            self.grid, self.grid, self.uncertainty, cmap=cmap, shading="gouraud"
        )
        self.figure_.colorbar(self.map_, ax=self.ax_, label=self.uncertainty_name)
        # White outlines: crosses and circles must show on the dark of the map and on the bright.
        self.existing_ = self._points(
            self.existing, "existing", "black", marker="x", path_effects=_white_outline()
        )
        self.chosen_ = self._points(
            self.chosen, "chosen", "#D40000", marker="o", markersize=7, markeredgecolor="white"
        )
        first, second = self.coordinates
        self.ax_.set(
            xlabel=f"latent coordinate {first + 1}",
            ylabel=f"latent coordinate {second + 1}",
            aspect="equal",
        )
        self.ax_.locator_params(nbins=5)
        if self.existing_ or self.chosen_:
            self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        return self

    def _points(self, points, label, color, **style):
        if points is None:
            return None
        first, second = np.asarray(points).T
        # Not clipped: the encoder puts many points on the very edge of the latent cube.
        (line,) = self.ax_.plot(
            first, second, linestyle="none", color=color, label=label, clip_on=False, **style
        )
        return line


def _white_outline():
    from matplotlib.patheffects import Normal, withStroke

    return [withStroke(linewidth=3, foreground="white"), Normal()]


def _check_is_encoder(generator, X):
    if X is not None and not hasattr(generator, "inverse_transform"):
        raise TypeError(
            f"{type(generator).__name__} has no encoder, so X cannot be shown in its latent "
            "space; leave X out, or use a generator such as skgal.generators.GIN."
        )


def _check_coordinates(coordinates, latent_dim):
    first, second = coordinates
    if not (0 <= first < latent_dim and 0 <= second < latent_dim and first != second):
        raise ValueError(
            f"coordinates must be two different integers from 0 to latent_dim - 1 = "
            f"{latent_dim - 1}, got {coordinates}."
        )
    return first, second


def _bounds(distribution):
    """Return the support, or the middle 99 % of a distribution that has no bounds."""
    bounds = distribution.support()
    return bounds if np.all(np.isfinite(bounds)) else distribution.interval(0.99)
