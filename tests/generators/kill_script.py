"""Trainings in forked children that are killed; run by test_kills.py.

A script of its own, since a fork must not inherit the threads of a test runner.
"""

import json
import os
import signal
import sys
from itertools import count
from pathlib import Path

import numpy as np
import torch

from skgal.generators import (
    ACGAN,
    BAGAN,
    CGAN,
    GAN,
    GIN,
    Autoencoder,
    BiGAN,
    PolarityGAN,
    StackGAN,
)
from skgal.nn import Dense
from skgal.training import GameNet

X = np.random.RandomState(0).normal(size=(40, 3))
Y = np.arange(40) % 5 // 2
SMALL = {
    "latent_dim": 2,
    "batch_size": 8,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
# All make 120 updates; some of them 60 in one training and 60 in another.
ONE_TRAINING, TWO_TRAININGS = {"max_iter": 120}, {"max_iter": 60}
WITH_AUTOENCODER = {"autoencoder_max_iter": 60, **TWO_TRAININGS}
GENERATORS = {
    GAN: ONE_TRAINING,
    CGAN: ONE_TRAINING,
    ACGAN: ONE_TRAINING,
    BiGAN: ONE_TRAINING,
    StackGAN: {"stage_width": 2, "penalty": "spectral_norm", "objective": "hinge", **ONE_TRAINING},
    Autoencoder: ONE_TRAINING,
    GIN: TWO_TRAININGS,
    BAGAN: WITH_AUTOENCODER,
    PolarityGAN: {"feature_extractor": "encoder", "extractor_interval": 7, **WITH_AUTOENCODER},
}
# Updates that a process lives: some past the state on disk, some just so far, some not even that.
LIVES = (30, 55, 40)


def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(n_updates):
    """Have this process be killed at one of the updates to come, of whatever net."""
    notify, updates = GameNet.notify, count(1)

    def notify_or_die(net, method_name, **kwargs):
        if method_name == "on_batch_end" and next(updates) == n_updates:
            die()
        return notify(net, method_name, **kwargs)

    GameNet.notify = notify_or_die


def die_while_writing():
    """Have this process be killed when the next checkpoint is written, but not yet in place."""
    os.replace = die


def fit(generator_class, checkpoint=None):
    generator = generator_class(**SMALL | GENERATORS[generator_class], checkpoint=checkpoint)
    return generator.fit(X, Y)


def break_off(generator_class, checkpoint, arrange_death):
    """Fit in a child that is killed; return the signal that ended it, 0 if none did."""
    child = os.fork()
    if child == 0:
        arrange_death()
        try:
            fit(generator_class, checkpoint)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status)


def outcome(generator):
    """All that a training decides: every weight, every loss, and what comes of them."""
    nets = [net for net in vars(generator).values() if isinstance(net, GameNet)]
    weights = [w.numpy().tobytes().hex() for net in nets for w in net.weights().values()]
    rows = [row for net in nets for row in net.history]
    losses = [[value for name, value in row.items() if name.endswith("_loss")] for row in rows]
    return weights, losses, generator.transform(X).tolist()


def kill_and_resume(generator_class, folder):
    """Kill a training at several moments, let it end, and compare it with an unbroken one."""
    deaths = [lambda n_updates=n_updates: die_after(n_updates) for n_updates in LIVES]
    deaths.insert(2, die_while_writing)
    unbroken = outcome(fit(generator_class))  # first: what it imports, forks need not
    signals = [break_off(generator_class, folder, death) for death in deaths]
    return {"signals": signals, "same": outcome(fit(generator_class, folder)) == unbroken}


if __name__ == "__main__":
    torch.set_num_threads(1)
    reports = {
        generator_class.__name__: kill_and_resume(
            generator_class, Path(sys.argv[1]) / generator_class.__name__
        )
        for generator_class in GENERATORS
    }
    sys.stdout.write(json.dumps(reports))
