"""What oracles may answer, and what gets refused."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.svm import LinearSVC

from skgal.active import ActiveLearner, EstimatorOracle, LabelOracle
from skgal.query import RandomSampling


@pytest.fixture
def ask(three_blobs):
    """Buys one batch of 4 from an oracle that gives the same answer to everything."""

    def buy(answer, estimator=None, y=None, **parameters):
        X, classes = three_blobs
        learner = ActiveLearner(
            estimator or LogisticRegression(),
            RandomSampling(),
            oracle=lambda X: answer,
            batch_size=4,
            budget=4,
            **parameters,
        ).fit(X, classes if y is None else y(classes))
        record = learner.labelled_
        bought = slice(record.n_initial, None)
        return record.y[bought], None if record.proba is None else record.proba[bought]

    return buy


@pytest.mark.parametrize(
    "answer",
    [
        [2, 0, 1, 2],
        [2.0, 0.0, 1.0, 2.0],
        np.array([[2], [0], [1], [2]]),
        np.array([2, 0, 1, 2], dtype=np.uint8),
        pd.Series([2, 0, 1, 2], index=[7, 5, 3, 1]),
        pd.Series([2, 0, 1, 2], dtype="Int64"),
    ],
    ids=["list", "floats", "column", "uint8", "series", "nullable"],
)
def test_hard_answers(ask, answer):
    y, proba = ask(answer)
    assert y.tolist() == [2, 0, 1, 2]
    assert y.dtype == np.int64
    assert proba is None


def test_new_classes_are_welcome(ask):
    y, _ = ask([5, 5, 0, 0])
    assert y.tolist() == [5, 5, 0, 0]


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ([2, None, 1, 2], [2, 1, 2]),
        ([2, np.nan, 1, 2], [2, 1, 2]),
        (pd.Series([2, None, 1, 2], dtype="Int64"), [2, 1, 2]),
        ([[0, 0, 1], [np.nan] * 3, [0, 1, 0], [0, 0, 1]], [2, 1, 2]),
    ],
    ids=["None", "NaN", "NA", "row of NaN"],
)
def test_declined_answers_are_dropped(ask, answer, kept):
    y, _ = ask(answer)
    assert y.tolist() == kept


def test_soft_answers_are_kept_as_they_are(ask):
    answer = np.array([[0.2, 0.5, 0.3], [1, 0, 0], [0.1, 0.1, 0.8], [0, 0, 1]])
    y, proba = ask(answer)
    assert y.tolist() == [1, 0, 2, 2]
    np.testing.assert_allclose(proba, answer)


def test_rounding_of_half_precision_is_forgiven(ask):
    answer = np.array([[1 / 3, 1 / 3, 1 / 3]] * 4, dtype=np.float16)
    _, proba = ask(answer)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1, 0, 1], r"a label for each of 4 samples.*got 3"),
        ([1, 0, 1, 0, 1], r"a label for each of 4 samples.*got 5"),
        (1, r"a label for each sample.*got 1"),
        (None, r"a label for each sample.*got None"),
        (np.zeros((4, 3, 2)), r"one row; got an array of shape \(3, 2\)"),
        ([[0.5, 0.5]] * 4, r"each of the 3 classes.*\[0, 1, 2\]; got \[0.5, 0.5\]"),
        ([[0.5, 0.5, 0, 0]] * 4, r"3 classes.*got \[0.5, 0.5, 0, 0\]"),
        ([[1, 0, 0], [0.5, 0.4, 0], [1, 0, 0], [1, 0, 0]], r"samples \[2\].*1: 0.4, 2: 0.0"),
        ([[1.5, -0.5, 0]] * 4, "nonnegative"),
        ([[np.nan, 0.5, 0.5]] * 4, "nonnegative"),
        ([[np.inf, 0, 0]] * 4, "nonnegative"),
        ([1, 0, np.inf, 1], "finite; got inf"),
        ([0.1, 0.7, 0.4, 0.9], "whole number, a string or a boolean; got 0.1"),
        (["cat", "dog", "cat", "dog"], "such as 0; got 'cat'"),
        (["cat", 1, 0, 1], "such as 0; got 'cat'"),
    ],
)
def test_bad_answers_are_refused(ask, answer, message):
    with pytest.raises(ValueError, match=message):
        ask(answer)


def test_declined_is_nan_and_whatever_else_means_missing(ask):
    y, _ = ask([1, -1, np.nan, 1], missing_label=-1)
    assert y.tolist() == [1, 1]


def test_numbers_for_names_are_refused(ask):
    with pytest.raises(ValueError, match=r"such as 'a'; got 0"):
        ask([0, 1, 0, 1], y=lambda y: np.array(list("abc"))[y])


def test_longer_names_are_not_cut(ask):
    y, _ = ask(["a", "horse", "b", "c"], y=lambda y: np.array(list("abc"))[y])
    assert y.tolist() == ["a", "horse", "b", "c"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([1.0, np.inf, 0, 0], "finite"),
        ([["a"], ["b"], ["c"], ["d"]], "a number; got 'a'"),
        (np.zeros((4, 2)), r"Expected 1 numbers? for each sample; got \[0.0, 0.0\]"),
    ],
)
def test_bad_numbers_are_refused(ask, answer, message):
    with pytest.raises(ValueError, match=message):
        ask(answer, estimator=Ridge())


def test_fractions_for_whole_numbers_are_not_rounded(ask):
    y, _ = ask([[0.5], [1.5], [np.nan], [2]], estimator=Ridge())
    assert y.tolist() == [0.5, 1.5, 2.0]


def test_plain_labels_beside_soft_ones_become_one_hot(three_blobs):
    X, y = three_blobs
    replies = iter([[0, 4, 0, 4], np.tile([0.1, 0.2, 0.3, 0.4], (4, 1)), [2, 2, 2, 2]])
    record = (
        ActiveLearner(
            LogisticRegression(),
            RandomSampling(),
            oracle=lambda X: next(replies),
            n_initial=3,
            batch_size=4,
            budget=12,
        )
        .fit(X, y)
        .labelled_
    )
    assert record.classes.tolist() == [0, 1, 2, 4]
    np.testing.assert_array_equal(record.proba[:3].argmax(axis=1), record.y[:3])
    np.testing.assert_array_equal(record.proba[[3, 4]], [[1, 0, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(record.proba[7:11], np.tile([0.1, 0.2, 0.3, 0.4], (4, 1)))
    np.testing.assert_array_equal(record.proba[11:], [[0, 0, 1, 0]] * 4)


def test_new_class_after_soft_answers_gets_a_column(three_blobs):
    X, y = three_blobs
    replies = iter([np.tile([0.1, 0.2, 0.7], (4, 1)), [1, -3, 1, 1]])
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=lambda X: next(replies),
        n_initial=3,
        batch_size=4,
        budget=8,
    ).fit(X, y)
    record = learner.labelled_
    assert record.classes.tolist() == [-3, 0, 1, 2]
    np.testing.assert_allclose(record.proba[3], [0, 0.1, 0.2, 0.7])
    assert record.proba[8].tolist() == [1, 0, 0, 0]
    assert learner.history_[-1]["label_counts"] == {-3: 1, 0: 1, 1: 4, 2: 5}


# Oracles


def test_label_oracle_finds_rows_by_value():
    X = np.array([[0, 1], [2, 3], [-0.0, 5]], dtype=np.float32)
    oracle = LabelOracle(X, list("abc"))
    assert oracle(X[[2, 0]]).tolist() == ["c", "a"]
    assert oracle([[0, 5]]).tolist() == ["c"]
    assert oracle(X.astype(int)).tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="Sample 1 of the batch is none of the 3"):
        oracle([[0, 1], [9, 9]])


def test_label_oracle_tells_large_integers_apart():
    X = 2**60 + np.arange(40)[:, np.newaxis]
    oracle = LabelOracle(X, np.arange(40))
    np.testing.assert_array_equal(oracle(X[::-1]), np.arange(40)[::-1])
    assert oracle(X[:1].astype(object)).tolist() == [0]


def test_label_oracle_finds_images_and_rows_of_frames():
    images = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)
    assert LabelOracle(images, [0, 1])(images[::-1]).tolist() == [1, 0]
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert LabelOracle(frame, [0, 1])(frame.iloc[[1]]).tolist() == [1]


def test_label_oracle_refuses_to_choose_between_duplicates():
    oracle = LabelOracle([[1.0], [1.0], [2.0], [2.0]], [0, 1, 3, 3])
    with pytest.raises(ValueError, match=r"2 times, with the labels \[0, 1\]"):
        oracle([[1.0]])
    assert oracle([[2.0]]).tolist() == [3]
    assert oracle.reveal([0, 1]).tolist() == [0, 1]


def test_label_oracle_needs_one_label_a_sample():
    with pytest.raises(ValueError, match="inconsistent"):
        LabelOracle([[1.0], [2.0]], [0])


def test_simulation_reveals_each_duplicate_s_own_label():
    X, y = np.ones((20, 1)), np.arange(20) % 2
    record = ActiveLearner(LogisticRegression(), RandomSampling(), budget=20).fit(X, y).labelled_
    np.testing.assert_array_equal(record.y, y[record.indices])


def test_estimator_oracle_answers_hard_and_soft(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(EstimatorOracle(teacher)(X), teacher.predict(X))
    soft = EstimatorOracle(teacher, soft=True)
    np.testing.assert_array_equal(soft(X), teacher.predict_proba(X))
    assert soft.classes_.tolist() == [0, 1, 2]
    assert clone(soft) is soft


def test_soft_oracle_needs_probabilities():
    with pytest.raises(TypeError, match="LinearSVC"):
        EstimatorOracle(LinearSVC(), soft=True)


def test_oracle_says_which_classes_it_knows(three_blobs):
    X, y = three_blobs
    teacher = LogisticRegression().fit(X, y)
    partial = np.where((np.arange(60) < 30) & (y < 2), y, np.nan)
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=EstimatorOracle(teacher, soft=True),
        budget=10,
    ).fit(X, partial)
    assert learner.classes_.tolist() == [0, 1, 2]
    assert learner.history_[0]["label_counts"][2] == 0


def test_estimator_oracle_teaches_what_it_knows(blobs):
    X, y = blobs
    teacher = LogisticRegression().fit(X, y)
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=EstimatorOracle(teacher), budget=10
    ).fit(X, y)
    record = learner.labelled_
    bought = slice(record.n_initial, None)
    np.testing.assert_array_equal(record.y[bought], teacher.predict(record.X[bought]))
