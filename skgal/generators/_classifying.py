"""Generators that are classifiers as well."""

from functools import partial

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin

from skgal.nn import apply_network
from skgal.training import classifier_features


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

    def classifier_features(self, X):
        """Map samples to what the last layer of the classifying network sees.

        Other than :meth:`transform`, whose features are those of the critic, or latent points.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_features_out), dtype float32
        """
        features = partial(classifier_features, self.net_)
        return apply_network(features, self._to_network(X), self.net_.device)
