"""What every adversarially trained generator has in common: the template of ``fit``."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from skgal.base import BaseGenerator
from skgal.engine import (
    AdversarialNet,
    apply_network,
    latent_distribution,
    resolve_augmentations,
    resolve_device,
)
from skgal.nn import ARCHITECTURES, Architecture, resolve_architecture
from skgal.objectives import (
    OBJECTIVES,
    PENALTIES,
    Objective,
    Penalty,
    resolve_objective,
    resolve_penalties,
)
from skgal.utils import DataLayout, as_random_state, draw_seed


class AdversarialGenerator(BaseGenerator):
    """Base of generators that are trained against a critic.

    A subclass lists its parameters in ``__init__``, and may override :meth:`_make_net` for
    another game and :meth:`_finish` for what follows the game.
    """

    #: The latent distribution, for generators that don't let the user choose it.
    latent = "uniform"

    _parameter_constraints = {
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "objective": [StrOptions(set(OBJECTIVES)), Objective],
        "penalty": [None, StrOptions(set(PENALTIES)), Penalty, tuple, list],
        "architecture": [StrOptions({"auto", *ARCHITECTURES}), Architecture],
        "image_shape": [None, tuple, list],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "critic_iter": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "augment": [None, str, tuple, list],
        "ema_decay": [None, Interval(Real, 0, 1, closed="left")],
        "callbacks": [None, tuple, list],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
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
        callbacks,
        device,
        random_state,
        verbose,
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
        self.callbacks = callbacks
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Train the generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Numbers of any dtype, at least two samples.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X holds NaN or infinite values, or doesn't match ``image_shape``.
        skgal.exceptions.NonFiniteLossError
            If the training diverges.
        """
        samples = validate_data(self, X, allow_nd=True, ensure_min_samples=2)
        self.layout_ = DataLayout(samples, self.image_shape, container=X)
        self.latent_dim_ = self.latent_dim
        self.latent_distribution_ = latent_distribution(self.latent)
        rng = as_random_state(self.random_state)
        architecture = resolve_architecture(self.architecture, self.layout_.shape)
        self.net_ = self._make_net(architecture, seed=draw_seed(rng))
        self.net_.fit(self.layout_.to_network(samples))
        self.history_ = history_rows(self.net_)
        self.n_iter_ = self.history_[-1]["updates"]
        self._finish(architecture, rng)
        return self

    def _make_net(self, architecture, seed):
        """Build the net that plays the adversarial game."""
        shape = self.layout_.shape
        penalties = resolve_penalties(self.penalty)
        dropout = max((penalty.critic_dropout for penalty in penalties), default=0.0)
        return AdversarialNet(
            partial(architecture.make_generator, self.latent_dim, shape),
            critic=partial(architecture.make_critic, shape, dropout=dropout),
            objective=resolve_objective(self.objective),
            penalties=penalties,
            augmentations=resolve_augmentations(self.augment, self.layout_.is_image),
            latent_dim=self.latent_dim,
            latent=self.latent,
            critic_iter=self.critic_iter,
            ema_decay=self.ema_decay,
            batch_size=self.batch_size,
            seed=seed,
            **self._training_arguments(),
        )

    def _training_arguments(self):
        """Return what every net of this generator is trained with."""
        return {
            "max_iter": self.max_iter,
            "lr": self.learning_rate,
            "optimizer__betas": (0.5, 0.9),
            "optimizer__fused": True,
            "callbacks": self.callbacks,
            "device": resolve_device(self.device),
            "verbose": int(self.verbose),
        }

    def _finish(self, architecture, rng):
        """Do what follows the game; nothing here."""

    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``, so the same points at every call.

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
        Z = check_array(Z, dtype=np.float32, input_name="Z")
        if Z.shape[1] != self.latent_dim_:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but this generator was fitted with "
                f"latent_dim={self.latent_dim_}."
            )
        images = apply_network(self.net_.generator_, Z, self.net_.device)
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
        X = validate_data(self, X, allow_nd=True, reset=False)
        if X.shape[1:] != self.layout_.sample_shape:
            raise ValueError(
                f"Each sample of X has shape {X.shape[1:]}, but {type(self).__name__} was "
                f"fitted on samples of shape {self.layout_.sample_shape}."
            )
        return self.layout_.to_network(X)

    @property
    def _n_features_out(self):
        return self.net_.critic_.n_features

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # features are float32, always
        return tags


def history_rows(net):
    """Return a net's history as plain rows, one dict an epoch."""
    return [
        {name: value for name, value in row.items() if name != "batches"} for row in net.history
    ]
