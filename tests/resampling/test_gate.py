"""The gate: whether synthetic samples help, by cross-validation done by hand."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skgal.exceptions import GateLeakWarning, UselessSamplesWarning
from skgal.generators import CGAN
from skgal.nn import Dense
from skgal.resampling import GANOverSampler, Gate, SelectiveAugmentation
from skgal.resampling._report import Report
from skgal.utils import as_random_state, seeded_torch

RNG = np.random.RandomState(0)
Y = np.repeat(["common", "rare"], [60, 12])
X = RNG.normal(size=(72, 2)) + np.where(Y == "rare", 1.5, 0)[:, None]


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


class AddsNothing(SelectiveAugmentation):
    def fit_resample(self, X, y):
        return X, y


class Unfittable(LogisticRegression):
    def fit(self, X, y, sample_weight=None):
        raise AssertionError("it was trained")


class MustNotTrain(Oracle):
    def fit(self, X, y):
        raise AssertionError("the generator was trained")


def test_help_is_let_through():
    gate = Gate(LogisticRegression(), scoring="f1_macro")
    sampler = GANOverSampler(Oracle(), gate=gate, random_state=0)
    X_new, y_new = sampler.fit_resample(X, Y)
    assert len(X_new) == 120
    scores = sampler.gate_scores_
    assert scores.resampled.mean() > scores.original.mean()
    # What is drawn in the end does not depend on the folds but for the seed.
    assert (y_new == "rare").sum() == 60


def test_harm_is_kept_out_and_both_scores_are_named():
    gate = Gate(KNeighborsClassifier(), scoring="f1_macro", cv=4)
    sampler = GANOverSampler(Oracle(lies=True), gate=gate, random_state=0)
    with pytest.warns(UselessSamplesWarning, match="f1_macro") as caught:
        X_new, y_new = sampler.fit_resample(X, Y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, Y)
    scores = sampler.gate_scores_
    (message,) = [str(w.message) for w in caught if w.category is UselessSamplesWarning]
    assert f"{scores.resampled.mean():.4g} with" in message
    assert f"{scores.original.mean():.4g} without" in message
    assert "4 folds" in message
    assert caught[0].filename == __file__
    assert not hasattr(sampler, "generator_")
    assert sampler.report_["accepted"].tolist() == [0, 0]


def test_original_scores_are_those_of_a_cross_validation_by_hand():
    gate = Gate(LogisticRegression(), scoring="f1_macro", cv=3)
    scores = gate.compare(GANOverSampler(Oracle()).fit(X, Y), X, Y, seed=0)
    expected = []
    for train, test in StratifiedKFold(3).split(X, Y):
        predicted = LogisticRegression().fit(X[train], Y[train]).predict(X[test])
        expected.append(f1_score(Y[test], predicted, average="macro"))
    assert_allclose(scores.original, expected)


class Recording(Oracle):
    asked = []

    def sample(self, n_samples=1, *, y=None, random_state=None):
        self.asked.append(len(y))
        return super().sample(y=y, random_state=random_state)


@pytest.mark.parametrize(
    ("params", "in_folds", "in_the_end"),
    [
        # Of 48 samples with 40 and 8 of the classes 32 are missing, as 48 of the 72 are.
        ({}, 32, 48),
        ({"sampling_strategy": {"rare": 30}}, 12, 18),
        ({"sampling_strategy": 0.5}, 12, 18),
        ({"sampling_strategy": lambda y: {"rare": 30}}, 12, 18),
    ],
)
def test_folds_get_their_share_of_synthetic_samples(params, in_folds, in_the_end):
    Recording.asked.clear()
    gate = Gate(LogisticRegression(), min_gain=-1.0)
    GANOverSampler(Recording(), gate=gate, **params).fit_resample(X, Y)
    assert Recording.asked == [in_folds] * 3 + [in_the_end]


# The gate is meant to close.
@pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning")
def test_a_ratio_in_folds():
    tiny = CGAN(latent_dim=2, max_iter=1, batch_size=8, architecture=Dense(hidden=(4,)))
    sampler = SelectiveAugmentation(
        tiny, ratio=0.5, n_passes=1, extractor_max_iter=1, random_state=0
    )
    sampler.set_params(gate=Gate(LogisticRegression(), cv=2, min_gain=-1.0))
    assert len(sampler.fit_resample(X, Y)[0]) == 72 * 1.5


@pytest.mark.parametrize("name", ["generator", "extractor"])
def test_what_was_fitted_beforehand_may_have_seen_the_test_parts(name):
    gate = Gate(FrozenEstimator(LogisticRegression().fit(X, Y)))  # a frozen classifier is no leak
    sampler = AddsNothing(Oracle(), gate=gate).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gate.compare(sampler, X, Y, seed=0)
    sampler.set_params(**{name: FrozenEstimator(Oracle())})
    with pytest.warns(GateLeakWarning, match=rf"\({name}\).*pass it without FrozenEstimator"):
        gate.compare(sampler, X, Y, seed=0)


def test_the_warning_of_a_leak_is_about_the_line_of_the_user():
    gate = Gate(LogisticRegression(), cv=2, min_gain=-1)
    with pytest.warns(GateLeakWarning) as caught:
        GANOverSampler(FrozenEstimator(Oracle()), gate=gate).fit_resample(X, Y)
    assert [w.filename for w in caught if w.category is GateLeakWarning] == [__file__]


def test_folds_leave_the_checkpoint_to_the_whole_training(tmp_path):
    tiny = CGAN(latent_dim=2, max_iter=1, batch_size=8, checkpoint=tmp_path, random_state=0)
    sampler = GANOverSampler(tiny, gate=Gate(LogisticRegression(), cv=2, min_gain=-1))
    sampler.set_params(random_state=0).fit_resample(X, Y)
    assert (tmp_path / "game.pt").exists()
    assert sampler.generator_.checkpoint == tiny.checkpoint == tmp_path
    with pytest.warns(GateLeakWarning):
        sampler.set_params(generator=FrozenEstimator(sampler.generator_)).fit_resample(X, Y)


def test_folds_measure_no_distances(monkeypatch):
    measured = []
    monkeypatch.setattr(Report, "describe", lambda self, X, *others: measured.append(len(X)))
    gate = Gate(LogisticRegression(), min_gain=-1)
    GANOverSampler(Oracle(), gate=gate, random_state=0).fit_resample(X, Y)
    assert measured == [72]


def test_min_gain_and_nested_parameters():
    sampler = GANOverSampler(Oracle(), gate=Gate(LogisticRegression()), random_state=0)
    sampler.set_params(gate__min_gain=0.9, gate__classifier__C=3.0, gate__cv=2)
    with pytest.warns(UselessSamplesWarning, match="2 folds"):
        sampler.fit_resample(X, Y)
    assert clone(sampler).get_params()["gate__classifier__C"] == 3.0


def test_scores_do_not_depend_on_n_jobs():
    with parallel_config(backend="threading"):  # to start processes takes longer than the rest
        scores = [
            Gate(DecisionTreeClassifier(max_features=1), n_jobs=n_jobs).compare(
                GANOverSampler(Oracle()).fit(X, Y), X, Y, seed=3
            )
            for n_jobs in (1, 2)
        ]
    assert_array_equal(scores[0].original, scores[1].original)
    assert_array_equal(scores[0].resampled, scores[1].resampled)


def test_luck_favours_neither():
    tree = DecisionTreeClassifier(max_features=1)
    scores = Gate(tree).compare(AddsNothing(Oracle()).fit(X, Y), X, Y, seed=0)
    assert_array_equal(scores.original, scores.resampled)
    assert not scores.is_gain()


def test_a_net_as_classifier():
    from skorch import NeuralNetClassifier
    from torch import nn

    with seeded_torch(0):
        module = nn.Linear(2, 2)
    net = NeuralNetClassifier(
        module, criterion=nn.CrossEntropyLoss, max_epochs=1, train_split=None, verbose=0
    )
    sampler = GANOverSampler(CGAN(latent_dim=2, max_iter=1, batch_size=8), random_state=0)
    y = (Y == "rare").astype(np.int64)
    scores = [
        Gate(net).compare(sampler.fit(X.astype(np.float32), y), X.astype(np.float32), y, seed=0)
        for _ in range(2)
    ]
    assert_array_equal(scores[0].resampled, scores[1].resampled)


@pytest.mark.parametrize(
    ("gate", "y", "match"),
    [
        (Gate(Unfittable(), cv=2), np.repeat(["common", "rare"], [71, 1]), "class 'common' only"),
        (Gate(Unfittable(), cv=2), np.repeat([0, 1], [71, 1]), "class 0 only.*rarest"),
        (Gate(Unfittable(), cv=iter([])), Y, "no folds"),
        (Gate(Unfittable(), scoring="f_one"), Y, "'scoring' parameter of Gate"),
        (Gate(Unfittable(), cv=80), Y, "n_splits=80"),
    ],
)
@pytest.mark.filterwarnings("ignore:The least populated class")  # scikit-learn's, of few samples
@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")  # that is the case
def test_what_cannot_be_judged_is_refused_before_training(gate, y, match):
    with pytest.raises(ValueError, match=match):
        GANOverSampler(Oracle(), gate=gate).fit_resample(X, y)


def test_groups_reach_the_splitter():
    groups = np.arange(72) % 6
    sampler = GANOverSampler(
        Oracle(), gate=Gate(LogisticRegression(), cv=GroupKFold(2), min_gain=-1)
    )
    with sklearn.config_context(enable_metadata_routing=True):
        sampler.fit_resample(X, Y, groups=groups)
    folds = GroupKFold(2).split(X, Y, groups)
    expected = [LogisticRegression().fit(X[a], Y[a]).score(X[b], Y[b]) for a, b in folds]
    assert_allclose(sampler.gate_scores_.original, expected)


class Unscorable(LogisticRegression):
    def decision_function(self, X):
        raise AssertionError("it was asked")


# Of sorted data a part has one class only.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.parametrize(
    ("gate", "error", "match"),
    [
        (Gate(Unfittable()), AssertionError, "it was trained"),
        (Gate(Unscorable(), scoring="roc_auc"), AssertionError, "it was asked"),
        (
            Gate(LogisticRegression(), scoring="roc_auc", cv=KFold(12)),
            ValueError,
            r"folds \[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11\].*\['rare'\].*\['common'\]",
        ),
        (
            Gate(LogisticRegression(), scoring=lambda fitted, X, y: np.nan if 2 in X else 1.0),
            ValueError,
            r"the score is not a finite number in the folds \[1\] \(from 0, of 3\)\. ",
        ),
        (
            Gate(LogisticRegression(), scoring=lambda fitted, X, y: {"recall": 1.0}),
            TypeError,
            r"scoring must return a number.*\{'recall': 1.0\}",
        ),
    ],
)
def test_a_classifier_or_metric_that_fails_does_so_before_training(gate, error, match):
    samples = X.copy()
    samples[30] = 2
    with pytest.raises(error, match=match):
        GANOverSampler(MustNotTrain(), gate=gate).fit_resample(samples, Y)


def test_a_score_that_is_lost_to_synthetic_samples_is_named():
    gate = Gate(LogisticRegression(), scoring=lambda fitted, X, y: next(scores), cv=2)
    scores = iter([0.5, 0.5, np.nan, 0.5])
    with pytest.raises(ValueError, match=r"folds \[0\]"):
        GANOverSampler(Oracle(), gate=gate).fit_resample(X, Y)


class Weighing(Oracle):
    """Refuses weights that are not those of its samples."""

    seen = []

    def fit(self, X, y, sample_weight=None):
        assert_array_equal(sample_weight, X[:, 0])
        self.seen.append(len(X))
        return self


def test_metadata_reach_the_generator_in_folds():
    Weighing.seen.clear()
    gate = Gate(LogisticRegression(), cv=GroupKFold(2), min_gain=-1, n_jobs=2)
    weight = pd.Series(X[:, 0], index=np.arange(72)[::-1])
    # The workers must know that metadata are routed.
    with sklearn.config_context(enable_metadata_routing=True), parallel_config("threading"):
        generator = Weighing().set_fit_request(sample_weight="weight")
        GANOverSampler(generator, gate=gate).fit_resample(
            X, Y, weight=weight, groups=np.arange(72) % 6
        )
    assert Weighing.seen == [36, 36, 72]


def test_an_iterator_of_splits():
    splits = StratifiedKFold(3).split(X, Y)
    gate = Gate(LogisticRegression(), cv=splits, scoring="f1_macro", min_gain=-1)
    sampler = GANOverSampler(Oracle(), gate=gate, random_state=0)
    expected = GANOverSampler(
        Oracle(), gate=Gate(LogisticRegression(), scoring="f1_macro", min_gain=-1), random_state=0
    )
    assert_array_equal(sampler.fit_resample(X, Y)[0], expected.fit_resample(X, Y)[0])
    assert_array_equal(sampler.gate_scores_.resampled, expected.gate_scores_.resampled)
    with pytest.raises(ValueError, match="can be used once only"):
        sampler.fit_resample(X, Y)


def test_folds_get_a_sample_of_each_class_that_gets_one():
    Recording.asked.clear()
    sampler = GANOverSampler(Recording(), sampling_strategy={"rare": 13, "common": 60})
    sampler.set_params(gate=Gate(LogisticRegression(), cv=2, min_gain=-1)).fit_resample(X, Y)
    assert Recording.asked == [1, 1, 1]


def test_no_gain_from_a_splitter_that_draws():
    gate = Gate(LogisticRegression(), cv=ShuffleSplit(2, random_state=0), min_gain=1.0)
    with pytest.warns(UselessSamplesWarning, match="the classifier's score is"):
        GANOverSampler(Oracle(), gate=gate, random_state=0).fit_resample(X, Y)
