"""What labels buy: score against labels, for several strategies."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.inspection._axes import COLOURS, MARKERS, axes_or_new


class LabelEfficiencyDisplay:
    """Score against the number of labels bought, one curve a strategy.

    A curve is the mean over repetitions with other seeds, its band one standard deviation
    above and below.

    Parameters
    ----------
    histories : dict of str to list of histories
        For each curve, the histories of its repetitions; a history is a list of dict with
        the keys ``n_bought`` and ``score``, the ``history_`` of an active learner. The
        repetitions of a curve must have bought as many labels, step by step.
    score_name : str, default="score"
        What the score is, for the axis: "accuracy on the test images", say.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each curve.
    bands_ : list of matplotlib artists
        One for each curve; None in place of a band where there are no repetitions.

    Examples
    --------
    >>> from skgal.inspection import LabelEfficiencyDisplay
    >>> history = [{"n_bought": 0, "score": 0.7}, {"n_bought": 50, "score": 0.8}]
    >>> display = LabelEfficiencyDisplay({"random": [history]}, score_name="accuracy").plot()
    """

    def __init__(self, histories, *, score_name="score"):
        self.histories = histories
        self.score_name = score_name

    @classmethod
    def from_learners(cls, learners, *, score_name="score", ax=None):
        """Plot the histories of fitted active learners.

        Parameters
        ----------
        learners : dict of str to ActiveLearner or list of ActiveLearner
            For each curve a fitted learner, or several that differ in their seeds only.
        score_name : str, default="score"
            What the score is, for the axis.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
        """
        histories = {}
        for name, repetitions in learners.items():
            repetitions = repetitions if isinstance(repetitions, list | tuple) else [repetitions]
            for learner in repetitions:
                check_is_fitted(learner, "history_")
            histories[name] = [learner.history_ for learner in repetitions]
        return cls(histories, score_name=score_name).plot(ax)

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
            What the score is, for the axis.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay
        """
        return cls(comparison.histories(dataset), score_name=score_name).plot(ax)

    def plot(self, ax=None):
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        LabelEfficiencyDisplay

        Raises
        ------
        ValueError
            If a curve has no histories, its repetitions bought different numbers of labels,
            or they have no scores.
        """
        curves = {name: _curve(name, histories) for name, histories in self.histories.items()}
        self.ax_ = axes_or_new(ax, self)
        self.figure_ = self.ax_.figure
        self.ax_.set_prop_cycle(color=COLOURS, marker=MARKERS)
        self.lines_, self.bands_ = [], []
        for name, (n_bought, scores) in curves.items():
            n_seeds = len(scores)
            label = name if n_seeds == 1 else f"{name} ({n_seeds} seeds)"
            (line,) = self.ax_.plot(n_bought, scores.mean(axis=0), label=label, markersize=5)
            self.lines_.append(line)
            self.bands_.append(self._band(n_bought, scores, line.get_color()))
        self.ax_.set(xlabel="labels bought", ylabel=self.score_name)
        self.ax_.legend()
        return self

    def _band(self, n_bought, scores, colour):
        if len(scores) == 1:
            return None
        mean, spread = scores.mean(axis=0), scores.std(axis=0, ddof=1)
        return self.ax_.fill_between(
            n_bought, mean - spread, mean + spread, color=colour, alpha=0.2, linewidth=0
        )


def _curve(name, histories):
    """Return labels bought, of shape (n_steps,), and scores, of shape (n_seeds, n_steps)."""
    steps = [[row["n_bought"] for row in history] for history in histories]
    if not steps or not steps[0] or any(step != steps[0] for step in steps):
        raise ValueError(
            f"The repetitions of {name!r} must have bought the same numbers of labels, got {steps}."
        )
    scores = np.array([[row["score"] for row in history] for history in histories], dtype=float)
    if np.isnan(scores).any():
        raise ValueError(
            f"A history of {name!r} has rows without a score; pass X_val and y_val to the "
            "learner's fit."
        )
    return steps[0], scores
