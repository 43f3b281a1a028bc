"""The conditional generative adversarial network in stages of rising resolution."""

from functools import partial
from numbers import Integral

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._base import store_parameters
from skgal.generators._conditional import ClassCriticMixin, ConditionalAdversarialGenerator
from skgal.nn import (
    CONDITIONINGS,
    Conditioning,
    MinibatchCritic,
    StackCritic,
    StackGenerator,
    resolve_architecture,
    resolve_conditioning,
    stage_shapes,
)
from skgal.training import StackGame
from skgal.utils import Interval, StrOptions


class StackGAN(ClassCriticMixin, ConditionalAdversarialGenerator):
    """Stacked conditional GAN: draws images of given classes in three stages, coarse to fine.

    The first stage draws images of a quarter of the height and width, the second refines them to
    a half, the third to the whole; a critic watches each resolution [1]_. As in the selective
    augmentation of small sets of medical images [2]_, the critics are Wasserstein's, with gradient
    penalty, spectral normalisation and minibatch discrimination [3]_, which shows them samples that
    are all alike. Images may be of any size and need not be square.

    Samples, features and scores are those of the last stage. A row of a table has one resolution:
    with tables all stages draw whole rows, each refining those of the one before.

    Parameters
    ----------
    latent : {"normal", "uniform"}, default="normal"
        Distribution of the latent coordinates: standard normal, or uniform on [-1, 1].
    stage_width : int, default=24
        Channels of the generator's last stage; the stages before have two and four times as many,
        up to eight times at the coarsest map. Tables have eight times as many hidden units in
        every stage.
    minibatch_kernels : int, default=16
        In how many learnt spaces a critic compares the samples of a batch. 0: it rates each alone.
    conditioning : {"concatenation", "projection"} or Conditioning, default="projection"
        How the critics get the class: as further columns or image planes, or by an inner
        product of their features with an embedding of the class.
    objective : {"auto", "hinge", "nonsaturating", "minimax", "least_squares", "wasserstein", \
"relativistic"} or Objective, default="wasserstein"
        What generator and critics minimise: see :mod:`skgal.objectives`. ``"auto"``, here and for
        the penalty, depends on the data, as in :class:`GAN`.
    penalty : None, {"auto", "spectral_norm", "gradient_penalty", "weight_clip", "consistency"}, \
Penalty, or a list of these, default=("gradient_penalty", "spectral_norm")
        What keeps the critics smooth; several may be combined.
    architecture : {"auto", "dense", "dcgan", "resize", "residual", "r3gan", "biggan"} or \
Architecture, default="auto"
        The critics' networks; the generator's are of this class's own. ``"auto"`` is, at each
        resolution, ``"dense"`` for tables and images of fewer than 8 pixels a side, else
        ``"resize"``.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator``, whose ``samples`` are those of every
        stage, and ``net_.trained_.critic``, with a critic a stage in ``stages``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, both means over
        the stages, ``dur`` (seconds).

    See Also
    --------
    CGAN : One stage; its generator has the architecture that is asked for.

    Notes
    -----
    Where [2]_ leaves something open, the choice is that of [1]_: two residual blocks a stage, and
    stages that hand on their feature maps rather than their images. Two things are left out: batch
    normalisation in the critics, with which a gradient penalty has no meaning for a single sample,
    and the unconditional and colour losses of [1]_, which [2]_ doesn't name.

    A critic compares samples of a batch in training. For :meth:`score_samples` each is a batch
    of its own, so a score depends on no other sample.

    References
    ----------
    .. [1] H. Zhang et al., "StackGAN++: realistic image synthesis with stacked generative
       adversarial networks", TPAMI 2018.
    .. [2] Y. Xue et al., "Selective synthetic augmentation with quality assurance", arXiv 2019,
       sections 3.1 and 4.2.
    .. [3] T. Salimans et al., "Improved techniques for training GANs", NeurIPS 2016, section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import StackGAN
    >>> digits = load_digits()
    >>> stackgan = StackGAN(latent_dim=8, stage_width=4, max_iter=5, random_state=0)
    >>> X, y = stackgan.fit(digits.images[:, None], digits.target).sample(y=[3, 0, 0])
    >>> X.shape
    (3, 1, 8, 8)
    """

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "latent": [StrOptions({"normal", "uniform"})],
        "stage_width": [Interval(Integral, 1, None, closed="left")],
        "minibatch_kernels": [Interval(Integral, 0, None, closed="left")],
        "conditioning": [StrOptions(set(CONDITIONINGS)), Conditioning],
    }

    def __init__(
        self,
        *,
        latent_dim=64,
        latent="normal",
        stage_width=24,
        minibatch_kernels=16,
        conditioning="projection",
        objective="wasserstein",
        penalty=("gradient_penalty", "spectral_norm"),
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
        """Return the game of a generator in stages and a critic for each."""
        shape, n_classes = self.layout_.shape, len(self.classes_)
        return StackGame, self.game_arguments(architecture) | {
            "generator": partial(
                StackGenerator,
                self.latent_dim,
                shape,
                n_classes,
                width=self.stage_width,
                groups=self.layout_.groups,
            ),
            "critic": partial(
                _make_critic,
                resolve_conditioning(self.conditioning),
                [(self._stage_architecture(stage), stage) for stage in stage_shapes(shape)],
                n_classes,
                self.minibatch_kernels,
            ),
        }

    def _stage_architecture(self, shape):
        """Return the architecture of the critic of samples of a shape."""
        try:
            return resolve_architecture(self.architecture, shape)
        except ValueError as error:
            shapes = stage_shapes(self.layout_.shape)
            raise ValueError(
                f"StackGAN needs a critic for samples of each of the shapes {shapes}, but "
                f"architecture={self.architecture!r} has none for {shape}: {error}"
            ) from error


def _make_critic(conditioning, stages, n_classes, minibatch_kernels):
    critics = [
        conditioning.make_critic(architecture, shape, n_classes) for architecture, shape in stages
    ]
    if minibatch_kernels:
        critics = [MinibatchCritic(critic, minibatch_kernels) for critic in critics]
    return StackCritic(critics)
