"""The adversarial losses: each a pair of pure functions of the critic's logits.

The critic's logits are high on real samples. Both losses are minimised: the critic's takes the
logits of a real and of a generated batch, the generator's those of a generated batch. The two
batches need not have the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import relu, softplus


def nonsaturating_critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""Cross-entropy of telling real from generated, from logits.

    .. math:: \mathbb{E}[-\log \sigma(D(x))] + \mathbb{E}[-\log(1 - \sigma(D(G(u))))]

    Parameters
    ----------
    real_logits : torch.Tensor of shape (n_real,)
        The critic's logits of real samples.
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the critic minimises.

    References
    ----------
    I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, equation (1).

    Examples
    --------
    >>> import torch
    >>> nonsaturating_critic_loss(torch.zeros(4), torch.zeros(4))  # 2 log 2: it cannot tell
    tensor(1.3863)
    """
    return softplus(-real_logits).mean() + softplus(fake_logits).mean()


def nonsaturating_generator_loss(fake_logits: Tensor) -> Tensor:
    r"""Cross-entropy of a generated batch against the label "real".

    .. math:: \mathbb{E}[-\log \sigma(D(G(u)))]

    Unlike the minimax loss :math:`\mathbb{E}[\log(1 - \sigma(D(G(u))))]`, its gradient does not
    vanish where the critic is sure that the samples are generated.

    Parameters
    ----------
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the generator minimises.

    References
    ----------
    I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, section 3.

    Examples
    --------
    >>> import torch
    >>> nonsaturating_generator_loss(torch.zeros(4))
    tensor(0.6931)
    """
    return softplus(-fake_logits).mean()


def least_squares_critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""Squared distance of the logits from 1 on real and from 0 on generated samples.

    .. math:: \tfrac12 \mathbb{E}[(D(x) - 1)^2] + \tfrac12 \mathbb{E}[D(G(u))^2]

    Parameters
    ----------
    real_logits : torch.Tensor of shape (n_real,)
        The critic's logits of real samples.
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the critic minimises.

    References
    ----------
    X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, equation (9).

    Examples
    --------
    >>> import torch
    >>> least_squares_critic_loss(torch.ones(4), torch.zeros(4))
    tensor(0.)
    """
    return 0.5 * ((real_logits - 1).square().mean() + fake_logits.square().mean())


def least_squares_generator_loss(fake_logits: Tensor) -> Tensor:
    r"""Squared distance of a generated batch's logits from 1.

    .. math:: \tfrac12 \mathbb{E}[(D(G(u)) - 1)^2]

    Parameters
    ----------
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the generator minimises.

    References
    ----------
    X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, equation (9).

    Examples
    --------
    >>> import torch
    >>> least_squares_generator_loss(torch.zeros(4))
    tensor(0.5000)
    """
    return 0.5 * (fake_logits - 1).square().mean()


def hinge_critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""Hinge loss with margin 1: samples beyond the margin no longer count.

    .. math:: \mathbb{E}[\max(0, 1 - D(x))] + \mathbb{E}[\max(0, 1 + D(G(u)))]

    Parameters
    ----------
    real_logits : torch.Tensor of shape (n_real,)
        The critic's logits of real samples.
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the critic minimises.

    References
    ----------
    T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018,
    equation (16).

    Examples
    --------
    >>> import torch
    >>> hinge_critic_loss(torch.tensor([2.0, 0.0]), torch.tensor([-3.0, -1.0]))
    tensor(0.5000)
    """
    return relu(1 - real_logits).mean() + relu(1 + fake_logits).mean()


def hinge_generator_loss(fake_logits: Tensor) -> Tensor:
    r"""Minus the mean logit of a generated batch, the generator's side of the hinge loss.

    .. math:: -\mathbb{E}[D(G(u))]

    Parameters
    ----------
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's logits of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the generator minimises.

    References
    ----------
    T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018,
    equation (17).

    Examples
    --------
    >>> import torch
    >>> hinge_generator_loss(torch.tensor([1.0, 3.0]))
    tensor(-2.)
    """
    return -fake_logits.mean()


def wasserstein_critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    r"""Minus the critic's estimate of the Wasserstein-1 distance.

    .. math:: \mathbb{E}[D(G(u))] - \mathbb{E}[D(x)]

    It estimates the distance only for a critic that is Lipschitz: train it with a penalty.

    Parameters
    ----------
    real_logits : torch.Tensor of shape (n_real,)
        The critic's values of real samples.
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's values of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the critic minimises.

    References
    ----------
    Y. Chen et al., "Active image synthesis for efficient labeling" (AISEL), equation (3).

    M. Arjovsky et al., "Wasserstein generative adversarial networks", ICML 2017, equation (2).

    Examples
    --------
    >>> import torch
    >>> wasserstein_critic_loss(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0]))
    tensor(-2.5000)
    """
    return fake_logits.mean() - real_logits.mean()


def wasserstein_generator_loss(fake_logits: Tensor) -> Tensor:
    r"""Minus the critic's mean value of a generated batch.

    .. math:: -\mathbb{E}[D(G(u))]

    Parameters
    ----------
    fake_logits : torch.Tensor of shape (n_fake,)
        The critic's values of generated samples.

    Returns
    -------
    loss : torch.Tensor, scalar
        The loss that the generator minimises.

    References
    ----------
    Y. Chen et al., "Active image synthesis for efficient labeling" (AISEL), equation (3) and
    Algorithm 1, line 5.

    Examples
    --------
    >>> import torch
    >>> wasserstein_generator_loss(torch.tensor([1.0, 3.0]))
    tensor(-2.)
    """
    return -fake_logits.mean()


@dataclass(frozen=True)
class Objective:
    """A critic's loss and the generator's loss that belongs to it.

    Parameters
    ----------
    name : str
        What the objective is called in messages and representations.
    critic_loss : callable
        ``critic_loss(real_logits, fake_logits)`` returns the scalar that the critic minimises.
    generator_loss : callable
        ``generator_loss(fake_logits)`` returns the scalar that the generator minimises.

    Examples
    --------
    >>> import torch
    >>> OBJECTIVES["hinge"].generator_loss(torch.tensor([1.0, 3.0]))
    tensor(-2.)
    """

    name: str
    critic_loss: Callable[[Tensor, Tensor], Tensor]
    generator_loss: Callable[[Tensor], Tensor]


OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective("nonsaturating", nonsaturating_critic_loss, nonsaturating_generator_loss),
        Objective("least_squares", least_squares_critic_loss, least_squares_generator_loss),
        Objective("hinge", hinge_critic_loss, hinge_generator_loss),
        Objective("wasserstein", wasserstein_critic_loss, wasserstein_generator_loss),
    )
}


def resolve_objective(objective: str | Objective) -> Objective:
    """Return the objective that a user's argument names.

    Parameters
    ----------
    objective : str or Objective
        A key of ``OBJECTIVES``, or an objective of the user's own.

    Returns
    -------
    objective : Objective
        The pair of losses.

    Raises
    ------
    ValueError
        If there is no objective of that name.
    TypeError
        If the argument is neither a name nor an objective.

    Examples
    --------
    >>> resolve_objective("wasserstein").name
    'wasserstein'
    """
    if isinstance(objective, Objective):
        return objective
    if not isinstance(objective, str):
        raise TypeError(
            f"objective must be a name or a skgal.objectives.Objective, got {objective!r} of type "
            f"{type(objective).__name__}."
        )
    if objective not in OBJECTIVES:
        raise ValueError(
            f"objective must be one of {sorted(OBJECTIVES)} or an Objective, got {objective!r}."
        )
    return OBJECTIVES[objective]
