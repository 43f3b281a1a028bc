"""Comparisons are paired, resumable, and sum up as a statistician would."""

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.datasets import load_iris, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from skgal.active import EstimatorOracle, StrategyComparison, compare_strategies
from skgal.base import PoolStrategy
from skgal.generators import GAN, DesignBox
from skgal.query import (
    AISEL,
    ASAL,
    BADGE,
    CoreSet,
    LearningLoss,
    ProbCover,
    RandomSampling,
    UncertaintySampling,
)

MARGIN = {"margin": UncertaintySampling("margin_of_confidence")}


class Counting(PoolStrategy):
    """Takes the first candidates, and notes in a file that it was asked; may be made to fail."""

    def __init__(self, path, fail_after=None, step=1):
        self.path = path
        self.step = step
        self.fail_after = fail_after

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        with self.path.open("ab") as file:
            file.write(b".")
        if self.fail_after is not None and self.path.stat().st_size > self.fail_after:
            raise RuntimeError("power cut")
        return candidates[:: self.step][:batch_size]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def get_params(self, deep=True):
        # What makes it fail is no part of what it is.
        return {"path": str(self.path), "step": self.step}

    def __sklearn_clone__(self):
        return self


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(160, 6, n_informative=4, random_state=0)
    return {"blobs": (X, y), "split": (X[:100], y[:100], X[100:], y[100:])}


@pytest.fixture(scope="module")
def comparison(data):
    return compare_strategies(
        GaussianNB(), MARGIN, data, seeds=3, budget=20, batch_size=10, n_initial=10
    )


def test_curves_have_every_strategy_seed_and_step(comparison):
    curves = comparison.curves
    assert len(curves) == 2 * 2 * 3 * 3
    assert (
        curves.groupby(["dataset", "strategy", "seed"])["n_bought"].apply(list).tolist()
        == [[0, 10, 20]] * 12
    )
    assert (curves["n_labels"] == curves["n_bought"] + 10).all()
    assert (curves[["seconds_fit", "seconds_query", "seconds_oracle"]] >= 0).all(axis=None)
    assert curves["score"].between(0, 1).all()


def test_strategies_of_a_seed_start_alike(comparison):
    starts = comparison.curves.query("n_bought == 0").pivot_table(
        index=["dataset", "seed"], columns="strategy", values="score"
    )
    np.testing.assert_array_equal(starts["margin"], starts["random"])
    assert starts["random"].nunique() > 1  # and seeds do not


def test_it_is_the_learner_s_own_score(data):
    split = {"split": data["split"]}
    one = compare_strategies(GaussianNB(), MARGIN, split, seeds=[7], budget=10)
    other = compare_strategies(
        GaussianNB(), MARGIN, split, seeds=[7], budget=10, scoring="accuracy"
    )
    assert one.curves["score"].tolist() == other.curves["score"].tolist()
    loss = compare_strategies(GaussianNB(), MARGIN, split, seeds=[7], scoring="neg_log_loss")
    assert (loss.curves["score"] < 0).all()


def test_jobs_change_nothing(comparison, data):
    with joblib.parallel_config("threading"):
        parallel = compare_strategies(
            GaussianNB(), MARGIN, data, seeds=3, budget=20, n_initial=10, n_jobs=2
        )
    assert parallel.curves["score"].tolist() == comparison.curves["score"].tolist()


def test_finished_runs_are_not_repeated(data, tmp_path):
    ran, memory = tmp_path / "ran", tmp_path / "results"
    options = {"budget": 10, "memory": memory}
    with pytest.raises(RuntimeError, match="power cut"):
        compare_strategies(GaussianNB(), {"c": Counting(ran, 3)}, data, seeds=2, **options)
    assert ran.stat().st_size == 4  # three runs, and the one that failed
    again = compare_strategies(GaussianNB(), {"c": Counting(ran)}, data, seeds=2, **options)
    assert ran.stat().st_size == 5
    # A seed more costs a run for each data set; the order of the records is that of the call.
    more = compare_strategies(GaussianNB(), {"c": Counting(ran)}, data, seeds=3, **options)
    assert ran.stat().st_size == 7
    kept = [row for row in more.records if row["seed"] < 2]
    assert kept == again.records


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_comparison_that_is_resumed_equals_the_unbroken_one(tmp_path):
    script = [sys.executable, str(Path(__file__).with_name("comparison_script.py"))]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        folder.mkdir()
    killed = subprocess.run([*script, str(broken), "3"], check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed, unbroken = (
        subprocess.run([*script, str(folder)], check=True, capture_output=True).stdout
        for folder in (broken, whole)
    )
    assert len(json.loads(unbroken)) == 2 * 4 * 2
    assert json.loads(resumed) == json.loads(unbroken)
    assert len((broken / "ran").read_text().split()) == 3 + 2, "only the killed run was run again"


@pytest.mark.parametrize("change", ["estimator", "strategy", "data", "budget", "scoring"])
def test_results_of_something_else_are_not_taken_for_these(data, tmp_path, change):
    ran = tmp_path / "ran"
    split = {"split": data["split"]}
    call = {"estimator": GaussianNB(), "strategies": {"c": Counting(ran)}, "datasets": split}
    changed = {
        "estimator": GaussianNB(var_smoothing=0.1),
        "strategies": {"c": Counting(ran, step=2)},
        "datasets": {"split": data["blobs"]},
        "budget": 5,
        "scoring": "neg_log_loss",
    }
    name = {"strategy": "strategies", "data": "datasets"}.get(change, change)
    options = {"budget": 10, "seeds": 1, "memory": tmp_path / "results"}
    first = compare_strategies(**{**options, **call})
    assert ran.stat().st_size == 1
    other = compare_strategies(**{**options, **call, name: changed[name]})
    assert ran.stat().st_size == 2
    again = compare_strategies(**{**options, **call})
    assert ran.stat().st_size == 2
    assert again.records == first.records != other.records


def test_lambdas_are_known_by_their_source(data, tmp_path):
    ran = tmp_path / "ran"
    split = {"split": data["split"]}
    options = {"seeds": 1, "budget": 10, "memory": tmp_path / "results"}
    run = partial(compare_strategies, GaussianNB(), {"c": Counting(ran)}, split, **options)

    def run_positive():
        return run(scoring=lambda model, X, y: model.score(X, y))

    first = run_positive()
    negative = run(scoring=lambda model, X, y: -model.score(X, y))
    assert ran.stat().st_size == 2
    assert [row["score"] for row in first.records] == [-row["score"] for row in negative.records]
    assert run_positive().records == first.records
    assert ran.stat().st_size == 2


# The summary, against scipy and numbers that can be had by hand


def records(strategy, areas, dataset="d"):
    """Two-step histories with these areas: scores a - 0.1 and a + 0.1, so the area is a."""
    return [
        {
            "dataset": dataset,
            "strategy": strategy,
            "seed": seed,
            "n_bought": bought,
            "score": value + shift,
            "seconds_fit": 1.0,
            "seconds_query": 2.0,
            "seconds_oracle": 3.0,
        }
        for seed, value in enumerate(areas)
        for bought, shift in [(0, -0.1), (50, 0.1)]
    ]


CHANCE = np.array([0.5, 0.55, 0.6, 0.52, 0.58])
GAINS = np.array([0.1, 0.12, 0.08, 0.11, 0.02])


@pytest.fixture
def summary():
    rows = [*records("random", CHANCE), *records("clever", CHANCE + GAINS)]
    return StrategyComparison(rows).summary(target=0.75).set_index("strategy")


def test_areas_and_gains(summary):
    assert summary.loc["random", "area"] == pytest.approx(CHANCE.mean())
    assert summary.loc["clever", "gain"] == pytest.approx(GAINS.mean())
    assert summary.loc["clever", "final_score"] == pytest.approx((CHANCE + GAINS).mean() + 0.1)
    assert summary.loc["random", ["gain", "gain_low", "gain_high"]].tolist() == [0, 0, 0]
    low, high = summary.loc["clever", ["gain_low", "gain_high"]]
    reference = stats.bootstrap((GAINS,), np.mean, random_state=np.random.default_rng(5))
    np.testing.assert_allclose((low, high), reference.confidence_interval, atol=0.01)
    assert summary.loc["clever", "seconds_query"] == 4.0


def test_p_value_is_exact(summary):
    # All five gains are positive: 2 of the 32 ways to flip their signs are as extreme.
    assert summary.loc["clever", "p_value"] == pytest.approx(2 / 32)
    assert np.isnan(summary.loc["random", "p_value"])


def test_labels_to_a_target(summary):
    # 0.75 is reached at the end by the areas of 0.65 and more; at the start by none.
    reached = (CHANCE + GAINS >= 0.65).mean()
    assert summary.loc["clever", "share_reached"] == pytest.approx(reached)
    assert summary.loc["clever", "labels_to_target"] == (50 if reached > 0.5 else np.inf)
    assert summary.loc["random", "labels_to_target"] == np.inf


def test_one_seed_has_no_interval():
    rows = [*records("random", [0.5]), *records("clever", [0.6])]
    summary = StrategyComparison(rows).summary().set_index("strategy")
    assert np.isnan(summary.loc["clever", ["area_low", "gain_high", "p_value"]].tolist()).all()


def test_unknown_data_set():
    with pytest.raises(ValueError, match=r"\['d'\], got 'e'"):
        StrategyComparison(records("random", [0.5])).histories("e")


# What takes part


def test_a_baseline_of_one_s_own(data):
    split = {"split": data["split"]}
    found = compare_strategies(
        GaussianNB(), {"chance": RandomSampling(), **MARGIN}, split, seeds=1, budget=0
    )
    assert found.baseline == "chance"
    assert set(found.curves["strategy"]) == {"chance", "margin"}
    with pytest.raises(ValueError, match=r"'random' is the name.*UncertaintySampling"):
        compare_strategies(GaussianNB(), {"random": UncertaintySampling()}, split)


def test_designed_samples_need_an_oracle(data, blobs, segment):
    datasets = {"plane": blobs}
    with pytest.raises(ValueError, match=r"\['plane'\]"):
        compare_strategies(LogisticRegression(), {"segment": segment}, datasets)
    oracles = {"plane": EstimatorOracle(LogisticRegression().fit(*blobs))}
    found = compare_strategies(
        LogisticRegression(), {"segment": segment}, datasets, oracles=oracles, seeds=1, budget=5
    )
    assert found.curves["n_labels"].tolist() == [10, 15, 10, 15]


def test_regression():
    X = np.linspace(0, 1, 60)[:, np.newaxis]
    found = compare_strategies(
        Ridge(), {"random": RandomSampling()}, {"line": (X, X[:, 0])}, seeds=2, budget=10
    )
    assert found.curves["score"].max() > 0.5


def test_a_data_set_is_a_pair_or_comes_split(data):
    with pytest.raises(ValueError, match=r"\(X, y\).*tuple of 3"):
        compare_strategies(GaussianNB(), MARGIN, {"odd": data["split"][:3]})


def test_one_data_set_needs_no_name(data, blobs, segment):
    found = compare_strategies(GaussianNB(), MARGIN, data["blobs"], seeds=1, budget=0)
    assert set(found.curves["dataset"]) == {"data"}
    oracle = EstimatorOracle(LogisticRegression().fit(*blobs))
    options = {"seeds": 1, "budget": 5, "oracles": oracle}
    found = compare_strategies(LogisticRegression(), {"segment": segment}, blobs, **options)
    assert found.curves["n_labels"].tolist() == [10, 15, 10, 15]


def test_unsuitable_strategies_are_named_before_anything_is_run(data, tmp_path):
    ran = tmp_path / "ran"
    strategies = {"counting": Counting(ran), "unsure": UncertaintySampling()}
    with pytest.raises(TypeError, match=r"Strategy 'unsure' can't be compared with Ridge: .*leave"):
        compare_strategies(Ridge(), strategies, data["split"], seeds=1)
    strategies = {"counting": Counting(ran), "odd": UncertaintySampling("oddness")}
    with pytest.raises(ValueError, match="Strategy 'odd'"):
        compare_strategies(GaussianNB(), strategies, data["split"], seeds=1)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("model", "strategy", "match"),
    [
        (Ridge(), BADGE(), "BADGE is for classifiers"),
        (GaussianNB(), CoreSet(features="classifier"), "GaussianNB has none of these"),
        (GaussianNB(), ProbCover(features="classifier"), "GaussianNB has none of these"),
        (GaussianNB(), LearningLoss(), "LossPredictionClassifier"),
        (Ridge(), AISEL(DesignBox(bounds=[(-3, 3)] * 6)), "EnsembleRegressor"),
        (GaussianNB(), AISEL(GAN()), "GAN has no inverse_transform"),
        (GaussianNB(), ASAL(GAN(max_iter=-1)), "'max_iter' parameter of GAN"),
        (
            GaussianNB(),
            UncertaintySampling,
            r"is a class; pass an instance, UncertaintySampling\(\)",
        ),
        (GaussianNB(), None, "'strategy' parameter of ActiveLearner"),
        (GaussianNB(), "margin", "'strategy' parameter of ActiveLearner"),
    ],
    ids=lambda value: None if isinstance(value, str) else getattr(value, "__name__", repr(value)),
)
def test_unsuitable_strategies_are_refused_before_anything_is_run(
    data, tmp_path, model, strategy, match
):
    ran = tmp_path / "ran"
    strategies = {"counting": Counting(ran), "odd": strategy}
    oracle = EstimatorOracle(GaussianNB().fit(*data["blobs"]))
    with pytest.raises((TypeError, ValueError), match=rf"Strategy 'odd' .*{match}"):
        compare_strategies(model, strategies, data["split"], seeds=1, oracles=oracle)
    assert not ran.exists()


def test_sparse_samples_are_refused_first_by_name(data, tmp_path):
    ran = tmp_path / "ran"
    X, y = data["blobs"]
    strategies = {"counting": Counting(ran), "odd": CoreSet()}
    with pytest.raises(TypeError, match=r"Strategy 'odd' .*[Ss]parse"):
        compare_strategies(LogisticRegression(), strategies, (sparse.csr_matrix(X), y), seeds=1)
    assert not ran.exists()


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"strategies": UncertaintySampling()}, "'strategies' parameter .* instance of 'dict'"),
        ({"strategies": [UncertaintySampling()]}, "'strategies' parameter .* instance of 'dict'"),
        ({"estimator": [GaussianNB()]}, "'estimator' parameter"),
        ({"datasets": load_iris()}, r"tuple \(X, y\).*bunch\.target.*'data' is a ndarray"),
        ({"datasets": np.ones((5, 2))}, "'datasets' parameter"),
        ({"seeds": 1.5}, "'seeds' parameter"),
        ({"seeds": 0}, "'seeds' parameter"),
        ({"oracles": [1]}, "'oracles' parameter"),
    ],
    ids=["strategy", "list of strategies", "list of models", "bunch", "array", "part", "0", "list"],
)
def test_arguments_of_another_kind_are_explained(data, changed, match):
    call = {"estimator": GaussianNB(), "strategies": MARGIN, "datasets": data, "seeds": 1}
    with pytest.raises((TypeError, ValueError), match=match):
        compare_strategies(**{**call, **changed})


@pytest.mark.parametrize("seeds", [[0, 0], [1, 2, 1.0]])
def test_a_seed_counts_once(data, seeds):
    with pytest.raises(ValueError, match="differ from each other"):
        compare_strategies(GaussianNB(), MARGIN, data, seeds=seeds)


def test_estimators_are_compared_like_strategies(data):
    models = {"narrow": GaussianNB(), "wide": GaussianNB(var_smoothing=1.0)}
    options = {"seeds": 2, "budget": 10}
    both = compare_strategies(models, MARGIN, data["split"], **options)
    assert len(both.records) == 2 * 2 * 2 * 2
    for name in models:
        model = models[name]
        alone = compare_strategies(model, MARGIN, data["split"], **options).curves
        rows = both.curves[both.curves["estimator"] == name]
        assert rows["score"].tolist() == alone["score"].tolist()
    summary = both.summary().set_index(["estimator", "strategy"])
    # The gain is over chance with the same estimator.
    areas = summary["area"]
    expected = areas["wide", "margin"] - areas["wide", "random"]
    assert summary.loc[("wide", "margin"), "gain"] == pytest.approx(expected)
    assert next(iter(both.histories("data"))) == "narrow, random"


def test_several_scores_are_columns(data):
    options = {"seeds": 2, "budget": 10, "scoring": ["accuracy", "neg_log_loss"]}
    found = compare_strategies(GaussianNB(), MARGIN, data["split"], **options)
    assert found.measures == ["accuracy", "neg_log_loss"]
    plain = compare_strategies(GaussianNB(), MARGIN, data["split"], seeds=2, budget=10)
    assert found.curves["accuracy"].tolist() == plain.curves["score"].tolist()
    assert found.summary()["area"].tolist() == plain.summary()["area"].tolist()
    assert (found.summary(measure="neg_log_loss")["area"] < 0).all()
    with pytest.raises(ValueError, match="measure must be one of"):
        found.summary(measure="f1")


@pytest.mark.parametrize("name", ["n_labels", "n_bought", "seed", "strategy"])
def test_measures_have_names_of_their_own(data, name):
    scoring = {"accuracy": "accuracy", name: "f1_macro"}
    with pytest.raises(ValueError, match=rf"measures \['{name}'\], and records have columns"):
        compare_strategies(GaussianNB(), MARGIN, data["split"], seeds=2, scoring=scoring)


def test_a_comparison_is_shown_in_a_line_or_a_short_table(comparison):
    text = "StrategyComparison of 2 strategies on 2 data sets with 3 seeds: 36 records"
    assert repr(comparison) == text
    table = comparison._repr_html_()
    assert table.count("<tr>") == 4
    assert "final score" in table
