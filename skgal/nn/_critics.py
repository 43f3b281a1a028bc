"""Critics that read more than samples: classes, the batch, latents; and one that predicts classes.

How a critic is conditioned on the class is a choice like any other: see `Conditioning`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import prod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from skgal.base import DocumentedMixin
from skgal.nn._architecture import LEAK, Architecture, Critic, append_classes, one_hot
from skgal.utils import resolve_component


class ConditionalCritic(nn.Module, ABC):
    """Base of critics of samples and their classes: features and a head, as in `Critic`.

    ``features(x, labels)`` and ``head(features, labels)`` are apart, as losses and transformers
    need the features alone.

    Attributes
    ----------
    n_features : int
        The number of features.
    features_see_classes : bool
        Whether the features depend on the class. A class attribute.

    See Also
    --------
    ConcatenationCritic : Classes as further input.
    ProjectionCritic : Classes by an inner product.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import ConditionalCritic
    >>> class Bilinear(ConditionalCritic):
    ...     features_see_classes = False
    ...
    ...     def __init__(self, n_inputs, n_classes):
    ...         super().__init__()
    ...         self.n_features = n_inputs
    ...         self.weights = torch.nn.Embedding(n_classes, n_inputs)
    ...
    ...     def features(self, x, labels):
    ...         return x
    ...
    ...     def head(self, features, labels):
    ...         return (features * self.weights(labels)).sum(1, keepdim=True)
    >>> Bilinear(5, n_classes=2)(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0])).shape
    torch.Size([4])
    """

    features_see_classes: bool
    n_features: int

    @abstractmethod
    def features(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the penultimate features.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Samples in [-1, 1].
        labels : torch.Tensor of shape (n,), dtype int64
            Their classes.

        Returns
        -------
        torch.Tensor of shape (n, n_features)
            What the head sees.
        """

    @abstractmethod
    def head(self, features: Tensor, labels: Tensor) -> Tensor:
        """Turn features into logits.

        Parameters
        ----------
        features : torch.Tensor of shape (n, n_features)
            Penultimate features.
        labels : torch.Tensor of shape (n,), dtype int64
            The classes of the samples.

        Returns
        -------
        torch.Tensor of shape (n, 1)
            Not bounded.
        """

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return one logit for each sample, high for real ones of their class.

        Parameters
        ----------
        x : torch.Tensor of shape (n, ...)
            Samples in [-1, 1].
        labels : torch.Tensor of shape (n,), dtype int64
            Their classes.

        Returns
        -------
        torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.features(x, labels), labels).squeeze(1)


class ConcatenationCritic(ConditionalCritic):
    """A critic that takes the class as further columns of a row, or planes of an image.

    Features depend on the class, which is there from the first layer on.

    Parameters
    ----------
    critic : Critic
        Built for samples with n_classes more columns or channels.
    n_classes : int
        The number of classes.

    See Also
    --------
    ProjectionCritic : By an inner product.
    append_classes : What it puts in front.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import ConcatenationCritic, Critic
    >>> critic = ConcatenationCritic(Critic(torch.nn.Linear(5 + 2, 3), 3), n_classes=2)
    >>> critic(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0])).shape
    torch.Size([4])
    """

    features_see_classes = True

    def __init__(self, critic: Critic, n_classes: int):
        super().__init__()
        self.critic = critic
        self.n_classes = n_classes
        self.n_features = critic.n_features

    def features(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the features of samples with their classes appended."""
        return self.critic.features(append_classes(x, labels, self.n_classes))

    def head(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the logits; the features know the classes already."""
        return self.critic.head(features)


class ProjectionCritic(ConditionalCritic):
    r"""A critic whose head adds the inner product of the features and the class's embedding.

    .. math:: D(x, y) = v_y^\top \phi(x) + \psi(\phi(x))

    with :math:`\phi` the features and :math:`\psi` the head of ``critic``.

    Parameters
    ----------
    critic : Critic
        Built for samples alone.
    n_classes : int
        The number of classes.

    See Also
    --------
    ConcatenationCritic : Classes as further input.
    AuxiliaryCritic : Predicts the class.

    References
    ----------
    T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018, equation (3).

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Critic, ProjectionCritic
    >>> critic = ProjectionCritic(Critic(torch.nn.Linear(5, 3), 3), n_classes=2)
    >>> critic(torch.zeros(4, 5), torch.tensor([0, 1, 1, 0])).shape
    torch.Size([4])
    """

    features_see_classes = False

    def __init__(self, critic: Critic, n_classes: int):
        super().__init__()
        self.critic = critic
        self.n_classes = n_classes
        self.n_features = critic.n_features
        # A linear layer of one-hot rows is an embedding that spectral normalisation finds.
        self.embedding = nn.Linear(n_classes, critic.n_features, bias=False)

    def features(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the features of the samples, whatever their classes."""
        return self.critic.features(x)

    def head(self, features: Tensor, labels: Tensor) -> Tensor:
        """Return the logits: the critic's head and the projection."""
        embedded = self.embedding(one_hot(labels, self.n_classes).to(features.dtype))
        return self.critic.head(features) + (embedded * features).sum(1, keepdim=True)


class GivenClasses(nn.Module):
    """A conditional critic with the classes of a batch held fixed: a critic of samples alone.

    What takes a `Critic`, a gradient penalty for instance, takes it too. A batch may come several
    times in a row, as when real samples are joined with generated ones of the same classes.

    Parameters
    ----------
    critic : ConditionalCritic
        Its parameters are shared, not copied.
    labels : torch.Tensor of shape (n,), dtype int64
        The classes of a batch.

    See Also
    --------
    ConditionalCritic : What is wrapped.
    skgal.objectives.Penalty : Takes critics of samples alone.

    Examples
    --------
    >>> import torch
    >>> critic = ProjectionCritic(Critic(torch.nn.Linear(5, 3), 3), 2)
    >>> given = GivenClasses(critic, torch.tensor([0, 1]))
    >>> given(torch.zeros(4, 5)).shape  # of classes 0, 1, 0, 1
    torch.Size([4])
    """

    def __init__(self, critic: ConditionalCritic, labels: Tensor):
        super().__init__()
        self.critic = critic
        self.labels = labels

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features, shape (n, n_features)."""
        return self.critic.features(x, self._labels_of(x))

    def head(self, features: Tensor) -> Tensor:
        """Turn features into logits, shape (n, 1)."""
        return self.critic.head(features, self._labels_of(features))

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each sample, shape (n,)."""
        return self.critic(x, self._labels_of(x))

    def _labels_of(self, rows: Tensor) -> Tensor:
        return self.labels.repeat(len(rows) // len(self.labels))


class Conditioning(DocumentedMixin, BaseEstimator, ABC):
    """Base of the ways to condition a critic on the class of a sample.

    The generator's way is its architecture's: see `Architecture.make_conditional_generator`.

    See Also
    --------
    Concatenation : Classes as further input.
    Projection : Classes by an inner product.

    Examples
    --------
    >>> from skgal.nn import ConcatenationCritic, Conditioning, Dense
    >>> class Append(Conditioning):
    ...     def make_critic(self, architecture, shape, n_classes):
    ...         wider = (shape[0] + n_classes, *shape[1:])
    ...         return ConcatenationCritic(architecture.make_critic(wider), n_classes)
    >>> Append().make_critic(Dense(hidden=(8,)), (5,), n_classes=2).n_features
    8
    """

    _parameter_constraints: dict = {}

    @abstractmethod
    def make_critic(
        self,
        architecture: Architecture,
        shape: Sequence[int],
        n_classes: int,
    ) -> ConditionalCritic:
        """Build a critic of samples and their classes.

        Parameters
        ----------
        architecture : Architecture
            Builds the critic that is to be conditioned.
        shape : tuple of int
            The shape of one sample: (n_features,) or (channels, height, width).
        n_classes : int
            The number of classes.

        Returns
        -------
        ConditionalCritic
            Maps (n, *shape) and classes (n,) to (n,).
        """


class Concatenation(Conditioning):
    """The class is further input: a column of a row, or a constant plane of an image, each.

    The simplest way to tell a critic the class; the generator gets it in the same way, see
    :class:`ClassInput`.

    See Also
    --------
    Projection : By an inner product.
    ConcatenationCritic : What it builds.

    References
    ----------
    M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, section 3.2.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Concatenation, Dense
    >>> critic = Concatenation().make_critic(Dense(), (4,), n_classes=3)
    >>> critic(torch.zeros(2, 4), torch.tensor([0, 2])).shape
    torch.Size([2])
    """

    def make_critic(self, architecture, shape, n_classes):
        """Build the critic for samples with a column or plane more for each class."""
        widened = (shape[0] + n_classes, *shape[1:])
        return ConcatenationCritic(architecture.make_critic(widened), n_classes)


class Projection(Conditioning):
    """The inner product of the critic's features and the class's embedding is added.

    From the form that the ratio of two conditional distributions has; it adds one vector a
    class.

    See Also
    --------
    Concatenation : As further input.
    ProjectionCritic : What it builds.

    References
    ----------
    T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dense, Projection
    >>> critic = Projection().make_critic(Dense(), (4,), n_classes=3)
    >>> critic(torch.zeros(2, 4), torch.tensor([0, 2])).shape
    torch.Size([2])
    """

    def make_critic(self, architecture, shape, n_classes):
        """Build the critic for samples, and an embedding of the classes."""
        return ProjectionCritic(architecture.make_critic(shape), n_classes)


CONDITIONINGS: dict[str, type[Conditioning]] = {
    "concatenation": Concatenation,
    "projection": Projection,
}


def resolve_conditioning(conditioning: str | Conditioning) -> Conditioning:
    """Return the conditioning that a user's argument names.

    A name or an instance: estimators call it once, in ``fit``.

    Parameters
    ----------
    conditioning : str or Conditioning
        A key of ``CONDITIONINGS``, or a conditioning.

    Returns
    -------
    Conditioning
        A validated copy of what was given.

    Raises
    ------
    ValueError
        If the name is unknown, or a parameter is out of range.
    TypeError
        If the argument is neither a name nor a conditioning.

    See Also
    --------
    resolve_architecture : The same of architectures.
    Conditioning : What is returned.

    Examples
    --------
    >>> resolve_conditioning("projection")
    Projection()
    """
    return resolve_component(conditioning, "conditioning", CONDITIONINGS, Conditioning)


class AuxiliaryCritic(nn.Module):
    """A critic of samples alone that also predicts their classes from its features.

    Of AC-GAN: one body with two heads, so a generated sample must look real and be recognised.

    Parameters
    ----------
    source : Critic
        Tells real from generated samples.
    n_classes : int
        The number of classes.

    Attributes
    ----------
    n_features : int
        The number of features.

    See Also
    --------
    ProjectionCritic : Gets the class as input.
    skgal.training.AuxiliaryGame : Trains it.

    References
    ----------
    A. Odena, C. Olah, J. Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML
    2017, section 3.

    Examples
    --------
    >>> import torch
    >>> critic = AuxiliaryCritic(Critic(torch.nn.Linear(5, 3), 3), n_classes=10)
    >>> critic(torch.zeros(7, 5)).shape, critic.classify(torch.zeros(7, 5)).shape
    (torch.Size([7]), torch.Size([7, 10]))
    """

    def __init__(self, source: Critic, n_classes: int):
        super().__init__()
        self.source = source
        self.n_features = source.n_features
        self.classifier = nn.Linear(source.n_features, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate features, shape (n, n_features)."""
        return self.source.features(x)

    def forward(self, x: Tensor) -> Tensor:
        """Return one logit for each sample, shape (n,), high for real ones."""
        return self.source(x)

    def classify(self, x: Tensor) -> Tensor:
        """Return the logits of the classes, shape (n, n_classes)."""
        return self.classifier(self.features(x))

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
        features = self.features(x)
        return self.source.head(features).squeeze(1), self.classifier(features)


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

    See Also
    --------
    MinibatchCritic : Ends in it.

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
            Features of the batch.

        Returns
        -------
        torch.Tensor of shape (n, n_kernels)
            Between 1 (far from all others) and n (all are in one place).
        """
        if not self.training:
            return features.new_ones(len(features), self.n_kernels)
        places = self.tensor(features)
        # In float32 at least, even with autocast: distances are small differences.
        places = places.to(torch.promote_types(places.dtype, torch.float32))
        places = places.unflatten(1, (self.n_kernels, -1))
        # Not torch.cdist, which has no second derivatives: a gradient penalty needs them.
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

    See Also
    --------
    MinibatchDiscrimination : The layer.
    ConditionalCritic : Its base.

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


class JointCritic(nn.Module):
    """A critic that tells (sample, its code) from (generated sample, its latent).

    The two are one row, the flat sample followed by the latent, so that what takes a `Critic`,
    such as a gradient penalty, takes this one too.

    Parameters
    ----------
    critic : Critic
        Built for the samples; of it only the features are used.
    shape : tuple of int
        The shape of one sample: (n_features,) or (channels, height, width).
    latent_dim : int
        The width of the latents.
    hidden : int, default=256
        The width of the layer that takes features and latent together.

    Attributes
    ----------
    n_features : int
        The width of that layer.

    See Also
    --------
    Critic : Of samples alone.
    join : Puts both side by side.

    References
    ----------
    J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017, figure 1.

    Examples
    --------
    >>> import torch
    >>> critic = JointCritic(Critic(torch.nn.Linear(5, 3), 3), (5,), latent_dim=2)
    >>> critic(join(torch.zeros(7, 5), torch.zeros(7, 2))).shape
    torch.Size([7])
    """

    def __init__(self, critic: Critic, shape: Sequence[int], latent_dim: int, *, hidden: int = 256):
        super().__init__()
        self.body = critic.body
        self.shape = tuple(shape)
        self.n_features = hidden
        self.joint = nn.Sequential(
            nn.Linear(critic.n_features + latent_dim, hidden), nn.LeakyReLU(LEAK)
        )
        self.head = nn.Linear(hidden, 1)

    def features(self, joined: Tensor) -> Tensor:
        """Return the penultimate features.

        Parameters
        ----------
        joined : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `join` makes them.

        Returns
        -------
        torch.Tensor of shape (n, n_features)
            The features of each pair.
        """
        x, z = joined.tensor_split([prod(self.shape)], dim=1)
        return self.joint(torch.cat([self.body(x.reshape(-1, *self.shape)), z], dim=1))

    def forward(self, joined: Tensor) -> Tensor:
        """Return one logit for each row, high for real samples and their codes.

        Parameters
        ----------
        joined : torch.Tensor of shape (n, prod(shape) + latent_dim)
            As `join` makes them.

        Returns
        -------
        torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.features(joined)).squeeze(1)


def join(x: Tensor, z: Tensor) -> Tensor:
    """Concatenate flat samples and latents.

    What a critic of pairs takes.

    Parameters
    ----------
    x : torch.Tensor of shape (n, ...)
        Samples.
    z : torch.Tensor of shape (n, latent_dim)
        Latents.

    Returns
    -------
    torch.Tensor of shape (n, n_values + latent_dim)
        Each sample, flattened, and then its latent.

    See Also
    --------
    JointCritic : Sees both.
    append_classes : Appends classes instead.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import join
    >>> join(torch.zeros(4, 1, 8, 8), torch.zeros(4, 2)).shape
    torch.Size([4, 66])
    """
    return torch.cat([x.flatten(1), z], dim=1)
