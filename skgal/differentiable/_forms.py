"""Fitted estimators as functions that torch can differentiate: how to ask, and all known forms."""

import inspect

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skgal.exceptions import NotDifferentiableError
from skgal.nn import torch_defaults

_forms = {}


def register_differentiable(estimator_class, method):
    """Register the differentiable form of a method of your estimator; a decorator.

    It holds for subclasses too, unless they define the method anew.

    Parameters
    ----------
    estimator_class : class
        A classifier, a transformer or a generator.
    method : str
        ``"predict_proba"``, ``"decision_function"``, ``"transform"`` or ``"generate"``.

    Returns
    -------
    decorator
        Of a function that takes a fitted one and returns a :class:`torch.nn.Module`. The
        module maps a float tensor of samples, laid out as the method takes them, to what the
        method returns, and keeps its constants in buffers so that it can be moved to a GPU.

    See Also
    --------
    differentiable : Finds what is registered.
    skgal.exceptions.NotDifferentiableError : Where nothing is.

    Examples
    --------
    A transformer that halves its input:

    >>> import torch
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from skgal.differentiable import differentiable, register_differentiable
    >>> class Halver(TransformerMixin, BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.factor_ = 0.5
    ...         return self
    ...
    ...     def transform(self, X):
    ...         return X * self.factor_
    >>> class Times(torch.nn.Module):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = factor
    ...
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> @register_differentiable(Halver, "transform")
    ... def _halve(halver):
    ...     return Times(halver.factor_)
    >>> differentiable(Halver().fit(None), "transform")(torch.ones(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def register(make):
        _forms[estimator_class, method] = make
        return make

    return register


def differentiable(estimator, method):
    """Turn a method of a fitted estimator into a function that torch can differentiate.

    Known are skorch classifiers and skgal's GANs that classify; linear classifiers
    (``LogisticRegression``, ``SGDClassifier``, ``LinearSVC``, ``RidgeClassifier``,
    ``LinearDiscriminantAnalysis`` and the like, one-vs-rest included), ``MLPClassifier``;
    ``StandardScaler``, ``RobustScaler``, ``MinMaxScaler``, ``MaxAbsScaler``, ``Normalizer``,
    ``PCA``, ``IncrementalPCA`` and a ``FunctionTransformer`` without a function; Pipelines of
    these, also frozen or inside a search; and the generators of skgal.
    :func:`register_differentiable` adds others.

    Parameters
    ----------
    estimator : fitted estimator
        What has the method.
    method : str
        ``"predict_proba"``, ``"decision_function"``, ``"transform"`` or ``"generate"``.

    Returns
    -------
    torch.nn.Module
        Maps a float tensor, laid out as the method takes its samples, to what the method
        returns. A skorch net's weights stay where they are, shared with the net.

    Raises
    ------
    skgal.exceptions.NotDifferentiableError
        If the method has no known differentiable form: trees, forests and boosting, for
        example, and whatever is not registered.
    sklearn.exceptions.NotFittedError
        If the estimator isn't fitted.

    See Also
    --------
    register_differentiable : Adds an estimator of yours.
    skgal.exceptions.NotDifferentiableError : Where nothing is known.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.differentiable import differentiable
    >>> clf = LogisticRegression().fit([[0.0], [1.0]], ["no", "yes"])
    >>> proba = differentiable(clf, "predict_proba")
    >>> x = torch.tensor([[0.5]], requires_grad=True)
    >>> bool(np.allclose(proba(x).detach(), clf.predict_proba([[0.5]])))
    True
    >>> torch.autograd.grad(proba(x)[:, 1].sum(), x)[0].shape
    torch.Size([1, 1])
    """
    check_is_fitted(estimator)
    estimator = _unwrapped(estimator)
    cls = type(estimator)
    for base in cls.__mro__:
        if (base, method) in _forms:
            if _definition(cls, method) is not _definition(base, method):
                break  # overridden: it may compute anything
            with torch_defaults():
                return _forms[base, method](estimator)
    raise NotDifferentiableError(
        f"{cls.__name__}.{method} has no differentiable form that skgal knows; "
        "skgal.differentiable.register_differentiable adds one."
    )


def _unwrapped(estimator):
    """Find the estimator inside frozen estimators and searches."""
    while True:
        if isinstance(estimator, FrozenEstimator):
            estimator = estimator.estimator
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def _definition(cls, method):
    return inspect.getattr_static(cls, method, None)


# Linear models


def _affine(clf):
    coef = clf.coef_.toarray() if issparse(clf.coef_) else clf.coef_
    return Affine(coef, clf.intercept_)


def _linear_decision(clf):
    return nn.Sequential(_affine(clf), SqueezeOneColumn())


for _cls in (
    LinearDiscriminantAnalysis,
    LinearSVC,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
):
    register_differentiable(_cls, "decision_function")(_linear_decision)


@register_differentiable(LogisticRegression, "predict_proba")
@register_differentiable(LinearDiscriminantAnalysis, "predict_proba")
def _softmax_of_linear(clf):
    if len(clf.classes_) == 2:
        return nn.Sequential(_affine(clf), nn.Sigmoid(), Complement())
    return nn.Sequential(_affine(clf), nn.Softmax(dim=1))


@register_differentiable(SGDClassifier, "predict_proba")
def _sgd_proba(clf):
    link = {"log_loss": nn.Sigmoid, "modified_huber": HuberProba}.get(clf.loss)
    if link is None:
        raise NotDifferentiableError(f"SGDClassifier(loss={clf.loss!r}) has no probabilities.")
    join = Complement() if len(clf.classes_) == 2 else ShareOut()
    return nn.Sequential(_affine(clf), link(), join)


@register_differentiable(OneVsRestClassifier, "predict_proba")
def _one_vs_rest_proba(clf):
    _check_single_label(clf, clf.multilabel_)
    parts = [differentiable(part, "predict_proba") for part in clf.estimators_]
    if len(parts) == 1:
        return parts[0]
    return nn.Sequential(Columns(parts, column=1), ShareOut(uniform=False))


@register_differentiable(OneVsRestClassifier, "decision_function")
def _one_vs_rest_decision(clf):
    _check_single_label(clf, clf.multilabel_)
    parts = [differentiable(part, "decision_function") for part in clf.estimators_]
    return parts[0] if len(parts) == 1 else Columns(parts, column=None)


_ACTIVATIONS = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


@register_differentiable(MLPClassifier, "predict_proba")
def _mlp_proba(clf):
    _check_single_label(clf, clf.out_activation_ == "logistic" and clf.n_outputs_ > 1)
    layers = []
    for weight, bias in zip(clf.coefs_, clf.intercepts_, strict=True):
        layers += [Affine(weight.T, bias), _ACTIVATIONS[clf.activation]()]
    layers.pop()
    if clf.out_activation_ == "softmax":
        return nn.Sequential(*layers, nn.Softmax(dim=1))
    return nn.Sequential(*layers, nn.Sigmoid(), Complement())


@register_differentiable(StandardScaler, "transform")
def _standard_scaler(scaler):
    factor = 1.0 if scaler.scale_ is None else 1 / scaler.scale_
    return Rescale(factor, 0.0 if not scaler.with_mean else -scaler.mean_ * factor)


@register_differentiable(RobustScaler, "transform")
def _robust_scaler(scaler):
    factor = 1 / scaler.scale_ if scaler.with_scaling else 1.0
    return Rescale(factor, -scaler.center_ * factor if scaler.with_centering else 0.0)


@register_differentiable(MinMaxScaler, "transform")
def _min_max_scaler(scaler):
    return Rescale(scaler.scale_, scaler.min_, scaler.feature_range if scaler.clip else None)


@register_differentiable(MaxAbsScaler, "transform")
def _max_abs_scaler(scaler):
    return Rescale(1 / scaler.scale_, 0.0, (-1.0, 1.0) if scaler.clip else None)


@register_differentiable(Normalizer, "transform")
def _normalizer(normalizer):
    return UnitRows({"l1": 1, "l2": 2, "max": np.inf}[normalizer.norm])


@register_differentiable(PCA, "transform")
@register_differentiable(IncrementalPCA, "transform")
def _pca(pca):
    weight = pca.components_
    if pca.whiten:
        spread = np.sqrt(pca.explained_variance_)
        weight = weight / np.maximum(spread, np.finfo(spread.dtype).eps)[:, np.newaxis]
    return Affine(weight, -weight @ pca.mean_)


@register_differentiable(FunctionTransformer, "transform")
def _function_transformer(transformer):
    if transformer.func is not None:
        raise NotDifferentiableError(
            f"FunctionTransformer({transformer.func}) may compute anything; make it a class of "
            "its own with skgal.differentiable.register_differentiable, or leave func None."
        )
    return nn.Identity()


def _pipeline(method):
    def convert(pipeline):
        *transformers, (_, last) = pipeline.steps
        steps = [
            differentiable(step, "transform")
            for _, step in transformers
            if step not in (None, "passthrough") and not hasattr(step, "fit_resample")
        ]
        return nn.Sequential(*steps, differentiable(last, method))

    return convert


for _method in ("predict_proba", "decision_function", "transform"):
    register_differentiable(Pipeline, _method)(_pipeline(_method))


def _check_single_label(clf, is_multilabel):
    if is_multilabel:
        raise NotDifferentiableError(
            f"{type(clf).__name__} was fitted on several labels a sample; its outputs are no "
            "distribution over classes."
        )


class SkorchProba(nn.Module):
    """What ``predict_proba`` of a skorch classifier computes, as a function of tensors."""

    def __init__(self, net):
        super().__init__()
        self._net = (net,)  # a tuple, so that moving this module doesn't move the net
        self._nonlinearity = net._get_predict_nonlinearity()
        floating = (p.dtype for p in net.module_.parameters() if p.is_floating_point())
        self._dtype = next(floating, None)

    def forward(self, x):
        """Map samples (n, ...) to probabilities (n, n_classes), on the device of ``x``."""
        (net,) = self._net
        net.module_.eval()
        output = net.infer(x if self._dtype is None else x.to(self._dtype))
        output = output[0] if isinstance(output, tuple) else output
        return self._nonlinearity(output).to(x.device)


# skorch's classifiers define predict_proba anew, for the docstring alone.
for _cls in (NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier):
    register_differentiable(_cls, "predict_proba")(SkorchProba)


class UserSamples(nn.Module):
    """A generator's network, followed by the way to the samples that users see.

    It differs from :meth:`skgal.utils.DataLayout.from_network` in two ways: whole numbers are
    not rounded, which would leave no gradient, and all values are float64.

    Parameters
    ----------
    network : torch.nn.Module
        Maps latent points (n, latent_dim) to tensors (n, *layout.shape) in [-1, 1].
    layout : skgal.utils.DataLayout
        The way from the network's samples to those of the users.
    device : str
        Where the network is.

    See Also
    --------
    UserProba : Goes on to class probabilities.
    search_latent : Searches through it.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.differentiable import UserSamples
    >>> from skgal.utils import DataLayout
    >>> layout = DataLayout(np.array([[0.0, 10.0], [4.0, 30.0]]))
    >>> samples = UserSamples(torch.nn.Identity(), layout, "cpu")
    >>> samples(torch.tensor([[-1.0, 0.0], [1.0, 1.0]]))
    tensor([[ 0., 20.],
            [ 4., 30.]], dtype=torch.float64)
    """

    def __init__(self, network, layout, device):
        super().__init__()
        self._network = (network,)  # a tuple, so that moving this module doesn't move the network
        self._device = device
        self._sample_shape = layout.sample_shape
        scale, centre = layout.affine
        self.register_buffer("scale", torch.tensor(scale, device=device))
        self.register_buffer("centre", torch.tensor(centre, device=device))

    def forward(self, latent):
        """Map latent points (n, latent_dim) to samples (n, *sample_shape) on the device."""
        (network,) = self._network
        values = network(latent.to(self._device)).double().clamp(-1, 1)
        return (values * self.scale + self.centre).reshape(-1, *self._sample_shape)


class UserProba(nn.Module):
    """The way from users' samples to the networks, followed by a network that classifies.

    A generator that classifies, such as :class:`~skgal.generators.ACGAN`, is differentiated
    through it.

    Parameters
    ----------
    network : callable
        Maps tensors (n, *layout.shape) to logits (n, n_classes).
    layout : skgal.utils.DataLayout
        The way from the users' samples to those of the network.
    device : str
        Where the network is.

    See Also
    --------
    UserSamples : The way in the other direction.
    differentiable : Makes such functions of fitted estimators.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.differentiable import UserProba
    >>> from skgal.utils import DataLayout
    >>> layout = DataLayout(np.array([[0.0, 10.0], [4.0, 30.0]]))
    >>> proba = UserProba(torch.nn.Identity(), layout, "cpu")
    >>> proba(torch.tensor([[2.0, 20.0]]))  # the middle of both ranges
    tensor([[0.5000, 0.5000]])
    """

    def __init__(self, network, layout, device):
        super().__init__()
        self._network = (network,)  # a tuple, as above
        self._device = device
        self._shape = layout.shape
        scale, centre = layout.affine
        self.register_buffer("scale", torch.tensor(np.where(scale > 0, scale, 1.0)))
        self.register_buffer("centre", torch.tensor(centre))

    def forward(self, samples):
        """Map samples (n, *sample_shape) to probabilities (n, n_classes), on their device."""
        (network,) = self._network
        values = (samples - self.centre) / self.scale
        logits = network(values.float().reshape(-1, *self._shape).to(self._device))
        return logits.softmax(dim=1).to(samples.device)


class Affine(nn.Module):
    """Compute x W' + b in the precision of the weights."""

    def __init__(self, weight, bias):
        super().__init__()
        weight = np.atleast_2d(weight)
        bias = np.broadcast_to(bias, len(weight)).astype(weight.dtype)
        self.register_buffer("weight", torch.tensor(weight))
        self.register_buffer("bias", torch.tensor(bias))

    def forward(self, x):
        """Map (n, n_features) to (n, n_outputs)."""
        return nn.functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


class Rescale(nn.Module):
    """Compute x * factor + shift column by column, in double precision."""

    def __init__(self, factor, shift, bounds=None):
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float64))
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float64))
        self.bounds = bounds

    def forward(self, x):
        """Map (n, n_features) to the same shape."""
        x = x * self.factor + self.shift
        return x if self.bounds is None else x.clamp(*self.bounds)


class UnitRows(nn.Module):
    """Divide each row by its norm; a row of zeros stays as it is."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def forward(self, x):
        """Map (n, n_features) to the same shape."""
        norms = torch.linalg.vector_norm(x, self.order, dim=1, keepdim=True)
        return x / torch.where(norms == 0, 1.0, norms)


class SqueezeOneColumn(nn.Module):
    """Turn (n, 1) into (n,): the decision values of a binary classifier."""

    def forward(self, decisions):
        """Map (n, n_outputs) to the same shape, or (n, 1) to (n,)."""
        return decisions.squeeze(1) if decisions.ndim == 2 else decisions


class HuberProba(nn.Module):
    """Clip decision values to [-1, 1] and map these to [0, 1] (modified Huber loss)."""

    def forward(self, decisions):
        """Map any shape to the same shape."""
        return (decisions.clamp(-1, 1) + 1) / 2


class Complement(nn.Module):
    """Turn the probability of the second class into those of both."""

    def forward(self, proba):
        """Map (n,) or (n, 1) to (n, 2)."""
        proba = proba.reshape(-1, 1)
        return torch.cat([1 - proba, proba], dim=1)


class ShareOut(nn.Module):
    """Make each row sum to one (one-vs-rest)."""

    def __init__(self, uniform=True):
        super().__init__()
        self.uniform = uniform

    def forward(self, proba):
        """Map (n, n_classes) to the same shape."""
        totals = proba.sum(dim=1, keepdim=True)
        if self.uniform:
            proba = torch.where(totals == 0, 1.0, proba)
            return proba / proba.sum(dim=1, keepdim=True)
        return proba / torch.where(totals == 0, 1.0, totals)


class Columns(nn.Module):
    """Compute one column each by several modules from the same input."""

    def __init__(self, parts, column):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.column = column

    def forward(self, x):
        """Map (n, n_features) to (n, n_parts)."""
        outputs = [part(x) for part in self.parts]
        if self.column is not None:
            outputs = [output[:, self.column] for output in outputs]
        return torch.stack(outputs, dim=1)
