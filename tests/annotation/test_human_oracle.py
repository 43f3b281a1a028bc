import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skgal.active import ActiveLearner, LabelStore
from skgal.annotation import HumanOracle
from skgal.annotation._cli import main
from skgal.base import Synthesis
from skgal.generators import GIN
from skgal.nn import Dense
from skgal.query import ADBA, RandomSampling

IMAGES = np.linspace(0, 1, 6 * 64).reshape(6, 1, 8, 8)
TABLE = np.arange(6.0).reshape(3, 2)

WAIT_IN_A_PROCESS = """
import sys
from skgal.active import LabelStore
from skgal.annotation import HumanOracle

store = LabelStore(sys.argv[1])
ids = [record.id for record in store.records(samples=False)]
HumanOracle(["cat", "dog"], open_browser=False).label_pending(store, ids)
"""


def start(*arguments):
    """A process of its own, and the address of its page."""
    command = [sys.executable, *map(str, arguments)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "http://127.0.0.1:" in line:
            return process, line.split()[-1]
    raise AssertionError("the process ended without an address")


def test_it_waits_until_the_batch_is_answered_and_handed_over(ask):
    session = ask(IMAGES[:3])
    session.client.answer(session.ids[:2], [2, None])
    session.client.answer(session.ids[2:], [0])
    session.join(0.2)
    assert session.is_alive()  # the last answer can still be undone
    session.client.finish()
    assert session.returns()
    assert session.labels() == ["emu", None, "cat"]
    waiting = session.client.call("api/batch")
    assert (waiting["items"], waiting["open"]) == ([], False)


def test_nothing_pending_needs_no_page():
    store = LabelStore()
    ids = store.add_query(TABLE)
    store.tell(ids, ["a", "b", None])
    oracle = HumanOracle()
    oracle.label_pending(store, ids)
    assert oracle.url is None


def test_it_shows_only_what_is_pending(ask):
    store = LabelStore()
    store.add_query(IMAGES[:2])
    store.tell([1], ["cat"])
    session = ask(IMAGES[2:], store=store)
    shown = [sample["id"] for sample in session.client.call("api/batch")["samples"]]
    assert shown == session.ids == [3, 4, 5, 6]


def test_answers_given_elsewhere_end_the_wait(ask, tmp_path):
    path = tmp_path / "labels.db"
    session = ask(IMAGES[:2], store=LabelStore(path))
    with LabelStore(path) as elsewhere:
        elsewhere.tell(session.ids, ["cat", "dog"])
    assert session.returns()


def test_of_two_answers_the_first_holds(ask):
    session = ask(IMAGES[:2])
    session.store.tell(session.ids[:1], ["emu"])
    body = {"number": 1, "ids": session.ids[:1], "answers": [0], "seconds": 1}
    assert session.client.request("api/answers", body)[0] == 422
    assert session.labels() == ["emu", None]


@pytest.mark.parametrize(
    ("classes", "answers", "expected"),
    [
        (["cat", "dog"], [1, None, 0], ["dog", np.nan, "cat"]),
        ([3, 7], [1, None, 0], [7, np.nan, 3]),
        (None, [1.5, None, -2], [1.5, np.nan, -2.0]),
    ],
    ids=["names", "numbers", "regression"],
)
def test_called_alone_it_returns_labels(client_at, wait_for, classes, answers, expected):
    labels = []
    with HumanOracle(classes, open_browser=False) as oracle:
        thread = threading.Thread(target=lambda: labels.extend(oracle(TABLE)))
        thread.start()
        wait_for(lambda: oracle.url is not None)
        client = client_at(oracle.url)
        client.answer([1, 2, 3], answers)
        client.finish()
        thread.join(30)
    assert labels[::2] == expected[::2]
    assert np.isnan(labels[1])


def test_a_server_that_died_comes_back_at_the_same_address(ask, wait_for):
    session = ask(IMAGES[:2])
    session.client.answer(session.ids[:1], [1])
    session.oracle._server.stop()
    wait_for(lambda: session.oracle._server.is_running)
    progress = session.client.call("api/progress")
    assert progress["answers"] == {str(session.ids[0]): "dog"}


def test_a_killed_process_loses_nothing_and_asks_nothing_twice(ask, tmp_path, client_at):
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        ids = store.add_query(IMAGES).tolist()
    process, url = start("-c", WAIT_IN_A_PROCESS, path)
    client_at(url).answer(ids[:2], [1, None])
    process.kill()
    process.communicate()
    session = ask(IMAGES[:0], store=LabelStore(path), ids=ids)
    assert [sample["id"] for sample in session.client.call("api/batch")["samples"]] == ids[2:]
    session.client.answer(ids[2:], [0] * 4)
    session.client.finish()
    assert session.returns()
    assert session.labels() == ["dog", None, "cat", "cat", "cat", "cat"]


def test_the_next_batch_comes_to_the_same_page(ask, wait_for):
    session = ask(IMAGES[:1])
    url = session.oracle.url
    session.client.answer(session.ids, [0])
    session.client.finish()
    assert session.returns()
    session.ids = session.store.add_query(IMAGES[1:2]).tolist()
    thread = threading.Thread(target=session.run, daemon=True)
    thread.start()
    wait_for(lambda: session.client.call("api/progress")["open"])
    session.client.answer(session.ids, [1])
    session.client.finish()
    thread.join(30)
    assert (session.oracle.url, session.labels()) == (url, ["dog"])


def test_pickles_and_clones_have_parameters_but_no_server(ask):
    session = ask(IMAGES[:1], annotator="Ada", image_shape=(1, 8, 8))
    copy = pickle.loads(pickle.dumps(session.oracle))
    assert copy.classes == ("cat", "dog", "emu")
    assert (copy.annotator, copy.image_shape, copy.url) == ("Ada", (1, 8, 8), None)
    assert clone(session.oracle, safe=False) is session.oracle


def test_classes_are_known_only_if_given():
    assert HumanOracle(["b", "a"]).classes_ == ["b", "a"]
    assert not hasattr(HumanOracle(), "classes_")


@pytest.mark.parametrize("classes", [["cat"], ["cat", "cat"], "cat", []])
def test_classes_that_are_none_are_refused(classes):
    store = LabelStore()
    with pytest.raises(ValueError, match="two classes"):
        HumanOracle(classes).label_pending(store, store.add_query(TABLE))


def test_the_store_knows_the_classes(ask):
    store = LabelStore()
    store.classes = [3, 7]
    session = ask(TABLE, None, store=store)
    assert session.client.call("api/batch")["classes"] == ["3", "7"]
    session.client.answer(session.ids[:1], [1])
    assert session.labels()[0] == 7


def test_a_port_that_is_taken_is_named():
    store = LabelStore()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            HumanOracle(["a", "b"], port=port).label_pending(store, store.add_query(TABLE))
    assert str(port) in caught.value.__notes__[0]


def test_the_browser_is_opened_once_and_the_address_said_if_it_cannot_be(monkeypatch, caplog, ask):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or False)
    caplog.set_level(logging.INFO, "skgal.annotation")
    store, oracle = LabelStore(), HumanOracle(["a", "b"])
    oracle._page.wait = lambda timeout: True  # no answer is needed here
    oracle.label_pending(store, store.add_query(TABLE))
    assert opened == [oracle.url]
    assert f"3 samples wait for a label at {oracle.url}" in caplog.text
    oracle._page.progress()  # a page is open
    oracle.label_pending(store, store.add_query(TABLE))
    oracle.close()
    assert len(opened) == 1


@pytest.mark.skipif(os.name != "posix", reason="sends Ctrl-C as a signal")
def test_the_command_labels_a_store_until_ctrl_c(tmp_path, client_at, wait_for):
    path = tmp_path / "labels.db"
    with LabelStore(path) as store:
        ids = store.add_query(IMAGES.reshape(6, -1)[:2]).tolist()
        process, url = start(
            "-c",
            "import sys; from skgal.annotation._cli import main; sys.exit(main())",
            *[path, "--no-browser", "--annotator", "Ada", "--image-shape", "1,8,8"],
            *["--classes", "3", "7"],
        )
        client = client_at(url)
        assert client.call("api/batch")["image"]["width"] == 8
        client.answer(ids[:1], [1])
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "1 pending, 1 answered" in said
        assert "Traceback" not in said
        record = store.records(ids=ids[0], samples=False)[0]
    assert (record.label, record.annotator) == (7, "Ada")
    assert urlsplit(url).hostname == "127.0.0.1"


def test_the_command_makes_no_store_of_a_misspelled_name(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "lables.db")])
    assert "there is no file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_names_what_is_wrong_with_a_store(tmp_path):
    path = tmp_path / "labels.db"
    path.write_bytes(b"scribbled over " * 100)
    with pytest.raises(SystemExit, match=r"skgal-annotate: .*labels\.db is no store"):
        main([str(path)])
    assert path.read_bytes() == b"scribbled over " * 100


def test_a_learner_asks_a_person_batch_after_batch(client_at, wait_for):
    X = np.linspace(0, 1, 40).reshape(20, 2)
    y = np.where(X[:, 0] < 0.5, "low", "high").astype(object)
    truth = y.copy()
    y[2:-2] = np.nan
    with HumanOracle(open_browser=False) as oracle:
        learner = ActiveLearner(
            LogisticRegression(),
            RandomSampling(random_state=0),
            oracle=oracle,
            batch_size=2,
            budget=4,
            random_state=0,
        )
        thread = threading.Thread(target=learner.fit, args=(X, y), daemon=True)
        thread.start()
        for _ in range(2):
            wait_for(lambda: oracle.url is not None)
            client = client_at(oracle.url)
            batch = wait_for(lambda c=client: (b := c.call("api/batch"))["open"] and b)
            assert batch["classes"] == ["high", "low"]
            rows = [float(sample["row"][0]) for sample in batch["samples"]]
            assert all(sum(sample["prediction"]) == pytest.approx(1) for sample in batch["samples"])
            client.answer(
                [sample["id"] for sample in batch["samples"]], [int(r < 0.5) for r in rows]
            )
            client.finish()
            wait_for(lambda c=client, n=batch["number"]: c.call("api/progress")["number"] != n)
        thread.join(30)
    assert learner.labelled_.n_bought == 4
    assert learner.labelled_.y.tolist() == truth[learner.labelled_.indices].tolist()


def test_a_learner_asks_a_person_where_on_a_line_the_class_turns(client_at, wait_for):
    X, y = load_digits(n_class=2, return_X_y=True)
    X, y = X[:40], np.where(np.arange(40) < 20, y[:40], np.nan)
    gin = GIN(latent_dim=2, max_iter=2, batch_size=8, architecture=Dense(hidden=(8,)))
    with HumanOracle(open_browser=False) as oracle:
        learner = ActiveLearner(
            LogisticRegression(max_iter=50, tol=1e-2),
            ADBA(gin, n_points=4, random_state=0),
            oracle=oracle,
            batch_size=8,
            budget=8,
            random_state=0,
        )
        thread = threading.Thread(target=learner.fit, args=(X, y), daemon=True)
        thread.start()
        wait_for(lambda: oracle.url is not None)
        client = client_at(oracle.url)
        batch = wait_for(lambda: (b := client.call("api/batch"))["open"] and b)
        assert [item["positions"] for item in batch["items"]] == [[0, 1, 2, 3], [4, 5, 6, 7]]
        assert all("ends" in item for item in batch["items"])
        client.answer([sample["id"] for sample in batch["samples"]], [0, 0, 0, 1, 0, 1, 1, 1])
        client.finish()
        thread.join(30)
    details = [record.details for record in learner.store_.records(samples=False)][-8:]
    assert [each["line"] for each in details] == [0] * 4 + [1] * 4
    assert (np.diff([each["position"] for each in details])[[0, 1, 2, 4, 5, 6]] > 0).all()
    assert learner.labelled_.y[-8:].tolist() == [0, 0, 0, 1, 0, 1, 1, 1]


def test_the_lines_of_a_synthesis_are_shown_as_such(ask):
    X, line, position = TABLE, np.array([0, 0, 1]), np.array([-0.5, 0.5, 0.0])
    session = ask(X, details=Synthesis(X, X, line, position).details)
    items = session.client.call("api/batch")["items"]
    assert [item["positions"] for item in items] == [[0, 1], [2]]
    assert all("ends" in item for item in items)


def test_a_second_opinion_is_given_without_seeing_the_first(ask):
    store = LabelStore()
    ids = store.add_query(TABLE)
    store.tell(ids, ["cat", "dog", "emu"], annotator="Ada")
    store.ask_again(ids[:2])
    HumanOracle(["cat", "dog", "emu"], annotator="Ada").label_pending(
        store, ids
    )  # nothing to do for her
    session = ask(TABLE[:0], store=store, ids=ids.tolist(), annotator="Bob")
    shown = session.client.call("api/batch")
    assert [sample["id"] for sample in shown["samples"]] == [1, 2]
    assert shown["answers"] == {}
    assert session.client.answer([1], [2])["answers"] == {"1": "emu"}
    assert session.client.answer([2], [None])["answers"] == {"1": "emu", "2": "can’t tell"}
    number = session.client.call("api/progress")["number"]
    assert session.client.call("api/undo", {"number": number})["undone"] == [2]
    assert session.client.call("api/undo", {"number": number})["undone"] == [1]
    assert store.opinions([1, 2]) == {1: {"Ada": "cat"}, 2: {"Ada": "dog"}}
    session.client.answer([1, 2], [0, 0])
    session.client.finish()
    assert session.returns()
    assert [record.label for record in store.records()] == ["cat", "dog", "emu"]
    assert store.agreement()[0]["share"] == 0.5
