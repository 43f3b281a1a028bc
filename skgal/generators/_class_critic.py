"""Generators whose critic is told the class."""

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_consistent_length

from skgal.nn import apply_network


# A TransformerMixin, or set_output would not reach this transform.
class ClassCriticMixin(TransformerMixin):
    """Features and scores of a critic that is a :class:`skgal.nn.ConditionalCritic`."""

    def transform(self, X):
        """Map samples to the critic's penultimate features.

        Features that depend on the class are averaged over the classes, with their frequencies
        in the training data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """
        tensor = self._critic_input(X)
        critic = self.net_.critic_
        if critic.features_see_classes:
            return self._average(critic.features, tensor)
        return self._apply(critic.features, tensor, np.zeros(len(tensor), dtype=np.int64))

    def score_samples(self, X, y=None):
        """Rate how real samples look to the critic.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        y : array-like of shape (n_samples,), default=None
            The class that each sample is taken for. None: the mean over the classes, with their
            frequencies in the training data.

        Returns
        -------
        ndarray of shape (n_samples,), dtype float32
            The critic's value (logit), higher for more real-looking samples.
        """
        tensor = self._critic_input(X)
        if y is None:
            return self._average(self.net_.critic_, tensor)
        check_consistent_length(X, y)
        return self._apply(self.net_.critic_, tensor, self._class_indices(y))

    def _critic_input(self, X):
        """Return what the critic sees of samples."""
        return self._to_network(X)

    def _apply(self, function, tensor, classes):
        return apply_network(function, tensor, self.net_.device, classes)

    def _average(self, function, tensor):
        """Average a function of samples and classes over the classes' frequencies."""
        frequency = (self.class_count_ / self.class_count_.sum()).astype(np.float32)
        return sum(
            weight * self._apply(function, tensor, np.full(len(tensor), index))
            for index, weight in enumerate(frequency)
        )
