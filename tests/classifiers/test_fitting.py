"""One place fits every model: nets with any labels and precision, weights, soft labels."""

import os
import signal

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import EarlyStopping

from skgal.active import ActiveLearner, compare_strategies
from skgal.classifiers import (
    AnyEstimator,
    ClassifierFeatures,
    EnsembleClassifier,
    LossPredictionClassifier,
    fit_classifier,
    fit_estimator,
)
from skgal.generators import CGAN
from skgal.query import RandomSampling
from skgal.resampling import SelectiveAugmentation
from skgal.utils import seeded_nets


@pytest.fixture
def blobs():
    X, y = make_blobs(80, centers=[[-2, 0], [2, 0]], random_state=0)
    return X, y


def net(n_outputs=2, cls=NeuralNetClassifier):
    loss = {"criterion": torch.nn.CrossEntropyLoss} if cls is NeuralNetClassifier else {}
    return cls(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=n_outputs,
        lr=0.1,
        max_epochs=30,
        train_split=None,
        verbose=0,
        **loss,
    )


class Flat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.line(x).squeeze(1)


def binary_net():
    return NeuralNetBinaryClassifier(Flat, lr=0.3, max_epochs=30, train_split=None, verbose=0)


@pytest.mark.parametrize(
    "labels",
    [[0, 1], [0.0, 1.0], [1, 2], [-1, 1], [3, 7], ["no", "yes"], [False, True], [0.5, 1.5]],
    ids=str,
)
@pytest.mark.parametrize("make", [net, binary_net], ids=["softmax", "binary"])
def test_nets_learn_labels_of_any_kind(blobs, make, labels):
    X, y = blobs
    y = np.array(labels)[y]
    model = AnyEstimator(make(), random_state=0).fit(X, y)  # X is float64
    assert (model.predict(X) == y).mean() > 0.95
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    proba = model.predict_proba(X)
    assert proba.shape == (80, 2)
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))


class Layers(torch.nn.Module):
    """A hidden layer, dropout and one or two outputs."""

    def __init__(self, n_outputs):
        super().__init__()
        self.hidden = torch.nn.Sequential(
            torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Dropout(0.2)
        )
        self.last = torch.nn.Linear(8, n_outputs)

    def forward(self, x):
        outputs = self.last(self.hidden(x))
        return outputs if outputs.shape[1] > 1 else outputs.squeeze(1)


def deep_net(cls, n_outputs):
    loss = {} if cls is NeuralNetBinaryClassifier else {"criterion": torch.nn.CrossEntropyLoss}
    options = {"lr": 0.3, "max_epochs": 20, "train_split": None, "verbose": 0}
    return cls(Layers, module__n_outputs=n_outputs, **loss, **options)


def predicted_from_features(net, X, y):
    features = ClassifierFeatures(net, random_state=0).fit(X, y)
    points = features.transform(X)
    return LogisticRegression().fit(points, y).predict(points)


def predicted_by_augmentation(net, X, y):
    generator = CGAN(max_iter=2, latent_dim=2)
    sampler = SelectiveAugmentation(generator, extractor=net, n_passes=2, random_state=0)
    _, augmented = sampler.fit_resample(X[:70], y[:70])
    assert set(augmented) == set(y)
    with seeded_nets(sampler.extractor_):
        return np.unique(y)[sampler.extractor_.predict(X.astype(np.float32)).astype(int)]


def predicted_after_comparing(net, X, y):
    found = compare_strategies(net, {}, (X.astype(np.float32), y), seeds=1, budget=10, n_initial=20)
    assert found.curves["score"].iloc[-1] > 0.9
    return y


@pytest.mark.filterwarnings("ignore::skgal.exceptions.PoorSamplesWarning")
@pytest.mark.parametrize("labels", [[0.0, 1.0], ["no", "yes"], [-1, 1]], ids=str)
@pytest.mark.parametrize(
    ("cls", "n_outputs"),
    [(NeuralNetClassifier, 2), (LossPredictionClassifier, 2), (NeuralNetBinaryClassifier, 1)],
    ids=["softmax", "with loss prediction", "binary"],
)
@pytest.mark.parametrize(
    "predict",
    [
        predicted_from_features,
        predicted_by_augmentation,
        predicted_after_comparing,
        lambda net, X, y: EnsembleClassifier(net, 2, random_state=0).fit(X, y).predict(X),
        lambda net, X, y: AnyEstimator(
            GridSearchCV(net, {"lr": [0.3]}, cv=2), random_state=0
        ).fit(X, y).predict(X),
    ],
    ids=["features", "augmentation", "comparison", "ensemble", "search"],
)  # fmt: skip
def test_whatever_fits_a_net_takes_labels_of_any_kind(blobs, predict, cls, n_outputs, labels):
    X, y = blobs
    y = np.array(labels)[y]
    assert (predict(deep_net(cls, n_outputs), X, y) == y).mean() > 0.95


def test_a_seed_decides(blobs):
    X, y = blobs
    first, second, other = (
        AnyEstimator(net(), random_state=seed).fit(X, y).predict_proba(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)


def test_it_is_an_estimator_like_scikit_learns(blobs):
    X, y = blobs
    scores = cross_val_score(AnyEstimator(net(), random_state=0), X, np.array(["a", "b"])[y])
    assert scores.mean() > 0.9
    plain = AnyEstimator(LogisticRegression()).fit(X, y)
    np.testing.assert_array_equal(
        plain.predict_proba(X), LogisticRegression().fit(X, y).predict_proba(X)
    )


def test_nets_that_regress(blobs):
    X, _ = blobs
    for target in (X[:, 0] + 1, X[:, ::-1] - 1):
        n_outputs = 1 if target.ndim == 1 else 2
        module = net(n_outputs, NeuralNetRegressor)
        model = AnyEstimator(module, random_state=0).fit(X, target)
        predicted = model.predict(X)
        assert predicted.shape == target.shape
        assert np.abs(predicted - target).mean() < 0.3


def test_weights_equal_copies(blobs):
    X, _ = blobs
    y = X[:, 0] + np.random.RandomState(0).normal(size=80)
    weight = np.repeat([1.0, 3.0], 40)
    copies = Ridge().fit(np.concatenate([X, X[40:], X[40:]]), np.r_[y, y[40:], y[40:]])
    weighted = clone(Ridge())
    fit_estimator(weighted, X, y, sample_weight=weight)
    np.testing.assert_allclose(weighted.coef_, copies.coef_)


def test_soft_labels_that_are_sure_are_hard_ones(blobs):
    X, y = blobs
    classes = np.array(["a", "b"])
    soft, hard = LogisticRegression(tol=1e-10), LogisticRegression(tol=1e-10)
    fit_estimator(soft, X, classes[y], classes=classes, proba=np.eye(2)[y])
    fit_estimator(hard, X, classes[y])
    np.testing.assert_allclose(soft.coef_, hard.coef_, atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [net(), GridSearchCV(net(), {"lr": [0.1]}, cv=2), BaggingClassifier(net(), 2, random_state=0)],
    ids=["net", "search", "ensemble"],
)
def test_samples_of_float64_are_cast_for_nets(blobs, model):
    X, y = blobs
    predictions = []
    for samples in (X, X.astype(np.float32)):
        estimator = clone(model)
        with seeded_nets(estimator, 0):
            fit_estimator(estimator, samples, y)
            predictions.append(estimator.predict_proba(X.astype(np.float32)))
    np.testing.assert_array_equal(*predictions)


def test_errors_of_torch_are_explained(blobs):
    X, y = blobs
    to_double = make_pipeline(FunctionTransformer(np.float64), net())
    with pytest.raises(ValueError, match="astype"):
        AnyEstimator(to_double).fit(X, y)
    with pytest.raises(ValueError, match=r"one output for each class|one output more"):
        AnyEstimator(net()).fit(X, y + 5 * (np.arange(80) % 2))
    # Of nets in a search or an ensemble, too.
    for model in (GridSearchCV(to_double, {}, cv=2), BaggingClassifier(to_double, 2)):
        with pytest.raises(ValueError, match="astype"):
            AnyEstimator(model, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="EnsembleClassifier"):
        AnyEstimator(BaggingClassifier(binary_net(), 2)).fit(X, y)


class PressesCtrlC(torch.nn.Linear):
    """Sends the signal that Ctrl-C sends, once."""

    pressed = False

    def forward(self, x):
        if not self.pressed:
            PressesCtrlC.pressed = True
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(x)


def pressing_net():
    PressesCtrlC.pressed = False
    return net().set_params(module=PressesCtrlC)


@pytest.mark.parametrize(
    "fit",
    [
        lambda X, y: AnyEstimator(pressing_net()).fit(X, y),
        lambda X, y: EnsembleClassifier(pressing_net(), 2).fit(X, y),
        lambda X, y: ClassifierFeatures(make_pipeline(StandardScaler(), pressing_net())).fit(X, y),
        lambda X, y: ActiveLearner(pressing_net(), RandomSampling(), budget=4).fit(
            X.astype(np.float32), y
        ),
        lambda X, y: fit_classifier(
            lambda: pressing_net().module(2, 2),
            X.astype(np.float32), y, max_iter=2, seed=0, device="cpu",
        ),
    ],
    ids=["any", "ensemble", "features", "learner", "reference"],
)  # fmt: skip
def test_ctrl_c_ends_the_training_of_a_net(blobs, fit):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fit(*blobs)
    assert PressesCtrlC.pressed
    assert signal.getsignal(signal.SIGINT) is handler


class Counts(PressesCtrlC):
    """Counts how many were made."""

    n_made = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        Counts.n_made += 1


def test_ctrl_c_ends_a_search_of_nets_at_once(blobs):
    PressesCtrlC.pressed, Counts.n_made = False, 0
    search = GridSearchCV(net().set_params(module=Counts), {"lr": [0.1, 0.2, 0.3]}, cv=2)
    with pytest.raises(KeyboardInterrupt):
        AnyEstimator(search).fit(*blobs)
    assert Counts.n_made == 1


def test_callbacks_may_stop_a_net_early(blobs):
    stopping = EarlyStopping(monitor="train_loss", patience=1, threshold=1e9, sink=lambda _: None)
    model = AnyEstimator(net().set_params(callbacks=[stopping]), random_state=0).fit(*blobs)
    assert 1 <= len(model.estimator_.history) < 30
