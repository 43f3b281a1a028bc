"""Search a latent space for the points with the highest score, along the gradient or without."""

from collections import deque

import numpy as np
import torch

from skgal.nn import torch_defaults

# A step compares this many children of each point.
_N_CHILDREN = 4


@torch_defaults()
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
        Where each point begins.
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
        See ``tol``.
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

    See Also
    --------
    evolve_latent : Where there are no gradients.
    differentiable : Gets the gradients.

    References
    ----------
    C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020, equation (1)
    and section 4.2.

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


def evolve_latent(score, start, distribution, rng, *, max_iter=100, tol=1e-3, patience=15):
    """Maximise a score over latent points by evolution, all points in one batch.

    Each point is the parent of a few children, which take over a random share of its
    coordinates and draw the others anew from the latent distribution; the best of the family
    is the next parent. Children are as likely under the latent distribution as any draw, so
    nothing pulls the search to where the generator was never trained. A point leaves the batch
    once it has converged.

    Parameters
    ----------
    score : callable
        Maps an ndarray (n, latent_dim) to an ndarray (n,).
    start : ndarray of shape (n_points, latent_dim)
        The first parents.
    distribution : frozen distribution of scipy.stats
        Of each latent coordinate.
    rng : numpy.random.RandomState
        The source of all draws.
    max_iter : int, default=100
        Generations at most, each of four evaluations a point.
    tol : float or None, default=1e-3
        A point has converged once ``patience`` steps brought at most this share of all it has
        gained. None: never.
    patience : int, default=15
        See ``tol``.

    Returns
    -------
    latent : ndarray of shape (n_points, latent_dim), dtype float32
        The best point of each family.
    values : ndarray of shape (n_points,)
        The score there.

    Raises
    ------
    ValueError
        If the score is NaN somewhere.

    See Also
    --------
    search_latent : Where there are gradients.
    skgal.query.LatentUncertainty : Searches by either.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import uniform
    >>> from skgal.differentiable import evolve_latent
    >>> latent, values = evolve_latent(
    ...     lambda Z: Z[:, 0] > 0.5, np.zeros((3, 2)), uniform(-1, 2), np.random.RandomState(0)
    ... )
    >>> values
    array([1., 1., 1.])
    """
    best = np.array(start, dtype=np.float32)
    progress = Progress(len(best), tol, patience)
    progress.update(np.asarray(score(best), dtype=np.float64))
    for _ in range(max_iter):
        parents = progress.active
        children = _children(best[parents], distribution, rng)
        values = np.asarray(score(children.reshape(-1, best.shape[1])), dtype=np.float64)
        values = values.reshape(len(parents), _N_CHILDREN)
        champions = np.arange(len(parents)), values.argmax(axis=1)
        # A child as good as its parent takes its place: on a plateau, that is what moves.
        at_least = values[champions] >= progress.best[parents]
        progress.update(values[champions])
        best[parents[at_least]] = children[champions][at_least]
        if not len(progress.active):
            break
    return best, progress.best


def _children(parents, distribution, rng):
    shape = (len(parents), _N_CHILDREN, parents.shape[1])
    # Shares from one coordinate to half of them: long steps first, short ones near the end.
    shares = np.exp(rng.uniform(np.log(1 / shape[2]), np.log(0.5), size=(*shape[:2], 1)))
    redrawn = rng.random_sample(shape) < np.maximum(shares, 1 / shape[2])
    drawn = distribution.rvs(size=shape, random_state=rng).astype(np.float32)
    return np.where(redrawn, drawn, parents[:, np.newaxis])


class Progress:
    """The best value of every point so far, and which points gain next to nothing any more."""

    def __init__(self, n_points, tol, patience):
        self.tol = tol
        self.best = np.full(n_points, -np.inf)
        self.active = np.arange(n_points)
        self._history = deque(maxlen=patience + 1)
        self._start = None

    def update(self, values):
        """Record the next value of every active point; return the points that improved."""
        if np.isnan(values).any():
            raise ValueError(
                "The score of a generated sample is NaN; check that the classifier and the "
                "generator return finite numbers."
            )
        improved = self.active[values > self.best[self.active]]
        self.best[self.active] = np.maximum(self.best[self.active], values)
        if self._start is None:
            self._start = self.best.copy()
        self._history.append(self.best.copy())
        if self.tol is not None and len(self._history) == self._history.maxlen:
            recent = self.best - self._history[0]
            converged = recent <= self.tol * (self.best - self._start)
            self.active = self.active[~converged[self.active]]
        return improved


def log_entropy(proba):
    """Logarithm of the entropy of class probabilities.

    It has the maxima of the entropy, but its gradient doesn't vanish where the classifier is
    sure, from where a search could not leave.

    Parameters
    ----------
    proba : torch.Tensor of shape (n_samples, n_classes)
        Class probabilities.

    Returns
    -------
    torch.Tensor of shape (n_samples,)
        The logarithm of the entropy in nats.

    See Also
    --------
    log_entropy_of_decisions : Of decisions.
    skgal.metrics.entropy : The same of arrays, without the logarithm.

    Examples
    --------
    >>> import torch
    >>> from skgal.differentiable import log_entropy
    >>> log_entropy(torch.tensor([[0.5, 0.5]])).exp()
    tensor([0.6931])
    """
    tiny = torch.finfo(proba.dtype).tiny
    entropy = -(proba * proba.clamp_min(tiny).log()).sum(dim=1)
    return entropy.clamp_min(tiny).log()


def log_entropy_of_decisions(decisions):
    """Logarithm of the entropy of the softmax of decision values.

    It is `log_entropy` of a classifier that has decision values only. Of a binary classifier,
    whose one value is signed, the softmax is the logistic function.

    Parameters
    ----------
    decisions : torch.Tensor of shape (n_samples,) or (n_samples, n_classes)
        Decision values, as ``decision_function`` returns them.

    Returns
    -------
    torch.Tensor of shape (n_samples,)
        The logarithm of the entropy in nats.

    See Also
    --------
    log_entropy : Of probabilities.
    boundary_proximity : By distance instead.

    Examples
    --------
    >>> import torch
    >>> from skgal.differentiable import log_entropy_of_decisions
    >>> log_entropy_of_decisions(torch.tensor([0.0])).exp()
    tensor([0.6931])
    """
    if decisions.ndim == 1 or decisions.shape[1] == 1:
        decisions = decisions.reshape(-1, 1) * torch.tensor([-0.5, 0.5], device=decisions.device)
    return log_entropy(decisions.softmax(dim=1))


def boundary_proximity(decisions):
    """Compute minus the distance to the nearest boundary, in units of the decision function.

    The larger, the less sure the classifier is; a search maximises it over latent points.

    Parameters
    ----------
    decisions : torch.Tensor of shape (n_samples,) or (n_samples, n_classes)
        Signed values of a binary classifier, or one value a class, the largest of which wins.

    Returns
    -------
    torch.Tensor of shape (n_samples,)
        Never positive: 0 on a boundary.

    See Also
    --------
    skgal.metrics.distance_uncertainty : The same for arrays.

    Examples
    --------
    >>> import torch
    >>> from skgal.differentiable import boundary_proximity
    >>> boundary_proximity(torch.tensor([[3.0, 1.0, -1.0]]))
    tensor([-2.])
    """
    if decisions.ndim == 1 or decisions.shape[1] == 1:
        return -decisions.reshape(-1).abs()
    first, second = decisions.topk(2, dim=1).values.unbind(dim=1)
    return second - first


def odds_proximity(proba):
    """Compute minus the logarithm of the odds of the most probable class against the second.

    It is `boundary_proximity` of a classifier that has probabilities only: of a softmax or a
    sigmoid, the log-odds are the difference of the logits.

    Parameters
    ----------
    proba : torch.Tensor of shape (n_samples, n_classes)
        Class probabilities.

    Returns
    -------
    torch.Tensor of shape (n_samples,)
        Never positive: 0 where two classes tie.

    See Also
    --------
    boundary_proximity : Of classifiers with decisions.
    log_entropy : By entropy instead.

    Examples
    --------
    >>> import torch
    >>> from skgal.differentiable import odds_proximity
    >>> odds_proximity(torch.tensor([[0.25, 0.5, 0.25]])).exp()
    tensor([0.5000])
    """
    return boundary_proximity(proba.clamp_min(torch.finfo(proba.dtype).tiny).log())
