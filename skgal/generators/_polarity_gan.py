"""Polarity-GAN: samples in the convex hull of their class, hard for a classifier."""

from copy import deepcopy
from functools import partial
from numbers import Integral, Real

import numpy as np
import torch

from skgal.generators._adversarial import AdversarialGenerator, zero_centred_penalty
from skgal.generators._autoencoder import fit_autoencoder
from skgal.generators._base import store_parameters
from skgal.generators._conditional import (
    ClassCriticMixin,
    ClassifyingMixin,
    ConditionalAdversarialGenerator,
)
from skgal.nn import (
    CONDITIONINGS,
    Conditioning,
    Dense,
    HullGenerator,
    apply_network,
    make_classifier,
    resolve_architecture,
    resolve_conditioning,
)
from skgal.objectives import resolve_penalties
from skgal.training import PolarityGame
from skgal.utils import HasMethods, Interval, StrOptions, draw_seed


class PolarityGAN(ClassifyingMixin, ClassCriticMixin, ConditionalAdversarialGenerator):
    r"""Polarity-GAN: fills up rare classes within their convex hull, and classifies.

    A sample is a weighted mean of training samples of its class, neighbours of each other, so it
    lies in their convex hull, whatever the networks make of it. Where it lies is learnt in two
    games at once: samples should look real to a critic that gets the class, and be hard for a
    classifier, which learns from real and generated samples. Both are about rarer classes: class
    :math:`i` is generated with probability proportional to :math:`p_k - p_i`, with :math:`p_k` the
    frequency of the most frequent class [1]_. An autoencoder, trained first, decides which
    samples are near each other.

    With a ``feature_extractor`` all this happens in the space of its features, and the extractor
    is trained along: :meth:`predict` is then the paper's end-to-end classifier. :meth:`sample`
    applies the weights learnt there to the samples themselves.

    Parameters
    ----------
    latent_dim : int, default=16
        Width of the latent space and of the autoencoder's code.
    classifier_weight : float, default=0.03
        The classifier's pull: the weight of the generator's game with the classifier beside that
        with the critic, 1 in the paper. 0: samples follow the distribution of their class, and
        the classifier still learns from them.
    n_neighbors : int or None, default=5
        How many training samples of the class a mean is taken of at most, near each other by the
        autoencoder's codes. None: all those of the class, as in the paper, or ``max_anchors`` of
        them where there are more.
    max_anchors : int, default=256
        Samples of a class that its hull is spanned by. Of a larger class as many are drawn at
        random, once; critic and classifier learn from all.
    autoencoder_max_iter : int, default=200
        Number of updates of the autoencoder.
    feature_extractor : None, "encoder" or torch.nn.Module, default=None
        Where critic and classifier play. ``None``: the samples as they are. ``"encoder"``: the
        autoencoder's encoder. A module: a copy of it, that maps samples as networks see them,
        float32 in [-1, 1], of shape (n, n_features) or (n, c, h, w), to features of shape
        (n, n_features_out); weights with ``requires_grad=False`` stay what they are.
    extractor_interval : int, default=10
        The feature extractor is updated once in this many updates of the generator.
    conditioning : {"projection", "concatenation"} or Conditioning, default="projection"
        How the critic gets the class.
    objective : str or Objective, default="wasserstein"
        What generator and critic minimise: see :mod:`skgal.objectives`. ``"auto"`` depends on the
        data, as in :class:`GAN`.
    penalty : None, str, Penalty or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``GradientPenalty(weight=1, target=0)``: the game starts where generated samples look real,
        and from there a critic held to slopes of 1, as by ``"gradient_penalty"``, drives them
        away [2]_.
    architecture : str or Architecture, default="auto"
        The networks of critic, classifier and autoencoder, a name in
        ``skgal.nn.ARCHITECTURES`` or a recipe. ``"auto"`` is
        ``Dense(hidden=(64, 64))`` for tables, ``"dense"`` for images of fewer than 8 pixels
        a side, else ``"resize"``. In a feature space critic and classifier have 64 and 64 units.
    learning_rate : float, default=2e-4
        Step size of Adam, for generator and critic.
    classifier_learning_rate : float, default=1e-3
        Step size of Adam, for classifier and feature extractor.
    augment : None, "auto", str or list of str, default="auto"
        Differentiable augmentation of what critic and classifier see, with a feature extractor
        of what it is trained on: any of ``"translation"``, ``"flip"``, ``"cutout"``,
        ``"brightness"``. ``"auto"`` is translation for images and nothing for tables.
    random_state : int, RandomState instance or None, default=None
        Decides anchors, initial weights, batches and latent points.
    warm_start : bool, default=False
        Make ``fit`` train the networks that are there for ``max_iter`` updates more. The anchors
        stay those of the first ``fit``.

    Attributes
    ----------
    net_ : skgal.training.GameNet
        The trained networks: ``net_.trained_.generator``, ``net_.trained_.critic``,
        ``net_.trained_.classifier`` and ``net_.trained_.extractor``.
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``classifier_loss``,
        ``generator_loss``, ``dur`` (seconds).
    latent_distribution_ : frozen distribution of scipy.stats
        Standard normal, of each latent coordinate.

    See Also
    --------
    BAGAN : Starts from an autoencoder too, and leaves the hull.

    Notes
    -----
    A sample of real numbers is in the hull up to rounding, a millionth of each feature's range;
    whole numbers are rounded afterwards. The hull of a single sample is that sample.

    In a table with categories, booleans or gaps the mean is taken of what networks see: numbers
    by their rank, and of each category its share of the weights, of which the largest comes out:
    always a category that occurs in the class. Missing numbers take no part in a mean; where they
    have most of the weight, the number is missing.

    The most frequent class needs no samples, and the generator isn't trained on it; what is drawn
    of it are means of neighbours all the same.

    The first latent coordinate chooses the training sample that a sample starts near, so what is
    generated jumps along it.

    A pickle, and the file that :meth:`save` writes, hold the anchors: training samples.

    References
    ----------
    .. [1] K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty
       sampling approach", arXiv 2020, Algorithm 1 and equations (3) to (6).
    .. [2] L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually
       converge?", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.generators import PolarityGAN
    >>> X = np.random.RandomState(0).normal(size=(60, 2))
    >>> y = np.where(X[:, 0] > 1, "rare", "common")
    >>> gan = PolarityGAN(max_iter=20, autoencoder_max_iter=20, random_state=0).fit(X, y)
    >>> X_new, y_new = gan.sample(y=["rare"] * 5)
    >>> bool(X_new[:, 0].min() > 1)
    True
    """

    latent = "normal"

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "classifier_weight": [Interval(Real, 0, None, closed="left")],
        "n_neighbors": [None, Interval(Integral, 1, None, closed="left")],
        "max_anchors": [Interval(Integral, 1, None, closed="left")],
        "autoencoder_max_iter": [Interval(Integral, 1, None, closed="left")],
        "feature_extractor": [
            None,
            StrOptions({"encoder"}),
            HasMethods(["forward", "state_dict"]),
        ],
        "extractor_interval": [Interval(Integral, 1, None, closed="left")],
        "classifier_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "conditioning": [StrOptions(set(CONDITIONINGS)), Conditioning],
    }

    def __init__(
        self,
        *,
        latent_dim=16,
        classifier_weight=0.03,
        n_neighbors=5,
        max_anchors=256,
        autoencoder_max_iter=200,
        feature_extractor=None,
        extractor_interval=10,
        conditioning="projection",
        objective="wasserstein",
        penalty="auto",
        architecture="auto",
        image_shape=None,
        max_iter=300,
        batch_size=64,
        critic_iter=1,
        learning_rate=2e-4,
        betas=(0.5, 0.9),
        classifier_learning_rate=1e-3,
        augment="auto",
        ema_decay=0.99,
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

    def resolve_penalties(self):
        """Return what keeps the critic smooth."""
        # The game starts where generated samples look real, whatever the data.
        if self.penalty == "auto":
            return resolve_penalties(zero_centred_penalty())
        return super().resolve_penalties()

    def resolve_architecture(self):
        """Return the architecture for the samples that ``fit`` has seen."""
        # Not for_table: here categories are means of those of the anchors, not outputs.
        shape = self.layout_.shape
        if self.architecture == "auto" and len(shape) == 1:
            return _small()
        return resolve_architecture(self.architecture, shape)

    def make_game(self, architecture):
        """Return the game of generator, critic, classifier and extractor."""
        shape, n_classes = self.layout_.shape, len(self.classes_)
        extractor, seen = self._extractor_factory(architecture), shape
        if extractor is not None:
            seen, architecture = self._feature_shape(), _small()
        make_critic = resolve_conditioning(self.conditioning).make_critic
        return PolarityGame, self.game_arguments(architecture) | {
            "generator": partial(
                HullGenerator,
                self.latent_dim,
                shape,
                np.minimum(self.class_count_, self.max_anchors).tolist(),
                n_neighbors=self.n_neighbors,
                groups=self.layout_.groups,
                flags=self.layout_.flags,
            ),
            "critic": partial(make_critic, architecture, seen, n_classes),
            "classifier": partial(make_classifier, architecture, seen, n_classes),
            "extractor": extractor,
            "classifier_weight": self.classifier_weight,
            "extractor_interval": self.extractor_interval,
        }

    def _make_net(self, seed, **settings):
        rate = self.classifier_learning_rate
        return super()._make_net(seed, part_lr={"classifier": rate, "extractor": rate}, **settings)

    def _extractor_factory(self, architecture):
        if self.feature_extractor is None:
            return None
        if self.feature_extractor == "encoder":
            return partial(architecture.make_encoder, self.latent_dim, self.layout_.shape)
        return partial(deepcopy, self.feature_extractor)

    def _feature_shape(self):
        """Return the shape of the features of one sample."""
        if self.feature_extractor == "encoder":
            return (self.latent_dim,)
        shape = self.layout_.shape
        samples = np.zeros((2, *shape), dtype=np.float32)
        extractor = deepcopy(self.feature_extractor).cpu().eval()
        try:
            features = apply_network(extractor, samples, "cpu")
        except (RuntimeError, TypeError) as error:
            raise ValueError(
                f"feature_extractor can't take samples of shape {shape}: {error}"
            ) from error
        if features.ndim != 2 or len(features) != 2:
            raise ValueError(
                "feature_extractor must return features of shape (n, n_features_out), but made "
                f"{features.shape} of two samples of shape {shape}; flatten them."
            )
        return features.shape[1:]

    def prepare(self, tensor, labels, rng, setup):
        """Train the autoencoder, and set the anchors and their codes."""
        architecture, shape = self.resolve_architecture(), self.layout_.shape
        autoencoder = fit_autoencoder(
            setup,
            tensor,
            partial(architecture.make_encoder, self.latent_dim, shape),
            partial(architecture.make_generator, self.latent_dim, shape),
            max_iter=self.autoencoder_max_iter,
            seed=draw_seed(rng),
        )
        rows = self._choose_anchors(labels, rng)
        codes = self._apply(autoencoder.encoder, tensor[rows])
        codes /= np.where(codes.std(axis=0) > 0, codes.std(axis=0), 1)
        game = self.net_.module_
        game.generator.set_anchors(torch.from_numpy(tensor[rows]), torch.from_numpy(codes))
        if self.feature_extractor == "encoder":
            game.extractor.load_state_dict(autoencoder.encoder.state_dict())

    def _choose_anchors(self, labels, rng):
        """Return the rows that span the hulls, class by class."""
        return np.concatenate(
            [
                np.sort(rng.permutation(np.flatnonzero(labels == label))[: self.max_anchors])
                for label in range(len(self.classes_))
            ]
        )

    def _critic_input(self, X):
        """Return the features of samples, where there is an extractor."""
        tensor = self._to_network(X)
        game = self._game
        return tensor if game.sees_samples else self._apply(game.extractor, tensor)


def _small():
    return Dense(hidden=(64, 64))
