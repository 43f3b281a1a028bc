"""The networks of BAGAN: a critic for which "generated" is one class more, and latents by class."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from skgal.nn._architecture import Critic


class FakeClassCritic(nn.Module):
    r"""A critic that tells the classes apart, and generated samples from all of them.

    One softmax over n_classes + 1 logits. As a critic of samples alone it is its log-odds of a
    sample being real, :math:`\log \sum_k e^{l_k} - l_\text{fake}`; the softmax over the others is
    the probability of each class of a real sample. The cross-entropy of the whole splits into
    these two: :math:`-\log p(k) = -\log p(\text{real}) - \log p(k | \text{real})`.

    Parameters
    ----------
    critic : Critic
        Its features are used, its head is not.
    n_classes : int
        The number of classes.

    Attributes
    ----------
    n_features : int
        The number of features.

    See Also
    --------
    AuxiliaryCritic : Apart from real or not.
    skgal.training.BalancingGame : Trains it.

    References
    ----------
    G. Mariani et al., "BAGAN: data augmentation with balancing GAN", 2018, section 4.

    Examples
    --------
    >>> import torch
    >>> critic = FakeClassCritic(Critic(torch.nn.Linear(5, 3), 3), n_classes=10)
    >>> critic(torch.zeros(7, 5)).shape, critic.classify(torch.zeros(7, 5)).shape
    (torch.Size([7]), torch.Size([7, 10]))
    """

    def __init__(self, critic: Critic, n_classes: int):
        super().__init__()
        self.n_features = critic.n_features
        self.body = critic.body
        self.classifier = nn.Linear(critic.n_features, n_classes + 1)

    @property
    def source(self) -> FakeClassCritic:
        """What tells real from generated samples: the whole."""
        return self

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features, shape (n, n_features)."""
        return self.body(x)

    def head(self, features: Tensor) -> Tensor:
        """Turn features into the log-odds of being real, shape (n, 1)."""
        logits = self.classifier(features)
        return logits[:, :-1].logsumexp(1, keepdim=True) - logits[:, -1:]

    def forward(self, x: Tensor) -> Tensor:
        """Return the log-odds of samples being real, shape (n,)."""
        return self.head(self.features(x)).squeeze(1)

    def classify(self, x: Tensor) -> Tensor:
        """Return the logits of the classes of real samples, shape (n, n_classes)."""
        return self.classifier(self.features(x))[:, :-1]

    def rate_and_classify(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return both kinds of logits from one pass.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Samples in [-1, 1].

        Returns
        -------
        logits : torch.Tensor of shape (n,)
            High for real samples.
        class_logits : torch.Tensor of shape (n, n_classes)
            Their softmax is the probability of each class.
        """
        logits = self.classifier(self.features(x))
        class_logits = logits[:, :-1]
        return class_logits.logsumexp(1) - logits[:, -1], class_logits


class ClassLatents(nn.Module):
    r"""A generator of given classes, made of one that knows none: each has latents of its own.

    A standard normal latent z becomes :math:`\mu_k + L_k z`, normally distributed with the mean
    :math:`\mu_k` and the covariance :math:`L_k L_k^\top` of class k.

    Parameters
    ----------
    generator : torch.nn.Module
        Maps (n, latent_dim) to samples.
    latent_dim : int
        The width of the latents.
    n_classes : int
        The number of classes.

    See Also
    --------
    ClassInput : Classes are further input.
    skgal.generators.BAGAN : Draws so.

    Examples
    --------
    >>> import torch
    >>> generator = ClassLatents(torch.nn.Identity(), 2, n_classes=3)
    >>> generator.set_distributions(torch.arange(6.0).reshape(3, 2), torch.zeros(3, 2, 2))
    >>> generator(torch.zeros(2, 2), torch.tensor([2, 0]))
    tensor([[4., 5.],
            [0., 1.]])
    """

    def __init__(self, generator: nn.Module, latent_dim: int, n_classes: int):
        super().__init__()
        self.generator = generator
        self.register_buffer("means", torch.zeros(n_classes, latent_dim))
        self.register_buffer("factors", torch.eye(latent_dim).repeat(n_classes, 1, 1))

    @torch.no_grad()
    def set_distributions(self, means: Tensor, factors: Tensor) -> None:
        """Set the classes' distributions.

        Parameters
        ----------
        means : torch.Tensor of shape (n_classes, latent_dim)
            Means of the classes' codes.
        factors : torch.Tensor of shape (n_classes, latent_dim, latent_dim)
            Cholesky factors of the covariances.
        """
        self.means.copy_(means)
        self.factors.copy_(factors)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples of the given classes.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Standard normal latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        torch.Tensor of shape (n, *shape)
            One sample for each latent.
        """
        spread = (self.factors[labels] @ z.unsqueeze(2)).squeeze(2)
        return self.generator(self.means[labels] + spread)


@torch.no_grad()
def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy the weights of one network to another, which may be spectrally normalised.

    A normalised layer gets the weight as the one that it normalises.

    Parameters
    ----------
    source : torch.nn.Module
        Without parametrisations.
    target : torch.nn.Module
        Of the same layers; changed in place.

    See Also
    --------
    skgal.training.BalancingGame : Starts its critic with an encoder's weights.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import copy_weights
    >>> source, target = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    >>> copy_weights(source, target)
    >>> bool((source.weight == target.weight).all())
    True
    """
    for path, weight in source.named_parameters():
        owner, _, name = path.rpartition(".")
        layer = target.get_submodule(owner)
        if parametrize.is_parametrized(layer, name):
            setattr(layer, name, weight.clone())
        else:
            getattr(layer, name).copy_(weight)
    buffers = dict(target.named_buffers())
    for path, value in source.named_buffers():
        buffers[path].copy_(value)
