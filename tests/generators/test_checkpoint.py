"""A training that is killed goes on, and ends in the same bits as an unbroken one."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from skorch.callbacks import Callback

from skgal.generators import ACGAN, CGAN, GAN, GIN, BiGAN
from skgal.nn import Dense

X = np.random.RandomState(0).normal(size=(40, 3))
Y = np.arange(40) % 2
SMALL = {
    "latent_dim": 2,
    "max_iter": 70,
    "batch_size": 8,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
each_generator = pytest.mark.parametrize("generator_class", [GAN, GIN, BiGAN, CGAN, ACGAN])


class Kill(Callback):
    """Raise in the middle of an epoch, as a killed process would stop there."""

    def __init__(self, at):
        self.at = at

    def on_batch_begin(self, net, **kwargs):
        if net.n_updates_ == self.at:
            raise ConnectionAbortedError


def outcome(generator):
    weights = [w.numpy() for w in generator.net_.trained_.generator.state_dict().values()]
    return [*weights, generator.transform(X)]


def losses(generator):
    return [{k: v for k, v in row.items() if k != "dur"} for row in generator.history_]


@each_generator
def test_a_killed_fit_goes_on_to_the_same_bits(generator_class, tmp_path):
    unbroken = generator_class(**SMALL).fit(X, Y)
    generator = generator_class(**SMALL, checkpoint=tmp_path)
    for at in (20, 60):
        generator.set_params(callbacks=[Kill(at)])
        with pytest.raises(ConnectionAbortedError):
            generator.fit(X, Y)
    generator.set_params(callbacks=None).fit(X, Y)
    for resumed, expected in zip(outcome(generator), outcome(unbroken), strict=True):
        assert_array_equal(resumed, expected)
    assert losses(generator) == losses(unbroken)
    assert generator.n_iter_ == 70


def test_the_encoder_of_gin_goes_on_as_well(tmp_path):
    unbroken = GIN(**SMALL, inversion="after").fit(X)
    generator = GIN(**SMALL, inversion="after", checkpoint=tmp_path).fit(X)
    first = (tmp_path / "game.pt").stat().st_mtime_ns
    (tmp_path / "encoder.pt").unlink()
    generator.fit(X)
    assert (tmp_path / "game.pt").stat().st_mtime_ns == first  # nothing was trained again
    assert_array_equal(generator.transform(X), unbroken.transform(X))


def test_a_finished_training_is_not_repeated(tmp_path):
    first = GAN(**SMALL, checkpoint=tmp_path).fit(X)
    again = GAN(**SMALL, checkpoint=tmp_path, callbacks=[Kill(0)]).fit(X)
    assert_array_equal(again.sample(5), first.sample(5))


SCRIPT = """
    import sys
    import numpy as np
    from skgal.generators import GAN
    from skgal.nn import Dense
    X = np.random.RandomState(0).normal(size=(40, 3))
    GAN(latent_dim=2, max_iter=100_000, batch_size=8, architecture=Dense(hidden=(8,)),
        random_state=0, checkpoint=sys.argv[1]).fit(X)
"""


def test_sigkill_leaves_a_checkpoint_that_is_whole(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SCRIPT), str(tmp_path)])
    while not (tmp_path / "game.pt").exists() and child.poll() is None:
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    stopped = GAN(**SMALL | {"max_iter": 100_000}, checkpoint=tmp_path)
    with pytest.raises(ConnectionAbortedError):  # goes on from where the child was: past 0
        stopped.set_params(callbacks=[KillAfterResuming()]).fit(X)


class KillAfterResuming(Callback):
    def on_batch_begin(self, net, **kwargs):
        assert net.n_updates_ >= 50
        raise ConnectionAbortedError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.5}, r"learning_rate was 0.0005 and is 0.5"),
        ({"max_iter": 200}, r"max_iter was 70 and is 200"),
    ],
)
def test_a_checkpoint_of_another_configuration(change, message, tmp_path):
    GAN(**SMALL | {"learning_rate": 5e-4}, checkpoint=tmp_path).fit(X)
    with pytest.raises(ValueError, match=message):
        GAN(**SMALL | {"learning_rate": 5e-4} | change, checkpoint=tmp_path).fit(X)


def test_a_checkpoint_of_other_data(tmp_path):
    GAN(**SMALL, checkpoint=tmp_path).fit(X)
    with pytest.raises(ValueError, match="data was"):
        GAN(**SMALL, checkpoint=tmp_path).fit(X + np.eye(40, 3))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99])
def test_a_damaged_checkpoint(damage, tmp_path):
    GAN(**SMALL, checkpoint=tmp_path).fit(X)
    file = tmp_path / "game.pt"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=r"game\.pt is damaged"):
        GAN(**SMALL, checkpoint=tmp_path).fit(X)


def test_warm_start_trains_on():
    once = GAN(**SMALL, warm_start=True).fit(X)
    before = once.sample(5)
    twice = once.fit(X)
    assert twice.n_iter_ == 140
    assert [row["updates"] for row in twice.history_] == [50, 70, 120, 140]
    assert not np.array_equal(twice.sample(5), before)
    assert GAN(**SMALL).fit(X).fit(X).n_iter_ == 70


def test_warm_start_with_other_samples():
    generator = GAN(**SMALL, warm_start=True).fit(X)
    with pytest.raises(ValueError, match="expecting 3 features"):
        generator.fit(X[:, :2])


def test_warm_start_with_an_unknown_class():
    generator = CGAN(**SMALL, warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match=r"classes \[7\]"):
        generator.fit(X, np.where(Y, 7, 0))
