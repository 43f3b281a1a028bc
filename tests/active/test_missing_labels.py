"""Partly labelled data: those given are the start, an oracle brings the others."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, LabelOracle
from skgal.query import RandomSampling, UncertaintySampling


def counting(oracle):
    """Wrap an oracle so that it counts what it was asked."""

    def ask(X):
        ask.n_asked += len(X)
        ask.n_calls += 1
        return oracle(X)

    ask.n_asked = ask.n_calls = 0
    return ask


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


def test_strategy_and_learner_may_agree_on_what_missing_is(blobs):
    X, y = blobs
    learner = ActiveLearner(
        LogisticRegression(),
        UncertaintySampling(missing_label=-1),
        oracle=LabelOracle(X, y),
        missing_label=-1,
        budget=10,
    ).fit(X, np.where(np.arange(40) < 20, y, -1))
    assert learner.labelled_.n_bought == 10


def test_nullable_integers_with_missing_labels(blobs):
    X, y = blobs
    partial = pd.Series(y, dtype="Int64").where(np.arange(40) < 20)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), budget=10
    ).fit(X, partial)
    assert learner.labelled_.n_initial == 20
    assert learner.classes_.dtype.kind == "i"


def test_missing_labels_without_an_oracle_begin_a_session(blobs):
    X, y = blobs
    partial = np.where(np.arange(40) < 20, y, np.nan)
    learner = ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, partial)
    assert len(learner.labelled_) == 20
    assert len(learner.pending_) == 0
    assert learner.predict(X).shape == (40,)
    assert (learner.ask(3).indices >= 20).all()


def test_n_initial_has_no_say_over_labels_given(blobs):
    X, y = blobs
    partial = np.where(np.arange(40) < 30, y, np.nan)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), n_initial=5
    )
    with pytest.raises(ValueError, match=r"n_initial=5.* 10 of 40 labels are missing"):
        learner.fit(X, partial)


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
