"""Designed samples: labelled by an oracle, appended to the real ones."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from skgal.active import ActiveLearner, EstimatorOracle
from skgal.base import Synthesis, SynthesisStrategy
from skgal.exceptions import NotDifferentiableError
from skgal.generators import CGAN, GAN, GIN
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    LatentRandom,
    LatentUncertainty,
)
from skgal.utils import take_rows


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
        def synthesize(self, X, y, clf, *, batch_size=1):
            return Synthesis(np.zeros((batch_size, 3)), np.zeros((batch_size, 1)))

    learner = ActiveLearner(LogisticRegression(), Broken(), oracle=refuse_to_answer)
    with pytest.raises(ValueError, match=r"Broken.*\(3,\).*\(2,\)"):
        learner.fit(*blobs)


@pytest.mark.parametrize("latent_shape", [(10,), (9, 1)], ids=str)
def test_latent_points_that_match_no_samples_are_named(blobs, latent_shape):
    class Broken(SynthesisStrategy):
        def synthesize(self, X, y, clf, *, batch_size=1):
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
