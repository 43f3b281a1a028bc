"""The generative adversarial network with an auxiliary classifier."""

from functools import partial
from numbers import Integral, Real

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._conditional import ClassifyingMixin, ConditionalAdversarialGenerator
from skgal.nn import AuxiliaryCritic
from skgal.training import AuxiliaryGame
from skgal.utils import Interval, StrOptions


class ACGAN(ClassifyingMixin, ConditionalAdversarialGenerator):
    """Auxiliary-classifier GAN: draws samples of given classes, and classifies.

    The critic isn't told the class but guesses it, and the generator is rewarded for samples
    whose class is guessed right [1]_. So one model both makes samples and, as a scikit-learn
    classifier, can be the model of an :class:`skgal.active.ActiveLearner` [2]_: ALCG, Algorithm 1
    there, is ``ActiveLearner(ACGAN(warm_start=True), CertaintySampling())``.

    Parameters
    ----------
    latent_dim : int, default=64
        Width of the latent space.
    latent : {"normal", "uniform"}, default="normal"
        Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
    classifier_weight : float, default=1.0
        Weight of the classification losses beside the adversarial ones; the paper's is 1.
    adversarial_sampling : int, default=4
        How many candidates are generated in training for each generated sample that critic and
        generator are updated on: those that look most real to the critic, of all classes
        together, are chosen [2]_. 1 chooses none. What :meth:`sample` draws isn't chosen, so
        its classes are those asked for.
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="auto"
        What generator and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` is ``"hinge"``
        for images and ``"nonsaturating"`` for tables; the paper's equation (1) is ``"minimax"``.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images and ``GradientPenalty(weight=1, target=0)`` for tables. The
        classifier's own layer, on top of the critic's features, is left free.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan", "biggan"} or \
Architecture, default="auto"
        The networks. ``"auto"`` is ``"dense"`` for tables and images of fewer than 8 pixels
        a side, else ``"resize"``.
    image_shape : tuple of int (channels, height, width) or None, default=None
        The shape of images that come as flat rows of X.
    max_iter : int, default=2500
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
        Differentiable augmentation of what critic and classifier see: any of
        ``"translation"``, ``"flip"``, ``"cutout"``, ``"brightness"``. ``"auto"`` is translation
        for images and nothing for tables.
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
    classes_ : ndarray of shape (n_classes,)
        The class labels, in the dtype of those of ``fit``.
    class_count_ : ndarray of shape (n_classes,)
        The number of training samples of each class.
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator`` and ``net_.trained_.critic``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds); classification losses are part of both.
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
    CGAN : Its critic is told the class.

    References
    ----------
    .. [1] Odena, Olah & Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs",
       2017.
    .. [2] M.-K. Xie, S.-J. Huang, "Learning class-conditional GANs with active sampling" (ALCG),
       KDD 2019, equations (1) to (5), Algorithm 1 and section 3.4. As there, and other than in
       [1]_, the classifier learns from real samples only.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import ACGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> acgan = ACGAN(latent_dim=4, max_iter=60, learning_rate=5e-3, random_state=0).fit(X, y)
    >>> acgan.score(X, y) > 0.8
    True
    >>> X_new, y_new = acgan.sample(y=[2, 0])
    >>> y_new.tolist()
    [2, 0]
    """

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "latent": [StrOptions({"normal", "uniform"})],
        "classifier_weight": [Interval(Real, 0, None, closed="left")],
        "adversarial_sampling": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        latent="normal",
        classifier_weight=1.0,
        adversarial_sampling=4,
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
        self.latent = latent
        self.classifier_weight = classifier_weight
        self.adversarial_sampling = adversarial_sampling

    def make_game(self, architecture):
        """Return the game whose critic also guesses the class."""
        return AuxiliaryGame, self.game_arguments(architecture) | {
            "critic": partial(_make_critic, architecture, self.layout_.shape, len(self.classes_)),
            "classifier_weight": self.classifier_weight,
            "adversarial_sampling": self.adversarial_sampling,
        }


def _make_critic(architecture, shape, n_classes):
    return AuxiliaryCritic(architecture.make_critic(shape), n_classes)
