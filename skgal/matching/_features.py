"""From samples of any kind to points of a feature space."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils import check_array
from sklearn.utils.random import sample_without_replacement

from skgal.utils import draw_seed, fit_to_pool, seeded_nets

# Up to this width the exact PCA takes a second or two; scikit-learn's choice for a few thousand
# samples of some hundred features is a randomised one that changes distances by a few percent.
_EXACT_PCA_WIDTH = 2000


def fit_features(features, X, y, pool, rng):
    """Fit a copy of a transformer to a pool, in memory or not.

    Parameters
    ----------
    features : transformer or None
    X, y : the samples and labels as the user gave them
    pool : Pool
        The same samples.
    rng : numpy.random.RandomState

    Returns
    -------
    transformer or None

    Raises
    ------
    TypeError
        If the transformer needs all samples at once to be fitted, and the pool isn't an array,
        sparse matrix or DataFrame.
    """
    if features is None:
        return None
    features, seed = clone(features), draw_seed(rng)
    if features.get_params(deep=False).get("random_state", seed) is None:
        features.set_params(random_state=seed)
    with seeded_nets(features, seed):
        return fit_to_pool(features, X if pool.is_indexed else pool, y)


def fit_pca(pool, extract, n_components, n_rows, rng):
    """Fit a PCA to the features of rows drawn at random, where it would narrow them.

    Parameters
    ----------
    pool : Pool
    extract : callable
        From a block of samples to their features.
    n_components : int or None
    n_rows : int
        How many rows to draw; all, if there are no more.
    rng : numpy.random.RandomState

    Returns
    -------
    pca : PCA or None
        None where the features have no more dimensions than ``n_components``, or the pool has
        no more rows: there is nothing to be saved.
    points : ndarray of shape (n_samples, n_components), or None
        The reduced features of the pool, if all of them have been needed.
    """
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
    return pca, pca.transform(some) if positions is None else None


class Extractor:
    """The function from a block of samples to points: features, flat, reduced, and finite.

    Parameters
    ----------
    features : fitted transformer or None
    pca : fitted PCA or None, default=None
    """

    def __init__(self, features, pca=None):
        self.features = features
        self.pca = pca

    def __call__(self, X):
        """Return an ndarray of shape (n_samples, n_dimensions), dtype float32 or float64."""
        if self.features is not None:
            with seeded_nets(self.features):
                X = self.features.transform(X)
        points = check_array(
            X.toarray() if issparse(X) else X, allow_nd=True, input_name="features"
        )
        points = points.astype(np.result_type(points.dtype, np.float32), copy=False)
        points = points.reshape(len(points), -1)
        return points if self.pca is None else self.pca.transform(points)
