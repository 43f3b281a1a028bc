"""Torch without its global state: generators of one's own, and float32 whatever the default is."""

from contextlib import contextmanager

import torch


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
def float32_default():
    """Make float32 torch's default dtype for a while: that of the networks made meanwhile.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import float32_default
    >>> with float32_default():
    ...     layer = torch.nn.Linear(2, 1)
    >>> layer.weight.dtype
    torch.float32
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
