"""What is bought, when, and what the history says of it; strategies fitted once; designs."""

import logging
from itertools import pairwise

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import Memory
from scipy.stats import entropy
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import f1_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, EstimatorOracle, LabelStore
from skgal.active._learner import fit_strategy
from skgal.base import Asked, PoolStrategy, Synthesis, SynthesisStrategy
from skgal.exceptions import NotDifferentiableError
from skgal.generators import ACGAN, CGAN, GAN, GIN, GenerationScorer
from skgal.metrics import frechet_distance, inception_score
from skgal.nn import Dense
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    CertaintySampling,
    LatentRandom,
    LatentUncertainty,
    RandomSampling,
    UncertaintySampling,
)
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


def test_final_model_is_the_plain_model_on_the_bought_labels(blobs):
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
    assert "20 labels, 10 of them beyond the initial ones" in caplog.text


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
    counts = f"{n} initial and 100 further labels"
    assert repr(learner.labelled_) == f"<LabelledSet: X of shape ({n + 100}, 4), {counts}>"


# What a strategy learns of a pool is learned once, and never taken for something else.


FITS = []
"""What was fitted, one entry a fit: a list of the module, since strategies get cloned."""


class Codebook(BaseEstimator):
    """Stands for the generator, whose training is what is paid for."""

    def __init__(self, size=2, random_state=None):
        self.size = size
        self.random_state = random_state

    def fit(self, X, y=None):
        FITS.append((self.size, self.random_state))
        self.codes_ = np.asarray(X)[: self.size]
        return self


class Learning(PoolStrategy):
    """Asks for the samples next to the codes it has learned."""

    def __init__(self, generator, random_state=None):
        self.generator = generator
        self.random_state = random_state

    def fit(self, X, y=None):
        self.generator_ = clone(self.generator).fit(X, y)
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        distances = np.linalg.norm(X[candidates] - self.generator_.codes_[0], axis=1)
        return candidates[np.argsort(distances)[:batch_size]]


@pytest.fixture(autouse=True)
def no_fits():
    FITS.clear()


def test_a_grid_over_ten_classifiers_trains_the_generator_once_a_fold(blobs, tmp_path):
    X, y = blobs
    classifiers = [
        LogisticRegression(C=0.1),
        LogisticRegression(C=1.0),
        LogisticRegression(C=10.0),
        RidgeClassifier(),
        GaussianNB(),
        KNeighborsClassifier(1),
        KNeighborsClassifier(3),
        LinearSVC(),  # these two leave a seed to be drawn
        DecisionTreeClassifier(),
        DecisionTreeClassifier(max_depth=1),
    ]
    learner = ActiveLearner(
        GaussianNB(), Learning(Codebook()), budget=5, memory=tmp_path, random_state=0
    )
    grid = {"estimator": classifiers, "budget": [5, 10]}
    GridSearchCV(learner, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert len(FITS) == 2


def test_learner_with_a_cache_chooses_as_without(blobs, tmp_path):
    X, y = blobs
    learner = ActiveLearner(GaussianNB(), Learning(Codebook()), budget=20, random_state=0)
    plain = clone(learner).fit(X, y).labelled_.indices
    for _ in range(2):
        cached = clone(learner).set_params(memory=str(tmp_path)).fit(X, y)
        np.testing.assert_array_equal(cached.labelled_.indices, plain)
    assert len(FITS) == 2


@pytest.mark.parametrize("memory", ["path", "text", "joblib"])
def test_ways_to_say_where(blobs, tmp_path, memory):
    X, y = blobs
    place = {"path": tmp_path, "text": str(tmp_path), "joblib": Memory(tmp_path, verbose=0)}[memory]
    first = fit_strategy(Learning(Codebook()), X, y, place)
    second = fit_strategy(Learning(Codebook()), X, y, place)
    assert len(FITS) == 1
    np.testing.assert_array_equal(first.generator_.codes_, second.generator_.codes_)
    with pytest.raises(ValueError, match="memory"):
        fit_strategy(Learning(Codebook()), X, y, 3)


def test_the_cache_key_has_all_that_a_fit_may_read(blobs, tmp_path):
    X, y = blobs
    y = y.astype(float)

    def fits(strategy=None, X=X, y=y):
        before = len(FITS)
        fit_strategy(Learning(Codebook()) if strategy is None else strategy, X, y, tmp_path)
        return len(FITS) - before

    assert fits() == 1
    assert fits() == 0
    assert fits(Learning(Codebook(size=3))) == 1
    assert fits(Learning(Codebook(random_state=1))) == 1
    assert fits(Learning(Codebook(), random_state=1)) == 1
    assert fits(X=X + 1) == 1
    assert fits(y=np.where(np.arange(40) < 20, y, np.nan)) == 1
    assert fits(X=X.copy(), y=y.copy()) == 0


def test_nothing_is_cached_without_memory_or_learning(blobs, tmp_path):
    X, y = blobs
    for _ in range(2):
        fit_strategy(Learning(Codebook()), X, y)
    assert len(FITS) == 2
    strategy = RandomSampling()
    assert fit_strategy(strategy, X, y, tmp_path) is strategy
    assert not list(tmp_path.rglob("*.pkl"))


def test_a_file_is_no_folder(tmp_path):
    with LabelStore(tmp_path / "labels.db") as store:
        learner = ActiveLearner(LogisticRegression(), RandomSampling(), memory=store.path)
        with pytest.raises(ValueError, match=r"memory is a folder.*labels\.db is a file"):
            learner.fit([[0.0], [1.0]] * 10, [0, 1] * 10)


# Rounds are scored by whatever the user likes; ALCG's loop by what its generator draws.


X, Y = load_iris(return_X_y=True)
POOL, HELD_OUT = np.arange(150) % 3 > 0, np.arange(150) % 3 == 0


def learner(**kwargs):
    clf = LogisticRegression(max_iter=500)
    return ActiveLearner(clf, RandomSampling(), budget=10, random_state=0, **kwargs)


def fit(learner):
    return learner.fit(X[POOL], Y[POOL], X_val=X[HELD_OUT], y_val=Y[HELD_OUT])


def test_further_measures_are_columns_of_the_history():
    fitted = fit(learner(scoring=["f1_macro", "neg_log_loss"]))
    last, (X_val, y_val) = fitted.history_[-1], (X[HELD_OUT], Y[HELD_OUT])
    assert last["f1_macro"] == f1_score(y_val, fitted.predict(X_val), average="macro")
    assert last["neg_log_loss"] == pytest.approx(-log_loss(y_val, fitted.predict_proba(X_val)))
    assert "f1_macro" in fit(learner(scoring="f1_macro")).history_[0]
    named = fit(learner(scoring={"size": lambda estimator, X, y: len(X)}))
    assert [row["size"] for row in named.history_] == [50, 50]


def test_measures_need_held_out_samples():
    with pytest.raises(ValueError, match="pass X_val and y_val to fit, or scoring=None"):
        learner(scoring="f1_macro").fit(X, Y)


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        (lambda estimator, X, y: 0.5, "must return a dict"),
        ({"score": "accuracy"}, r"measures \['score'\]"),
        ({"both": lambda estimator, X, y: {"a": 0.5, "b": 1.0}}, "one number for each name"),
    ],
)
def test_measures_that_can_t_be_entered(scoring, message):
    with pytest.raises(ValueError, match=message):
        fit(learner(scoring=scoring))


def test_the_loop_of_alcg():
    """ALCG, Algorithm 1: an AC-GAN is the classifier, and asks for what it is surest of."""
    judge = LogisticRegression(max_iter=500).fit(X[HELD_OUT], Y[HELD_OUT])
    acgan = ACGAN(
        latent_dim=4,
        adversarial_sampling=4,
        max_iter=60,
        batch_size=16,
        architecture=Dense(hidden=(16,)),
        learning_rate=0.01,
    )
    alcg = ActiveLearner(
        acgan,
        CertaintySampling("most_confidence"),
        n_initial=30,
        batch_size=10,
        budget=10,
        scoring=GenerationScorer(judge),
        random_state=0,
    )
    fit(alcg)
    assert [row["n_labels"] for row in alcg.history_] == [30, 40]
    for row in alcg.history_:
        assert row["neg_frechet_distance"] < 0
        assert 1 <= row["inception_score"] <= 3
        assert 0 <= row["gan_test"] <= 1
        assert 0 <= row["gan_train"] <= 1
    drawn, classes = alcg.estimator_.sample(y=Y[HELD_OUT], random_state=0)
    proba = judge.predict_proba(drawn)
    last = alcg.history_[-1]
    assert last["neg_frechet_distance"] == -frechet_distance(X[HELD_OUT], drawn)
    assert last["inception_score"] == inception_score(proba)
    assert last["gan_test"] == np.mean(judge.predict(drawn) == classes)


def test_alcg_asks_for_the_most_certain_samples():
    acgan = ACGAN(
        latent_dim=4, max_iter=60, batch_size=16, architecture=Dense(hidden=(16,)), random_state=0
    ).fit(X[:100:2], Y[:100:2])
    y = np.full(150, np.nan)
    y[:100:2] = Y[:100:2]
    chosen = CertaintySampling("most_confidence").query(X, y, acgan, batch_size=10)
    certainty = acgan.predict_proba(X).max(axis=1)
    others = np.setdiff1d(np.flatnonzero(np.isnan(y)), chosen)
    assert certainty[chosen].min() >= certainty[others].max() - 1e-6


def test_scoring_without_a_generator_is_refused():
    judge = LogisticRegression(max_iter=500).fit(X, Y)
    with pytest.raises(TypeError, match="LogisticRegression has no method sample"):
        fit(learner(scoring=GenerationScorer(judge)))


# Designed samples: labelled by an oracle, appended to the real ones.


class Repeating(SynthesisStrategy):
    """Designs the first samples over again, and notes what it was shown."""

    def __init__(self, seen=None):
        self.seen = seen

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        if self.seen is not None:
            self.seen.append((X, y))
        return Synthesis(take_rows(X, np.arange(batch_size)), np.zeros((batch_size, 1)))


def refuse_to_answer(X):
    """Stand in for an oracle that must not be asked."""
    raise AssertionError("this is too late")


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
        def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
            return Synthesis(np.zeros((batch_size, 3)), np.zeros((batch_size, 1)))

    learner = ActiveLearner(LogisticRegression(), Broken(), oracle=refuse_to_answer)
    with pytest.raises(ValueError, match=r"Broken.*\(3,\).*\(2,\)"):
        learner.fit(*blobs)


@pytest.mark.parametrize("latent_shape", [(10,), (9, 1)], ids=str)
def test_latent_points_that_match_no_samples_are_named(blobs, latent_shape):
    class Broken(SynthesisStrategy):
        def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
            return Synthesis(np.zeros((batch_size, 2)), np.zeros(latent_shape))

    learner = ActiveLearner(LogisticRegression(), Broken(), oracle=refuse_to_answer)
    with pytest.raises(ValueError, match=r"Broken.*latent point for each of the 10 samples"):
        learner.fit(*blobs)


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_samples_in_another_container_are_refused_before_they_are_paid_for(blobs, make_frame):
    X, y = blobs
    frame = make_frame({"a": X[:, 0], "b": X[:, 1]})
    other = make_frame({"b": X[:, 1], "a": X[:, 0]})
    for samples, fitted_on in ((frame, X), (X, frame), (frame, other)):
        generator = FrozenEstimator(GIN(max_iter=1).fit(fitted_on))
        learner = ActiveLearner(
            LogisticRegression(), LatentRandom(generator), oracle=refuse_to_answer
        )
        with pytest.raises(ValueError, match=r"LatentRandom\.synthesize must design samples like"):
            learner.fit(samples, y)


@pytest.mark.parametrize(
    ("strategy", "error", "message"),
    [
        (AISEL(GAN()), TypeError, "encoder"),
        (LatentRandom(CGAN()), TypeError, "LatentRandom needs a generator that knows no classes"),
        (ASAL(FrozenEstimator(CGAN())), TypeError, "ASAL needs a generator that knows no classes"),
        (AISEL(GIN(max_iter=0)), ValueError, "'max_iter' parameter of GIN"),
        (AISEL(GIN(), measure="doubt"), ValueError, "'measure' parameter of AISEL"),
        (LatentUncertainty(GIN(latent_dim=20), candidates="grid"), ValueError, "too coarse"),
    ],
    ids=["no encoder", "CGAN", "frozen CGAN", "max_iter", "measure", "grid"],
)
def test_unfit_strategies_are_refused_before_any_training(blobs, strategy, error, message):
    class Untouchable(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError("this is too late")

    learner = ActiveLearner(Untouchable(), strategy, oracle=refuse_to_answer)
    with pytest.raises(error, match=message):
        learner.fit(*blobs)
    assert not hasattr(learner, "strategy_")


def test_generator_unfit_for_the_samples_is_refused_before_any_is_labelled(blobs):
    learner = ActiveLearner(
        LogisticRegression(), AISEL(GIN(image_shape=(1, 3, 3))), oracle=refuse_to_answer
    )
    with pytest.raises(ValueError, match="image_shape"):
        learner.fit(*blobs)


class Costly(GIN):
    """A generator that must not be trained."""

    def fit(self, X, y=None):
        raise AssertionError("this is too late")


class Logits(LogisticRegression):
    """A classifier whose predictions are no probabilities."""

    def predict_proba(self, X):
        return 2 * self.decision_function(X)


@pytest.mark.parametrize(
    ("estimator", "strategy", "error", "message"),
    [
        (Ridge(), AISEL(Costly()), TypeError, "Ridge doesn't say how unsure it is"),
        (Ridge(), LatentUncertainty(Costly()), TypeError, "Ridge doesn't say how unsure"),
        (BayesianRidge(), AISEL(Costly(), balance=True), ValueError, "balance=True is for class"),
        (BayesianRidge(), ASAL(Costly()), TypeError, "BayesianRidge is a regressor"),
        (BayesianRidge(), ADBA(Costly()), TypeError, "BayesianRidge is a regressor"),
        (BayesianRidge(), BADGE(features=Costly()), TypeError, "BADGE is for classifiers"),
        (LogisticRegression(), ADBA(Costly()), ValueError, "ADBA is for two classes"),
        (SVC(decision_function_shape="ovo"), AISEL(Costly()), TypeError, "shape='ovo'"),
        (GaussianNB(), GAAL(Costly(), search="gradient"), NotDifferentiableError, "GaussianNB"),
        (GaussianNB(), ASAL(Costly(), features="classifier"), TypeError, "last layer"),
        (Logits(), LatentRandom(Costly()), ValueError, "softmax"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
def test_unfit_models_are_refused_before_a_generator_is_trained(
    three_blobs, estimator, strategy, error, message
):
    learner = ActiveLearner(estimator, strategy, oracle=refuse_to_answer)
    with pytest.raises(error, match=message):
        learner.fit(*three_blobs)


def test_model_that_fails_does_so_before_a_generator_is_trained(blobs):
    learner = ActiveLearner(
        LogisticRegression(C=-1), LatentRandom(Costly()), oracle=refuse_to_answer
    )
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
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


def test_synthesis_without_an_oracle_begins_a_session(blobs, segment):
    learner = ActiveLearner(LogisticRegression(), segment).fit(*blobs)
    assert len(learner.labelled_) == 40
    query = learner.ask(3)
    learner.tell(query, [0, 1, 1])
    np.testing.assert_array_equal(learner.labelled_.X[40:], query.X)
    np.testing.assert_array_equal(learner.labelled_.latent[40:], query.latent)


def test_paper_s_strategy_with_soft_answers():
    X, y = load_digits(n_class=3, return_X_y=True)
    X = X.astype(np.uint8)
    teacher = LogisticRegression(max_iter=500).fit(X, y)

    def run():
        learner = ActiveLearner(
            LogisticRegression(max_iter=500),
            AISEL(GIN(latent_dim=2, max_iter=3)),
            oracle=EstimatorOracle(teacher, soft=True),
            batch_size=4,
            budget=8,
            random_state=0,
        )
        return learner.fit(X[:60], y[:60]).labelled_

    record = run()
    assert record.X.shape == (68, 64)
    assert record.X.dtype == np.uint8
    assert record.latent.shape == (68, 2)
    np.testing.assert_allclose(record.proba[60:], teacher.predict_proba(record.X[60:]))
    np.testing.assert_array_equal(record.X, run().X)
