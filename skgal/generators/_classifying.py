"""Generators that are classifiers as well."""

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin

from skgal.engine import apply_network


class ClassifyingMixin(ClassifierMixin):
    """Predictions of a generator whose net has ``classify``: samples to logits of the classes."""

    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
        """
        tensor = self._to_network(X)
        logits = apply_network(self.net_.classify, tensor, self.net_.device)
        return log_softmax(logits, axis=1)

    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), dtype float32
            One column for each of ``classes_``.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X):
        """Predict class labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        indices = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[indices]
