"""The labels of lines of samples, from where the class turns."""

import numpy as np


def label_lines(synthesis, turns, classes):
    """Label all samples of lines from where the class turns.

    Parameters
    ----------
    synthesis : Synthesis
        With ``line`` and ``position``, as :class:`ADBA` makes it.
    turns : array-like of shape (n_lines,)
        The position on each line, in units of ``synthesis.position``, where the class turns.
        Infinity where all of the line is of the first class, minus infinity where all is of
        the second, NaN where whoever labels declines.
    classes : sequence of two labels
        The class before the turn, and the one behind it.

    Returns
    -------
    ndarray of shape (n_samples,)
        The label of each sample; NaN on declined lines, where the labels become objects unless
        they are numbers.

    Raises
    ------
    ValueError
        If the synthesis has no lines, or there isn't one turn for each, or the classes aren't
        two.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.base import Synthesis
    >>> from skgal.query import label_lines
    >>> synthesis = Synthesis(
    ...     X=np.zeros((5, 2)),
    ...     latent=np.zeros((5, 1)),
    ...     line=np.array([0, 0, 0, 1, 1]),
    ...     position=np.array([-1.0, 0.0, 1.0, -1.0, 1.0]),
    ... )
    >>> label_lines(synthesis, [0.5, -np.inf], ["cat", "dog"]).tolist()
    ['cat', 'cat', 'dog', 'dog', 'dog']
    """
    if synthesis.line is None:
        raise ValueError("These samples lie on no lines; label them one by one.")
    turns = np.asarray(turns, dtype=np.float64)
    n_lines = int(synthesis.line.max()) + 1
    if turns.shape != (n_lines,):
        raise ValueError(
            f"turns must be one position for each of the {n_lines} lines, got an array of shape "
            f"{turns.shape}."
        )
    classes = np.asarray(classes)
    if classes.shape != (2,):
        raise ValueError(
            f"classes must be the class before the turn and the one behind it, got {classes!r}."
        )
    turn = turns[synthesis.line]
    labels = classes[(synthesis.position > turn).astype(int)]
    declined = np.isnan(turn)
    if declined.any():
        labels = labels.astype(float if labels.dtype.kind in "biuf" else object)
        labels[declined] = np.nan
    return labels
