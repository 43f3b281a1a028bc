"""The generative adversarial network."""

from numbers import Integral

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._base import store_parameters
from skgal.nn import Dense
from skgal.training import AdversarialGame
from skgal.utils import Interval, StrOptions

# Up to so many columns small networks and fewer updates do; of wider tables they learn a part.
_FEW_COLUMNS = 16


class GAN(AdversarialGenerator):
    """Generative adversarial network: learns to draw samples like those it was fitted on.

    Objective, penalty and architecture are independent choices: DCGAN is
    ``objective="nonsaturating", penalty=None``; WGAN ``objective="wasserstein",
    penalty="weight_clip"``; WGAN-GP the same with ``penalty="gradient_penalty"``; SNGAN
    ``objective="hinge", penalty="spectral_norm"``. The default is SNGAN for images. For tables it
    is the non-saturating loss with a gradient penalty centred at 0 [2]_, which of eight
    combinations came nearest to tables of 2 to 64 columns.

    Parameters
    ----------
    latent : {"normal", "uniform"}, default="normal"
        Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
    max_iter : int or None, default=None
        Updates of the generator. None: 1,500, and 2,500 for tables of more than 16 columns, in
        which categories count as often as they have values.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images, ``GradientPenalty(weight=1, target=0)`` for tables.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan"} or Architecture, \
default="auto"
        The networks. ``"auto"`` is `Dense` for tables, with two layers of 128 units for up to
        16 columns and of 256 for more; ``"dense"`` for images of fewer than 8 pixels a side, else
        ``"resize"``.

    See Also
    --------
    GIN : A generator with an encoder, whose latent space can be designed in.

    References
    ----------
    .. [1] I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
    .. [2] L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually
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
        "max_iter": [None, Interval(Integral, 1, None, closed="left")],
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
        max_iter=None,
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

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        if self.architecture != "auto" or self.layout_.is_image:
            return super().resolve_architecture()
        width = 128 if self._has_few_columns() else 256
        dense, groups = Dense(hidden=(width, width)), self.layout_.groups
        return dense if groups is None else dense.for_table(groups)

    def resolve_max_iter(self):
        """Return the number of updates."""
        if self.max_iter is not None:
            return self.max_iter
        return 1500 if self.layout_.is_image or self._has_few_columns() else 2500

    def _has_few_columns(self):
        return not self.layout_.is_image and self.layout_.shape[0] <= _FEW_COLUMNS

    def make_game(self, architecture):
        """Return the game of a generator and a critic."""
        return AdversarialGame, self.game_arguments(architecture)
