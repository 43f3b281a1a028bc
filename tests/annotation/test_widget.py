"""The widget of a notebook: its messages without a browser, and in a real JupyterLab."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, LabelStore
from skgal.annotation import LabellingWidget
from skgal.query import RandomSampling

pytest.importorskip("anywidget", reason="needs anywidget, of the extra notebook")

ROOT = Path(__file__).parents[2]
DIGITS = load_digits().images[:6, np.newaxis]


class FrontEnd:
    """Sends the messages that widget.js sends."""

    def __init__(self, widget):
        self.widget, self.sent = widget.widget, []
        self.widget.send = self.sent.append

    def call(self, name, *values):
        self.sent.clear()
        message = {"request": "view-1", "call": name, "values": [*values]}
        self.widget._handle_custom_msg(message, [])
        assert self.sent[0].pop("request") == "view-1"
        return self.sent[0].get("result", self.sent[0])


@pytest.fixture
def store():
    with LabelStore() as store:
        store.classes = ["cat", "dog"]
        yield store


@pytest.fixture
def learner():
    X, y = load_digits(return_X_y=True)
    y_few = np.where(np.arange(len(y)) < 30, y, np.nan)
    return ActiveLearner(
        LogisticRegression(max_iter=200),
        RandomSampling(),
        batch_size=2,
        budget=4,
        random_state=0,
    ).fit(X, y_few)


def test_answers_are_in_the_store_before_they_are_shown(store):
    ids = store.add_query(DIGITS[:2]).tolist()
    front = FrontEnd(LabellingWidget(store, annotator="Ada"))
    shown = front.call("describe")
    assert [sample["id"] for sample in shown["samples"]] == ids
    assert (shown["classes"], shown["annotator"], shown["open"]) == (["cat", "dog"], "Ada", True)
    (png, _) = front.call("images", shown["number"], 0)
    assert png.startswith("iVBOR")
    answered = front.call("answer", shown["number"], [ids[0]], [1], 2.5)
    assert answered["answers"] == {ids[0]: "dog"}
    record = store.records()[0]
    assert (record.label, record.annotator, record.seconds) == ("dog", "Ada", 2.5)
    assert front.call("undo", shown["number"])["undone"] == [ids[0]]
    assert store.counts()["pending"] == 2


def test_new_samples_appear_once_a_batch_is_handed_over(store):
    first = store.add_query([[0.0], [1.0]]).tolist()
    front = FrontEnd(LabellingWidget(store))
    number = front.call("describe")["number"]
    later = store.add_query([[2.0]]).tolist()
    assert front.call("progress")["number"] == number, "a batch stays what it is"
    assert "no answer yet" in front.call("finish", number)["error"]
    front.call("answer", number, first, [0, None], 1)
    assert front.call("finish", number)["open"] is False
    assert front.sent[1:] == [{"error": None}]
    assert [sample["id"] for sample in front.call("describe")["samples"]] == later
    stale = front.call("answer", number, first, [0, 0], 1)
    assert stale["status"] == 409


def test_a_learner_asks_for_one_batch_after_another(learner):
    front = FrontEnd(LabellingWidget(learner, image_shape=(1, 8, 8)))
    for n_labels in (30, 32):
        batch = front.call("describe")
        assert len(learner.labelled_) == n_labels
        assert batch["image"]["width"] == 8
        front.call("answer", batch["number"], [s["id"] for s in batch["samples"]], [3, 4], 1)
        front.call("finish", batch["number"])
    assert front.call("describe")["samples"] == []  # the budget is spent
    assert [row["n_labels"] for row in learner.history_] == [30, 32, 34]
    assert sorted(learner.labelled_.y[-4:].tolist()) == [3, 3, 4, 4]


def test_a_learner_that_fails_says_so_and_keeps_the_labels(learner, monkeypatch):
    front = FrontEnd(LabellingWidget(learner))
    batch = front.call("describe")
    front.call("answer", batch["number"], [s["id"] for s in batch["samples"]], [3, 4], 1)

    def fail(*args):
        raise RuntimeError("no memory")

    monkeypatch.setattr(learner, "ask", fail)
    front.call("finish", batch["number"])
    assert front.sent[1:] == [{"error": "no memory"}]
    assert learner.store_.counts()["answered"] == 2


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("close", []),
        ("_call", ["describe", []]),
        ("answer", [1, "ids", [0], 1]),
        ("answer", [1, [True], [0], 1]),
        ("answer", [1]),
        ("images", [1, -(2**70)]),
        (None, []),
    ],
    ids=str,
)
def test_what_no_front_end_sends_is_refused(store, name, values):
    store.add_query([[0.0]])
    front = FrontEnd(LabellingWidget(store))
    assert front.call(name, *values)["error"].startswith("The widget sent an unexpected call")
    assert store.counts()["pending"] == 1


def test_second_opinions_and_wrong_sources(store):
    ids = store.add_query([[0.0], [1.0]])
    store.tell(ids, ["cat", "dog"], annotator="Ada")
    store.ask_again(ids)
    assert FrontEnd(LabellingWidget(store, annotator="Ada")).call("describe")["samples"] == []
    widget = LabellingWidget(store, annotator="Bob")
    assert repr(widget) == "LabellingWidget(2 samples wait for an answer)"
    assert len(FrontEnd(widget).call("describe")["samples"]) == 2
    assert "application/vnd.jupyter.widget-view+json" in widget._repr_mimebundle_()[0]
    widget.close()
    with pytest.raises(TypeError, match="a fitted ActiveLearner or a LabelStore; got str"):
        LabellingWidget("labels.db")


# In a real JupyterLab

START_SECONDS = 180
"""How long a JupyterLab, its page and its kernel may take to be there; seconds, as a rule."""

CELL = """
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from skgal import ActiveLearner, LabelStore, RandomSampling
from skgal.annotation import LabellingWidget

X, y = load_digits(return_X_y=True)
y_few = np.where(np.arange(len(y)) < 30, y, np.nan)
learner = ActiveLearner(
    LogisticRegression(max_iter=200), RandomSampling(), batch_size=3, budget=6,
    store="labels.db", random_state=0,
).fit(X, y_few)
LabellingWidget(learner, annotator="Ada", image_shape=(1, 8, 8))
"""


@pytest.fixture
def lab(tmp_path, wait_for):
    """Address of a JupyterLab on a folder with a notebook of one cell."""
    pytest.importorskip("jupyterlab", reason="needs jupyterlab, of the extra test")
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "source": CELL}
    kernel = {"name": "python3", "display_name": "Python", "language": "python"}
    notebook = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (tmp_path / "labels.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += ["--LabApp.extension_manager=readonly", "--LabApp.news_url="]
    command += ["--ServerApp.ip=127.0.0.1", "--IdentityProvider.token=secret"]
    command += [f"--ServerApp.root_dir={tmp_path}", "--LabApp.expose_app_in_browser=True"]
    folders = {
        f"JUPYTER_{name}_DIR": str(tmp_path / name) for name in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = {**os.environ, **folders, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)

    def address():
        assert server.poll() is None, (tmp_path / "log").read_text()
        for path in (tmp_path / "RUNTIME").glob("jpserver-*.json"):
            return json.loads(path.read_text() or "{}").get("url")
        return None

    try:
        yield f"{wait_for(address, START_SECONDS)}lab/tree/labels.ipynb?token=secret"
    finally:
        server.terminate()
        server.wait(30)


def test_a_batch_is_labelled_in_jupyterlab(lab, chromium, wait_for, tmp_path):
    by = pytest.importorskip("selenium.webdriver.common.by").By
    chromium.get(lab)
    ready = "return window.jupyterapp?.shell?.currentWidget?.sessionContext?.isReady === true"
    wait_for(lambda: chromium.execute_script(ready), START_SECONDS)
    chromium.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    hosts = wait_for(
        lambda: chromium.find_elements(by.CSS_SELECTOR, ".skgal-labelling"), START_SECONDS
    )
    root = hosts[0].shadow_root

    def text(selector):
        return root.find_element(by.CSS_SELECTOR, selector).text

    def press(key, progress):
        script = "return arguments[0].shadowRoot.activeElement"
        chromium.execute_script(script, hosts[0]).send_keys(key)
        wait_for(lambda: text("#progress-text").startswith(progress))

    wait_for(lambda: text("#progress-text") == "0 of 3 answered", START_SECONDS)
    assert text("#annotator") == "as Ada"
    shown = "return arguments[0].shadowRoot.querySelector('img').naturalWidth"
    wait_for(lambda: chromium.execute_script(shown, hosts[0]) == 8)
    chromium.execute_script("arguments[0].scrollIntoView({ block: 'end' })", hosts[0])
    root.find_element(by.CSS_SELECTOR, "#classes button").click()  # 0
    wait_for(lambda: text("#progress-text") == "1 of 3 answered")
    press("a", "1 of 3")  # adds a cell elsewhere in a notebook
    press("\b", "0 of 3")
    press("7", "1 of 3")
    press("1", "2 of 3")
    press("?", "3 of 3")
    with LabelStore(tmp_path / "labels.db") as store:
        records = store.records(samples=False)
        assert [record.label for record in records] == [7, 1, None]
        assert {record.annotator for record in records} == {"Ada"}
    press("\ue007", "0 of 3")  # Enter hands over; the learner fits, and asks for more
    cells = "return window.jupyterapp.shell.currentWidget.content.widgets.length"
    assert chromium.execute_script(cells) == 1  # no key added one
    with LabelStore(tmp_path / "labels.db") as store:
        assert [record.round for record in store.records("pending")] == [1, 1, 1]
    log = [entry["message"] for entry in chromium.get_log("browser")]
    chromium.get("about:blank")
    assert [entry for entry in log if "skgal" in entry or "anywidget" in entry] == []
