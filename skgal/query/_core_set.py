"""Core-set: samples such that no other is far from all of them."""

import numpy as np
from sklearn.metrics import euclidean_distances, pairwise_distances_argmin_min
from sklearn.utils import gen_batches

from skgal.query._base import EmbeddingStrategy, top_k
from skgal.utils import as_random_state, without_offset

# Rows whose distances to some centres are in memory at a time.
_BLOCK = 4096
# How many of the farthest samples are kept up to date with every centre.
_HEAD = 1024
# The squared distance of what is chosen: below any other, even that of a duplicate.
_CHOSEN = -1.0


class CoreSet(EmbeddingStrategy):
    """Choose the samples that are farthest from everything labelled or chosen.

    The greedy solution of the k-centre problem: each choice is the sample whose nearest
    labelled or chosen one is farthest away [1]_. Its utility is that distance, 0 where nothing
    is labelled yet: then the first is any sample.

    Parameters
    ----------
    random_state : int, RandomState instance or None, default=None
        Decides between samples that are equally far away, and seeds a transformer that has no
        seed of its own.

    See Also
    --------
    ProbCover : Covers dense regions first.
    BADGE : Looks at uncertainty as well.

    Notes
    -----
    Distances are Euclidean; the paper's are of what the last layer of the classifier sees.

    A query of k of n samples with d features takes O(n k d) time, and O(n) memory beside the
    features: their distances to the centres are kept, one each. Most samples learn of new
    centres many at a time, in one matrix product, and only the farthest at once.

    References
    ----------
    .. [1] O. Sener and S. Savarese, "Active Learning for Convolutional Neural Networks: A
       Core-Set Approach", ICLR 2018, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.query import CoreSet
    >>> X = np.array([[0.0], [1.0], [4.0], [6.0], [9.0]])
    >>> y = np.array([0, np.nan, np.nan, np.nan, np.nan])
    >>> CoreSet().query(X, y, None, batch_size=2).tolist()
    [4, 2]
    """

    def choose(self, X, y, clf, candidates, batch_size):
        """Choose samples one by one, each the farthest from all labelled and chosen ones."""
        rng = as_random_state(self.random_state)
        points, centres = without_offset(*self.embed_with_labelled(X, y, clf, candidates))
        tie_break = rng.random_sample(len(candidates))
        if len(centres) == 0:
            nearest, utilities = np.full(len(candidates), np.inf), np.zeros(len(candidates))
        else:
            _, nearest = pairwise_distances_argmin_min(points, centres, metric="sqeuclidean")
            utilities = np.sqrt(nearest)
        chosen = k_centre_greedy(points, nearest, batch_size, tie_break)
        return candidates.positions[chosen], utilities


def k_centre_greedy(points, nearest, k, tie_break):
    """Choose points one by one, each the farthest from all centres up to then."""
    # Distances to the nearest centre only ever shrink, so one that is out of date is an upper
    # bound. Only the `_HEAD` farthest points are updated at each centre: as long as the farthest
    # of them exceeds the bound of all others, it is the farthest of all. When it doesn't, the
    # others are updated with all new centres in one matrix product.
    nearest = np.array(nearest, dtype=np.float64)
    chosen = np.empty(0, dtype=np.intp)
    while len(chosen) < k:
        new = _choose_from_head(points, nearest, k - len(chosen), tie_break)
        chosen = np.append(chosen, new)
    return chosen


def _choose_from_head(points, nearest, k, tie_break):
    """Choose up to k points, at least one, and bring ``nearest`` up to date."""
    head = top_k(nearest, min(_HEAD, len(nearest)), tie_break)
    head_points, head_nearest, head_tie_break = points[head], nearest[head], tie_break[head]
    bound = -np.inf if len(head) == len(nearest) else head_nearest[-1]
    chosen = []
    while len(chosen) < k:
        (best,) = top_k(head_nearest, 1, head_tie_break)
        if chosen and head_nearest[best] <= bound:
            break
        chosen.append(best)
        _approach(head_points, head_nearest, head_points[[best]])
        head_nearest[best] = _CHOSEN
    chosen = head[chosen]
    _approach(points, nearest, points[chosen])
    nearest[chosen] = _CHOSEN
    return chosen


def _approach(points, nearest, centres):
    """Lower squared distances, in place, where one of some new centres is nearer."""
    # In double precision, block by block: in single, rounding would decide between points.
    centres = centres.astype(np.float64)
    for block in gen_batches(len(points), _BLOCK):
        rows = points[block].astype(np.float64, copy=False)
        to_centres = euclidean_distances(rows, centres, squared=True)
        np.minimum(nearest[block], to_centres.min(axis=1), out=nearest[block])
