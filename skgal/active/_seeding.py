"""Seeds for what the learner asks."""

import numpy as np

from skgal.utils import as_random_state, draw_seed


def own_seed(strategy):
    """Seed that a strategy's ``random_state`` stands for, or None if it has no such parameter.

    Parameters
    ----------
    strategy : strategy

    Returns
    -------
    int or None
    """
    random_state = strategy.get_params(deep=False).get("random_state")
    return None if random_state is None else draw_seed(as_random_state(random_state))


def seed_round(strategy, seed, n_asked):
    """Seed a strategy for a round: no two rounds draw the same, and any can be repeated.

    Parameters
    ----------
    strategy : strategy
        Changed in place.
    seed : int or None
        What :func:`own_seed` said.
    n_asked : int
        How many samples were asked for before the round.
    """
    if seed is not None:
        words = np.random.SeedSequence([seed, n_asked]).generate_state(1)
        strategy.set_params(random_state=int(words[0]))
