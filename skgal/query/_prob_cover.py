"""ProbCover: samples whose neighbourhoods cover as much of the pool as possible."""

from numbers import Integral, Real

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neighbors import radius_neighbors_graph
from sklearn.utils._param_validation import Interval

from skgal.query._embedding import EmbeddingStrategy
from skgal.query._ranking import top_k
from skgal.utils import draw_seed


class ProbCover(EmbeddingStrategy):
    r"""Choose samples such that as many as possible have a labelled one nearby.

    For the very first labels, when uncertainty means nothing. A sample covers those within a
    distance :math:`\delta`. Greedily, each choice is the one that covers the most candidates
    that no labelled or chosen sample covers [1]_; how many is its utility.

    Parameters
    ----------
    features : None, "classifier" or transformer, default=None
        The space of the (Euclidean) distances: the samples themselves, images flattened; what
        the last layer of the classifier sees, which is there in skorch nets, multi-layer
        perceptrons, linear models and skgal's GANs that classify; or what the transformer, which
        ``fit`` clones and fits, returns. A fitted one is kept as it is in
        :class:`sklearn.frozen.FrozenEstimator`. The paper's are learnt without labels.
    delta : float, default=None
        The radius :math:`\delta`. None: the largest at which a share ``purity`` of the samples
        has none of another cluster within it, where clusters stand for classes.
    purity : float, default=0.95
        See ``delta``; above 0 and up to 1.
    n_classes : int, default=None
        How many clusters k-means makes to find ``delta``. None: as many as the classifier has
        classes.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that cover equally many and the start of k-means, and seeds a
        transformer that has no seed of its own.

    Notes
    -----
    Memory grows with the number of pairs of samples nearer than ``delta``, and so does time
    beside what their search takes. Each sample's distance to the nearest of another cluster
    gives ``delta`` at once; the paper tries a grid of values.

    References
    ----------
    .. [1] O. Yehuda, A. Dekel, G. Hacohen and D. Weinshall, "Active Learning Through a Covering
       Lens", NeurIPS 2022, Algorithm 1; section 3.4 for ``delta``.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import ProbCover
    >>> X = np.array([[0.0], [1.0], [2.0], [20.0], [20.5], [21.0], [21.5], [22.0], [50.0]])
    >>> ProbCover(delta=1).query(X, np.full(9, np.nan), None, batch_size=3).tolist()
    [5, 1, 8]
    """

    _parameter_constraints = {
        **EmbeddingStrategy._parameter_constraints,
        "delta": [Interval(Real, 0, None, closed="left"), None],
        "purity": [Interval(Real, 0, 1, closed="right")],
        "n_classes": [Interval(Integral, 2, None, closed="left"), None],
    }

    def __init__(
        self,
        *,
        features=None,
        delta=None,
        purity=0.95,
        n_classes=None,
        missing_label=np.nan,
        random_state=None,
    ):
        self.features = features
        self.delta = delta
        self.purity = purity
        self.n_classes = n_classes
        self.missing_label = missing_label
        self.random_state = random_state

    def _choose(self, pool, labelled, clf, batch_size, rng):
        points, centres = self._embed_all(pool, labelled, clf)
        delta = self.delta
        if delta is None:
            n_classes = self._count_classes(clf)
            delta = pure_radius(
                np.concatenate([points, centres]), n_classes, self.purity, draw_seed(rng)
            )
        covered = np.zeros(len(points), dtype=bool)
        if len(centres):
            covered = pairwise_distances_argmin_min(points, centres)[1] <= delta
        graph = radius_neighbors_graph(points, delta, include_self=True)
        return greedy_cover(graph, covered, batch_size, rng.random_sample(len(points)))

    def _count_classes(self, clf):
        if self.n_classes is not None:
            return self.n_classes
        if not hasattr(clf, "classes_"):
            raise TypeError(
                "ProbCover looks for a radius that separates classes, and the model has no "
                f"classes_ to count them by (got {type(clf).__name__}); pass n_classes or delta."
            )
        return max(2, len(clf.classes_))


def pure_radius(points, n_clusters, purity, seed):
    """Find the largest radius at which balls around points mostly stay in one cluster.

    Parameters
    ----------
    points : ndarray of shape (n_points, n_features)
    n_clusters : int
        At least 2.
    purity : float
        The share of the points whose balls must hold no point of another cluster.
    seed : int
        Decides the start of k-means.

    Returns
    -------
    float
    """
    n_clusters = min(n_clusters, len(points))
    clusters = KMeans(n_clusters, random_state=seed).fit_predict(points)
    distances = np.full(len(points), np.inf)
    for cluster in np.unique(clusters):
        inside = clusters == cluster
        if not inside.all():
            distances[inside] = pairwise_distances_argmin_min(points[inside], points[~inside])[1]
    n_impure = len(points) - int(np.ceil(purity * len(points)))
    # Just below the distance at which one ball too many would be impure.
    return np.partition(distances, n_impure)[n_impure] * (1 - 1e-9)


def greedy_cover(graph, covered, k, tie_break):
    """Choose vertices one by one, each the one with the most uncovered neighbours.

    Parameters
    ----------
    graph : sparse matrix of shape (n_points, n_points)
        Symmetric; an entry for each two neighbours, every point being its own.
    covered : ndarray of shape (n_points,), dtype bool
        What is covered already.
    k : int
        From 1 to n_points.
    tie_break : ndarray of shape (n_points,)
        Of points that cover equally many, the one with the highest value here comes first.

    Returns
    -------
    chosen : ndarray of shape (k,), dtype int
    n_covers : ndarray of shape (n_points,)
        How many uncovered points each would have covered as the first.
    """
    uncovered = ~covered
    n_covers = graph @ uncovered.astype(np.float64)
    remaining = n_covers.copy()
    chosen = np.empty(k, dtype=np.intp)
    for i in range(k):
        (chosen[i],) = top_k(remaining, 1, tie_break)
        neighbours = graph.indices[graph.indptr[chosen[i]] : graph.indptr[chosen[i] + 1]]
        newly = neighbours[uncovered[neighbours]]
        uncovered[newly] = False
        # Symmetric: the rows of the newly covered say who covers them.
        remaining -= np.bincount(graph[newly].indices, minlength=len(remaining))
        remaining[chosen[i]] = -1.0
    return chosen, n_covers
