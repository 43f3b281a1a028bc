"""Signs, after a training, that it has failed: figures, of which others may warn."""

import torch


def diversity(samples, real):
    """How much samples vary, as a share of how much real ones do.

    Parameters
    ----------
    samples, real : ndarray of shape (n_samples, ...), dtype float32
        As networks see them.

    Returns
    -------
    float
        Mean distance of two samples over that of two real ones; 1 where these are all alike.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.training import diversity
    >>> diversity(np.array([[0.0], [1.0]]), np.array([[0.0], [4.0]]))
    0.25
    """
    spread = _mean_distance(real)
    return _mean_distance(samples) / spread if spread > 0 else 1.0


def residual_loss(objective, critic_loss):
    """How much of its loss is left to a critic that knew nothing at first.

    Parameters
    ----------
    objective : skgal.objectives.Objective
    critic_loss : float
        Penalties included.

    Returns
    -------
    float
        0 for a critic that is always right; 1 for one that knows nothing, and for objectives,
        such as Wasserstein's, that are not bounded below: being right does not end these.

    Examples
    --------
    >>> from skgal.training import residual_loss
    >>> from skgal.objectives import OBJECTIVES
    >>> residual_loss(OBJECTIVES["hinge"], 0.5), residual_loss(OBJECTIVES["wasserstein"], -9.0)
    (0.25, 1.0)
    """
    nothing = torch.zeros(1)
    ignorance = float(objective.critic_loss(nothing, nothing))
    return critic_loss / ignorance if ignorance > 0 else 1.0


def _mean_distance(samples):
    points = torch.as_tensor(samples).flatten(1)
    return float(torch.nn.functional.pdist(points).mean())
