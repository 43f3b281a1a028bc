"""Whether the real samples around a generated one are of its class."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from skgal.resampling._containers import make_layout, to_network

_N_NEIGHBORS = 5
# Of more features, such as pixels, neighbours are sought in as many principal components.
_MAX_COMPONENTS = 32


class LabelTrust:
    """Rate samples by the share of their class among the real samples next to them.

    Each of the nearest real samples counts by its nearness, and by how rare its class is: in a
    rare class's own ground there may be more samples of the frequent one. So the share estimates
    the probability that a sample there is of the class, if all classes were equally frequent.

    Parameters
    ----------
    X : ndarray or DataFrame
        The real samples.
    y : ndarray of shape (n_samples,)
    image_shape : tuple of int or None, default=None
        The shape of images that come as flat rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.resampling._trust import LabelTrust
    >>> judge = LabelTrust(np.array([[0.0], [1.0], [5.0], [6.0]]), np.array([0, 0, 1, 1]))
    >>> judge.score(np.array([[1.0], [3.0]]), np.array([1, 1])).round(1).tolist()
    [0.0, 0.5]
    """

    def __init__(self, X, y, image_shape=None):
        self.layout, real = make_layout(X, image_shape)
        self.classes, self.targets, counts = np.unique(y, return_inverse=True, return_counts=True)
        self.rarity = 1 / counts
        rows = real.reshape(len(real), -1)
        self.components = None
        if min(rows.shape) > _MAX_COMPONENTS:
            components = PCA(_MAX_COMPONENTS, svd_solver="randomized", random_state=0)
            with np.errstate(invalid="ignore"):  # 0 / 0 where all samples are the same
                self.components = components.fit(rows)
        self.neighbors = NearestNeighbors(n_neighbors=min(_N_NEIGHBORS, len(rows)))
        self.neighbors.fit(self._reduce(rows))

    def score(self, samples, labels):
        """Return the trust in the label of each sample.

        Parameters
        ----------
        samples : ndarray or DataFrame of n_samples rows
        labels : ndarray of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples,)
            From 0, where only samples of other classes are near, to 1.
        """
        rows = to_network(self.layout, samples)
        distances, nearest = self.neighbors.kneighbors(self._reduce(rows.reshape(len(rows), -1)))
        found = self.targets[nearest]
        # Of a sample that real ones coincide with, these alone decide.
        nearness = 1 / np.maximum(distances, np.finfo(np.float32).tiny)
        votes = self.rarity[found] * (nearness / nearness.max(axis=1, keepdims=True))
        is_own = found == np.searchsorted(self.classes, labels)[:, np.newaxis]
        return (votes * is_own).sum(axis=1) / votes.sum(axis=1)

    def _reduce(self, rows):
        return rows if self.components is None else self.components.transform(rows)
