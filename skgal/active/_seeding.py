"""Seeds for what the learner fits, and a fence around torch's global random state."""

from contextlib import contextmanager

import numpy as np

from skgal.utils import as_random_state, draw_seed


def seed_unset(estimator, rng):
    """Give every ``random_state`` that is None a seed, those of nested estimators too.

    Parameters
    ----------
    estimator : estimator or strategy
        Changed in place.
    rng : numpy.random.RandomState

    Returns
    -------
    The estimator.
    """
    unset = [
        name
        for name, value in sorted(estimator.get_params().items(), key=lambda item: item[0])
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    ]
    return estimator.set_params(**{name: draw_seed(rng) for name in unset})


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


def nets_in(estimator):
    """Find the skorch nets in an estimator, itself included.

    Parameters
    ----------
    estimator : object

    Returns
    -------
    list of skorch.NeuralNet
    """
    if is_net(estimator):
        return [estimator]
    if not hasattr(estimator, "get_params"):
        return []
    return [value for value in estimator.get_params().values() if is_net(value)]


def is_net(estimator):
    """Tell whether an estimator is a skorch net, without importing skorch.

    Parameters
    ----------
    estimator : object

    Returns
    -------
    bool
    """
    return any(cls.__module__ == "skorch.net" for cls in type(estimator).__mro__)


@contextmanager
def torch_seeded(estimator, seed=0):
    """Seed torch's global generator for an estimator that draws from it, then restore it.

    Nets initialise from that generator, and even to predict they draw from it: skorch's data
    loaders take a number they don't need.

    Parameters
    ----------
    estimator : object
        What will be fitted or used to predict; torch isn't imported unless it holds a net.
    seed : int, default=0
    """
    nets = nets_in(estimator)
    if not nets:
        yield
        return
    from skgal.engine import seeded_torch

    on_cuda = any(str(net.device).startswith("cuda") for net in nets)
    with seeded_torch(seed, "cuda" if on_cuda else "cpu"):
        yield
