"""Generators of torch that leave its global state alone."""

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
