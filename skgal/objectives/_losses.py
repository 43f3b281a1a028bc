"""Losses: what generator and critic minimise, and two other losses of networks."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from sklearn.base import BaseEstimator
from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from skgal.base import DocumentedMixin
from skgal.utils import resolve_component


class Objective(DocumentedMixin, BaseEstimator, ABC):
    """Base of what generator and critic minimise: two functions of the critic's logits.

    Logits are high on real samples. Both losses are minimised. A subclass holds its parameters, if
    it has any, in explicit keyword arguments, as any scikit-learn estimator: they can be searched
    as ``objective__name``.

    The losses get as many logits of real as of generated samples, at least one of each. After a
    training, ``critic_loss`` is also called with one zero for each, on the CPU, to compare the
    critic's loss with that of a critic that can't tell them apart.

    Attributes
    ----------
    needs_real_logits : bool, default=False
        Whether the generator's loss reads the critic's logits of real samples too, as relativistic
        losses do. A class attribute; where it is False they are not computed, and
        ``generator_loss`` gets none.

    See Also
    --------
    resolve_objective : Finds one by name.
    Hinge : An example.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN
    >>> from skgal.objectives import Objective
    >>> class ShiftedLeastSquares(Objective):
    ...     def __init__(self, *, target=1.0):
    ...         self.target = target
    ...
    ...     def critic_loss(self, real, fake):
    ...         return (real - self.target).square().mean() + (fake + self.target).square().mean()
    ...
    ...     def generator_loss(self, fake, real=None):
    ...         return fake.square().mean()
    >>> gan = GAN(objective=ShiftedLeastSquares(target=1.0), max_iter=5, random_state=0)
    >>> gan.fit(load_iris().data).sample(3).shape
    (3, 4)
    """

    needs_real_logits: bool = False
    _parameter_constraints: dict = {}

    @abstractmethod
    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return what the critic minimises.

        Parameters
        ----------
        real : torch.Tensor of shape (n_samples,)
            The critic's logits of real samples.
        fake : torch.Tensor of shape (n_samples,)
            Those of generated samples.

        Returns
        -------
        torch.Tensor, scalar
            What the critic minimises.
        """

    @abstractmethod
    def generator_loss(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """Return what the generator minimises.

        Parameters
        ----------
        fake : torch.Tensor of shape (n_samples,)
            The critic's logits of generated samples.
        real : torch.Tensor of shape (n_samples,) or None, default=None
            Those of real samples, without a gradient, where ``needs_real_logits``.

        Returns
        -------
        torch.Tensor, scalar
            What the generator minimises.
        """


class NonSaturating(Objective):
    r"""Cross-entropy of telling real from generated, and of generated samples against "real".

    .. math::
        L_D = \mathbb{E}[-\log \sigma(D(x))] + \mathbb{E}[-\log(1 - \sigma(D(G(z))))], \qquad
        L_G = \mathbb{E}[-\log \sigma(D(G(z)))]

    The generator's gradient does not vanish where the critic is sure that samples are generated, as
    that of `Minimax` does.

    See Also
    --------
    Minimax : The game of zero sum.
    Relativistic : Compares pairs.

    References
    ----------
    I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, equation (1) and the end of
    section 3.

    Examples
    --------
    >>> import torch
    >>> NonSaturating().critic_loss(torch.zeros(4), torch.zeros(4))  # 2 log 2: chance
    tensor(1.3863)
    >>> NonSaturating().generator_loss(torch.zeros(4))
    tensor(0.6931)
    """

    def critic_loss(self, real, fake):
        """Return the cross-entropy of telling real from generated."""
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, fake, real=None):
        """Return the cross-entropy of generated samples against the label "real"."""
        return softplus(-fake).mean()


class Minimax(NonSaturating):
    r"""The game of zero sum, as papers print it: the generator minimises what the critic maximises.

    .. math::
        L_D = \mathbb{E}[-\log \sigma(D(x))] + \mathbb{E}[-\log(1 - \sigma(D(G(z))))], \qquad
        L_G = \mathbb{E}[\log(1 - \sigma(D(G(z))))]

    The generator's gradient vanishes where the critic is sure; in practice `NonSaturating`
    replaces it.

    See Also
    --------
    NonSaturating : The same critic, a generator that learns sooner.

    References
    ----------
    I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014, equation (1).

    M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG), KDD 2019,
    equations (1), (4) and (5).

    Examples
    --------
    >>> import torch
    >>> Minimax().generator_loss(torch.zeros(4))  # log 1/2
    tensor(-0.6931)
    """

    def generator_loss(self, fake, real=None):
        """Return the mean logarithm of the probability of being generated."""
        return logsigmoid(-fake).mean()


class LeastSquares(Objective):
    r"""Squared distance of the logits from 1 on real, and from 0 on generated samples.

    .. math::
        L_D = \tfrac12 \mathbb{E}[(D(x) - 1)^2] + \tfrac12 \mathbb{E}[D(G(z))^2], \qquad
        L_G = \tfrac12 \mathbb{E}[(D(G(z)) - 1)^2]

    See Also
    --------
    Hinge : Linear up to a margin.
    resolve_objective : Finds one by name.

    References
    ----------
    X. Mao et al., "Least squares generative adversarial networks", ICCV 2017, equation (9).

    Examples
    --------
    >>> import torch
    >>> LeastSquares().critic_loss(torch.ones(4), torch.zeros(4))
    tensor(0.)
    >>> LeastSquares().generator_loss(torch.zeros(4))
    tensor(0.5000)
    """

    def critic_loss(self, real, fake):
        """Return half the squared distances from 1 and 0."""
        return 0.5 * ((real - 1).square().mean() + fake.square().mean())

    def generator_loss(self, fake, real=None):
        """Return half the squared distance from 1."""
        return 0.5 * (fake - 1).square().mean()


class Hinge(Objective):
    r"""Hinge loss with margin 1: samples beyond the margin no longer count.

    .. math::
        L_D = \mathbb{E}[\max(0, 1 - D(x))] + \mathbb{E}[\max(0, 1 + D(G(z)))], \qquad
        L_G = -\mathbb{E}[D(G(z))]

    See Also
    --------
    NonSaturating : Cross-entropy.
    SpectralNorm : The penalty that goes with it.

    References
    ----------
    T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018,
    equations (16) and (17).

    Examples
    --------
    >>> import torch
    >>> Hinge().critic_loss(torch.tensor([2.0, 0.0]), torch.tensor([-3.0, -1.0]))
    tensor(0.5000)
    >>> Hinge().generator_loss(torch.tensor([1.0, 3.0]))
    tensor(-2.)
    """

    def critic_loss(self, real, fake):
        """Return the mean hinge losses of real and of generated logits."""
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator_loss(self, fake, real=None):
        """Return minus the mean logit."""
        return -fake.mean()


class Wasserstein(Objective):
    r"""Minus the critic's estimate of the Wasserstein-1 distance.

    .. math:: L_D = \mathbb{E}[D(G(z))] - \mathbb{E}[D(x)], \qquad L_G = -\mathbb{E}[D(G(z))]

    It estimates the distance only for a critic that is Lipschitz: train it with a penalty.

    See Also
    --------
    GradientPenalty : Has the critic be what it assumes.
    WeightClip : The first paper's way.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    equation (3) and Algorithm 1, line 5.

    M. Arjovsky et al., "Wasserstein generative adversarial networks", ICML 2017, equation (2).

    Examples
    --------
    >>> import torch
    >>> Wasserstein().critic_loss(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0]))
    tensor(-2.5000)
    """

    def critic_loss(self, real, fake):
        """Return the mean of generated minus that of real logits."""
        return fake.mean() - real.mean()

    def generator_loss(self, fake, real=None):
        """Return minus the mean logit."""
        return -fake.mean()


class Relativistic(Objective):
    r"""Cross-entropy of which of two samples is the real one.

    .. math::
        L_D = \mathbb{E}[-\log \sigma(D(x) - D(G(z)))], \qquad
        L_G = \mathbb{E}[-\log \sigma(D(G(z)) - D(x))]

    Each generated sample is compared with a real one, so a generator that leaves out a part of the
    data is no equilibrium. With ``GradientPenalty(target=0, at="both")`` this is the loss of R3GAN,
    which then converges locally.

    See Also
    --------
    NonSaturating : Without pairs.
    skgal.nn.R3GAN : The architecture that goes with it.

    References
    ----------
    Y. Huang, A. Gokaslan, V. Kuleshov, J. Tompkin, "The GAN is dead; long live the GAN! A modern
    GAN baseline" (R3GAN), NeurIPS 2024, equation (2).

    A. Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019, section 4.

    Examples
    --------
    >>> import torch
    >>> real, fake = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])
    >>> Relativistic().critic_loss(real, fake)  # log 2: chance
    tensor(0.6931)
    >>> Relativistic().generator_loss(fake + 9, real) < 1e-3
    tensor(True)
    """

    needs_real_logits = True

    def critic_loss(self, real, fake):
        """Return the cross-entropy of the real sample being the real one."""
        return softplus(fake - real).mean()

    def generator_loss(self, fake, real=None):
        """Return the cross-entropy of the generated sample being the real one."""
        return softplus(real - fake).mean()


OBJECTIVES: dict[str, type[Objective]] = {
    "nonsaturating": NonSaturating,
    "minimax": Minimax,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic": Relativistic,
}


def resolve_objective(objective: str | Objective) -> Objective:
    """Return the objective that a user's argument names, as a validated copy.

    A copy, so that what a training does to it leaves the user's parameter alone.

    Parameters
    ----------
    objective : str or Objective
        A key of ``OBJECTIVES``, or an objective.

    Returns
    -------
    Objective
        A copy of its own.

    Raises
    ------
    ValueError
        If there is no objective of that name, or a parameter is out of range.
    TypeError
        If the argument is neither a name nor an objective.

    See Also
    --------
    resolve_penalties : The same of penalties.
    Objective : What is returned.

    Examples
    --------
    >>> resolve_objective("wasserstein")
    Wasserstein()
    """
    return resolve_component(objective, "objective", OBJECTIVES, Objective)


def evasion_loss(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Mean of :math:`-\log(1 - C(y | x))`: small where the class is not recognised.

    Its gradient does not vanish where the classifier is sure of the class, as that of
    :math:`\log C(y | x)` does, and it does where the classifier is misled already.

    Parameters
    ----------
    logits : torch.Tensor of shape (n, n_classes)
        The classifier's, of two classes or more.
    labels : torch.Tensor of shape (n,), dtype int64
        The classes that the samples were generated of.

    Returns
    -------
    torch.Tensor, scalar
        The loss that the generator minimises.

    See Also
    --------
    skgal.training.PolarityGame : Whose generator minimises it.

    References
    ----------
    K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling
    approach", arXiv 2020, equation (6).

    Examples
    --------
    >>> import torch
    >>> evasion_loss(torch.zeros(1, 2), torch.tensor([0]))  # -log(1/2)
    tensor(0.6931)
    """
    labels = labels.unsqueeze(1)
    others = logits.scatter(1, labels, -torch.inf).logsumexp(1)
    return softplus(logits.gather(1, labels).squeeze(1) - others).mean()


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
    torch.Tensor, scalar
        0 for a batch of one.

    See Also
    --------
    skgal.classifiers.LossPredictionClassifier : Whose head minimises it.

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
