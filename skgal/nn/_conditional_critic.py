"""Critics that know the class of a sample, and one that guesses it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from skgal.nn._architecture import Critic
from skgal.nn._one_hot import append_classes, one_hot


class ConditionalCritic(nn.Module, ABC):
    """Base of critics of samples and their classes: features and a head, as in `Critic`.

    Attributes
    ----------
    n_features : int
        The number of features.
    features_see_classes : bool
        Whether the features depend on the class. A class attribute.
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
        features : torch.Tensor of shape (n, n_features)
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
        logits : torch.Tensor of shape (n, 1)
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
        logits : torch.Tensor of shape (n,)
            Not bounded.
        """
        return self.head(self.features(x, labels), labels).squeeze(1)


class ConcatenationCritic(ConditionalCritic):
    """A critic that takes the class as further columns of a row, or planes of an image.

    Parameters
    ----------
    critic : Critic
        Built for samples with n_classes more columns or channels.
    n_classes : int
        The number of classes.
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

    References
    ----------
    T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018, equation (3).
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

    What takes a `Critic`, a gradient penalty for instance, takes it too. A batch may be laid
    several times, as when real samples are joined with generated ones of the same classes: the
    classes repeat.

    Parameters
    ----------
    critic : ConditionalCritic
        Its parameters are shared, not copied.
    labels : torch.Tensor of shape (n,), dtype int64
        The classes of a batch.

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


class AuxiliaryCritic(nn.Module):
    """A critic of samples alone that also guesses their classes from its features.

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
