"""What is bought, when, and what becomes of it."""

import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from scipy.stats import entropy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skgal.active import ActiveLearner, EstimatorOracle, LabelOracle
from skgal.base import PoolStrategy, Synthesis, SynthesisStrategy
from skgal.query import RandomSampling, UncertaintySampling
from skgal.utils import take_rows


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


class Repeating(SynthesisStrategy):
    """Designs the first samples over again, and notes what it was shown."""

    def __init__(self, seen=None):
        self.seen = seen

    def synthesize(self, X, y, clf, *, batch_size=1):
        if self.seen is not None:
            self.seen.append((X, y))
        return Synthesis(take_rows(X, np.arange(batch_size)), np.zeros((batch_size, 1)))


class Shared(list):
    """A list that clones share instead of copying."""

    def __sklearn_clone__(self):
        return self


class Failing(ClassifierMixin, BaseEstimator):
    """A classifier whose fit fails once it has more than ``limit`` samples."""

    def __init__(self, limit=10):
        self.limit = limit

    def fit(self, X, y):
        if len(X) > self.limit:
            raise RuntimeError("no more than that")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def counting(oracle):
    """Wrap an oracle so that it counts what it was asked."""

    def ask(X):
        ask.n_asked += len(X)
        ask.n_calls += 1
        return oracle(X)

    ask.n_asked = ask.n_calls = 0
    return ask


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


# Missing labels


def test_given_labels_are_the_start_and_the_oracle_brings_the_others(blobs):
    X, y = blobs
    partial = y.astype(float)
    partial[np.r_[2:18, 22:40]] = np.nan
    partial[np.flatnonzero(y == 0)[0]] = 0
    partial[np.flatnonzero(y == 1)[0]] = 1
    given = np.flatnonzero(~np.isnan(partial))
    oracle = counting(LabelOracle(X, y))
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, budget=12)
    record = learner.fit(X, partial).labelled_
    np.testing.assert_array_equal(record.indices[: record.n_initial], given)
    assert (oracle.n_asked, oracle.n_calls) == (12, 2)
    assert not np.isin(record.indices[record.n_initial :], given).any()
    np.testing.assert_array_equal(record.y, y[record.indices])
    assert record.y.dtype.kind == "i"


@pytest.mark.parametrize(
    ("make_y", "missing_label"),
    [
        (lambda names: ["?" if i >= 20 else name for i, name in enumerate(names)], "?"),
        (lambda names: [None if i >= 20 else name for i, name in enumerate(names)], np.nan),
        (lambda names: [np.nan if i >= 20 else name for i, name in enumerate(names)], np.nan),
        (lambda names: pd.Series(names, dtype="string").where(np.arange(40) < 20), np.nan),
        (lambda names: pd.Series(names, dtype="category").where(np.arange(40) < 20), np.nan),
        (lambda names: pl.Series([*names[:20], *[None] * 20]), np.nan),
    ],
    ids=["question mark", "None", "NaN", "pandas string", "pandas category", "polars"],
)
def test_names_with_missing_labels(blobs, make_y, missing_label):
    X, y = blobs
    names = np.array(["cat", "zebra"])[y]
    learner = ActiveLearner(
        LogisticRegression(),
        UncertaintySampling(),
        oracle=LabelOracle(X, names),
        missing_label=missing_label,
        budget=10,
    ).fit(X, make_y(names))
    assert learner.labelled_.n_initial == 20
    assert learner.classes_.tolist() == ["cat", "zebra"]
    np.testing.assert_array_equal(learner.labelled_.y, names[learner.labelled_.indices])


def test_nullable_integers_with_missing_labels(blobs):
    X, y = blobs
    partial = pd.Series(y, dtype="Int64").where(np.arange(40) < 20)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), budget=10
    ).fit(X, partial)
    assert learner.labelled_.n_initial == 20
    assert learner.classes_.dtype.kind == "i"


def test_missing_labels_need_an_oracle(blobs):
    X, y = blobs
    partial = np.where(np.arange(40) < 20, y, np.nan)
    with pytest.raises(ValueError, match="oracle, since y has missing labels"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, partial)


def test_one_class_only_is_an_error_before_anything_is_asked(blobs):
    X, _ = blobs
    oracle = counting(lambda X: np.zeros(len(X)))
    partial = np.where(np.arange(40) < 20, 1.0, np.nan)
    with pytest.raises(ValueError, match="one class only"):
        ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle).fit(X, partial)
    assert oracle.n_calls == 0


def test_no_label_is_an_error(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=len)
    with pytest.raises(ValueError, match="no label to start from"):
        learner.fit(blobs[0], np.full(40, np.nan))


def test_declined_samples_count_as_asked_and_are_not_asked_again(blobs):
    X, y = blobs
    asked = []

    def moody(X):
        asked.append(X)
        return np.where(np.arange(len(X)) % 2, np.nan, 1.0)

    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=moody, batch_size=6, budget=24
    ).fit(X, y)
    asked = np.concatenate(asked)
    assert len(asked) == 24
    assert len(np.unique(asked, axis=0)) == 24
    assert learner.labelled_.n_bought == 12


def test_oracle_that_declines_everything_ends_the_session(blobs):
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=lambda X: [None] * len(X), budget=20
    ).fit(*blobs)
    assert learner.labelled_.n_bought == 0
    assert len(learner.history_) == 3


# Synthesis


def test_synthetic_samples_are_appended_to_all_labels_given(blobs, segment):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(),
        segment,
        oracle=LogisticRegression().fit(X, y).predict,
        batch_size=4,
        budget=10,
        random_state=0,
    ).fit(X, y)
    record = learner.labelled_
    assert [row["n_labels"] for row in learner.history_] == [40, 44, 48, 50]
    np.testing.assert_array_equal(record.is_synthetic, np.arange(50) >= 40)
    np.testing.assert_array_equal(record.X[:40], X)
    assert np.isnan(record.latent[:40]).all()
    on_segment = X[0] + record.latent[40:] * (X[1] - X[0])
    np.testing.assert_allclose(record.X[40:], on_segment, rtol=1e-6)
    assert len(np.unique(record.latent[40:])) == 10, "rounds must not repeat each other"


def test_synthesis_can_start_from_fewer_labels(blobs, segment):
    learner = ActiveLearner(
        LogisticRegression(), segment, oracle=lambda X: np.zeros(len(X)), n_initial=6, budget=4
    ).fit(*blobs)
    assert learner.labelled_.n_initial == 6


def test_synthesis_from_partly_labelled_samples(blobs, segment):
    X, y = blobs
    partial = np.where(np.arange(40) < 20, y, np.nan)
    learner = ActiveLearner(
        LogisticRegression(), segment, oracle=lambda X: np.zeros(len(X)), budget=4
    ).fit(X, partial)
    assert learner.labelled_.indices.tolist() == [*range(20), -1, -1, -1, -1]


def test_strategy_sees_synthetic_samples_and_their_labels_below_the_real_ones(blobs):
    X, y = blobs
    shown = Shared()

    partial = np.where(np.arange(40) < 20, y, np.nan)
    record = (
        ActiveLearner(
            LogisticRegression(),
            Repeating(shown),
            oracle=lambda X: [7] * len(X),
            batch_size=3,
            budget=6,
        )
        .fit(X, partial)
        .labelled_
    )
    np.testing.assert_array_equal(shown[0][0], X)
    np.testing.assert_array_equal(shown[0][1], partial)
    np.testing.assert_array_equal(shown[1][0], np.concatenate([X, record.X[20:23]]))
    np.testing.assert_array_equal(shown[1][1], np.concatenate([partial, [7, 7, 7]]))


def test_synthetic_samples_of_another_shape_are_named(blobs):
    class Broken(SynthesisStrategy):
        def synthesize(self, X, y, clf, *, batch_size=1):
            return Synthesis(np.zeros((batch_size, 3)), np.zeros((batch_size, 1)))

    learner = ActiveLearner(LogisticRegression(), Broken(), oracle=len)
    with pytest.raises(ValueError, match=r"Broken.*\(2,\).*\(3,\)"):
        learner.fit(*blobs)


def test_synthetic_rows_of_frames_stay_frames(blobs):
    X, y = blobs
    for frame in (pd.DataFrame(X, columns=["a", "b"]), pl.DataFrame(X, schema=["a", "b"])):
        learner = ActiveLearner(
            LogisticRegression(), Repeating(), oracle=lambda X: [1] * len(X), budget=10
        ).fit(frame, y)
        assert type(learner.labelled_.X) is type(frame)
        assert learner.labelled_.X.shape == (50, 2)
        assert learner.feature_names_in_.tolist() == ["a", "b"]


def test_declined_synthetic_samples_are_dropped(blobs, segment):
    learner = ActiveLearner(
        LogisticRegression(),
        segment,
        oracle=lambda X: np.where(np.arange(len(X)) == 0, np.nan, 1),
        batch_size=5,
        budget=10,
    ).fit(*blobs)
    assert learner.labelled_.n_bought == 8
    assert not np.isnan(learner.labelled_.latent[40:]).any()


def test_synthesis_needs_an_oracle(blobs, segment):
    with pytest.raises(ValueError, match="oracle, since it designs new samples"):
        ActiveLearner(LogisticRegression(), segment).fit(*blobs)


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


def test_history_makes_a_data_frame(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10).fit(*blobs)
    frame = pd.DataFrame(learner.history_)
    assert frame["n_labels"].tolist() == [10, 20]
    assert frame["score"].isna().all()


def test_validation_data_come_in_pairs(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="X_val and y_val"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y, X_val=X)


def test_verbose_reports_rounds_to_the_logger(blobs, caplog):
    with caplog.at_level(logging.INFO, logger="skgal.active"):
        ActiveLearner(LogisticRegression(), RandomSampling(), budget=10, verbose=1).fit(*blobs)
        assert "20 labels, 10 of them bought" in caplog.text
        caplog.clear()
        ActiveLearner(LogisticRegression(), RandomSampling(), budget=10).fit(*blobs)
        assert not caplog.text


# Nothing of what was labelled is lost


def test_labels_survive_a_failing_fit(blobs):
    X, y = blobs
    learner = ActiveLearner(Failing(limit=10), RandomSampling(), n_initial=8, batch_size=5)
    with pytest.raises(RuntimeError, match="no more than that") as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 5
    np.testing.assert_array_equal(learner.labelled_.y, y[learner.labelled_.indices])
    assert "5 bought" in caught.value.__notes__[0]
    assert learner.predict(X).shape == (40,), "the model of the round before is still there"


def test_labels_survive_a_failing_oracle(blobs):
    X, y = blobs
    answer = LabelOracle(X, y)

    def tired(X):
        if tired.n_calls == 2:
            raise TimeoutError("the simulator hangs")
        tired.n_calls += 1
        return answer(X)

    tired.n_calls = 0
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=tired, batch_size=3)
    with pytest.raises(TimeoutError) as caught:
        learner.fit(X, y)
    assert learner.labelled_.n_bought == 6
    assert "labelled_" in caught.value.__notes__[0]


def test_labels_survive_a_failing_strategy_and_an_interrupt(blobs):
    class Stubborn(First):
        def query(self, X, y, clf, **parameters):
            if np.isfinite(y).sum() > 10:
                raise KeyboardInterrupt
            return super().query(X, y, clf, **parameters)

    learner = ActiveLearner(LogisticRegression(), Stubborn(), batch_size=5)
    with pytest.raises(KeyboardInterrupt):
        learner.fit(*blobs)
    assert learner.labelled_.n_bought == 5


def test_answers_that_are_refused_are_in_the_error(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=lambda X: [1, 0, 1])
    with pytest.raises(ValueError, match=r"each of the 10 samples.*shape \(3,\)") as caught:
        learner.fit(*blobs)
    assert "[1, 0, 1]" in caught.value.__notes__[0]
    assert learner.labelled_.n_bought == 0


@pytest.mark.parametrize(
    "choice",
    [[], [0, 0], [39, 40], list(range(30)), [-1]],
    ids=["none", "twice", "no", "many", "-1"],
)
def test_strategies_that_break_their_contract_are_named(blobs, choice):
    class Broken(First):
        def query(self, X, y, clf, **parameters):
            return np.array(choice, dtype=int)

    with pytest.raises(ValueError, match="Broken"):
        ActiveLearner(LogisticRegression(), Broken(), n_initial=30, batch_size=8).fit(*blobs)


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


# Containers


def frames(blobs):
    X, y = blobs
    columns = {"x": X[:, 0], "name": np.where(X[:, 1] > 0, "up", "down")}
    return columns, y


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_reach_the_estimator_untouched(blobs, make_frame):
    columns, y = frames(blobs)
    X = make_frame(columns)
    transformer = make_column_transformer(
        (StandardScaler(), ["x"]), (OneHotEncoder(sparse_output=False), ["name"])
    )
    learner = ActiveLearner(
        make_pipeline(transformer, LogisticRegression()), UncertaintySampling(), budget=10
    ).fit(X, y)
    assert type(learner.labelled_.X) is type(X)
    assert learner.labelled_.X.shape == (20, 2)
    assert learner.feature_names_in_.tolist() == ["x", "name"]
    assert learner.score(X, y) > 0.7


def test_sparse_pools(blobs):
    X, y = sparse.csr_matrix(blobs[0]), blobs[1]
    learner = ActiveLearner(LogisticRegression(), UncertaintySampling(), budget=10).fit(X, y)
    np.testing.assert_array_equal(
        learner.labelled_.X.toarray(), blobs[0][learner.labelled_.indices]
    )


def test_images_keep_their_shape(blobs):
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    estimator = make_pipeline(flatten, LogisticRegression())
    X, y = blobs
    learner = ActiveLearner(estimator, RandomSampling(), budget=10)
    learner.fit(X.reshape(40, 1, 2, 1), y)
    assert learner.labelled_.X.shape == (20, 1, 2, 1)
    assert learner.labelled_.X.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_bad_values_are_refused_before_any_training(blobs, bad, make):
    X, y = blobs
    X = X.copy()
    X[3, 1] = bad
    with pytest.raises(ValueError, match="contains"):
        ActiveLearner(Failing(limit=0), RandomSampling()).fit(make(X), y)


def test_missing_values_are_for_estimators_that_take_them(blobs):
    X, y = blobs
    X = X.copy()
    X[::4, 1] = np.nan
    for estimator in (
        HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=2),
        make_pipeline(SimpleImputer(), LogisticRegression()),
    ):
        learner = ActiveLearner(estimator, RandomSampling(), budget=10).fit(X, y)
        assert learner.score(X, y) > 0.5


def test_lengths_must_agree(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y[:-1])


def test_estimator_oracle_teaches_what_it_knows(blobs):
    X, y = blobs
    teacher = LogisticRegression().fit(X, y)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=EstimatorOracle(teacher), budget=10
    ).fit(X, y)
    record = learner.labelled_
    bought = slice(record.n_initial, None)
    np.testing.assert_array_equal(record.y[bought], teacher.predict(record.X[bought]))
