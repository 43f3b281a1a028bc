"""Predictions of a fitted learner: those of the estimator it taught last."""

from copy import deepcopy

from sklearn.base import is_classifier, is_regressor
from sklearn.metrics import accuracy_score
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skgal.utils import observed_labels, seeded_nets


def _estimator_has(name):
    """Check for ``available_if``: the estimator, fitted if it is, has a method."""

    def check(self):
        # getattr, not hasattr: its error says which class lacks what.
        getattr(getattr(self, "estimator_", self.estimator), name)
        return True

    return check


class PredictionMixin:
    """Delegates prediction, attributes and tags to ``estimator_``, or before fit to ``estimator``.

    A class that inherits sets ``estimator_``, and ``label_encoder_``: None, or what turns the
    estimator's predictions into class labels.
    """

    @available_if(_estimator_has("predict"))
    def predict(self, X):
        """Predict class labels or numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        y = self._call("predict", X)
        if self.label_encoder_ is not None:
            return self.label_encoder_.inverse_transform(y)
        # skorch's regressors predict a column.
        return y.ravel() if is_regressor(self) else y

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each of ``classes_``; a net has one for each output.
        """
        return self._call("predict_proba", X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._call("predict_log_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Signed distance to the decision boundary, as the estimator defines it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._call("decision_function", X)

    @available_if(_estimator_has("score"))
    def score(self, X, y):
        """Score predictions as the estimator does: accuracy or R² unless it says otherwise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        y : array-like of shape (n_samples,)

        Returns
        -------
        float
        """
        check_is_fitted(self)
        if is_classifier(self) and getattr(getattr(y, "dtype", None), "kind", "") == "O":
            y = observed_labels(y)  # a column that could hold missing labels
        if self.label_encoder_ is not None:
            return accuracy_score(y, self.predict(X))
        return self._call("score", X, y)

    def _call(self, method, *arguments):
        check_is_fitted(self)
        with seeded_nets(self.estimator_):
            return getattr(self.estimator_, method)(*arguments)

    @property
    def classes_(self):
        """Class labels; only for classifiers."""
        if self.label_encoder_ is not None:
            return self.label_encoder_.classes_
        return self.estimator_.classes_

    @property
    def n_features_in_(self):
        """Number of features, where the estimator counts them."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of features, where X had such."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        tags.target_tags.required = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.sparse = inner.input_tags.sparse
        return tags
