"""The contract of a generator: fit, sample, and a transformer."""

from abc import ABCMeta, abstractmethod

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import resample
from sklearn.utils.validation import check_is_fitted, validate_data

from skgal.base._documented import DocumentedMixin
from skgal.design import energy_distance
from skgal.metrics import to_points
from skgal.utils import as_samples, is_frame, is_mixed

# Rows that are scored at most; the time of an energy distance grows with their square.
_MAX_SCORED = 1000


class BaseGenerator(
    DocumentedMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base of every generator: a transformer that can also draw new samples.

    A generator learns the distribution of ``X`` and maps points of a latent space to samples
    in the layout, value range, dtype and column names of ``X``. Those that have an encoder
    also define ``inverse_transform(Z)``.

    A subclass implements :meth:`fit`, :meth:`generate`, :meth:`transform` and
    :meth:`sample_latent`, and sets while fitting what is listed below. One that can rate how real
    samples look, as a critic does, also defines ``score_samples(X)``. The generators on networks
    have their ``fit`` from :class:`skgal.generators.NetworkEstimator`.

    Attributes
    ----------
    latent_distribution_ : frozen distribution of :mod:`scipy.stats`
        The distribution of each latent coordinate; ``support()`` gives its bounds and
        ``ppf`` maps a quasi-random set of the unit cube into the latent space.
    latent_dim_ : int
        Width of the latent space.

    See Also
    --------
    ConditionalGenerator : With classes.
    skgal.testing.check_generator : Checks a generator of yours.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.stats import norm
    >>> from skgal.base import BaseGenerator
    >>> class Normal(BaseGenerator):
    ...     def __init__(self, random_state=None):
    ...         self.random_state = random_state
    ...
    ...     def fit(self, X, y=None):
    ...         self.mean_, self.scale_ = np.mean(X, axis=0), np.std(X, axis=0)
    ...         self.latent_dim_, self.latent_distribution_ = len(self.mean_), norm()
    ...         return self
    ...
    ...     def sample_latent(self, n_samples=1, *, random_state=None):
    ...         return norm.rvs(size=(n_samples, self.latent_dim_), random_state=random_state)
    ...
    ...     def generate(self, Z, y=None):
    ...         return self.mean_ + Z * self.scale_
    ...
    ...     def transform(self, X):
    ...         return (X - self.mean_) / self.scale_
    >>> Normal().fit([[0.0, 1.0], [2.0, 3.0]]).sample(4, random_state=0).shape
    (4, 2)
    """

    @abstractmethod
    def fit(self, X, y=None):
        """Learn the distribution of the samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            The samples to learn from.
        y : array-like of shape (n_samples,), default=None
            Class labels for a conditional generator, ignored by others.

        Returns
        -------
        self
            The fitted generator.
        """

    @abstractmethod
    def generate(self, Z, y=None):
        """Map latent points to samples.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
            Latent points.
        y : array-like of shape (n_samples,), default=None
            The class of each sample, for a conditional generator.

        Returns
        -------
        array or DataFrame of n_samples samples, laid out as the training data
            One sample for each latent point.
        """

    @abstractmethod
    def transform(self, X):
        """Map samples to features: the encoder's if there is one, else the critic's.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
            The features of each sample.
        """

    @abstractmethod
    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points from the latent distribution.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        random_state : int, RandomState instance or None, default=None
            Decides the draw.

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float32
            The latent points.
        """

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new samples.

        Parameters
        ----------
        n_samples : int, default=1
            How many.
        y : array-like of shape (n_samples,), default=None
            The class of each sample, for a conditional generator.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same samples
            at every call.

        Returns
        -------
        array or DataFrame of n_samples samples, laid out as the training data
            The new samples.
        """
        return self.generate(self.sample_latent(n_samples, random_state=random_state), y)

    def score(self, X, y=None):
        r"""Score how like real samples the generated ones are; higher is better.

        The score is minus the energy distance between ``X`` and as many generated samples,
        1000 at least, so that a search such as `sklearn.model_selection.GridSearchCV` can
        choose among generators. `skgal.generators.GenerationScorer` scores by other measures.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Real samples, best those that the generator was not fitted to; of more than 1000, as
            many are drawn. Columns of an array are divided by their range in ``X`` and images by
            that of all pixels; those of a DataFrame, or of an array with gaps or categories, are
            compared by their ranks and categories, see `skgal.metrics.to_points`.
        y : array-like of shape (n_samples,), default=None
            Ignored; a conditional generator compares class by class.

        Returns
        -------
        float
            Never positive; 0 for the same distribution. The same at every call.

        References
        ----------
        G. J. Székely, M. L. Rizzo, "Energy statistics: A class of statistics based on
        distances", Journal of Statistical Planning and Inference 143, 2013.
        """
        X = self._check_scored(X)
        if len(X) > _MAX_SCORED:
            X = resample(X, replace=False, n_samples=_MAX_SCORED, random_state=0)
        drawn = self.sample(max(len(X), _MAX_SCORED), random_state=0)
        if isinstance(drawn, tuple):  # of a conditional generator, classes by their frequency
            drawn, _ = drawn
        return -energy_distance(*self._scored_points(X, drawn))

    def _check_scored(self, X):
        """Refuse samples of another width than those of ``fit``."""
        check_is_fitted(self)
        X = as_samples(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        return X if is_frame(X) else np.asarray(X)

    def _scored_points(self, X, drawn):
        """Return real and drawn samples as points of comparable coordinates."""
        points, drawn_points = to_points(X, drawn)
        if is_frame(X) or is_mixed(X):
            return points, drawn_points
        is_image = np.ndim(X) == 4 or getattr(self, "image_shape", None) is not None
        span = np.ptp(points, axis=None if is_image else 0)
        span = np.where(span > 0, span, 1.0)
        return points / span, drawn_points / span
