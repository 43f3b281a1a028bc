"""The page about a GAN of your own, and what else is one class in one file."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import skgal
from skgal.generators import CGAN, GAN
from skgal.nn import Conditioning, ProjectionCritic
from skgal.objectives import GradientPenalty, LazyPenalty, Objective, Penalty

PAGE = Path(skgal.__file__).parents[1] / "docs" / "own_gan.md"
RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 2)) * 0.2 + np.where(RNG.rand(60, 1) < 0.5, 1, -1)
SMALL = {"latent_dim": 2, "max_iter": 3, "batch_size": 8, "random_state": 0}


@pytest.fixture(scope="module")
def energy_gan():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code.splitlines()) < 60
    namespace = {"__name__": "own_gan"}
    exec(code, namespace)
    return namespace["EnergyGAN"]


def test_the_gan_of_the_page_learns(energy_gan):
    generator = energy_gan(max_iter=800, random_state=0).fit(X)
    samples = generator.sample(300, random_state=1)
    assert 0.15 < np.mean(samples[:, 0] > 0) < 0.85  # both places are found
    distance = np.linalg.norm(samples[:, None] - X[None], axis=2).min(axis=1)
    assert np.median(distance) < 0.4
    again = energy_gan(max_iter=800, random_state=0).fit(X)
    np.testing.assert_array_equal(again.sample(5), generator.sample(5))


def test_the_gan_of_the_page_is_saved_and_loaded(energy_gan, tmp_path):
    generator = energy_gan(max_iter=3, random_state=0).fit(X)
    generator.save(tmp_path / "file")
    loaded = energy_gan.load(tmp_path / "file")
    np.testing.assert_array_equal(loaded.sample(5), generator.sample(5))


# Each of these is one class.


class RelativisticLeastSquares(Objective):
    needs_real_logits = True

    def critic_loss(self, real, fake):
        return (real - fake - 1).square().mean()

    def generator_loss(self, fake, real=None):
        return (fake - real - 1).square().mean()


class WithoutFlag(RelativisticLeastSquares):
    needs_real_logits = False


def test_error_of_an_objective_without_needs_real_logits_names_it():
    with pytest.raises(TypeError) as caught:
        GAN(objective=WithoutFlag(), **SMALL).fit(X)
    assert "needs_real_logits = True" in caught.value.__notes__[0]


class RunningMeanPenalty(Penalty):
    """Keeps the critic's logits near their running mean: a penalty with a state."""

    def loss(self, critic, real, fake, *, rng=None, step=0):
        logits = critic(real)
        before = getattr(self, "mean_", torch.zeros((), device=logits.device))
        self.mean_ = 0.9 * before + 0.1 * logits.mean().detach()
        return (logits - self.mean_).square().mean()


class ScaledProjection(Conditioning):
    """A conditioning with a parameter."""

    def __init__(self, scale=0.5):
        self.scale = scale

    def make_critic(self, architecture, shape, n_classes):
        critic = ProjectionCritic(architecture.make_critic(shape), n_classes)
        nn.init.normal_(critic.embedding.weight, std=self.scale)
        return critic


def test_a_relativistic_loss_a_lazy_penalty_and_one_with_a_state():
    penalty = [LazyPenalty(GradientPenalty(target=0.0), every=2), RunningMeanPenalty()]
    generator = GAN(objective=RelativisticLeastSquares(), penalty=penalty, **SMALL).fit(X)
    assert np.isfinite(generator.history_[-1]["generator_loss"])
    *_, kept = generator.net_.module_.penalties
    assert kept.mean_ != 0
    assert not hasattr(penalty[1], "mean_")  # a training works on a copy


def test_a_conditioning():
    y = np.arange(60) % 3
    generator = CGAN(conditioning=ScaledProjection(scale=2.0), **SMALL).fit(X, y)
    assert generator.net_.trained_.critic.embedding.weight.std() > 1


def test_r3gan_is_two_parameters():
    penalty = LazyPenalty(GradientPenalty(weight=0.5, target=0.0, at="both"), every=4)
    generator = GAN(objective="relativistic", penalty=penalty, **SMALL).fit(X)
    assert np.isfinite(generator.history_[-1]["critic_loss"])
