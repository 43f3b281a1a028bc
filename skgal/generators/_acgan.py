"""The generative adversarial network with an auxiliary classifier."""

from functools import partial
from numbers import Integral, Real

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._base import store_parameters
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

    Attributes
    ----------
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds); classification losses are part of both.

    See Also
    --------
    CGAN : Its critic gets the class as an input.

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
        store_parameters(self, locals())

    def make_game(self, architecture):
        """Return the game whose critic also guesses the class."""
        return AuxiliaryGame, self.game_arguments(architecture) | {
            "critic": partial(_make_critic, architecture, self.layout_.shape, len(self.classes_)),
            "classifier_weight": self.classifier_weight,
            "adversarial_sampling": self.adversarial_sampling,
        }


def _make_critic(architecture, shape, n_classes):
    return AuxiliaryCritic(architecture.make_critic(shape), n_classes)
