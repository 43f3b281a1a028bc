"""What is bought, when, and what the history says of it."""

import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge

from skgal.active import ActiveLearner
from skgal.base import Asked, PoolStrategy, Synthesis
from skgal.query import RandomSampling, UncertaintySampling


class First(PoolStrategy):
    """Chooses the first candidates, and notes what it was shown."""

    def __init__(self, seen=None):
        self.seen = seen

    def fit(self, X, y=None):
        if self.seen is not None:
            self.seen.append(("fit", X, y))
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        if self.seen is not None:
            self.seen.append(("query", X, y))
        return candidates[:batch_size]


class Shared(list):
    """A list that clones share instead of copying."""

    def __sklearn_clone__(self):
        return self


# Simulation


def test_simulation_buys_in_batches_until_the_budget_is_spent(blobs):
    learner = ActiveLearner(
        LogisticRegression(), First(), n_initial=4, batch_size=5, budget=12, random_state=0
    ).fit(*blobs)
    assert [row["n_labels"] for row in learner.history_] == [4, 9, 14, 16]
    assert [row["n_bought"] for row in learner.history_] == [0, 5, 10, 12]
    assert len(learner.labelled_) == 16
    assert learner.labelled_.n_initial == 4


def test_record_holds_the_true_rows_and_labels(blobs):
    X, y = blobs
    record = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10).fit(X, y).labelled_
    np.testing.assert_array_equal(record.X, X[record.indices])
    np.testing.assert_array_equal(record.y, y[record.indices])
    assert len(np.unique(record.indices)) == len(record)
    assert not record.is_synthetic.any()
    assert record.latent is None
    assert record.proba is None


def test_final_model_is_the_plain_model_on_what_was_bought(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=7, random_state=0)
    record = learner.fit(*blobs).labelled_
    expected = LogisticRegression().fit(record.X, record.y)
    np.testing.assert_array_equal(learner.estimator_.coef_, expected.coef_)


def test_pool_smaller_than_the_budget_is_bought_whole(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10_000).fit(*blobs)
    assert sorted(learner.labelled_.indices) == list(range(40))
    assert learner.history_[-1]["n_labels"] == 40


def test_default_budget_is_ten_batches(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), n_initial=4, batch_size=2)
    assert learner.fit(*blobs).labelled_.n_bought == 20


def test_without_budget_nothing_is_fitted_but_the_model(blobs):
    seen = Shared()
    learner = ActiveLearner(LogisticRegression(), First(seen), budget=0).fit(*blobs)
    assert not seen
    assert len(learner.history_) == 1


def test_strategy_is_fitted_once_and_never_sees_hidden_labels(blobs):
    X, y = blobs
    seen = Shared()
    learner = ActiveLearner(
        LogisticRegression(), First(seen), n_initial=4, batch_size=3, budget=6, random_state=0
    ).fit(X, y)
    assert [step for step, _, _ in seen] == ["fit", "query", "query"]
    for n_known, (_, shown_X, shown_y) in zip([4, 4, 7], seen, strict=True):
        np.testing.assert_array_equal(shown_X, X)
        known = ~np.isnan(shown_y)
        assert set(np.flatnonzero(known)) == set(learner.labelled_.indices[:n_known])
        np.testing.assert_array_equal(shown_y[known], y[known])


def test_oracle_takes_the_place_of_known_labels(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=lambda X: np.full(len(X), 7), budget=10
    ).fit(X, y)
    assert set(learner.labelled_.y[learner.labelled_.n_initial :]) == {7}
    assert learner.classes_.tolist() == [0, 1, 7]


def test_regression(blobs):
    X, _ = blobs
    y = X @ [1.0, -2.0]
    learner = ActiveLearner(Ridge(1e-6), RandomSampling(), budget=10, random_state=0).fit(X, y)
    assert learner.score(X, y) > 0.999
    assert "label_counts" not in learner.history_[0]
    assert np.isnan(learner.history_[1]["mean_entropy"])


# Initial labels


def test_every_class_is_shown_where_possible():
    y = np.repeat(np.arange(5), [96, 1, 1, 1, 1])
    X = np.random.RandomState(0).normal(size=(100, 2))
    for seed in range(5):
        learner = ActiveLearner(
            LogisticRegression(), RandomSampling(), n_initial=5, budget=0, random_state=seed
        ).fit(X, y)
        assert sorted(learner.labelled_.y) == [0, 1, 2, 3, 4]


def test_initial_classes_have_their_share():
    y = np.repeat([0, 1], [300, 100])
    X = np.random.RandomState(0).normal(size=(400, 2))
    for seed in range(5):
        learner = ActiveLearner(
            LogisticRegression(), RandomSampling(), n_initial=40, budget=0, random_state=seed
        ).fit(X, y)
        counts = learner.history_[0]["label_counts"]
        assert abs(counts[0] - 30) <= 1


@pytest.mark.parametrize(("n_classes", "expected"), [(2, 10), (3, 10), (8, 16)])
def test_default_number_of_initial_labels(n_classes, expected):
    y = np.arange(80) % n_classes
    X = np.random.RandomState(0).normal(size=(80, 2))
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=0).fit(X, y)
    assert learner.labelled_.n_initial == expected


def test_more_initial_labels_than_samples_is_an_error(blobs):
    with pytest.raises(ValueError, match="n_initial=41, but y has 40 labels"):
        ActiveLearner(LogisticRegression(), RandomSampling(), n_initial=41).fit(*blobs)


# History


def test_history_scores_on_validation_data(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), batch_size=5, budget=10, random_state=0
    ).fit(X, y, X_val=X, y_val=y)
    record = learner.labelled_
    for row in learner.history_:
        model = LogisticRegression().fit(record.X[: row["n_labels"]], record.y[: row["n_labels"]])
        assert row["score"] == model.score(X, y)
        counts = np.bincount(record.y[: row["n_labels"]])
        assert row["label_counts"] == dict(enumerate(counts))
        assert min(row["seconds_fit"], row["seconds_query"], row["seconds_oracle"]) >= 0


def test_entropy_of_the_chosen_is_that_under_the_model_before(blobs):
    learner = ActiveLearner(
        LogisticRegression(), UncertaintySampling(), batch_size=5, budget=10, random_state=0
    ).fit(*blobs)
    record, history = learner.labelled_, learner.history_
    assert np.isnan(history[0]["mean_entropy"])
    for before, after in pairwise(history):
        known = slice(before["n_labels"])
        chosen = slice(before["n_labels"], after["n_labels"])
        model = LogisticRegression().fit(record.X[known], record.y[known])
        expected = entropy(model.predict_proba(record.X[chosen]), axis=1).mean()
        assert after["mean_entropy"] == pytest.approx(expected)


def test_scores_that_are_no_probabilities_are_refused_before_anything_is_bought(blobs):
    class LogProbabilities(LogisticRegression):
        def predict_proba(self, X):
            return np.log(super().predict_proba(X))

    learner = ActiveLearner(LogProbabilities(), RandomSampling(), oracle=len)
    with pytest.raises(ValueError, match="softmax"):
        learner.fit(*blobs)
    assert learner.labelled_.n_bought == 0


def test_history_makes_a_data_frame(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10).fit(*blobs)
    frame = pd.DataFrame(learner.history_)
    assert frame["n_labels"].tolist() == [10, 20]
    assert frame["score"].isna().all()


def test_validation_data_come_in_pairs(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="X_val and y_val"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y, X_val=X)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda X, y: (np.where(X.max() > X, X, np.inf), y), "X_val contains infinity"),
        (lambda X, y: (pd.DataFrame(X).where(X.max() > X), y), r"X_val\[[01]\] contains NaN"),
        (lambda X, y: (X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: (X, np.where(np.arange(40) == 3, np.nan, y)), "1 of its 40 labels"),
        (lambda X, y: (X[:, :1], y), r"X_val must have the shape.*\(2,\).*\(1,\)"),
    ],
    ids=["infinity", "NaN in a frame", "length", "missing label", "shape"],
)
def test_bad_validation_data_are_refused_before_any_training(blobs, spoil, message):
    X_val, y_val = spoil(*blobs)
    learner = ActiveLearner(LogisticRegression(), RandomSampling())
    with pytest.raises(ValueError, match=message):
        learner.fit(*blobs, X_val=X_val, y_val=y_val)
    assert not hasattr(learner, "history_")


def test_rounds_are_logged(blobs, caplog):
    with caplog.at_level(logging.INFO, logger="skgal.active"):
        ActiveLearner(LogisticRegression(), RandomSampling(), budget=10).fit(*blobs)
    assert [record.name for record in caplog.records] == ["skgal.active"] * 2
    assert "20 labels, 10 of them bought" in caplog.text


def test_first_query_is_billed_for_the_strategy_s_fit(blobs, monkeypatch):
    now = 0

    class Slow(First):
        def fit(self, X, y=None):
            nonlocal now
            now += 60
            return self

        def query(self, X, y, clf, **parameters):
            nonlocal now
            now += 5
            return super().query(X, y, clf, **parameters)

    monkeypatch.setattr("skgal.active._learner.perf_counter", lambda: now)
    learner = ActiveLearner(LogisticRegression(), Slow(), batch_size=5, budget=10).fit(*blobs)
    assert [row["seconds_query"] for row in learner.history_] == [0, 65, 5]
    assert [row["seconds_fit"] for row in learner.history_] == [0, 0, 0]


# Randomness


def test_random_state_decides_everything(blobs):
    def run(seed):
        learner = ActiveLearner(
            LogisticRegression(), RandomSampling(), budget=20, random_state=seed
        ).fit(*blobs)
        return learner.labelled_.indices.tolist()

    assert run(0) == run(0)
    assert run(0) != run(1)


def test_seeds_of_the_user_are_kept(blobs):
    learner = ActiveLearner(
        HistGradientBoostingClassifier(max_iter=1, random_state=5), RandomSampling(), budget=0
    ).fit(*blobs)
    assert learner.estimator_.random_state == 5
    learner.set_params(estimator__random_state=None).fit(*blobs)
    assert isinstance(learner.estimator_.random_state, int)
    assert learner.estimator.random_state is None


@pytest.mark.parametrize("n", [300, 900, 1500])  # NumPy cuts arrays of more than 1000 short
def test_reprs_do_not_grow_with_the_session(n):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(5000, 4))
    y = np.where(np.arange(5000) < n, (X[:, 0] > 0).astype(float), np.nan)
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=3000, store=":memory:")
    query = learner.fit(X, y).ask(n)
    synthesis = Synthesis(X[:n], X[:n], np.arange(n) // 3, np.zeros(n))
    asked = Asked(X[:n], X[:n], np.ones(n))
    for shown in (learner, learner.store_, learner.labelled_, query, synthesis, asked):
        assert len(repr(shown)) < 200, type(shown).__name__
    assert repr(query) == f"<Query: X of shape ({n}, 4), 0 designed>"
    assert repr(asked) == f"<Asked: X of shape ({n}, 4), {n} succeeded>"
    assert repr(synthesis) == f"<Synthesis: X of shape ({n}, 4), on {n // 3} lines>"
    learner.tell(query.ids[:100], rng.randint(2, size=100))
    counts = f"{n} initial and 100 bought labels"
    assert repr(learner.labelled_) == f"<LabelledSet: X of shape ({n + 100}, 4), {counts}>"
