"""Any model says how unsure it is: against closed forms, scikit-learn's ensembles, and itself."""

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetClassifier, NeuralNetRegressor

from skgal.active import ActiveLearner, LabelOracle
from skgal.classifiers import AnyEstimator, EnsembleClassifier, EnsembleRegressor
from skgal.metrics import entropy
from skgal.query import CertaintySampling, UncertaintySampling


class ConvNet(torch.nn.Sequential):
    def __init__(self, n_outputs=1, dropout=0.0):
        super().__init__(
            torch.nn.Conv2d(1, 4, 3),
            torch.nn.ReLU(),
            torch.nn.Dropout(dropout),
            torch.nn.Flatten(),
            torch.nn.Linear(64, n_outputs),
        )


def images(n=40):
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(n, 1, 6, 6))  # float64
    return X, X.mean(axis=(1, 2, 3)) * 10


def image_regressor(**params):
    return NeuralNetRegressor(
        ConvNet, max_epochs=3, lr=0.01, train_split=None, verbose=0
    ).set_params(**params)


def image_classifier(**params):
    return NeuralNetClassifier(
        ConvNet,
        module__n_outputs=2,
        criterion=torch.nn.CrossEntropyLoss,
        max_epochs=3,
        train_split=None,
        verbose=0,
    ).set_params(**params)


X, Y = make_friedman1(80, n_features=5, random_state=0)
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    KNeighborsRegressor(3),
    HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3),
    make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=20)),
    TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
]
CLASSIFIERS = [
    LinearSVC(),
    RidgeClassifier(),
    HistGradientBoostingClassifier(max_iter=5),
    make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=200)),
]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("regressor", REGRESSORS, ids=lambda model: type(model).__name__)
@pytest.mark.parametrize("as_frame", [False, True])
def test_any_regressor_can_be_asked(regressor, as_frame):
    samples = pd.DataFrame(X, index=np.arange(80) + 1000).add_prefix("x") if as_frame else X
    y = np.where(np.arange(80) < 30, Y, np.nan)
    model = EnsembleRegressor(regressor, 4, random_state=0)
    model.fit(samples[:30], Y[:30])
    mean, std = model.predict(samples, return_std=True)
    members = np.array([member.predict(samples) for member in model.estimators_])
    np.testing.assert_allclose(mean, members.mean(axis=0))
    np.testing.assert_allclose(std, members.std(axis=0))
    assert (std > 0).any()
    chosen, utilities = UncertaintySampling().query(
        samples, y, model, batch_size=3, return_utilities=True
    )
    np.testing.assert_allclose(utilities[30:], std[30:])
    np.testing.assert_allclose(np.sort(std[chosen]), np.sort(std[30:])[-3:])


@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda model: type(model).__name__)
def test_any_classifier_can_be_asked(classifier):
    labels = np.array(["low", "high", "mid"])[np.digitize(Y, [12, 16])]
    model = EnsembleClassifier(classifier, 4, random_state=0).fit(X, labels)
    proba = model.predict_member_proba(X)
    assert proba.shape == (4, 80, 3)
    np.testing.assert_allclose(proba.sum(axis=2), 1)
    np.testing.assert_allclose(model.predict_proba(X), proba.mean(axis=0))
    assert (model.predict(X) == labels).mean() > 0.6
    unsure = model.predict_uncertainty(X)
    np.testing.assert_allclose(unsure.total, entropy(proba.mean(axis=0)))
    np.testing.assert_allclose(unsure.noise, np.mean([entropy(p) for p in proba], axis=0))
    np.testing.assert_allclose(unsure.total, unsure.disagreement + unsure.noise)
    y = np.where(np.arange(80) < 30, labels.astype(object), None)
    sampling = UncertaintySampling("mutual_information", missing_label=None)
    _, utilities = sampling.query(X, y, model, return_utilities=True)
    np.testing.assert_allclose(utilities[30:], unsure.disagreement[30:], atol=1e-12)


@pytest.mark.parametrize("method", ["bootstrap", "seeds", "dropout"])
def test_nets_on_images(method):
    pixels, target = images()
    module = {"module__dropout": 0.5}
    regressor = EnsembleRegressor(image_regressor(**module), 3, method=method, random_state=0)
    first, again = (regressor.fit(pixels, target).predict(pixels, return_std=True) for _ in "ab")
    np.testing.assert_array_equal(first, again)
    assert (first[1] > 0).all()
    labels = np.where(target > 5, "dense", "thin")
    classifier = EnsembleClassifier(image_classifier(**module), 3, method=method, random_state=0)
    proba = classifier.fit(pixels, labels).predict_member_proba(pixels)
    assert (proba.std(axis=0) > 0).any()
    y = np.where(np.arange(40) < 10, target, np.nan)
    assert UncertaintySampling().query(pixels, y, regressor, batch_size=2).min() >= 10


def test_the_advice_of_a_model_that_cannot_say_works_on_images():
    pixels, target = images()
    y = np.where(np.arange(40) < 10, target, np.nan)
    plain = image_regressor()
    fitted = AnyEstimator(plain, random_state=0).fit(pixels, target).estimator_
    with pytest.raises(TypeError, match=r"NeuralNetRegressor doesn't say .*EnsembleRegressor"):
        UncertaintySampling().query(pixels, y, fitted)
    ensemble = EnsembleRegressor(plain, 2, random_state=0).fit(pixels[:10], target[:10])
    assert UncertaintySampling().query(pixels, y, ensemble)[0] >= 10


@pytest.mark.parametrize("strategy", [UncertaintySampling(), CertaintySampling()], ids=repr)
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_the_advice_works_in_a_learner_for_pipelines_and_several_outputs(strategy, n_outputs):
    pixels, target = images()
    pixels = pixels.astype(np.float32)  # as the learner asks for
    answers = target if n_outputs == 1 else np.column_stack([target, -target])
    y = np.where((np.arange(40) < 10)[:, None], np.reshape(answers, (40, -1)), np.nan)
    y = y[:, 0] if n_outputs == 1 else y
    plain = make_pipeline(image_regressor(module__n_outputs=n_outputs))
    options = {"oracle": LabelOracle(pixels, answers), "budget": 2, "batch_size": 2}
    with pytest.raises(TypeError, match="EnsembleRegressor"):
        ActiveLearner(plain, strategy, **options).fit(pixels, y)
    ensemble = EnsembleRegressor(plain, 2, random_state=0)
    assert ActiveLearner(ensemble, strategy, **options).fit(pixels, y).labelled_.n_bought == 2


def test_linear_bootstrap_spreads_as_theory_says():
    """The spread of bootstrapped least squares is its sampling distribution's."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 2))
    y = X @ [1.0, -2.0] + rng.normal(scale=0.5, size=200)
    model = EnsembleRegressor(LinearRegression(), 200, random_state=0).fit(X, y)
    new = np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    _, std = model.predict(new, return_std=True)
    design, at = np.c_[np.ones(200), X], np.c_[np.ones(3), new]
    expected = 0.5 * np.sqrt(np.einsum("ij,jk,ik->i", at, np.linalg.inv(design.T @ design), at))
    np.testing.assert_allclose(std, expected, rtol=0.2)
    np.testing.assert_allclose(model.noise_std_, 0.5, rtol=0.1)
    unsure = model.predict_uncertainty(new)
    np.testing.assert_allclose(unsure.total**2, unsure.disagreement**2 + unsure.noise**2)


def test_noise_is_told_from_disagreement():
    """Where labels are coin tosses members agree on it; where there are none, they disagree."""
    rng = np.random.RandomState(0)
    X = np.r_[rng.uniform(0, 1, 300), rng.uniform(2, 3, 300)][:, np.newaxis]
    y = np.r_[rng.randint(2, size=300), np.ones(300, dtype=int)]
    tree = DecisionTreeClassifier(min_samples_leaf=50)
    model = EnsembleClassifier(tree, 30, random_state=0).fit(X, y)
    unsure = model.predict_uncertainty([[0.5], [2.5]])
    assert unsure.noise[0] > 0.6 > 0.1 > unsure.disagreement[0]
    assert unsure.total[1] < 0.05


def test_several_outputs():
    targets = np.c_[Y, -Y, 100 * Y]
    model = EnsembleRegressor(Ridge(), 3, random_state=0).fit(X, targets)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == (80, 3)
    assert model.noise_std_.shape == (3,)
    one = EnsembleRegressor(Ridge(), 3, random_state=0).fit(X, Y).predict(X, return_std=True)[1]
    np.testing.assert_allclose(std, np.c_[one, one, 100 * one], rtol=1e-6)
    # Standardised by the labels, the three outputs count alike.
    y = np.where(np.arange(80)[:, None] < 30, targets, np.nan)
    _, utilities = UncertaintySampling().query(X, y, model, return_utilities=True)
    np.testing.assert_allclose(utilities[30:], one[30:] / Y[:30].std(), rtol=1e-6)


def test_number_of_jobs_and_seeds():
    tree = DecisionTreeClassifier(random_state=3)  # a fixed seed would make members equal
    labels = Y > 14

    def member_proba(seed, n_jobs=1):
        model = EnsembleClassifier(tree, 4, n_jobs=n_jobs, random_state=seed)
        with joblib.parallel_config("threading"):
            return model.fit(X, labels).predict_member_proba(X)

    first = member_proba(0)
    np.testing.assert_array_equal(first, member_proba(0, n_jobs=2))
    assert (first != member_proba(1)).any()


def test_what_is_refused():
    with pytest.raises(TypeError, match="EnsembleRegressor for regressors"):
        EnsembleClassifier(Ridge()).fit(X, Y)
    with pytest.raises(TypeError, match="EnsembleClassifier for classifiers"):
        EnsembleRegressor(LinearSVC()).fit(X, Y)
    with pytest.raises(TypeError, match="method='dropout' runs a skorch net"):
        EnsembleRegressor(Ridge(), method="dropout").fit(X, Y)
    with pytest.raises(TypeError, match=r"members of an ensemble.*EnsembleClassifier"):
        UncertaintySampling("mutual_information").query(
            X, np.full(80, np.nan), RidgeClassifier().fit(X, Y > 14)
        )
