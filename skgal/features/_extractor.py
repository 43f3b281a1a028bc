"""Samples as points of a space in which distances mean something."""

from functools import partial

import numpy as np
from scipy.special import expit
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skgal.utils import nets_in, seeded_nets, unwrap

# Of scikit-learn's multi-layer perceptrons; that of the outputs is another one.
_HIDDEN_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def feature_extractor(features, clf):
    """Make the function that turns samples into feature vectors.

    Parameters
    ----------
    features : None, "classifier" or fitted transformer
        None are the samples themselves, images flattened; ``"classifier"`` is what the last
        layer of the classifier sees: the penultimate layer of a skorch net or of scikit-learn's
        multi-layer perceptron, the input of a linear model, what ``classifier_features`` returns
        where there is such a method (``ACGAN``, ``BAGAN``, ``PolarityGAN``), all of them behind
        the transformers of a Pipeline; of a transformer, what its ``transform`` returns.
    clf : fitted estimator
        Only looked at for ``"classifier"``.

    Returns
    -------
    callable
        From a block of at least one sample to an ndarray of shape (n_samples, n_features),
        float32, or float64 where float32 could not hold the dtype of the samples. It can be
        pickled if the estimator that it reads can, so that blocks may lie in other processes.
        It raises TypeError if the features are sparse, or the classifier has no last layer,
        and ValueError if they are NaN or infinite, or no numbers.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If that estimator isn't fitted.
    """
    if features is None:
        return _as_points
    if isinstance(features, str):  # "classifier", as the strategies' constraints say
        check_is_fitted(clf)
        return partial(_extract, _seen_by_last_layer, clf)
    check_is_fitted(features)
    return partial(_extract, _transformed, features)


def _extract(read, model, X):
    with seeded_nets(model):
        return _as_points(read(model, X))


def _transformed(transformer, X):
    return transformer.transform(X)


def _seen_by_last_layer(clf, X):
    model, X = unwrap(clf, X)
    if model in nets_in(model):
        # Not at the top: it imports torch, which a linear model does without.
        from skgal.classifiers import penultimate_features

        return penultimate_features(model, X)
    if hasattr(model, "classifier_features"):
        return model.classifier_features(X)
    if isinstance(model, MLPClassifier | MLPRegressor):
        return _last_hidden(model, X)
    if hasattr(model, "coef_"):
        return X
    raise TypeError(
        "What the last layer sees is read in a skorch net, a multi-layer perceptron or a linear "
        f"model, or by a method classifier_features, and {type(model).__name__} has none of these; "
        "pass a transformer instead, or use the samples themselves."
    )


def _last_hidden(mlp, X):
    X = check_array(X, accept_sparse="csr", input_name="X")
    for weight, bias in zip(mlp.coefs_[:-1], mlp.intercepts_[:-1], strict=True):
        X = _HIDDEN_ACTIVATIONS[mlp.activation](X @ weight + bias)
    return X


def _as_points(values):
    values = check_array(values, allow_nd=True, input_name="features")
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    return values.reshape(len(values), -1)
