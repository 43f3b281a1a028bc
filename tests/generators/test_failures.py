"""Trainings that fail say so."""

import warnings

import numpy as np
import pytest
from skorch.callbacks import Callback

from skgal.exceptions import CriticWonWarning, ModeCollapseWarning, SingleSampleClassWarning
from skgal.generators import CGAN, GAN
from skgal.nn import DCGAN, Dense

RNG = np.random.RandomState(0)
X = RNG.normal(size=(80, 2))
Y = np.arange(80) % 2
SMALL = {"latent_dim": 2, "architecture": Dense(hidden=(16,)), "random_state": 0, "ema_decay": None}


class Collapse(Callback):
    """Have the generator put out the same, whatever its input."""

    def on_batch_end(self, net, **kwargs):
        parameters = list(net.module_.generator.parameters())
        for parameter in parameters[:-1]:
            parameter.data.zero_()


def test_mode_collapse_is_measured():
    with pytest.warns(ModeCollapseWarning, match=r"GAN vary 0 times as much .* 60 updates"):
        GAN(**SMALL, max_iter=60, callbacks=[Collapse()]).fit(X)


def test_mode_collapse_within_classes_is_seen():
    class CollapseToClasses(Callback):
        def on_batch_end(self, net, **kwargs):
            first = next(net.module_.generator.parameters())
            first.data[:, :2] = 0  # the latent's share of the input

    classes_apart = X + 20 * Y[:, None]
    with pytest.warns(ModeCollapseWarning, match="CGAN"):
        CGAN(**SMALL, max_iter=60, callbacks=[CollapseToClasses()]).fit(classes_apart, Y)


def test_a_critic_that_has_won_is_named():
    class Freeze(Collapse):
        """Keep what is generated away from all samples."""

        def on_batch_end(self, net, **kwargs):
            super().on_batch_end(net)
            list(net.module_.generator.parameters())[-1].data.fill_(5.0)

    with pytest.warns(CriticWonWarning, match="critic of GAN is right about every sample"):
        GAN(
            **SMALL,
            objective="nonsaturating",
            penalty=None,
            learning_rate=0.01,
            max_iter=300,
            callbacks=[Freeze()],
        ).fit(X / 10)


def test_a_healthy_training_is_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GAN(**SMALL, max_iter=100, learning_rate=2e-3).fit(X)


def test_a_class_of_one_sample_is_named():
    with pytest.warns(SingleSampleClassWarning, match=r"\[7\]"):
        CGAN(**SMALL, max_iter=2).fit(X, np.where(np.arange(80) == 5, 7, Y))


@pytest.mark.parametrize("n_samples", [2, 3])
def test_batch_norm_of_hardly_any_samples(n_samples):
    images = RNG.rand(n_samples, 1, 8, 8)
    generator = GAN(latent_dim=2, architecture=DCGAN(width=2), max_iter=3, random_state=0)
    assert np.isfinite(generator.fit(images).sample(4)).all()
