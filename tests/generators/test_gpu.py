"""What is promised of every generator on a GPU; without one, these tests are skipped and say so."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback

from skgal.generators import GAN, Autoencoder
from skgal.nn import DCGAN, BigGAN, Residual
from skgal.training import PRECISIONS, GameNet

pytestmark = pytest.mark.cuda

RNG = np.random.RandomState(0)
IMAGES = RNG.uniform(size=(40, 1, 8, 8)).astype(np.float32)
Y = np.array(["x", "x", "x", "y"] * 10)
# GPUs round the factors of float32 convolutions as well, to TF32.
TOLERANCE = 0.02
each_precision = pytest.mark.parametrize("precision", list(PRECISIONS))
each_penalty = pytest.mark.parametrize("penalty", ["spectral_norm", "gradient_penalty"])
each_architecture = pytest.mark.parametrize(
    "architecture", [DCGAN(width=8), Residual(width=8), BigGAN(width=8)]
)


def draw(generator):
    """Samples, or restored ones: what a generator is for."""
    if isinstance(generator, Autoencoder):
        return generator.inverse_transform(generator.transform(IMAGES))
    drawn = generator.sample(30, random_state=0)
    return drawn[0] if isinstance(drawn, tuple) else drawn


def assert_near(samples, others):
    # Of values in [0, 1]. The mean: where a gradient is nearly 0, Adam magnifies its rounding.
    assert np.abs(samples - others).mean() < 0.02


def devices_of(generator):
    nets = [value for value in vars(generator).values() if isinstance(value, GameNet)]
    return {weight.device.type for net in nets for weight in net.weights().values()}


def make_images_gan(architecture, penalty, precision):
    return GAN(
        latent_dim=2,
        architecture=architecture,
        penalty=penalty,
        max_iter=3,
        batch_size=8,
        device="cuda",
        precision=precision,
        random_state=0,
    )


@each_precision
def test_what_a_gpu_trained_is_used_without_one(make_any, precision, monkeypatch):
    generator = make_any(precision=precision, device="cuda").fit(IMAGES, Y)
    assert devices_of(generator) == {"cuda"}
    saved, drawn = pickle.dumps(generator), draw(generator)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(UserWarning, match="cuda"):
        loaded = pickle.loads(saved)
    assert devices_of(loaded) == {"cpu"}
    assert_allclose(draw(loaded), drawn, atol=TOLERANCE)


@each_precision
def test_files_go_from_a_gpu_to_a_cpu(make_any, precision, monkeypatch, tmp_path):
    generator = make_any(precision=precision, device="cuda").fit(IMAGES, Y)
    generator.save(tmp_path / "file")
    drawn = draw(generator)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    loaded = type(generator).load(tmp_path / "file")
    assert devices_of(loaded) == {"cpu"}
    assert_allclose(draw(loaded), drawn, atol=TOLERANCE)


def test_precisions_agree(make_any):
    exact, rounded = (
        make_any(precision=precision, device="cuda").fit(IMAGES, Y) for precision in PRECISIONS
    )
    assert_near(draw(rounded), draw(exact))


@each_architecture
@each_penalty
def test_convolutions_agree(architecture, penalty):
    exact, rounded = (
        make_images_gan(architecture, penalty, precision).fit(IMAGES) for precision in PRECISIONS
    )
    assert_near(draw(rounded), draw(exact))
    for gan in (exact, rounded):
        losses = [row[name] for row in gan.history_ for name in ("critic_loss", "generator_loss")]
        assert np.isfinite(losses).all()


class NoWaiting(Callback):
    """Make every update but the first, which chooses algorithms, fail if it waits for the GPU."""

    def on_batch_begin(self, net, **kwargs):
        torch.cuda.set_sync_debug_mode("error" if net.n_updates_ else "default")

    def on_batch_end(self, net, **kwargs):
        torch.cuda.set_sync_debug_mode("default")


@each_precision
@each_architecture
@each_penalty
def test_updates_do_not_wait_for_the_gpu(architecture, penalty, precision):
    gan = make_images_gan(architecture, penalty, precision).set_params(callbacks=[NoWaiting()])
    try:
        assert gan.fit(IMAGES).n_iter_ == 3
    finally:
        torch.cuda.set_sync_debug_mode("default")
