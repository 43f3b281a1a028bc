"""Minibatch discrimination: what lets a critic see that samples are all alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from skgal.nn._conditional_critic import ConditionalCritic


class MinibatchDiscrimination(nn.Module):
    r"""How close each sample of a batch is to all of them, in several learnt spaces.

    .. math:: o_b(x_i) = \sum_{j=1}^{n} \exp(-\lVert M_{i,b} - M_{j,b} \rVert_1), \qquad
        M_i = T f(x_i)

    with :math:`f` the features and :math:`M_{i,b}` the b-th row of a matrix of n_kernels rows. The
    sum is over the batch in training mode. In evaluation mode each sample is a batch of its own,
    so that its value is that of itself alone: :math:`o_b = 1`.

    Parameters
    ----------
    n_features : int
        The number of features.
    n_kernels : int, default=16
        The number of spaces (B in the paper).
    kernel_dim : int, default=5
        The dimension of each (C in the paper).

    References
    ----------
    T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 3.2.

    Examples
    --------
    >>> import torch
    >>> layer = MinibatchDiscrimination(3, n_kernels=2)
    >>> layer(torch.zeros(5, 3))[0]  # five samples in one place
    tensor([5., 5.], grad_fn=<SelectBackward0>)
    >>> layer.eval()(torch.zeros(5, 3))[0]
    tensor([1., 1.])
    """

    def __init__(self, n_features: int, n_kernels: int = 16, kernel_dim: int = 5):
        super().__init__()
        self.n_kernels = n_kernels
        # A linear layer, not a bare tensor: spectral normalisation finds it.
        self.tensor = nn.Linear(n_features, n_kernels * kernel_dim, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Measure the closeness to the samples of the batch.

        Parameters
        ----------
        features : torch.Tensor of shape (n, n_features)

        Returns
        -------
        closeness : torch.Tensor of shape (n, n_kernels)
            Between 1 (far from all others) and n (all are in one place).
        """
        if not self.training:
            return features.new_ones(len(features), self.n_kernels)
        places = self.tensor(features)
        # In float32 at least, even where autocast is on: distances are small differences.
        places = places.to(torch.promote_types(places.dtype, torch.float32))
        places = places.unflatten(1, (self.n_kernels, -1))
        # Not torch.cdist: a gradient penalty needs second derivatives, which that has not.
        distance = (places.unsqueeze(1) - places.unsqueeze(0)).abs().sum(dim=3)
        return torch.exp(-distance).sum(dim=1)


class MinibatchCritic(ConditionalCritic):
    """A conditional critic that also sees how close the samples of a batch are to each other.

    The mean closeness to the others of the batch is further input of the last, linear layer. It is
    the sum of `MinibatchDiscrimination` without the sample itself, divided by the number of others:
    a sum's slope would grow with the batch, against the gradient penalty and beyond what a
    spectrally normalised layer can weigh down. A sample in evaluation mode has no others, and its
    logit is that of ``critic``. Real and generated samples must come in batches of their own.

    Parameters
    ----------
    critic : ConditionalCritic
        Rates samples one by one.
    n_kernels : int, default=16
        See `MinibatchDiscrimination`.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Critic, ProjectionCritic
    >>> single = ProjectionCritic(Critic(torch.nn.Linear(5, 3), 3), n_classes=2)
    >>> MinibatchCritic(single)(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0])).shape
    torch.Size([4])
    """

    def __init__(self, critic: ConditionalCritic, n_kernels: int = 16):
        super().__init__()
        self.critic = critic
        self.n_features = critic.n_features
        self.features_see_classes = critic.features_see_classes
        self.closeness = MinibatchDiscrimination(critic.n_features, n_kernels)
        self.closeness_head = nn.Linear(n_kernels, 1, bias=False)

    def features(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the features of each sample alone."""
        return self.critic.features(x, labels)

    def head(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the logits: those of the samples alone, and what their closeness adds."""
        to_others = (self.closeness(features) - 1) / max(len(features) - 1, 1)
        return self.critic.head(features, labels) + self.closeness_head(to_others)
