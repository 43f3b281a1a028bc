"""What a strategy learns of a pool, learned once: a cache on joblib."""

import os

from sklearn.utils.validation import check_memory

from skgal.base import BaseStrategy


def fit_strategy(strategy, X, y, memory=None):
    """Fit a strategy, or take it fitted from the cache.

    What is cached follows from all that a fit may read: the strategy's parameters (those of
    nested estimators too, the seeds among them), X, y, and the source of this function. Two
    learners that differ in their model, budget or batch size only, so the cells of a grid,
    share one fit; so do two processes, one after the other.

    Parameters
    ----------
    strategy : PoolStrategy or SynthesisStrategy
        Not fitted yet. A RandomState instance in it is part of the key in the state it is in;
        None as ``random_state`` must have been replaced by a seed.
    X : array, sparse matrix or DataFrame of n_samples rows
    y : ndarray of shape (n_samples,)
        NaN where there is no label.
    memory : None, str, path or joblib.Memory, default=None
        Where to keep it; None: nowhere.

    Returns
    -------
    The fitted strategy: the one passed, or a copy from the cache.

    Raises
    ------
    ValueError
        If ``memory`` is none of these.
    """
    memory = check_memory(os.fspath(memory) if isinstance(memory, os.PathLike) else memory)
    if type(strategy).fit is BaseStrategy.fit:  # learns nothing, so hashing X would be the work
        return _fit(strategy, X, y)
    return memory.cache(_fit)(strategy, X, y)


def _fit(strategy, X, y):
    return strategy.fit(X, y)
