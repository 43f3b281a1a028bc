"""The most similar rows of a pool, in a feature space."""

from functools import partial
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.utils import assert_all_finite, check_scalar, get_tags
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import check_is_fitted

from skgal.base import DocumentedMixin
from skgal.features import as_points, fit_features
from skgal.matching._indexes import DaskIndex, build_index, check_index, choose_index
from skgal.utils import (
    HasMethods,
    Interval,
    StrOptions,
    as_random_state,
    draw_seed,
    restored_on_failure,
    seeded_nets,
    unshared,
    validate_pool,
    validated_fit,
)

# Longer lists of neighbours cost more than looking at all available rows.
_MAX_NEIGHBORS = 1000
# Rows of the pool whose mean and standard deviation aligned samples get.
_ALIGNED_ROWS = 2000
# Up to this width the exact PCA takes a second or two; scikit-learn's choice for a few thousand
# samples of some hundred features is a randomised one that changes distances by a few percent.
_EXACT_PCA_WIDTH = 2000


class FeatureMatcher(DocumentedMixin, BaseEstimator):
    r"""Find the rows of a pool that look most like given samples.

    Features of the pool are computed once, reduced by PCA, and put into a nearest-neighbour
    index: the sample matching of ASAL [1]_, :math:`F_{PCA}(x) = PCA(F(x) - \mu)`.

    Parameters
    ----------
    features : None or transformer, default=None
        Its ``transform`` computes the features, several dimensions of which are flattened. None
        are the samples themselves: the pixels of images. The transformer is cloned and fitted
        by ``fit``; a fitted one is kept as it is inside :class:`sklearn.frozen.FrozenEstimator`.
    n_components : int or None, default=50
        Dimensions that the PCA leaves, 50 in the paper. Features with no more dimensions, and
        pools with no more samples, are left as they are, as are all with None.
    index : {"auto", "brute", "kd_tree", "hnsw"}, default="auto"
        ``"brute"`` and ``"kd_tree"`` are scikit-learn's, and exact. ``"hnsw"`` is the graph of
        voyager (``pip install skgal[ann]``): fast, but long in the making, and approximate. On
        real images its nearest neighbour was the true one 99 times of 100, or more often.
        ``"auto"`` is what answers ``n_queries`` queries first, its building included: the
        kd-tree for large pools in few dimensions, brute force (a matrix product) in many, and
        there the graph, if voyager is installed, from some fifty thousand queries on. The paper's
        kd-tree is the slowest of the three in 50 dimensions.
    n_queries : int, default=1000
        How many samples will be matched in all, an estimate; read by ``index="auto"`` only.
    pca_samples : int, default=20_000
        The PCA is fitted to all samples of a pool up to this size, and to this many, drawn at
        random, of a larger one, so that features are computed only once.
    n_jobs : int or None, default=None
        Threads that search a kd-tree or a graph, as in :mod:`joblib`; brute force uses those of
        OpenMP. A graph is built by one thread, so that it is the same for any number.
    random_state : int, RandomState instance or None, default=None
        Draws the samples for the PCA, and seeds it, and the transformer if that has no seed of
        its own.

    Attributes
    ----------
    features_ : transformer or None
    pca_ : sklearn.decomposition.PCA or None
        None where it would have saved nothing.
    index_ : str
        The index used: ``index``, or what ``"auto"`` became.
    n_samples_fit_ : int
        Number of rows of the pool.
    n_features_in_ : int
        Number of features (of channels, for images) seen by ``fit``.
    feature_names_in_ : ndarray of str
        Names of the features, where X is a DataFrame with names.

    See Also
    --------
    skgal.query.ASAL : Matches by it.
    sklearn.neighbors.NearestNeighbors : Exact, in memory.

    Notes
    -----
    A pool is anything that :func:`skgal.utils.as_pool` takes, and need not fit in memory: its
    features are computed block by block. They are kept in memory, n_samples * n_components
    numbers; of a memory-mapped table of floats that needs neither ``features`` nor PCA, and for
    an exact index, not even these. Features of a dask array stay with its chunks, each of which
    gets an index of its own on the worker that has it. Between rows of the pool at exactly the
    same distance, which are copies of each other as a rule, the index decides.

    References
    ----------
    .. [1] C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV 2020,
       section 3.2 and equation (2).

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.matching import FeatureMatcher
    >>> pool = np.array([[0.0], [1.0], [2.0], [10.0]])
    >>> matcher = FeatureMatcher().fit(pool)
    >>> distances, indices = matcher.kneighbors([[1.2], [9.0]], n_neighbors=2)
    >>> indices.tolist()
    [[1, 2], [3, 2]]
    >>> matcher.match([[1.1], [1.2], [1.3]]).tolist()  # no row twice
    [1, 0, 2]
    >>> matcher.match([[1.1]], available=[0, 3]).tolist()
    [0]
    """

    _parameter_constraints = {
        "features": [None, HasMethods(["fit", "transform"])],
        "n_components": [None, Interval(Integral, 1, None, closed="left")],
        "index": [StrOptions({"auto", "brute", "kd_tree", "hnsw"})],
        "n_queries": [Interval(Integral, 1, None, closed="left")],
        "pca_samples": [Interval(Integral, 2, None, closed="left")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        features=None,
        *,
        n_components=50,
        index="auto",
        n_queries=1000,
        pca_samples=20_000,
        n_jobs=None,
        random_state=None,
    ):
        self.features = features
        self.n_components = n_components
        self.index = index
        self.n_queries = n_queries
        self.pca_samples = pca_samples
        self.n_jobs = n_jobs
        self.random_state = random_state

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y=None):
        """Compute the features of a pool and build the index.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The pool. It may be memory-mapped, sparse, a DataFrame, a zarr or dask array, or an
            iterable of blocks.
        y : array-like of shape (n_samples,), default=None
            Passed on to the transformer, if the pool is an array or DataFrame.

        Returns
        -------
        self
            The fitted matcher.

        Raises
        ------
        ValueError
            If X is empty, or features are NaN, infinite or no numbers.
        TypeError
            If X is an iterator; or if ``features`` needs all samples at once to be fitted, and
            X comes in blocks.
        ImportError
            If the index needs a library that isn't installed.
        """
        check_index(self.index)
        pool = validate_pool(self, X)
        rng = as_random_state(self.random_state)
        self.features_ = None
        if self.features is not None:
            self.features_ = fit_features(self.features, X if pool.is_indexed else pool, y, rng)
        extract = Extractor(self.features_)
        self.pca_, points = fit_pca(pool, extract, self.n_components, self.pca_samples, rng)
        self._extract = Extractor(self.features_, self.pca_)
        self.n_samples_fit_ = pool.n_samples
        self._sample_shape = pool.sample_shape
        width = self._extract(pool.take([0])).shape[1]
        self.index_ = self.index
        if self.index == "auto":
            self.index_ = choose_index(self.n_samples_fit_, width, self.n_queries)
        self._index = self._build(X, pool, points)
        vars(self).pop("_alignment", None)  # to an earlier pool
        return self

    def align(self, X):
        """Learn how samples of another origin, such as a generator's, differ from the pool.

        Generated samples vary less than real ones, and lie nearer to the middle: in high dimensions
        most of them then have the same few nearest rows. :meth:`match` with ``aligned=True`` shifts
        and scales each coordinate of its samples such that those given here would have the mean
        and standard deviation of the pool, the latter from at most 2,000 of its rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples of that origin, some hundred of them, drawn at random.

        Returns
        -------
        self
            The matcher.
        """
        points = self._points(X)
        some = sample_without_replacement(
            self.n_samples_fit_, min(self.n_samples_fit_, _ALIGNED_ROWS), random_state=0
        )
        pool = self._index.points(np.sort(some))
        spread, wanted = points.std(axis=0), pool.std(axis=0)
        scale = np.divide(wanted, spread, out=np.ones_like(spread), where=spread > 0)
        self._alignment = scale, pool.mean(axis=0) - scale * points.mean(axis=0)
        return self

    def kneighbors(self, X, n_neighbors=1, return_distance=True):
        """Find the rows of the pool that are nearest to samples.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features) or (n_queries, c, h, w)
            Samples like those of the pool.
        n_neighbors : int, default=1
            How many rows to find for each; at most as many as there are.
        return_distance : bool, default=True
            Whether to return the distances.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Euclidean, in the feature space. Only with ``return_distance``.
        indices : ndarray of shape (n_queries, n_neighbors), dtype int
            Rows of the pool, nearest first.

        Raises
        ------
        ValueError
            If samples have another shape than those of the pool, or features that aren't
            finite; or if the pool has less than ``n_neighbors`` rows.
        """
        points = self._points(X)
        check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
        if n_neighbors > self.n_samples_fit_:
            raise ValueError(
                f"Expected n_neighbors <= n_samples_fit, but n_neighbors = {n_neighbors}, "
                f"n_samples_fit = {self.n_samples_fit_}."
            )
        distances, indices = self._index.search(points, n_neighbors)
        return (distances, indices) if return_distance else indices

    def match(self, X, *, available=None, n_neighbors=1, aligned=False):
        """Find the nearest rows of the pool for samples, no row twice.

        Pairs of sample and row are taken in order of their distance, unless the sample has been
        given its rows already, or the row is gone: of two samples with one nearest row, the
        nearer one gets it.

        Parameters
        ----------
        X : array-like of shape (n_queries, n_features) or (n_queries, c, h, w)
            Samples like those of the pool.
        available : None, array-like of int, or array-like of bool, default=None
            Rows of the pool that may be given, or a mask of them; None are all.
        n_neighbors : int, default=1
            How many rows each sample is given.
        aligned : bool, default=False
            Whether to correct the samples as :meth:`align` has learnt.

        Returns
        -------
        ndarray of shape (n_queries,), or (n_queries, n_neighbors) if that is more than 1
            Different rows of the pool, dtype int; those of one sample nearest first.

        Raises
        ------
        ValueError
            If there are less than n_queries * n_neighbors available rows; if ``available`` are
            no rows of the pool; or as in :meth:`kneighbors`.
        """
        points = self._points(X)
        if aligned:
            check_is_fitted(self, "_alignment", msg="Call align before match(aligned=True).")
            scale, shift = self._alignment
            points = scale * points + shift
        check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
        is_available = self._is_available(available)
        n_wanted, n_available = len(points) * n_neighbors, np.count_nonzero(is_available)
        if n_wanted > n_available:
            raise ValueError(
                f"{len(points)} samples are to be given {n_neighbors} rows of the pool each, but "
                f"only {n_available} rows are available; ask for less."
            )
        assigned = self._match_nearest(points, is_available, n_neighbors)
        if (assigned < 0).any():
            # So many rows a sample suffice: the others can't have taken all of them.
            rows = np.flatnonzero(is_available)
            distances, indices = self._index.search_among(rows, points, n_wanted)
            assigned = assign_greedily(distances, indices, n_neighbors)
        return assigned[:, 0] if n_neighbors == 1 else assigned

    def _match_nearest(self, points, is_available, n_neighbors):
        """Match by lists of neighbours; -1 for samples whose lists would get too long."""
        assigned = np.full((len(points), n_neighbors), -1)
        distances, indices = np.empty((len(points), 0)), np.empty((len(points), 0), dtype=np.intp)
        # Of generated samples many have the same neighbour; a longer list costs hardly more.
        k = 16 * n_neighbors
        while (assigned < 0).any() and k <= min(_MAX_NEIGHBORS, self.n_samples_fit_):
            # The lists of the others are long enough.
            short = (assigned < 0).any(axis=1)
            longer, found = self._index.search(points[short], k)
            distances = _widened(distances, k, fill=np.inf)
            indices = _widened(indices, k, fill=0)
            distances[short] = np.where(is_available[found], longer, np.inf)
            indices[short] = found
            assigned = assign_greedily(distances, indices, n_neighbors)
            k *= 4
        return assigned

    def _build(self, X, pool, points):
        build = partial(build_index, self.index_, n_jobs=self.n_jobs)
        if hasattr(pool, "tasks"):
            return DaskIndex(pool, _Builder(self._extract, build))
        return build(self._pool_points(X, pool) if points is None else points)

    def _pool_points(self, X, pool):
        """Put the points of the pool into one array, filled block by block."""
        if isinstance(X, np.ndarray) and self._are_points(X):
            for block in pool.blocks():
                assert_all_finite(block, input_name="features")
            return X
        points = None
        start = 0
        for block in pool.map(self._extract):
            if points is None:
                points = np.empty((pool.n_samples, block.shape[1]), block.dtype)
            points[start : start + len(block)] = block
            start += len(block)
        return points

    def _are_points(self, X):
        is_plain = self.features_ is None and self.pca_ is None
        return is_plain and X.ndim == 2 and X.dtype in (np.float32, np.float64)

    def _points(self, X):
        check_is_fitted(self)
        pool = validate_pool(self, X, reset=False)
        if pool.sample_shape != self._sample_shape:
            raise ValueError(
                f"Samples of X have shape {pool.sample_shape}, but the {type(self).__name__} is "
                f"expecting samples like those it was fitted on, of shape {self._sample_shape}."
            )
        return np.concatenate(list(pool.map(self._extract)))

    def _is_available(self, available):
        if available is None:
            return np.ones(self.n_samples_fit_, dtype=bool)
        available = np.asarray(available)
        if available.dtype == bool and available.shape == (self.n_samples_fit_,):
            return available
        if available.ndim != 1 or (available.size and available.dtype.kind not in "iu"):
            raise ValueError(
                "available must be row numbers or a mask of shape "
                f"({self.n_samples_fit_},), got an array of shape {available.shape} and dtype "
                f"{available.dtype}."
            )
        if available.size and not 0 <= available.min() <= available.max() < self.n_samples_fit_:
            raise ValueError(
                f"available must be rows of the pool, from 0 to {self.n_samples_fit_ - 1}; got "
                f"values from {available.min()} to {available.max()}."
            )
        is_available = np.zeros(self.n_samples_fit_, dtype=bool)
        is_available[available.astype(np.intp)] = True
        return is_available

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.features is None
        if self.features is not None:
            tags.input_tags = get_tags(self.features).input_tags
            tags.input_tags.allow_nan = False  # most that take NaN also return it
        return tags


def _widened(lists, width, fill):
    """Copy lists into an array with room for longer ones."""
    wider = np.full((len(lists), width), fill, dtype=lists.dtype)
    wider[:, : lists.shape[1]] = lists
    return wider


class _Builder:
    """The function from a block of samples to their index; can be pickled."""

    def __init__(self, extract, build):
        self.extract = extract
        self.build = build

    def __call__(self, X):
        return self.build(self.extract(X))


class Extractor:
    """The function from a block of samples to points: features, flat, reduced, and finite."""

    def __init__(self, features, pca=None):
        self.features = features
        self.pca = pca

    def __call__(self, X):
        if self.features is not None:
            with seeded_nets(self.features):
                X = self.features.transform(unshared(self.features, X))
        points = as_points(X.toarray() if issparse(X) else X)
        return points if self.pca is None else np.asarray(self.pca.transform(points))


def fit_pca(pool, extract, n_components, n_rows, rng):
    """Fit a PCA to random rows where it helps; also return the reduced pool, if it was read."""
    width = extract(pool.take([0])).shape[1]
    if n_components is None or min(width, pool.n_samples) <= n_components:
        return None, None
    positions = None
    if pool.n_samples > n_rows:
        positions = np.sort(sample_without_replacement(pool.n_samples, n_rows, random_state=rng))
    some = np.concatenate(list(pool.map(extract, positions)))
    pca = PCA(
        min(n_components, len(some)),
        svd_solver="covariance_eigh" if width <= _EXACT_PCA_WIDTH else "auto",
        random_state=draw_seed(rng),
    ).fit(some)
    return pca, np.asarray(pca.transform(some)) if positions is None else None


def assign_greedily(distances, indices, n_each):
    """Give each sample its own rows, by taking pairs of sample and row in order of distance."""
    n_samples, n_neighbors = indices.shape
    assigned = np.full((n_samples, n_each), -1, dtype=np.intp)
    n_given = np.zeros(n_samples, dtype=np.intp)
    n_open, taken = n_samples, set()
    # A stable sort: of equal distances the first sample's comes first.
    order = np.argsort(distances, axis=None, kind="stable")
    order = order[np.isfinite(distances.ravel()[order])]
    rows = indices.ravel()[order].tolist()
    for sample, row in zip((order // n_neighbors).tolist(), rows, strict=True):
        if n_given[sample] == n_each or row in taken:
            continue
        taken.add(row)
        assigned[sample, n_given[sample]] = row
        n_given[sample] += 1
        n_open -= n_given[sample] == n_each
        if n_open == 0:
            break
    return assigned
