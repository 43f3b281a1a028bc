"""Over-sampling with Polarity-GAN."""

from skgal.generators import PolarityGAN
from skgal.resampling._base import GeneratorOverSampler


class PolarityGANSampler(GeneratorOverSampler):
    """Fill up rare classes with samples near their boundary, within their convex hull.

    A new sample is a weighted mean of samples of its class. Where ``SMOTE`` takes a point on the
    way from a sample to one of its neighbours, the weights here are learnt: samples should look
    real to a critic and be hard for a classifier [1]_.

    Parameters
    ----------
    generator : PolarityGAN or None, default=None
        None stands for ``PolarityGAN()``. It is cloned.
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
        A row for each class; see :class:`GANOverSampler`.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    GANOverSampler : Any generator, such as one that may leave the hull.

    Notes
    -----
    The hull of a single sample is that sample, of two the line between them: a class so small is
    filled up with what little there is, and a warning says so.

    To take the means in a feature space, put what makes the features before the sampler:
    ``make_pipeline(extractor, PolarityGANSampler(), classifier)``, the pipeline being that of
    :mod:`imblearn.pipeline`. An extractor that is trained along with generator and classifier is
    a matter of :class:`skgal.generators.PolarityGAN`, which classifies itself.

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
        "generator": [None, PolarityGAN],
    }

    def _default_generator(self):
        return PolarityGAN()
