"""The template of pool strategies that choose a batch by how samples lie in a feature space."""

from abc import abstractmethod

import numpy as np
from sklearn.base import _fit_context, clone
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from skgal.base import PoolStrategy
from skgal.features import feature_extractor
from skgal.query._candidates import Candidates, find_candidates
from skgal.query._checks import check_batch_size, check_samples
from skgal.utils import as_random_state, draw_seed, fit_to_pool, is_missing, seeded_nets


class EmbeddingStrategy(PoolStrategy):
    """Base of pool strategies that look at distances between samples.

    A subclass has the parameters ``features``, ``missing_label`` and ``random_state`` and
    implements :meth:`_choose`.

    Attributes
    ----------
    features_ : transformer
        The fitted transformer; only where ``features`` is one.
    """

    _parameter_constraints = {
        "features": [None, StrOptions({"classifier"}), HasMethods(["fit", "transform"])],
        "missing_label": "no_validation",
        "random_state": ["random_state"],
    }

    @property
    def _has_transformer(self):
        return hasattr(self.features, "transform")

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Fit the transformer, if ``features`` is one; else check the samples only.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            All samples at hand, labelled or not.
        y : array-like of shape (n_samples,), default=None
            Labels, passed on to the transformer.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If X comes in blocks, as zarr and dask arrays do, and the transformer has no
            ``partial_fit``: fit it to some of them, and pass it inside
            :class:`sklearn.frozen.FrozenEstimator`.
        """
        super().fit(X, y)
        if self._has_transformer:
            features = clone(self.features)
            seed = draw_seed(as_random_state(self.random_state))
            if features.get_params(deep=False).get("random_state", "fixed") is None:
                features.set_params(random_state=seed)
            with seeded_nets(features, seed):
                self.features_ = fit_to_pool(features, X, y)
        return self

    @abstractmethod
    def _choose(self, pool, labelled, clf, batch_size, rng):
        """Choose candidates.

        Parameters
        ----------
        pool, labelled : Candidates
            What may be chosen, and the labelled rows of X, of which there may be none.
        clf : estimator
        batch_size : int
        rng : numpy.random.RandomState

        Returns
        -------
        chosen : ndarray of shape (batch_size,), dtype int
            Which of the candidates.
        utilities : ndarray of shape (n_candidates,)
            What the first of them was chosen by.
        """

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        """Choose samples to label, one after the other.

        Only the candidates and the labelled samples of X count: unlabelled samples of X that
        are no candidates might as well not be there.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or pool
            The pool, labelled samples included. It may be memory-mapped, a zarr or dask array,
            or an iterable of blocks (see :func:`skgal.utils.as_pool`): features are extracted
            block by block, where the blocks of a dask array lie, but those of all candidates
            must fit into memory.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels or class probabilities, missing where nobody has given any.
        clf : estimator
            The model to be taught, fitted on the labelled samples; may be None where the
            strategy reads nothing of it.
        candidates : None, array-like of int, or array-like of samples, default=None
            What may be chosen: the unlabelled samples of X; those at these positions of X
            that are unlabelled; or these samples, which need not be in X.
        batch_size : int, default=1
            How many samples to choose.
        return_utilities : bool, default=False
            Also return how much each candidate was wanted as the first of the batch.

        Returns
        -------
        indices : ndarray of shape (batch_size,), dtype int
            Positions in X, or in ``candidates`` where those are samples; in the order in
            which they were chosen.
        utilities : ndarray of shape (n_samples,) or (n_candidates,)
            Only with ``return_utilities``; NaN for samples that were no candidates.

        Raises
        ------
        ValueError
            If there is nothing to choose from, or less than ``batch_size``; if ``candidates``
            is neither positions in X nor samples like those of X; or if features are NaN.
        TypeError
            If the features cannot be had from X or from this classifier.
        sklearn.exceptions.NotFittedError
            If ``features`` is a transformer and the strategy isn't fitted, or if the
            classifier is needed and isn't fitted.
        """
        self._validate_params()
        X = check_samples(X, y)
        pool = find_candidates(X, y, candidates, self.missing_label)
        check_batch_size(batch_size, len(pool), "unlabelled candidates")
        labelled = Candidates(X, np.flatnonzero(~is_missing(y, self.missing_label)))
        rng = as_random_state(self.random_state)
        chosen, utilities = self._choose(pool, labelled, clf, batch_size, rng)
        chosen = pool.positions[chosen]
        return (chosen, pool.scatter(utilities)) if return_utilities else chosen

    def _embed(self, rows, clf):
        """Compute the feature vectors of at least one row."""
        if self._has_transformer:
            check_is_fitted(self, "features_")
        features = self.features_ if self._has_transformer else self.features
        return np.concatenate(list(rows.map(feature_extractor(features, clf))))

    def _embed_all(self, pool, labelled, clf):
        """Compute the feature vectors of candidates and labelled rows, in one array each."""
        points = self._embed(pool, clf)
        if len(labelled) == 0:
            return points, points[:0]
        return points, self._embed(labelled, clf).astype(points.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self._has_transformer
        if self._has_transformer:
            tags.input_tags = get_tags(self.features).input_tags
        return tags
