"""ASAL: the samples of a pool that look most like generated ones near the boundary."""

from numbers import Integral

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgal.base import PoolStrategy
from skgal.features import feature_extractor
from skgal.matching import FeatureMatcher
from skgal.query._candidates import Candidates, find_candidates
from skgal.query._checks import check_batch_size, check_samples
from skgal.query._generator import GeneratorStrategy
from skgal.query._ranking import top_k
from skgal.query._scores import resolve_score
from skgal.query._search import LatentSearch
from skgal.utils import as_pool, as_random_state, draw_seed, is_missing, seeded_nets


class ASAL(LatentSearch, GeneratorStrategy, PoolStrategy):
    r"""Choose samples of a pool that resemble generated ones of which the classifier is unsure.

    Adversarial sampling for active learning [1]_: latent points :math:`z` of a generator
    :math:`G` maximise the classifier's entropy :math:`H(h(G(z)))`, then the sample of the pool
    nearest to each :math:`G(z)` in a feature space is chosen, no sample twice. ``fit`` trains
    the generator, extracts the features and builds the index, once; a query costs the same
    whatever the size of the pool, but for the logarithmic search in the index.

    Parameters
    ----------
    generator : generator
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    measure : {"entropy", "min_distance"}, default="entropy"
        What is maximised: the entropy of the class probabilities, or minus the distance to the
        decision boundary. See :class:`GAAL`, also for classifiers without probabilities.
    features : {"pixels", "autoencoder", "critic", "classifier"} or transformer, \
default="pixels"
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
        The nearest-neighbour index, see :class:`skgal.matching.FeatureMatcher`.
    oversampling : int, default=1
        How many latent points are searched for each sample to choose; of the matches, the
        most uncertain are chosen ("ASAL-generate" of figure 16).
    n_neighbors : int, default=1
        How many samples are matched to each generated one; of all matches, the most uncertain
        are chosen ("ASAL-neighbors" of figure 16).
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
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    n_jobs : int, default=None
        Number of threads of the index, as in :mod:`joblib`.
    random_state : int, RandomState instance or None, default=None
        Decides where the search starts, and seeds generator, autoencoder and index where they
        have no seed of their own.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.
    matcher_ : skgal.matching.FeatureMatcher
        Features and index of the pool; not there with ``features="classifier"``.

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
    .. [1] ASAL, Algorithm 1, equations (1) and (2), section 3.2; the hybrids are of figure 16.

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
        "oversampling": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "missing_label": "no_validation",
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        generator,
        *,
        measure="entropy",
        features="pixels",
        n_components=50,
        index="auto",
        oversampling=1,
        n_neighbors=1,
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
        self.oversampling = oversampling
        self.n_neighbors = n_neighbors
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
        if self.features != "classifier":
            self.matcher_ = self._make_matcher(self._feature_transformer()).fit(X)

    def _make_matcher(self, features):
        return FeatureMatcher(
            features,
            n_components=self.n_components,
            index=self.index,
            n_jobs=self.n_jobs,
            random_state=draw_seed(as_random_state(self.random_state)),
        )

    def _feature_transformer(self):
        if self.features == "pixels":
            return None
        if self.features == "critic":
            return FrozenEstimator(self.generator_)
        if self.features == "autoencoder":
            # Not at the top: the autoencoder's room imports torch.
            from skgal.generators import Autoencoder

            image_shape = getattr(self.generator_, "image_shape", None)
            return Autoencoder(image_shape=image_shape)
        return self.features

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose samples like the generated ones of which the classifier is least sure.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The pool that ``fit`` has seen, labelled samples included. It may be memory-mapped, a
            zarr or dask array, or an iterable of blocks, see :func:`skgal.utils.as_pool`.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or class probabilities, missing where nobody has given any.
        clf : estimator
            The classifier to be taught, fitted on the labelled samples.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X
            that are unlabelled; or these samples, which need not be in X and get an index of
            their own for this call.
        batch_size : int, default=1
            How many samples to choose.
        return_utilities : bool, default=False
            Also return how much each candidate was wanted.

        Returns
        -------
        indices : ndarray of shape (batch_size,), dtype int
            Positions in X, or in ``candidates`` where those are samples; best first.
        utilities : ndarray of shape (n_samples,) or (n_candidates,)
            Only with ``return_utilities``: from 1 downwards for the matches in order, 0 for
            candidates that were not matched, NaN for samples that were no candidates.

        Raises
        ------
        ValueError
            If there is nothing to choose from, or less than ``batch_size``; if X is not as long
            as the pool of ``fit``, or its samples have another shape; or if ``candidates`` is
            neither positions in X nor samples like those of X.
        TypeError
            If the model is no classifier, or cannot say how unsure it is.
        sklearn.exceptions.NotFittedError
            If the model or the strategy isn't fitted.
        """
        check_is_fitted(self)
        self._validate_params()
        X = as_pool(check_samples(X, y))
        pool = find_candidates(X, y, candidates, self.missing_label)
        self._check_sample_shape(X)
        check_batch_size(batch_size, len(pool), "unlabelled candidates")
        score = resolve_score(self.measure, clf)
        n_labelled = np.count_nonzero(~is_missing(y, self.missing_label))
        # The number of labels tells the rounds apart, and they can be repeated.
        rng = np.random.RandomState([draw_seed(as_random_state(self.random_state)), n_labelled])
        n_generated = min(batch_size * self.oversampling, len(pool))
        generated = self.generator_.generate(self._search(clf, n_generated, rng))
        matches = self._match(generated, pool, clf)
        if len(matches) > batch_size:
            matches = _most_uncertain_first(score, clf, Candidates(pool.rows, matches), rng)
        chosen = matches[:batch_size]
        return (chosen, _utilities(pool, matches)) if return_utilities else chosen

    def _match(self, generated, pool, clf):
        """Find the candidates nearest to generated samples, as positions in ``pool.rows``."""
        n_neighbors = min(self.n_neighbors, len(pool) // len(generated))
        if self.features == "classifier":
            extract = feature_extractor("classifier", clf)
            matcher = self._make_matcher(None).fit(np.concatenate(list(pool.map(extract))))
            matches = matcher.match(extract(generated), n_neighbors=n_neighbors)
            return pool.positions[matches.ravel()]
        matcher = self.matcher_
        if pool.is_foreign:
            features = None if matcher.features_ is None else FrozenEstimator(matcher.features_)
            matcher = self._make_matcher(features).fit(pool.rows)
        elif pool.rows.n_samples != matcher.n_samples_fit_:
            raise ValueError(
                f"X has {pool.rows.n_samples} samples, but the index was built on "
                f"{matcher.n_samples_fit_}; query the pool that fit has seen, or fit again."
            )
        return matcher.match(generated, available=pool.positions, n_neighbors=n_neighbors).ravel()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


def _most_uncertain_first(score, clf, matches, rng):
    with seeded_nets(clf):
        values = np.concatenate([score.rate(clf, block) for block in matches.blocks()])
    return matches.positions[top_k(values, len(values), rng.random_sample(len(values)))]


def _utilities(pool, matches):
    values = np.zeros(pool.rows.n_samples)
    values[matches] = 1 - np.arange(len(matches)) / len(matches)
    return pool.scatter(values[pool.positions])
