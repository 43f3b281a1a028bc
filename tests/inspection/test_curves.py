import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from skgal.active import StrategyComparison
from skgal.inspection import LabelEfficiencyDisplay, TrainingHistoryDisplay


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
        score_name="accuracy",
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
    assert display.ax_.get_xlabel() == "labels bought"
    assert display.ax_.get_ylabel() == "accuracy"


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
        ([history([0.1, None])], "rows without a score"),
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
