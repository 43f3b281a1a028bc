"""Losses over training."""

from sklearn.utils.validation import check_is_fitted

from skgal.inspection._axes import COLOURS, axes_or_new


class TrainingHistoryDisplay:
    """The losses of an adversarial game over its updates.

    Losses that stay within bounds of each other are what to hope for. A critic's loss that
    falls to zero, and a generator's that runs away, mean that the critic has won.

    Parameters
    ----------
    history : list of dict
        Rows with the key ``updates`` and one or more keys that end in ``_loss``: a
        generator's ``history_``, or the ``encoder_history_`` of a generator with an encoder.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure
    lines_ : list of matplotlib Line2D
        One for each loss.

    Examples
    --------
    >>> from skgal.inspection import TrainingHistoryDisplay
    >>> history = [
    ...     {"updates": 50, "critic_loss": 1.2, "generator_loss": 0.9},
    ...     {"updates": 100, "critic_loss": 1.0, "generator_loss": 1.1},
    ... ]
    >>> display = TrainingHistoryDisplay(history).plot()
    """

    def __init__(self, history):
        self.history = history

    @classmethod
    def from_generator(cls, generator, *, ax=None):
        """Plot the losses of a fitted generator.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted, with a ``history_``.
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TrainingHistoryDisplay
        """
        check_is_fitted(generator, "history_")
        return cls(generator.history_).plot(ax)

    def plot(self, ax=None):
        """Plot the losses.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None: on a new figure.

        Returns
        -------
        TrainingHistoryDisplay
        """
        if not self.history:
            raise ValueError("history has no rows; train for more updates.")
        names = [name for name in self.history[0] if name.endswith("_loss")]
        if not names or "updates" not in self.history[0]:
            raise ValueError(
                "The rows of history need the key 'updates' and one that ends in '_loss', got "
                f"the keys {list(self.history[0])}."
            )
        self.ax_ = axes_or_new(ax, self)
        self.figure_ = self.ax_.figure
        self.ax_.set_prop_cycle(color=COLOURS)
        updates = [row["updates"] for row in self.history]
        self.lines_ = []
        for name in names:
            losses = [row[name] for row in self.history]
            label = name.removesuffix("_loss").replace("_", " ")
            self.lines_ += self.ax_.plot(updates, losses, label=label)
        self.ax_.set(xlabel="updates", ylabel="loss")
        self.ax_.legend()
        return self
