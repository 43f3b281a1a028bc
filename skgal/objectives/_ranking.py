"""The loss of a head that predicts losses: only their order counts."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import relu


def pairwise_ranking_loss(predicted: Tensor, actual: Tensor, margin: float = 1.0) -> Tensor:
    r"""Hinge loss on the order of predicted losses, over pairs of a batch.

    .. math:: \frac{2}{B} \sum_{(i, j)} \max(0, -s_{ij} (\hat l_i - \hat l_j) + \xi), \quad
        s_{ij} = \begin{cases} 1 & l_i > l_j \\ -1 & \text{otherwise} \end{cases}

    The batch of B is cut into pairs, the first sample with the last, the second with the last
    but one, and so on; the middle one of an odd batch has no part in it. Differences make the
    scale of the losses, which shrinks as the training goes on, irrelevant.

    Parameters
    ----------
    predicted : torch.Tensor of shape (n_samples,)
        The predicted losses :math:`\hat l`.
    actual : torch.Tensor of shape (n_samples,)
        The losses :math:`l`, through which no gradient flows.
    margin : float, default=1.0
        By how much, :math:`\xi`, a pair must be in the right order to cost nothing.

    Returns
    -------
    loss : torch.Tensor, scalar
        0 for a batch of one.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019, equations (2)
    and (3).

    Examples
    --------
    >>> import torch
    >>> pairwise_ranking_loss(torch.tensor([3.0, 0.5]), torch.tensor([0.9, 0.1]))
    tensor(0.)
    >>> pairwise_ranking_loss(torch.tensor([3.0, 0.5]), torch.tensor([0.1, 0.9]))
    tensor(3.5000)
    """
    n_pairs = len(predicted) // 2
    difference = (predicted - predicted.flip(0))[:n_pairs]
    first_is_larger = (actual > actual.flip(0))[:n_pairs]
    sign = first_is_larger.to(predicted.dtype) * 2 - 1
    return relu(margin - sign * difference).sum() / max(n_pairs, 1)
