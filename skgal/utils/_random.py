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
