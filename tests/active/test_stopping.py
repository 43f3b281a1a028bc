"""Criteria stop when they say, combine, and say the same in a session that is resumed."""

import pickle
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import cohen_kappa_score
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeRegressor

from skgal.active import (
    ActiveLearner,
    AllOf,
    AnyOf,
    CostBudget,
    LabelBudget,
    LabelStore,
    OverallUncertainty,
    StablePredictions,
    TargetScore,
    TimeBudget,
    _store,
)
from skgal.active._stopping import _concordance
from skgal.query import RandomSampling, UncertaintySampling


@pytest.fixture
def learner(blobs):
    """A learner after 4 purchases of 5, scored on what it learns from."""
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), batch_size=5, budget=20, random_state=1
    )
    return learner.fit(X, y, X_val=X, y_val=y)


def pretend(learner, **attributes):
    """A stand-in with some attributes of a learner and others of the test's."""
    own = {**vars(learner), "n_samples_fit_": learner.n_samples_fit_}
    return SimpleNamespace(**{**own, **attributes})


def test_label_budget(learner):
    assert LabelBudget(21).check(learner) is None
    assert LabelBudget(20).check(learner) == "label budget: 20 labels, of 20"


def test_work_time_counts_all_phases():
    phases = {"seconds_fit": 1.0, "seconds_query": 2.0, "seconds_oracle": 4.0}
    stand_in = SimpleNamespace(history_=[phases, phases])
    assert TimeBudget(14.1, "work").check(stand_in) is None
    assert "14 s of work" in TimeBudget(14, "work").check(stand_in)


def test_wall_time_counts_from_the_first_question(learner, blobs):
    (first,) = learner.store_.records(ids=[1])
    passed = (datetime.now(UTC) - first.asked_at).total_seconds()
    assert "of wall time" in TimeBudget(passed).check(learner)
    assert TimeBudget(passed + 1000).check(learner) is None
    unasked = ActiveLearner(LogisticRegression(), RandomSampling(), budget=0).fit(*blobs)
    assert TimeBudget(0.001).check(unasked) is None


def test_wall_time_does_not_count_from_imported_labels(blobs, monkeypatch):
    X, y = blobs
    with LabelStore() as store:
        with monkeypatch.context() as patch:
            patch.setattr(_store, "_now", lambda: "2001-01-01T00:00:00+00:00")
            store.import_labels(X[:3], y[:3])
        known = np.where(np.arange(len(y)) < 10, y, np.nan)
        learner = ActiveLearner(LogisticRegression(), RandomSampling(), store=store)
        learner.fit(X, known).ask(1)
        assert TimeBudget(3600).check(learner) is None


@pytest.mark.parametrize("kind", ["constant", "each", "callable"])
def test_cost_budget(learner, blobs, kind):
    X, _ = blobs
    prices = np.full(40, 2.5) if kind == "constant" else 1 + np.abs(X[:, 0])
    cost = {"constant": 2.5, "each": prices, "callable": lambda X: 1 + np.abs(X[:, 0])}[kind]
    spent = prices[learner.labelled_.indices[10:]].sum()
    assert CostBudget(spent * 1.001, cost).check(learner) is None
    assert "cost budget" in CostBudget(spent * 0.999, cost).check(learner)


def test_designed_samples_have_no_price_in_the_pool(learner):
    designed = np.full(30, -1)
    record = type(learner.labelled_)(
        learner.labelled_.X, learner.labelled_.y, designed, 10, learner.labelled_.classes
    )
    with pytest.raises(ValueError, match="in no pool; pass a callable"):
        CostBudget(1.0, np.ones(40)).check(pretend(learner, labelled_=record))


def test_target_score_for_some_rounds():
    history = [{"score": score} for score in (0.9, 0.5, 0.9, 0.91)]
    stand_in = SimpleNamespace(history_=history)
    assert "0.91 reached" in TargetScore(0.9, n_rounds=2).check(stand_in)
    assert TargetScore(0.9, n_rounds=3).check(stand_in) is None
    assert TargetScore(0.9, n_rounds=5).check(stand_in) is None
    with pytest.raises(ValueError, match="X_val and y_val"):
        TargetScore(0.9).check(SimpleNamespace(history_=[{"score": np.nan}]))


def test_overall_uncertainty(learner, blobs):
    X, _ = blobs
    proba = learner.predict_proba(X)
    mean = -(proba * np.log(proba)).sum(axis=1).mean()
    assert OverallUncertainty(X, mean * 0.999).check(learner) is None
    assert "nats" in OverallUncertainty(X, mean * 1.001).check(learner)
    hinge = ActiveLearner(LinearSVC(), RandomSampling(), budget=5).fit(*blobs)
    with pytest.raises(TypeError, match="LinearSVC has none"):
        OverallUncertainty(X).check(hinge)


def models_of(learner, X, y):
    """The models of all rounds, fitted here to what was labelled then."""
    order = learner.labelled_.indices
    return [clone(learner.estimator).fit(X[order[:n]], y[order[:n]]) for n in (10, 15, 20, 25, 30)]


def test_stable_predictions_is_the_mean_kappa_of_successive_models(learner, blobs):
    X, y = blobs
    predictions = [model.predict(X) for model in models_of(learner, X, y)]
    mean = np.mean([cohen_kappa_score(*predictions[i : i + 2]) for i in (2, 3)])
    assert mean < 1  # else this test would see no difference
    assert StablePredictions(X, mean + 1e-9, n_rounds=2).check(learner) is None
    assert "stable" in StablePredictions(X, mean - 1e-9, n_rounds=2).check(learner)
    assert StablePredictions(X, -1.0, n_rounds=4).check(learner)
    assert StablePredictions(X, -1.0, n_rounds=5).check(learner) is None


def test_stable_predictions_remembers_and_refits_alike(learner, blobs, monkeypatch):
    X, _ = blobs
    refitted = []
    monkeypatch.setattr(
        ActiveLearner,
        "as_of",
        lambda learner, row: refitted.append(row) or as_of(learner, row),
    )
    criterion = StablePredictions(X, threshold=-1.0, n_rounds=2)
    rounds = [pretend_round(learner, n) for n in range(1, 6)]
    verdicts = [criterion.check(each) for each in rounds]
    assert not refitted
    # A copy has not seen the earlier models, and comes to the same verdict.
    resumed = pickle.loads(pickle.dumps(criterion))
    assert resumed.check(rounds[-1]) == verdicts[-1]
    assert refitted == [2, 3]


as_of = ActiveLearner.as_of


def pretend_round(learner, n_fits):
    """The learner as it was after so many fits, with the very rows of its history."""
    earlier = as_of(learner, n_fits - 1)
    earlier.history_ = learner.history_[:n_fits]
    return earlier


def test_earlier_models_of_soft_labels(blobs):
    X, y = blobs
    replies = iter([[0, 1, 0, 1, 1], np.tile([0.3, 0.7], (5, 1))])
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=lambda X: next(replies),
        batch_size=5,
        budget=10,
        random_state=0,
    ).fit(X, y)
    record = learner.labelled_
    plain = LogisticRegression().fit(record.X[:15], record.y[:15])
    np.testing.assert_array_equal(learner.as_of(1).predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(learner.as_of(2).predict_proba(X), learner.predict_proba(X))


def test_concordance_of_numbers():
    x = np.random.default_rng(0).normal(size=100)
    assert _concordance(x, x) == pytest.approx(1)
    assert _concordance(x, -x) == pytest.approx(-1, abs=0.05)
    assert _concordance(np.ones(3), np.ones(3)) == 1
    # Lin (1989): the correlation, less what shift and scale cost.
    shift, scale = 0.5, 2.0
    expected = (
        2
        * scale
        * x.var()
        / ((1 + scale**2) * x.var() + (x.mean() - (scale * x + shift).mean()) ** 2)
    )
    assert _concordance(x, scale * x + shift) == pytest.approx(expected)


def test_regressors_can_be_stable(blobs):
    X, _ = blobs
    learner = ActiveLearner(Ridge(), RandomSampling(), budget=20, random_state=1).fit(X, X[:, 0])
    assert StablePredictions(X, 0.9, n_rounds=1).check(learner)


def test_outputs_of_a_regressor_are_stable_one_by_one(blobs):
    X, _ = blobs
    noise = np.random.default_rng(0).normal(size=len(X))
    far_apart = np.column_stack([1000 + 0.1 * noise, X[:, 0]])  # an offset is no agreement
    tree = DecisionTreeRegressor(random_state=0)
    learner = ActiveLearner(tree, RandomSampling(), batch_size=5, budget=20, random_state=0)
    learner.fit(X, far_apart)
    assert StablePredictions(X, 0.99, n_rounds=1).check(learner) is None
    learner.fit(X, np.column_stack([X[:, 0], np.zeros(len(X))]))
    alone = clone(learner).fit(X, X[:, 0])
    criterion = StablePredictions(X, -1.0, n_rounds=1)
    assert criterion.check(learner) == criterion.check(alone)


def test_a_model_that_knows_one_class_is_not_stable(blobs):
    X, y = blobs
    learner = ActiveLearner(
        DummyClassifier(),
        RandomSampling(),
        batch_size=5,
        budget=20,
        stopping=StablePredictions(X),
        random_state=0,
    )
    assert "budget" in learner.fit(X, y).stop_reason_


def test_criteria_combine(learner):
    yes, no = LabelBudget(20), LabelBudget(21)
    assert (yes | no).check(learner) == "label budget: 20 labels, of 20"
    assert (yes & no).check(learner) is None
    assert (yes & TimeBudget(0.0)).check(learner).count(";") == 1
    assert (no | no).check(learner) is None
    assert (no | (yes & yes)).check(learner)
    assert isinstance(yes | no | yes, AnyOf)
    assert len((yes | no | yes).criteria) == 3
    assert isinstance(yes & (no | yes), AllOf)
    with pytest.raises(TypeError):
        yes | "budget"


def test_criteria_clone_and_refuse_nonsense(learner, blobs):
    criterion = StablePredictions(blobs[0]) | (LabelBudget(3) & TargetScore(0.5))
    copy = clone(criterion)
    assert copy is not criterion
    assert repr(copy) == repr(criterion)
    for bad in (LabelBudget(-1), TargetScore("high"), TimeBudget(-1.0), StablePredictions(None, 2)):
        with pytest.raises(ValueError, match=type(bad).__name__):
            bad.check(learner)


def test_a_learner_stops_early(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(),
        UncertaintySampling(),
        batch_size=2,
        budget=30,
        stopping=StablePredictions(X, 0.99, n_rounds=2) | LabelBudget(20),
        random_state=0,
    ).fit(X, y)
    assert learner.labelled_.n_bought < 30
    assert learner.stop_reason_ == learner.stopping.check(learner)


def test_a_resumed_session_stops_where_the_unbroken_one_does(blobs, tmp_path):
    X, y = blobs

    def run(store, budget):
        return ActiveLearner(
            LogisticRegression(),
            RandomSampling(),
            batch_size=2,
            budget=budget,
            stopping=StablePredictions(X, 0.93, n_rounds=3),
            store=store,
            random_state=1,
        ).fit(X, y)

    unbroken = run(None, 30)
    assert 4 < unbroken.labelled_.n_bought < 30  # else breaking it at 4 would show nothing
    run(tmp_path / "labels.db", 4)
    resumed = run(tmp_path / "labels.db", 30)
    np.testing.assert_array_equal(resumed.labelled_.indices, unbroken.labelled_.indices)
    assert resumed.stop_reason_ == unbroken.stop_reason_
