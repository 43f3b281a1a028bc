"""The contract of a generator: fit, sample, and a transformer."""

from abc import ABCMeta, abstractmethod

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin


class BaseGenerator(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, metaclass=ABCMeta
):
    """Base of every generator: a transformer that can also draw new samples.

    A generator learns the distribution of ``X`` and maps points of a latent space to samples
    in the layout, value range, dtype and column names of ``X``. Those that have an encoder
    also define ``inverse_transform(Z)``.

    A subclass implements :meth:`fit`, :meth:`generate`, :meth:`transform` and
    :meth:`score_samples`, and sets while fitting:

    Attributes
    ----------
    latent_distribution_ : frozen distribution of :mod:`scipy.stats`
        The distribution of each latent coordinate; ``support()`` gives its bounds and
        ``ppf`` maps a quasi-random set of the unit cube into the latent space.
    latent_dim_ : int
        Width of the latent space.
    """

    @abstractmethod
    def fit(self, X, y=None):
        """Learn the distribution of the samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        y : array-like of shape (n_samples,), default=None
            Class labels for a conditional generator, ignored by others.

        Returns
        -------
        self
        """

    @abstractmethod
    def generate(self, Z, y=None):
        """Map latent points to samples.

        Parameters
        ----------
        Z : array-like of shape (n_samples, latent_dim)
        y : array-like of shape (n_samples,), default=None
            The class of each sample, for a conditional generator.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
        """

    @abstractmethod
    def transform(self, X):
        """Map samples to features: the encoder's if there is one, else the critic's.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """

    @abstractmethod
    def score_samples(self, X):
        """Rate how real samples look to the critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,)
            The critic's value, higher for more real-looking samples.
        """

    @abstractmethod
    def sample_latent(self, n_samples=1, *, random_state=None):
        """Draw latent points from the latent distribution.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None

        Returns
        -------
        ndarray of shape (n_samples, latent_dim), dtype float32
        """

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new samples.

        Parameters
        ----------
        n_samples : int, default=1
        y : array-like of shape (n_samples,), default=None
            The class of each sample, for a conditional generator.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same samples
            at every call.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
        """
        return self.generate(self.sample_latent(n_samples, random_state=random_state), y)
