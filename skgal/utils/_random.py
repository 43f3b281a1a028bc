"""Random states that never touch NumPy's global one, and seeds drawn from them."""

import numpy as np
from sklearn.utils import check_random_state


def as_random_state(random_state):
    """Turn a ``random_state`` argument into a generator that is not NumPy's global one.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        None seeds a new generator from the operating system.

    Returns
    -------
    numpy.random.RandomState

    Examples
    --------
    >>> from skgal.utils import as_random_state
    >>> as_random_state(0).randint(10) == as_random_state(0).randint(10)
    True
    """
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def draw_seed(rng):
    """Draw a seed for a task (a network, a sampler, a worker).

    Seeds are drawn per task, never per worker, so results don't depend on ``n_jobs``.

    Parameters
    ----------
    rng : numpy.random.RandomState

    Returns
    -------
    int
        Uniform on [0, 2**31 - 2].

    Examples
    --------
    >>> from skgal.utils import as_random_state, draw_seed
    >>> draw_seed(as_random_state(0)) == draw_seed(as_random_state(0))
    True
    """
    return int(rng.randint(np.iinfo(np.int32).max))


def seed_unset(estimator, rng):
    """Give every ``random_state`` that is None a seed, those of nested estimators too.

    Parameters
    ----------
    estimator : estimator
        Changed in place.
    rng : numpy.random.RandomState

    Returns
    -------
    The estimator.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.utils import as_random_state, seed_unset
    >>> seed_unset(LogisticRegression(), as_random_state(0)).random_state is None
    False
    """
    unset = [
        name
        for name, value in sorted(estimator.get_params().items(), key=lambda item: item[0])
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    ]
    # A FrozenEstimator's set_params returns None.
    estimator.set_params(**{name: draw_seed(rng) for name in unset})
    return estimator
