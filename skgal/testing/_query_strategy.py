"""The contract of query strategies, as checks that anyone can run on their own."""

from functools import partial

from skgal.testing._common_checks import Subject
from skgal.testing._pool_checks import POOL_CHECKS
from skgal.testing._runner import run_checks
from skgal.testing._synthesis_checks import SYNTHESIS_CHECKS


def query_strategy_checks(strategy, *, clf=None):
    """List the checks of a strategy, for ``pytest.mark.parametrize`` for example.

    Parameters
    ----------
    strategy : object with ``query`` or ``synthesize``
        As for :func:`check_query_strategy`.
    clf : classifier, default=None
        As for :func:`check_query_strategy`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    Examples
    --------
    >>> from skgal.query import RandomSampling
    >>> from skgal.testing import query_strategy_checks
    >>> checks = dict(query_strategy_checks(RandomSampling()))
    >>> checks["check_images"]()
    """
    if hasattr(strategy, "query"):
        checks = POOL_CHECKS
    elif hasattr(strategy, "synthesize"):
        checks = SYNTHESIS_CHECKS
    else:
        raise TypeError(
            f"A query strategy has a method query or synthesize; {type(strategy).__name__} has "
            "neither."
        )
    subject = Subject(strategy, clf)
    return [(check.__name__, partial(check, subject)) for check in checks]


def check_query_strategy(strategy, *, clf=None, expected_failures=None):
    """Check that a strategy keeps the promises of all query strategies.

    Among them: it can be cloned and pickled; with a seed, the same question gets the same
    answer; it leaves its parameters, its inputs and the global random states alone; it chooses
    as many samples as it was asked for, none twice, no labelled one, and only candidates,
    whether these are positions or samples from elsewhere; it takes images of four dimensions and
    labels that are strings; and it raises ValueError where there is not enough to choose from.

    Parameters
    ----------
    strategy : object with ``query`` or ``synthesize``
        It is cloned, and never changed. If ``random_state`` is a parameter of its and None, the
        clones get one.
    clf : classifier, default=None
        What the strategy is asked about, if it needs a special one. It is cloned and fitted on
        tables of shape (8, 4) and images of shape (8, 1, 8, 8), of two classes. None is logistic
        regression on flattened samples.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    Exception
        Whatever the strategy itself raises. A note names the check.

    Examples
    --------
    A strategy of one's own, for which the smaller of the first features come first:

    >>> import numpy as np
    >>> from skgal.base import PoolStrategy
    >>> from skgal.testing import check_query_strategy
    >>> class SmallestFirst(PoolStrategy):
    ...     def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
    ...         if candidates is None:
    ...             candidates = np.arange(len(X))
    ...         first = np.reshape(X, (len(X), -1))[:, 0]
    ...         return candidates[np.argsort(first[candidates])[:batch_size]]
    >>> check_query_strategy(SmallestFirst())
    Traceback (most recent call last):
    AssertionError: SmallestFirst chose [...], which are labelled, with candidates=None.
    It breaks check_labelled_never_chosen: No labelled sample is chosen, even if it is among
    the candidates.
    """
    checks = query_strategy_checks(strategy, clf=clf)
    run_checks(checks, type(strategy).__name__, expected_failures)
