"""The benchmarks run, at sizes at which their numbers mean nothing."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from skgal.utils import seeded_torch

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Import a benchmark as its directory's scripts do; the environment stays as it is."""
    before = dict(os.environ)
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield importlib.import_module
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("name", sorted(path.stem for path in BENCHMARKS.glob("*.py")))
def test_every_benchmark_finds_what_it_imports(load, name):
    if name == "tabular_ctgan":
        pytest.skip("runs by an interpreter of its own")
    load(name)


def test_graphics_card(tmp_path):
    output = tmp_path / "gpu.json"
    command = [sys.executable, "-W", "ignore", BENCHMARKS / "gpu.py"]
    command += ["--device", "cpu", "--toy", "--output", output]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    report = json.loads(output.read_text())
    assert set(report["training"]) == {"WGAN-GP 28x28", "SNGAN 32x32", "dense 8x8"}
    assert all(ratios["ours / by hand"] > 0 for ratios in report["training"].values())
    for curve in report["cifar10"].values():
        assert np.isfinite(curve["curve"][-1]["frechet_distance"])
    assert {"scan", "latent search"} == {name.split(",")[0] for name in report["queries"]["cpu"]}


def test_peers(load):
    peers = load("peers")
    for case, (_, _, rivals) in peers.CASES.items():
        if case.startswith(("training", "over-sampling")):
            continue  # the first are those of engine.py, the second train a network
        for who in ["skgal", *rivals]:
            if who != "modAL":
                assert peers.measure(case, who, 300)["seconds"] > 0


def test_the_ratio_of_peers_is_theirs_over_ours(load):
    runs = {
        f"case | {who} | 10 | {repeat}": {"processor": seconds, "seconds": 1, "peak_mb": memory}
        for who, memory, times in [("skgal", 100, [1, 2]), ("other", 300, [3, 10])]
        for repeat, seconds in enumerate(times)
    }
    runs["case | broken | 10 | 0"] = {"failed": "MemoryError"}
    ratio = load("peers").summarize(runs)["case"]["other / skgal"]
    assert ratio == {"processor": 4.0, "processor, all": [3.0, 5.0], "peak": 3.0}


def test_growth(load):
    growth = load("growth")
    for case, size in [("LabelStore: tell, records", 20), ("frechet_distance, rows", 50)]:
        first, last = growth.measure(case, (size, 10 * size), repeats=1)
        assert first["processor"] > 0
        assert last["size"] == 10 * size


def test_nothing_grows_faster_than_its_algorithm(load):
    growth = load("growth")
    runs = json.loads((BENCHMARKS / "results" / "growth.json").read_text())["runs"]
    assert set(runs) == set(growth.CASES)
    for case, run in runs.items():
        assert run["expected"] == growth.CASES[case][3], case
        slopes = [run["slope of processor time"], run["slope of memory"] or 0]
        assert max(slopes) <= run["expected"] + growth.TOLERANCE, case


def test_slopes_are_those_of_powers(load):
    slope = load("growth").slope
    rows = [{"size": n, "time": 3.0 * n**2} for n in (10, 30, 100)]
    assert slope(rows, "time", 0) == pytest.approx(2)
    assert slope(rows, "time", 10_000) is None  # only one size is above


def test_synthetic_tables(load, monkeypatch, tmp_path):
    tabular, output = load("tabular"), tmp_path / "tabular.json"
    monkeypatch.delenv("CTGAN_PYTHON", raising=False)
    arms = ['GAN {"max_iter": 2}', "CGAN", "copula", "CTGAN", "real rows"]  # no CGAN of quantities
    command = ["tabular.py", "--tables", "diabetes", "--seeds", "0", "--output", str(output)]
    monkeypatch.setattr(sys, "argv", [*command, "--arms", *arms])
    tabular.main()
    report = json.loads(output.read_text())
    cells = report["summary"]["diabetes"]
    assert set(cells) == {arms[0], "copula", "real rows"}
    assert cells["copula"]["boosting, r2"]["mean"] > cells[arms[0]]["boosting, r2"]["mean"]
    assert cells["real rows"]["memorization, ratio"] == {"mean": 1.0, "n": 1}
    assert "interpreter" in report["runs"]["diabetes | 0 | CTGAN"]["skipped"]
    monkeypatch.setattr(tabular, "run", lambda table, seed, arm, args: {"skipped": "again"})
    tabular.main()  # what was measured is kept, what was skipped is tried again
    again = json.loads(output.read_text())
    assert again["summary"] == report["summary"]
    assert again["runs"]["diabetes | 0 | CTGAN"] == {"skipped": "again"}


def test_the_copula_of_the_tables_has_the_known_correlation(load):
    copula = load("tabular").GaussianCopula()
    correlation = np.array([[1, 0.8, -0.6], [0.8, 1, -0.3], [-0.6, -0.3, 1]])
    rng = np.random.default_rng(0)
    normal = rng.multivariate_normal(np.zeros(3), correlation, size=20_000)
    frame = pd.DataFrame({"skewed": np.exp(normal[:, 0]), "whole": np.round(9 * normal[:, 1])})
    # Of two categories the more frequent one is the lower interval of the normal distribution.
    frame["kind"] = np.where(normal[:, 2] < stats.norm.ppf(0.7), "often", None)
    frame = frame.astype({"whole": int})
    drawn = copula.fit(frame).sample(20_000, random_state=1)
    assert copula.root @ copula.root.T == pytest.approx(correlation, abs=0.02)
    spearman = stats.spearmanr(drawn["skewed"], drawn["whole"]).statistic
    assert spearman == pytest.approx(6 / np.pi * np.arcsin(0.4), abs=0.01)  # of a Gaussian copula
    assert stats.ks_2samp(drawn["skewed"], frame["skewed"]).pvalue > 0.01
    assert (drawn.dtypes == frame.dtypes).all()
    assert drawn["kind"].isna().mean() == pytest.approx(0.3, abs=0.01)
    # The mean of a coordinate above a cut of another: rho * density(cut) / share above.
    mean = np.log(drawn["skewed"][drawn["kind"].isna()]).mean()
    assert mean == pytest.approx(-0.6 * stats.norm.pdf(stats.norm.ppf(0.7)) / 0.3, abs=0.02)


def test_gains_of_augmentation_are_paired_by_seed(load):
    runs = {}
    for seed, (before, after) in enumerate([(0.5, 0.6), (0.7, 0.7)]):
        base = {"seconds": 0.0, "boosting": before, "logistic": before}
        more = {"boosting": after, "logistic": after, "warned": seed == 0, "nearest_real": seed}
        more |= {"overlap": seed / 10, "nearer_to_others": 0.5}
        runs |= {f"truss | none | {seed}": base, f"truss | default | {seed}": base | more}
    row = load("selective_tables").summarize(runs)["truss | default"]
    assert (row["n_seeds"], row["warned"], row["nearest_real"]) == (2, 1, 0.5)
    assert (row["overlap"], row["nearer_to_others"]) == (0.05, 0.5)
    assert row["boosting"]["gain"] == pytest.approx(0.05)
    assert row["boosting"]["standard error of the gain"] == pytest.approx(0.05)


@pytest.mark.parametrize("freeze", [False, True])
def test_a_transferred_network_learns_the_layers_it_is_told_to(load, freeze):
    arms = load("aisel_arms")
    args = SimpleNamespace(dataset="mnist", classifier="strided", augment=True)
    args.classifier_updates = 3
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (64, 1, 8, 8), dtype=np.uint8), np.arange(64) % 3
    with seeded_torch(0):
        pretrained = arms.ConvClassifier((1, 8, 8), n_classes=10).features.state_dict()
    made = arms.train_classifier(args, X, y, 3, 0, pretrained=pretrained, freeze=freeze)
    learnt = made.module_.network.features.named_parameters()
    kept = [value.equal(pretrained[name]) for name, value in learnt]
    assert all(kept) if freeze else not any(kept)


def test_leads_of_aisel_are_over_all_arms_with_the_same_labels(load):
    scores = {"oracle": 0.9, "native": 0.5, "transfer": 0.7, "+ 9 random, soft labels": 0.8}
    scores |= {"+ 9 random, hard labels": 0.4, "+ 4 AISEL, soft labels": 0.6}
    leads = load("aisel").summarize({"0": {"0": scores}})["AISEL minus"]["+ 4 AISEL, soft labels"]
    assert {rival: lead["mean"] for rival, lead in leads.items()} == {
        "native": 0.1, "transfer": -0.1, "+ 9 random, soft labels": -0.2
    }  # fmt: skip


def test_every_table_of_the_pages_is_drawn_from_the_results(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(BENCHMARKS.parent / "docs" / "_ext")
    measured = importlib.import_module("measured")
    pages = (BENCHMARKS.parent / "docs").glob("*.md")
    names = re.findall(
        r"{measured-table} (\w+)", "".join(page.read_text(encoding="utf-8") for page in pages)
    )
    assert len(names) > 10
    for name in names:
        header, rows = getattr(measured, f"{name}_table")()
        assert {len(row) for row in rows} == {len(header)}, name


def test_the_numbers_of_the_pages_are_those_of_the_results(monkeypatch):
    """Where this fails, results have changed: python docs/_ext/measured.py."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(BENCHMARKS.parent / "docs" / "_ext")
    measured = importlib.import_module("measured")
    n_numbers = 0
    for page in (BENCHMARKS.parent / "docs").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert measured.draw_numbers(text, keep_comments=True) == text, page.name
        assert "measured:" not in measured.draw_numbers(text, keep_comments=False), page.name
        n_numbers += text.count("<!-- measured:")
    assert n_numbers > 10
