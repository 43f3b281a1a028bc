"""Folds of what is labelled, whatever is missing: nothing unlabelled is ever scored."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_score,
    cross_validate,
)

from skgal.active import ActiveLearner, EstimatorOracle, PartialLabelKFold
from skgal.query import RandomSampling, UncertaintySampling


@st.composite
def partly_labelled(draw):
    """Labels with gaps, and a number of folds that each class has enough labels for."""
    n_splits = draw(st.integers(2, 4))
    n_classes = draw(st.integers(1, 3))
    counts = draw(st.lists(st.integers(n_splits, 9), min_size=n_classes, max_size=n_classes))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    missing = [None] * draw(st.integers(0, 12))
    return draw(st.permutations(labels + missing)), n_splits


@given(case=partly_labelled(), shuffle=st.booleans(), stratify=st.booleans(), text=st.booleans())
def test_folds(case, shuffle, stratify, text):
    y, n_splits = case
    known = [i for i, label in enumerate(y) if label is not None]
    if text:
        y = np.array([None if label is None else f"class {label}" for label in y], dtype=object)
    random_state = 0 if shuffle else None
    cv = PartialLabelKFold(n_splits, shuffle=shuffle, stratify=stratify, random_state=random_state)
    folds = list(cv.split(np.zeros((len(y), 1)), y))
    assert len(folds) == cv.get_n_splits() == n_splits
    # Every labelled sample is scored once; all others are trained on, unlabelled ones always.
    assert sorted(i for _, test in folds for i in test) == known
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(len(y)))
    # The folds of what is labelled are scikit-learn's.
    reference = (StratifiedKFold if stratify else KFold)(
        n_splits, shuffle=shuffle, random_state=random_state
    )
    labels = [str(y[i]) for i in known]
    for (_, test), (_, expected) in zip(folds, reference.split(known, labels), strict=True):
        assert test.tolist() == [known[i] for i in expected]


@pytest.mark.parametrize(
    ("y", "missing_label"),
    [
        ([0.0, np.nan, 1, 0, 1, np.nan], np.nan),
        (["a", None, "b", "a", "b", None], np.nan),
        (["a", "?", "b", "a", "b", "?"], "?"),
        ([0, -1, 1, 0, 1, -1], -1),
        (pd.Series([0, None, 1, 0, 1, None], dtype="Int64"), np.nan),
        (pd.Series(["a", None, "b", "a", "b", None]), np.nan),
    ],
)
def test_ways_to_say_missing(y, missing_label):
    cv = PartialLabelKFold(2, missing_label=missing_label)
    assert [test.tolist() for _, test in cv.split(y, y)] == [[0, 2], [3, 4]]


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"n_splits": 3}, [0, 0, 0, 1, 1, np.nan], "class 1 has 2"),
        ({"n_splits": 3, "stratify": False}, [0.5, 0.1, np.nan], "y has 2"),
        ({"n_splits": 2}, [np.nan] * 4, "y has 0"),
        ({"n_splits": 2}, [0.5, 0.1, 0.2], "continuous"),
        ({"n_splits": 1}, [0, 0, 1, 1], "n_splits"),
        ({}, None, "y is None"),
        ({}, [0, 1], "inconsistent"),
    ],
)
def test_labels_that_cannot_be_split_are_refused(parameters, y, message):
    X = np.zeros((3 if y == [0, 1] or y is None else len(y), 1))
    with pytest.raises(ValueError, match=message):
        list(PartialLabelKFold(**parameters).split(X, y))


@pytest.mark.parametrize("missing", [np.nan, None, -1])
def test_scikit_learn_scores_a_partly_labelled_y(blobs, missing):
    X, y = blobs
    partial = y.astype(object)
    partial[::2] = missing
    if missing is not None:
        partial = partial.astype(float)
    learner = ActiveLearner(
        LogisticRegression(),
        RandomSampling(),
        oracle=EstimatorOracle(LogisticRegression().fit(X, y)),
        budget=10,
        missing_label=np.nan if missing is None else missing,
        random_state=0,
    )
    cv = PartialLabelKFold(4, missing_label=learner.missing_label)
    result = cross_validate(learner, X, partial, cv=cv, return_indices=True, error_score="raise")
    assert np.isfinite(result["test_score"]).all()
    assert all(i % 2 for test in result["indices"]["test"] for i in test)


def test_text_labels_in_a_frame():
    X = pd.DataFrame({"a": np.arange(20.0), "b": 1.0})
    y = pd.Series(np.where(np.arange(20) < 10, "low", "high"))
    y[::3] = None
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=0)
    scores = cross_val_score(learner, X, y, cv=PartialLabelKFold(3), error_score="raise")
    assert scores.mean() > 0.7


def test_regression():
    X = np.arange(20.0)[:, np.newaxis]
    y = np.where(np.arange(20) % 4 == 0, np.nan, 2 * X[:, 0])
    cv = PartialLabelKFold(3, stratify=False)
    learner = ActiveLearner(Ridge(), RandomSampling(), budget=0)
    assert cross_val_score(learner, X, y, cv=cv, error_score="raise").min() > 0.9


def test_grid_search_over_strategies_and_budgets_on_digits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    strategies = [
        RandomSampling(random_state=0),
        UncertaintySampling("margin_of_confidence", random_state=0),
        UncertaintySampling("entropy", random_state=0),
    ]
    learner = ActiveLearner(
        LogisticRegression(tol=0.01), RandomSampling(), n_initial=10, batch_size=50, random_state=0
    )
    grid = GridSearchCV(
        learner, {"strategy": strategies, "budget": [10, 100]}, cv=PartialLabelKFold(2)
    ).fit(X, y)
    scores = grid.cv_results_["mean_test_score"]
    budgets = np.array([row["budget"] for row in grid.cv_results_["params"]])
    assert np.isfinite(scores).all()
    assert scores[budgets == 100].min() > scores[budgets == 10].max()
    assert grid.best_params_["budget"] == 100
    assert grid.best_estimator_.labelled_.n_bought == 100
    assert clone(grid.best_estimator_).strategy is not grid.best_estimator_.strategy


def test_minus_one_is_pointed_to_missing_label():
    y = np.repeat([0, 1, -1], [10, 10, 5])
    with pytest.warns(UserWarning, match="5 of 25 labels in y are -1.*missing_label=-1") as caught:
        next(PartialLabelKFold().split(y, y))
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="missing_label=-1"):  # of numbers only if most are
        next(PartialLabelKFold(2, stratify=False).split(y[15:20], np.array([0.5, -1, -1, -1, 2])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, test = next(PartialLabelKFold(missing_label=-1).split(y, y))
        assert test.max() < 20
        next(PartialLabelKFold().split(y, np.where(y == 0, -1, 1)))  # two signs
        next(PartialLabelKFold(stratify=False).split(y, y.astype(float)))
        next(PartialLabelKFold().split(y, np.where(y < 0, np.nan, y)))
