"""Models of any kind: nets, alone and in Pipelines; hard, soft and weighted labels."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.active import ActiveLearner, EstimatorOracle, LabelOracle, StablePredictions
from skgal.classifiers import ClassifierFeatures, EnsembleClassifier
from skgal.generators import DesignBox
from skgal.matching import FeatureMatcher
from skgal.query import (
    AISEL,
    BADGE,
    CoreSet,
    LatentUncertainty,
    RandomSampling,
    UncertaintySampling,
)


def weights(learner):
    """Parameters of the learner's net, as one vector."""
    net = learner.estimator_
    net = net[-1] if hasattr(net, "steps") else net
    return torch.nn.utils.parameters_to_vector(net.module_.parameters()).detach().numpy()


def one_hot(y, n_classes=2):
    return np.eye(n_classes)[y]


def test_a_net_that_takes_the_columns_of_a_frame_for_arguments_is_explained(three_blobs, make_net):
    X, y = three_blobs
    frame = pd.DataFrame(X).add_prefix("x")
    with pytest.raises(ValueError, match=r"pass X.to_numpy\(np.float32\).*unexpected keyword"):
        ActiveLearner(make_net(), RandomSampling()).fit(frame, y)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_same_random_state_same_bits(blobs, make_net, in_pipeline):
    def run(seed):
        net = make_net(iterator_train__shuffle=True, batch_size=8)
        estimator = make_pipeline(StandardScaler(), net) if in_pipeline else net
        return ActiveLearner(estimator, UncertaintySampling(), budget=20, random_state=seed).fit(
            *blobs
        )

    first, second, other = run(0), run(0), run(1)
    np.testing.assert_array_equal(weights(first), weights(second))
    np.testing.assert_array_equal(first.labelled_.indices, second.labelled_.indices)
    assert not np.array_equal(weights(first), weights(other))


def test_global_state_of_torch_has_no_say(blobs, make_net):
    def run():
        return ActiveLearner(make_net(), RandomSampling(), budget=10, random_state=0).fit(*blobs)

    with torch.random.fork_rng():
        torch.default_generator.manual_seed(1)
        first = weights(run())
        torch.default_generator.manual_seed(2)
        second = weights(run())
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("logits", [False, True])
def test_one_hot_answers_of_a_net_equal_plain_ones(blobs, make_net, logits):
    X, y = blobs
    teacher = LogisticRegression().fit(X, y)
    criterion = torch.nn.CrossEntropyLoss if logits else torch.nn.NLLLoss
    plain, soft = (
        ActiveLearner(
            make_net(criterion=criterion, module__logits=logits),
            RandomSampling(),
            oracle=oracle,
            budget=20,
            random_state=0,
        ).fit(X, y)
        for oracle in (teacher.predict, lambda X: one_hot(teacher.predict(X)))
    )
    np.testing.assert_allclose(weights(soft), weights(plain), atol=1e-6)
    np.testing.assert_array_equal(soft.predict(X), plain.predict(X))


def test_soft_oracle_in_a_pipeline_with_the_default_split_and_callbacks(three_blobs, make_net):
    X, y = three_blobs
    net = make_net(
        module__n_outputs=3, max_epochs=20, lr=1.0, train_split=skorch.dataset.ValidSplit(3, True)
    )
    oracle = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), net), RandomSampling(), oracle=oracle, random_state=0
    ).fit(X, y, X_val=X, y_val=y)
    assert learner.score(X, y) > 0.8
    assert learner.predict_proba(X).shape == (60, 3)
    assert learner.classes_.tolist() == [0, 1, 2]
    assert "valid_loss" in learner.estimator_[-1].history[-1]


def test_synthetic_weight_is_a_weight_of_the_loss(blobs, make_net, segment):
    """One full-batch step of gradient descent, against the weighted gradient by hand."""
    X, y = blobs
    learner = ActiveLearner(
        make_net(max_epochs=1, batch_size=-1),
        segment,
        oracle=lambda X: np.ones(len(X)),
        synthetic_weight=0.3,
        budget=10,
        random_state=0,
    ).fit(X, y)
    record = learner.labelled_
    seeded = ActiveLearner(
        make_net(max_epochs=0), segment, oracle=len, budget=0, random_state=0
    ).fit(X, y)
    start = weights(seeded).astype(float)
    W, b = start[:4].reshape(2, 2), start[4:]
    w = np.where(record.is_synthetic, 0.3, 1.0)
    w /= w.sum()
    scores = record.X @ W.T + b
    proba = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gradient = (w[:, None] * (proba - one_hot(record.y))).T @ record.X
    np.testing.assert_allclose(weights(learner)[:4], (W - 0.1 * gradient).ravel(), atol=1e-5)


@pytest.mark.parametrize(
    "labels",
    [np.array(["cat", "dog"]), np.array([-1, 1]), np.array([False, True])],
    ids=["names", "signs", "booleans"],
)
@pytest.mark.parametrize("soft", [False, True])
def test_labels_that_number_no_outputs_are_encoded(blobs, make_net, labels, soft):
    X, y = blobs
    y = labels[y]
    oracle = EstimatorOracle(LogisticRegression().fit(X, y), soft=soft)
    learner = ActiveLearner(
        make_net(max_epochs=20), UncertaintySampling(), oracle=oracle, random_state=0
    ).fit(X, y, X_val=X, y_val=y)
    assert learner.classes_.tolist() == labels.tolist()
    assert learner.estimator_.classes_.tolist() == labels.tolist(), "what strategies look at"
    assert set(learner.predict(X)) == set(labels)
    assert learner.score(X, y) == np.mean(learner.predict(X) == y) > 0.7
    assert learner.history_[-1]["score"] == learner.score(X, y)


@pytest.mark.parametrize("soft", [False, True])
def test_class_without_labels_keeps_its_output(three_blobs, make_net, soft):
    X, y = three_blobs
    partial = np.where((y != 1) & (np.arange(60) < 30), y, np.nan)
    answers = {
        False: lambda X: np.full(len(X), 2),
        True: lambda X: np.tile([0.5, 0.5], (len(X), 1)),
    }
    learner = ActiveLearner(
        make_net(module__n_outputs=3), RandomSampling(), oracle=answers[soft], budget=10
    ).fit(X, partial)
    assert learner.predict_proba(X).shape == (60, 3)
    assert set(learner.labelled_.y) == {0, 2}


def test_too_many_classes_for_the_net_are_named(three_blobs, make_net):
    X, y = three_blobs
    oracle = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    learner = ActiveLearner(make_net(), RandomSampling(), oracle=oracle, budget=10)
    with pytest.raises(ValueError, match="up to 2 here, but it has 2"):
        learner.fit(X, np.where((y < 2) & (np.arange(60) < 40), y, np.nan))
    assert learner.labelled_.n_bought == 0


@pytest.mark.parametrize("first_class", [0, 1])
def test_labels_beyond_the_outputs_are_explained(three_blobs, make_net, first_class):
    X, y = three_blobs
    net = make_net(module__n_outputs=2 + first_class)
    with pytest.raises(ValueError, match=r"number the outputs.*failed with: Target \d is out"):
        ActiveLearner(net, RandomSampling()).fit(X, y + first_class)


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize(
    "strategy", [UncertaintySampling(), BADGE(features=None)], ids=["uncertainty", "badge"]
)
def test_samples_of_float64_are_cast_for_a_net(blobs, make_net, in_pipeline, strategy):
    X, y = blobs
    estimator = make_pipeline(StandardScaler(), make_net()) if in_pipeline else make_net()
    narrow, wide = (
        ActiveLearner(estimator, strategy, budget=4, batch_size=2, random_state=0).fit(some, y)
        for some in (X, X.astype(np.float64))
    )
    assert wide.labelled_.X.dtype == np.float64
    np.testing.assert_array_equal(wide.labelled_.indices, narrow.labelled_.indices)
    np.testing.assert_array_equal(wide.predict_proba(X.astype(np.float64)), narrow.predict_proba(X))


def test_samples_of_another_dtype_than_the_net_are_explained(blobs, make_net):
    X, y = blobs
    estimator = make_pipeline(StandardScaler(), make_net())
    with pytest.raises(ValueError, match=r"float32: pass X.astype\(np.float32\).*Double and Float"):
        ActiveLearner(estimator, RandomSampling()).fit(pd.DataFrame(X, dtype=np.float64), y)


def test_too_few_labels_for_the_split_are_explained(three_blobs, make_net):
    split = skorch.dataset.ValidSplit(5, stratified=True)
    learner = ActiveLearner(
        make_net(module__n_outputs=3, train_split=split), RandomSampling(), n_initial=9, budget=10
    )
    with pytest.raises(ValueError, match=r"pass train_split=None.*n_splits=5 cannot be greater"):
        learner.fit(*three_blobs)
    learner.set_params(estimator__train_split=None).fit(*three_blobs)


def test_split_of_something_else_is_not_taken_for_the_net_s(three_blobs, make_net):
    X, y = three_blobs
    selector = SequentialFeatureSelector(GaussianNB(), n_features_to_select=1, cv=5)
    learner = ActiveLearner(make_pipeline(selector, make_net()), RandomSampling(), n_initial=9)
    with pytest.raises(ValueError, match="n_splits=5 cannot be greater") as caught:
        learner.fit(X, y)
    assert "train_split" not in str(caught.value)


def test_small_integers_and_missing_labels(blobs, make_net):
    X, y = blobs
    ActiveLearner(make_net(), RandomSampling(), budget=10).fit(X, y.astype(np.uint8))
    partial = np.where(np.arange(40) < 20, y, np.nan)
    learner = ActiveLearner(make_net(), RandomSampling(), oracle=LabelOracle(X, y), budget=10)
    assert learner.fit(X, partial).predict(X).dtype.kind == "i"


def test_search_around_a_net(blobs, make_net):
    X, y = blobs
    search = GridSearchCV(make_net(max_epochs=20), {"lr": [0.1, 0.2]}, cv=2, error_score="raise")
    learner = ActiveLearner(search, UncertaintySampling(), budget=10, random_state=0).fit(X, y)
    assert learner.score(X, y) > 0.7
    soft = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    with pytest.raises(TypeError, match=r"GridSearchCV\.fit takes no sample_weight"):
        learner.set_params(oracle=soft).fit(X, y)


def test_net_as_oracle_leaves_the_global_state_alone(blobs, make_net):
    X, y = blobs
    teacher = ActiveLearner(make_net(), RandomSampling(), budget=10).fit(X, y).estimator_
    oracle = EstimatorOracle(teacher, soft=True)
    ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, budget=10).fit(X, y)


def test_learner_with_a_net_survives_pickling(blobs, make_net):
    X, y = blobs
    oracle = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    learner = ActiveLearner(make_net(), RandomSampling(), oracle=oracle, budget=10).fit(X, y)
    revived = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(revived.predict_proba(X), learner.predict_proba(X))


class Line(torch.nn.Module):
    def __init__(self, squeeze=False):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1)
        self.squeeze = squeeze

    def forward(self, X):
        out = self.linear(X)
        return out.squeeze(1) if self.squeeze else out


def test_net_that_regresses(blobs):
    X, _ = blobs
    y = X @ np.array([1.0, -2.0]) + 3
    net = skorch.NeuralNetRegressor(
        Line, max_epochs=100, lr=0.1, batch_size=-1, verbose=0, train_split=None
    )
    learner = ActiveLearner(net, RandomSampling(), budget=20, random_state=0).fit(X, y)
    assert learner.score(X, y) > 0.99
    assert learner.predict(X).shape == (40,)


def test_net_that_regresses_takes_no_weights(blobs, segment):
    X, y = blobs
    learner = ActiveLearner(
        skorch.NeuralNetRegressor(Line), segment, oracle=len, synthetic_weight=0.5
    )
    with pytest.raises(TypeError, match="NeuralNetRegressor can't learn from weighted samples"):
        learner.fit(X, y)


def test_net_of_one_output(blobs):
    X, y = blobs
    net = skorch.NeuralNetBinaryClassifier(
        Line, module__squeeze=True, max_epochs=30, lr=0.5, verbose=0, train_split=None
    )
    learner = ActiveLearner(net, UncertaintySampling(), budget=20, random_state=0).fit(X, y)
    assert learner.score(X, y) > 0.7
    names = np.array(["cat", "dog"])[y]
    assert set(learner.fit(X, names).predict(X)) == {"cat", "dog"}
    soft = EstimatorOracle(LogisticRegression().fit(X, y), soft=True)
    learner = clone(learner).set_params(oracle=soft)
    with pytest.raises(TypeError, match="BCEWithLogitsLoss"):
        learner.fit(X, y)
    assert not hasattr(learner, "estimator_"), "refused before anything is trained or bought"


# Hard, soft and weighted labels for scikit-learn estimators.


def soft_labels(X):
    """Probabilities of three classes that no linear model has."""
    scores = np.c_[X[:, 0], np.sin(3 * X[:, 1]), 0.5 * X[:, 0] * X[:, 1]]
    return np.exp(log_softmax(scores, axis=1))


def one_hot_of_three(y):
    return np.eye(3)[y]


def test_one_hot_answers_equal_plain_ones(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    plain, soft = (
        ActiveLearner(
            LogisticRegression(tol=1e-10), RandomSampling(), oracle=oracle, random_state=0
        ).fit(X, y)
        for oracle in (teacher.predict, lambda X: one_hot_of_three(teacher.predict(X)))
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
    targets = np.concatenate([one_hot_of_three(y), soft_labels(samples[60:])])

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
    expected = np.concatenate([one_hot_of_three(record.y[:10]), soft_labels(record.X[10:])]).mean(
        axis=0
    )
    np.testing.assert_allclose(learner.estimator_.class_prior_, expected, rtol=1e-6)


BOX = DesignBox([(-6, 6), (-6, 6)])


@pytest.mark.parametrize("container", [np.array, pd.DataFrame])
@pytest.mark.parametrize(
    ("model", "strategy"),
    [
        (LogisticRegression(), UncertaintySampling()),
        (LogisticRegression(), BADGE()),
        (LogisticRegression(), CoreSet(features="classifier")),
        (LogisticRegression(), CoreSet(features=StandardScaler(copy=False))),
        (LogisticRegression(), LatentUncertainty(BOX)),
        (BayesianRidge(), UncertaintySampling()),
        (BayesianRidge(), AISEL(BOX, n_candidates=100)),
    ],
    ids=["uncertainty", "BADGE", "classifier", "features", "latent", "std", "AISEL"],
)
def test_models_that_overwrite_their_samples_change_nothing(blobs, model, strategy, container):
    X, y = blobs
    known = np.where(np.arange(len(y)) % 10 < 2, y, np.nan)
    labelled = []
    for copy in (True, False):
        pool, X_val, X_stop = container(X), container(X[:20]), container(X[20:])
        learner = ActiveLearner(
            make_pipeline(StandardScaler(copy=copy), model),
            strategy,
            oracle=lambda Z: np.asarray(Z)[:, 0] > 0,
            batch_size=4,
            budget=12,
            stopping=StablePredictions(X_stop, threshold=1.0, n_rounds=50),
            random_state=0,
        ).fit(pool, known, X_val=X_val, y_val=y[:20])
        learner.predict(pool)
        np.testing.assert_array_equal(pool, X)
        np.testing.assert_array_equal(X_val, X[:20])
        np.testing.assert_array_equal(X_stop, X[20:])
        labelled.append(np.asarray(learner.labelled_.X))
    np.testing.assert_array_equal(*labelled)


def test_ensembles_and_matchers_leave_samples_as_they_are(blobs):
    X, y = blobs
    for make in (np.array, csr_matrix):
        samples, scaler = make(X), StandardScaler(copy=False, with_mean=False)
        model = make_pipeline(scaler, LogisticRegression())
        EnsembleClassifier(model, 3, random_state=0).fit(samples, y).predict(samples)
        if make is np.array:
            ClassifierFeatures(model).fit(samples, y).transform(samples)
        np.testing.assert_array_equal(samples.toarray() if make is csr_matrix else samples, X)
    matcher = FeatureMatcher(StandardScaler(copy=False)).fit(samples := X.copy())
    assert matcher.match(samples[:3]).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(samples, X)
