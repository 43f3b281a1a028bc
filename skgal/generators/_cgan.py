"""The conditional generative adversarial network."""

from functools import partial

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._base import store_parameters
from skgal.generators._conditional import ClassCriticMixin, ConditionalAdversarialGenerator
from skgal.nn import CONDITIONINGS, Conditioning, resolve_conditioning
from skgal.training import ConditionalGame
from skgal.utils import StrOptions


class CGAN(ClassCriticMixin, ConditionalAdversarialGenerator):
    """Conditional GAN: learns to draw samples of given classes.

    Generator and critic both get the class as an input [1]_. In which form the critic gets it is a
    choice independent of objective, penalty and architecture: BigGAN is
    ``architecture="biggan", conditioning="projection"``.

    Parameters
    ----------
    latent : {"normal", "uniform"}, default="normal"
        Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
    conditioning : {"concatenation", "projection"} or Conditioning, default="projection"
        How the critic gets the class: as further columns or image planes [1]_, or by an inner
        product of its features with an embedding of the class [2]_.

    See Also
    --------
    ACGAN : Its critic guesses the class instead, so it is a classifier too.

    References
    ----------
    .. [1] M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014; K. Deepshikha, A.
       Naman, "Removing class imbalance using Polarity-GAN: an uncertainty sampling approach", arXiv
       2020, appendix A.1, equation (11).
    .. [2] T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import CGAN
    >>> iris = load_iris()
    >>> cgan = CGAN(latent_dim=4, max_iter=5, random_state=0)
    >>> cgan = cgan.fit(iris.data, iris.target_names[iris.target])
    >>> X, y = cgan.sample(y=["virginica", "setosa", "setosa"])
    >>> X.shape
    (3, 4)
    """

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "latent": [StrOptions({"normal", "uniform"})],
        "conditioning": [StrOptions(set(CONDITIONINGS)), Conditioning],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        latent="normal",
        conditioning="projection",
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
        """Return the game whose generator and critic both see the class."""
        make_critic = resolve_conditioning(self.conditioning).make_critic
        shape, n_classes = self.layout_.shape, len(self.classes_)
        critic = partial(make_critic, architecture, shape, n_classes)
        return ConditionalGame, self.game_arguments(architecture) | {"critic": critic}
