"""For the very first labels: typical samples of clusters, and samples that cover the others."""

from numbers import Integral, Real

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.neighbors import NearestNeighbors, radius_neighbors_graph

from skgal.query._base import EmbeddingStrategy, top_k
from skgal.utils import Interval, as_random_state, draw_seed, without_offset

# The authors cluster by mini-batches where there are more clusters than this.
_MANY_CLUSTERS = 50
# Samples that are enough to find the centres of fewer.
_ENOUGH_SAMPLES = 20_000
# Keeps the typicality of duplicates finite.
_EPSILON = 1e-7


class TypiClust(EmbeddingStrategy):
    """Choose the most typical sample of each large cluster that has no label yet.

    For the very first labels, when uncertainty means nothing. Candidates and labelled samples
    are clustered by k-means into as many clusters as there will be labels, and the largest
    clusters without one get theirs [1]_. A sample is typical if its neighbours in its cluster
    are near: its utility is the inverse of their mean distance, and 0 where its cluster gets no
    label this time.

    Parameters
    ----------
    n_neighbors : int, default=20
        Neighbours that count for typicality; all of the cluster if it has fewer.
    max_clusters : int, default=500
        There are no more clusters than this.
    random_state : int, RandomState instance or None, default=None
        Decides the start of k-means and between equal clusters or samples, and seeds a
        transformer that has no seed of its own.

    See Also
    --------
    ProbCover : By balls around samples.
    CoreSet : By the farthest sample.

    Notes
    -----
    The paper's features are learnt without labels.

    Once every cluster has a label or a choice, which happens beyond ``max_clusters``, those
    with the fewest are next, the largest first. More than 50 clusters are found by mini-batches
    of samples, fewer on 20,000 samples where there are more. The authors' program leaves out
    clusters of up to five samples; here they come last, being the smallest. A sample alone in its
    cluster has typicality 0.

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

    def choose(self, X, y, clf, candidates, batch_size):
        """Choose the most typical sample of each of the largest clusters without a label."""
        rng = as_random_state(self.random_state)
        points, labelled_points = without_offset(*self.embed_with_labelled(X, y, clf, candidates))
        n_clusters = min(len(labelled_points) + batch_size, self.max_clusters)
        clusters = _cluster(np.concatenate([points, labelled_points]), n_clusters, rng)
        clusters, labelled_clusters = np.split(clusters, [len(points)])
        tie_break = rng.random_sample(len(points))
        allotted = _allot_choices(clusters, labelled_clusters, batch_size, tie_break)
        utilities = typicality(points, clusters, self.n_neighbors, np.unique(allotted))
        chosen = _most_typical(utilities, clusters, allotted, tie_break)
        return candidates.positions[chosen], utilities


def _cluster(points, n_clusters, rng):
    """Return the cluster of each point, by k-means."""
    seed = draw_seed(rng)
    if n_clusters > _MANY_CLUSTERS:
        return MiniBatchKMeans(n_clusters, random_state=seed).fit_predict(points)
    model = KMeans(n_clusters, random_state=seed)
    if len(points) <= _ENOUGH_SAMPLES:
        return model.fit_predict(points)
    some = rng.choice(len(points), _ENOUGH_SAMPLES, replace=False)
    return model.fit(points[some]).predict(points)


def typicality(points, clusters, n_neighbors, wanted):
    """Inverse mean distance of points to their nearest neighbours in their cluster, if wanted."""
    typical = np.zeros(len(points))
    for cluster in wanted:
        members = np.flatnonzero(clusters == cluster)
        if len(members) > 1:
            k = min(n_neighbors, len(members) - 1)
            distances, _ = NearestNeighbors(n_neighbors=k).fit(points[members]).kneighbors()
            typical[members] = 1 / (distances.mean(axis=1) + _EPSILON)
    return typical


def _allot_choices(clusters, labelled_clusters, k, tie_break):
    """Return the cluster of each choice: one with the fewest labels, of these the largest."""
    left = np.bincount(clusters)
    n_labels = np.bincount(labelled_clusters, minlength=len(left))
    left = np.pad(left, (0, len(n_labels) - len(left)))
    sizes = left + n_labels
    # Between equal clusters a random sample decides, by the cluster it is in.
    cluster_tie_break = np.zeros(len(left))
    np.maximum.at(cluster_tie_break, clusters, tie_break)
    allotted = np.empty(k, dtype=np.intp)
    for i in range(k):
        open_ = np.flatnonzero(left)
        ranking = np.lexsort((-cluster_tie_break[open_], -sizes[open_], n_labels[open_]))
        allotted[i] = open_[ranking[0]]
        left[allotted[i]] -= 1
        n_labels[allotted[i]] += 1
    return allotted


def _most_typical(utilities, clusters, allotted, tie_break):
    """Choose for each allotted cluster its most typical sample that isn't chosen yet."""
    chosen = np.empty(len(allotted), dtype=np.intp)
    for cluster in np.unique(allotted):
        places = np.flatnonzero(allotted == cluster)
        members = np.flatnonzero(clusters == cluster)
        chosen[places] = members[top_k(utilities[members], len(places), tie_break[members])]
    return chosen


class ProbCover(EmbeddingStrategy):
    r"""Choose samples such that as many as possible have a labelled one nearby.

    For the very first labels, when uncertainty means nothing. A sample covers those within a
    distance :math:`\delta`. Greedily, each choice is the one that covers the most candidates
    that no labelled or chosen sample covers [1]_; how many is its utility.

    Parameters
    ----------
    delta : float, default=None
        The radius :math:`\delta`. None: the largest at which a share ``purity`` of the samples
        has none of another cluster within it, where clusters stand for classes.
    purity : float, default=0.95
        See ``delta``; above 0 and up to 1.
    n_classes : int, default=None
        How many clusters k-means makes to find ``delta``. None: as many as the classifier has
        classes.
    random_state : int, RandomState instance or None, default=None
        Decides between samples that cover equally many and the start of k-means, and seeds a
        transformer that has no seed of its own.

    See Also
    --------
    TypiClust : By clusters.
    CoreSet : By the farthest sample.

    Notes
    -----
    Distances are Euclidean; the paper's features are learnt without labels. Memory grows with the
    number of pairs of samples nearer than ``delta``, and so does time
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

    def choose(self, X, y, clf, candidates, batch_size):
        """Choose samples one by one, each the one that covers the most that are not covered yet."""
        rng = as_random_state(self.random_state)
        points, centres = without_offset(*self.embed_with_labelled(X, y, clf, candidates))
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
        tie_break = rng.random_sample(len(points))
        chosen, n_covers = greedy_cover(graph, covered, batch_size, tie_break)
        return candidates.positions[chosen], n_covers

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
    """Find the largest radius at which balls around points mostly stay in one cluster."""
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
    """Choose vertices one by one, each the one with the most uncovered neighbours."""
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
