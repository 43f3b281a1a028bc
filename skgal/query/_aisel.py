"""AISEL: samples that follow the model's uncertainty and keep away from what is labelled."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils._param_validation import Interval, StrOptions

from skgal.design import support_points
from skgal.query._latent import GuidedLatentStrategy
from skgal.query._measures import DENSITY_MEASURES
from skgal.utils import draw_seed, is_missing, seeded_nets, take_rows


class AISEL(GuidedLatentStrategy):
    r"""Design samples that exploit the model's uncertainty and explore what is unlabelled.

    The uncertainty :math:`h(f) = H(C(G(f)))` of the model :math:`C` at the samples
    :math:`G(f)` of a generator, or a power of it, is read as a density on its latent space. The
    batch is the set of latent points whose energy distance to that density is smallest, given
    the latent points :math:`E(X)` of the labelled samples: dense where the model is unsure,
    apart from each other and from what is labelled already [1]_.

    Parameters
    ----------
    generator : generator with an encoder, such as :class:`skgal.generators.GIN`
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    measure : {"entropy", "margin", "least_confident"}, default="entropy"
        The uncertainty of a classifier; see :class:`UncertaintySampling`. That of a regressor
        is its predictive standard deviation, whatever ``measure`` says. ``"min_distance"`` is
        left out: a negative distance is no density.
    balance : bool, default=False
        Divide the uncertainty at each latent point by the total uncertainty of the class that
        the model predicts there (equation F.1), so that each class gets an equal share of the
        samples. For imbalanced classes; classifiers only.
    power : float, default=1.0
        The density is the uncertainty to this power, at least 0: 1 is the paper's, 0 ignores
        the model and only explores, a large one exploits where the model is least sure. On
        Fashion-MNIST with 400 labels 0.25 was better than 1 by 0.2 points of accuracy, and neither
        was better than random points: see ``docs/benchmarks.md``.
    candidates : {"auto", "grid", "sobol"}, default="auto"
        The latent points that stand for the density: a grid, or a scrambled Sobol set, new at
        each call. ``"auto"`` is the grid in one or two dimensions. They are as dense as the
        latent distribution, which is uniform in the paper.
    n_candidates : int, default=10_000
        How many such points; of a grid, how many cells it has, at most.
    max_iter : int, default=200
        Iterations of the convex-concave procedure at most.
    n_jobs : int, default=None
        Number of threads of the procedure, as in :mod:`joblib`. The samples are the same for
        any number.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides the Sobol set and the start of the procedure, and seeds the generator if that
        has no seed of its own.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.

    See Also
    --------
    skgal.design.support_points : The design of equation (10).

    Notes
    -----
    Several rounds: earlier synthetic samples are rows of X, so the next batch keeps away from
    them too. Their latent points are known, yet they are encoded like the real ones: a sample
    is all that X holds of them, and :math:`E(G(u))` is close to :math:`u`, which is what the
    encoder is trained for. Unlabelled rows of X don't count: a synthetic sample next to one
    wastes no label.

    References
    ----------
    .. [1] AISEL, equations (7) to (10), Algorithm 2 and appendix F.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import GIN
    >>> from skgal.query import AISEL
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = AISEL(GIN(latent_dim=2, max_iter=2), n_candidates=64, random_state=0)
    >>> clf = LogisticRegression(max_iter=1000).fit(X[:50], y[:50])
    >>> synthesis = strategy.fit(X[:50]).synthesize(X[:50], y[:50], clf, batch_size=3)
    >>> synthesis.X.shape, synthesis.latent.shape
    ((3, 64), (3, 2))
    """

    _parameter_constraints = {
        **GuidedLatentStrategy._parameter_constraints,
        "measure": [StrOptions(set(DENSITY_MEASURES))],
        "balance": ["boolean"],
        "power": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "missing_label": "no_validation",
    }

    def __init__(
        self,
        generator,
        *,
        measure="entropy",
        balance=False,
        power=1.0,
        candidates="auto",
        n_candidates=10_000,
        max_iter=200,
        n_jobs=None,
        missing_label=np.nan,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.balance = balance
        self.power = power
        self.candidates = candidates
        self.n_candidates = n_candidates
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.missing_label = missing_label
        self.random_state = random_state

    def _check_generator(self):
        super()._check_generator()
        if not hasattr(self.generator, "inverse_transform"):
            raise TypeError(
                "AISEL needs a generator with an encoder, such as skgal.generators.GIN; "
                f"{type(self.generator).__name__} has no inverse_transform."
            )

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is; with ``balance``, any regressor."""
        self._check_balance(clf)
        super().check_model(clf, X)

    def _check_balance(self, clf):
        if self.balance and is_regressor(clf):
            raise ValueError("balance=True is for classifiers; a regressor has no classes.")

    def _design(self, X, y, clf, batch_size, rng):
        self._check_balance(clf)
        candidates = self._candidates(rng)
        density = self._uncertainty(candidates, clf)
        # Relative to the largest, so that no power leaves the range of floats.
        density = (density / (density.max() or 1.0)) ** self.power
        if not density.any():
            density = np.ones_like(density)
        elif self.balance:
            density = balanced(density, self._predicted(candidates, clf))
        return support_points(
            batch_size,
            candidates,
            weights=density,
            existing=self._labelled_latent(X, y),
            bounds=self.generator_.latent_distribution_.support(),
            max_iter=self.max_iter,
            n_jobs=self.n_jobs,
            random_state=draw_seed(rng),
        )

    def _labelled_latent(self, X, y):
        labelled = np.flatnonzero(~is_missing(y, self.missing_label))
        return self.generator_.transform(take_rows(X, labelled)) if labelled.size else None

    def _predicted(self, latent, clf):
        with seeded_nets(clf):
            return np.concatenate([clf.predict(block) for block in self._generated(latent)])


def balanced(density, classes):
    """Give every class the same total density, if it has any (AISEL, equation F.1).

    Parameters
    ----------
    density : ndarray of shape (n_points,)
    classes : ndarray of shape (n_points,)
        The class of each point.

    Returns
    -------
    ndarray of shape (n_points,)
    """
    _, codes = np.unique(classes, return_inverse=True)
    totals = np.bincount(codes, weights=density)
    return density / np.where(totals > 0, totals, 1)[codes]
