"""Uncertainty sampling in latent space: the generator's samples the model is least sure of."""

from sklearn.utils._param_validation import StrOptions

from skgal.query._checks import check_batch_size
from skgal.query._latent import GuidedLatentStrategy
from skgal.query._measures import MEASURES
from skgal.query._ranking import top_k


class LatentUncertainty(GuidedLatentStrategy):
    """Generate the samples of which the model is least sure.

    It rates a fixed set of latent points and takes the best. Neighbours in that set look
    alike, so a batch often holds many samples of one kind; :class:`AISEL` spreads them.

    Parameters
    ----------
    generator : generator
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    measure : {"entropy", "margin", "least_confident", "min_distance"}, default="entropy"
        See :class:`UncertaintySampling`.
    candidates : {"auto", "grid", "sobol"}, default="auto"
        The latent points to rate: a grid, or a scrambled Sobol set, new at each call.
        ``"auto"`` is the grid in one or two dimensions.
    n_candidates : int, default=10_000
        How many latent points to rate; of a grid, how many cells it has, at most.
    random_state : int, RandomState instance or None, default=None
        Scrambles the Sobol set, decides between equally uncertain points, and seeds the
        generator if that has no seed of its own.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.

    References
    ----------
    AISEL, section 5.1.3: the active learning baseline, the top of a 101 × 101 grid.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import GAN
    >>> from skgal.query import LatentUncertainty
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = LatentUncertainty(GAN(max_iter=2), n_candidates=64, random_state=0)
    >>> clf = LogisticRegression(max_iter=1000).fit(X[:50], y[:50])
    >>> synthesis = strategy.fit(X[:50]).synthesize(X[:50], y[:50], clf, batch_size=3)
    >>> synthesis.X.shape
    (3, 64)
    """

    _parameter_constraints = {
        **GuidedLatentStrategy._parameter_constraints,
        "measure": [StrOptions(set(MEASURES))],
    }

    def __init__(
        self,
        generator,
        *,
        measure="entropy",
        candidates="auto",
        n_candidates=10_000,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.candidates = candidates
        self.n_candidates = n_candidates
        self.random_state = random_state

    def _design(self, X, y, clf, batch_size, rng):
        candidates = self._candidates(rng)
        check_batch_size(batch_size, len(candidates), "latent candidates (see n_candidates)")
        utilities = self._uncertainty(candidates, clf)
        tie_break = rng.random_sample(len(candidates))
        return candidates[top_k(utilities, batch_size, tie_break)]
