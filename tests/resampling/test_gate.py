"""The gate around any sampler: decisions against a cross-validation and a test done by hand."""

import inspect
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from imblearn import FunctionSampler
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

from skgal import GatedSampler
from skgal.exceptions import FewSamplesWarning, GateLeakWarning, UselessSamplesWarning
from skgal.generators import CGAN
from skgal.nn import Dense
from skgal.resampling import GANOverSampler, SelectiveAugmentation
from skgal.resampling._gate import corrected_t_test
from skgal.utils import as_random_state

RNG = np.random.RandomState(0)
Y = np.repeat(["common", "rare"], [60, 12])
X = RNG.normal(size=(72, 2)) + np.where(Y == "rare", 1.5, 0)[:, None]
OPEN = {"min_gain": -1, "alpha": 0.5, "random_state": 0}
THREE = StratifiedKFold(3)


class Oracle(BaseEstimator):
    """Draws from the true distribution, or from that of the other class."""

    def __init__(self, lies=False, random_state=None):
        self.lies = lies
        self.random_state = random_state

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def sample(self, n_samples=1, *, y=None, random_state=None):
        is_rare = (np.asarray(y) == "rare") != self.lies
        noise = as_random_state(random_state).normal(size=(len(y), 2))
        return noise + np.where(is_rare, 1.5, 0)[:, None], y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class MustNotTrain(Oracle):
    def fit(self, X, y):
        raise AssertionError("the generator was trained")


class Unfittable(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("it was trained")


class Unscorable(LogisticRegression):
    def decision_function(self, X):
        raise AssertionError("it was asked")


class Recording(Oracle):
    asked = []

    def sample(self, n_samples=1, *, y=None, random_state=None):
        self.asked.append(len(y))
        return super().sample(y=y, random_state=random_state)


def scores_by_turns(*scores):
    """Make a metric that gives these values, one after the other."""
    values = iter(scores)
    return lambda fitted, X, y: next(values)


def decide(original, resampled, **params):
    """Return the decision about given scores, in folds with test parts half as large."""
    gated = GatedSampler(
        FunctionSampler(), LogisticRegression(), scoring=scores_by_turns(*original, *resampled)
    )
    gated.set_params(cv=len(original), **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UselessSamplesWarning)
        gated.fit_resample(X, Y)
    return gated.decision_


def test_the_decision_by_hand():
    # Three folds of 24 and 48 samples: gains 0.1, 0.2 and 0.3 of mean 0.2 and variance 0.01;
    # (1 / 3 + 1 / 2) * 0.01 = 0.00833..., t = 0.2 / 0.0913 = 2.19; p of 2 degrees is 0.0799.
    decision = decide([0.5, 0.5, 0.5], [0.6, 0.7, 0.8])
    assert decision.gain == pytest.approx(0.2)
    assert decision.standard_error == pytest.approx(0.0912871)
    assert decision.p_value == pytest.approx(0.0799, abs=1e-4)
    assert decision.is_open  # alpha is 0.1
    assert not decide([0.5, 0.5, 0.5], [0.6, 0.7, 0.8], alpha=0.05).is_open
    assert not decide([0.5, 0.5, 0.5], [0.6, 0.7, 0.8], min_gain=0.1).is_open
    # The same mean with more spread: a lucky fold is no proof, unless the mean shall decide.
    assert not decide([0.5, 0.5, 0.5], [0.5, 0.5, 1.1]).is_open
    assert decide([0.5, 0.5, 0.5], [0.5, 0.5, 1.1], alpha=0.5).is_open


def test_equal_gains_are_certain():
    assert decide([0.5, 0.6], [0.6, 0.7]).is_open
    assert not decide([0.5, 0.6], [0.6, 0.7], min_gain=0.1).is_open
    assert not decide([0.5, 0.6], [0.5, 0.6], alpha=0.5).is_open
    assert decide([0.5, 0.6], [0.5, 0.6]).p_value == 1


def test_the_corrected_test_is_an_ordinary_one_without_the_correction():
    gains = np.random.RandomState(0).normal(0.3, 1, size=9)
    expected = stats.ttest_1samp(gains, 0.1, alternative="greater")
    gain, error, p_value = corrected_t_test(gains, 0.0, min_gain=0.1)
    assert p_value == pytest.approx(expected.pvalue)
    assert (gain - 0.1) / error == pytest.approx(expected.statistic)
    assert corrected_t_test(gains, 0.25, min_gain=0.1)[1] / error == pytest.approx(
        np.sqrt((1 / 9 + 0.25) / (1 / 9))
    )


def test_samples_without_information_seldom_pass():
    # Repeating samples changes nothing that a linear model with class weights learns.
    model = LogisticRegression(class_weight="balanced")
    n_open = 0
    for seed in range(30):
        rng = np.random.RandomState(seed)
        samples = rng.normal(size=(80, 2))
        gated = GatedSampler(RandomOverSampler(random_state=seed), model, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gated.fit_resample(samples, np.arange(80) % 5 == 0)
        n_open += gated.decision_.is_open
    assert n_open <= 6  # of 30 at alpha = 0.1; the mean alone would open half of the time


def test_help_is_let_through():
    y = np.repeat(Y, 5)
    samples = np.random.RandomState(1).normal(size=(360, 2)) + 1.5 * (y == "rare")[:, None]
    gated = GatedSampler(
        GANOverSampler(Oracle()), LogisticRegression(), scoring="balanced_accuracy", random_state=0
    )
    X_new, y_new = gated.fit_resample(samples, y)
    assert len(X_new) == 600
    assert (y_new == "rare").sum() == 300
    assert gated.decision_.is_open
    assert gated.sampler_.report_.loc["rare", "accepted"] == 240
    assert gated.sampling_strategy_ == {"rare": 240}


def test_harm_is_kept_out_and_both_scores_are_named():
    sampler = GANOverSampler(Oracle(lies=True))
    gated = GatedSampler(sampler, KNeighborsClassifier(), scoring="f1_macro", cv=4, random_state=0)
    with pytest.warns(UselessSamplesWarning, match="f1_macro") as caught:
        X_new, y_new = gated.fit_resample(X, Y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, Y)
    assert not np.shares_memory(X_new, X)
    assert not np.shares_memory(y_new, Y)
    decision = gated.decision_
    assert str(caught[0].message) == decision.reason
    assert f"{decision.resampled.mean():.4g} with" in decision.reason
    assert f"{decision.original.mean():.4g} without" in decision.reason
    assert "4 folds" in decision.reason
    assert caught[0].filename == __file__
    assert not hasattr(gated, "sampler_")


def test_warnings_point_at_the_users_line_out_of_pipelines_and_searches():
    gated = GatedSampler(FunctionSampler(), LogisticRegression(), cv=2)
    pipe = make_pipeline(gated, LogisticRegression())
    search = GridSearchCV(pipe, {"gatedsampler__min_gain": [0.0, 0.1]}, cv=2)
    for model in (pipe, search):
        with pytest.warns(UselessSamplesWarning) as caught:
            model.fit(X, Y)
        line = inspect.currentframe().f_lineno - 1
        assert {(w.filename, w.lineno) for w in caught} == {(__file__, line)}


def test_scores_are_those_of_a_cross_validation_by_hand():
    gated = GatedSampler(
        SMOTE(random_state=0), LogisticRegression(), scoring="f1_macro", cv=THREE, **OPEN
    )
    gated.fit_resample(X, Y)
    for scores, sampler in (("original", None), ("resampled", SMOTE(random_state=0))):
        expected = []
        for train, test in THREE.split(X, Y):
            fitted_to = X[train], Y[train]
            if sampler is not None:
                fitted_to = sampler.fit_resample(*fitted_to)
            predicted = LogisticRegression().fit(*fitted_to).predict(X[test])
            expected.append(f1_score(Y[test], predicted, average="macro"))
        assert_allclose(getattr(gated.decision_, scores), expected)


def test_folds_are_shuffled_by_the_seed():
    # Sorted by the feature, so that folds in order would each test on a range not trained on.
    order = np.lexsort([X[:, 0], Y])
    gated = GatedSampler(RandomOverSampler(), LogisticRegression(), **OPEN)
    gated.fit_resample(X[order], Y[order])
    expected = []
    rng = as_random_state(0)
    folds = StratifiedKFold(5, shuffle=True, random_state=int(rng.randint(2**31 - 1)))
    for train, test in folds.split(X, Y[order]):
        model = LogisticRegression().fit(X[order][train], Y[order][train])
        expected.append(model.score(X[order][test], Y[order][test]))
    assert_allclose(gated.decision_.original, expected)
    again = clone(gated).set_params(cv=None)
    again.fit_resample(X[order], Y[order])
    assert_array_equal(gated.decision_.resampled, again.decision_.resampled)
    again.set_params(random_state=1).fit_resample(X[order], Y[order])
    assert not np.array_equal(gated.decision_.original, again.decision_.original)


@pytest.mark.parametrize(
    ("params", "in_folds", "in_the_end"),
    [
        # Of 48 samples with 40 and 8 of the classes 32 are missing, as 48 of the 72 are.
        ({}, 32, 48),
        ({"sampling_strategy": {"rare": 30}}, 12, 18),
        ({"sampling_strategy": 0.5}, 12, 18),
        ({"sampling_strategy": lambda y: {"rare": 30}}, 12, 18),
        ({"sampling_strategy": {"rare": 13, "common": 60}}, 1, 1),
    ],
)
def test_folds_get_their_share_of_new_samples(params, in_folds, in_the_end):
    Recording.asked.clear()
    gated = GatedSampler(GANOverSampler(Recording(), **params), LogisticRegression(), **OPEN)
    gated.set_params(cv=THREE).fit_resample(X, Y)
    assert Recording.asked == [in_folds] * 3 + [in_the_end]


def test_an_under_sampler_keeps_its_share_in_folds():
    kept = []

    def note(X, y):
        kept.append(int((y == "common").sum()))
        return X, y

    pipe = make_pipeline(
        RandomUnderSampler(sampling_strategy={"common": 30}),
        FunctionSampler(func=note, validate=False),
    )
    GatedSampler(pipe, LogisticRegression(), **OPEN).set_params(cv=THREE).fit_resample(X, Y)
    assert kept == [20, 20, 20, 30]


def test_a_ratio_in_folds():
    tiny = CGAN(latent_dim=2, max_iter=1, batch_size=8, architecture=Dense(hidden=(4,)))
    sampler = SelectiveAugmentation(tiny, ratio=0.5, n_passes=1, extractor_max_iter=1)
    gated = GatedSampler(sampler, LogisticRegression(), cv=2, **OPEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(gated.fit_resample(X, Y)[0]) == 72 * 1.5


def test_transformers_in_a_pipeline_are_fitted_in_the_folds():
    pipe = make_pipeline(StandardScaler(), SMOTE(random_state=0))
    gated = GatedSampler(pipe, KNeighborsClassifier(), cv=THREE, **OPEN)
    skewed = X * [1, 1000]
    X_new, y_new = gated.fit_resample(skewed, Y)
    for resampled, scores in ((False, "original"), (True, "resampled")):
        expected = []
        for train, test in THREE.split(skewed, Y):
            scaler = StandardScaler().fit(skewed[train])
            fitted_to = scaler.transform(skewed[train]), Y[train]
            if resampled:
                fitted_to = SMOTE(random_state=0).fit_resample(*fitted_to)
            model = KNeighborsClassifier().fit(*fitted_to)
            expected.append(model.score(scaler.transform(skewed[test]), Y[test]))
        assert_allclose(getattr(gated.decision_, scores), expected)
    scaled = StandardScaler().fit_transform(skewed)
    assert_allclose(X_new[:72], scaled)
    assert_allclose(gated.transformers_.transform(skewed), scaled)
    # Closed, the data come back as the transformers leave them.
    with pytest.warns(UselessSamplesWarning):
        X_new, y_new = gated.set_params(min_gain=1).fit_resample(skewed, Y)
    assert_allclose(X_new, scaled)
    assert_array_equal(y_new, Y)
    assert_allclose(gated.transformers_.transform(skewed), scaled)


@pytest.mark.parametrize("step", ["generator", "extractor"])
def test_what_was_fitted_beforehand_may_have_seen_the_test_parts(step):
    frozen = FrozenEstimator(Oracle())
    params = {"generator": {"generator": frozen}, "extractor": {"generator": Oracle()}}[step]
    sampler = make_pipeline(GANOverSampler(**params))
    if step == "extractor":
        sampler = make_pipeline(FrozenEstimator(StandardScaler().fit(X)), GANOverSampler(Oracle()))
    gated = GatedSampler(sampler, FrozenEstimator(LogisticRegression().fit(X, Y)), cv=2, **OPEN)
    with pytest.warns(GateLeakWarning, match="pass it without FrozenEstimator") as caught:
        gated.fit_resample(X, Y)
    assert [w.filename for w in caught if w.category is GateLeakWarning] == [__file__]
    with warnings.catch_warnings():  # a frozen classifier is no leak
        warnings.simplefilter("error", GateLeakWarning)
        gated.set_params(sampler=SMOTE()).fit_resample(X, Y)


@pytest.mark.filterwarnings("ignore::skgal.exceptions.PoorSamplesWarning")
def test_folds_leave_the_checkpoint_to_the_whole_training(tmp_path):
    tiny = CGAN(latent_dim=2, max_iter=1, batch_size=8, checkpoint=tmp_path, random_state=0)
    gated = GatedSampler(GANOverSampler(tiny), LogisticRegression(), cv=2, **OPEN)
    gated.fit_resample(X, Y)
    assert [*tmp_path.iterdir()]
    assert gated.sampler_.generator_.checkpoint == tmp_path


def test_nested_parameters():
    gated = GatedSampler(SMOTE(), LogisticRegression(), random_state=0)
    gated.set_params(classifier__C=3.0, sampler__k_neighbors=2, cv=2, min_gain=0.9)
    with pytest.warns(UselessSamplesWarning, match="2 folds"):
        gated.fit_resample(X, Y)
    assert clone(gated).get_params()["sampler__k_neighbors"] == 2


def test_scores_do_not_depend_on_n_jobs():
    decisions = []
    with parallel_config(backend="threading"):  # to start processes takes longer than the rest
        for n_jobs in (1, 2):
            gated = GatedSampler(SMOTE(), DecisionTreeClassifier(max_features=1), **OPEN)
            gated.set_params(n_jobs=n_jobs).fit_resample(X, Y)
            decisions.append(gated.decision_)
    assert_array_equal(decisions[0].original, decisions[1].original)
    assert_array_equal(decisions[0].resampled, decisions[1].resampled)


@pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning")
def test_luck_favours_neither():
    gated = GatedSampler(FunctionSampler(), DecisionTreeClassifier(max_features=1))
    gated.fit_resample(X, Y)
    assert_array_equal(gated.decision_.original, gated.decision_.resampled)
    assert not gated.decision_.is_open


class LogitModule(torch.nn.Linear):
    def forward(self, X):
        return super().forward(X).squeeze(-1)


NETS = {
    "classifier": NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=2,
        criterion=torch.nn.CrossEntropyLoss,
    ),
    "binary": NeuralNetBinaryClassifier(LogitModule, module__in_features=2, module__out_features=1),
}


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("labels", [np.array(["common", "rare"]), np.array([0.0, 1.0]), [3, 7]])
@pytest.mark.parametrize("scoring", ["f1_macro", "roc_auc"])
def test_nets_get_labels_and_floats_of_any_kind(net, labels, scoring):
    model = NETS[net].set_params(max_epochs=5, lr=0.5, train_split=None, verbose=0)
    y = np.asarray(labels)[(Y == "rare").astype(int)]
    gated = GatedSampler(SMOTE(), model, scoring=scoring, cv=2, **OPEN)
    if scoring == "f1_macro":
        gated.set_params(scoring="balanced_accuracy")
    X_new, y_new = gated.fit_resample(X, y)
    assert len(X_new) == 120
    assert set(y_new) == set(labels)
    assert gated.decision_.resampled.mean() > 0.7
    again = clone(gated)
    again.fit_resample(X, y)
    assert_array_equal(gated.decision_.resampled, again.decision_.resampled)


@pytest.mark.parametrize("cls", [StackingClassifier, VotingClassifier])
def test_classifiers_that_predict_only_once_they_are_fitted(cls):
    model = cls([("a", LogisticRegression()), ("b", LogisticRegression(C=0.1))])
    X_new, _ = GatedSampler(SMOTE(), model, cv=2, **OPEN).fit_resample(X, Y)
    assert len(X_new) == 120


@pytest.mark.parametrize(
    ("params", "y", "match"),
    [
        ({"cv": 2}, np.repeat(["common", "rare"], [71, 1]), "class 'common' only"),
        ({"cv": 2}, np.repeat([0, 1], [71, 1]), "class 0 only.*rarest"),
        ({"cv": iter([])}, Y, "two folds or more.*it made 0"),
        ({"cv": ShuffleSplit(1, random_state=0)}, Y, "two folds or more.*it made 1"),
        ({"scoring": "f_one"}, Y, "'scoring' parameter of GatedSampler"),
        ({"alpha": 0.6}, Y, "'alpha' parameter of GatedSampler"),
        ({"sampler": LogisticRegression()}, Y, "'sampler' parameter of GatedSampler"),
        ({"cv": 80}, Y, "n_splits=80"),
    ],
)
@pytest.mark.filterwarnings("ignore:The least populated class")  # scikit-learn's, of few samples
def test_what_cannot_be_decided_is_refused_before_training(params, y, match):
    gated = GatedSampler(GANOverSampler(MustNotTrain()), Unfittable(), random_state=0)
    with pytest.raises(ValueError, match=match):
        gated.set_params(**params).fit_resample(X, y)


# Of sorted data a part has one class only.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize(
    ("classifier", "params", "error", "match"),
    [
        (Unfittable(), {}, AssertionError, "it was trained"),
        (Unscorable(), {"scoring": "roc_auc"}, AssertionError, "it was asked"),
        (
            LogisticRegression(),
            {"scoring": "roc_auc", "cv": KFold(12)},
            ValueError,
            r"folds \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\].*\['rare'\].*\['common'\]",
        ),
        (
            LogisticRegression(),
            {"scoring": lambda fitted, X, y: np.nan if 2 in X else 1.0, "cv": THREE},
            ValueError,
            r"the score is not a finite number in the folds \[1\] \(from 0, of 3\)\. ",
        ),
        (
            LogisticRegression(),
            {"scoring": lambda fitted, X, y: {"recall": 1.0}},
            TypeError,
            r"scoring must return a number.*\{'recall': 1.0\}",
        ),
        (LogisticRegression(), {"scoring": "f1"}, ValueError, r"make_scorer\(.*pos_label='rare'"),
    ],
)
def test_a_classifier_or_metric_that_fails_does_so_before_training(
    classifier, params, error, match
):
    samples = X.copy()
    samples[30] = 2
    gated = GatedSampler(GANOverSampler(MustNotTrain()), classifier, **params)
    with pytest.raises(error, match=match):
        gated.fit_resample(samples, Y)


def test_a_score_that_is_lost_to_new_samples_is_named():
    scoring = scores_by_turns(0.5, 0.5, np.nan, 0.5)
    with pytest.raises(ValueError, match=r"folds \[0\]"):
        GatedSampler(SMOTE(), LogisticRegression(), scoring=scoring, cv=2).fit_resample(X, Y)


class Weighing(Oracle):
    """Refuses weights that are not those of its samples."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        assert_array_equal(sample_weight, X[:, 0])
        self.seen.append(len(X))
        return self


def test_metadata_reach_generator_and_splitter():
    Weighing.seen.clear()
    groups = np.arange(72) % 6
    weight = pd.Series(X[:, 0], index=np.arange(72)[::-1])
    # The workers must know that metadata are routed.
    with sklearn.config_context(enable_metadata_routing=True), parallel_config("threading"):
        generator = Weighing().set_fit_request(sample_weight="weight")
        gated = GatedSampler(
            GANOverSampler(generator), LogisticRegression(), cv=GroupKFold(2), n_jobs=2, **OPEN
        )
        gated.fit_resample(X, Y, weight=weight, groups=groups)
    assert Weighing.seen == [36, 36, 72]
    folds = GroupKFold(2).split(X, Y, groups)
    expected = [LogisticRegression().fit(X[a], Y[a]).score(X[b], Y[b]) for a, b in folds]
    assert_allclose(gated.decision_.original, expected)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        gated.fit_resample(X, Y, groups=groups)


def test_an_iterator_of_splits():
    gated = GatedSampler(SMOTE(), LogisticRegression(), cv=THREE.split(X, Y), **OPEN)
    expected = GatedSampler(SMOTE(), LogisticRegression(), cv=THREE, **OPEN)
    assert_array_equal(gated.fit_resample(X, Y)[0], expected.fit_resample(X, Y)[0])
    assert_array_equal(gated.decision_.resampled, expected.decision_.resampled)
    with pytest.raises(ValueError, match="can be used once only"):
        gated.fit_resample(X, Y)


def test_more_folds_decide_more_surely():
    cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    gated = GatedSampler(SMOTE(), LogisticRegression(), cv=cv, **OPEN)
    gated.fit_resample(X, Y)
    assert len(gated.decision_.original) == 10


@pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning")  # of some folds
def test_in_a_pipeline_in_a_search():
    X_easy, y = make_classification(300, weights=[0.9], random_state=0)
    model = LogisticRegression()
    gated = GatedSampler(SMOTE(random_state=0), model, scoring="balanced_accuracy", random_state=0)
    pipe = make_pipeline(StandardScaler(), gated, model)
    search = GridSearchCV(
        pipe,
        {"gatedsampler__sampler": [SMOTE(random_state=0), RandomUnderSampler(random_state=0)]},
        scoring="balanced_accuracy",
        cv=3,
        error_score="raise",
    ).fit(X_easy, y)
    scaled = StandardScaler().fit_transform(X_easy)
    best = search.best_estimator_
    assert best["gatedsampler"].decision_.is_open
    sampler = clone(best["gatedsampler"].sampler)
    expected = LogisticRegression().fit(*sampler.fit_resample(scaled, y))
    assert_array_equal(search.predict(X_easy), expected.predict(scaled))


def test_warnings_of_few_samples_are_given_once():
    y = np.repeat(["common", "rare"], [68, 4])
    gated = GatedSampler(GANOverSampler(Oracle()), LogisticRegression(), cv=2, **OPEN)
    with pytest.warns(FewSamplesWarning) as caught:
        gated.fit_resample(X, y)
    few = [w for w in caught if w.category is FewSamplesWarning]
    assert [(w.filename, "'rare': 4" in str(w.message)) for w in few] == [(__file__, True)]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_sampler_with_too_few_samples_in_a_fold_is_told_so(n_jobs):
    X = np.random.RandomState(0).normal(size=(60, 3))
    y = np.r_[["rare"] * 7, ["common"] * 53]
    SMOTE(random_state=0).fit_resample(X, y)  # the whole is enough
    gate = GatedSampler(SMOTE(), LogisticRegression(), n_jobs=n_jobs, random_state=0)
    with parallel_config("threading"), pytest.raises(ValueError, match="n_neighbors") as raised:
        gate.fit_resample(X, y)
    (note,) = raised.value.__notes__
    assert "training part of a fold" in note
    assert "'rare': 5" in note
