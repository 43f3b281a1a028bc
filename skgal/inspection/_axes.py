"""What all displays share: axes to draw on, and colours."""

from sklearn.utils._optional_dependencies import check_matplotlib_support

# Okabe and Ito (2008): told apart by colour-blind readers too.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def axes_or_new(ax, display):
    """Return the axes the user gave, or those of a new figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
    display : object
        Who asks, for the error message.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib isn't installed.
    """
    check_matplotlib_support(f"{type(display).__name__}.plot")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(layout="constrained")
    return ax
