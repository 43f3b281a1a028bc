"""GAAL: the generated samples of which the classifier is least sure are labelled themselves."""

from skgal.query._latent import LatentStrategy
from skgal.query._search import LatentSearch


class GAAL(LatentSearch, LatentStrategy):
    r"""Search a generator's latent space for samples of which the classifier is least sure.

    Generative adversarial active learning [1]_: random latent points climb, along the
    gradient through classifier and generator, to where the score is highest, and the samples
    there are labelled. It costs the same whatever the size of the pool, and asks whoever labels
    about samples that nobody has ever seen: near the boundary the classes are hard to tell
    apart, and poor generators make that worse. :class:`ASAL` asks about real samples like them.

    Parameters
    ----------
    generator : generator
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    measure : {"min_distance", "entropy"}, default="min_distance"
        What is maximised: minus the distance to the decision boundary, which is the paper's,
        or the entropy of the class probabilities. The distance is that of
        ``decision_function``, one value or the gap between the two largest; of a classifier
        that has only ``predict_proba``, the log-odds of the two most probable classes, which
        for a softmax is the gap between the logits. The probabilities of a classifier that has
        none are those of :class:`UncertaintySampling`.
    search : {"auto", "gradient", "evolution"}, default="auto"
        How the maximum is found. ``"gradient"`` is Adam, for classifiers that
        :func:`~skgal.differentiable.differentiable` knows: skorch nets, skgal's GANs that
        classify, linear models, multi-layer perceptrons, and Pipelines of these behind
        scalers and PCA; ``docs/query.md`` lists them all. ``"evolution"`` needs no
        gradient, so it suits any classifier, but finds less in the same time.
        ``"auto"`` is the gradient where there is one, else evolution: forests and boosting, for
        example, are searched without gradients.
    max_iter : int, default=100
        Steps at most.
    learning_rate : float, default=0.05
        Step size of Adam, in units of the latent space.
    tol : float or None, default=1e-3
        A latent point stops once a few steps brought at most this share of all it has gained.
        None: all take ``max_iter`` steps.
    random_state : int, RandomState instance or None, default=None
        Decides where the search starts, and seeds the generator if that has no seed of its own.

    Attributes
    ----------
    generator_ : generator
        The fitted generator.

    See Also
    --------
    ASAL : Has the most similar samples of a pool labelled instead.
    LatentUncertainty : Rates a fixed set of latent points.

    References
    ----------
    .. [1] J.-J. Zhu, J. Bento, "Generative adversarial active learning", 2017; ASAL, sections 2
       and 5.3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import GAN
    >>> from skgal.query import GAAL
    >>> X, y = load_digits(return_X_y=True)
    >>> strategy = GAAL(GAN(max_iter=2), max_iter=5, random_state=0).fit(X[:50])
    >>> clf = LogisticRegression(max_iter=1000).fit(X[:50], y[:50])
    >>> strategy.synthesize(X[:50], y[:50], clf, batch_size=3).X.shape
    (3, 64)
    """

    _parameter_constraints = {
        **LatentStrategy._parameter_constraints,
        **LatentSearch._parameter_constraints,
    }

    def __init__(
        self,
        generator,
        *,
        measure="min_distance",
        search="auto",
        max_iter=100,
        learning_rate=0.05,
        tol=1e-3,
        random_state=None,
    ):
        self.generator = generator
        self.measure = measure
        self.search = search
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.tol = tol
        self.random_state = random_state

    def _design(self, X, y, clf, batch_size, rng):
        return self._search(clf, batch_size, rng)
