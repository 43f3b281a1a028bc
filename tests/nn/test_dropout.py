"""Dropout with a source of randomness of its own."""

import copy
import pickle

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from skgal.nn import Dropout, set_rng


def make(p, seed=0):
    dropout = Dropout(p)
    set_rng(dropout, torch.Generator().manual_seed(seed))
    return dropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale(p):
    x = torch.full((100, 100), 3.0)
    y = make(p)(x)
    kept = y[y != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 3 / (1 - p)))
    assert binomtest(y.numel() - kept.numel(), y.numel(), p).pvalue > 1e-4


def test_the_rng_decides():
    x = torch.ones(1000)
    assert torch.equal(make(0.5)(x), make(0.5)(x))
    assert not torch.equal(make(0.5)(x), make(0.5, seed=1)(x))
    dropout = make(0.5)
    assert not torch.equal(dropout(x), dropout(x))


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    make(0.5)(torch.ones(10))
    assert torch.equal(torch.get_rng_state(), before)


def test_gradient_is_the_mask():
    x = torch.ones(50, requires_grad=True)
    y = make(0.5)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_identity_in_evaluation_and_at_zero():
    x = torch.ones(10)
    assert torch.equal(Dropout(0.5).eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)


def test_training_without_a_source_is_an_error():
    with pytest.raises(RuntimeError, match="set_rng"):
        Dropout(0.5)(torch.ones(3))


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))]
)
def test_copies_start_without_a_source(duplicate):
    dropout = make(0.5)
    twin = duplicate(dropout)
    assert twin.p == 0.5
    with pytest.raises(RuntimeError, match="source of randomness"):
        twin(torch.ones(3))
    dropout(torch.ones(3))


def test_one_source_for_all_layers():
    network = nn.Sequential(Dropout(0.5), nn.Sequential(nn.ReLU(), Dropout(0.2)))
    rng = torch.Generator()
    set_rng(network, rng)
    assert network[0].rng is network[1][1].rng is rng


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_probability_out_of_range(p):
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        Dropout(p)
