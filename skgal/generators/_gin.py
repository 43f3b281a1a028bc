"""The generative invertible network of AISEL."""

from functools import partial
from numbers import Integral, Real

import torch
from skorch.callbacks import LRScheduler

from skgal.generators._adversarial import (
    AdversarialGenerator,
    EncodingMixin,
    zero_centred_penalty,
)
from skgal.generators._base import history_rows, make_net, net_settings, store_parameters
from skgal.nn import ARCHITECTURES, Architecture, Dense, resolve_architecture
from skgal.objectives import LazyPenalty, NonSaturating
from skgal.training import (
    AdversarialGame,
    InversionGame,
    InvertibleAdversarialGame,
    InvertibleGame,
)
from skgal.utils import Interval, StrOptions, draw_seed

# Widths of networks without a critic, which small tables need no larger.
_SMALL = (64, 64)
# Updates, and those of images where generator and encoder learn together, which cost more.
_N_UPDATES, _N_JOINT = 2500, 400


class GIN(EncodingMixin, AdversarialGenerator):
    """Generative invertible network: a generator, and an encoder that inverts it.

    The generator maps the cube [-1, 1]^r to samples, the encoder samples to the cube, which is a
    space to design samples in.

    The two learn together: real samples are restored from their codes, latent points from what is
    generated of them, and codes fill the cube. That generated samples are distributed as the real
    ones is on tables a matter of the energy distance (:class:`skgal.training.InvertibleGame`), on
    images of a critic (:class:`skgal.training.InvertibleAdversarialGame`). From a few dozen samples
    that takes seconds and inverts real ones. Where an objective or a penalty is chosen, the default
    is the paper's: the generator is trained against a critic first, the encoder afterwards on pairs
    of a latent point and the sample generated from it, so it inverts the generator and nothing else
    [1]_.

    The paper minimises the Wasserstein distance and clips the critic's weights
    (``objective="wasserstein", penalty="weight_clip"``); its networks are a dense generator and
    critic and a convolutional encoder (``architecture=Dense(hidden=(512, 512, 1024, 1024, 1024),
    critic_hidden=(1024, 1024, 1024, 512, 512), critic_leak=0), encoder="dcgan"``, whose encoder has
    fewer layers than the paper's ten). Of losses and penalties for an encoder that learns
    afterwards, the hinge loss with spectral normalisation restored images best
    (``benchmarks/NOTEBOOK.md``); the two ways and :class:`BiGAN` are compared in
    ``benchmarks/results/reconstruction.json``.

    Parameters
    ----------
    latent_dim : int, default=8
        Width r of the latent space.
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="auto"
        What generator and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` is
        ``"nonsaturating"`` for images, and ``"hinge"`` where ``penalty`` or ``inversion="after"``
        is given. For tables it is the energy distance, which needs no critic, and
        ``"nonsaturating"`` where these ask for one.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``GradientPenalty(weight=1, target=0)`` at every fourth step of the critic, and
        ``"spectral_norm"`` for images where ``objective`` or ``inversion="after"`` is given.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        The networks. ``"auto"`` is ``Dense(hidden=(64, 64))`` without a critic, ``"dense"`` for
        tables with one and for images of fewer than 8 pixels a side, else ``"resize"``.
    encoder : None, {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default=None
        Where the encoder comes from. None: from ``architecture``, as generator and critic do.
    inversion : {"auto", "joint", "after"}, default="auto"
        When the encoder learns: together with the generator, or after it, as in the paper.
        ``"auto"`` is ``"joint"``, and ``"after"`` where ``objective`` or ``penalty`` is given.
        ``"joint"`` with a critic adds the terms of the inversion to the generator's loss
        (:class:`skgal.training.InvertibleAdversarialGame`).
    max_iter : int or None, default=None
        Number of generator updates. None: 2500, and 400 where generator and encoder learn together
        from images.
    encoder_max_iter : int or None, default=None
        Number of encoder updates after those of the generator; None: as many as ``max_iter``.
    learning_rate : float, default=5e-4
        Step size of Adam, for generator and critic.
    encoder_learning_rate : float, default=2e-3
        Largest step size of Adam for an encoder that is trained after the generator; it rises and
        falls in one cycle.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator``, ``net_.trained_.critic`` if there is one
        and ``net_.trained_.encoder`` if that was trained along.
    encoder_net_ : skgal.training.GameNet
        The encoder that was trained after the generator.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss`` and ``generator_loss``, or
        ``inversion_loss`` without a critic, ``dur`` (seconds).
    encoder_history_ : list of dict
        A row every 50 updates: ``updates``, ``encoder_loss``, ``dur`` (seconds); only for an
        encoder that was trained after the generator.
    latent_distribution_ : frozen distribution of scipy.stats
        Uniform on [-1, 1], of each latent coordinate.

    See Also
    --------
    skgal.query.AISEL : Designs samples in the latent space of this generator.

    References
    ----------
    .. [1] J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
       2021, section 3 and Algorithm 1.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import GIN
    >>> X = load_digits().data[:100]
    >>> gin = GIN(latent_dim=2, max_iter=5, random_state=0).fit(X)
    >>> Z = gin.transform(X)
    >>> Z.shape
    (100, 2)
    >>> gin.inverse_transform(Z).shape
    (100, 64)
    """

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "max_iter": [None, Interval(Integral, 1, None, closed="left")],
        "encoder": [None, StrOptions({"auto", *ARCHITECTURES}), Architecture],
        "inversion": [StrOptions({"auto", "joint", "after"})],
        "encoder_max_iter": [None, Interval(Integral, 1, None, closed="left")],
        "encoder_learning_rate": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        latent_dim=8,
        objective="auto",
        penalty="auto",
        architecture="auto",
        encoder=None,
        inversion="auto",
        image_shape=None,
        max_iter=None,
        encoder_max_iter=None,
        batch_size=64,
        critic_iter=1,
        learning_rate=5e-4,
        betas=(0.5, 0.9),
        encoder_learning_rate=2e-3,
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

    def make_game(self, architecture):
        """Return the game of a generator, with a critic or an encoder or both."""
        if not self._has_critic():
            shape = self.layout_.shape
            return InvertibleGame, {
                "generator": partial(architecture.make_generator, self.latent_dim, shape),
                "encoder": self._encoder_recipe(),
                "latent_dim": self.latent_dim,
                "latent": self.latent,
            }
        arguments = self.game_arguments(architecture)
        if self._is_joint():
            return InvertibleAdversarialGame, {**arguments, "encoder": self._encoder_recipe()}
        return AdversarialGame, arguments

    def _is_joint(self):
        if self.inversion == "auto":
            return self.objective == self.penalty == "auto"
        return self.inversion == "joint"

    def _has_critic(self):
        is_chosen = not (self.objective == self.penalty == "auto")
        return is_chosen or self.layout_.is_image or not self._is_joint()

    def resolve_objective(self):
        """Return what generator and critic minimise."""
        if self.objective == self.penalty == "auto" and self._is_joint():
            return NonSaturating()
        return super().resolve_objective()

    def resolve_penalties(self):
        """Return what keeps the critic smooth."""
        if self.objective == self.penalty == "auto" and self._is_joint():
            return (LazyPenalty(zero_centred_penalty(), every=4),)
        return super().resolve_penalties()

    def resolve_max_iter(self):
        """Return the number of generator updates that one ``fit`` makes."""
        if self.max_iter is not None:
            return self.max_iter
        return _N_JOINT if self.layout_.is_image and self._is_joint() else _N_UPDATES

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        if self.architecture != "auto" or self._has_critic():
            return super().resolve_architecture()
        small = Dense(hidden=_SMALL)
        return small if self.layout_.groups is None else small.for_table(self.layout_.groups)

    def _encoder_recipe(self):
        make_encoder = self.resolve_encoder().make_encoder
        return partial(make_encoder, self.latent_dim, self.layout_.shape)

    def finish(self, tensor, labels, rng, setup):
        """Fit the encoder to invert the generator, unless the two have learnt together."""
        super().finish(tensor, labels, rng, setup)
        vars(self).pop("encoder_net_", None)  # of an earlier fit
        vars(self).pop("encoder_history_", None)
        if self._is_joint():
            return
        net = self._make_encoder_net(draw_seed(rng), **setup.settings("encoder"))
        schedule = LRScheduler(
            torch.optim.lr_scheduler.OneCycleLR,
            step_every="batch",
            event_name=None,
            max_lr=self.encoder_learning_rate,
            total_steps=net.max_iter,
            cycle_momentum=False,
        )
        net.set_params(callbacks=[schedule, *net.callbacks])
        self.encoder_net_ = net.fit(self._game.generator)
        self.encoder_history_ = history_rows(net)

    def _make_encoder_net(self, seed, **settings):
        settings |= {
            "max_iter": self.encoder_max_iter or self.resolve_max_iter(),
            "lr": self.encoder_learning_rate,
        }
        arguments = {
            "encoder": self._encoder_recipe(),
            "latent_dim": self.latent_dim,
            "latent": self.latent,
        }
        return make_net(InversionGame, arguments, seed=seed, **settings)

    def resolve_encoder(self):
        """Return the architecture that makes the encoder."""
        if self.encoder is None:
            return self.resolve_architecture()
        return resolve_architecture(self.encoder, self.layout_.shape)

    def extra_nets(self):
        """Return the net of an encoder that is trained after the generator."""
        if self._is_joint():
            return {}
        return {"encoder_net_": self._make_encoder_net(0, **net_settings(self, "auto"))}

    def _encode(self, tensor):
        own = getattr(self, "encoder_net_", None)
        return self._apply((self._game if own is None else own.module_).encoder, tensor)
