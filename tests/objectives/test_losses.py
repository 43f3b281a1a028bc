"""Losses against values worked out by hand, and their gradients against finite differences."""

import math
from numbers import Real

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.base import clone

from skgal.objectives import OBJECTIVES, Objective, resolve_objective
from skgal.utils import Interval

NAMES = list(OBJECTIVES)
LOGITS = arrays(np.float64, st.integers(1, 8), elements=st.floats(-30, 30))


def critic_loss(name, real, fake):
    real, fake = (torch.as_tensor(logits, dtype=torch.float64) for logits in (real, fake))
    return OBJECTIVES[name]().critic_loss(real, fake).item()


def generator_loss(name, fake, real=None):
    fake, real = (
        None if logits is None else torch.as_tensor(logits, dtype=torch.float64)
        for logits in (fake, real)
    )
    return OBJECTIVES[name]().generator_loss(fake, real).item()


@pytest.mark.parametrize("kind", OBJECTIVES.values())
def test_objectives_are_estimators(kind):
    assert set(kind._parameter_constraints) == set(kind().get_params())
    assert repr(clone(kind())) == f"{kind.__name__}()"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # real logits 2 and 0, fake logits -3 and 1
        (
            "nonsaturating",
            (math.log1p(math.exp(-2)) + math.log(2)) / 2
            + (math.log1p(math.exp(-3)) + math.log1p(math.exp(1))) / 2,
        ),
        (
            "minimax",
            (math.log1p(math.exp(-2)) + math.log(2)) / 2
            + (math.log1p(math.exp(-3)) + math.log1p(math.exp(1))) / 2,
        ),
        ("least_squares", 0.5 * (1 + 1) / 2 + 0.5 * (9 + 1) / 2),
        ("hinge", (0 + 1) / 2 + (0 + 2) / 2),
        ("wasserstein", -1 - 1),
        ("relativistic", (math.log1p(math.exp(-5)) + math.log1p(math.exp(1))) / 2),
    ],
)
def test_critic_loss_by_hand(name, expected):
    assert critic_loss(name, [2, 0], [-3, 1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nonsaturating", (math.log1p(math.exp(3)) + math.log1p(math.exp(-1))) / 2),
        ("minimax", -(math.log1p(math.exp(-3)) + math.log1p(math.exp(1))) / 2),
        ("least_squares", 0.5 * (16 + 0) / 2),
        ("hinge", 1),
        ("wasserstein", 1),
        ("relativistic", (math.log1p(math.exp(5)) + math.log1p(math.exp(-1))) / 2),
    ],
)
def test_generator_loss_by_hand(name, expected):
    assert generator_loss(name, [-3, 1], [2, 0]) == pytest.approx(expected, rel=1e-12)


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
    assert math.isfinite(generator_loss(name, [1e4, -1e4], [-1e4, 1e4]))


def test_hinge_is_flat_beyond_the_margin():
    real = torch.tensor([1.5, 0.5], requires_grad=True)
    fake = torch.tensor([-1.5, -0.5], requires_grad=True)
    OBJECTIVES["hinge"]().critic_loss(real, fake).backward()
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
    fake = torch.randn(5, generator=rng, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(OBJECTIVES[name]().critic_loss, (real, fake))
    assert torch.autograd.gradcheck(OBJECTIVES[name]().generator_loss, (fake, real))


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_pull_the_fake_logits_apart(name):
    fake = torch.zeros(4, requires_grad=True)
    OBJECTIVES[name]().critic_loss(torch.zeros(4), fake + 0.1).backward()
    assert (fake.grad > 0).all()
    fake.grad = None
    OBJECTIVES[name]().generator_loss(fake, torch.zeros(4)).backward()
    assert (fake.grad < 0).all()


@given(fake=LOGITS)
def test_minimax_is_a_game_of_zero_sum(fake):
    # What the generator adds to the critic's loss, with the other sign: alcg, equations (1) to (5).
    critic = critic_loss("minimax", [1e3], fake)
    assert generator_loss("minimax", fake) == pytest.approx(-critic, abs=1e-9)


@given(real=LOGITS, shift=st.floats(-10, 10))
def test_relativistic_does_not_see_a_shift_of_the_critic(real, shift):
    fake = real[::-1].copy()
    shifted = critic_loss("relativistic", real + shift, fake + shift)
    assert shifted == pytest.approx(critic_loss("relativistic", real, fake), abs=1e-9)
    swapped = generator_loss("relativistic", real, fake)
    assert swapped == pytest.approx(critic_loss("relativistic", real, fake), abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_resolve_a_name(name):
    assert type(resolve_objective(name)) is OBJECTIVES[name]


def test_resolve_an_objective_of_ones_own():
    class Own(Objective):
        _parameter_constraints = {"scale": [Interval(Real, 0, None, closed="neither")]}

        def __init__(self, scale=1.0):
            self.scale = scale

        def critic_loss(self, real, fake):
            return self.scale * (fake.mean() - real.mean())

        def generator_loss(self, fake, real=None):
            return -self.scale * fake.mean()

    own = Own(scale=2.0)
    assert resolve_objective(own) is not own
    assert resolve_objective(own).generator_loss(torch.ones(3)) == -2
    with pytest.raises(ValueError, match="'scale' parameter of Own"):
        resolve_objective(Own(scale=-1.0))


def test_resolve_says_which_names_there_are():
    with pytest.raises(ValueError, match=r"'hinge', .*'wasserstein'\].*got 'wgan'"):
        resolve_objective("wgan")
    with pytest.raises(TypeError, match="got 3 of type int"):
        resolve_objective(3)
