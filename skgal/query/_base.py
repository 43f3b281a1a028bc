"""What strategies share: candidates, the query of all pool strategies, features, a generator."""

from abc import abstractmethod
from numbers import Integral

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import assert_all_finite, check_consistent_length, check_scalar, get_tags
from sklearn.utils.validation import check_is_fitted

from skgal.base import BaseStrategy, ConditionalGenerator, PoolStrategy
from skgal.features import feature_extractor, fit_features
from skgal.utils import (
    HasMethods,
    StrOptions,
    as_label_array,
    as_pool,
    as_random_state,
    draw_seed,
    fit_to_pool,
    gives_blocks,
    is_missing,
    restored_on_failure,
    subtask,
    validate_pool,
    validated_fit,
    warn_of_text_for_missing,
)


def check_pool_and_labels(X, y, missing_label=np.nan):
    """Check that X has a label for each row; lists become arrays, blocks a pool, nothing a copy."""
    if gives_blocks(X):
        X = as_pool(X)
    elif not hasattr(X, "shape"):
        X = np.asarray(X)
    check_consistent_length(X, y)
    # Objects were not cast to text. A learner has warned of its labels itself, and passes objects.
    if y is not None and str(getattr(y, "dtype", "")) != "object":
        warn_of_text_for_missing(as_label_array(y), missing_label)
    return X


def check_batch_size(batch_size, n_available=None, available="samples"):
    """Check that a batch can be filled; without ``n_available`` any size can."""
    check_scalar(batch_size, "batch_size", Integral, min_val=1)
    if isinstance(batch_size, bool):
        raise TypeError(f"batch_size must be a whole number, got {batch_size}.")
    if n_available is not None and batch_size > n_available:
        raise ValueError(
            f"batch_size={batch_size}, but there are only {n_available} {available}; "
            "ask for no more than that."
        )


class Candidates:
    """The samples that a pool strategy may choose, read a block at a time, never copied whole.

    Strategies see it in place of an array, so that those of your own work on a pool of a
    billion rows too.

    Parameters
    ----------
    rows : Pool, or what :func:`skgal.utils.as_pool` takes
        The pool, or the samples that the user gave as candidates.
    positions : ndarray of shape (n_candidates,), dtype int
        Which of the rows are candidates; none twice.
    is_foreign : bool, default=False
        Whether the rows are samples that the user gave as candidates, rather than the pool.

    Attributes
    ----------
    positions : ndarray of shape (n_candidates,), dtype int
        In ascending order.

    See Also
    --------
    RankingStrategy : Is given them.
    BatchStrategy : Is given them.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import Candidates
    >>> candidates = Candidates(np.array([[1.0], [2.0], [4.0]]), np.array([0, 2]))
    >>> [block.tolist() for block in candidates.blocks()]
    [[[1.0], [4.0]]]
    >>> np.concatenate(list(candidates.map(lambda block: block.sum(axis=1)))).tolist()
    [1.0, 4.0]
    """

    def __init__(self, rows, positions, is_foreign=False):
        self.rows = as_pool(rows)
        self.is_foreign = is_foreign
        self.positions = np.sort(positions, kind="stable")  # linear in what is sorted already

    def __len__(self):
        return len(self.positions)

    def blocks(self):
        """Iterate over the candidates.

        Returns
        -------
        iterator of array, sparse matrix or DataFrame
            Several candidates, in the container they came in.
        """
        return self.rows.blocks(self._row_numbers)

    def map(self, function):
        """Apply a function to each block of candidates; of a dask array, where the block is.

        Parameters
        ----------
        function : callable
            From a block of candidates to an array with an entry for each of them.

        Returns
        -------
        iterator of ndarray
            What the function returns for one block after the other.
        """
        return self.rows.map(function, self._row_numbers)

    def scatter(self, values):
        """Spread one value for each candidate over all rows.

        Parameters
        ----------
        values : ndarray of shape (n_candidates,)
            A value for each candidate, in their order.

        Returns
        -------
        ndarray of shape (n_rows,)
            NaN for rows that are no candidates.
        """
        scattered = np.full(self.rows.shape[0], np.nan)
        scattered[self.positions] = values
        return scattered

    @property
    def _row_numbers(self):
        return None if len(self) == self.rows.n_samples else self.positions


def find_candidates(X, y, candidates, missing_label):
    """Turn the ``candidates`` argument of ``query`` into what may be chosen, at least one row."""
    if candidates is None:
        return Candidates(X, _unlabelled(np.arange(X.shape[0]), y, missing_label))
    if gives_blocks(candidates):
        candidates = as_pool(candidates)
    elif not hasattr(candidates, "shape"):
        candidates = np.asarray(candidates)
    if 0 in candidates.shape[:1]:
        raise ValueError("candidates is empty; pass what may be chosen, or None for all of X.")
    if len(candidates.shape) == 1:
        positions = _check_positions(np.asarray(candidates), X.shape[0])
        return Candidates(X, _unlabelled(positions, y, missing_label))
    if tuple(candidates.shape[1:]) != tuple(X.shape[1:]):
        raise ValueError(
            f"Each sample of candidates has shape {tuple(candidates.shape[1:])}, but those of X "
            f"have {tuple(X.shape[1:])}; candidates must be positions in X or samples like its."
        )
    return Candidates(candidates, np.arange(candidates.shape[0]), is_foreign=True)


def labelled_rows(X, y, missing_label):
    """Return the labelled rows of X, of which there may be none."""
    return Candidates(X, np.flatnonzero(~is_missing(y, missing_label)))


def _unlabelled(positions, y, missing_label):
    if len(positions) == 0:
        raise ValueError("The pool is empty: X has no samples.")
    unlabelled = positions[is_missing(y, missing_label)[positions]]
    if len(unlabelled) == 0:
        raise ValueError(
            f"All {len(positions)} candidates are labelled already; there is nothing to choose. "
            f"(missing_label={missing_label!r} stands for no label.)"
        )
    return unlabelled


def _check_positions(positions, n_samples):
    if positions.dtype.kind not in "iu":
        raise ValueError(
            "candidates must be integer positions in X or an array of samples, got a 1-D array "
            f"of dtype {positions.dtype}; np.flatnonzero turns a mask into positions."
        )
    if positions.min() < 0 or positions.max() >= n_samples:
        raise ValueError(
            f"candidates must be positions from 0 to {n_samples - 1}, got values from "
            f"{positions.min()} to {positions.max()}."
        )
    if len(np.unique(positions)) < len(positions):
        raise ValueError("candidates names a position of X more than once.")
    return positions.astype(np.intp, copy=False)


def top_k(utilities, k, tie_break):
    """Find the k highest utilities, best first; of equal ones that of the highest tie-break."""
    threshold = np.partition(utilities, -k)[-k]
    contenders = np.flatnonzero(utilities >= threshold)
    order = np.lexsort((-tie_break[contenders], -utilities[contenders]))
    return contenders[order[:k]]


class BatchStrategy(PoolStrategy):
    """Base of pool strategies that choose a batch as a whole.

    A new strategy implements :meth:`choose`, and nothing else: the base checks the question, finds
    the candidates and reads pools of any kind block by block. A subclass with parameters of its
    own has an ``__init__`` that also takes and stores the two below, and adds its own to a copy of
    ``_parameter_constraints``. A strategy that can't work with every model has a method
    ``check_model(clf, X)`` that raises a TypeError before anything is paid for.

    Blocks come in the dtype of X, and skorch nets refuse float64: a strategy that calls ``clf`` and
    is to work with nets as well gives it ``skgal.classifiers.cast_for_nets(clf, block)``, which
    changes nothing for other models. Nets draw from torch's global generator even to predict:
    ``with skgal.utils.seeded_nets(clf)`` leaves that as it was. A learner's queries run within it.

    :class:`UncertaintySampling` is a strategy too: its ``compute_utilities(X, y, clf, candidates)``
    gives, block by block, how unsure any model is, classifiers without ``predict_proba`` and
    regressors included, and its ``check_model(clf, X)`` refuses a model that can't say.

    Parameters
    ----------
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides all that is drawn; ``skgal.utils.as_random_state`` makes a generator of it that is
        not NumPy's global one.

    See Also
    --------
    RankingStrategy : Candidates are rated one by one.
    EmbeddingStrategy : With a space of features.

    Examples
    --------
    Samples that are spread over the range of the first feature:

    >>> import numpy as np
    >>> from skgal.query import BatchStrategy
    >>> class Spread(BatchStrategy):
    ...     def choose(self, X, y, clf, candidates, batch_size):
    ...         first = np.concatenate(list(candidates.map(lambda block: block[:, 0])))
    ...         ranks = np.linspace(0, len(first) - 1, batch_size).round().astype(int)
    ...         chosen = np.argsort(first)[ranks]
    ...         return candidates.positions[chosen], np.zeros(len(candidates))
    >>> X = np.array([[3.0], [0.0], [1.0], [2.0], [4.0]])
    >>> Spread().query(X, np.full(5, np.nan), None, batch_size=3).tolist()
    [1, 3, 4]
    """

    _parameter_constraints = {
        "missing_label": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(self, *, missing_label=np.nan, random_state=None):
        self.missing_label = missing_label
        self.random_state = random_state

    @abstractmethod
    def choose(self, X, y, clf, candidates, batch_size):
        """Choose among the candidates; :meth:`query` has checked all arguments.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Pool of n_samples rows
            All samples that the query was given, labelled ones included; often not needed.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their labels, missing ones included.
        clf : estimator or None
            The fitted model, as the query was given it; see ``cast_for_nets`` above.
        candidates : Candidates
            What may be chosen, at least ``batch_size``: ``candidates.map(function)`` applies a
            function to one block of them after the other, ``candidates.positions`` are their
            positions, ``len(candidates)`` how many there are.
        batch_size : int
            How many to choose.

        Returns
        -------
        chosen : ndarray of shape (batch_size,), dtype int
            Some of ``candidates.positions``, none twice; best first.
        utilities : ndarray of shape (n_candidates,)
            The utility of each candidate as the first of the batch, in the order of
            ``candidates.positions``. The others of the batch need not have the next highest ones:
            they are chosen as a whole, and utilities are only passed on to the user.
        """

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose samples to label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The pool, labelled samples included; for a strategy that was fitted, the one that
            ``fit`` has seen. It may be memory-mapped, sparse, a DataFrame, a zarr or dask array,
            or an iterable of blocks, and is looked at block by block, where blocks of a dask
            array lie. See :func:`skgal.utils.as_pool`.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or class probabilities, missing ones included.
        clf : estimator
            The model that will learn from the labels, fitted on those that are known; may be
            None where the strategy reads nothing of it.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X
            that are unlabelled; or these samples, which need not be in X.
        batch_size : int, default=1
            How many samples to choose.
        return_utilities : bool, default=False
            Also return the utility of each candidate as the first of the batch.

        Returns
        -------
        indices : ndarray of shape (batch_size,), dtype int
            Positions in X, or in ``candidates`` where those are samples; best first.
        utilities : ndarray of shape (n_samples,) or (n_candidates,)
            Only with ``return_utilities``; NaN for samples that were no candidates.

        Raises
        ------
        ValueError
            If there is nothing to choose from, or less than ``batch_size``; if ``candidates``
            is neither positions in X nor samples like those of X; or if the model or features
            return NaN.
        TypeError
            If the model doesn't say how unsure it is, or lacks the features that are needed.
        sklearn.exceptions.NotFittedError
            If the model or the strategy has to be fitted, and isn't.
        """
        self._validate_params()
        X = check_pool_and_labels(X, y, self.missing_label)
        candidates = find_candidates(X, y, candidates, self.missing_label)
        check_batch_size(batch_size, len(candidates), "unlabelled candidates")
        chosen, utilities = self.choose(X, y, clf, candidates, batch_size)
        return (chosen, candidates.scatter(utilities)) if return_utilities else chosen

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class RankingStrategy(BatchStrategy):
    """Base of pool strategies that give each candidate a utility and choose the highest.

    A new strategy implements :meth:`compute_utilities`, and nothing else. For the rest see
    :class:`BatchStrategy`.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Decides between candidates of equal utility, and nothing else: they are ranked by a random
        order of all rows, which depends on ``random_state`` and the number of rows only. So with
        an integer, round after round goes on in one order.

    See Also
    --------
    BatchStrategy : Chooses a batch as a whole.
    skgal.testing.check_query_strategy : Checks a strategy of yours.

    Examples
    --------
    The candidates whose largest value is the largest:

    >>> import numpy as np
    >>> from skgal.query import RankingStrategy
    >>> class LargestValue(RankingStrategy):
    ...     def compute_utilities(self, X, y, clf, candidates):
    ...         return candidates.map(lambda block: block.max(axis=1))
    >>> X = np.array([[1.0, 0.0], [7.0, 2.0], [3.0, 5.0]])
    >>> LargestValue().query(X, [0, np.nan, np.nan], None).tolist()
    [1]

    Those whose most likely class is the least likely, with any classifier, nets included:

    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.classifiers import cast_for_nets
    >>> class LeastLikely(RankingStrategy):
    ...     def compute_utilities(self, X, y, clf, candidates):
    ...         def rate(block):
    ...             return -clf.predict_proba(cast_for_nets(clf, block)).max(axis=1)
    ...
    ...         return candidates.map(rate)
    >>> clf = LogisticRegression().fit(X[:2], [0, 1])
    >>> LeastLikely().query(X, [0, 1, np.nan], clf).tolist()
    [2]
    """

    @abstractmethod
    def compute_utilities(self, X, y, clf, candidates):
        """Compute how useful a label of each candidate would be.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Pool of n_samples rows
            All samples that the query was given.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their labels, missing ones included.
        clf : estimator or None
            The fitted model.
        candidates : Candidates
            What may be chosen.

        Returns
        -------
        iterable of ndarray
            Finite utilities, one for each candidate, the higher the better, in the order of the
            candidates, in blocks of any size: what ``candidates.map`` returns.
        """

    def choose(self, X, y, clf, candidates, batch_size):
        """Choose the highest utilities; the arguments are those of :class:`BatchStrategy`."""
        rng = as_random_state(self.random_state)
        tie_break = rng.random_sample(candidates.rows.n_samples)
        blocks = []
        for block in self.compute_utilities(X, y, clf, candidates):
            assert_all_finite(block, input_name="utilities")
            blocks.append(block)
        utilities = np.concatenate(blocks)
        best = top_k(utilities, batch_size, tie_break[candidates.positions])
        return candidates.positions[best], utilities


class EmbeddingStrategy(BatchStrategy):
    """Base of pool strategies that look at distances between samples, in a space of features.

    A subclass implements :meth:`choose`, in which :meth:`embed` computes points. Only the
    candidates and the labelled samples count; the features of all of them must fit into memory.

    Parameters
    ----------
    features : None, "classifier" or transformer, default=None
        The space of the distances: the samples themselves, images flattened; what the last layer
        of the classifier sees, which is there in skorch nets, multi-layer perceptrons, linear
        models and skgal's GANs that classify; or what the transformer, which ``fit`` clones and
        fits, returns. A fitted one is kept as it is in :class:`sklearn.frozen.FrozenEstimator`.
    random_state : int, RandomState instance or None, default=None
        Decides the draws, and seeds a transformer that has no seed of its own.

    Attributes
    ----------
    features_ : transformer
        The fitted transformer; only where ``features`` is one.

    See Also
    --------
    BatchStrategy : Without a space of features.
    CoreSet : An example.

    Examples
    --------
    The candidate that is farthest from its nearest labelled sample, and those after it:

    >>> import numpy as np
    >>> from sklearn.metrics import pairwise_distances_argmin_min
    >>> from skgal.query import EmbeddingStrategy
    >>> class Farthest(EmbeddingStrategy):
    ...     def choose(self, X, y, clf, candidates, batch_size):
    ...         points, labelled = self.embed_with_labelled(X, y, clf, candidates)
    ...         _, distances = pairwise_distances_argmin_min(points, labelled)
    ...         return candidates.positions[np.argsort(-distances)[:batch_size]], distances
    >>> X = np.array([[0.0], [1.0], [4.0], [9.0]])
    >>> Farthest().query(X, [0, np.nan, np.nan, np.nan], None, batch_size=2).tolist()
    [3, 2]
    """

    _parameter_constraints = {
        **BatchStrategy._parameter_constraints,
        "features": [None, StrOptions({"classifier"}), HasMethods(["fit", "transform"])],
    }

    def __init__(self, *, features=None, missing_label=np.nan, random_state=None):
        super().__init__(missing_label=missing_label, random_state=random_state)
        self.features = features

    @property
    def _has_transformer(self):
        return hasattr(self.features, "transform")

    def check_model(self, clf, X):
        """Refuse a model of which no features can be read, where these are the classifier's."""
        if isinstance(self.features, str):
            feature_extractor(self.features, clf)(X)

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y=None):
        """Fit the transformer, if ``features`` is one; else check the samples only.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            All available samples, labelled or not.
        y : array-like of shape (n_samples,), default=None
            Labels, passed on to the transformer.

        Returns
        -------
        self
            The strategy.

        Raises
        ------
        TypeError
            If X comes in blocks, as zarr and dask arrays do, and the transformer has no
            ``partial_fit``: fit it to some of them, and pass it inside
            :class:`sklearn.frozen.FrozenEstimator`.
        """
        super().fit(X, y)
        if issparse(X) and not get_tags(self).input_tags.sparse:
            raise TypeError(
                f"{type(self).__name__} computes distances between dense samples, and X is sparse; "
                "pass a transformer that makes them dense as features, such as "
                "sklearn.decomposition.TruncatedSVD, or X.toarray()."
            )
        vars(self).pop("features_", None)  # of an earlier fit
        if self._has_transformer:
            self.features_ = fit_features(self.features, X, y, as_random_state(self.random_state))
        return self

    def embed(self, rows, clf):
        """Compute the feature vectors of some rows.

        Parameters
        ----------
        rows : Candidates
            At least one sample.
        clf : estimator or None
            The fitted model; only read where ``features`` is ``"classifier"``.

        Returns
        -------
        ndarray of shape (n_rows, n_features_out)
            Of dtype float32, or float64 where float32 could not hold the dtype of the samples.
        """
        features = getattr(self, "features_", self.features)
        if features is self.features and self._has_transformer:
            check_is_fitted(self, "features_")
        return np.concatenate(list(rows.map(feature_extractor(features, clf))))

    def embed_with_labelled(self, X, y, clf, candidates):
        """Compute the feature vectors of the candidates, and those of the labelled samples of X.

        Parameters
        ----------
        X : array, sparse matrix, DataFrame or Pool of n_samples rows
            All samples that the query was given.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their labels, missing ones included.
        clf : estimator or None
            The fitted model.
        candidates : Candidates
            What may be chosen.

        Returns
        -------
        points : ndarray of shape (n_candidates, n_features_out)
            In the order of ``candidates.positions``.
        labelled_points : ndarray of shape (n_labelled, n_features_out)
            Of length 0 where nothing is labelled.
        """
        points = self.embed(candidates, clf)
        labelled = labelled_rows(X, y, self.missing_label)
        if len(labelled) == 0:
            return points, points[:0]
        return points, self.embed(labelled, clf).astype(points.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self._has_transformer
        tags.input_tags.sparse = False  # distances between sparse samples aren't computed
        if self._has_transformer:
            tags.input_tags = get_tags(self.features).input_tags
        return tags


class GeneratorStrategy(CallbackSupportMixin, BaseStrategy):
    """Base of strategies with the parameters ``generator`` and ``random_state``.

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
    """

    _parameter_constraints = {
        "generator": [HasMethods(["fit", "generate"])],
        "random_state": ["random_state"],
    }
    _needs_encoder = False

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y=None):
        """Fit the generator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            All available samples, labelled or not.
        y : array-like of shape (n_samples,), default=None
            Labels, passed on to the generator, which ignores them unless it is conditional.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the generator is a fitted one (in a ``FrozenEstimator``) whose samples have
            another shape than those of X; and what the generator itself raises.
        TypeError
            If the generator must be told the class of each sample, as ``CGAN`` must, or lacks an
            encoder that the strategy needs; if X comes in blocks, as zarr and dask arrays do: a
            generator needs all its training samples at once. Fit it to some of them, and pass it
            inside a ``FrozenEstimator``.
        """
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        generator = clone(self.generator)
        if generator.get_params(deep=False).get("random_state", "fixed") is None:
            generator.set_params(random_state=draw_seed(as_random_state(self.random_state)))
        with subtask(context, "generator", self, generator):
            self.generator_ = fit_to_pool(generator, X, y)
        latent = self.generator_.sample_latent(1, random_state=0)
        self._sample_shape = np.shape(self.generator_.generate(latent))[1:]
        self._check_sample_shape(X)
        validate_pool(self, X)
        self._prepare(X, y)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _prepare(self, X, y):
        """Prepare whatever depends on these samples only; nothing here."""

    def _validate_params(self):
        super()._validate_params()
        self._check_generator()

    def _check_generator(self):
        """Check, before it is fitted, that the generator can do what the strategy needs."""
        generator = self.generator
        while isinstance(generator, FrozenEstimator):
            generator = generator.estimator
        if isinstance(generator, ConditionalGenerator):
            raise TypeError(
                f"{type(self).__name__} needs a generator that knows no classes, such as "
                f"skgal.generators.GIN; {type(generator).__name__} must be told the class of each "
                "sample."
            )
        if self._needs_encoder and not hasattr(self.generator, "inverse_transform"):
            raise TypeError(
                f"{type(self).__name__} needs a generator with an encoder, such as "
                f"skgal.generators.GIN; {type(self.generator).__name__} has no inverse_transform."
            )

    def _check_sample_shape(self, X):
        made, wanted = self._sample_shape, as_pool(X).sample_shape
        if made != wanted:
            raise ValueError(
                f"The generator makes samples of shape {made}, but those of X have shape "
                f"{wanted}; fit the generator on samples like these."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        tags.input_tags = get_tags(self.generator).input_tags
        return tags
