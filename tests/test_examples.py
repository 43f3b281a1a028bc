"""The examples that the gallery doesn't run, in miniature."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skgal import LabelStore

ROOT = Path(__file__).parents[1]


def run_example(name, *options, folder):
    """Run an example in a folder, and return what it printed."""
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / name, *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_demo_prints_the_table_and_draws_the_figure(tmp_path):
    options = ["--seeds", "0", "1", "--n-jobs=1", "--n-queries=40", "--gin-updates=20"]
    printed = run_example("demo.py", *options, folder=tmp_path)
    for arm in ("random, GIN", "Sobol, box", "AISEL, GIN", "AISEL, box", "real"):
        assert re.search(rf"^\+ 40 {arm} +\d\d\.\d +\d+\.\d +[+-]\d+\.\d$", printed, re.MULTILINE)
    assert re.search(r"^native, 60 labels +\d\d\.\d", printed, re.MULTILINE)
    assert (tmp_path / "demo.png").stat().st_size > 10_000


def test_demo_with_a_network_as_oracle(tmp_path):
    options = [f"--{name}-updates=20" for name in ("gin", "classifier", "oracle")]
    options += ["--dataset=digits", "--seeds=0", "--n-jobs=1", "--n-queries=20"]
    printed = run_example("demo.py", *options, folder=tmp_path)
    arms = ["native", "+ 20 real"]
    for answer in ("hard", "soft"):
        arms += [
            f"+ 20 {name}, {answer} labels" for name in ("random", "latent uncertainty", "AISEL")
        ]
    for arm in arms:
        assert re.search(rf"^{re.escape(arm)} +0\.\d{{3}}", printed, re.MULTILINE), arm
    assert (tmp_path / "demo.png").stat().st_size > 10_000


@pytest.mark.parametrize("backend", ["local", "dask"])
def test_an_external_solver_is_run_and_none_of_its_runs_twice(tmp_path, backend):
    options = ["--n-given=12", "--budget=6", "--n-jobs=1", f"--backend={backend}"]
    printed = run_example("external_solver.py", *options, folder=tmp_path)
    n_computed = int(re.search(r"^(\d+) of 6 designed", printed, re.MULTILINE)[1])
    assert 1 <= n_computed <= 6
    store = LabelStore(tmp_path / "fins.db")
    n_records = len(store.records())
    store.close()
    assert run_example("external_solver.py", *options, folder=tmp_path) == printed
    store = LabelStore(tmp_path / "fins.db")
    assert len(store.records()) == n_records
    store.close()
