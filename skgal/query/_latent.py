"""Samples designed in a generator's latent space: at random, where the model is unsure, AISEL."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import qmc
from sklearn.base import is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel
from sklearn.metrics import euclidean_distances, pairwise_distances_argmin_min, r2_score
from sklearn.neighbors import NearestNeighbors
from sklearn.utils.validation import check_is_fitted

from skgal.base import Synthesis, SynthesisStrategy
from skgal.design import support_points
from skgal.exceptions import UniformUncertaintyWarning
from skgal.query._base import GeneratorStrategy, check_batch_size, check_pool_and_labels, top_k
from skgal.query._uncertainty import DENSITY_MEASURES, MEASURES, output_scales, uncertainty_rater
from skgal.utils import (
    Interval,
    StrOptions,
    as_pool,
    as_random_state,
    draw_seed,
    is_missing,
    make_layout,
    row_blocks,
    seeded_nets,
    take_rows,
    warn_user,
)


class LatentStrategy(GeneratorStrategy, SynthesisStrategy):
    """Base of strategies that choose latent points and generate the samples there."""

    def _design(self, X, y, clf, batch_size, asked, rng):
        """Choose latent points, an array (batch_size, latent_dim), given an `AskedLatent`."""
        raise NotImplementedError

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        """Design samples to label.

        With an integer ``random_state`` the same arguments give the same samples; in the next
        round X or ``asked`` has grown, and other samples are drawn.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The available samples, earlier synthetic ones included.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, class probabilities or numbers, missing ones included.
        clf : estimator
            The model that will learn from the labels, fitted on those that are known; may be
            None where the strategy reads nothing of it.
        batch_size : int, default=1
            How many samples to design.
        asked : skgal.base.Asked or None, default=None
            All designed samples that were asked about before. The new ones keep away from them,
            also from those without a label, and from where the oracle is likely to fail.

        Returns
        -------
        Synthesis
            ``X``, laid out as the generator's training data, and ``latent``.

        Raises
        ------
        ValueError
            If X is empty, or its samples have another shape than those that the generator makes.
        TypeError
            If the model doesn't say how unsure it is, and the strategy has to know.
        sklearn.exceptions.NotFittedError
            If the strategy isn't fitted, or the model is needed and isn't.
        """
        check_is_fitted(self)
        self._validate_params()
        check_batch_size(batch_size)
        missing_label = getattr(self, "missing_label", np.nan)
        X = check_pool_and_labels(X, y, missing_label)
        if X.shape[0] == 0:
            raise ValueError("The pool is empty: X has no samples.")
        self._check_sample_shape(X)
        labelled = ~is_missing(y, missing_label)
        asked = AskedLatent(asked, self.generator_, take_rows(X, np.flatnonzero(labelled)))
        # What was asked before gives each round a seed of its own; it can be repeated.
        seed = draw_seed(as_random_state(self.random_state))
        words = [seed, X.shape[0], asked.n_without_label]
        rng = np.random.RandomState(words if words[-1] else words[:-1])
        return self._synthesize(X, y, clf, batch_size, asked, rng)

    def _synthesize(self, X, y, clf, batch_size, asked, rng):
        """Do what :meth:`synthesize` does, once its arguments are checked."""
        latent = self._design(X, y, clf, batch_size, asked, rng)
        repeated = np.flatnonzero(~asked.is_new(latent))
        if len(repeated):  # of integers or categories: take the nearest new designs
            seed = draw_seed(rng)
            drawn = self.generator_.sample_latent(_MOST_REPLACEMENTS, random_state=seed)
            drawn = drawn[asked.is_new(np.concatenate([latent, drawn]))[len(latent) :]]
            distances = euclidean_distances(latent[repeated], drawn) if len(drawn) else [[]]
            rows, nearest = linear_sum_assignment(distances)  # all, unless too few are left
            latent[repeated[rows]] = drawn[nearest]
        return Synthesis(self.generator_.generate(latent), latent)


class AskedLatent:
    """Where in the latent space samples were asked about, and how likely an answer is."""

    # The probability of success is a Gaussian process classifier's, on the latent points of what
    # succeeded or failed, and of the labelled samples where the generator can encode them.

    def __init__(self, asked, generator, labelled):
        has_encoder = hasattr(generator, "inverse_transform")
        latent = np.empty((0, generator.latent_dim_))
        succeeded = np.empty(0)
        if asked is not None and len(asked.succeeded):
            latent = np.array(asked.latent, dtype=np.float64)
            succeeded = np.asarray(asked.succeeded, dtype=np.float64)
            unknown = np.isnan(latent).any(axis=1)
            if unknown.any() and has_encoder:
                latent[unknown] = np.asarray(generator.transform(take_rows(asked.X, unknown)))
                unknown = np.isnan(latent).any(axis=1)
            latent, succeeded = latent[~unknown], succeeded[~unknown]
        self._generator, self._labelled = generator, labelled
        self._asked_samples = None if asked is None else asked.X
        self.latent = latent
        self.without_label = latent[succeeded != 1]
        self.n_without_label = len(self.without_label)
        self.n_pending = np.count_nonzero(np.isnan(succeeded))
        self._scale = generator.latent_distribution_.std()
        self._model = None
        if (succeeded == 0).any():
            points = [latent[succeeded == 0], latent[succeeded == 1]]
            if has_encoder and labelled.shape[0]:
                points.append(encode(generator, labelled))
            points = np.concatenate(points)
            self._fit(points[:_MOST_OUTCOMES], np.arange(len(points)) >= (succeeded == 0).sum())

    def _fit(self, points, outcomes):
        outcomes = outcomes[: len(points)]
        if outcomes.any():
            kernel = ConstantKernel(4.0) * RBF(np.ones(points.shape[1]), (0.2, 20.0))
            self._model = GaussianProcessClassifier(kernel, random_state=0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # of lengths at their bounds
                self._model.fit(points / self._scale, outcomes)

    def success(self, points):
        """Estimate the probability that a sample at each latent point gets its label."""
        if self._model is None:
            return np.ones(len(points))
        return self._model.predict_proba(points / self._scale)[:, 1]

    def likely(self, points, n_points=1):
        """Mark points that succeed nearly as often as the best, ``n_points`` at least."""
        success = self.success(points)
        least = min(LIKELY * success.max(), np.partition(success, -n_points)[-n_points])
        return success >= least

    def is_new(self, points):
        """Mark points whose design is neither known nor that of a point before them."""
        designs = design_rows(self._generator, points)
        if designs is None:
            return np.ones(len(points), dtype=bool)
        labelled = [self._labelled] if self._labelled.shape[0] else []
        if hasattr(self._generator, "round_latent"):
            latent = [self.latent, *(encode(self._generator, samples) for samples in labelled)]
            known = [self._generator.round_latent(points) for points in latent if len(points)]
        else:
            asked = [] if self._asked_samples is None else [self._asked_samples]
            known = [self._generator.layout_.to_network(samples) for samples in asked + labelled]
        return are_first(designs, known)

    def distance(self, points):
        """Distance of each latent point to the nearest one that was asked about."""
        if len(self.latent) == 0:
            return np.full(len(points), np.inf)
        return pairwise_distances_argmin_min(points, self.latent)[1]


def encode(generator, X):
    """Return the latent points of samples; of a box, those of the designs in it only."""
    latent = np.asarray(generator.transform(X))
    if hasattr(generator, "is_feasible"):
        latent = latent[generator.score_samples(X) > -_TOLERANCE]
    return latent


def design_rows(generator, points):
    """Return rows, equal where designs at latent points are; None if no two points share one."""
    if hasattr(generator, "round_latent"):  # a box with integers or categories
        return generator.round_latent(points)
    layout = getattr(generator, "layout_", None)
    if layout is None or layout.is_image:
        return None
    sample = generator.generate(points[:1])
    if layout.groups is None and isinstance(sample, np.ndarray) and sample.dtype.kind == "f":
        return None
    return layout.to_network(generator.generate(points))


def are_first(designs, known):
    """Mark rows that are equal to no known row, nor to one before them."""
    rows = np.concatenate([*known, designs])
    is_first = np.zeros(len(rows), dtype=bool)
    is_first[np.unique(rows, axis=0, return_index=True)[1]] = True
    return is_first[len(rows) - len(designs) :]


# Outcomes that the probability of success is learnt from, failures first; and how likely, against
# the likeliest, a sample has to be.
_MOST_OUTCOMES = 300
LIKELY = 0.7
# Samples that the inversion is measured on, at most; and the share of the candidates that a point
# of the design stands for among which it moves, where the generator inverts real samples perfectly.
_MOST_RESTORED = 1000
_NEAR = 0.5
# How far, for rounding, a design may be out of a box.
_TOLERANCE = 1e-9
# So many failures in a row are not by chance.
_MAX_REDRAWS = 20
# Random designs among which those are found that take the place of repeated ones.
_MOST_REPLACEMENTS = 5000


class GuidedLatentStrategy(LatentStrategy):
    """Base of latent strategies that look where in the latent space the model is unsure."""

    _parameter_constraints = {
        **LatentStrategy._parameter_constraints,
        "output_weights": ["array-like", None],
        "candidates": [StrOptions({"auto", "grid", "sobol"})],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "missing_label": "no_validation",
    }

    def _check_generator(self):
        super()._check_generator()
        dim = getattr(self.generator, "latent_dim", None)
        if isinstance(dim, Integral) and dim >= 1:  # else the generator raises its own error
            resolve_kind(self.candidates, dim, self.n_candidates)

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is."""
        uncertainty_rater(clf, self.measure)

    def _candidates(self, rng):
        """Return latent points, none of the same design, and how many each stands for."""
        candidates = latent_points(
            self.generator_.latent_distribution_,
            self.generator_.latent_dim_,
            self.n_candidates,
            self.candidates,
            rng,
        )
        if hasattr(self.generator_, "is_feasible"):  # a box with constraints
            candidates = candidates[self.generator_.is_feasible(candidates)]
        shares = np.ones(len(candidates))
        if hasattr(self.generator_, "round_latent"):
            rounded = self.generator_.round_latent(candidates)
            _, first, counts = np.unique(rounded, axis=0, return_index=True, return_counts=True)
            if len(first) < len(candidates):
                order = np.argsort(first)
                candidates, shares = rounded[first[order]], counts[order]
        return candidates, shares

    def _generated(self, latent):
        """Iterate over the samples at latent points, in blocks."""
        for block in row_blocks(len(latent), like=self.generator_.generate(latent[:1])):
            yield self.generator_.generate(latent[block])

    def _uncertainty(self, latent, y, clf):
        """Rate how unsure the model is at latent points (AISEL, equation 7)."""
        scales = output_scales(y, self.missing_label)
        rate = uncertainty_rater(clf, self.measure, scales, self.output_weights)
        uncertain = np.concatenate([rate(block) for block in self._generated(latent)])
        if np.ptp(uncertain) == 0:
            warn_user(
                f"The model is equally unsure ({uncertain[0]:.3g}) of all {len(latent)} latent "
                "candidates, so its uncertainty does not guide the design.",
                UniformUncertaintyWarning,
            )
        return uncertain


class LatentRandom(LatentStrategy):
    """Draw samples from a generator at random.

    What any designing strategy has to beat: samples like the given ones, without a look at the
    model.

    See Also
    --------
    SpaceFilling : Evenly.
    RandomSampling : From a pool.

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

    def _design(self, X, y, clf, batch_size, asked, rng):
        drawn = self.generator_.sample_latent(batch_size, random_state=draw_seed(rng))
        if asked.n_without_label == 0:
            return drawn
        # A draw is repeated with the probability that it fails.
        refused = np.arange(batch_size)
        for _ in range(_MAX_REDRAWS):
            success = asked.success(drawn[refused])
            unlikely = success < LIKELY * asked.success(drawn).max()
            refused = refused[unlikely | (rng.random_sample(len(refused)) > success)]
            if len(refused) == 0:
                break
            seed = draw_seed(rng)
            drawn[refused] = self.generator_.sample_latent(len(refused), random_state=seed)
        return drawn


class LatentUncertainty(GuidedLatentStrategy):
    """Generate the samples of which the model is least sure.

    It rates a fixed set of latent points and takes the best. Neighbours in that set look
    alike, so a batch often holds many samples of one kind; :class:`AISEL` spreads them.

    Parameters
    ----------
    measure : {"entropy", "normalized_entropy", "least_confidence", "margin_of_confidence", \
"ratio_of_confidence", "min_distance"}, default="entropy"
        See :class:`UncertaintySampling`.
    output_weights : array-like of shape (n_outputs,), default=None
        See :class:`UncertaintySampling`.
    candidates : {"auto", "grid", "sobol"}, default="auto"
        The latent points to rate: a grid, or a scrambled Sobol set, new at each call.
        ``"auto"`` is the grid in one or two dimensions.
    n_candidates : int, default=10_000
        How many latent points to rate; of a grid, how many cells it has, at most.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Scrambles the Sobol set, decides between equally uncertain points, and seeds the
        generator if that has no seed of its own.

    See Also
    --------
    AISEL : Spreads a batch out.
    ASAL : Takes the most similar samples of a pool.
    GAAL : The paper's search.

    References
    ----------
    J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43, 2021,
    section 5.1.3: the active learning baseline, the top of a 101 × 101 grid.

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
        output_weights=None,
        candidates="auto",
        n_candidates=10_000,
        missing_label=np.nan,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.output_weights = output_weights
        self.candidates = candidates
        self.n_candidates = n_candidates
        self.missing_label = missing_label
        self.random_state = random_state

    def _design(self, X, y, clf, batch_size, asked, rng):
        candidates, _ = self._candidates(rng)
        check_batch_size(batch_size, len(candidates), "latent candidates (see n_candidates)")
        utilities = self._uncertainty(candidates, y, clf).astype(np.float64)
        too_near = asked.distance(candidates) < _spacing(candidates, rng)
        utilities[too_near | ~asked.likely(candidates) | ~asked.is_new(candidates)] = -np.inf
        tie_break = rng.random_sample(len(candidates))
        return candidates[top_k(utilities, batch_size, tie_break)]


def _spacing(points, rng):
    """Median distance of points to their nearest neighbours, from a few hundred of them."""
    some = points[rng.permutation(len(points))[:256]]
    distances, _ = NearestNeighbors(n_neighbors=min(2, len(points))).fit(points).kneighbors(some)
    return np.median(distances[:, -1]) * (1 - 1e-6)  # on a lattice all are equal but for rounding


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
    measure : str, default="entropy"
        The uncertainty of a classifier; see :class:`UncertaintySampling`. That of a regressor
        is its predictive standard deviation, whatever ``measure`` says. ``"min_distance"`` is
        left out: a negative distance is no density.
    output_weights : array-like of shape (n_outputs,), default=None
        See :class:`UncertaintySampling`.
    balance : bool, default=False
        Divide the uncertainty at each latent point by the total uncertainty of the class that
        the model predicts there (equation F.1), so that each class has the same share of the
        density. For imbalanced classes; classifiers only. The labelled samples and the new ones
        *together* follow the density, so a class with fewer labels gets more of the new ones.
    power : float, default=1.0
        The density is the uncertainty to this power, at least 0: 1 is the paper's, 0 ignores
        the model and only explores, a large one exploits where the model is least sure. On
        Fashion-MNIST with 400 labels 0.25 was better than 1 by 0.2 points of accuracy, and neither
        was better than random points: see ``docs/measured.md``.
    candidates : {"auto", "grid", "sobol"}, default="auto"
        The latent points that stand for the density: a grid, or a scrambled Sobol set, new at
        each call. ``"auto"`` is the grid in one or two dimensions. They are as dense as the
        latent distribution, which is uniform in the paper.
    n_candidates : int, default=10_000
        How many such points; of a grid, how many cells it has, at most.
    max_iter : int, default=200
        Iterations of the convex-concave procedure at most.
    n_neighbors : int or "auto", default="auto"
        Each point of the design moves to the densest of the ``n_neighbors`` candidates nearest to
        it; 0 leaves it where it is, as in the paper. Few points lie inside a curved region of
        uncertainty, not on it, where the model is sure. ``"auto"`` is
        ``inversion_score_ * len(candidates) / (2 * n_points)``, half of the candidates that each
        of the new and pending points stands for: far in small batches and where the generator
        inverts real samples, and hardly at all where it doesn't, as on small sets of images, whose
        most uncertain latent points are the poorest images.
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
    inversion_score_ : float
        Share of the variance of the samples of ``fit`` that encoder and generator restore, from 0
        to 1: R², each feature in the range of its values.

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
    .. [1] J. Chen et al., "Active image synthesis for efficient labeling" (AISEL), IEEE TPAMI 43,
       2021, equations (7) to (10), Algorithm 2 and appendix F.

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
        "n_neighbors": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_jobs": [Integral, None],
    }
    _needs_encoder = True

    def __init__(
        self,
        generator,
        *,
        measure="entropy",
        output_weights=None,
        balance=False,
        power=1.0,
        candidates="auto",
        n_candidates=10_000,
        max_iter=200,
        n_neighbors="auto",
        n_jobs=None,
        missing_label=np.nan,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.output_weights = output_weights
        self.balance = balance
        self.power = power
        self.candidates = candidates
        self.n_candidates = n_candidates
        self.max_iter = max_iter
        self.n_neighbors = n_neighbors
        self.n_jobs = n_jobs
        self.missing_label = missing_label
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is; with ``balance``, any regressor."""
        self._check_balance(clf)
        super().check_model(clf, X)

    def _check_balance(self, clf):
        if self.balance and is_regressor(clf):
            raise ValueError("balance=True is for classifiers; a regressor has no classes.")

    def _design(self, X, y, clf, batch_size, asked, rng):
        self._check_balance(clf)
        candidates, shares = self._candidates(rng)
        density = self._uncertainty(candidates, y, clf)
        # Relative to the largest, so that no power leaves the range of floats.
        density = (density / (density.max() or 1.0)) ** self.power
        if not density.any():
            density = np.ones_like(density)
        elif self.balance:
            density = balanced(density, self._predicted(candidates, clf), shares)
        success = asked.success(candidates)
        likely = success >= LIKELY * success.max()
        points = support_points(
            batch_size,
            candidates[likely],
            weights=(shares * (density * success if density[likely].any() else 1))[likely],
            existing=np.concatenate([self._labelled_latent(X, y), asked.without_label]),
            bounds=self.generator_.latent_distribution_.support(),
            max_iter=self.max_iter,
            n_jobs=self.n_jobs,
            random_state=draw_seed(rng),
        )
        n_points = batch_size + asked.n_pending  # which stand for the density together
        n_neighbors = self._count_neighbors(len(candidates), n_points)
        if n_neighbors > 0:
            near = asked.distance(candidates) < _spacing(candidates, rng)
            free = likely & ~near & asked.is_new(candidates)
            free = free if np.count_nonzero(free) >= batch_size else likely
            return _densest_nearby(points, candidates[free], (density * success)[free], n_neighbors)
        # Between the candidates that attract it, a point may lie where there is none.
        misplaced = asked.success(points) < LIKELY * success.max()
        if hasattr(self.generator_, "is_feasible"):
            misplaced |= ~self.generator_.is_feasible(points)
        if misplaced.any():
            distances = euclidean_distances(points[misplaced], candidates[likely])
            _, nearest = linear_sum_assignment(distances)
            points[misplaced] = candidates[likely][nearest]
        return points

    def _prepare(self, X, y):
        """Measure how well the generator restores real samples."""
        self.inversion_score_ = 0.0
        rows = as_random_state(0).permutation(len(as_pool(X)))[:_MOST_RESTORED]
        real = take_rows(X, np.sort(rows))
        latent = np.asarray(self.generator_.transform(real))
        has_point = ~np.isnan(latent).any(axis=1)
        if np.count_nonzero(has_point) < 2:  # which have no variance
            return
        real, latent = take_rows(real, np.flatnonzero(has_point)), latent[has_point]
        restored = self.generator_.inverse_transform(latent)
        if isinstance(real, np.ndarray) and real.dtype.kind == "O" != restored.dtype.kind:
            real = real.astype(restored.dtype)  # numbers, as the generator has seen
        layout = make_layout(real)
        pair = [layout.to_network(each).reshape(len(latent), -1) for each in (real, restored)]
        score = r2_score(*pair, multioutput="variance_weighted")
        self.inversion_score_ = max(float(score), 0.0)

    def _count_neighbors(self, n_candidates, n_points):
        """How many candidates near each support point compete for its place; 0: it stays."""
        if self.n_neighbors != "auto":
            return min(self.n_neighbors, n_candidates)
        return round(_NEAR * self.inversion_score_ * n_candidates / n_points)

    def _labelled_latent(self, X, y):
        labelled = np.flatnonzero(~is_missing(y, self.missing_label))
        if not labelled.size:
            return np.empty((0, self.generator_.latent_dim_))
        return encode(self.generator_, take_rows(X, labelled))

    def _predicted(self, latent, clf):
        with seeded_nets(clf):
            return np.concatenate([clf.predict(block) for block in self._generated(latent)])


def _densest_nearby(points, candidates, density, n_neighbors):
    """Move each point to the densest of the candidates nearest to it that is not yet taken."""
    index = NearestNeighbors(n_neighbors=min(n_neighbors, len(candidates))).fit(candidates)
    nearest = index.kneighbors(points, return_distance=False)
    is_free = np.ones(len(candidates), dtype=bool)
    moved = points.copy()
    for i, row in enumerate(nearest):
        free = row[is_free[row]]
        if free.size:  # else the point stays
            best = free[np.argmax(density[free])]
            moved[i], is_free[best] = candidates[best], False
    return moved


def balanced(density, classes, shares=1.0):
    """Give every class the same total density, if it has any (AISEL, equation F.1)."""
    _, codes = np.unique(classes, return_inverse=True)
    totals = np.bincount(codes, weights=density * shares)
    return density / np.where(totals > 0, totals, 1)[codes]


# Sobol points are multiples of 2**-30; half a step keeps those of the left edge, where the
# quantile function of an unbounded distribution is infinite, inside the cube.
INSIDE = 2.0**-31


def resolve_kind(kind, dim, n_points):
    """Choose a grid or a Sobol set; refuse a grid that is too coarse."""
    if kind == "auto":
        kind = "grid" if dim <= 2 else "sobol"
    if kind == "grid" and (_cells_a_side(dim, n_points) + 1) ** dim > 2 * n_points:
        raise ValueError(
            f"A grid of about {n_points} points is too coarse in {dim} dimensions; "
            "use candidates='sobol', or more n_candidates."
        )
    return kind


def latent_points(distribution, dim, n_points, kind, rng):
    """Cover a latent space with points, as densely as the distribution of a coordinate is there."""
    if resolve_kind(kind, dim, n_points) == "grid":
        return _grid(distribution, dim, n_points)
    return quantiles(distribution, _sobol(dim, n_points, rng))


def quantiles(distribution, levels):
    """Return ``distribution.ppf(levels)``, without its checks for a uniform one."""
    if getattr(getattr(distribution, "dist", None), "name", None) == "uniform":
        low, high = distribution.support()
        points = levels * (high - low)
        points += low
        return points
    return distribution.ppf(levels)


def _grid(distribution, dim, n_points):
    """Return the corners of cells of equal probability; of an unbounded space, their middles."""
    n_cells = _cells_a_side(dim, n_points)
    if np.isfinite(distribution.support()).all():
        levels = np.linspace(0, 1, n_cells + 1)
    else:
        levels = (np.arange(n_cells) + 0.5) / n_cells
    axes = np.meshgrid(*[quantiles(distribution, levels)] * dim, indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, dim)


def _cells_a_side(dim, n_points):
    return int(n_points ** (1 / dim) + 1e-9)  # 1000 ** (1 / 3) is 9.99...


def _sobol(dim, n_points, rng):
    sobol = qmc.Sobol(dim, scramble=True, seed=np.random.default_rng(draw_seed(rng)))
    # The balanced sets have a power of two of points; the first n of one are nearly so.
    n_doublings = int(np.ceil(np.log2(n_points)))
    return sobol.random_base2(n_doublings)[:n_points] + INSIDE
