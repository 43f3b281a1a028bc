"""Figures of what was added: synthetic tables beside real ones, augmented data in the plane."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import resample

from skgal.inspection._drawing import REAL, SYNTHETIC, axes_or_new, class_styles, divide
from skgal.metrics import association_matrix, to_points
from skgal.utils import column_names, read_table

# Points that are projected at most, of each kind.
_MAX_POINTS = 1000


class AugmentationDisplay:
    """Real samples in the plane, alone and with synthetic ones, coloured by class.

    Tells at a glance whether new samples lie where their class lies, fill gaps, or reach into
    another class.

    Parameters
    ----------
    real : array-like of shape (n_real, 2)
        The real samples in the plane.
    y : array-like of shape (n_real,)
        Their classes.
    synthetic : dict of str to tuple of (points, classes)
        For each further panel synthetic samples in the same plane, of shape (n, 2), and their
        classes: before and after a selection, for instance.
    axes_names : tuple of two str, default=("", "")
        What the coordinates are.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The area of all panels.
    axes_ : ndarray of matplotlib Axes
        The panels, the real samples first.
    figure_ : matplotlib Figure

    See Also
    --------
    skgal.resampling.SelectiveAugmentation : Makes synthetic samples.
    TableDisplay : Column by column.

    References
    ----------
    Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019, figures 5
    and 6.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.datasets import load_iris
    >>> from skgal.inspection import AugmentationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> X, y = X[:110], y[:110]
    >>> display = AugmentationDisplay.from_sampler(SMOTE(random_state=0), X, y)
    """

    def __init__(self, real, y, synthetic, *, axes_names=("", ""), title=None):
        self.real = real
        self.y = y
        self.synthetic = synthetic
        self.axes_names = axes_names
        self.title = title

    @classmethod
    def from_samples(
        cls, X, y, synthetic, *, method="pca", extractor=None, random_state=0, title=None, ax=None
    ):
        """Project real and synthetic samples into the plane, and plot them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Real samples.
        y : array-like of shape (n_samples,)
            Their classes.
        synthetic : dict of str to tuple of (X, y)
            For each panel synthetic samples and their classes, for instance
            ``{"before selection": (X_all, y_all), "after selection": (X_some, y_some)}``.
        method : {"pca", "tsne"}, default="pca"
            Principal components of the real samples, or t-SNE of all of them.
        extractor : callable or fitted transformer, default=None
            What makes features of the samples; None: see `skgal.metrics.to_points`.
        random_state : int, RandomState instance or None, default=0
            Decides t-SNE, and which 1000 samples of each kind are shown where there are more.
        title : str, default=None
            What is written above.
        ax : matplotlib Axes or None, default=None
            Where to draw, panels side by side; None: on a new figure.

        Returns
        -------
        AugmentationDisplay

        Raises
        ------
        ValueError
            If ``method`` is another, or the samples differ in layout.
        """
        if method not in ("pca", "tsne"):
            raise ValueError(f'method must be "pca" or "tsne", got {method!r}.')
        kinds = [_some(*pair, random_state) for pair in ((X, y), *synthetic.values())]
        points = to_points(*(samples for samples, _ in kinds), extractor=extractor)
        if method == "pca":
            projection = PCA(2, random_state=random_state).fit(points[0])
            planes = [projection.transform(each) for each in points]
            shares = projection.explained_variance_ratio_
            names = tuple(
                f"principal component {i + 1} ({share:.0%} of the variance)"
                for i, share in enumerate(shares)
            )
        else:
            together = np.concatenate(points)
            perplexity = min(30.0, (len(together) - 1) / 3)
            plane = TSNE(
                init="pca", perplexity=perplexity, random_state=random_state
            ).fit_transform(together)
            planes = np.split(plane, np.cumsum([len(each) for each in points])[:-1])
            names = ("t-SNE 1", "t-SNE 2")
        panels = {
            name: (plane, labels)
            for name, plane, (_, labels) in zip(synthetic, planes[1:], kinds[1:], strict=True)
        }
        return cls(planes[0], kinds[0][1], panels, axes_names=names, title=title).plot(ax)

    @classmethod
    def from_sampler(cls, sampler, X, y, *, method="pca", extractor=None, random_state=0, ax=None):
        """Over-sample data, and plot them before and after.

        Parameters
        ----------
        sampler : over-sampler of imbalanced-learn or of `skgal.resampling`
            Its ``fit_resample`` appends new samples to those given.
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Real samples.
        y : array-like of shape (n_samples,)
            Their classes.
        method : {"pca", "tsne"}, default="pca"
            As in :meth:`from_samples`, like what follows.
        extractor : callable or fitted transformer, default=None
            What makes features of the samples.
        random_state : int, RandomState instance or None, default=0
            Decides t-SNE, and which samples are shown where there are many.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        AugmentationDisplay
        """
        X_new, y_new = sampler.fit_resample(X, y)
        name = type(sampler).__name__
        return cls.from_samples(
            X,
            y,
            {f"with {name}": (X_new[len(X) :], y_new[len(X) :])},
            method=method,
            extractor=extractor,
            random_state=random_state,
            title=f"Augmentation by {name}",
            ax=ax,
        )

    def plot(self, ax=None):
        """Plot the panels.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw, panels side by side; None: on a new figure.

        Returns
        -------
        AugmentationDisplay
            Itself, drawn.
        """
        n_panels = 1 + len(self.synthetic)
        self.ax_ = axes_or_new(ax, self, figsize=(4 * n_panels, 4.4))
        self.figure_ = self.ax_.figure
        below = _draw_title(self.ax_, self.title)
        self.axes_ = divide(below, 1, n_panels)[0]
        y = np.asarray(self.y)
        classes = list(dict.fromkeys(np.unique(y).tolist()))
        panels = {"real": None, **self.synthetic}
        limits = np.concatenate([self.real, *(points for points, _ in self.synthetic.values())])
        low, high = limits.min(axis=0), limits.max(axis=0)
        margin = 0.05 * (high - low) + 1e-9
        for panel, (name, drawn) in zip(self.axes_, panels.items(), strict=True):
            for label, style in zip(classes, class_styles(len(classes)), strict=True):
                is_alone = drawn is None
                panel.scatter(
                    *np.asarray(self.real)[y == label].T,
                    s=12,
                    color=style["color"],
                    marker=style["marker"],
                    alpha=0.8 if is_alone else 0.25,
                    linewidth=0,
                    label=f"{label}" if is_alone else None,
                )
                if not is_alone:
                    points = np.asarray(drawn[0])[np.asarray(drawn[1]) == label]
                    panel.scatter(
                        *points.T,
                        s=16,
                        facecolor="none",
                        edgecolor=style["color"],
                        marker=style["marker"],
                        linewidth=0.8,
                    )
            n_drawn = "" if drawn is None else f": {len(drawn[0])} synthetic (open)"
            panel.set_title(f"{name}{n_drawn}", fontsize=10)
            panel.set(
                xlim=(low[0] - margin[0], high[0] + margin[0]),
                ylim=(low[1] - margin[1], high[1] + margin[1]),
                xlabel=self.axes_names[0],
            )
            panel.xaxis.label.set_size(9)
        self.axes_[0].set_ylabel(self.axes_names[1], fontsize=9)
        self.axes_[-1].legend(
            *self.axes_[0].get_legend_handles_labels(),
            title="class",
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
        )
        return self


class TableDisplay:
    """Columns of a synthetic table beside those of a real one, and their associations.

    Equal marginals are easy; whether columns belong together as in the real table shows below
    them.

    Parameters
    ----------
    marginals : dict of str to dict
        For each column its distribution in both tables: ``names`` (the categories) or ``edges``
        (of the intervals of a numeric column), and ``real`` and ``synthetic``, the shares.
    real_associations, synthetic_associations : DataFrame of shape (n_columns, n_columns)
        See `skgal.metrics.association_matrix`.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The area of all panels.
    marginal_axes_ : list of matplotlib Axes
        One for each column.
    association_axes_ : list of two matplotlib Axes
        Of the real table, of the synthetic one.
    figure_ : matplotlib Figure

    See Also
    --------
    skgal.metrics.compare_tables : The same in numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from skgal.inspection import TableDisplay
    >>> real = pd.DataFrame({"hours": [10, 20, 30, 40], "job": ["a", "a", "b", "b"]})
    >>> synthetic = pd.DataFrame({"hours": [10, 20, 35, 35], "job": ["a", "a", "a", "b"]})
    >>> display = TableDisplay.from_tables(real, synthetic)
    """

    def __init__(self, marginals, real_associations, synthetic_associations, *, title=None):
        self.marginals = marginals
        self.real_associations = real_associations
        self.synthetic_associations = synthetic_associations
        self.title = title

    @classmethod
    def from_tables(
        cls,
        real,
        synthetic,
        *,
        columns=None,
        n_bins=20,
        max_categories=8,
        title="Real and synthetic table",
        ax=None,
    ):
        """Compare two tables, and plot them.

        Parameters
        ----------
        real, synthetic : DataFrame
            Of pandas, polars or pyarrow, with the same columns.
        columns : list of str, default=None
            Which to show; None: the first twelve.
        n_bins : int, default=20
            Intervals of the histogram of a numeric column; they hold the middle 99 % of the
            real values, and what lies beyond is counted in the first and the last.
        max_categories : int, default=8
            Categories to be shown of a column, the most frequent ones; "other" has the rest.
        title : str, default="Real and synthetic table"
            What is written above.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TableDisplay

        Raises
        ------
        ValueError
            If a column is not in both tables.
        """
        columns = column_names(real)[:12] if columns is None else list(columns)
        for name, table in {"real": real, "synthetic": synthetic}.items():
            if missing := [column for column in columns if column not in column_names(table)]:
                raise ValueError(f"The {name} table has no columns {missing}.")
        tables = [
            table.select(columns) if hasattr(table, "column_names") else table[columns]
            for table in (real, synthetic)
        ]
        read = [read_table(table, tables[0]) for table in tables]
        marginals = {
            column: _marginal(*(table[column] for table in read), n_bins, max_categories)
            for column in columns
        }
        matrices = [association_matrix(table) for table in tables]
        return cls(marginals, *matrices, title=title).plot(ax)

    def plot(self, ax=None):
        """Plot a panel for each column, and the associations of both tables.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TableDisplay
            Itself, drawn.
        """
        n_columns = 3
        n_rows = -(-len(self.marginals) // n_columns)
        self.ax_ = axes_or_new(ax, self, figsize=(10, 2.3 * n_rows + 4))
        self.figure_ = self.ax_.figure
        everything = _draw_title(self.ax_, self.title)
        above, below = divide(everything, 2, 1, heights=(2.3 * n_rows, 3.8))[:, 0]
        panels = divide(above, n_rows, n_columns).ravel()
        for panel in panels[len(self.marginals) :]:
            panel.set_axis_off()
        self.marginal_axes_ = list(panels[: len(self.marginals)])
        for panel, (column, marginal) in zip(
            self.marginal_axes_, self.marginals.items(), strict=True
        ):
            _draw_marginal(panel, column, marginal)
        # Above a panel's right corner, where no data are.
        handles, kinds = self.marginal_axes_[0].get_legend_handles_labels()
        self.ax_.legend(handles, kinds, loc="upper right", ncols=2, frameon=False)
        self.association_axes_ = list(divide(below, 1, 2)[0])
        names = list(self.marginals)
        for panel, matrix, kind in zip(
            self.association_axes_,
            (self.real_associations, self.synthetic_associations),
            ("real", "synthetic"),
            strict=True,
        ):
            image = panel.imshow(np.asarray(matrix), cmap="PuOr", vmin=-1, vmax=1)
            panel.set_title(f"associations, {kind}", fontsize=10)
            panel.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
            panel.set_yticks(range(len(names)), names if kind == "real" else [], fontsize=8)
        self.figure_.colorbar(
            image, ax=self.association_axes_, label="correlation or association", shrink=0.8
        )
        return self


def _some(samples, labels, random_state):
    """Return samples and labels, some of them where there are too many."""
    if len(samples) > _MAX_POINTS:
        samples, labels = resample(
            samples, labels, replace=False, n_samples=_MAX_POINTS, random_state=random_state
        )
    return samples, np.asarray(labels)


def _draw_title(ax, title):
    """Write a title at the top of axes; return axes for the rest of their area."""
    top, rest = divide(ax, 2, 1, heights=(0.3, ax.figure.get_figheight() - 0.3))[:, 0]
    top.set_axis_off()
    if title is not None:
        top.text(0.5, 0, title, ha="center", va="bottom", fontsize="large")
    return rest


def _marginal(real, synthetic, n_bins, max_categories):
    """Return the distribution of a column in both tables."""
    values = [real.values, synthetic.values]
    if real.is_numeric:
        known = [each[~np.isnan(each)] for each in values]
        finite = [each[np.isfinite(each)] for each in known]
        # Where no real value is a number, those of the other table say which intervals to draw.
        low, high = np.quantile(next(filter(len, finite), [0.0]), [0.005, 0.995])
        largest = max(abs(low), abs(high))
        if all(np.all(each == np.rint(each)) for each in finite) and largest < 2**52:
            # As many whole numbers in each interval, or the histogram is a comb.
            step = max(1, np.ceil((high - low + 1) / n_bins))
            edges = np.arange(np.floor(low) - 0.5, np.ceil(high) + step, step)
        else:
            # Wide enough that edges differ from each other.
            margin = max(0.0 if high > low else 0.5, n_bins * np.spacing(largest))
            edges = np.linspace(low - margin, high + margin, n_bins + 1)
        shares = [
            np.histogram(np.clip(each, edges[0], edges[-1]), edges)[0] / max(len(each), 1)
            for each in known
        ]
        return {"edges": edges, "real": shares[0], "synthetic": shares[1]}
    texts = [
        np.array(["missing" if value is None else str(value) for value in each]) for each in values
    ]
    names, counts = np.unique(texts[0], return_counts=True)
    names = names[np.argsort(-counts, kind="stable")][:max_categories]
    shares = [np.array([np.mean(each == name) for name in names]) for each in texts]
    if any(share.sum() < 1 - 1e-9 for share in shares):
        names = np.append(names, "other")
        shares = [np.append(share, 1 - share.sum()) for share in shares]
    return {"names": names.tolist(), "real": shares[0], "synthetic": shares[1]}


def _draw_marginal(ax, column, marginal):
    """Draw the distribution of a column in both tables."""
    kinds = [("real", REAL), ("synthetic", SYNTHETIC)]
    if "edges" in marginal:
        for kind, colour in kinds:
            fill = {"fill": True, "alpha": 0.35} if kind == "real" else {"linewidth": 1.8}
            ax.stairs(marginal[kind], marginal["edges"], color=colour, label=kind, **fill)
    else:
        places = np.arange(len(marginal["names"]))
        for shift, (kind, colour) in zip((-0.2, 0.2), kinds, strict=True):
            alpha = 0.35 if kind == "real" else 1.0
            ax.bar(places + shift, marginal[kind], 0.4, color=colour, alpha=alpha, label=kind)
        names = [name if len(name) <= 12 else f"{name[:11]}…" for name in marginal["names"]]
        ax.set_xticks(places, names, fontsize=7)
        if len(names) > 3:
            ax.tick_params(axis="x", rotation=30)
    ax.set_title(str(column), fontsize=10)
    ax.set_ylabel("share", fontsize=8)
    ax.tick_params(labelsize=7)
