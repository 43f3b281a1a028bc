"""The features that a classifier has learnt, as a transformer."""

from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    is_regressor,
)
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skgal.base import DocumentedMixin
from skgal.classifiers._fit import AnyEstimator
from skgal.features import feature_extractor
from skgal.utils import (
    HasMethods,
    check_class_labels,
    last_step,
    nets_in,
    restored_on_failure,
    validate_pool,
    validated_fit,
)


class ClassifierFeatures(
    DocumentedMixin,
    ClassNamePrefixFeaturesOutMixin,
    MetaEstimatorMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Train a classifier, and map samples to the input of its last layer.

    Images become short vectors in which the classes are nearly linearly separable. That is a space
    to mix samples in, where resamplers were made for tables, and to train a new last layer
    in, with the rare classes filled up [1]_: put it, and a
    :class:`sklearn.preprocessing.StandardScaler`, before a resampler and a linear classifier.

    Parameters
    ----------
    classifier : estimator
        A skorch net whose outputs are made by a linear layer, a multi-layer perceptron of
        scikit-learn, or a generator that classifies (``ACGAN``, ``BAGAN``, ``PolarityGAN``),
        perhaps behind the transformers of a Pipeline or in a search. Of a linear model it is
        the samples themselves. It is cloned and trained on the data, a net with labels made
        integers from 0; one in a :class:`sklearn.frozen.FrozenEstimator` is used as it is.
    random_state : int, RandomState instance or None, default=None
        Decides what has no seed of its own in the classifier, such as the weights that a net
        starts from; but not in the other processes of a search with ``n_jobs``.

    Attributes
    ----------
    classifier_ : estimator
        The trained classifier.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    skgal.generators.Autoencoder : A short code that is learnt without labels.

    Notes
    -----
    The samples that the classifier was trained on lie farther apart in its features than new ones.
    Whatever comes after it in a Pipeline and cross-validates, as ``GatedSampler`` does, sees only
    such, and thinks too well of everything. Cross-validate the whole Pipeline.

    References
    ----------
    .. [1] B. Kang et al., "Decoupling representation and classifier for long-tailed recognition",
       ICLR 2020: classifier re-training.

    Examples
    --------
    >>> from imblearn.pipeline import make_pipeline
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.neural_network import MLPClassifier
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skgal.classifiers import ClassifierFeatures
    >>> from skgal.generators import PolarityGAN
    >>> from skgal.resampling import PolarityGANSampler
    >>> X, y = load_digits(return_X_y=True)
    >>> features = ClassifierFeatures(MLPClassifier((32,), early_stopping=True), random_state=0)
    >>> features.fit_transform(X, y).shape
    (1797, 32)
    >>> quick = PolarityGAN(max_iter=20, autoencoder_max_iter=20)
    >>> sampler = PolarityGANSampler(quick, random_state=0)
    >>> pipe = make_pipeline(features, StandardScaler(), sampler, LogisticRegression(C=0.1))
    >>> pipe.fit(X, y).predict(X[:3]).tolist()
    [0, 1, 2]
    """

    _parameter_constraints = {
        "classifier": [HasMethods(["fit"])],
        "random_state": ["random_state"],
    }

    def __init__(self, classifier, *, random_state=None):
        self.classifier = classifier
        self.random_state = random_state

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y):
        """Train the classifier.

        Parameters
        ----------
        X : array, DataFrame or sparse matrix of n_samples samples
            What the classifier takes: rows, or images of shape (n_samples, c, h, w).
        y : array-like of shape (n_samples,)
            Class labels.

        Returns
        -------
        self
            The fitted transformer.

        Raises
        ------
        TypeError
            If the classifier is a regressor, has no last layer that can be read, or one that sees
            sparse features.
        ValueError
            If y isn't labels of classes, or has gaps.
        """
        if is_regressor(self.classifier):
            raise TypeError(
                "ClassifierFeatures trains a classifier to tell classes apart; got the regressor "
                f"{type(self.classifier).__name__}."
            )
        first = validate_pool(self, X).take([0])
        model = AnyEstimator(self.classifier, random_state=self.random_state)
        self.classifier_ = model.fit(X, check_class_labels(y)).estimator_
        self._n_features_out = self._extract(first).shape[1]
        return self

    def transform(self, X):
        """Compute the input of the classifier's last layer.

        Parameters
        ----------
        X : array, DataFrame or sparse matrix of n_samples samples
            Like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_features), dtype float32 or float64
            The features of each sample.
        """
        check_is_fitted(self)
        validate_pool(self, X, reset=False)
        return self._extract(X)

    def _extract(self, X):
        return feature_extractor("classifier", self.classifier_)(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = get_tags(self.classifier).input_tags
        last = last_step(self.classifier)
        if is_linear := not (nets_in(last) or hasattr(last, "classifier_features")):
            is_linear = not isinstance(last, MLPClassifier)
        # What a linear model sees of sparse samples is sparse.
        tags.input_tags.sparse &= not is_linear
        tags.target_tags.required = True
        return tags
