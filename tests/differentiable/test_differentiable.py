import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    RidgeClassifier,
    RidgeClassifierCV,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skgal.differentiable import differentiable, register_differentiable
from skgal.exceptions import NotDifferentiableError
from skgal.generators import ACGAN, BAGAN, GAN, GIN, PolarityGAN
from skgal.nn import Dense
from skgal.utils import seeded_torch

# Fits are cut short.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
LABELS = {2: np.where(y == 1, "versicolor", "other"), 3: np.array(["se", "ve", "vi"])[y]}
SGD_ARGS = {"max_iter": 50, "tol": None, "random_state": 0}

PROBA = {
    "logistic": LogisticRegression(max_iter=500),
    "logistic cv": LogisticRegressionCV(
        Cs=2, cv=2, l1_ratios=(0.0,), use_legacy_attributes=False, scoring="accuracy", max_iter=500
    ),
    "sgd log": make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", **SGD_ARGS)),
    "sgd huber": make_pipeline(StandardScaler(), SGDClassifier(loss="modified_huber", **SGD_ARGS)),
    "lda": LinearDiscriminantAnalysis(),
    "one vs rest": OneVsRestClassifier(LogisticRegression()),
    "mlp relu": MLPClassifier((5, 4), max_iter=30, random_state=0),
    "mlp tanh": MLPClassifier((5,), activation="tanh", max_iter=30, random_state=0),
    "mlp logistic": MLPClassifier((5,), activation="logistic", max_iter=30, random_state=0),
    "standard": make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
    "min max": make_pipeline(MinMaxScaler((-1, 1), clip=True), LogisticRegression()),
    "robust": make_pipeline(RobustScaler(), LogisticRegression()),
    "robust, unscaled": make_pipeline(RobustScaler(with_scaling=False), LogisticRegression()),
    "robust, uncentred": make_pipeline(RobustScaler(with_centering=False), LogisticRegression()),
    "max abs": make_pipeline(MaxAbsScaler(), LogisticRegression()),
    "normalizer": make_pipeline(Normalizer("l1"), LogisticRegression()),
    "pca": make_pipeline(PCA(2), "passthrough", LogisticRegression()),
    "whitened": make_pipeline(FunctionTransformer(), PCA(whiten=True), LogisticRegression()),
    "incremental": make_pipeline(IncrementalPCA(2, whiten=True), LogisticRegression()),
    "nested": make_pipeline(
        make_pipeline(StandardScaler(), Normalizer()), FrozenEstimator(PCA(3).fit(X)),
        LogisticRegression(),
    ),
    "search": GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1]}, cv=2),
}  # fmt: skip
DECISION = {
    "logistic": LogisticRegression(max_iter=500),
    "sgd": make_pipeline(StandardScaler(with_std=False), SGDClassifier(**SGD_ARGS)),
    "perceptron": Perceptron(**SGD_ARGS),
    "ridge": RidgeClassifier(),
    "ridge cv": RidgeClassifierCV(),
    "svc": LinearSVC(random_state=0),
    "lda": LinearDiscriminantAnalysis(),
    "one vs rest": OneVsRestClassifier(LinearSVC(random_state=0)),
}


def compare(estimator, method, X):
    """Values against the estimator's own, gradients against finite differences."""
    function = differentiable(estimator, method)
    expected = getattr(estimator, method)(X)
    got = function(torch.tensor(X)).detach()
    assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert got.shape == expected.shape
    # Away from the kinks of clipping and of ReLU, where the two sides differ.
    inputs = torch.tensor(X[::29] + 0.0123, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(function, inputs, eps=1e-6, atol=1e-4)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", PROBA)
def test_probabilities_and_their_gradients(name, n_classes):
    compare(PROBA[name].fit(X, LABELS[n_classes]), "predict_proba", X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("name", DECISION)
def test_decisions_and_their_gradients(name, n_classes):
    compare(DECISION[name].fit(X, LABELS[n_classes]), "decision_function", X)


def test_precision_where_the_classifier_is_sure():
    clf = make_pipeline(StandardScaler(), LogisticRegression(C=1e6, max_iter=5000)).fit(X, y)
    far = X * 1000
    got = differentiable(clf, "predict_proba")(torch.tensor(far))
    assert_allclose(got, clf.predict_proba(far), rtol=0, atol=1e-5)


def test_sparse_coefficients():
    clf = LogisticRegression(max_iter=500).fit(X, y).sparsify()
    compare(clf, "decision_function", X)


def make_net(kind):
    with seeded_torch(0):
        module = nn.Sequential(nn.Linear(4, 1 if kind == "binary" else 3))
        if kind == "binary":
            return NeuralNetBinaryClassifier(module, train_split=None).initialize()
        if kind == "logits":
            criterion = nn.CrossEntropyLoss
        else:
            criterion = nn.NLLLoss
            module.extend([nn.Dropout(), nn.Softmax(dim=1)])
        return NeuralNetClassifier(module, criterion=criterion, train_split=None).initialize()


@pytest.mark.parametrize("kind", ["softmax", "logits", "binary"])
def test_skorch_classifiers(kind):
    net = make_net(kind)
    inputs = X.astype(np.float32)
    with seeded_torch(0):
        expected = net.predict_proba(inputs)
    function = differentiable(net, "predict_proba")
    tensor = torch.tensor(inputs, requires_grad=True)
    got = function(tensor)
    assert_allclose(got.detach(), expected, rtol=0, atol=1e-5)
    (gradient,) = torch.autograd.grad(got[:, 1].sum(), tensor)
    step = 1e-2
    for column in range(4):
        shift = torch.eye(4)[column] * step
        with torch.no_grad():
            ahead, behind = function(tensor + shift)[:, 1], function(tensor - shift)[:, 1]
        assert_allclose(gradient[:, column], (ahead - behind) / (2 * step), atol=1e-3)


def test_skorch_classifiers_behind_transformers():
    net = make_net("logits")
    inputs = X.astype(np.float32)
    pipeline = make_pipeline(StandardScaler(), FrozenEstimator(net)).fit(inputs, y)
    with seeded_torch(0):
        expected = pipeline.predict_proba(inputs)
    got = differentiable(pipeline, "predict_proba")(torch.tensor(inputs)).detach()
    assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_skorch_weights_are_shared_but_not_taken_over():
    net = make_net("softmax")
    function = differentiable(net, "predict_proba")
    assert list(function.parameters()) == []
    before = function(torch.ones(1, 4))
    with torch.no_grad():
        net.module_[0].weight.zero_()
    assert not torch.equal(before, function(torch.ones(1, 4)))


SMALL = {
    "latent_dim": 3, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}  # fmt: skip


@pytest.mark.parametrize("data", [X, X.astype(np.float32)], ids=["float64", "float32"])
@pytest.mark.parametrize(
    "generator",
    [
        ACGAN(**SMALL),
        BAGAN(autoencoder_max_iter=2, **SMALL),
        PolarityGAN(autoencoder_max_iter=2, **SMALL),
        PolarityGAN(autoencoder_max_iter=2, feature_extractor="encoder", **SMALL),
    ],
    ids=["ACGAN", "BAGAN", "PolarityGAN", "PolarityGAN with extractor"],
)
@pytest.mark.parametrize("before", [[], [StandardScaler(), PCA(3)]], ids=str)
def test_classifiers_that_also_generate(generator, data, before):
    clf = make_pipeline(*map(clone, before), clone(generator)).fit(data, LABELS[3])
    for model in (clf, FrozenEstimator(clf)):
        got = differentiable(model, "predict_proba")(torch.tensor(data)).detach()
        assert_allclose(got, clf.predict_proba(data), rtol=0, atol=1e-5)


@pytest.mark.parametrize("image_shape", [None, (1, 8, 8)], ids=["images", "flat images"])
@pytest.mark.parametrize(
    "generator",
    [
        ACGAN(**SMALL),
        BAGAN(autoencoder_max_iter=2, **SMALL),
        PolarityGAN(autoencoder_max_iter=2, **SMALL),
    ],
    ids=["ACGAN", "BAGAN", "PolarityGAN"],
)
def test_classifiers_of_images_that_also_generate(generator, image_shape):
    pixels = np.random.RandomState(0).randint(0, 256, (20, 1, 8, 8), dtype=np.uint8)
    pixels = pixels if image_shape is None else pixels.reshape(20, 64)
    clf = clone(generator).set_params(image_shape=image_shape).fit(pixels, np.arange(20) % 3)
    tensor = torch.tensor(pixels, dtype=torch.float64, requires_grad=True)
    got = differentiable(clf, "predict_proba")(tensor)
    assert_allclose(got.detach(), clf.predict_proba(pixels), rtol=0, atol=1e-5)
    (gradient,) = torch.autograd.grad(got[:, 0].sum(), tensor)
    assert gradient.abs().max() > 0


@pytest.mark.parametrize("generator_class", [GAN, GIN])
@pytest.mark.parametrize(
    ("data", "image_shape", "rounding"),
    [
        (X, None, 1e-5),
        (np.column_stack([X, np.full(len(X), 3.5)]), None, 1e-5),
        (np.random.RandomState(0).randint(0, 256, (20, 1, 8, 8), dtype=np.uint8), None, 0.5001),
        (np.random.RandomState(0).rand(20, 64).astype(np.float32), (1, 8, 8), 1e-5),
    ],
    ids=["table", "constant column", "uint8 images", "flat images"],
)
def test_generators(generator_class, data, image_shape, rounding):
    generator = generator_class(
        latent_dim=3, max_iter=2, batch_size=8, architecture=Dense(hidden=(8,)),
        image_shape=image_shape, random_state=0,
    ).fit(data)  # fmt: skip
    latent = generator.sample_latent(6, random_state=0)
    function = differentiable(FrozenEstimator(generator), "generate")
    tensor = torch.tensor(latent, requires_grad=True)
    got = function(tensor)
    assert_allclose(got.detach(), generator.generate(latent), rtol=0, atol=rounding)
    (gradient,) = torch.autograd.grad(got.sum(), tensor)
    assert gradient.abs().max() > 0
    assert all(weight.grad is None for weight in generator.net_.trained_.generator.parameters())


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(2, random_state=0),
        HistGradientBoostingClassifier(max_iter=2, random_state=0),
        SVC(random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(2, random_state=0)),
        make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
    ],
)
def test_what_has_no_differentiable_form(estimator):
    estimator.fit(X, y)
    with pytest.raises(NotDifferentiableError, match="register_differentiable"):
        differentiable(estimator, "predict_proba")


def test_several_labels_a_sample():
    clf = MLPClassifier((3,), max_iter=5, random_state=0).fit(X, np.eye(3)[y][:, :2].astype(int))
    with pytest.raises(NotDifferentiableError, match="several labels"):
        differentiable(clf, "predict_proba")


def test_unfitted():
    with pytest.raises(NotFittedError):
        differentiable(LogisticRegression(), "predict_proba")


class Tempered(LogisticRegression):
    """A subclass whose probabilities are its own."""

    def predict_proba(self, X):
        proba = super().predict_proba(X) ** 0.5
        return proba / proba.sum(axis=1, keepdims=True)


class Renamed(LogisticRegression):
    """A subclass that changes nothing."""


def test_subclasses():
    with pytest.raises(NotDifferentiableError, match=r"Tempered\.predict_proba"):
        differentiable(Tempered(max_iter=500).fit(X, y), "predict_proba")
    compare(Renamed(max_iter=500).fit(X, y), "predict_proba", X)


class Constant(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_users_register_their_own():
    clf = Constant().fit(X, y)
    with pytest.raises(NotDifferentiableError):
        differentiable(clf, "predict_proba")

    @register_differentiable(Constant, "predict_proba")
    class ConstantForm(nn.Module):
        def __init__(self, clf):
            super().__init__()
            self.register_buffer("proba", torch.full((3,), 1 / 3))

        def forward(self, x):
            return self.proba.expand(len(x), 3)

    pipeline = make_pipeline(StandardScaler(), clf).fit(X, y)
    got = differentiable(pipeline, "predict_proba")(torch.tensor(X))
    assert_array_equal(got, torch.full((150, 3), 1 / 3))
