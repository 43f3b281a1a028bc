"""Which of the candidates of a class are added to the data."""

from typing import NamedTuple

import numpy as np

#: Filters in the order in which candidates pass them.
FILTERS = ("label", "entropy", "distance")


class Selection(NamedTuple):
    """The candidates of one class, chosen and rejected.

    Parameters
    ----------
    chosen : ndarray of shape (n_wanted,), dtype int64
        Positions of those to be added, the accepted ones first, each kind by its scores.
    n_accepted : int
        How many of these passed all filters; the others were rejected, and fill the quota up.
    n_surplus : int
        How many more passed all filters than are wanted.
    rejected : dict from str to int
        How many candidates each filter rejected.
    """

    chosen: np.ndarray
    n_accepted: int
    n_surplus: int
    rejected: dict


def count_candidates(n_wanted, filters):
    """Return how many candidates are drawn: twice as many for each filter.

    Parameters
    ----------
    n_wanted : int
    filters : iterable of str

    Returns
    -------
    int
        Four times as many for two filters that keep a half each, as in Algorithm 1.
    """
    return n_wanted * 2 ** len(filters)


def select(scores, n_wanted, at_most=None):
    """Choose candidates of one class by the half with the lower score, filter by filter.

    A candidate passes a filter if its score is below the median of those that came so far. So
    never more than half of them pass, and fewer where scores are equal. Where too few pass, the
    best of the candidates that a filter rejected fill the quota up, of the last filter first.

    With ``at_most`` those pass whose score is no higher, in the order in which they came.

    Parameters
    ----------
    scores : dict from str to ndarray of shape (n_candidates,)
        By filters, in their order: for "label" a mask of the candidates that pass, for the others
        scores, of which NaN is the worst.
    n_wanted : int
        At most the number of candidates; as many are chosen.
    at_most : float or None, default=None

    Returns
    -------
    Selection

    References
    ----------
    Selective augmentation, Algorithm 1 and section 3.3. The algorithm takes the median of the
    distances of a class, section 3.3 that of the candidates left by the entropy: as here.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.resampling._filters import select
    >>> scores = {"entropy": np.array([3.0, 1.0, 0.0, 4.0]), "distance": np.arange(4.0)}
    >>> select(scores, 1)
    Selection(chosen=array([1]), n_accepted=1, n_surplus=0, rejected={'entropy': 2, 'distance': 1})
    """
    left = np.arange(len(next(iter(scores.values()))))
    rejected, reserve = {}, []
    for name, values in scores.items():
        order, passes = _judge(values[left], at_most)
        ranked = left[order]
        rejected[name] = int(np.count_nonzero(~passes))
        reserve.insert(0, ranked[~passes[order]])
        left = ranked[passes[order]]
    n_accepted = min(len(left), n_wanted)
    chosen = np.concatenate([left, *reserve])[:n_wanted]
    return Selection(chosen, n_accepted, len(left) - n_accepted, rejected)


def _judge(values, at_most):
    """Return the order of some candidates, the best first, and which of them pass."""
    if values.dtype == bool:
        return np.argsort(~values, kind="stable"), values
    values = np.where(np.isnan(values), np.inf, values)
    if at_most is not None:
        passes = values <= at_most
        return np.argsort(np.where(passes, -np.inf, values), kind="stable"), passes
    passes = values < np.median(values) if len(values) else np.zeros(0, dtype=bool)
    return np.argsort(values, kind="stable"), passes
