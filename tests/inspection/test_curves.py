import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, StrategyComparison
from skgal.inspection import (
    LabelDistributionDisplay,
    LabelEfficiencyDisplay,
    TrainingHistoryDisplay,
)
from skgal.query import RandomSampling


def history(scores, step=10):
    return [{"n_bought": step * i, "score": score} for i, score in enumerate(scores)]


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_losses_over_updates(generator):
    display = TrainingHistoryDisplay.from_generator(generator)
    critic, game = display.lines_
    updates = np.arange(1, 21) * 50
    np.testing.assert_allclose(critic.get_xydata(), np.column_stack([updates, 50 / updates]))
    np.testing.assert_allclose(game.get_xydata(), np.column_stack([updates, updates / 50]))
    assert legend(display) == ["critic", "generator"]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("updates", "loss")


def test_an_encoders_history():
    display = TrainingHistoryDisplay([{"updates": 50, "encoder_loss": 0.5, "dur": 1.0}]).plot()
    assert legend(display) == ["encoder"]


@pytest.mark.parametrize("rows", [[], [{"updates": 50}], [{"critic_loss": 0.5}]])
def test_a_history_without_losses_is_refused(rows):
    with pytest.raises(ValueError, match="history"):
        TrainingHistoryDisplay(rows).plot()


def test_an_unfitted_generator_is_refused(make_generator):
    with pytest.raises(NotFittedError):
        TrainingHistoryDisplay.from_generator(make_generator())


def test_mean_and_band_over_seeds():
    display = LabelEfficiencyDisplay(
        {"AISEL": [history([0.5, 0.7]), history([0.7, 0.9])], "random": [history([0.5, 0.6])]},
    ).plot()
    aisel, random = display.lines_
    np.testing.assert_allclose(aisel.get_xydata(), [[0, 0.6], [10, 0.8]])
    np.testing.assert_allclose(random.get_xydata(), [[0, 0.5], [10, 0.6]])
    heights = display.bands_[0].get_paths()[0].vertices[:, 1]
    spread = 0.1 * np.sqrt(2)  # of two values 0.2 apart
    np.testing.assert_allclose([heights.min(), heights.max()], [0.6 - spread, 0.8 + spread])
    assert display.bands_[1] is None
    assert legend(display) == ["AISEL (2 seeds)", "random"]
    assert aisel.get_color() != random.get_color()
    assert aisel.get_marker() != random.get_marker()
    assert display.ax_.get_xlabel() == "labels acquired"
    assert display.ax_.get_ylabel() == "score"


def test_learners_alone_and_in_lists():
    class Learner(BaseEstimator):
        def fit(self, first_score):
            self.history_ = history([first_score, first_score + 0.1])
            return self

    learners = [Learner().fit(0.1), Learner().fit(0.3)]
    display = LabelEfficiencyDisplay.from_learners({"both": learners, "one": learners[0]})
    np.testing.assert_allclose(display.lines_[0].get_ydata(), [0.2, 0.3])
    np.testing.assert_allclose(display.lines_[1].get_ydata(), [0.1, 0.2])


@pytest.mark.parametrize(
    ("histories", "message"),
    [
        ([], "same numbers of labels"),
        ([[]], "same numbers of labels"),
        ([history([0.1, 0.2]), history([0.1, 0.2], step=20)], "same numbers of labels"),
        ([history([0.1, 0.2]), history([0.1])], "same numbers of labels"),
        ([history([0.1, None])], "rows without 'score'"),
    ],
)
def test_histories_that_make_no_curve_are_refused(histories, message):
    with pytest.raises(ValueError, match=message):
        LabelEfficiencyDisplay({"AISEL": histories}).plot()


def test_an_unfitted_learner_is_refused(make_generator):
    with pytest.raises(NotFittedError):
        LabelEfficiencyDisplay.from_learners({"AISEL": make_generator()})


def test_a_comparison_s_data_set():
    records = [
        {"dataset": dataset, "strategy": strategy, "seed": seed, **row}
        for dataset, shift in [("easy", 0.2), ("hard", 0.0)]
        for strategy, gain in [("random", 0.0), ("margin", 0.1)]
        for seed in (0, 1)
        for row in history([0.5 + shift, 0.6 + shift + gain])
    ]
    display = LabelEfficiencyDisplay.from_comparison(StrategyComparison(records), "easy")
    random, margin = display.lines_
    np.testing.assert_allclose(random.get_xydata(), [[0, 0.7], [10, 0.8]])
    np.testing.assert_allclose(margin.get_xydata(), [[0, 0.7], [10, 0.9]])
    assert legend(display) == ["random (2 seeds)", "margin (2 seeds)"]


def test_any_column_of_a_learner_s_history():
    """The score's name selects the column, and is what the axis says."""
    rows = [{"n_bought": 10 * i, "score": 0.5, "f1_macro": 0.1 * i} for i in range(3)]
    display = LabelEfficiencyDisplay({"random": [rows]}, score_name="f1_macro").plot()
    np.testing.assert_allclose(display.lines_[0].get_ydata(), [0, 0.1, 0.2])
    assert display.ax_.get_ylabel() == "f1_macro"
    with pytest.raises(ValueError, match=r"no column 'frechet'; there are \['n_bought', 'score'"):
        LabelEfficiencyDisplay({"random": [rows]}, score_name="frechet").plot()


def test_curves_of_a_learner():
    X, y = load_iris(return_X_y=True)
    learner = ActiveLearner(
        LogisticRegression(max_iter=500),
        RandomSampling(),
        n_initial=10,
        budget=20,
        scoring="f1_macro",
        random_state=0,
    ).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    display = LabelEfficiencyDisplay.from_learners({"any": learner}, score_name="f1_macro")
    expected = [row["f1_macro"] for row in learner.history_]
    np.testing.assert_allclose(display.lines_[0].get_ydata(), expected)
    display = LabelDistributionDisplay.from_learner(learner, y=y)
    n_labels = [row["n_labels"] for row in learner.history_]
    shares = np.array([line.get_ydata() for line in display.lines_])
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), n_labels)
    assert display.pool == {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}


def test_shares_of_the_classes():
    counts = [{"a": 2, "b": 2}, {"a": 3, "b": 2, "c": 5}]
    display = LabelDistributionDisplay([{"label_counts": row} for row in counts]).plot()
    shares = [line.get_ydata() for line in display.lines_]
    np.testing.assert_allclose(shares, [[0.5, 0.3], [0.5, 0.2], [0, 0.5]])
    np.testing.assert_array_equal(display.lines_[0].get_xdata(), [4, 10])
    assert legend(display) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="label_counts"):
        LabelDistributionDisplay([{"score": 0.5}]).plot()


def test_each_of_many_classes_looks_different():
    display = LabelDistributionDisplay([{"label_counts": dict.fromkeys(range(20), 1)}] * 2).plot()
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in display.lines_}
    assert len(looks) == 20


def test_any_column_of_a_training():
    """What is measured now and then is drawn where it is there."""
    rows = [
        {"updates": i, "critic_loss": 1.0, "frechet_distance": i if i % 3 == 0 else np.nan}
        for i in range(1, 10)
    ]
    display = TrainingHistoryDisplay(rows, columns=["frechet_distance"]).plot()
    np.testing.assert_array_equal(display.lines_[0].get_xydata(), [[3, 3], [6, 6], [9, 9]])
    assert display.ax_.get_ylabel() == "Fréchet distance"
    with pytest.raises(ValueError, match=r"no columns \['score'\]; there are \['updates'"):
        TrainingHistoryDisplay(rows, columns=["score"]).plot()


def test_curves_have_titles(generator):
    display = TrainingHistoryDisplay.from_generator(generator)
    assert display.ax_.get_title() == "Training of LinearGenerator"
    records = [
        {"dataset": "easy", "strategy": name, "seed": 0, **row}
        for name in ("random", "margin")
        for row in history([0.5, 0.6])
    ]
    display = LabelEfficiencyDisplay.from_comparison(StrategyComparison(records), "easy")
    assert display.ax_.get_title() == "Label efficiency on easy"
