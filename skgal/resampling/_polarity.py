"""Over-sampling with Polarity-GAN."""

from numbers import Real

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval

from skgal.generators import PolarityGAN
from skgal.resampling._base import GeneratorOverSampler
from skgal.resampling._filters import select
from skgal.resampling._trust import LabelTrust
from skgal.utils import take_rows

# Candidates drawn for each sample that is wanted.
_N_CANDIDATES = 2


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
        How many samples of each class there shall be, in all of imbalanced-learn's forms; see
        :class:`GANOverSampler`.
    gate : Gate or None, default=None
        Cross-validates whether the synthetic samples help a classifier; if not, the original data
        are returned. None: they are used unseen.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own: the generator's training, what it draws, the gate.

    Attributes
    ----------
    generator_ : PolarityGAN
        The fitted generator. There is none if nothing was to be generated, or the gate was against
        it.
    sampling_strategy_ : dict
        The number of samples to generate of each class.
    gate_scores_ : GateScores
        ``original`` and ``resampled``: the classifier's scores in each fold, with a gate.
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
    .. [1] Polarity-GAN, Algorithm 1 and equations (3) to (6).

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
        gate=None,
        random_state=None,
    ):
        super().__init__(
            generator, sampling_strategy=sampling_strategy, gate=gate, random_state=random_state
        )
        self.min_trust = min_trust

    def _default_generator(self):
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
        self.generator_ = self._make_generator(rng).fit(X, y, **fit_params)
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
