"""The balancing generative adversarial network."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.covariance import ledoit_wolf

from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._autoencoder import fit_autoencoder
from skgal.generators._base import store_parameters
from skgal.generators._conditional import ClassifyingMixin, ConditionalAdversarialGenerator
from skgal.nn import ClassLatents, FakeClassCritic, make_classifier
from skgal.training import BalancingGame
from skgal.utils import Interval, draw_seed

# Added to covariances, in units of the mean variance, so that they have Cholesky factors.
_JITTER = 1e-6


class BAGAN(ClassifyingMixin, ConditionalAdversarialGenerator):
    r"""Balancing GAN: starts from an autoencoder, and trains on all classes in equal shares.

    An autoencoder is trained on the samples of all classes. Its decoder becomes the generator, the
    first layers of its encoder those of the critic, and each class gets a normal distribution
    fitted to the codes of its samples, from which its latents are drawn. So a rare class starts
    from what the network learnt of all of them. In the game every class is generated as
    often; the critic assigns a sample to one of the classes or to one more, "generated" [1]_.

    Parameters
    ----------
    latent_dim : int, default=32
        Width of the latent space, which is that of the autoencoder's code.
    classifier_weight : float, default=1.0
        Weight of telling the classes apart beside telling real from generated; with 1 and the
        ``"nonsaturating"`` objective both are the paper's one cross-entropy.
    autoencoder_max_iter : int, default=500
        Number of updates of the autoencoder.
    objective : str or Objective, default="nonsaturating"
        What generator and critic minimise (see :mod:`skgal.objectives`), with the log-odds of being
        real as critic. ``"auto"`` depends on the data, as in :class:`GAN`.
    penalty : None, str, Penalty or a list of these, default="auto"
        What keeps the critic smooth; several may be combined. ``"auto"`` is
        ``"spectral_norm"`` for images and ``GradientPenalty(weight=1, target=0)`` for tables; the
        paper has none. Clipping and spectral normalisation leave the critic's last layer, which
        tells the classes apart, free.

    Attributes
    ----------
    history_ : list of dict
        A row every 50 updates: ``updates``, ``critic_loss``, ``generator_loss``, ``dur``
        (seconds); classification losses are part of both.
    latent_distribution_ : frozen distribution of scipy.stats
        Standard normal, of each latent coordinate, for all classes.

    See Also
    --------
    ACGAN : Neither an autoencoder nor balance, and a critic with two outputs.
    PolarityGAN : Stays in the convex hull of the class.

    Notes
    -----
    The latent space that users see is the same for all classes: :meth:`sample_latent` draws
    standard normal points Z, and :meth:`generate` maps a row z of class k to the code
    :math:`\mu_k + L_k z`, which has the class's mean and covariance, before the generator
    decodes it. Covariances are shrunk by the formula of Ledoit and Wolf; a class of one sample
    has that of all samples about the means of their classes.

    References
    ----------
    .. [1] G. Mariani, F. Scheidegger, R. Istrate, C. Bekas, C. Malossi, "BAGAN: Data Augmentation
       with Balancing GAN", 2018; K. Deepshikha, A. Naman, "Removing class imbalance using
       Polarity-GAN: an uncertainty sampling approach", arXiv 2020, section 3.3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import BAGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> bagan = BAGAN(latent_dim=3, autoencoder_max_iter=50, max_iter=5, random_state=0)
    >>> X_new, y_new = bagan.fit(X[:110], y[:110]).sample(y=[2, 0])
    >>> y_new.tolist()
    [2, 0]
    """

    latent = "normal"

    _parameter_constraints = {
        **AdversarialGenerator._parameter_constraints,
        "classifier_weight": [Interval(Real, 0, None, closed="left")],
        "autoencoder_max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        latent_dim=32,
        classifier_weight=1.0,
        autoencoder_max_iter=500,
        objective="nonsaturating",
        penalty="auto",
        architecture="auto",
        image_shape=None,
        max_iter=2500,
        batch_size=64,
        critic_iter=1,
        learning_rate=2e-4,
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
        """Return the game whose critic has a class for what is generated."""
        shape, n_classes = self.layout_.shape, len(self.classes_)
        return BalancingGame, self.game_arguments(architecture) | {
            "generator": partial(_make_generator, architecture, self.latent_dim, shape, n_classes),
            "critic": partial(_make_critic, architecture, shape, n_classes),
            "classifier_weight": self.classifier_weight,
        }

    def prepare(self, tensor, labels, rng, setup):
        """Train the autoencoder, and have the game start from it."""
        architecture, shape = self.resolve_architecture(), self.layout_.shape
        autoencoder = fit_autoencoder(
            setup,
            tensor,
            partial(make_classifier, architecture, shape, self.latent_dim),
            partial(architecture.make_generator, self.latent_dim, shape),
            max_iter=self.autoencoder_max_iter,
            seed=draw_seed(rng),
        )
        codes = self._apply(autoencoder.encoder, tensor)
        self.net_.module_.start_from(
            autoencoder.encoder, autoencoder.decoder, *class_gaussians(codes, labels)
        )


def _make_generator(architecture, latent_dim, shape, n_classes):
    generator = architecture.make_generator(latent_dim, shape)
    return ClassLatents(generator, latent_dim, n_classes)


def _make_critic(architecture, shape, n_classes):
    return FakeClassCritic(architecture.make_critic(shape), n_classes)


def class_gaussians(codes, labels):
    """Fit a normal distribution to the codes of each class, its covariance shrunk."""
    codes = codes.astype(np.float64)
    counts = np.bincount(labels)
    means = np.stack([codes[labels == label].mean(axis=0) for label in range(len(counts))])
    centred = codes - means[labels]
    pooled = _covariance(centred)
    covariances = [
        _covariance(centred[labels == label]) if count > 1 else pooled
        for label, count in enumerate(counts)
    ]
    return means.astype(np.float32), np.linalg.cholesky(covariances).astype(np.float32)


def _covariance(centred):
    covariance, _ = ledoit_wolf(centred, assume_centered=True)
    variance = np.trace(covariance) / len(covariance)
    return covariance + _JITTER * max(variance, _JITTER) * np.eye(len(covariance))
