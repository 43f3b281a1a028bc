"""The generative invertible network of AISEL."""

from functools import partial
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval

from skgal.generators._adversarial import AdversarialGenerator, history_rows
from skgal.generators._encoding import EncodingMixin
from skgal.generators._training import Training
from skgal.nn import apply_network
from skgal.training import InversionNet
from skgal.utils import draw_seed


class GIN(EncodingMixin, AdversarialGenerator):
    """Generative invertible network: a generator, and an encoder fitted to invert it.

    The generator maps the cube [-1, 1]^r to samples and is trained first. The encoder is
    trained afterwards, on pairs of a latent point and the sample generated from it, so it
    inverts the generator and nothing else [1]_. The cube is a space to design samples in.

    The paper plays for the Wasserstein distance and clips the critic's weights
    (``objective="wasserstein", penalty="weight_clip"``). The default for images is the hinge loss
    with spectral normalisation, which reconstructed them best at 400 training samples and 600
    updates, before the gradient penalty; the numbers are in
    ``benchmarks/results/reconstruction.json``.

    Parameters
    ----------
    latent_dim : int, default=8
        Width r of the latent space.
    objective : {"auto", "hinge", "nonsaturating", "least_squares", "wasserstein"} or Objective, \
default="auto"
        What generator and critic play for. ``"auto"`` is ``"hinge"`` for images and
        ``"nonsaturating"`` for tables.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images and ``GradientPenalty(weight=1, target=0)`` for tables.
    architecture : {"auto", "dense", "dcgan", "residual"} or Architecture, default="auto"
        The networks. ``"auto"`` is ``"dense"`` for tables and images of fewer than 8 pixels
        a side, else ``"dcgan"``.
    image_shape : tuple of int (channels, height, width) or None, default=None
        The shape of images that come as flat rows of X.
    max_iter : int, default=2500
        Number of generator updates.
    encoder_max_iter : int or None, default=None
        Number of encoder updates; None: as many as ``max_iter``.
    batch_size : int, default=64
        Samples a batch, at most the number of samples of X.
    critic_iter : int, default=1
        Critic updates for each generator update.
    learning_rate : float, default=5e-4
        Step size of Adam, for generator and critic.
    encoder_learning_rate : float, default=2e-3
        Largest step size of Adam for the encoder, which rises and falls in one cycle.
    augment : None, "auto", str or list of str, default="auto"
        Differentiable augmentation of what the critic sees: any of ``"translation"``,
        ``"flip"``, ``"cutout"``, ``"brightness"``. ``"auto"`` is translation for images
        and nothing for tables.
    ema_decay : float in [0, 1) or None, default=0.995
        Decay of the moving average of the generator's weights that draws the samples.
    model_selection : None or FrechetSelection, default=None
        Which moment of the training to keep, and when to stop. None keeps the last.
    callbacks : list of skorch callbacks or None, default=None
        Called at updates and every 50 updates of the game, not of the encoder; a callback that
        stops skorch, such as ``EarlyStopping(monitor="critic_loss")``, stops the game.
    device : str, default="auto"
        ``"auto"`` takes a CUDA GPU where there is one.
    precision : {"float32", "bfloat16"}, default="float32"
        What the networks compute in during ``fit``; ``"bfloat16"`` rounds, and is for large
        networks on a GPU that has it. Weights, losses, penalties and samples are float32 in both.
    random_state : int, RandomState instance or None, default=None
        Decides initial weights, batches and latent points.
    verbose : int, default=0
        Print losses every 50 updates if positive.
    warm_start : bool, default=False
        Make ``fit`` train the networks that are there for ``max_iter`` updates more.
    checkpoint : path-like or None, default=None
        A folder for the state of the training: a ``fit`` that was killed and is called again, with
        the same parameters and data, goes on from there and ends in the same bits.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The trained networks: ``net_.generator_`` and ``net_.critic_``.
    encoder_net_ : skorch.NeuralNet
        The trained encoder.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds).
    encoder_history_ : list of dict
        A row every 50 updates: ``updates``, ``encoder_loss``, ``dur`` (seconds).
    n_iter_ : int
        Number of generator updates made.
    latent_dim_ : int
    latent_distribution_ : frozen distribution of scipy.stats
        Uniform on [-1, 1], of each latent coordinate.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    skgal.query.AISEL : Designs samples in the latent space of this generator.

    References
    ----------
    .. [1] AISEL, section 3 and Algorithm 1.

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
        image_shape=None,
        max_iter=2500,
        encoder_max_iter=None,
        batch_size=64,
        critic_iter=1,
        learning_rate=5e-4,
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
        super().__init__(
            latent_dim=latent_dim,
            objective=objective,
            penalty=penalty,
            architecture=architecture,
            image_shape=image_shape,
            max_iter=max_iter,
            batch_size=batch_size,
            critic_iter=critic_iter,
            learning_rate=learning_rate,
            augment=augment,
            ema_decay=ema_decay,
            model_selection=model_selection,
            callbacks=callbacks,
            device=device,
            precision=precision,
            random_state=random_state,
            verbose=verbose,
            warm_start=warm_start,
            checkpoint=checkpoint,
        )
        self.encoder_max_iter = encoder_max_iter
        self.encoder_learning_rate = encoder_learning_rate

    def _finish(self, architecture, rng):
        """Fit the encoder to invert the generator."""
        self.encoder_net_ = self._make_encoder_net(architecture, draw_seed(rng))
        self.encoder_net_.invert(self.net_.generator_)
        self.encoder_history_ = history_rows(self.encoder_net_)

    def _make_encoder_net(self, architecture, seed):
        arguments = self._training.arguments("encoder")
        arguments["max_iter"] = self.encoder_max_iter or self.max_iter
        arguments["lr"] = self.encoder_learning_rate
        return InversionNet(
            partial(architecture.make_encoder, self.latent_dim, self.layout_.shape),
            latent_dim=self.latent_dim,
            latent=self.latent,
            batch_size=self.batch_size,
            seed=seed,
            **arguments,
        )

    def _make_nets(self):
        with self._in(Training(self, (), "auto")):
            encoder_net = self._make_encoder_net(self._resolve_architecture(), seed=0)
        return super()._make_nets() | {"encoder_net_": encoder_net}

    def _encode(self, tensor):
        return apply_network(self.encoder_net_.module_, tensor, self.encoder_net_.device)
