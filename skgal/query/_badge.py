"""BADGE: samples whose gradients are large and point in different directions."""

from functools import partial

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.extmath import row_norms

from skgal.query._base import EmbeddingStrategy, top_k
from skgal.query._uncertainty import check_classifier, class_probabilities
from skgal.utils import as_random_state, seeded_nets


class BADGE(EmbeddingStrategy):
    r"""Choose samples whose loss gradients are large and unlike each other.

    If the label predicted for a sample were true, the gradient of the cross-entropy with
    respect to the weights of the last layer would be :math:`a \otimes h`: the class
    probabilities less one at the predicted class, :math:`a = p - e_{\hat y}`, times the input
    of that layer, :math:`h`. A batch is drawn from these gradient embeddings as k-means++ draws
    its centres: with probability proportional to the squared distance to the nearest one drawn
    already [1]_.

    Parameters
    ----------
    features : None, "classifier" or transformer, default="classifier"
        What :math:`h` is: what the last layer of the classifier sees, which is there in skorch
        nets, multi-layer perceptrons, linear models and skgal's GANs that classify; None, for any
        other classifier: the samples themselves, images flattened; or what the transformer, which
        ``fit`` clones and fits, returns. A fitted one is kept as it is in
        :class:`sklearn.frozen.FrozenEstimator`.

    See Also
    --------
    CoreSet : Diversity alone.
    UncertaintySampling : Uncertainty alone.

    Notes
    -----
    The probabilities of a classifier that has none are those of :class:`UncertaintySampling`.

    The first sample is the one of the largest gradient, which is what the authors' program
    does; k-means++ and the paper's text draw it uniformly. The utility is what it is chosen by:
    the squared norm of the gradient embedding.

    An embedding is never formed. With n samples, c classes and w features,
    :math:`\|a_i \otimes h_i - a_j \otimes h_j\|^2 = \|a_i\|^2 \|h_i\|^2 + \|a_j\|^2 \|h_j\|^2 -
    2 (a_i \cdot a_j) (h_i \cdot h_j)`, so a query of k takes O(n k (c + w)) time and O(n (c + w))
    memory.

    References
    ----------
    .. [1] J. T. Ash, C. Zhang, A. Krishnamurthy, J. Langford and A. Agarwal, "Deep Batch Active
       Learning by Diverse, Uncertain Gradient Lower Bounds", ICLR 2020, Algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.query import BADGE
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.6], [5.0, 5.1], [9.0, 0.0]])
    >>> y = np.array([0, 1, np.nan, np.nan, np.nan])
    >>> clf = LogisticRegression().fit(X[:2], [0, 1])
    >>> BADGE(random_state=0).query(X, y, clf, batch_size=2).tolist()
    [3, 4]
    """

    def __init__(self, *, features="classifier", missing_label=np.nan, random_state=None):
        super().__init__(features=features, missing_label=missing_label, random_state=random_state)

    def check_model(self, clf, X):
        """Refuse a model that is no classifier, or doesn't say how sure it is."""
        check_classifier(clf, "BADGE")
        super().check_model(clf, X)

    def choose(self, X, y, clf, candidates, batch_size):
        """Draw samples as k-means++ draws centres, among gradient embeddings."""
        rng = as_random_state(self.random_state)
        check_classifier(clf, "BADGE")
        residuals = np.concatenate(list(candidates.map(partial(_residuals, clf))))
        points = self.embed(candidates, clf)
        squared_norms = _squared_norms(residuals, points)
        chosen = gradient_k_means_pp(residuals, points, batch_size, rng)
        return candidates.positions[chosen], squared_norms


def gradient_k_means_pp(residuals, points, k, rng):
    """Draw the centres of k-means++ among outer products that are never formed."""
    squared_norms = _squared_norms(residuals, points)
    chosen = np.empty(k, dtype=np.intp)
    (chosen[0],) = top_k(squared_norms, 1, rng.random_sample(len(points)))
    nearest = np.full(len(points), np.inf)
    for i in range(1, k):
        centre = chosen[i - 1]
        # Two matrix-vector products instead of one with vectors of n_classes * n_features.
        products = (residuals @ residuals[centre]) * (points @ points[centre])
        distances = squared_norms + squared_norms[centre] - 2 * products
        np.minimum(nearest, np.maximum(distances, 0), out=nearest)
        nearest[chosen[:i]] = 0.0
        weights = nearest
        if not nearest.any():
            weights = np.ones(len(points))
            weights[chosen[:i]] = 0.0
        chosen[i] = rng.choice(len(points), p=weights / weights.sum())
    return chosen


def _squared_norms(residuals, points):
    norms = row_norms(points, squared=True).astype(np.float64, copy=False)
    return row_norms(residuals, squared=True) * norms


def _residuals(clf, X):
    """Class probabilities of samples, less one at the most probable class."""
    with seeded_nets(clf):
        residuals = class_probabilities(clf, X)
        residuals = check_array(residuals, input_name="predict_proba(X)", copy=True)
    residuals = residuals.astype(np.float64, copy=False)
    residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1
    return residuals
