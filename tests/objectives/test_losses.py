"""Losses against values worked out by hand, and their gradients against finite differences."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skgal.objectives import OBJECTIVES, Objective, resolve_objective

NAMES = ["nonsaturating", "least_squares", "hinge", "wasserstein"]
LOGITS = arrays(np.float64, st.integers(1, 8), elements=st.floats(-30, 30))


def critic_loss(name, real, fake):
    real, fake = (torch.as_tensor(logits, dtype=torch.float64) for logits in (real, fake))
    return OBJECTIVES[name].critic_loss(real, fake).item()


def generator_loss(name, fake):
    return OBJECTIVES[name].generator_loss(torch.as_tensor(fake, dtype=torch.float64)).item()


def test_the_table_holds_the_four_objectives():
    assert list(OBJECTIVES) == NAMES
    assert all(objective.name == name for name, objective in OBJECTIVES.items())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # real logits 2 and 0, fake logits -3 and 1
        (
            "nonsaturating",
            (math.log1p(math.exp(-2)) + math.log(2)) / 2
            + (math.log1p(math.exp(-3)) + math.log1p(math.exp(1))) / 2,
        ),
        ("least_squares", 0.5 * (1 + 1) / 2 + 0.5 * (9 + 1) / 2),
        ("hinge", (0 + 1) / 2 + (0 + 2) / 2),
        ("wasserstein", -1 - 1),
    ],
)
def test_critic_loss_by_hand(name, expected):
    assert critic_loss(name, [2, 0], [-3, 1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nonsaturating", (math.log1p(math.exp(3)) + math.log1p(math.exp(-1))) / 2),
        ("least_squares", 0.5 * (16 + 0) / 2),
        ("hinge", 1),
        ("wasserstein", 1),
    ],
)
def test_generator_loss_by_hand(name, expected):
    assert generator_loss(name, [-3, 1]) == pytest.approx(expected, rel=1e-12)


@given(real=LOGITS, fake=LOGITS)
def test_nonsaturating_is_the_cross_entropy_of_probabilities(real, fake):
    def sigmoid(t):
        return 1 / (1 + np.exp(-t))

    expected = -np.log(sigmoid(real)).mean() - np.log(sigmoid(-fake)).mean()
    assert critic_loss("nonsaturating", real, fake) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert generator_loss("nonsaturating", fake) == pytest.approx(-np.log(sigmoid(fake)).mean())


@given(fake=LOGITS)
def test_softplus_identity(fake):
    # softplus(t) - softplus(-t) = t
    minimax = critic_loss("nonsaturating", [1e3], fake)
    difference = minimax - generator_loss("nonsaturating", fake)
    assert difference == pytest.approx(fake.mean(), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_huge_logits_stay_finite(name):
    assert math.isfinite(critic_loss(name, [1e4, -1e4], [1e4, -1e4]))
    assert math.isfinite(generator_loss(name, [1e4, -1e4]))


def test_hinge_is_flat_beyond_the_margin():
    real = torch.tensor([1.5, 0.5], requires_grad=True)
    fake = torch.tensor([-1.5, -0.5], requires_grad=True)
    OBJECTIVES["hinge"].critic_loss(real, fake).backward()
    assert real.grad.tolist() == [0, -0.5]
    assert fake.grad.tolist() == [0, 0.5]


@given(real=LOGITS, fake=LOGITS, shift=st.floats(-10, 10))
def test_wasserstein_does_not_see_a_shift_of_the_critic(real, fake, shift):
    shifted = critic_loss("wasserstein", real + shift, fake + shift)
    assert shifted == pytest.approx(critic_loss("wasserstein", real, fake), abs=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_against_finite_differences(name):
    rng = torch.Generator().manual_seed(0)
    real = torch.randn(5, generator=rng, dtype=torch.float64, requires_grad=True)
    fake = torch.randn(3, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(OBJECTIVES[name].critic_loss, (real, fake))
    assert torch.autograd.gradcheck(OBJECTIVES[name].generator_loss, (fake,))


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_pull_the_fake_logits_apart(name):
    fake = torch.zeros(4, requires_grad=True)
    OBJECTIVES[name].critic_loss(torch.zeros(4), fake + 0.1).backward()
    assert (fake.grad > 0).all()
    fake.grad = None
    OBJECTIVES[name].generator_loss(fake).backward()
    assert (fake.grad < 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_resolve_a_name(name):
    assert resolve_objective(name) is OBJECTIVES[name]


def test_resolve_an_objective_of_ones_own():
    own = Objective("own", lambda real, fake: fake.mean(), lambda fake: fake.mean())
    assert resolve_objective(own) is own
    with pytest.raises(dataclasses.FrozenInstanceError):
        own.name = "other"


def test_resolve_says_which_names_there_are():
    with pytest.raises(ValueError, match=r"'hinge', .*'wasserstein'\].*got 'wgan'"):
        resolve_objective("wgan")
    with pytest.raises(TypeError, match="got 3 of type int"):
        resolve_objective(3)
