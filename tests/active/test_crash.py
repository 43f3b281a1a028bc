"""Processes that are killed, race for one store, or find no room on the disk."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")


@pytest.fixture(scope="module")
def report():
    """What crash_script.py found; it asserts most of it itself."""
    # What the processes wrote survives them in any file system, and in memory it is fast.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        os.chmod(folder, 0o755)
        script = Path(__file__).with_name("crash_script.py")
        done = subprocess.run(
            [sys.executable, script, folder], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_a_hundred_moments_a_session_ends_as_if_it_had_never_been(report):
    # After each kill: every answer given is in the store. At the end: none was bought twice, and
    # record, history and model are those of the unbroken session.
    kills = report["kill"]
    assert sum(entry["kills"] for entry in kills.values()) >= 100
    assert kills["stream"]["lost"] == kills["label_pending"]["lost"] == 0
    # What a plain function returns can be lost between its return and the commit, a batch a kill.
    assert kills["plain"]["lost"] <= 4 * kills["plain"]["kills"]


def test_two_processes_answer_one_store_and_nothing_is_lost(report):
    race = report["race"]
    assert race["counts"]["answered"] == race["answers"] == 80
    assert race["counts"]["pending"] == 80, "those that a third process asked for meanwhile"
    assert race["wrong"] == 0
    assert race["annotators"] == 2


def test_full_disk_is_named_and_keeps_the_answers(report):
    full = report["fill"]
    assert full["error"].startswith("StoreFullError")
    assert "make room and go on with the same store" in full["error"]
    assert 0 < full["given"] < 40
    assert full["missing"] == 0
    assert full["same"]
    assert full["bought_twice"] == 0


def test_read_only_store_is_named_and_untouched(report):
    forbidden = report["forbid"]
    assert [error.split(":")[0] for error in forbidden["errors"]] == ["StoreReadOnlyError"] * 2
    assert forbidden["untouched"]
    assert forbidden["files"] == ["labels.db"]
