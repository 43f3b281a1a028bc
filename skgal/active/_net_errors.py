"""What torch and skorch raise over a net that doesn't suit its samples, explained."""

import re
from contextlib import contextmanager


@contextmanager
def explained_errors(net):
    """Say what to do about errors that the choice of a net, or of its samples, leads to.

    Parameters
    ----------
    net : skorch.NeuralNet
        The net that is fitted in this context.

    Raises
    ------
    ValueError
        Where there is something to say, from the error that came; else that one is let through.
    """
    try:
        yield
    except (IndexError, RuntimeError, ValueError) as error:
        advice = _advice(net, str(error))
        if advice is None:
            raise
        raise ValueError(f"{advice} {type(net).__name__} failed with: {error}") from error


def _advice(net, message):
    if re.search(r"Target \d+ is out of bounds|target out of range", message):
        return (
            "Labels number the outputs of a net, the first of which is 0, and its module has too "
            "few: give it one output more than the largest label, or number the labels from 0."
        )
    if re.search(r"same (dtype|datatype)|Input type .* should be the same", message):
        return (
            "Samples must have the dtype of a net's weights, float32: pass X.astype(np.float32), "
            "or convert them in a Pipeline before the net."
        )
    if re.match(r"n_splits=|Cannot have number of splits", message) and net.train_split:
        return (
            "The net's train_split keeps samples for validation, and there are too few labels for "
            "that: pass train_split=None, so that it learns from all, or begin with more labels."
        )
    return None
