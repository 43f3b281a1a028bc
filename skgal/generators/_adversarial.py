"""What every adversarially trained generator has in common: the template of ``fit``."""

from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real
from os import PathLike

import numpy as np
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from skgal.base import BaseGenerator
from skgal.generators._diagnosis import warn_of_failure
from skgal.generators._files import FileMixin
from skgal.generators._selection import FrechetSelection
from skgal.generators._training import Training, renew
from skgal.generators._validation import check_new_samples, check_training_samples
from skgal.nn import ARCHITECTURES, Architecture, apply_network, resolve_architecture
from skgal.objectives import (
    OBJECTIVES,
    PENALTIES,
    GradientPenalty,
    Objective,
    Penalty,
    resolve_objective,
    resolve_penalties,
)
from skgal.training import PRECISIONS, AdversarialNet, latent_distribution, resolve_augmentations
from skgal.utils import as_random_state, draw_seed


class AdversarialGenerator(FileMixin, CallbackSupportMixin, BaseGenerator):
    """Base of generators that are trained against a critic.

    A subclass lists its parameters in ``__init__``, and may override the steps of :meth:`fit`:
    :meth:`_check_training_data` for data of another kind, :meth:`_make_net` for another game,
    :meth:`_finish` for what follows the game.
    """

    #: The latent distribution, for generators that don't let the user choose it.
    latent = "uniform"

    _parameter_constraints = {
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions({"auto", *OBJECTIVES}), Objective],
        "penalty": [None, StrOptions({"auto", *PENALTIES}), Penalty, tuple, list],
        "architecture": [StrOptions({"auto", *ARCHITECTURES}), Architecture],
        "image_shape": [None, tuple, list],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "critic_iter": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "augment": [None, str, tuple, list],
        "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
        "model_selection": [None, FrechetSelection],
        "callbacks": [None, tuple, list],
        "device": [str],
        "precision": [StrOptions(set(PRECISIONS))],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "checkpoint": [None, str, PathLike],
    }

    def __init__(
        self,
        *,
        latent_dim,
        objective,
        penalty,
        architecture,
        image_shape,
        max_iter,
        batch_size,
        critic_iter,
        learning_rate,
        augment,
        ema_decay,
        model_selection,
        callbacks,
        device,
        precision,
        random_state,
        verbose,
        warm_start,
        checkpoint,
    ):
        self.latent_dim = latent_dim
        self.objective = objective
        self.penalty = penalty
        self.architecture = architecture
        self.image_shape = image_shape
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.critic_iter = critic_iter
        self.learning_rate = learning_rate
        self.augment = augment
        self.ema_decay = ema_decay
        self.model_selection = model_selection
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start
        self.checkpoint = checkpoint

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            At least two samples: numbers of any dtype, or a table that has categories, booleans
            or gaps as well.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is no table and holds NaN, or infinite values, or doesn't match ``image_shape``;
            if ``checkpoint`` holds another training.
        skgal.exceptions.NonFiniteLossError
            If the training diverges.
        """
        check = check_new_samples if self._trains_on() else self._learn_layout
        tensor, labels = self._check_training_data(check, X, y)
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with self._in(Training(self, (tensor, labels), self.device, context)):
            self._train(tensor, labels)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _train(self, tensor, labels):
        """Train the networks on samples, and classes if there are any, as networks see them."""
        rng = as_random_state(self.random_state)
        seed = draw_seed(rng)
        architecture = self._resolve_architecture()
        self._training.watchers = self._make_watchers(architecture, tensor, labels)
        if self._trains_on():
            watchers, n_updates = self._training.watchers, self.net_.n_updates_
            renew(self.net_, self._training.arguments("game", watchers, n_updates))
        else:
            self.latent_dim_ = self.latent_dim
            self.latent_distribution_ = latent_distribution(self.latent)
            self.net_ = self._make_net(architecture, seed=seed).initialize()
            self._prepare(architecture, tensor, labels, rng)
        self.net_.partial_fit(tensor, labels)
        self.history_ = history_rows(self.net_)
        self.n_iter_ = self.history_[-1]["updates"]
        self._finish(architecture, rng)
        warn_of_failure(self, tensor, labels)

    @contextmanager
    def _in(self, training):
        """Have the nets that are made meanwhile belong to a training."""
        self._training = training
        try:
            yield
        finally:
            del self._training

    def _trains_on(self):
        """Tell whether ``fit`` goes on with the networks that are there."""
        return self.warm_start and hasattr(self, "net_")

    def _learn_layout(self, generator, X, *y):
        """Check training samples and learn how they are laid out."""
        self.layout_, *checked = check_training_samples(generator, X, *y)
        return checked

    def _check_training_data(self, check, X, y):
        """Return the samples as networks see them, and their classes as integers or None."""
        (tensor,) = check(self, X)
        return tensor, None

    def _resolve_architecture(self):
        architecture = resolve_architecture(self.architecture, self.layout_.shape)
        if self.layout_.groups is not None:
            return architecture.for_table(self.layout_.groups)
        return architecture

    def _make_net(self, architecture, seed):
        """Build the net that plays the adversarial game."""
        shape = self.layout_.shape
        return AdversarialNet(
            partial(architecture.make_generator, self.latent_dim, shape),
            critic=partial(architecture.make_critic, shape, dropout=self._critic_dropout()),
            **self._game_arguments(seed),
        )

    def _make_nets(self):
        """Build every net, by the name of the attribute that holds it, with new weights."""
        with self._in(Training(self, (), "auto")):
            return {"net_": self._make_net(self._resolve_architecture(), seed=0)}

    def _game_arguments(self, seed):
        """Return what any adversarial net of this generator is made with, but its networks."""
        return {
            "objective": self._objective(),
            "penalties": self._penalties(),
            "augmentations": resolve_augmentations(self.augment, self.layout_.is_image),
            "latent_dim": self.latent_dim,
            "latent": self.latent,
            "critic_iter": self.critic_iter,
            "ema_decay": self.ema_decay,
            "batch_size": self.batch_size,
            "seed": seed,
            **self._training.arguments("game", self._training.watchers),
        }

    def _critic_dropout(self):
        """Return the dropout that the penalties ask of the critic."""
        return max((penalty.critic_dropout for penalty in self._penalties()), default=0.0)

    def _objective(self):
        """Return what generator and critic play for."""
        if self.objective == "auto":
            return resolve_objective("hinge" if self.layout_.is_image else "nonsaturating")
        return resolve_objective(self.objective)

    def _penalties(self):
        """Return what keeps the critic smooth."""
        if self.penalty == "auto":
            is_image = self.layout_.is_image
            return resolve_penalties("spectral_norm" if is_image else zero_centred_penalty())
        return resolve_penalties(self.penalty)

    def _make_watchers(self, architecture, tensor, labels):
        """Return the user's callbacks, and what selects the generator to keep."""
        watchers = list(self.callbacks or ())
        if self.model_selection is not None:
            watchers.append(self.model_selection.make_callback(self, architecture, tensor, labels))
        return watchers

    def _prepare(self, architecture, tensor, labels, rng):
        """Bring new networks near the solution before the game; nothing here."""

    def _finish(self, architecture, rng):
        """Do what follows the game; nothing here."""

    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same points
            at every call.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float32
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
        y : None
            Must be None: this generator knows no classes.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data

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
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        if Z.shape[1] != self.latent_dim_:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this generator was fitted with "
                f"latent_dim={self.latent_dim_}."
            )
        images = apply_network(self.net_.generator_, Z, self.net_.device, *classes)
        return self.layout_.from_network(images)

    def transform(self, X):
        """Map samples to the critic's penultimate features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """
        tensor = self._to_network(X)
        return apply_network(self.net_.critic_.features, tensor, self.net_.device)

    def score_samples(self, X):
        """Rate how real samples look to the critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            The critic's value (logit), higher for more real-looking samples.
        """
        return apply_network(self.net_.critic_, self._to_network(X), self.net_.device)

    def _to_network(self, X):
        """Check new samples against those of ``fit`` and bring them to network layout."""
        check_is_fitted(self)
        (tensor,) = check_new_samples(self, X)
        return tensor

    @property
    def _n_features_out(self):
        return self.net_.critic_.n_features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # features are float32, always
        tags.input_tags.allow_nan = True  # in tables
        return tags


def zero_centred_penalty():
    """Return the penalty that lets a critic come to rest where real and generated are alike."""
    return GradientPenalty(weight=1.0, target=0.0)


def history_rows(net):
    """Return a net's history as plain rows, one dict an epoch."""
    return [
        {name: value for name, value in row.items() if name != "batches"} for row in net.history
    ]
