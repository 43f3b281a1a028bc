import threading

import pytest
import torch

from skgal.nn import resolve_device
from skgal.utils import seeded_torch


def test_seeded_context_depends_on_the_seed_alone_and_restores_the_state():
    before = torch.get_rng_state()
    with seeded_torch(3):
        first = torch.nn.Linear(4, 4).weight
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.rand(5)
        with seeded_torch(3):
            second = torch.nn.Linear(4, 4).weight
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


def test_state_is_restored_after_an_error():
    before = torch.get_rng_state()

    def fail():
        with seeded_torch(0):
            torch.rand(1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(before, torch.get_rng_state())


def test_threads_do_not_mix_their_draws():
    drawn = {}

    def draw(seed):
        with seeded_torch(seed):
            drawn[seed] = torch.cat([torch.rand(1000) for _ in range(20)])

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, values in drawn.items():
        with seeded_torch(seed):
            assert torch.equal(values, torch.rand(20_000))


def test_device_names():
    assert resolve_device("cpu") == "cpu"
    assert resolve_device("auto") in {"cpu", "cuda"}
    with pytest.raises(ValueError, match="'abacus' is not a device"):
        resolve_device("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="tests the error of a machine without CUDA")
def test_asking_for_a_missing_gpu_says_so():
    with pytest.raises(ValueError, match="no CUDA GPU here"):
        resolve_device("cuda")
