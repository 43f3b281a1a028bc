"""Search the latent space near the boundary: GAAL labels what is generated, ASAL similar rows."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.stats import mannwhitneyu
from sklearn.frozen import FrozenEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import check_is_fitted

from skgal.differentiable import (
    boundary_proximity,
    differentiable,
    evolve_latent,
    log_entropy,
    log_entropy_of_decisions,
    odds_proximity,
    search_latent,
)
from skgal.exceptions import NotDifferentiableError, PoorSamplesWarning, UselessMatchesWarning
from skgal.features import as_points, feature_extractor
from skgal.generators import Autoencoder
from skgal.matching import FeatureMatcher
from skgal.query._base import BatchStrategy, Candidates, GeneratorStrategy, labelled_rows, top_k
from skgal.query._core_set import k_centre_greedy
from skgal.query._latent import LatentStrategy
from skgal.query._uncertainty import SCORES, resolve_score
from skgal.utils import (
    HasMethods,
    Interval,
    StrOptions,
    as_pool,
    as_random_state,
    draw_seed,
    seeded_nets,
    warn_user,
)

# Below this p-value matches are called less uncertain than random samples.
_USELESS = 0.01
# Generated samples that are compared with the pool. They are called poor if they have less than
# this share of the different nearest samples that real ones have, or are that many times as far.
_N_REFERENCE, _REPEATED, _FAR = 200, 0.5, 2.0
# How many latent points are searched for each one that GAAL keeps, where some are to be avoided.
_N_TRIALS = 4


class LatentSearch:
    """Mixin of strategies that search the latent space of a ``generator_`` by gradient ascent."""

    _parameter_constraints = {
        "measure": [StrOptions(set(SCORES))],
        "search": [StrOptions({"auto", "gradient", "evolution"})],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
    }

    def check_model(self, clf, X):
        """Refuse a model that doesn't say how unsure it is, or lacks the gradient asked for."""
        score = resolve_score(self.measure, clf)
        if self.search == "gradient":
            differentiable(clf, score.method)

    def _search(self, clf, n_points, rng):
        """Find latent points of which the classifier is unsure, the one of highest score first."""
        score = resolve_score(self.measure, clf)
        start = self.generator_.sample_latent(n_points, random_state=draw_seed(rng))
        with seeded_nets(clf, draw_seed(rng)):
            latent, values = self._maximise(score, clf, start, rng)
        return latent[np.argsort(-values, kind="stable")]

    def _maximise(self, score, clf, start, rng):
        distribution = self.generator_.latent_distribution_
        stopping = {"max_iter": self.max_iter, "tol": self.tol}
        if self.search != "evolution":
            try:
                function, device = _differentiable_score(score, clf, self.generator_, start)
            except NotDifferentiableError:
                if self.search == "gradient":
                    raise
            else:
                return search_latent(
                    function,
                    start,
                    support=distribution.support(),
                    learning_rate=self.learning_rate,
                    device=device,
                    **stopping,
                )
        return evolve_latent(
            lambda latent: score.rate(clf, self.generator_.generate(latent)),
            start,
            distribution,
            rng,
            **stopping,
        )


_TENSOR_SCORES = {
    "log_entropy": log_entropy,
    "log_entropy_of_decisions": log_entropy_of_decisions,
    "odds_proximity": odds_proximity,
    "boundary_proximity": boundary_proximity,
}


def _differentiable_score(score, clf, generator, start):
    """Chain generator, classifier and score, all on the generator's device."""
    generate = differentiable(generator, "generate")
    rate = differentiable(clf, score.method)
    of_tensors = _TENSOR_SCORES[score.of_tensors]
    with torch.no_grad():
        device = generate(torch.tensor(start[:1], dtype=torch.float32, device="cpu")).device
    rate.to(device)
    return lambda latent: of_tensors(rate(generate(latent))), device


class GAAL(LatentSearch, LatentStrategy):
    r"""Search a generator's latent space for samples of which the classifier is least sure.

    Generative adversarial active learning [1]_: random latent points are moved along the
    gradient through classifier and generator to where the score is highest, and the samples
    there are labelled. It costs the same whatever the size of the pool, and asks the oracle
    about generated samples: near the boundary the classes are hard to tell
    apart, and poor generators make that worse. :class:`ASAL` asks about real samples like them.

    Parameters
    ----------
    measure : {"min_distance", "entropy"}, default="min_distance"
        What is maximised: minus the distance to the decision boundary, which is the paper's,
        or the entropy of the class probabilities. The distance is that of
        ``decision_function``, one value or the gap between the two largest; of a classifier
        that has only ``predict_proba``, the log-odds of the two most probable classes, which
        for a softmax is the gap between the logits. The probabilities of a classifier that has
        none are those of :class:`UncertaintySampling`.
    search : {"auto", "gradient", "evolution"}, default="auto"
        How the maximum is found. ``"gradient"`` is Adam, for classifiers that
        :func:`~skgal.differentiable.differentiable` knows: skorch nets, skgal's GANs that
        classify, linear models, multi-layer perceptrons, and Pipelines of these behind
        scalers and PCA; ``docs/query.md`` lists them all. ``"evolution"`` needs no
        gradient, so it suits any classifier, but finds less in the same time.
        ``"auto"`` is the gradient where there is one, else evolution: forests and boosting, for
        example, are searched without gradients.
    max_iter : int, default=100
        Steps at most.
    learning_rate : float, default=0.05
        Step size of Adam, in units of the latent space.
    tol : float or None, default=1e-3
        A latent point stops once a few steps brought at most this share of all it has gained.
        None: all take ``max_iter`` steps.
    random_state : int, RandomState instance or None, default=None
        Decides where the search starts, and seeds the generator if that has no seed of its own.

    See Also
    --------
    ASAL : Has the most similar samples of a pool labelled instead.
    LatentUncertainty : Rates a fixed set of latent points.

    References
    ----------
    .. [1] J.-J. Zhu, J. Bento, "Generative adversarial active learning", arXiv 2017; C. Mayer,
       R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020, sections 2 and 5.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import GAN
    >>> from skgal.query import GAAL
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = GAAL(GAN(max_iter=2), max_iter=5, random_state=0).fit(X[:50])
    >>> clf = LogisticRegression(max_iter=1000).fit(X[:50], y[:50])
    >>> strategy.synthesize(X[:50], y[:50], clf, batch_size=3).X.shape
    (3, 64)
    """

    _parameter_constraints = {
        **LatentStrategy._parameter_constraints,
        **LatentSearch._parameter_constraints,
    }

    def __init__(
        self,
        generator,
        *,
        measure="min_distance",
        search="auto",
        max_iter=100,
        learning_rate=0.05,
        tol=1e-3,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.search = search
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.random_state = random_state

    def _design(self, X, y, clf, batch_size, asked, rng):
        if len(asked.latent) == 0:
            return self._search(clf, batch_size, rng)
        found = self._search(clf, _N_TRIALS * batch_size, rng)
        found = found[asked.likely(found, batch_size)]
        squares = asked.distance(found) ** 2
        return found[k_centre_greedy(found, squares, batch_size, rng.random_sample(len(found)))]


class ASAL(LatentSearch, GeneratorStrategy, BatchStrategy):
    r"""Choose samples of a pool that resemble generated ones of which the classifier is unsure.

    Adversarial sampling for active learning [1]_: latent points :math:`z` of a generator
    :math:`G` maximise the classifier's entropy :math:`H(h(G(z)))`, then the sample of the pool
    nearest to each :math:`G(z)` in a feature space is chosen, no sample twice. ``fit`` trains
    the generator, extracts the features and builds the index, once; a query runs the classifier
    on generated samples, their matches and ``n_random`` more, whatever the size of the pool. What
    grows with the pool is the search in the index: proportionally in brute force, which
    ``index="auto"`` chooses for most pools since it is the fastest up to millions of samples, and
    logarithmically in a graph.

    The defaults are not Algorithm 1, which loses much of the uncertainty in the match: they
    search for more latent points, align them with the pool, match several samples to each, and
    choose those of least distance to the boundary. Algorithm 1 itself is ``measure="entropy",
    oversampling=1, n_neighbors=1, n_random=0, align=False``. A pool that the classifier can scan
    in the time there is needs no generator: :class:`UncertaintySampling` is better there.

    Parameters
    ----------
    measure : {"min_distance", "entropy"}, default="min_distance"
        What is maximised: minus the distance to the decision boundary, or the entropy of the
        class probabilities, which is nearly 0, and so is its gradient, for a classifier that is
        sure of everything. See :class:`GAAL`, also for classifiers without probabilities.
    features : str or transformer, default="pixels"
        The space in which samples are matched: the values themselves; the code of a
        :class:`skgal.generators.Autoencoder` trained on the pool; what the generator's
        ``transform`` returns, the penultimate features of its critic (of a generator with an
        encoder, the latent points); what the last layer of the classifier sees, which changes
        with every label, so that each query computes it for the whole pool; or what any other
        transformer returns, cloned and fitted on the pool unless it is in a
        ``FrozenEstimator``.
    n_components : int or None, default=50
        The features are reduced to so many principal components. None: all are kept.
    index : str, default="auto"
        The nearest-neighbour index, see :class:`skgal.matching.FeatureMatcher`. ``"auto"`` is
        brute force unless ``n_queries`` pays for building something else.
    n_queries : int, default=1000
        How many samples will be chosen in all, an estimate; read by ``index="auto"`` only. In an
        :class:`skgal.active.ActiveLearner` that is its ``budget``: pass it where it is far from
        1,000, above all if there will be tens of thousands. The learner doesn't: learners of other
        budgets share one fitted strategy (``memory``), and a session whose budget is raised goes on
        with the index that it had.
    oversampling : int, default=2
        How many latent points are searched for each sample to choose; of the matches, the
        most uncertain are chosen ("ASAL-generate" of figure 16).
    n_neighbors : int, default=5
        How many samples are matched to each generated one; of all matches, the most uncertain
        are chosen ("ASAL-neighbors" of figure 16).
    n_random : int, default=1000
        How many samples, drawn at random, are rated beside the matches, since there may be samples
        like which the generator makes none. They may be chosen too, and are what the matches are
        compared with: if they are no less uncertain, the search is of no use.
    align : bool, default=True
        Whether the features of generated samples are shifted and scaled, one by one, to the
        mean and standard deviation of the pool's. What is generated varies too little, and is
        matched to the same few samples otherwise. Not with ``features="classifier"``, where the
        place of a sample says how uncertain it is, nor if ``candidates`` are samples.
    search : {"auto", "gradient", "evolution"}, default="auto"
        How the maximum is found: by Adam through classifier and generator where both are
        differentiable (skorch nets, skgal's GANs that classify, linear models, multi-layer
        perceptrons and Pipelines of these; a user's own after
        :func:`~skgal.differentiable.register_differentiable`), else without gradients, which
        finds less in the same time. See :class:`GAAL`.
    max_iter : int, default=100
        Steps of the search at most.
    learning_rate : float, default=0.05
        Step size of Adam, in units of the latent space.
    tol : float or None, default=1e-3
        A latent point stops once a few steps brought at most this share of all it has gained.
        None: all take ``max_iter`` steps.
    n_jobs : int, default=None
        Number of threads of the index, as in :mod:`joblib`.
    random_state : int, RandomState instance or None, default=None
        Decides where the search starts, and seeds generator, autoencoder and index where they
        have no seed of their own.

    Attributes
    ----------
    matcher_ : skgal.matching.FeatureMatcher
        Features and index of the pool; not there with ``features="classifier"``.

    Warns
    -----
    skgal.exceptions.PoorSamplesWarning
        By ``fit``, if generated samples lie much farther from the pool than its samples from
        each other.
    skgal.exceptions.UselessMatchesWarning
        By ``query``, if the model is surer of the matches than of samples drawn at random.

    See Also
    --------
    UncertaintySampling : Scans the pool.
    GAAL : Has generated samples labelled.
    skgal.inspection.QueryDisplay : Draws the matches.

    Notes
    -----
    Of a pool in blocks, such as a zarr or dask array, features are extracted block by block, and
    those of a dask array searched where its chunks lie. What has to be trained beforehand,
    generator and autoencoder, needs all of its samples at once: train it on some of the pool, and
    pass it in a ``FrozenEstimator``.

    Whole numbers, such as uint8 pixels, are not rounded during the search, since rounding has
    no gradient; the samples that are matched are rounded.

    With an integer ``random_state`` the same arguments give the same samples. The search starts
    anew from other points in each round, told apart by how many labels there are.

    References
    ----------
    .. [1] C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020,
       Algorithm 1, equations (1) and (2), section 3.2; the hybrids are of figure 16.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import GAN
    >>> from skgal.query import ASAL
    >>> X, y = load_digits(return_X_y=True)
    >>> shown = np.where(np.arange(len(y)) < 50, y, np.nan)
    >>> clf = LogisticRegression(max_iter=1000).fit(X[:50], y[:50])
    >>> strategy = ASAL(GAN(max_iter=2), max_iter=5, random_state=0).fit(X)
    >>> indices = strategy.query(X, shown, clf, batch_size=3)
    >>> len(np.unique(indices)), bool(indices.min() >= 50)
    (3, True)
    """

    _parameter_constraints = {
        **GeneratorStrategy._parameter_constraints,
        **LatentSearch._parameter_constraints,
        "features": [
            StrOptions({"pixels", "autoencoder", "critic", "classifier"}),
            HasMethods(["fit", "transform"]),
        ],
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "index": "no_validation",  # FeatureMatcher knows what there is
        "n_queries": [Interval(Integral, 1, None, closed="left")],
        "oversampling": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "align": ["boolean"],
        "missing_label": "no_validation",
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        generator,
        *,
        measure="min_distance",
        features="pixels",
        n_components=50,
        index="auto",
        n_queries=1000,
        oversampling=2,
        n_neighbors=5,
        n_random=1000,
        align=True,
        search="auto",
        max_iter=100,
        learning_rate=0.05,
        tol=1e-3,
        missing_label=np.nan,
        n_jobs=None,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.features = features
        self.n_components = n_components
        self.index = index
        self.n_queries = n_queries
        self.oversampling = oversampling
        self.n_neighbors = n_neighbors
        self.n_random = n_random
        self.align = align
        self.search = search
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.missing_label = missing_label
        self.n_jobs = n_jobs
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse what a search can't use; with ``features="classifier"``, one without features."""
        super().check_model(clf, X)
        if self.features == "classifier":
            feature_extractor("classifier", clf)(X)

    def _prepare(self, X, y):
        """Extract the features of the pool and build the index."""
        vars(self).pop("matcher_", None)  # of an earlier fit
        if self.features == "classifier":
            for block in as_pool(X).blocks():
                as_points(block)  # refuses gaps, as other features do
        else:
            self.matcher_ = self._make_matcher(self._feature_transformer()).fit(X)
            rng = as_random_state(self.random_state)
            latent = self.generator_.sample_latent(_N_REFERENCE, random_state=draw_seed(rng))
            generated = self.generator_.generate(latent)
            if self.align:
                self.matcher_.align(generated)
            _warn_of_poor_samples(self.matcher_, generated, X, rng)

    def _make_matcher(self, features):
        return FeatureMatcher(
            features,
            n_components=self.n_components,
            index=self.index,
            n_queries=self.n_queries * self.oversampling,
            n_jobs=self.n_jobs,
            random_state=draw_seed(as_random_state(self.random_state)),
        )

    def _feature_transformer(self):
        if self.features == "pixels":
            return None
        if self.features == "critic":
            return FrozenEstimator(self.generator_)
        if self.features == "autoencoder":
            image_shape = getattr(self.generator_, "image_shape", None)
            return Autoencoder(image_shape=image_shape)
        return self.features

    def choose(self, X, y, clf, candidates, batch_size):
        """Choose among the nearest candidates of generated samples, and some at random."""
        check_is_fitted(self)
        self._check_sample_shape(X)
        score = resolve_score(self.measure, clf)
        n_labelled = len(labelled_rows(X, y, self.missing_label))
        # The number of labels gives each round a seed of its own; it can be repeated.
        rng = np.random.RandomState([draw_seed(as_random_state(self.random_state)), n_labelled])
        n_generated = min(batch_size * self.oversampling, len(candidates))
        generated = self.generator_.generate(self._search(clf, n_generated, rng))
        matched = self._match(generated, candidates, clf)
        n_random = min(self.n_random, len(candidates))
        drawn = sample_without_replacement(len(candidates), n_random, random_state=rng)
        drawn = candidates.positions[drawn]
        ranked = matched.ravel()
        if ranked.size + n_random > batch_size:
            pooled = np.union1d(matched, drawn)
            values = np.full(candidates.rows.n_samples, np.nan)
            values[pooled] = _rate(score, clf, Candidates(candidates.rows, pooled))
            if n_random:
                _warn_of_useless_matches(values[matched[:, 0]], values[drawn])
            tie_break = rng.random_sample(len(pooled))
            ranked = pooled[top_k(values[pooled], len(pooled), tie_break)]
        utilities = np.zeros(candidates.rows.n_samples)
        utilities[ranked] = 1 - np.arange(len(ranked)) / len(ranked)
        return ranked[:batch_size], utilities[candidates.positions]

    def _match(self, generated, candidates, clf):
        """Find the candidates nearest to each generated sample, as positions in their rows."""
        n_neighbors = min(self.n_neighbors, len(candidates) // len(generated))
        if not hasattr(self, "matcher_"):  # fitted with features="classifier"
            extract = feature_extractor("classifier", clf)
            matcher = self._make_matcher(None).fit(np.concatenate(list(candidates.map(extract))))
            matches = matcher.match(extract(generated), n_neighbors=n_neighbors)
            return candidates.positions[matches].reshape(len(generated), -1)
        matcher = self.matcher_
        if candidates.is_foreign:
            features = None if matcher.features_ is None else FrozenEstimator(matcher.features_)
            matcher = self._make_matcher(features).fit(candidates.rows)
        elif candidates.rows.n_samples != matcher.n_samples_fit_:
            raise ValueError(
                f"X has {candidates.rows.n_samples} samples, but the index was built on "
                f"{matcher.n_samples_fit_}; query the pool that fit has seen, or fit again."
            )
        # Samples that the user gave as candidates need not be like those the generator has seen.
        aligned = self.align and not candidates.is_foreign
        matches = matcher.match(
            generated, available=candidates.positions, n_neighbors=n_neighbors, aligned=aligned
        )
        return matches.reshape(len(generated), -1)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False  # between samples with gaps there are no distances
        return tags


def _rate(score, clf, rows):
    """Rate how unsure a classifier is of rows."""
    with seeded_nets(clf):
        values = np.concatenate([score.rate(clf, block) for block in rows.blocks()])
    assert_all_finite(values, input_name="utilities")
    return values


def _warn_of_useless_matches(of_matches, of_random):
    """Warn if the nearest matches of generated samples rank below random samples of the pool."""
    test = mannwhitneyu(of_matches, of_random, alternative="less", method="asymptotic")
    if test.pvalue < _USELESS:
        share = test.statistic / (len(of_matches) * len(of_random))
        warn_user(
            f"The model is less sure of a sample matched by ASAL than of a random one in only "
            f"{share:.0%} of the cases, so the search is of no use: the generator may know too "
            "little of the pool, or the features too little of the classes. Train the generator "
            'longer, try features="critic" or "classifier", or scan the pool by '
            "UncertaintySampling.",
            UselessMatchesWarning,
        )


def _warn_of_poor_samples(matcher, generated, X, rng):
    """Warn if generated samples are farther from the pool than its own samples from each other."""
    pool = as_pool(X)
    n_rows = min(len(generated), pool.n_samples)
    if n_rows < 3:
        return
    rows = np.sort(sample_without_replacement(pool.n_samples, n_rows, random_state=rng))
    # Of a sample of the pool, the nearest is the sample itself: so the second nearest.
    real_distances, real_nearest = (found[:, 1] for found in matcher.kneighbors(pool.take(rows), 2))
    distances, nearest = (found[:, 0] for found in matcher.kneighbors(generated[:n_rows], 1))
    n_real_nearest, n_nearest = len(np.unique(real_nearest)), len(np.unique(nearest))
    is_far = np.median(distances) > _FAR * np.median(real_distances)
    if n_nearest < _REPEATED * n_real_nearest or is_far:
        warn_user(
            f"{n_rows} generated samples have {n_nearest} different nearest samples in the pool, "
            f"at a median distance of {np.median(distances):.3g}; as many samples of the pool have "
            f"{n_real_nearest}, at {np.median(real_distances):.3g}. The generator isn't "
            "trained enough, so ASAL will hardly be better than what n_random alone finds: raise "
            "its max_iter, or try another one.",
            PoorSamplesWarning,
        )
