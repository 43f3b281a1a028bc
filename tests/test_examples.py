"""What a newcomer runs first: the README's code and the demo, the latter in miniature."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from skgal import LabelStore

ROOT = Path(__file__).parents[1]


def run_cell(code, names):
    """Run code as a notebook does; return the value of its last line, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def run_page(path):
    """Run a page's blocks one after another; return the values of their last lines."""
    cells = re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)
    names = {}
    return [run_cell(code, names) for code in cells]


def test_readme_and_the_first_page_show_the_same_code_and_it_runs():
    score, _, reason, _ = run_page("README.md")
    assert score > 0.925  # 0.9226 by the 60 designs alone
    assert reason.startswith("Resampling")
    readme, start = (
        re.search(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)[1]
        for path in ("README.md", "docs/start.md")
    )
    assert readme == start


def test_what_the_first_page_says_is_in_the_learner():
    score, learner = run_page("docs/start.md")
    assert score > 0.925
    assert learner is not None


def test_the_page_about_probabilities_comes_to_what_it_says():
    (resampled, calibrated, true), threshold, is_open = run_page("docs/probabilities.md")
    assert resampled > 1.5 * true
    assert calibrated == pytest.approx(true, rel=0.1)
    assert threshold < 0.3
    assert not is_open


def test_the_page_about_features_comes_to_what_it_says():
    *_, score, _, nearest, _ = run_page("docs/features.md")
    assert score > 0.7
    assert nearest.tolist() == [0, 1, 2]


def test_the_session_of_the_docs_comes_to_what_its_comments_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/sessions.md").read_text()
    names = {}
    values = [run_cell(code, names) for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    assert values[2:4] == [(70, 30), 73]
    assert values[4] == (3, ":memory:")
    waiting, (agreement,), label = values[5]
    assert (waiting, label) == (6, {6: 0.5, 5: 0.5})
    assert (agreement["share"], agreement["kappa"]) == pytest.approx((5 / 6, 25 / 31))
    assert values[6].startswith("target score: 0.8")
    assert values[7:] == [(17, 30), ["answered", "reopened", "withdrawn"], (30, 40)]


@pytest.mark.touches_global_rng  # a skorch net does when it predicts
def test_the_page_about_resamplers_comes_to_what_it_says():
    page = (ROOT / "docs/resampling.md").read_text()
    names = {}
    cells = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    values = [run_cell(code, names) for code in cells]
    _, n_of_classes, report, reason, (of_pipe, of_net), end_to_end, single = values
    assert n_of_classes.tolist() == [538, 538]
    assert report["accepted"].add(report["topped_up"]).tolist() == [269, 507]
    assert reason.startswith("Resampling helps: balanced_accuracy is 0.8059 with it")
    assert of_pipe > 0.8 > 0.2 > of_net
    assert end_to_end > 0.6
    assert single.to_numpy().astype(int).tolist() == [[0, 0, 0], [476, 238, 238]]


@pytest.mark.touches_global_rng  # a skorch net does when it predicts
def test_the_page_about_alcg_comes_to_what_it_says():
    page = (ROOT / "docs/alcg.md").read_text()
    names = {}
    cells = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    n_updates, distances, gains = [run_cell(code, names) for code in cells]
    assert n_updates == 3 * 20  # the networks go on from round to round
    assert len(distances) == 3
    assert max(distances) < 0
    assert gains["estimator"].nunique() == 2
    assert gains["gain"].notna().any()


def test_the_generator_of_the_docs_passes_its_check(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/methods.md").read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "check_generator(" in block)
    script = tmp_path / "normal.py"  # a file, since what is pickled must be importable
    script.write_text(block)
    subprocess.run([sys.executable, script], check=True)


@pytest.mark.touches_global_rng  # joblib's backends may
def test_the_page_about_simulators_comes_to_what_it_says(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    page = (ROOT / "docs/simulators.md").read_text()
    names = {}
    cells = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    values = [run_cell(code, names) for code in cells]
    before, in_box, by_gin, shape, explained, (n_asked, n_answered), same, after_crash = values
    assert 0.9 < before < in_box - 0.01
    assert by_gin > before - 0.02
    assert shape == (80, 1, 16, 16)
    assert explained > 0.7
    assert n_asked == 30 > n_answered >= 20
    assert same
    assert after_crash == (31, 30)


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
