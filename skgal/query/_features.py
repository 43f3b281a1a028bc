"""Samples as points of a space in which distances mean something."""

from functools import partial

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skgal.query._unwrap import unwrap
from skgal.utils import nets_in, seeded_nets


def extract_features(features, blocks, clf):
    """Turn samples into feature vectors, a block at a time.

    Parameters
    ----------
    features : None, "classifier" or fitted transformer
        None are the samples themselves, images flattened; ``"classifier"`` is what the last
        layer of the classifier sees: the penultimate layer of a skorch net, the input of a
        linear model, in both cases behind the transformers of a Pipeline; of a transformer,
        what its ``transform`` returns.
    blocks : iterable of array or DataFrame
        At least one, of at least one sample each.
    clf : fitted estimator
        Only looked at for ``"classifier"``.

    Returns
    -------
    ndarray of shape (n_samples, n_features), dtype float32 or float64
        float64 only where float32 could not hold the dtype of the samples.

    Raises
    ------
    TypeError
        If the features are sparse, or the classifier has no last layer.
    ValueError
        If the features are NaN or infinite, or no numbers.
    sklearn.exceptions.NotFittedError
        If the transformer or, for ``"classifier"``, the classifier is not fitted.
    """
    extract = feature_extractor(features, clf)
    return np.concatenate([extract(block) for block in blocks])


def feature_extractor(features, clf):
    """Make the function that turns samples into feature vectors.

    Parameters
    ----------
    features : None, "classifier" or fitted transformer
        As in :func:`extract_features`.
    clf : fitted estimator

    Returns
    -------
    callable
        From a block of samples to an ndarray of shape (n_samples, n_features). It can be
        pickled if the estimator that it reads can, so that blocks may lie in other processes.

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
        # Not at the top: the engine imports torch, which a linear model does without.
        from skgal.engine import penultimate_features

        return penultimate_features(model, X)
    if hasattr(model, "coef_"):
        return X
    raise TypeError(
        f"features='classifier' reads the last layer of a skorch net or a linear model, and "
        f"{type(model).__name__} is neither; pass a transformer, or None for the samples "
        "themselves."
    )


def _as_points(values):
    values = check_array(values, allow_nd=True, input_name="features")
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    return values.reshape(len(values), -1)
