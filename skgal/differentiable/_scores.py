"""How unsure a classifier is, for torch to differentiate: what a latent search maximises."""

import torch


def log_entropy(proba):
    """Logarithm of the entropy of class probabilities.

    It has the maxima of the entropy, but its gradient doesn't vanish where the classifier is
    sure, from where a search could not leave.

    Parameters
    ----------
    proba : torch.Tensor of shape (n_samples, n_classes)

    Returns
    -------
    torch.Tensor of shape (n_samples,)

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

    Returns
    -------
    torch.Tensor of shape (n_samples,)

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
    """Minus the distance to the nearest decision boundary, in units of the decision function.

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
    """Minus the logarithm of the odds of the most probable class against the second.

    It is `boundary_proximity` of a classifier that has probabilities only: of a softmax or a
    sigmoid, the log-odds are the difference of the logits.

    Parameters
    ----------
    proba : torch.Tensor of shape (n_samples, n_classes)

    Returns
    -------
    torch.Tensor of shape (n_samples,)
        Never positive: 0 where two classes tie.

    Examples
    --------
    >>> import torch
    >>> from skgal.differentiable import odds_proximity
    >>> odds_proximity(torch.tensor([[0.25, 0.5, 0.25]])).exp()
    tensor([0.5000])
    """
    return boundary_proximity(proba.clamp_min(torch.finfo(proba.dtype).tiny).log())
