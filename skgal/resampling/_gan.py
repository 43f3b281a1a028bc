"""Over-sampling with any generator of given classes."""

from skgal.generators import ACGAN
from skgal.resampling._base import GeneratorOverSampler


class GANOverSampler(GeneratorOverSampler):
    """Fill up rare classes with samples that a conditional generator draws.

    It stands where imbalanced-learn's ``SMOTE`` stands, in a pipeline of imbalanced-learn or on
    its own. The generator is fitted to all classes, then asked for just as many samples of each
    as are missing.

    Parameters
    ----------
    generator : generator or None, default=None
        What draws samples of given classes: ``ACGAN()``, which None stands for, ``CGAN()``,
        ``PolarityGAN()``, any other subclass of :class:`skgal.base.ConditionalGenerator`, or a
        scikit-learn estimator whose tag ``target_tags.required`` is True and whose
        ``sample(y=..., random_state=...)`` returns ``(X, y)``, a sample for each label in their
        order, and the labels. It is cloned.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many samples each class should have, in all of imbalanced-learn's forms:

        - ``"auto"``, ``"not majority"``, ``"all"``: as many of each class as of the most
          frequent; ``"minority"``, ``"not minority"``: of the rarest class, or of all others;
        - float: of two classes, how many of the rare one for each of the frequent one;
        - dict: the number for each class; callable: makes such a dict from y.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own: the generator's training, what it draws.

    Attributes
    ----------
    generator_ : generator
        The fitted generator. There is none if nothing was to be generated.
    sampling_strategy_ : dict
        The number of samples to generate of each class.
    report_ : pandas.DataFrame
        A row for each class: the number of ``real``, ``generated`` and ``accepted`` samples; the
        ``frechet_distance`` of the new ones from the real ones, in 32 principal components;
        ``nearest_real`` and ``nearest_real_min``, the median and the least distance of a new
        sample from the nearest real one of its class, to be compared with
        ``nearest_real_of_real``, the median between real ones: where the first is far below the
        last, the generator repeats what it has seen. ``overlap`` is the share of real samples of
        other classes that have a new one for their nearest neighbour, and ``nearer_to_others`` the
        probability that a new sample lies nearer to other classes, in proportion to its own, than
        a real one does: about 0.5 if they lie alike, less for samples between real ones. Distances
        are between samples as networks see them, each feature in [-1, 1] (of the last two in 32
        principal components), of at most 1000 samples a class.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    PolarityGANSampler : Samples within the convex hull of their class.
    SelectiveAugmentation : Chooses among what the generator draws.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from skgal.generators import ACGAN
    >>> from skgal.resampling import GANOverSampler
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> np.bincount(y).tolist()
    [180, 20]
    >>> sampler = GANOverSampler(ACGAN(max_iter=20), random_state=0)
    >>> X_new, y_new = sampler.fit_resample(X, y)
    >>> np.bincount(y_new).tolist()
    [180, 180]
    >>> sampler.report_.loc[1, ["real", "generated", "accepted"]].astype(int).tolist()
    [20, 160, 160]
    """

    def _default_generator(self, X=None):
        return ACGAN()
