"""The learner is an estimator like any other."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import uniform
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.active import ActiveLearner, EstimatorOracle, LabelOracle
from skgal.query import AISEL, RandomSampling, UncertaintySampling
from skgal.utils import DataLayout


class Box(BaseEstimator):
    """A generator without training: uniform between the extremes of each feature."""

    latent_distribution_ = uniform(-1, 2)

    def fit(self, X, y=None):
        self.layout_ = DataLayout(X)
        (self.latent_dim_,) = self.layout_.shape
        return self

    def sample_latent(self, n_samples=1, *, random_state=None):
        size = (n_samples, self.latent_dim_)
        return self.latent_distribution_.rvs(size, random_state=random_state)

    def generate(self, Z, y=None):
        return self.layout_.from_network(Z)

    def transform(self, X):
        return self.layout_.to_network(np.asarray(X, dtype=float))

    def inverse_transform(self, Z):
        return self.generate(Z)


@dataclass
class Decline:
    """An oracle that gives no label: a check may come up with any classes."""

    def __call__(self, X):
        return np.full(len(X), np.nan)


@dataclass
class FirstFeature:
    """An oracle for a regressor."""

    def __call__(self, X):
        return np.asarray(X)[:, 0]


@pytest.mark.touches_global_rng  # scikit-learn's checks do
@parametrize_with_checks(
    [
        ActiveLearner(
            LogisticRegression(), AISEL(Box(), n_candidates=64), oracle=Decline(), budget=20
        ),
        ActiveLearner(
            BayesianRidge(),
            AISEL(Box(), n_candidates=64),
            oracle=FirstFeature(),
            budget=20,
            synthetic_weight=1e-6,  # the checks ask for the fit to another function
        ),
        ActiveLearner(LogisticRegression(), RandomSampling()),
        ActiveLearner(Ridge(), RandomSampling()),
        ActiveLearner(make_pipeline(StandardScaler(), LogisticRegression()), RandomSampling()),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "method", "available"),
    [
        (LogisticRegression(), "predict_proba", True),
        (LinearSVC(), "predict_proba", False),
        (LinearSVC(), "decision_function", True),
        (Ridge(), "decision_function", False),
    ],
)
def test_methods_are_those_of_the_estimator(blobs, estimator, method, available):
    learner = ActiveLearner(estimator, RandomSampling(), budget=5, random_state=0)
    assert hasattr(learner, method) == available
    learner.fit(*blobs)
    assert hasattr(learner, method) == available
    if available:
        expected = getattr(learner.estimator_, method)(blobs[0])
        np.testing.assert_array_equal(getattr(learner, method)(blobs[0]), expected)


def test_type_is_that_of_the_estimator():
    assert is_classifier(ActiveLearner(SVC(), RandomSampling()))
    assert is_regressor(ActiveLearner(make_pipeline(StandardScaler(), Ridge()), RandomSampling()))


def test_grid_search_over_strategies_and_nested_parameters(three_blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10, random_state=0)
    grid = {
        "strategy": [RandomSampling(), UncertaintySampling()],
        "estimator__C": [0.1, 1.0],
        "budget": [0, 10],
    }
    search = GridSearchCV(learner, grid, cv=2, error_score="raise").fit(*three_blobs)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.8
    assert search.predict_proba(three_blobs[0]).shape == (60, 3)


def test_cross_validation_scores_once_a_fold(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=5, random_state=0)
    scores = cross_validate(learner, *blobs, cv=3, error_score="raise")["test_score"]
    assert scores.shape == (3,)


def test_fitted_learner_survives_pickling(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=5).fit(X, y)
    revived = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(revived.predict_proba(X), learner.predict_proba(X))
    np.testing.assert_array_equal(revived.labelled_.indices, learner.labelled_.indices)


def test_clones_ask_the_same_oracle(blobs):
    X, y = blobs
    fitted = LogisticRegression().fit(X, y)
    for oracle in (EstimatorOracle(fitted), LabelOracle(X, y)):
        copy = clone(ActiveLearner(fitted, RandomSampling(), oracle=oracle))
        assert copy.oracle is oracle


@pytest.mark.parametrize(
    "wrong",
    [
        {"estimator": "net"},
        {"strategy": "random"},
        {"oracle": 3},
        {"n_initial": 0},
        {"batch_size": 0},
        {"budget": -1},
        {"synthetic_weight": 0.0},
        {"synthetic_weight": -1.0},
        {"random_state": "seed"},
    ],
    ids=str,
)
def test_wrong_parameters_are_named(blobs, wrong):
    learner = ActiveLearner(LogisticRegression(), RandomSampling()).set_params(**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        learner.fit(*blobs)


def test_estimator_must_be_classifier_or_regressor(blobs):
    from sklearn.cluster import KMeans

    with pytest.raises(TypeError, match="KMeans"):
        ActiveLearner(KMeans(), RandomSampling()).fit(*blobs)
