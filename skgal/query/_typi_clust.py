"""TypiClust: the most typical sample of each cluster that has no label."""

from numbers import Integral

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import Interval

from skgal.query._embedding import EmbeddingStrategy
from skgal.query._ranking import top_k
from skgal.utils import draw_seed

# The authors cluster by mini-batches where there are more clusters than this.
_MANY_CLUSTERS = 50
# Keeps the typicality of duplicates finite.
_EPSILON = 1e-7


class TypiClust(EmbeddingStrategy):
    """Choose the most typical sample of each large cluster that has no label yet.

    For the very first labels, when uncertainty means nothing. Candidates and labelled samples
    are clustered by k-means into as many clusters as there will be labels, and the largest
    clusters without one get theirs [1]_. A sample is typical if its neighbours in its cluster
    are near: its utility is the inverse of their mean distance.

    Parameters
    ----------
    features : None, "classifier" or transformer, default=None
        The space of the clusters: the samples themselves, images flattened; what the last layer
        of the classifier sees, which is there in skorch nets, multi-layer perceptrons, linear
        models and skgal's GANs that classify; or what the transformer, which ``fit`` clones and
        fits, returns. A fitted one is kept as it is in :class:`sklearn.frozen.FrozenEstimator`.
        The paper's are learnt without labels.
    n_neighbors : int, default=20
        Neighbours that count for typicality; all of the cluster if it has fewer.
    max_clusters : int, default=500
        There are no more clusters than this.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides the start of k-means and between equal clusters or samples, and seeds a
        transformer that has no seed of its own.

    Notes
    -----
    Once every cluster has a label or a choice, which happens beyond ``max_clusters``, those
    with the fewest are next, the largest first. More than 50 clusters are found by mini-batches
    of samples. The authors' program leaves out clusters of up to five samples; here they come
    last, being the smallest. A sample alone in its cluster has typicality 0.

    References
    ----------
    .. [1] G. Hacohen, A. Dekel and D. Weinshall, "Active Learning on a Budget: Opposite
       Strategies Suit High and Low Budgets", ICML 2022, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import TypiClust
    >>> X = np.array([[0.0], [1.0], [2.5], [20.0], [21.0], [22.5], [23.5]])
    >>> TypiClust(random_state=0).query(X, np.full(7, np.nan), None, batch_size=2).tolist()
    [4, 1]
    """

    _parameter_constraints = {
        **EmbeddingStrategy._parameter_constraints,
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "max_clusters": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        features=None,
        n_neighbors=20,
        max_clusters=500,
        missing_label=np.nan,
        random_state=None,
    ):
        self.features = features
        self.n_neighbors = n_neighbors
        self.max_clusters = max_clusters
        self.missing_label = missing_label
        self.random_state = random_state

    def _choose(self, pool, labelled, clf, batch_size, rng):
        points, labelled_points = self._embed_all(pool, labelled, clf)
        n_clusters = min(len(labelled) + batch_size, self.max_clusters)
        kind = KMeans if n_clusters <= _MANY_CLUSTERS else MiniBatchKMeans
        model = kind(n_clusters, random_state=draw_seed(rng))
        clusters = model.fit_predict(np.concatenate([points, labelled_points]))
        clusters, labelled_clusters = np.split(clusters, [len(points)])
        utilities = typicality(points, clusters, self.n_neighbors)
        tie_break = rng.random_sample(len(points))
        n_labels = np.bincount(labelled_clusters, minlength=n_clusters)
        chosen = _most_typical(utilities, clusters, n_labels, batch_size, tie_break)
        return chosen, utilities


def typicality(points, clusters, n_neighbors):
    """Inverse mean distance of points to their nearest neighbours in their cluster.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    clusters : ndarray of shape (n_points,), dtype int
    n_neighbors : int

    Returns
    -------
    ndarray of shape (n_points,)
        0 for a point alone in its cluster.
    """
    typical = np.zeros(len(points))
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        if len(members) > 1:
            k = min(n_neighbors, len(members) - 1)
            distances, _ = NearestNeighbors(n_neighbors=k).fit(points[members]).kneighbors()
            typical[members] = 1 / (distances.mean(axis=1) + _EPSILON)
    return typical


def _most_typical(utilities, clusters, n_labels, k, tie_break):
    """Serve the clusters with the fewest labels first, the largest of these before others."""
    sizes = np.bincount(clusters, minlength=len(n_labels)) + n_labels
    n_labels = n_labels.copy()
    unchosen = np.ones(len(clusters), dtype=bool)
    chosen = []
    for _ in range(k):
        candidates = np.flatnonzero(unchosen)
        in_cluster = clusters[candidates]
        fewest = n_labels[in_cluster] == n_labels[in_cluster].min()
        candidates, in_cluster = candidates[fewest], in_cluster[fewest]
        # The most typical of one cluster: of equal clusters, the one that a random sample is in.
        (pick,) = top_k(sizes[in_cluster], 1, tie_break[candidates])
        candidates = candidates[in_cluster == in_cluster[pick]]
        (pick,) = top_k(utilities[candidates], 1, tie_break[candidates])
        chosen.append(candidates[pick])
        unchosen[chosen[-1]] = False
        n_labels[clusters[chosen[-1]]] += 1
    return np.array(chosen)
