"""The differentiable forms of scikit-learn's estimators."""

import numpy as np
from scipy.sparse import issparse
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
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
from torch import nn

from skgal.differentiable._differentiable import differentiable, register_differentiable
from skgal.differentiable._differentiable_layers import (
    Affine,
    Columns,
    Complement,
    HuberProba,
    Rescale,
    ShareOut,
    SqueezeOneColumn,
    UnitRows,
)
from skgal.exceptions import NotDifferentiableError


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
            if step not in (None, "passthrough")
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
