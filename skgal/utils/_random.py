"""Random states of NumPy and torch that leave the global ones alone, and their seeds.

The global states of both libraries are left as they were. Nothing here imports torch unless there
is a net to seed.
"""

import threading
from contextlib import contextmanager, nullcontext

import numpy as np
from sklearn.utils import check_random_state

from skgal.utils._nested import nets_in

_lock = threading.RLock()


def as_random_state(random_state):
    """Turn a ``random_state`` into a generator that is not NumPy's global one."""
    return np.random.RandomState() if random_state is None else check_random_state(random_state)


def draw_seed(rng):
    """Draw a seed for a task: never for a worker, so that results don't depend on ``n_jobs``."""
    return int(rng.randint(np.iinfo(np.int32).max))


def seed_unset(estimator, rng):
    """Give every ``random_state`` that is None a seed, in place, those of nested estimators too."""
    unset = [
        name
        for name, value in sorted(estimator.get_params().items(), key=lambda item: item[0])
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    ]
    # A FrozenEstimator's set_params returns None.
    estimator.set_params(**{name: draw_seed(rng) for name in unset})
    return estimator


@contextmanager
def seeded_torch(seed, device="cpu"):
    """Seed torch's global generators for a while, then put their states back.

    Layers initialise from the global generator and take no other; so does dropout. One thread at a
    time may hold the context, so that parallel fits don't mix their draws. CUDA's generators are
    seeded too if ``device`` is a CUDA device or CUDA is in use already; CUDA is never started just
    to seed them.
    """
    import torch

    on_cuda = torch.cuda.is_initialized() or torch.device(device).type == "cuda"
    devices = list(range(torch.cuda.device_count())) if on_cuda else []
    with _lock, torch.random.fork_rng(devices=devices):
        torch.default_generator.manual_seed(seed)
        if devices:
            torch.cuda.manual_seed_all(seed)
        yield


@contextmanager
def seeded_nets(estimator, seed=0):
    """Make a context in which an estimator's nets, if it has any, run: they draw from a seed.

    Nets initialise from torch's global generator, and even to predict they draw from it:
    skorch's data loaders take a number they don't need. Inference mode, in which nothing can be
    trained, is off, and a default device other than the CPU is that of the net.
    """
    nets = nets_in(estimator)
    if not nets:
        yield
        return
    import torch

    on_cuda = any(str(net.device).startswith("cuda") for net in nets)
    keeps_default = nets[0].device is None or torch.empty(0).device.type == "cpu"
    with (
        seeded_torch(seed, "cuda" if on_cuda else "cpu"),
        nullcontext() if keeps_default else torch.device(nets[0].device),
        torch.inference_mode(False),
    ):
        yield
