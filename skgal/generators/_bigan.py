"""The bidirectional GAN: an encoder trained in the same game as the generator."""

from functools import partial

from skgal.generators._adversarial import AdversarialGenerator, EncodingMixin
from skgal.nn import JointCritic, join
from skgal.training import BidirectionalGame


class BiGAN(EncodingMixin, AdversarialGenerator):
    """Bidirectional GAN: generator and encoder against one critic.

    The critic sees a sample and a latent at once: a real sample with its code, or a generated
    one with the latent it was made from. Where it can't tell them apart the encoder inverts the
    generator [1]_. With few samples it seldom gets that far, and :class:`GIN`, whose encoder is
    trained on generated pairs alone, reconstructs better [2]_.

    Parameters
    ----------
    latent_dim : int, default=8
        Width r of the latent space, the cube [-1, 1]^r.
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="auto"
        What generator, encoder and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` is
        ``"hinge"`` for images and ``"nonsaturating"`` for tables.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images and ``GradientPenalty(weight=1, target=0)`` for tables.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        The networks. ``"auto"`` is ``"dense"`` for tables and images of fewer than 8 pixels
        a side, else ``"resize"``.
    image_shape : tuple of int (channels, height, width) or None, default=None
        The shape of images that come as flat rows of X.
    max_iter : int, default=2500
        Number of updates of generator and encoder.
    batch_size : int, default=64
        Samples a batch, at most the number of samples of X.
    critic_iter : int, default=1
        Critic updates for each update of generator and encoder.
    learning_rate : float, default=5e-4
        Step size of Adam, for all three networks.
    betas : tuple of float, default=(0.5, 0.9)
        Adam's decay rates of the averages of gradients and of their squares.
    augment : None, "auto", str or list of str, default="auto"
        Differentiable augmentation of what critic and encoder see: any of ``"translation"``,
        ``"flip"``, ``"cutout"``, ``"brightness"``. ``"auto"`` is translation for images
        and nothing for tables.
    ema_decay : float in [0, 1) or None, default=0.995
        Decay of the moving average of the generator's weights that draws the samples.
    model_selection : None or FrechetSelection, default=None
        Which moment of the training to keep, and when to stop. None keeps the last.
    callbacks : list of skorch callbacks or None, default=None
        Called at updates and every 50 updates; a callback that stops skorch stops the training.
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
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator``, ``net_.trained_.encoder`` and
        ``net_.trained_.critic``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds).
    n_iter_ : int
        Number of updates made.
    latent_dim_ : int
    latent_distribution_ : frozen distribution of scipy.stats
        Uniform on [-1, 1], of each latent coordinate.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    GIN : An encoder trained after the generator.

    References
    ----------
    .. [1] J. Donahue, P. Krähenbühl, T. Darrell, "Adversarial feature learning", ICLR 2017.
    .. [2] J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
       2021, section 5.1.2; ``benchmarks/results/reconstruction.json``.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import BiGAN
    >>> X = load_digits().data[:100]
    >>> bigan = BiGAN(latent_dim=2, max_iter=5, random_state=0).fit(X)
    >>> Z = bigan.transform(X)
    >>> bigan.inverse_transform(Z).shape
    (100, 64)
    """

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
            betas=betas,
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

    def make_game(self, architecture):
        """Return the game whose critic sees samples and latents joined."""
        shape = self.layout_.shape
        return BidirectionalGame, self.game_arguments(architecture) | {
            "encoder": partial(architecture.make_encoder, self.latent_dim, shape),
            "critic": partial(_make_critic, architecture, shape, self.latent_dim),
        }

    def score_samples(self, X):
        """Rate how real samples look to the critic, each with its code.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            The critic's value (logit), higher for more real-looking samples.
        """
        tensor, critic = self._to_network(X), self._game.critic
        return self._apply(lambda x, z: critic(join(x, z)), tensor, self._encode(tensor))

    def _encode(self, tensor):
        return self._apply(self._game.encoder, tensor)


def _make_critic(architecture, shape, latent_dim):
    return JointCritic(architecture.make_critic(shape), shape, latent_dim)
