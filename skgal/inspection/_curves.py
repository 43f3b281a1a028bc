"""Figures of curves: scores and classes by number of labels, and the course of a training."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.inspection._drawing import COLOURS, MARKERS, axes_or_new, class_styles
from skgal.utils import as_label_array


class LabelEfficiencyDisplay:
    """Score against the number of labels acquired, one curve a strategy.

    A curve is the mean over repetitions with other seeds, its band one standard deviation
    above and below.

    Parameters
    ----------
    histories : dict of str to list of histories
        For each curve, the histories of its repetitions; a history is a list of dict with
        ``n_bought`` and scores, the ``history_`` of an active learner. The
        repetitions of a curve must have acquired as many labels, step by step.
    score_name : str, default="score"
        Which column of the histories to plot: "score", or any that the learner's ``scoring``
        added.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each curve.
    bands_ : list of matplotlib artists
        One for each curve; None in place of a band where there are no repetitions.

    See Also
    --------
    skgal.active.compare_strategies : Computes the curves.
    LabelDistributionDisplay : Which classes were labelled.

    Examples
    --------
    >>> from skgal.inspection import LabelEfficiencyDisplay
    >>> history = [{"n_bought": 0, "score": 0.7}, {"n_bought": 50, "score": 0.8}]
    >>> display = LabelEfficiencyDisplay({"random": [history]}).plot()
    """

    def __init__(self, histories, *, score_name="score", title=None):
        self.histories = histories
        self.score_name = score_name
        self.title = title

    @classmethod
    def from_learners(cls, learners, *, score_name="score", title="Label efficiency", ax=None):
        """Plot the histories of fitted active learners.

        Parameters
        ----------
        learners : dict of str to ActiveLearner or list of ActiveLearner
            For each curve a fitted learner, or several that differ in their seeds only.
        score_name : str, default="score"
            Which column of ``history_`` to plot.
        title : str, default="Label efficiency"
            What is written above.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay

        Raises
        ------
        ValueError
            If the histories have no such column, or rows without this score.
        """
        histories = {}
        for name, repetitions in learners.items():
            repetitions = repetitions if isinstance(repetitions, list | tuple) else [repetitions]
            for learner in repetitions:
                check_is_fitted(learner, "history_")
            histories[name] = [learner.history_ for learner in repetitions]
        return cls(histories, score_name=score_name, title=title).plot(ax)

    @classmethod
    def from_comparison(cls, comparison, dataset, *, score_name="score", ax=None):
        """Plot what a comparison of strategies found on a data set.

        Parameters
        ----------
        comparison : StrategyComparison
            Of :func:`skgal.active.compare_strategies`.
        dataset : str
            The name of the data set.
        score_name : str, default="score"
            Which score to plot.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
        """
        display = cls(
            comparison.histories(dataset),
            score_name=score_name,
            title=f"Label efficiency on {dataset}",
        )
        return display.plot(ax)

    def plot(self, ax=None):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
            Itself, drawn.

        Raises
        ------
        ValueError
            If a curve has no histories, its repetitions acquired different numbers of labels,
            or they have no such score.
        """
        curves = {
            name: _score_curve(name, histories, self.score_name)
            for name, histories in self.histories.items()
        }
        self.ax_ = axes_or_new(ax, self, title=self.title)
        self.figure_ = self.ax_.figure
        self.lines_, self.bands_ = [], []
        for style, (name, (n_bought, scores)) in zip(
            class_styles(len(curves), lines=True), curves.items(), strict=True
        ):
            n_seeds = len(scores)
            label = name if n_seeds == 1 else f"{name} ({n_seeds} seeds)"
            mean = scores.mean(axis=0)
            (line,) = self.ax_.plot(n_bought, mean, label=label, markersize=5, **style)
            self.lines_.append(line)
            band = None
            if n_seeds > 1:
                spread = scores.std(axis=0, ddof=1)
                band = self.ax_.fill_between(
                    n_bought,
                    mean - spread,
                    mean + spread,
                    color=style["color"],
                    alpha=0.2,
                    linewidth=0,
                )
            self.bands_.append(band)
        self.ax_.set(xlabel="labels acquired", ylabel=self.score_name)
        self.ax_.legend()
        return self


class LabelDistributionDisplay:
    """Share of each class among the labels, against the number of labels.

    Lines at the right margin mark the shares in the pool, where they are known.

    Parameters
    ----------
    history : list of dict
        Rows with ``label_counts``, a dict from class to number: the ``history_`` of an active
        learner that learns a classifier.
    pool : dict of class to float, default=None
        Share of each class in the pool.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each class.

    See Also
    --------
    LabelEfficiencyDisplay : What the labels were worth.
    skgal.active.ActiveLearner : Whose labels are drawn.

    References
    ----------
    C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020,
    figures 9, 10, 15.

    Examples
    --------
    >>> from skgal.inspection import LabelDistributionDisplay
    >>> history = [{"label_counts": {"cat": 5, "dog": 5}}, {"label_counts": {"cat": 6, "dog": 14}}]
    >>> display = LabelDistributionDisplay(history, pool={"cat": 0.5, "dog": 0.5}).plot()
    """

    def __init__(self, history, *, pool=None, title=None):
        self.history = history
        self.pool = pool
        self.title = title

    @classmethod
    def from_learner(cls, learner, *, y=None, title="Classes of the labels", ax=None):
        """Plot the classes of the labels that a learner acquired.

        Parameters
        ----------
        learner : ActiveLearner
            Fitted, of a classifier.
        y : array-like of shape (n_samples,), default=None
            All labels of the pool, where they are known, for its shares.
        title : str, default="Classes of the labels"
            What is written above.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelDistributionDisplay

        Raises
        ------
        ValueError
            If the learner's history has no classes.
        """
        check_is_fitted(learner, "history_")
        pool = None
        if y is not None:
            classes, counts = np.unique(as_label_array(y), return_counts=True)
            pool = dict(zip(classes.tolist(), (counts / counts.sum()).tolist(), strict=True))
        return cls(learner.history_, pool=pool, title=title).plot(ax)

    def plot(self, ax=None):
        """Plot the shares.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelDistributionDisplay
            Itself, drawn.

        Raises
        ------
        ValueError
            If the history has no rows, or none of their classes.
        """
        if not self.history or not all("label_counts" in row for row in self.history):
            raise ValueError(
                "history needs rows with 'label_counts', as a learner that learns a classifier has."
            )
        counts = [row["label_counts"] for row in self.history]
        classes = list(dict.fromkeys(label for row in counts for label in row))
        numbers = np.array(
            [[row.get(label, 0) for label in classes] for row in counts], dtype=float
        )
        n_labels = numbers.sum(axis=1)
        self.ax_ = axes_or_new(ax, self, title=self.title)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        for style, label, number in zip(
            class_styles(len(classes), lines=True), classes, numbers.T, strict=True
        ):
            self.lines_ += self.ax_.plot(
                n_labels, number / n_labels, label=str(label), markersize=4, **style
            )
            if self.pool is not None and label in self.pool:
                self.ax_.axhline(
                    self.pool[label], xmin=0.96, color=style["color"], linewidth=4, alpha=0.7
                )
        self.ax_.set(xlabel="labels", ylabel="share of the labels")
        self.ax_.set_ylim(bottom=0)
        self.ax_.margins(x=0.06)
        self.ax_.legend(title="class", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
        return self


class TrainingHistoryDisplay:
    """The losses of an adversarial game over its updates, or other columns of its history.

    Losses that stay within bounds of each other are what to hope for. A critic's loss that
    falls to zero, and a generator's that diverges, mean that the generator no longer learns.

    Parameters
    ----------
    history : list of dict
        Rows with the key ``updates`` and numbers: a generator's ``history_``, or the
        ``encoder_history_`` of a generator with an encoder.
    columns : list of str, default=None
        Which numbers to plot; None: those that end in ``_loss``. Rows in which one is NaN,
        those between two evaluations, are left out.
    title : str, default=None
        What is written above.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each column.

    See Also
    --------
    skgal.exceptions.ModeCollapseWarning : A failure that it shows.
    skgal.generators.FrechetSelection : Another column to draw.

    Examples
    --------
    >>> from skgal.inspection import TrainingHistoryDisplay
    >>> history = [
    ...     {"updates": 50, "critic_loss": 1.2, "generator_loss": 0.9},
    ...     {"updates": 100, "critic_loss": 1.0, "generator_loss": 1.1},
    ... ]
    >>> display = TrainingHistoryDisplay(history).plot()
    """

    def __init__(self, history, *, columns=None, title=None):
        self.history = history
        self.columns = columns
        self.title = title

    @classmethod
    def from_generator(cls, generator, *, columns=None, ax=None):
        """Plot the training of a fitted generator.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted, with a ``history_``.
        columns : list of str, default=None
            Which columns of the history to plot, such as ``["frechet_distance"]`` of a training
            with `skgal.generators.FrechetSelection`; None: the losses.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TrainingHistoryDisplay
        """
        check_is_fitted(generator, "history_")
        title = f"Training of {type(generator).__name__}"
        return cls(generator.history_, columns=columns, title=title).plot(ax)

    def plot(self, ax=None):
        """Plot the columns.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TrainingHistoryDisplay
            Itself, drawn.

        Raises
        ------
        ValueError
            If the history has no rows, or no such columns.
        """
        if not self.history:
            raise ValueError("history has no rows; train for more updates.")
        known = list(self.history[0])
        losses = [name for name in known if name.endswith("_loss")]
        columns = losses if self.columns is None else list(self.columns)
        if not columns or "updates" not in known:
            raise ValueError(
                "The rows of history need the key 'updates' and one that ends in '_loss', got "
                f"the keys {known}."
            )
        if unknown := [name for name in columns if name not in known]:
            raise ValueError(f"history has no columns {unknown}; there are {known}.")
        self.ax_ = axes_or_new(ax, self, title=self.title)
        self.figure_ = self.ax_.figure
        self.lines_ = []
        only_losses = set(columns) <= set(losses)
        for colour, marker, name in zip(COLOURS * 3, MARKERS * 3, columns, strict=False):
            values = np.array([row[name] for row in self.history], dtype=float)
            is_there = ~np.isnan(values)
            updates = np.array([row["updates"] for row in self.history])[is_there]
            label = _readable(name.removesuffix("_loss") if only_losses else name)
            # An evaluation now and then is a point; a loss in each row, a line.
            marker = marker if len(updates) <= 30 else None
            self.lines_ += self.ax_.plot(
                updates, values[is_there], color=colour, marker=marker, markersize=4, label=label
            )
        named = self.lines_[0].get_label() if len(columns) == 1 else "value"
        self.ax_.set(xlabel="updates", ylabel="loss" if only_losses else named)
        self.ax_.legend()
        return self


def _readable(name):
    """Spell the name of a column as text."""
    return name.replace("_", " ").replace("frechet", "Fréchet")


def _score_curve(name, histories, score_name):
    """Return labels acquired, of shape (n_steps,), and scores, of shape (n_seeds, n_steps)."""
    steps = [[row["n_bought"] for row in history] for history in histories]
    if not steps or not steps[0] or any(step != steps[0] for step in steps):
        raise ValueError(
            f"The repetitions of {name!r} must have the same numbers of labels, got {steps}."
        )
    rows = [row for history in histories for row in history]
    if not any(score_name in row for row in rows):
        known = [key for key, value in rows[0].items() if isinstance(value, int | float)]
        raise ValueError(
            f"The histories of {name!r} have no column {score_name!r}; there are {known}. Scores "
            "other than 'score' come from the learner's scoring."
        )
    scores = np.array(
        [[row.get(score_name) for row in history] for history in histories], dtype=float
    )
    if np.isnan(scores).any():
        raise ValueError(
            f"A history of {name!r} has rows without {score_name!r}; pass X_val and y_val to the "
            "learner's fit."
        )
    return steps[0], scores
