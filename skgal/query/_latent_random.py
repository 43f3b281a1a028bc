"""Random samples of a generator: what every design must beat."""

from skgal.query._latent import LatentStrategy
from skgal.utils import draw_seed


class LatentRandom(LatentStrategy):
    """Draw samples from a generator at random.

    Parameters
    ----------
    generator : generator
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    random_state : int, RandomState instance or None, default=None
        Decides the latent points, and seeds the generator if that has no seed of its own.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.

    Notes
    -----
    ``synthesize`` doesn't look at the model, so ``clf`` may be None.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import GAN
    >>> from skgal.query import LatentRandom
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = LatentRandom(GAN(max_iter=2), random_state=0).fit(X[:50])
    >>> strategy.synthesize(X[:50], y[:50], None, batch_size=3).X.shape
    (3, 64)
    """

    def __init__(self, generator, *, random_state=None):
        self.generator = generator
        self.random_state = random_state

    def _design(self, X, y, clf, batch_size, rng):
        seed = draw_seed(rng)
        return self.generator_.sample_latent(batch_size, random_state=seed)
