"""Checks of arguments that every strategy takes."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length, check_scalar

from skgal.utils import as_pool, gives_blocks


def check_samples(X, y):
    """Check that X is a container of rows, and y has one label for each.

    Returns
    -------
    X : array, DataFrame or Pool
        Lists of rows become arrays, blocks a pool; whatever else has a shape is left as it is,
        never copied.
    """
    if gives_blocks(X):
        X = as_pool(X)
    elif not hasattr(X, "shape"):
        X = np.asarray(X)
    check_consistent_length(X, y)
    return X


def check_batch_size(batch_size, n_available=None, available="samples"):
    """Check that a batch can be filled.

    Parameters
    ----------
    batch_size : int
    n_available : int or None, default=None
        None: as many as one asks for.
    available : str, default="samples"
        What there are ``n_available`` of, for the message.
    """
    check_scalar(batch_size, "batch_size", Integral, min_val=1)
    if n_available is not None and batch_size > n_available:
        raise ValueError(
            f"batch_size={batch_size}, but there are only {n_available} {available}; "
            "ask for no more than that."
        )
