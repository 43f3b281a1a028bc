"""Over-sampling with Polarity-GAN."""

from numbers import Real

import numpy as np
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from skgal.generators import PolarityGAN
from skgal.resampling._base import GeneratorOverSampler, select
from skgal.utils import Interval, make_layout, take_rows

# Candidates drawn for each sample that is wanted.
_N_CANDIDATES = 2
# Real neighbours from which the trust in a new sample is computed.
_N_NEIGHBORS = 5
# Of more features, such as pixels, neighbours are sought in as many principal components.
_MAX_COMPONENTS = 32


class PolarityGANSampler(GeneratorOverSampler):
    """Fill up rare classes with samples within their convex hull, hard for a classifier.

    A new sample is a weighted mean of samples of its class. Where ``SMOTE`` takes a point on the
    way from a sample to one of its neighbours, the weights here are learnt: samples should look
    real to a critic and be hard for a classifier [1]_. Those between samples of other classes are
    left out, but for near copies of a single sample, whose label they share.

    Parameters
    ----------
    generator : PolarityGAN or None, default=None
        None stands for ``PolarityGAN(classifier_weight=1, max_iter=100,
        autoencoder_max_iter=100)``: the classifier pulls as strongly as in the paper, and since
        the samples start where they should be, few updates will do. It is cloned; one in a
        :class:`sklearn.frozen.FrozenEstimator` is used as it is.
    min_trust : float in [0, 1], default=0.5
        The trust that a new sample must deserve: the share of its class among the five real samples
        next to it, nearer ones and those of rarer classes counting more. Twice as many
        candidates are drawn as are wanted; where too few pass, the most trusted of the others
        fill the quota up. 0: whatever is drawn is taken.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many samples each class should have, in all of imbalanced-learn's forms; see
        :class:`GANOverSampler`.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own: the generator's training, what it draws.

    Attributes
    ----------
    generator_ : PolarityGAN
        The fitted generator. There is none if nothing was to be generated.
    sampling_strategy_ : dict
        The number of samples to generate of each class.
    report_ : pandas.DataFrame
        A row for each class; see :class:`GANOverSampler`. With ``min_trust``, ``generated`` is the
        number of candidates, ``rejected_by_trust`` how many deserved too little of it,
        ``accepted`` how many passed and were added, ``surplus`` how many passed and were not
        needed, and ``topped_up`` how many were added though rejected.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    GANOverSampler : Any generator, such as one that may leave the hull.

    Notes
    -----
    The hull of a single sample is that sample, which comes back to the float32 precision of each
    column's range; of two it is the line between them. A class so small is filled up with what
    little there is, and a warning says so.

    To take the means in a feature space, as one should of images, put what makes the features
    before the sampler: ``make_pipeline(ClassifierFeatures(net), PolarityGANSampler(),
    LogisticRegression())``, the pipeline being that of :mod:`imblearn.pipeline`; see
    :class:`skgal.classifiers.ClassifierFeatures`. An extractor that is trained along with generator
    and classifier is a matter of :class:`skgal.generators.PolarityGAN`, which classifies itself.

    References
    ----------
    .. [1] K. Deepshikha, A. Naman, "Removing class imbalance using Polarity-GAN: an uncertainty
       sampling approach", arXiv 2020, Algorithm 1 and equations (3) to (6).

    Examples
    --------
    >>> from imblearn.pipeline import make_pipeline
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import PolarityGAN
    >>> from skgal.resampling import PolarityGANSampler
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> quick = PolarityGAN(max_iter=20, autoencoder_max_iter=20)
    >>> pipe = make_pipeline(PolarityGANSampler(quick, random_state=0), LogisticRegression())
    >>> int(pipe.fit(X, y).named_steps["polaritygansampler"].sampling_strategy_[1])
    160
    """

    _parameter_constraints = {
        **GeneratorOverSampler._parameter_constraints,
        "generator": [None, PolarityGAN, FrozenEstimator],
        "min_trust": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        generator=None,
        *,
        min_trust=0.5,
        sampling_strategy="auto",
        random_state=None,
    ):
        super().__init__(generator, sampling_strategy=sampling_strategy, random_state=random_state)
        self.min_trust = min_trust

    def _default_generator(self, X=None):
        return PolarityGAN(classifier_weight=1.0, max_iter=100, autoencoder_max_iter=100)

    def _check_parts(self, X, y):
        frozen = getattr(self.generator, "estimator", None)
        if not isinstance(frozen, PolarityGAN | None):
            raise TypeError(
                "PolarityGANSampler needs a PolarityGAN, in a FrozenEstimator or not; got a "
                f"{type(frozen).__name__} in a FrozenEstimator. GANOverSampler takes others."
            )
        super()._check_parts(X, y)

    def _synthesize(self, X, y, rng, fit_params):
        if self.min_trust == 0:
            return super()._synthesize(X, y, rng, fit_params)
        self.generator_ = self._train(self._make_generator(X, rng), X, y, fit_params)
        asked = self._wanted_labels(y, factor=_N_CANDIDATES)
        candidates, _ = self._draw(X, asked, rng)
        trust = LabelTrust(X, y, self._image_shape()).score(candidates, asked)
        chosen = []
        for label, n_wanted in self.sampling_strategy_.items():
            rows = np.flatnonzero(asked == label)
            selection = select({"trust": -trust[rows]}, n_wanted, at_most=-self.min_trust)
            self._report.enter(selection, asked[rows])
            chosen.append(rows[selection.chosen])
        chosen = np.concatenate(chosen)
        return take_rows(candidates, chosen), asked[chosen]


class LabelTrust:
    """Rate samples by the share of their class among the real samples next to them."""

    # Each of the nearest real samples counts by its nearness, and by how rare its class is: in a
    # rare class's own region there may be more samples of the frequent one. So the share estimates
    # the probability that a sample there is of the class, if all classes were equally frequent.

    def __init__(self, X, y, image_shape=None):
        self.layout = make_layout(X, image_shape)
        self.classes, self.targets, counts = np.unique(y, return_inverse=True, return_counts=True)
        self.rarity = 1 / counts
        rows = self.layout.to_network(X).reshape(len(y), -1)
        self.components = None
        if min(rows.shape) > _MAX_COMPONENTS:
            components = PCA(_MAX_COMPONENTS, svd_solver="randomized", random_state=0)
            with np.errstate(invalid="ignore"):  # 0 / 0 where all samples are the same
                self.components = components.fit(rows)
        self.neighbors = NearestNeighbors(n_neighbors=min(_N_NEIGHBORS, len(rows)))
        self.neighbors.fit(self._reduce(rows))

    def score(self, samples, labels):
        """Return the trust in each label, from 0 (only other classes are near) to 1."""
        rows = self.layout.to_network(samples).reshape(len(labels), -1)
        distances, nearest = self.neighbors.kneighbors(self._reduce(rows))
        found = self.targets[nearest]
        # Of a sample that real ones coincide with, these alone decide.
        nearness = 1 / np.maximum(distances, np.finfo(np.float32).tiny)
        votes = self.rarity[found] * (nearness / nearness.max(axis=1, keepdims=True))
        is_own = found == np.searchsorted(self.classes, labels)[:, np.newaxis]
        return (votes * is_own).sum(axis=1) / votes.sum(axis=1)

    def _reduce(self, rows):
        return rows if self.components is None else self.components.transform(rows)
