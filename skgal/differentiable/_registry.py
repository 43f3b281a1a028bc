"""Fitted estimators as functions that torch can differentiate: the registry."""

import inspect

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

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
