"""Torch nets in estimators, and a fence around the global random state that they draw from.

Nothing here imports torch unless there is a net to seed.
"""

import threading
from contextlib import contextmanager, nullcontext

_lock = threading.RLock()


def nets_in(estimator):
    """Find the skorch nets in an estimator, itself included.

    Parameters
    ----------
    estimator : object

    Returns
    -------
    list of skorch.NeuralNet

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.utils import nets_in
    >>> nets_in(LogisticRegression())
    []
    """
    if _is_net(estimator):
        return [estimator]
    if not hasattr(estimator, "get_params"):
        return []
    return [value for value in estimator.get_params().values() if _is_net(value)]


def _is_net(value):
    return any(cls.__module__ == "skorch.net" for cls in type(value).__mro__)


@contextmanager
def seeded_torch(seed, device="cpu"):
    """Seed torch's global generators for a while, then put their states back.

    Layers initialise from the global generator and take no other; so does dropout. Code run
    in this context depends on ``seed`` alone, and the states after it are those before it.
    One thread at a time may hold the context, so that parallel fits don't mix their draws.

    Parameters
    ----------
    seed : int
    device : str, default="cpu"
        Where the code in the context draws. CUDA's generators take part if it is a CUDA device
        or CUDA is in use already; else CUDA isn't started for their sake.

    Examples
    --------
    >>> import torch
    >>> from skgal.utils import seeded_torch
    >>> with seeded_torch(0):
    ...     first = torch.rand(1)
    >>> with seeded_torch(0):
    ...     second = torch.rand(1)
    >>> bool(first == second)
    True
    """
    import torch

    on_cuda = torch.cuda.is_initialized() or torch.device(device).type == "cuda"
    devices = list(range(torch.cuda.device_count())) if on_cuda else []
    with _lock, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield


def seeded_nets(estimator, seed=0):
    """Make a context in which an estimator's nets, if it has any, draw from a seed.

    Nets initialise from torch's global generator, and even to predict they draw from it:
    skorch's data loaders take a number they don't need.

    Parameters
    ----------
    estimator : object
        What will be fitted or used to predict.
    seed : int, default=0

    Returns
    -------
    context manager
    """
    nets = nets_in(estimator)
    if not nets:
        return nullcontext()
    on_cuda = any(str(net.device).startswith("cuda") for net in nets)
    return seeded_torch(seed, "cuda" if on_cuda else "cpu")
