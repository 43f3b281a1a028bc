"""Randomness of torch that leaves torch's global state alone."""

import threading
from contextlib import contextmanager

import torch

_lock = threading.RLock()


def torch_generator(seed, device="cpu"):
    """Make a random number generator of its own.

    Parameters
    ----------
    seed : int
    device : str or torch.device, default="cpu"

    Returns
    -------
    torch.Generator
    """
    return torch.Generator(device=device).manual_seed(seed)


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
    >>> from skgal.engine import seeded_torch
    >>> with seeded_torch(0):
    ...     first = torch.rand(1)
    >>> with seeded_torch(0):
    ...     second = torch.rand(1)
    >>> bool(first == second)
    True
    """
    on_cuda = torch.cuda.is_initialized() or torch.device(device).type == "cuda"
    devices = list(range(torch.cuda.device_count())) if on_cuda else []
    with _lock, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield
