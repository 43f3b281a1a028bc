"""Comparisons are paired, resumable, and sum up as a statistician would."""

import json
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB

from skgal.active import EstimatorOracle, StrategyComparison, compare_strategies
from skgal.base import PoolStrategy
from skgal.query import RandomSampling, UncertaintySampling

MARGIN = {"margin": UncertaintySampling("margin_of_confidence")}


class Counting(PoolStrategy):
    """Takes the first candidates, and notes in a file that it was fitted; may be made to fail."""

    def __init__(self, path, fail_after=None):
        self.path = path
        self.fail_after = fail_after

    def fit(self, X, y=None):
        with self.path.open("ab") as file:
            file.write(b".")
        if self.fail_after is not None and self.path.stat().st_size > self.fail_after:
            raise RuntimeError("power cut")
        return self

    def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
        return candidates[:batch_size]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags

    def get_params(self, deep=True):
        # What makes it fail is no part of what it is.
        return {"path": self.path}

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


def test_what_was_run_is_not_run_again(data, tmp_path):
    ran, path = tmp_path / "ran", tmp_path / "results.db"
    options = {"budget": 10, "path": path}
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
def test_killed_in_the_middle_it_ends_as_if_it_had_never_been(tmp_path):
    script = [sys.executable, str(Path(__file__).with_name("comparison_script.py"))]
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    for folder in (broken, whole):
        folder.mkdir()
    killed = subprocess.run([*script, str(broken), "3"], check=False)
    assert killed.returncode == -signal.SIGKILL
    rows = sqlite3.connect(broken / "results.db").execute("SELECT strategy, seed FROM runs")
    assert sorted(rows) == [("mortal", 0), ("mortal", 1)], "all that was done is there, in full"
    resumed, unbroken = (
        subprocess.run([*script, str(folder)], check=True, capture_output=True).stdout
        for folder in (broken, whole)
    )
    assert len(json.loads(unbroken)) == 2 * 4 * 2
    assert json.loads(resumed) == json.loads(unbroken)
    assert len((broken / "ran").read_text().split()) == 3 + 2, "only the killed run was run again"


@pytest.mark.parametrize("change", ["estimator", "strategy", "data", "budget"])
def test_results_of_something_else_are_not_taken_for_these(data, tmp_path, change):
    split = {"split": data["split"]}
    call = {"estimator": GaussianNB(), "strategies": MARGIN, "datasets": split, "budget": 10}
    changed = {
        "estimator": GaussianNB(var_smoothing=0.1),
        "strategies": {"margin": UncertaintySampling("entropy")},
        "datasets": {"split": data["blobs"]},
        "budget": 5,
    }
    name = {"strategy": "strategies", "data": "datasets"}.get(change, change)
    path = tmp_path / "results.db"
    compare_strategies(**call, seeds=1, path=path)
    with pytest.raises(ValueError, match=r"'split' for seed 0, but with other"):
        compare_strategies(**{**call, name: changed[name]}, seeds=1, path=path)
    compare_strategies(**call, seeds=1, path=path)


def test_lambdas_are_known_by_their_source(data, tmp_path):
    path = tmp_path / "results.db"
    split = {"split": data["split"]}
    run = partial(compare_strategies, GaussianNB(), MARGIN, split, seeds=1, budget=10)
    run(scoring=lambda model, X, y: model.score(X, y), path=path)
    with pytest.raises(ValueError, match="but with other data, parameters or settings"):
        run(scoring=lambda model, X, y: -model.score(X, y), path=path)
    assert len(run(scoring=lambda model, X, y: model.score(X, y)).records) == 4


def test_a_file_of_something_else_is_left_alone(data, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing that SQLite has written, and long enough to see that" * 20)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"notes\.txt.*Name a new file"):
        compare_strategies(GaussianNB(), MARGIN, data, path=path)
    assert path.read_bytes() == before


def test_results_are_in_an_ordinary_sqlite_file(data, tmp_path):
    path = tmp_path / "results.db"
    compare_strategies(GaussianNB(), MARGIN, {"split": data["split"]}, seeds=1, budget=0, path=path)
    rows = sqlite3.connect(path).execute("SELECT dataset, strategy, seed FROM runs ORDER BY 2")
    assert rows.fetchall() == [("split", "margin", 0), ("split", "random", 0)]


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
