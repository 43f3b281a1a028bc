"""Hard, soft and weighted labels for scikit-learn estimators."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.active import ActiveLearner, EstimatorOracle
from skgal.query import RandomSampling


def soft_labels(X):
    """Probabilities of three classes that no linear model has."""
    scores = np.c_[X[:, 0], np.sin(3 * X[:, 1]), 0.5 * X[:, 0] * X[:, 1]]
    return np.exp(log_softmax(scores, axis=1))


def one_hot(y):
    return np.eye(3)[y]


def test_one_hot_answers_teach_what_plain_ones_do(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    plain, soft = (
        ActiveLearner(
            LogisticRegression(tol=1e-10), RandomSampling(), oracle=oracle, random_state=0
        ).fit(X, y)
        for oracle in (teacher.predict, lambda X: one_hot(teacher.predict(X)))
    )
    np.testing.assert_allclose(soft.estimator_.coef_, plain.estimator_.coef_, atol=1e-6)
    np.testing.assert_array_equal(soft.labelled_.y, plain.labelled_.y)


def test_soft_and_weighted_labels_minimise_the_expected_log_loss(three_blobs, segment):
    """LogisticRegression against scipy on the closed form: sum of w p log p(class | x)."""
    X, y = three_blobs
    learner = ActiveLearner(
        LogisticRegression(C=0.5, fit_intercept=False, tol=1e-10),
        segment,
        oracle=soft_labels,
        synthetic_weight=0.25,
        budget=20,
    ).fit(X, y)
    samples = np.asarray(learner.labelled_.X, dtype=float)
    weights = np.where(np.arange(80) < 60, 1.0, 0.25)
    targets = np.concatenate([one_hot(y), soft_labels(samples[60:])])

    def objective(flat):
        coefficients = flat.reshape(3, 2)
        log_proba = log_softmax(samples @ coefficients.T, axis=1)
        loss = -(weights[:, None] * targets * log_proba).sum()
        return loss + (flat @ flat) / (2 * 0.5)

    expected = minimize(objective, np.zeros(6), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose(learner.estimator_.coef_.ravel(), expected, atol=1e-4)


def test_weighted_regression_solves_the_weighted_normal_equations(three_blobs, segment):
    X = three_blobs[0].astype(float)
    y = np.sin(X[:, 0])
    learner = ActiveLearner(
        LinearRegression(fit_intercept=False),
        segment,
        oracle=lambda X: np.cos(X[:, 1]),
        synthetic_weight=3.0,
        budget=10,
    ).fit(X, y)
    A, b = learner.labelled_.X, learner.labelled_.y
    W = np.diag(np.where(learner.labelled_.is_synthetic, 3.0, 1.0))
    expected = np.linalg.solve(A.T @ W @ A, A.T @ W @ b)
    np.testing.assert_allclose(learner.estimator_.coef_, expected)


def test_weights_get_through_nested_pipelines(three_blobs, segment):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    pipeline = make_pipeline(StandardScaler(), make_pipeline(StandardScaler(), GaussianNB()))
    learner = ActiveLearner(
        pipeline,
        segment,
        oracle=EstimatorOracle(teacher, soft=True),
        synthetic_weight=0.5,
        budget=10,
    ).fit(X, y)
    expected_mass = 60 + 0.5 * 10
    inner = learner.estimator_[-1][-1]
    assert inner.class_count_.sum() == pytest.approx(expected_mass)


def test_equal_weights_are_a_plain_fit(three_blobs, segment):
    X, y = three_blobs
    learner = ActiveLearner(
        KNeighborsClassifier(), segment, oracle=lambda X: np.zeros(len(X)), budget=10
    )
    assert learner.fit(X, y).estimator_.n_samples_fit_ == 70


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(), KNeighborsRegressor()])
def test_weights_are_refused_before_anything_is_bought(three_blobs, segment, estimator):
    def oracle(X):
        raise AssertionError("nothing must be bought")

    learner = ActiveLearner(
        make_pipeline(StandardScaler(), estimator), segment, oracle=oracle, synthetic_weight=0.5
    )
    with pytest.raises(
        TypeError, match=r"KNeighbors\w+.fit takes no sample_weight.*synthetic_weight"
    ):
        learner.fit(*three_blobs)


def test_soft_oracles_are_refused_before_anything_is_bought(three_blobs):
    X, y = three_blobs
    oracle = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    learner = ActiveLearner(KNeighborsClassifier(), RandomSampling(), oracle=oracle)
    with pytest.raises(TypeError, match="takes no sample_weight, which soft labels need"):
        learner.fit(X, y)
    assert learner.get_params()["oracle"] is oracle
    assert not hasattr(learner, "estimator_")


def test_surprising_soft_answers_are_kept_for_another_estimator(three_blobs):
    X, y = three_blobs
    learner = ActiveLearner(KNeighborsClassifier(), RandomSampling(), oracle=soft_labels)
    with pytest.raises(TypeError, match="no sample_weight, which soft labels") as caught:
        learner.fit(X, y)
    record = learner.labelled_
    assert record.n_bought == 10
    np.testing.assert_allclose(record.proba[10:], soft_labels(record.X[10:]), rtol=1e-5)
    assert "labelled_" in caught.value.__notes__[0]


def test_expected_class_counts_of_soft_labels(three_blobs):
    X, y = three_blobs
    learner = ActiveLearner(
        DummyClassifier(strategy="prior"), RandomSampling(), oracle=soft_labels, budget=10
    ).fit(X, y)
    record = learner.labelled_
    expected = np.concatenate([one_hot(record.y[:10]), soft_labels(record.X[10:])]).mean(axis=0)
    np.testing.assert_allclose(learner.estimator_.class_prior_, expected, rtol=1e-6)
