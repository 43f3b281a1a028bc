"""Searching a latent space for the points with the highest score, along the gradient."""

import torch

from skgal.differentiable._progress import Progress


def search_latent(
    score, start, *, support, max_iter=100, learning_rate=0.05, tol=1e-3, patience=5, device="cpu"
):
    """Maximise a score over latent points by Adam, all points in one batch.

    A point leaves the batch once it has converged, so the later steps cost less.

    Parameters
    ----------
    score : callable
        Maps a tensor (n, latent_dim) to a tensor (n,) that torch can differentiate.
    start : ndarray of shape (n_points, latent_dim)
    support : tuple of float (low, high)
        No coordinate leaves it; infinite where the latent space has no bounds.
    max_iter : int, default=100
        Steps at most; 100 in the paper.
    learning_rate : float, default=0.05
        Step size of Adam.
    tol : float or None, default=1e-3
        A point has converged once ``patience`` steps brought at most this share of all it has
        gained. None: never.
    patience : int, default=5
    device : str or torch.device, default="cpu"
        Where ``score`` wants its points.

    Returns
    -------
    latent : ndarray of shape (n_points, latent_dim), dtype float32
        The best of each point's path.
    values : ndarray of shape (n_points,), dtype float64
        The score there.

    Raises
    ------
    ValueError
        If the score is NaN somewhere.

    References
    ----------
    ASAL, equation (1) and section 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.differentiable import search_latent
    >>> start = np.array([[0.0], [0.9]])
    >>> latent, values = search_latent(lambda z: -((z[:, 0] - 2) ** 2), start, support=(-1, 1))
    >>> latent
    array([[1.],
           [1.]], dtype=float32)
    """
    latent = torch.tensor(start, dtype=torch.float32, device=device, requires_grad=True)
    best = latent.detach().clone()
    optimizer = torch.optim.Adam([latent], lr=learning_rate, maximize=True)
    progress = Progress(len(start), tol, patience)
    for step in range(max_iter + 1):
        values = score(latent[progress.active])
        improved = progress.update(values.detach().cpu().double().numpy())
        best[improved] = latent.detach()[improved]
        if step == max_iter or not len(progress.active):
            break
        # Not backward(): it would leave gradients in the weights of generator and classifier.
        # Converged points have none, but drift on; what counts of them is in `best`.
        (latent.grad,) = torch.autograd.grad(values.sum(), latent)
        optimizer.step()
        with torch.no_grad():
            latent.clamp_(*support)
    return best.cpu().numpy(), progress.best
