"""Class probabilities, or what stands for them where a classifier has none."""

import numpy as np
from scipy.special import softmax
from sklearn.base import is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted


def check_classifier(clf, reader):
    """Check that a model is a fitted classifier whose predictions say how sure it is.

    Parameters
    ----------
    clf : object
    reader : str
        Who reads them, for the message.

    Raises
    ------
    TypeError
        If it is a regressor, has neither ``predict_proba`` nor ``decision_function``, or
        decisions between pairs of classes.
    sklearn.exceptions.NotFittedError
        If it isn't fitted.
    """
    check_is_fitted(clf)
    if is_regressor(clf):
        raise TypeError(f"{reader} is for classifiers, and {type(clf).__name__} is a regressor.")
    if not (hasattr(clf, "predict_proba") or hasattr(clf, "decision_function")):
        raise TypeError(
            f"{type(clf).__name__} has no predict_proba and no decision_function, one of which "
            f"{reader} reads; put it into sklearn.ensemble.BaggingClassifier, for which the "
            "predictions of several are probabilities."
        )
    last = clf
    while isinstance(last, Pipeline):
        last = last[-1]
    if getattr(last, "decision_function_shape", "ovr") == "ovo" and len(clf.classes_) > 2:
        raise TypeError(
            f"{type(last).__name__} has decision_function_shape='ovo', a decision for each pair of "
            f"classes, but {reader} reads one for each class; fit it with 'ovr', which predicts "
            "the same."
        )


def class_probabilities(clf, X):
    """Predict class probabilities, or put decision values in their place.

    Parameters
    ----------
    clf : fitted classifier
        With ``predict_proba`` or, if that is missing, ``decision_function``.
    X : array-like of n_samples samples

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    if hasattr(clf, "predict_proba"):
        return clf.predict_proba(X)
    return pseudo_probabilities(clf.decision_function(X))


def pseudo_probabilities(decisions):
    """Turn decision values into numbers that can stand for class probabilities.

    Their softmax; of a binary classifier, whose one value is signed, the logistic function.
    Nobody has calibrated them, but they rank the classes as the decisions do, and for two classes
    also the samples by how near to the boundary they are.

    Parameters
    ----------
    decisions : array-like of shape (n_samples,) or (n_samples, n_classes)

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
    """
    decisions = check_array(
        decisions,
        dtype=[np.float64, np.float32],
        ensure_2d=False,
        input_name="decisions",
    )
    if decisions.ndim == 1 or decisions.shape[1] == 1:
        decisions = decisions.reshape(-1, 1) * np.array([-0.5, 0.5], dtype=decisions.dtype)
    return softmax(decisions, axis=1)
