"""Latent distributions: how torch draws them, and what scipy calls them."""

import torch
from scipy import stats


def _draw_uniform(shape, rng):
    return torch.rand(shape, generator=rng, device=rng.device).mul_(2).sub_(1)


def _draw_normal(shape, rng):
    return torch.randn(shape, generator=rng, device=rng.device)


_LATENTS = {
    "uniform": (_draw_uniform, stats.uniform(-1, 2)),
    "normal": (_draw_normal, stats.norm()),
}


def draw_latent(name, n_samples, latent_dim, rng):
    """Draw latent points on the device of ``rng``.

    Parameters
    ----------
    name : {"uniform", "normal"}
        Uniform on [-1, 1], or standard normal, independently in each coordinate.
    n_samples, latent_dim : int
    rng : torch.Generator

    Returns
    -------
    torch.Tensor of shape (n_samples, latent_dim), dtype float32

    Examples
    --------
    >>> from skgal.nn import torch_generator
    >>> from skgal.training import draw_latent
    >>> draw_latent("uniform", 3, 2, torch_generator(0)).shape
    torch.Size([3, 2])
    """
    return _LATENTS[name][0]((n_samples, latent_dim), rng)


def latent_distribution(name):
    """Return the distribution of one latent coordinate.

    Parameters
    ----------
    name : {"uniform", "normal"}

    Returns
    -------
    frozen distribution of scipy.stats

    Examples
    --------
    >>> from skgal.training import latent_distribution
    >>> [float(bound) for bound in latent_distribution("uniform").support()]
    [-1.0, 1.0]
    """
    return _LATENTS[name][1]
