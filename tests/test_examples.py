"""What a newcomer runs first: the README's code and the demo, the latter in miniature."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) == 4
    exec("\n".join(blocks), {})


def run_cell(code, names):
    """Run code as a notebook does; return the value of its last line, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_session_of_the_docs_comes_to_what_its_comments_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/sessions.md").read_text()
    names = {}
    values = [run_cell(code, names) for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    assert values[2:4] == [(70, 30), 73]
    assert values[4] == (3, ":memory:")
    assert values[5].startswith("target score: 0.8")
    assert values[6:] == [(17, 30), ["answered", "reopened", "withdrawn"], (30, 40)]


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


def test_the_generator_of_the_docs_passes_its_check(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/index.md").read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "check_generator(" in block)
    script = tmp_path / "normal.py"  # a file, since what is pickled must be importable
    script.write_text(block)
    subprocess.run([sys.executable, script], check=True)


def test_demo_prints_the_table_and_draws_the_figure(tmp_path):
    figure = tmp_path / "demo.png"
    options = [f"--{name}-updates=20" for name in ("gin", "classifier", "oracle")]
    options += ["--seeds=0", "--n-jobs=1", "--n-queries=20", f"--output={figure}"]
    demo = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo.py", *options],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert demo.returncode == 0, demo.stderr
    arms = ["native", "+ 20 real"]
    for answer in ("hard", "soft"):
        arms += [
            f"+ 20 {name}, {answer} labels" for name in ("random", "latent uncertainty", "AISEL")
        ]
    for arm in arms:
        assert re.search(rf"^{re.escape(arm)} +0\.\d{{3}}", demo.stdout, re.MULTILINE), arm
    assert figure.stat().st_size > 10_000
