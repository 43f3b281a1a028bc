import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import make_friedman1
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import (
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    RidgeClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skgal.differentiable import log_entropy_of_decisions
from skgal.metrics import entropy, least_confidence, margin_of_confidence, ratio_of_confidence
from skgal.query._uncertainty import (
    DENSITY_MEASURES,
    MEASURES,
    output_scales,
    predictive_std,
    pseudo_probabilities,
    resolve_score,
    uncertainty_rater,
)


def uncertainty(clf, blocks, measure):
    rate = uncertainty_rater(clf, measure)
    return np.concatenate([rate(block) for block in blocks])


OF_ANY_CLASSIFIER = set(MEASURES) - {"mutual_information"}
X, y = make_friedman1(60, n_features=6, random_state=0)
labels = np.digitize(y, [12, 16])


def test_measures_of_a_classifier():
    clf = LogisticRegression().fit(X, labels)
    proba, decision = clf.predict_proba(X), np.sort(clf.decision_function(X))
    expected = {
        "entropy": entropy(proba),
        "normalized_entropy": entropy(proba) / np.log(3),
        "least_confidence": least_confidence(proba),
        "margin_of_confidence": margin_of_confidence(proba),
        "ratio_of_confidence": ratio_of_confidence(proba),
        "min_distance": decision[:, -2] - decision[:, -1],
    }
    assert set(expected) == OF_ANY_CLASSIFIER
    for measure, values in expected.items():
        np.testing.assert_allclose(uncertainty(clf, [X[:40], X[40:]], measure), values)


def test_unfitted_model_is_noticed_before_any_sample_is_taken():
    def blocks():
        pytest.fail("a sample was taken")
        yield

    with pytest.raises(NotFittedError):
        uncertainty(LogisticRegression(), blocks(), "entropy")


@pytest.mark.parametrize("measure", sorted(OF_ANY_CLASSIFIER & set(DENSITY_MEASURES)))
@pytest.mark.parametrize(
    "clf", [LinearSVC(random_state=0), SVC(random_state=0), RidgeClassifier()], ids=str
)
def test_two_classes_without_probabilities_rank_by_distance(clf, measure):
    clf.fit(X, y > 14)
    assert not hasattr(clf, "predict_proba")
    uncertain = uncertainty(clf, [X[:40], X[40:]], measure)
    assert_array_equal(np.argsort(uncertain), np.argsort(-np.abs(clf.decision_function(X))))
    assert_array_equal(np.argsort(uncertainty(clf, [X], "min_distance")), np.argsort(uncertain))


@pytest.mark.parametrize("target", [y > 14, labels], ids=["two classes", "three"])
def test_decisions_of_a_logistic_regression_give_its_probabilities(target):
    clf = LogisticRegression().fit(X, target)
    decisions, proba = clf.decision_function(X), clf.predict_proba(X)
    np.testing.assert_allclose(pseudo_probabilities(decisions), proba)
    log_entropies = log_entropy_of_decisions(torch.from_numpy(decisions))
    np.testing.assert_allclose(log_entropies.exp(), entropy(proba))


def test_decisions_of_many_classes_pass_through_a_softmax():
    clf = LinearSVC(random_state=0).fit(X, labels)
    for measure, of_proba in [("entropy", entropy), ("margin_of_confidence", margin_of_confidence)]:
        expected = of_proba(softmax(clf.decision_function(X), axis=1))
        np.testing.assert_allclose(uncertainty(clf, [X], measure), expected)


def test_distance_of_a_classifier_without_decisions_is_the_gap_between_logits():
    clf = LogisticRegression().fit(X, labels)
    decision = np.sort(clf.decision_function(X))
    proba_only = make_proba_only(clf)
    np.testing.assert_allclose(
        uncertainty(proba_only, [X], "min_distance"), decision[:, -2] - decision[:, -1], rtol=1e-6
    )


def make_proba_only(clf):
    voting = VotingClassifier([("only", clf)], voting="soft").fit(X, labels)
    assert not hasattr(voting, "decision_function")
    return voting


@pytest.mark.parametrize("measure", sorted(OF_ANY_CLASSIFIER))
def test_classifier_that_only_predicts(measure):
    clf = OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X, labels)
    with pytest.raises(TypeError, match=rf"OutputCode.* no predict_proba.*measure='{measure}'"):
        uncertainty(clf, [X], measure)


def test_regressors_with_return_std():
    for regressor in (GaussianProcessRegressor(alpha=0.1, optimizer=None), BayesianRidge()):
        regressor.fit(X, y)
        expected = regressor.predict(X, return_std=True)[1]
        np.testing.assert_array_equal(uncertainty(regressor, [X], "entropy"), expected)


def test_several_outputs_are_standardised_and_weighted():
    regressor = GaussianProcessRegressor(alpha=0.1, optimizer=None, normalize_y=True)
    regressor.fit(X, np.column_stack([y, 3 * y]))
    one_target = clone(regressor).fit(X, y)
    expected = predictive_std(one_target, X)
    np.testing.assert_allclose(
        uncertainty_rater(regressor, "entropy")(X), np.sqrt(5) * expected, rtol=1e-6
    )
    # Divided by the spread of each output's labels, outputs count the same.
    scales = output_scales(np.column_stack([y, 3 * y]), np.nan)
    rate = uncertainty_rater(regressor, "entropy", scales, weights=[1, 4])
    np.testing.assert_allclose(rate(X), expected / y.std(), rtol=1e-6)
    only_second = uncertainty_rater(regressor, "entropy", weights=[0, 1])
    np.testing.assert_allclose(only_second(X), 3 * expected, rtol=1e-6)
    with pytest.raises(ValueError, match="output_weights must be one number for each of the 2"):
        uncertainty_rater(regressor, "entropy", weights=[1, 2, 3])(X)


@pytest.mark.parametrize("measure", ["entropy", "margin_of_confidence", "min_distance"])
def test_labels_of_a_multilabel_classifier_count_like_those_of_one_classifier_each(measure):
    targets = np.column_stack([labels == 0, labels > 0, y > 14]).astype(int)
    one_each = MultiOutputClassifier(LogisticRegression()).fit(X, targets)
    together = OneVsRestClassifier(LogisticRegression()).fit(X, targets)
    scales = output_scales(targets, np.nan)
    expected = uncertainty_rater(one_each, measure, scales, weights=[1, 2, 0])(X)
    rate = uncertainty_rater(together, measure, scales, weights=[1, 2, 0])
    np.testing.assert_allclose(rate(X), expected)
    decisions_only = OneVsRestClassifier(LinearSVC(random_state=0)).fit(X, targets)
    distances = -np.abs(decisions_only.decision_function(X)).mean(axis=1)
    rate = uncertainty_rater(decisions_only, "min_distance", scales)
    np.testing.assert_allclose(rate(X), distances)
    for weights in ([1, 2], [0, 0, 0], [-1, 1, 1]):
        with pytest.raises(ValueError, match="output_weights must be one number for each of the 3"):
            uncertainty_rater(together, measure, scales, weights=weights)(X)


def test_members_whose_disagreement_cannot_be_told():
    members = BaggingClassifier(LinearSVC(), 2, random_state=0).fit(X, labels)
    with pytest.raises(TypeError, match="which LinearSVC lacks"):
        uncertainty_rater(members, "mutual_information")
    forest = RandomForestClassifier(2, random_state=0).fit(X, np.column_stack([labels, labels]))
    with pytest.raises(TypeError, match="labels of one output, and these are of 2"):
        uncertainty_rater(forest, "mutual_information", np.ones(2))
    with pytest.raises(TypeError, match="the classes of one output"):
        resolve_score("min_distance", forest)


@pytest.mark.parametrize("forest", [RandomForestRegressor, ExtraTreesRegressor])
def test_forest_spreads_over_its_trees(forest):
    frame = pd.DataFrame(X, columns=list("abcdef"))
    regressor = forest(5, random_state=0).fit(frame, y)
    trees = np.array([tree.predict(X) for tree in regressor.estimators_])
    np.testing.assert_allclose(trees.mean(axis=0), regressor.predict(frame))
    np.testing.assert_allclose(predictive_std(regressor, frame), trees.std(axis=0))


def test_bagging_members_see_their_own_features():
    regressor = BaggingRegressor(LinearRegression(), 5, max_features=3, random_state=0).fit(X, y)
    members = np.array(
        [
            member.predict(X[:, features])
            for member, features in zip(
                regressor.estimators_, regressor.estimators_features_, strict=True
            )
        ]
    )
    np.testing.assert_allclose(members.mean(axis=0), regressor.predict(X))
    np.testing.assert_allclose(predictive_std(regressor, X), members.std(axis=0))


def test_regressor_inside_other_estimators():
    inner = RandomForestRegressor(5, random_state=0)
    expected = predictive_std(clone(inner).fit(X, y), X)
    for outer in (
        make_pipeline(inner),
        FrozenEstimator(clone(inner).fit(X, y)),
        GridSearchCV(make_pipeline(inner), {}, cv=2),
    ):
        np.testing.assert_allclose(predictive_std(outer.fit(X, y), X), expected)


def test_pipeline_transforms_first():
    pipeline = make_pipeline(
        StandardScaler(), GaussianProcessRegressor(alpha=0.1, optimizer=None)
    ).fit(X, y)
    expected = pipeline.predict(X, return_std=True)[1]
    np.testing.assert_allclose(predictive_std(pipeline, X), expected)


@pytest.mark.parametrize(
    "regressor", [LinearRegression(), GradientBoostingRegressor(random_state=0)]
)
def test_regressor_that_does_not_say_how_unsure_it_is(regressor):
    # Boosting has estimators_ too, but their spread is no uncertainty.
    with pytest.raises(TypeError, match=rf"{type(regressor).__name__} doesn't say.*return_std"):
        predictive_std(regressor.fit(X, y), X)
