"""Samples as points of a space in which distances mean something."""

from contextlib import ExitStack
from functools import partial

import numpy as np
from scipy.special import expit
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from skgal.utils import draw_seed, fit_to_pool, nets_in, seeded_nets, unshared, unwrap

# Of scikit-learn's multi-layer perceptrons; that of the outputs is another one.
_HIDDEN_ACTIVATIONS = {
    "identity": lambda x: x,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def feature_extractor(features, clf):
    """Make the function that turns samples into feature vectors.

    One form for all that strategies, matchers and scores accept as ``features``.

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

    See Also
    --------
    fit_features : Fits the transformer first.
    as_points : Checks what comes out.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from skgal.features import feature_extractor
    >>> images = np.random.RandomState(0).rand(20, 1, 8, 8)
    >>> feature_extractor(None, None)(images).shape
    (20, 64)
    >>> rows = images.reshape(20, 64)
    >>> feature_extractor(PCA(3).fit(rows), None)(rows).shape
    (20, 3)
    """
    if features is None:
        return as_points
    if isinstance(features, str):  # "classifier", as the strategies' constraints say
        check_is_fitted(clf)
        return partial(_extract, _seen_by_last_layer, clf)
    check_is_fitted(features)
    return partial(_extract, _transformed, features)


def fit_features(transformer, X, y, rng):
    """Fit a clone of a transformer to samples, in memory or not.

    The user's transformer stays as it is. Of a pool that comes in blocks it must learn block by
    block, or need no fit.

    Parameters
    ----------
    transformer : transformer
        What is cloned.
    X : whatever :func:`skgal.utils.as_pool` takes
        The samples.
    y : array-like of shape (n_samples,) or None
        Their labels, handed on to the transformer.
    rng : numpy.random.RandomState
        Seeds it, if it has no seed of its own.

    Returns
    -------
    transformer
        The fitted clone.

    Raises
    ------
    TypeError
        If the samples come in blocks, and the transformer needs all of them at once.

    See Also
    --------
    feature_extractor : Uses what was fitted.
    skgal.matching.FeatureMatcher : Matches in such features.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from skgal.features import fit_features
    >>> X = np.random.RandomState(0).rand(20, 5)
    >>> fit_features(PCA(2), X, None, np.random.RandomState(0)).transform(X).shape
    (20, 2)
    """
    transformer, seed = clone(transformer), draw_seed(rng)
    if transformer.get_params(deep=False).get("random_state", seed) is None:
        transformer.set_params(random_state=seed)
    with seeded_nets(transformer, seed):
        return fit_to_pool(transformer, unshared(transformer, X), y)


def _extract(read, model, X):
    with seeded_nets(model):
        return as_points(read(model, unshared(model, X)))


def _transformed(transformer, X):
    return transformer.transform(X)


def _seen_by_last_layer(clf, X):
    model, X = unwrap(clf, X)
    if model in nets_in(model):
        X = in_precision_of(model, X) if isinstance(X, np.ndarray) else X
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


def as_points(values):
    """Write features as an ndarray of shape (n_samples, n_features), floats and finite.

    What comes out of a user's transformer is checked here once, before anything is computed
    from it.

    Parameters
    ----------
    values : array or DataFrame of n_samples rows
        Two dimensions or more, which are flattened; sparse matrices are refused.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        Of dtype float32, or float64 where float32 could not hold the dtype of the values.

    See Also
    --------
    skgal.metrics.to_points : Makes points of mixed tables.
    feature_extractor : Ends in it.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.features import as_points
    >>> points = as_points(np.zeros((5, 1, 8, 8), dtype=np.uint8))
    >>> points.shape, points.dtype
    ((5, 64), dtype('float32'))
    """
    values = check_array(values, allow_nd=True, input_name="features")
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    return values.reshape(len(values), -1)


def penultimate_features(net, X):
    """Compute the input of the layer that makes a skorch net's outputs.

    That layer is the last :class:`torch.nn.Linear` that runs and is as wide as the module's
    output (its first, if it has several), wherever it sits in the module.

    Parameters
    ----------
    net : skorch.NeuralNet
        A fitted net.
    X : array-like of n_samples samples
        What ``net.predict`` takes; ``net.batch_size`` samples pass at a time.

    Returns
    -------
    ndarray of shape (n_samples, width)
        The features of each sample.

    Raises
    ------
    TypeError
        If no linear layer makes the outputs.

    See Also
    --------
    skgal.classifiers.ClassifierFeatures : The same as a transformer.
    feature_extractor : Takes any transformer.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> from skgal.features import penultimate_features
    >>> from skgal.utils import seeded_nets
    >>> module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    >>> net = NeuralNetClassifier(module)
    >>> X = np.array([[[[-1, 0], [1, 2]]]], dtype=np.float32)
    >>> with seeded_nets(net):
    ...     penultimate_features(net.initialize(), X)
    array([[0., 0., 1., 2.]], dtype=float32)
    """
    import torch  # only a net needs it

    seen = []

    def remember(layer, inputs):
        seen.append((layer.out_features, inputs[0]))

    features = []
    with ExitStack() as hooks:
        for layer in net.module_.modules():
            if isinstance(layer, torch.nn.Linear):
                hooks.callback(layer.register_forward_pre_hook(remember).remove)
        for output in net.forward_iter(X, training=False):
            features.append(_input_of_last(seen, output).flatten(1).cpu().numpy())
            seen.clear()
    return np.concatenate(features)


def _input_of_last(seen, output):
    """Find the input of the last layer seen that is as wide as the output."""
    output = output[0] if isinstance(output, tuple) else output
    n_outputs = output.shape[1] if output.ndim > 1 else 1  # a binary classifier's may be flat
    for width, layer_input in reversed(seen):
        if width == n_outputs:
            return layer_input
    raise TypeError(
        f"No torch.nn.Linear of the module makes its output of shape {tuple(output.shape)}, so "
        "it has no penultimate layer to read; pass a transformer that makes features instead."
    )


def in_precision_of(net, X):
    """Cast float64 numbers to float32, as torch's layers want them.

    What is cast is a copy; data of the user are never changed.

    Parameters
    ----------
    net : skorch net
        Fitted or not. Where weights are known to be float64, nothing is cast.
    X : ndarray
        Samples.

    Returns
    -------
    ndarray of the shape of X
        Whole numbers stay what they are.

    See Also
    --------
    skgal.classifiers.cast_for_nets : Casts for classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNet
    >>> net = NeuralNet(torch.nn.Linear(3, 2), criterion=torch.nn.MSELoss)
    >>> in_precision_of(net, np.ones((5, 3))).dtype
    dtype('float32')
    """
    import torch  # only a net needs it

    if X.dtype != np.float64:
        return X
    module = getattr(net, "module_", net.module)
    is_made = isinstance(module, torch.nn.Module)  # else a class, or a function that makes it
    if is_made and any(weight.dtype == torch.float64 for weight in module.parameters()):
        return X
    return X.astype(np.float32)
