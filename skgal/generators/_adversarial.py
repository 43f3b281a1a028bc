"""What every adversarially trained generator has in common."""

from functools import partial
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgal.base import BaseGenerator
from skgal.differentiable import UserSamples, register_differentiable
from skgal.exceptions import CriticWonWarning, ModeCollapseWarning, NotDifferentiableError
from skgal.generators._base import NetworkEstimator, store_parameters
from skgal.generators._selection import FrechetSelection
from skgal.objectives import (
    OBJECTIVES,
    PENALTIES,
    GradientPenalty,
    Objective,
    Penalty,
    resolve_objective,
    resolve_penalties,
)
from skgal.training import latent_distribution, resolve_augmentations
from skgal.utils import Interval, StrOptions, as_random_state, warn_user

# Shares below which a training counts as failed; usual ones are far above.
_LEAST_DIVERSITY = 0.1
_LEAST_LOSS = 0.01
# Samples whose distances are compared.
_N_DIAGNOSED = 256


class AdversarialGenerator(NetworkEstimator, BaseGenerator):
    """Base of generators that are trained against a critic.

    A subclass says in :meth:`make_game` which game it trains: often one of its own, made with
    :meth:`game_arguments` and a few more. The game has networks named ``generator`` and ``critic``.

    Parameters
    ----------
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="auto"
        What generator and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` is ``"hinge"``
        for images and ``"nonsaturating"`` for tables.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images and ``GradientPenalty(weight=1, target=0)`` for tables.
    max_iter : int, default=2500
        Number of generator updates.
    critic_iter : int, default=1
        Critic updates for each generator update.
    learning_rate : float, default=5e-4
        Step size of Adam, for all networks.
    augment : None, "auto", str or list of str, default="auto"
        Differentiable augmentation (S. Zhao et al., NeurIPS 2020) of what the critic sees: any of
        ``"translation"``, ``"flip"``, ``"cutout"``, ``"brightness"``. ``"auto"`` is translation
        for images and nothing for tables.
    ema_decay : float in [0, 1) or None, default=0.995
        Decay of the moving average of the generator's weights that draws the samples.
    model_selection : None or FrechetSelection, default=None
        Which moment of the training to keep, and when to stop. None keeps the last.
    callbacks : list of skorch callbacks or None, default=None
        Called at updates of the game and every 50 of them; a callback that stops skorch, such as
        ``EarlyStopping(monitor="critic_loss")``, stops the game.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator`` and ``net_.trained_.critic``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds).
    n_iter_ : int
        Number of generator updates made.
    latent_distribution_ : frozen distribution of scipy.stats
        Of each latent coordinate.

    See Also
    --------
    ConditionalAdversarialGenerator : Of given classes.
    NetworkEstimator : Without a critic.

    Examples
    --------
    >>> from skgal.generators import CGAN, GAN, GIN, AdversarialGenerator, DesignBox
    >>> [issubclass(kind, AdversarialGenerator) for kind in (GAN, CGAN, GIN, DesignBox)]
    [True, True, True, False]
    """

    #: The latent distribution, for generators that don't let the user choose it.
    latent = "uniform"

    _parameter_constraints = {
        **NetworkEstimator._parameter_constraints,
        "objective": [StrOptions({"auto", *OBJECTIVES}), Objective],
        "penalty": [None, StrOptions({"auto", *PENALTIES}), Penalty, tuple, list],
        "critic_iter": [Interval(Integral, 1, None, closed="left")],
        "augment": [None, str, tuple, list],
        "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
        "model_selection": [None, FrechetSelection],
    }

    def __init__(
        self,
        *,
        latent_dim=8,
        objective="auto",
        penalty="auto",
        architecture="auto",
        image_shape=None,
        max_iter=2500,
        batch_size=64,
        critic_iter=1,
        learning_rate=5e-4,
        betas=(0.5, 0.9),
        augment="auto",
        ema_decay=0.995,
        model_selection=None,
        callbacks=None,
        device="auto",
        precision="float32",
        random_state=None,
        verbose=0,
        warm_start=False,
        checkpoint=None,
    ):
        store_parameters(self, locals())

    def game_arguments(self, architecture):
        """Return what an adversarial game of this generator is made with.

        Parameters
        ----------
        architecture : skgal.nn.Architecture
            What makes the networks.

        Returns
        -------
        dict
            The parameters of :class:`skgal.training.AdversarialGame`; a subclass replaces or adds
            what is different in its game.
        """
        shape = self.layout_.shape
        return {
            "generator": partial(architecture.make_generator, self.latent_dim, shape),
            "critic": partial(architecture.make_critic, shape),
            "objective": self.resolve_objective(),
            "penalties": self.resolve_penalties(),
            "augmentations": resolve_augmentations(self.augment, self.layout_.is_image),
            "latent_dim": self.latent_dim,
            "latent": self.latent,
            "critic_iter": self.critic_iter,
        }

    def resolve_objective(self):
        """Return what generator and critic minimise."""
        if self.objective == "auto":
            return resolve_objective("hinge" if self.layout_.is_image else "nonsaturating")
        return resolve_objective(self.objective)

    def resolve_penalties(self):
        """Return what keeps the critic smooth."""
        if self.penalty == "auto":
            is_image = self.layout_.is_image
            return resolve_penalties("spectral_norm" if is_image else zero_centred_penalty())
        return resolve_penalties(self.penalty)

    def make_callbacks(self, tensor, labels):
        """Return the user's callbacks, and what selects the generator to keep."""
        callbacks = super().make_callbacks(tensor, labels)
        if self.model_selection is not None:
            architecture = self.resolve_architecture()
            selection = self.model_selection.make_callback(self, architecture, tensor, labels)
            callbacks.append(selection)
        return callbacks

    def finish(self, tensor, labels, rng, setup):
        """Warn of a training that has failed."""
        self.latent_distribution_ = latent_distribution(self.latent)
        _warn_of_collapse(self, tensor, labels)
        if hasattr(self._game, "critic"):
            _warn_of_perfect_critic(self)

    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same points
            at every call.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float32
            The latent points.
        """
        check_is_fitted(self)
        if not isinstance(n_samples, Integral) or n_samples < 1:
            raise ValueError(f"n_samples must be a positive integer, got {n_samples!r}.")
        rng = as_random_state(self.random_state if random_state is None else random_state)
        size = (n_samples, self.latent_dim_)
        return self.latent_distribution_.rvs(size=size, random_state=rng).astype(np.float32)

    def generate(self, Z, y=None):
        """Map latent points to samples.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points.
        y : None
            Must be None: this generator knows no classes.

        Returns
        -------
        array or DataFrame of n_samples samples, laid out as the training data
            One sample for each latent point.

        Raises
        ------
        ValueError
            If Z has another width than ``latent_dim``, or classes are asked for.
        """
        check_is_fitted(self)
        if y is not None:
            raise ValueError(
                f"{type(self).__name__} is not conditional, so y must be None; "
                "it cannot generate samples of given classes."
            )
        return self._decode(Z)

    def _decode(self, Z, *classes):
        """Run the generator on latent points, and on the class index of each if there are."""
        Z = self._check_latent(Z)
        return self.layout_.from_network(self._apply(self._game.generator, Z, *classes))

    def transform(self, X):
        """Map samples to the critic's penultimate features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
            The features of each sample.
        """
        tensor = self._to_network(X)
        return self._apply(self._game.critic.features, tensor)

    def _can_score(self):
        return not hasattr(self, "net_") or hasattr(self.net_.module_, "critic")

    @available_if(_can_score)
    def score_samples(self, X):
        """Rate how real samples look to the critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            The critic's value (logit), higher for more real-looking samples.
        """
        return self._apply(self._game.critic, self._to_network(X))

    @property
    def _n_features_out(self):
        return self._game.critic.n_features


# A TransformerMixin, or set_output would not reach this transform.
class EncodingMixin(TransformerMixin):
    """Transforms by an encoder, ``_encode(tensor)`` of the subclass, and back by the generator."""

    def transform(self, X):
        """Map samples to the latent points that generate something like them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame

        Returns
        -------
        Z : ndarray of shape (n_samples, latent_dim), dtype float32, values in [-1, 1]
            The encoder's output, clipped to the latent cube.
        """
        return np.clip(self._encode(self._to_network(X)), *self.latent_distribution_.support())

    def inverse_transform(self, Z):
        """Map latent points to samples; the same as :meth:`generate`.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
        """
        return self.generate(Z)

    @property
    def _n_features_out(self):
        return self.latent_dim_


def layout_of_numbers(generator):
    """Return the layout of a fitted generator; refuse one that is not differentiable."""
    if generator.layout_.affine is None:
        raise NotDifferentiableError(
            f"{type(generator).__name__} was fitted on a table with categories or gaps; between "
            "these and the networks no gradient passes; fit it to numbers or images."
        )
    return generator.layout_


@register_differentiable(AdversarialGenerator, "generate")
def _user_samples(generator):
    layout = layout_of_numbers(generator)
    return UserSamples(generator.net_.trained_.generator, layout, generator.net_.device)


def zero_centred_penalty():
    """Return a gradient penalty of 0 at equilibrium: the critic's gradient vanishes there."""
    return GradientPenalty(weight=1.0, target=0.0)


def _warn_of_collapse(generator, tensor, labels):
    """Warn if samples hardly vary."""
    varied = _diversity(generator, tensor, labels)
    if varied < _LEAST_DIVERSITY:
        warn_user(
            f"The samples of {type(generator).__name__} vary {varied:.2g} times as much as the "
            f"data after {generator.n_iter_} updates: either the training was too short, or the "
            "generator has collapsed. Raise max_iter; if that doesn't help, try a penalty, another "
            "objective or a smaller learning_rate.",
            ModeCollapseWarning,
        )


def _warn_of_perfect_critic(generator):
    """Warn if the critic has nothing left to learn, so that the generator learns nothing either."""
    objective = generator.net_.module_.objective
    share = _loss_share(objective, generator.history_[-1]["critic_loss"])
    if share < _LEAST_LOSS:
        warn_user(
            f"The critic of {type(generator).__name__} is right about every sample: {share:.1%} of "
            "its loss is left, so the generator has nothing to learn from. Try a penalty, an "
            'augmentation, objective="wasserstein" or a smaller critic_iter.',
            CriticWonWarning,
        )


def _diversity(generator, tensor, labels):
    """Return the mean distance of two samples over that of two real ones, within a class."""
    n_samples = min(_N_DIAGNOSED, len(tensor))
    rows = as_random_state(0).choice(len(tensor), n_samples, replace=False)
    classes = () if labels is None else (labels[rows],)
    Z = generator.sample_latent(n_samples, random_state=0)
    drawn, real = generator._apply(generator.net_.trained_.generator, Z, *classes), tensor[rows]
    if labels is not None:
        drawn, real = (_without_class_means(samples, *classes) for samples in (drawn, real))
    spread = _mean_distance(real)
    return _mean_distance(drawn) / spread if spread > 0 else 1.0


def _loss_share(objective, critic_loss):
    """Return the loss over that of a constant critic; 1 if it is not bounded below."""
    zero = torch.zeros(1, dtype=torch.float32, device="cpu")
    constant = float(objective.critic_loss(zero, zero))
    return critic_loss / constant if constant > 0 else 1.0


def _without_class_means(samples, labels):
    samples = samples.reshape(len(samples), -1).astype(np.float64)
    for label in np.unique(labels):
        samples[labels == label] -= samples[labels == label].mean(axis=0)
    return samples


def _mean_distance(samples):
    points = torch.from_numpy(samples).flatten(1)
    return float(torch.nn.functional.pdist(points).mean())
