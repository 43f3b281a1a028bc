"""A ``fit`` whose process is killed, at any moment, and called again ends in the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL

import pytest

NAMES = [
    "GAN", "CGAN", "ACGAN", "BiGAN", "StackGAN", "Autoencoder", "GIN", "BAGAN", "PolarityGAN",
]  # fmt: skip

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    script = Path(__file__).with_name("kill_script.py")
    folder = tmp_path_factory.mktemp("checkpoints")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_training_ends_in_the_same_bits(reports, name):
    # The last life may be long enough: then nothing is left to kill.
    *killed, last = reports[name]["signals"]
    assert killed == [SIGKILL] * 3
    assert last in (0, SIGKILL)
    assert reports[name]["same"]


def test_no_generator_is_forgotten(reports):
    assert sorted(reports) == sorted(NAMES)
