"""What keeps a critic Lipschitz: clipping, gradient penalty, consistency term, spectral norm.

A penalty acts through three methods that do nothing by default, so that it is chosen independently
of the loss and several of them combine.
"""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from skgal.base import DocumentedMixin
from skgal.utils import Interval, StrOptions, resolve_component


class Penalty(DocumentedMixin, BaseEstimator):
    """Base of what constrains a critic: three methods, each of which does nothing here.

    Subclasses hold their configuration in explicit keyword parameters, as any scikit-learn
    estimator, and override the methods they need. A training works on a copy. What a penalty
    learns on the way, it keeps in attributes that end in ``_``, tensors or numbers: they survive
    checkpoints and pickles.

    See Also
    --------
    resolve_penalties : Finds some by name.
    GradientPenalty : An example.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN
    >>> from skgal.objectives import Penalty
    >>> class SmallLogits(Penalty):
    ...     def __init__(self, *, weight=0.01):
    ...         self.weight = weight
    ...
    ...     def loss(self, critic, real, fake, *, rng, step=0):
    ...         return self.weight * critic(real).square().mean()
    >>> gan = GAN(penalty=SmallLogits(), max_iter=5, random_state=0)
    >>> gan.fit(load_iris().data).sample(3).shape
    (3, 4)
    """

    _parameter_constraints: dict = {}

    def prepare(self, critic: nn.Module) -> None:
        """Change a newly built critic in place, before its optimizer is made.

        Parameters
        ----------
        critic : torch.nn.Module
            Maps samples of shape (n, ...) to logits of shape (n,).
        """

    def loss(
        self,
        critic: nn.Module,
        real: Tensor,
        fake: Tensor,
        *,
        rng: torch.Generator | None = None,
        step: int = 0,
    ) -> Tensor | None:
        """Return what is added to the critic's loss, or None.

        Parameters
        ----------
        critic : torch.nn.Module
            Maps samples of shape (n, ...) to logits of shape (n,).
        real, fake : torch.Tensor of shape (n, ...)
            A real and a generated batch, detached from the generator.
        rng : torch.Generator
            The source of randomness, on the device of the data.
        step : int
            How many steps the critic has made before.

        Returns
        -------
        torch.Tensor, scalar, or None
            The weighted penalty, differentiable in the critic's parameters.
        """
        return None

    def project(self, critic: nn.Module) -> None:
        """Change the critic's parameters in place after one step of its optimizer.

        Parameters
        ----------
        critic : torch.nn.Module
            The critic just updated.
        """

    def state_dict(self) -> dict:
        """Return what the penalty has learnt: its attributes that end in ``_``."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}

    def load_state_dict(self, state: dict) -> None:
        """Restore a state that `state_dict` returned."""
        vars(self).update(state)


class WeightClip(Penalty):
    """Clip every parameter of the critic to ``[-bound, bound]`` after each update.

    The set of critics with bounded weights is uniformly Lipschitz, though the constant is not
    known.

    Parameters
    ----------
    bound : float, default=0.01
        The largest absolute value of a parameter, positive.

    See Also
    --------
    GradientPenalty : What followed it.
    SpectralNorm : Constrains weights without clipping.

    References
    ----------
    M. Arjovsky et al., "Wasserstein generative adversarial networks", ICML 2017, Algorithm 1, line
    7.

    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    Algorithm 1, line 13.

    Examples
    --------
    >>> import torch
    >>> critic = torch.nn.Linear(3, 1)
    >>> WeightClip(bound=0.01).project(critic)
    >>> bool(critic.weight.abs().max() <= 0.01)
    True
    """

    _parameter_constraints = {"bound": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, *, bound: float = 0.01):
        self.bound = bound

    @torch.no_grad()
    def project(self, critic):
        """Clip the parameters in place."""
        for parameter in critic.parameters():
            parameter.clamp_(-self.bound, self.bound)


class GradientPenalty(Penalty):
    r"""Pull the norm of the critic's gradient to ``target``.

    .. math:: \lambda\, \mathbb{E}[(\lVert \nabla_{\hat x} D(\hat x) \rVert_2 - c)^2]

    at points :math:`\hat x = \epsilon x + (1 - \epsilon) G(z)` with :math:`\epsilon \sim U[0, 1]`
    between real and generated samples, or at these themselves. With ``target=0`` and
    ``at="both"`` it is the sum of the two penalties R1 and R2, each with :math:`\lambda =
    \gamma/2`.

    The norm is that of each sample on its own: a critic whose layers mix the samples of a batch
    (batch normalisation) must not be used with it.

    Parameters
    ----------
    weight : float, default=10.0
        The weight :math:`\lambda`, not negative.
    target : float, default=1.0
        The norm :math:`c` aimed at, not negative.
    at : {"between", "real", "fake", "both"}, default="between"
        Where the gradient is taken; ``"both"`` adds the penalty at real samples to that at
        generated ones.

    See Also
    --------
    LazyPenalty : At every k-th step only.
    SpectralNorm : Constrains weights instead.

    References
    ----------
    I. Gulrajani et al., "Improved training of Wasserstein GANs", NeurIPS 2017, equation (3).

    With a target of 0, under which training converges: L. Mescheder, A. Geiger, S. Nowozin,
    "Which training methods for GANs do actually converge?", ICML 2018, equations (9) and (10) (R1
    and R2); H. Thanh-Tung, T. Tran, S. Venkatesh, "Improving generalization and stability of
    generative adversarial networks", ICLR 2019 (between). Both R1 and R2: Y. Huang et al., "The GAN
    is dead; long live the GAN! A modern GAN baseline" (R3GAN), NeurIPS 2024.

    Examples
    --------
    >>> import torch
    >>> critic = lambda x: 3 * x[:, 0]  # its gradient has the norm 3 everywhere
    >>> real, fake = torch.zeros(4, 2), torch.ones(4, 2)
    >>> rng = torch.Generator().manual_seed(0)
    >>> GradientPenalty(weight=10.0).loss(critic, real, fake, rng=rng).item()
    40.0
    >>> GradientPenalty(weight=0.5, target=0.0, at="both").loss(critic, real, fake, rng=rng).item()
    9.0
    """

    _parameter_constraints = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "target": [Interval(Real, 0, None, closed="left")],
        "at": [StrOptions({"between", "real", "fake", "both"})],
    }

    def __init__(self, *, weight: float = 10.0, target: float = 1.0, at: str = "between"):
        self.weight = weight
        self.target = target
        self.at = at

    def loss(self, critic, real, fake, *, rng=None, step=0):
        """Return the penalty; with ``at="between"`` the batches must be of one size.

        Raises
        ------
        ValueError
            If samples are to be paired and the batches differ in shape.
        """
        if self.at == "both":
            return self._loss_at(critic, real) + self._loss_at(critic, fake)
        if self.at != "between":
            return self._loss_at(critic, real if self.at == "real" else fake)
        if real.shape != fake.shape:
            raise ValueError(
                "The gradient penalty pairs real with generated samples: expected batches of one "
                f"shape, got {tuple(real.shape)} and {tuple(fake.shape)}."
            )
        position = torch.rand(
            (len(real),) + (1,) * (real.ndim - 1),
            generator=rng,
            device=real.device,
            dtype=real.dtype,
        )
        return self._loss_at(critic, torch.lerp(fake.detach(), real.detach(), position))

    def _loss_at(self, critic: nn.Module, samples: Tensor) -> Tensor:
        samples = samples.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(samples).sum(), samples, create_graph=True)
        norm = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
        return self.weight * (norm - self.target).square().mean()


class ConsistencyTerm(Penalty):
    r"""Keep the critic steady at real samples under two draws of its dropout.

    .. math:: \lambda\, \mathbb{E}_x[\max(0,\; d(D(x'), D(x'')) + 0.1\, d(D_-(x'), D_-(x'')) - M')]

    where :math:`D(x')` and :math:`D(x'')` are two passes of one sample through the critic, each
    with a dropout mask of its own, and :math:`D_-` are the penultimate features. It bounds the
    slope near the data, where the interpolates of a gradient penalty seldom fall; WGAN-CT is the
    two together.

    The paper leaves :math:`d` open; here, as in the authors' program, it is the squared difference,
    averaged over the features, so that the term does not grow with the width of the critic.

    Parameters
    ----------
    weight : float, default=2.0
        The weight :math:`\lambda`, not negative.
    margin : float, default=0.0
        The margin :math:`M'` below which a difference costs nothing, not negative.
    dropout : float, default=0.5
        The probability, in (0, 1), that the critic's dropout layers are given; the default is that
        of the authors.

    See Also
    --------
    Wasserstein : What it goes with.
    GradientPenalty : Constrains slopes instead.

    References
    ----------
    X. Wei et al., "Improving the improved training of Wasserstein GANs: a consistency term and its
    dual effect", ICLR 2018, equations (4) and (5).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN
    >>> from skgal.objectives import ConsistencyTerm, GradientPenalty
    >>> gan = GAN(
    ...     objective="wasserstein",
    ...     penalty=[GradientPenalty(), ConsistencyTerm(weight=2.0)],  # WGAN-CT
    ...     max_iter=5,
    ...     random_state=0,
    ... )
    >>> gan.fit(load_iris().data).sample(3).shape
    (3, 4)
    """

    _feature_weight = 0.1
    _parameter_constraints = {
        "weight": [Interval(Real, 0, None, closed="left")],
        "margin": [Interval(Real, 0, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(self, *, weight: float = 2.0, margin: float = 0.0, dropout: float = 0.5):
        self.weight = weight
        self.margin = margin
        self.dropout = dropout

    def prepare(self, critic):
        """Switch the critic's dropout on, that of `skgal.nn.Dropout` or `torch.nn.Dropout`.

        Raises
        ------
        ValueError
            If it has none.
        """
        # By name, for skgal.nn and skgal.objectives don't import each other.
        layers = [layer for layer in critic.modules() if type(layer).__name__ == "Dropout"]
        if not layers:
            raise ValueError(
                "ConsistencyTerm compares two draws of the critic's dropout, but the critic has no "
                "dropout layers; put skgal.nn.Dropout() behind its hidden layers."
            )
        for layer in layers:
            layer.p = self.dropout

    def loss(self, critic, real, fake, *, rng=None, step=0):
        """Return the penalty at the real batch; the critic has ``features`` and ``head``."""
        # One pass over the batch twice in a row: each copy of a sample gets its own mask.
        features = critic.features(torch.cat([real, real]))
        first_features, second_features = features.chunk(2)
        first_logits, second_logits = critic.head(features).squeeze(1).chunk(2)
        difference = (first_logits - second_logits).square()
        difference = difference + self._feature_weight * (
            first_features - second_features
        ).square().mean(1)
        return self.weight * torch.relu(difference - self.margin).mean()


class SpectralNorm(Penalty):
    """Divide each weight matrix of the critic by its largest singular value.

    Every linear and convolutional layer is reparametrised in place; the singular value is followed
    by power iteration, one or more rounds in each forward pass in training mode.

    Parameters
    ----------
    n_power_iterations : int, default=1
        Rounds of power iteration in a forward pass, at least 1.

    See Also
    --------
    GradientPenalty : Constrains slopes at samples.
    WeightClip : The crudest way.

    Notes
    -----
    ``prepare`` draws the start of the power iteration from torch's default generator: call it where
    the critic is built. A critic so prepared has a complete ``state_dict`` and can be deep-copied,
    but torch does not pickle reparametrised modules.

    References
    ----------
    T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018,
    Algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from skgal.objectives import SpectralNorm
    >>> critic = torch.nn.Linear(3, 3, bias=False)
    >>> _ = critic.weight.data.copy_(torch.diag(torch.tensor([4.0, 2.0, 1.0])))
    >>> SpectralNorm(n_power_iterations=50).prepare(critic)
    >>> critic(torch.eye(3)).round(decimals=3).detach().diag()
    tensor([1.0000, 0.5000, 0.2500])
    """

    _parameter_constraints = {"n_power_iterations": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, *, n_power_iterations: int = 1):
        self.n_power_iterations = n_power_iterations

    def prepare(self, critic):
        """Reparametrise the weights of the critic's linear and convolutional layers in place."""
        layers = [
            m
            for m in critic.modules()
            if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d)
        ]
        for layer in layers:
            spectral_norm(layer, n_power_iterations=self.n_power_iterations)


class LazyPenalty(Penalty):
    """Apply another penalty at every k-th step of the critic only, k times as strongly.

    What a penalty costs falls to a k-th, and its mean over the steps stays. Constraints on weights
    (clipping, spectral normalisation) hold at every step all the same.

    Parameters
    ----------
    penalty : Penalty
        What is applied.
    every : int, default=16
        The number k.

    See Also
    --------
    GradientPenalty : What it is mostly around.

    References
    ----------
    T. Karras et al., "Analyzing and improving the image quality of StyleGAN", CVPR 2020, section
    3.1 (lazy regularization).

    Examples
    --------
    >>> import torch
    >>> lazy = LazyPenalty(GradientPenalty(weight=10.0), every=4)
    >>> critic = lambda x: 3 * x[:, 0]
    >>> samples, rng = torch.zeros(2, 2), torch.Generator().manual_seed(0)
    >>> losses = [lazy.loss(critic, samples, samples, rng=rng, step=step) for step in range(5)]
    >>> [None if loss is None else loss.item() for loss in losses]
    [160.0, None, None, None, 160.0]
    """

    _parameter_constraints = {
        "penalty": [Penalty],
        "every": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, penalty: Penalty, *, every: int = 16):
        self.penalty = penalty
        self.every = every

    def prepare(self, critic):
        """Have the penalty change a newly built critic in place."""
        self.penalty.prepare(critic)

    def loss(self, critic, real, fake, *, rng=None, step=0):
        """Return the penalty's loss, k-fold, at every k-th step, else None."""
        if step % self.every:
            return None
        loss = self.penalty.loss(critic, real, fake, rng=rng, step=step)
        return None if loss is None else self.every * loss

    def project(self, critic):
        """Have the penalty change the critic after a step."""
        self.penalty.project(critic)

    def state_dict(self):
        """Return what the penalty has learnt."""
        return self.penalty.state_dict()

    def load_state_dict(self, state):
        """Restore a state that `state_dict` returned."""
        self.penalty.load_state_dict(state)


PENALTIES: dict[str, type[Penalty]] = {
    "weight_clip": WeightClip,
    "gradient_penalty": GradientPenalty,
    "consistency": ConsistencyTerm,
    "spectral_norm": SpectralNorm,
}


def resolve_penalties(
    penalty: str | Penalty | Iterable[str | Penalty] | None,
) -> tuple[Penalty, ...]:
    """Return the penalties that a user's argument names, as validated copies.

    Copies, so that what a training does to them leaves the user's parameters alone.

    Parameters
    ----------
    penalty : str, Penalty, iterable of str and Penalty, or None
        Keys of ``PENALTIES`` (which stand for the default parameters) or penalties.

    Returns
    -------
    tuple of Penalty
        Clones of what was given, in the order given.

    Raises
    ------
    ValueError
        If a name is unknown, a kind of penalty comes twice, or a parameter is out of range.
    TypeError
        If something is neither a name nor a penalty.

    See Also
    --------
    resolve_objective : The same of objectives.
    Penalty : What is returned.

    Examples
    --------
    >>> resolve_penalties(["consistency", GradientPenalty(weight=5.0)])
    (ConsistencyTerm(), GradientPenalty(weight=5.0))
    >>> resolve_penalties(None)
    ()
    """
    if penalty is None:
        return ()
    if isinstance(penalty, str | Penalty) or not isinstance(penalty, Iterable):
        penalty = (penalty,)
    penalties = tuple(resolve_component(one, "penalty", PENALTIES, Penalty) for one in penalty)
    for lazy in penalties:
        if isinstance(lazy, LazyPenalty):
            lazy.penalty._validate_params()
    kinds = [type(getattr(one, "penalty", one)).__name__ for one in penalties]
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"penalty must name each kind at most once, got {kinds}.")
    return penalties
