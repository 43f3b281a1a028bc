"""The latent space: where a model is unsure, where the samples are, which were chosen."""

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted

from skgal.inspection._drawing import axes_or_new
from skgal.metrics import (
    entropy,
    least_confidence,
    margin_of_confidence,
    normalized_entropy,
    ratio_of_confidence,
)

_MEASURES = {
    "entropy": (entropy, "entropy of the prediction (nats)"),
    "normalized_entropy": (normalized_entropy, "normalised entropy of the prediction"),
    "least_confidence": (least_confidence, "least confidence"),
    "margin_of_confidence": (margin_of_confidence, "1 - margin of confidence"),
    "ratio_of_confidence": (ratio_of_confidence, "ratio of confidence"),
}


class LatentSpaceDisplay:
    """A map of a model's uncertainty, or of its predictions, over two latent coordinates.

    The given samples are black crosses, the chosen points red circles.

    Parameters
    ----------
    grid : array-like of shape (n_grid,)
        Values of either coordinate, ascending.
    uncertainty : array-like of shape (n_grid, n_grid)
        ``uncertainty[i, j]`` where the first coordinate is ``grid[j]`` and the second is
        ``grid[i]``.
    existing : array-like of shape (n_existing, 2) or None, default=None
        The given samples.
    chosen : array-like of shape (n_chosen, 2) or None, default=None
        The points where new samples were designed.
    coordinates : tuple of two int, default=(0, 1)
        Which latent coordinates these are, counted from 0, for the axes.
    uncertainty_name : str, default="entropy of the prediction (nats)"
        What the colours mean.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    map_ : matplotlib QuadMesh
    existing_, chosen_ : matplotlib Line2D or None

    See Also
    --------
    SamplesDisplay : Its ``from_latent_plane`` shows the samples themselves.
    skgal.query.LatentUncertainty : Searches such a map.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    figures 4 and 11.

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
        title=None,
    ):
        self.grid = grid
        self.uncertainty = uncertainty
        self.existing = existing
        self.chosen = chosen
        self.coordinates = coordinates
        self.uncertainty_name = uncertainty_name
        self.title = title

    @classmethod
    def from_generator(
        cls,
        generator,
        model,
        *,
        X=None,
        chosen=None,
        measure="auto",
        coordinates=(0, 1),
        n_grid=51,
        ax=None,
    ):
        """Map what a model says of generated samples.

        In a latent space of more than two dimensions the map is a plane through its middle:
        the other coordinates are held at their median. All points are shown, projected onto
        that plane, so colours tell the truth about points near it only.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted; where X is given, one with an encoder.
        model : classifier or regressor
            Fitted on samples in the layout of the generator's.
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), default=None
            The given samples, to be encoded.
        chosen : array-like of shape (n_chosen, latent_dim), default=None
            Latent points where new samples were designed, a Synthesis's ``latent``.
        measure : {"auto", "entropy", "normalized_entropy", "least_confidence", \
"margin_of_confidence", "ratio_of_confidence", "std", "prediction"} or callable, default="auto"
            What to map: a measure of `skgal.metrics` of the class probabilities; the predictive
            standard deviation of a regressor; its prediction; or what a function of model and
            samples returns, one number for each. "auto" is "entropy", of a regressor "std".
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
            If the latent space has no such coordinates, or there is no such measure.
        TypeError
            If X is given and the generator has no encoder, or the model can't give the measure.
        """
        check_is_fitted(generator)
        if X is not None and not hasattr(generator, "inverse_transform"):
            raise TypeError(
                f"{type(generator).__name__} has no encoder, so X cannot be shown in its latent "
                "space; leave X out, or use a generator such as skgal.generators.GIN."
            )
        measure = _check_measure(measure, model)
        grid, Z = latent_plane(generator, coordinates, n_grid)
        values, name = _measure(measure, model, generator.generate(Z))
        shown = list(coordinates)
        existing = None if X is None else np.asarray(generator.transform(X))[:, shown]
        return cls(
            grid,
            values.reshape(n_grid, n_grid),
            existing=existing,
            chosen=None if chosen is None else np.asarray(chosen)[:, shown],
            coordinates=tuple(coordinates),
            uncertainty_name=name,
            title=f"{type(model).__name__} over the latent space",
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
            Itself, drawn.
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
        has_points = self.existing_ or self.chosen_
        if has_points:
            self.ax_.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        if self.title is not None:
            self.ax_.set_title(self.title, pad=26 if has_points else None)
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


def latent_plane(generator, coordinates, n_grid, origin=None):
    """Return the values of two latent coordinates, and the points of their grid, row by row."""
    check_is_fitted(generator)
    latent_dim = generator.latent_dim_
    first, second = coordinates
    if not (0 <= first < latent_dim and 0 <= second < latent_dim and first != second):
        raise ValueError(
            f"coordinates must be two different integers from 0 to latent_dim - 1 = "
            f"{latent_dim - 1}, got {coordinates}."
        )
    distribution = generator.latent_distribution_
    bounds = distribution.support()
    if not np.all(np.isfinite(bounds)):
        bounds = distribution.interval(0.99)
    grid = np.linspace(*bounds, n_grid)
    Z = np.empty((n_grid, n_grid, latent_dim), dtype=np.float32)
    Z[:] = distribution.median() if origin is None else origin
    Z[:, :, first] = grid
    Z[:, :, second] = grid[:, np.newaxis]
    return grid, Z.reshape(n_grid**2, latent_dim)


def _check_measure(measure, model):
    """Return the measure, or raise an error if the model can't give it."""
    if callable(measure):
        return measure
    if measure == "auto":
        is_classifier = hasattr(model, "predict_proba") or not is_regressor(model)
        measure = "entropy" if is_classifier else "std"
    if measure not in {*_MEASURES, "std", "prediction"}:
        raise ValueError(
            f"measure must be 'auto', 'std', 'prediction', one of {list(_MEASURES)}, or a "
            f"function of model and samples, got {measure!r}."
        )
    if measure in _MEASURES and not hasattr(model, "predict_proba"):
        raise TypeError(
            f"{type(model).__name__} has no predict_proba; pass measure='prediction', or a "
            "function of model and samples that returns a number for each."
        )
    return measure


def _measure(measure, model, samples):
    """Return a number for each sample, and what it is."""
    if callable(measure):
        name = getattr(measure, "__name__", "measure").strip("<>").replace("_", " ")
        return np.asarray(measure(model, samples)), name
    if measure == "prediction":
        return np.asarray(model.predict(samples), dtype=float), "prediction"
    if measure == "std":
        from skgal.query import UncertaintySampling  # the module imports torch

        unknown = np.full(len(samples), np.nan)
        _, std = UncertaintySampling().query(samples, unknown, model, return_utilities=True)
        return std, "standard deviation of the prediction"
    of_proba, name = _MEASURES[measure]
    return of_proba(model.predict_proba(samples)), name


def _white_outline():
    from matplotlib.patheffects import Normal, withStroke

    return [withStroke(linewidth=3, foreground="white"), Normal()]
