import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from imblearn.pipeline import make_pipeline as make_imb_pipeline
from scipy.sparse import csr_array
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

from skgal import ClassifierFeatures, PolarityGANSampler
from skgal.generators import ACGAN, PolarityGAN
from skgal.nn import ConvClassifier, Dense
from skgal.query import CoreSet
from skgal.utils import seeded_nets, seeded_torch

PERCEPTRON = MLPClassifier((5,), max_iter=10)
# The fits are cut short.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make_net(n_classes=10):
    return NeuralNetClassifier(
        ConvClassifier,
        module__image_shape=(1, 8, 8),
        module__n_classes=n_classes,
        module__hidden=(16, 6),
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=1,
        train_split=None,
        verbose=0,
    )


@pytest.fixture(scope="module")
def images():
    digits = load_digits()
    return digits.images[:100, None].astype(np.float32), digits.target[:100]


@pytest.mark.touches_global_rng  # scikit-learn's checks do
@parametrize_with_checks(
    [
        ClassifierFeatures(PERCEPTRON, random_state=0),
        ClassifierFeatures(make_pipeline(StandardScaler(), LogisticRegression())),
    ]
)
def test_scikit_learn_agrees(estimator, check):
    check(estimator)


def test_the_last_layer_makes_the_predictions_of_its_input(images):
    X, y = images
    features = ClassifierFeatures(make_net(), random_state=0)
    points = features.fit_transform(X, y)
    assert points.shape == (100, 6)
    head = features.classifier_.module_.head
    logits = points @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    with seeded_nets(features.classifier_):
        expected = features.classifier_.predict_proba(X)
    np.testing.assert_allclose(softmax(logits, axis=1), expected, atol=1e-5)
    np.testing.assert_array_equal(features.transform(X[:7]), points[:7])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(features)).transform(X), points)
    assert features.n_features_in_ == 1


def test_random_state_decides(images):
    X, y = images
    first, again, other = (
        ClassifierFeatures(make_net(), random_state=seed).fit_transform(X, y) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_seed_of_the_classifiers_own_stays():
    X, y = load_iris(return_X_y=True)
    fixed = ClassifierFeatures(clone(PERCEPTRON).set_params(random_state=3), random_state=0)
    expected = clone(PERCEPTRON).set_params(random_state=3).fit(X, y).coefs_[0]
    np.testing.assert_array_equal(fixed.fit(X, y).classifier_.coefs_[0], expected)


def test_a_frozen_classifier_is_not_trained(images):
    X, y = images
    net = ClassifierFeatures(make_net(), random_state=0).fit(X, y).classifier_
    before = {name: value.clone() for name, value in net.module_.state_dict().items()}
    frozen = ClassifierFeatures(FrozenEstimator(net)).fit(X[::-1], y)
    assert frozen.classifier_.estimator is net
    assert all(torch.equal(value, before[name]) for name, value in net.module_.state_dict().items())


def test_a_generator_that_classifies():
    X, y = load_iris(return_X_y=True)
    acgan = ACGAN(architecture=Dense(hidden=(7,)), latent_dim=2, max_iter=2, batch_size=8)
    features = ClassifierFeatures(acgan, random_state=0).fit(X, y)
    np.testing.assert_array_equal(
        features.transform(X), features.classifier_.classifier_features(X)
    )


def test_frames_and_set_output():
    X, y = load_iris(return_X_y=True, as_frame=True)
    features = ClassifierFeatures(PERCEPTRON, random_state=0).set_output(transform="pandas")
    points = features.fit_transform(X, y)
    assert isinstance(points, pd.DataFrame)
    assert points.columns.tolist() == [f"classifierfeatures{i}" for i in range(5)]
    assert features.feature_names_in_.tolist() == X.columns.tolist()
    with pytest.raises(ValueError, match="feature names"):
        features.transform(X.rename(columns=str.upper))


def test_before_a_resampler_and_a_new_last_layer(images):
    X, y = images
    sampler = PolarityGANSampler(PolarityGAN(max_iter=2, autoencoder_max_iter=2), random_state=0)
    pipe = make_imb_pipeline(
        ClassifierFeatures(make_net(), random_state=0), sampler, LogisticRegression(max_iter=1000)
    )
    rare = np.flatnonzero((y != 3) | (np.arange(100) < 50))
    pipe.fit(X[rare], y[rare])
    assert pipe[1].sampling_strategy_[3] > 0
    assert pipe.predict(X).shape == (100,)


def test_search_reaches_the_network(images):
    X, y = images
    pipe = make_pipeline(ClassifierFeatures(make_net(), random_state=0), LogisticRegression())
    depth = {"classifierfeatures__classifier__module__hidden": [(16, 4), (16, 6)]}
    search = GridSearchCV(pipe, depth, cv=2).fit(X, y)
    width = search.best_params_["classifierfeatures__classifier__module__hidden"][-1]
    assert search.best_estimator_[0].transform(X).shape == (100, width)


def test_as_the_features_of_a_strategy(images):
    X, y = images
    features = ClassifierFeatures(make_net(), random_state=0).fit(X, y)
    strategy = CoreSet(features=FrozenEstimator(features), random_state=0).fit(X)
    partly = np.where(np.arange(100) < 10, y, np.nan)
    assert strategy.query(X, partly, None, batch_size=3).min() >= 10


@pytest.mark.parametrize("labels", [[*"abcdefghij"], [*range(3, 13)]], ids=["strings", "from 3"])
def test_labels_of_any_kind_train_a_net(images, labels):
    X, y = images
    expected = ClassifierFeatures(make_net(), random_state=0).fit_transform(X, y)
    points = ClassifierFeatures(make_net(), random_state=0).fit_transform(X, np.array(labels)[y])
    np.testing.assert_array_equal(points, expected)


def test_a_net_for_two_classes_keeps_its_float_labels(images):
    X, y = images
    with seeded_torch(0):
        layers = torch.nn.Flatten(), torch.nn.Linear(64, 5), torch.nn.Linear(5, 1)
    module = torch.nn.Sequential(*layers)
    net = NeuralNetBinaryClassifier(module, max_epochs=1, train_split=None, verbose=0)
    points = ClassifierFeatures(net, random_state=0).fit_transform(X, (y > 4).astype(np.float32))
    assert points.shape == (100, 5)


def test_what_is_no_class_is_refused_before_training(images):
    X, y = images
    untrainable = make_net().set_params(max_epochs=10**9)
    with pytest.raises(ValueError, match="NaN"):
        ClassifierFeatures(untrainable).fit(X, np.where(y == 0, np.nan, y))
    with pytest.raises(ValueError, match="Unknown label type"):
        ClassifierFeatures(untrainable).fit(X, y + 0.5)
    with pytest.raises(TypeError, match="got the regressor Ridge"):
        ClassifierFeatures(Ridge()).fit(X, y)


def test_sparse_samples():
    X, y = load_iris(return_X_y=True)
    features = ClassifierFeatures(PERCEPTRON, random_state=0).fit(csr_array(X), y)
    np.testing.assert_allclose(features.transform(csr_array(X)), features.transform(X))
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ClassifierFeatures(LogisticRegression()).fit(csr_array(X), y)


def test_what_cannot_be_read_is_an_error(images):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="RandomForestClassifier has none of these"):
        ClassifierFeatures(RandomForestClassifier(2)).fit(X, y)
    with pytest.raises(ValueError, match="classifier"):
        ClassifierFeatures("net").fit(X, y)
    with pytest.raises(NotFittedError):
        ClassifierFeatures(PERCEPTRON).transform(X)
    with pytest.raises(ValueError, match="4 features"):
        ClassifierFeatures(PERCEPTRON).fit(X, y).transform(X[:, :3])
