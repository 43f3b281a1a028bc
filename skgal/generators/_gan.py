"""The generative adversarial network."""

from skgal.generators._adversarial import AdversarialGenerator, lazy_zero_centred_penalty
from skgal.nn import Dense
from skgal.training import AdversarialGame
from skgal.utils import StrOptions

# The most columns of a table, and the hidden units of networks for so many.
_TABLE_WIDTHS = ((64, 128), (float("inf"), 256))


class GAN(AdversarialGenerator):
    """Generative adversarial network: learns to draw samples like those it was fitted on.

    Objective, penalty and architecture are independent choices: DCGAN is
    ``objective="nonsaturating", penalty=None``; WGAN ``objective="wasserstein",
    penalty="weight_clip"``; WGAN-GP the same with ``penalty="gradient_penalty"``; SNGAN
    ``objective="hinge", penalty="spectral_norm"``. The default is SNGAN for images. For tables it
    is the non-saturating loss with a gradient penalty centred at 0 [3]_, which of eight
    combinations came nearest to tables of 2 to 64 columns.

    Parameters
    ----------
    latent_dim : int, default=64
        Width of the latent space.
    latent : {"normal", "uniform"}, default="normal"
        Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="auto"
        What generator and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` is ``"hinge"``
        for images and ``"nonsaturating"`` for tables.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images; for tables ``GradientPenalty(weight=1, target=0)`` at every
        fourth step of the critic.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        The networks. ``"auto"`` is `Dense` for tables, with two layers of 128 units for up to
        64 columns and of 256 for more; ``"dense"`` for images of fewer than 8 pixels a side, else
        ``"resize"``.
    image_shape : tuple of int (channels, height, width) or None, default=None
        The shape of images that come as flat rows of X.
    max_iter : int, default=1500
        Number of generator updates.
    batch_size : int, default=64
        Samples a batch, at most the number of samples of X.
    critic_iter : int, default=1
        Critic updates for each generator update.
    learning_rate : float, default=5e-4
        Step size of Adam, for both networks.
    betas : tuple of float, default=(0.5, 0.9)
        Adam's decay rates of the averages of gradients and of their squares.
    augment : None, "auto", str or list of str, default="auto"
        Differentiable augmentation of what the critic sees [2]_: any of ``"translation"``,
        ``"flip"``, ``"cutout"``, ``"brightness"``. ``"auto"`` is translation for images
        and nothing for tables.
    ema_decay : float in [0, 1) or None, default=0.995
        Decay of the moving average of the generator's weights that draws the samples.
    model_selection : None or FrechetSelection, default=None
        Which moment of the training to keep, and when to stop. None keeps the last.
    callbacks : list of skorch callbacks or None, default=None
        Called at updates and every 50 updates; a callback that stops skorch, such as
        ``EarlyStopping(monitor="critic_loss")``, stops the training.
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
        The trained networks: ``net_.trained_.generator`` and ``net_.trained_.critic``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds).
    n_iter_ : int
        Number of generator updates made.
    latent_dim_ : int
    latent_distribution_ : frozen distribution of scipy.stats
        Of each latent coordinate.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    GIN : A generator with an encoder, whose latent space can be designed in.

    References
    ----------
    .. [1] I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
    .. [2] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training", NeurIPS
       2020.
    .. [3] L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually
       converge?", ICML 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN
    >>> X = load_iris().data
    >>> gan = GAN(latent_dim=4, max_iter=5, random_state=0).fit(X)
    >>> gan.sample(3).shape
    (3, 4)
    """

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "latent": [StrOptions({"normal", "uniform"})],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        latent="normal",
        objective="auto",
        penalty="auto",
        architecture="auto",
        image_shape=None,
        max_iter=1500,
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
        self.latent = latent

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        if self.architecture != "auto" or self.layout_.is_image:
            return super().resolve_architecture()
        (n_features,), groups = self.layout_.shape, self.layout_.groups
        width = next(width for most, width in _TABLE_WIDTHS if n_features <= most)
        dense = Dense(hidden=(width, width))
        return dense if groups is None else dense.for_table(groups)

    def resolve_penalties(self):
        """Return what keeps the critic smooth."""
        if self.penalty == "auto" and not self.layout_.is_image:
            return (lazy_zero_centred_penalty(),)
        return super().resolve_penalties()

    def make_game(self, architecture):
        """Return the game of a generator and a critic."""
        return AdversarialGame, self.game_arguments(architecture)
