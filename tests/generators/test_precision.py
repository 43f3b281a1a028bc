"""What is promised of every generator that is trained in a lower precision."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_array_equal

from skgal.generators import GAN, Autoencoder
from skgal.nn import DCGAN, BigGAN, Residual
from skgal.training import PRECISIONS, GameNet

RNG = np.random.RandomState(0)
IMAGES = RNG.uniform(size=(40, 1, 8, 8)).astype(np.float32)
TABLE = pd.DataFrame({"size": RNG.normal(size=40), "kind": pd.Categorical(["a", "b"] * 20)})
Y = np.array(["x", "x", "x", "y"] * 10)


def draw(generator, X):
    """Samples, or restored ones: what a generator is for."""
    if isinstance(generator, Autoencoder):
        return generator.inverse_transform(generator.transform(X))
    drawn = generator.sample(30, random_state=0)
    return drawn[0] if isinstance(drawn, tuple) else drawn


def assert_near(samples, others):
    # Of values in [0, 1]. The mean: where a gradient is nearly 0, Adam magnifies its rounding.
    assert np.abs(samples - others).mean() < 0.02


def weights_of(generator):
    nets = [value for value in vars(generator).values() if isinstance(value, GameNet)]
    return {name: w.cpu() for net in nets for name, w in net.weights().items()}


@pytest.fixture
def products(monkeypatch):
    """The dtypes that linear layers put out."""
    seen = set()
    forward = torch.nn.Linear.forward

    def spy(layer, rows):
        out = forward(layer, rows)
        seen.add(out.dtype)
        return out

    monkeypatch.setattr(torch.nn.Linear, "forward", spy)
    return seen


def test_every_generator_trains_in_bfloat16(make_any, products):
    exact = make_any().fit(IMAGES, Y)
    assert products == {torch.float32}
    rounded, again = (make_any(precision="bfloat16").fit(IMAGES, Y) for _ in range(2))
    assert torch.bfloat16 in products
    assert_near(draw(rounded, IMAGES), draw(exact, IMAGES))
    assert_array_equal(draw(rounded, IMAGES), draw(again, IMAGES))
    for name, weight in weights_of(rounded).items():
        assert weight.dtype == weights_of(exact)[name].dtype


def test_samples_are_made_in_float32(make_any, products):
    generator = make_any(precision="bfloat16").fit(IMAGES, Y)
    products.clear()
    draw(generator, IMAGES)
    assert products == {torch.float32}


def test_tables_keep_their_categories(make_any):
    drawn = draw(make_any(precision="bfloat16").fit(TABLE, Y), TABLE)
    assert set(drawn["kind"]) <= {"a", "b"}
    assert drawn.dtypes.equals(TABLE.dtypes)


@pytest.mark.parametrize("architecture", [DCGAN(width=4), Residual(width=4), BigGAN(width=8)])
@pytest.mark.parametrize("penalty", ["spectral_norm", "gradient_penalty"])
def test_every_convolutional_architecture(architecture, penalty):
    exact, rounded = (
        GAN(
            latent_dim=2,
            architecture=architecture,
            penalty=penalty,
            max_iter=2,
            batch_size=8,
            precision=precision,
            random_state=0,
        ).fit(IMAGES)
        for precision in PRECISIONS
    )
    assert not np.array_equal(exact.sample(5), rounded.sample(5))
    assert_near(exact.sample(5), rounded.sample(5))


def test_files_and_checkpoints_know_the_precision(make_any, tmp_path):
    generator = make_any(precision="bfloat16", checkpoint=tmp_path).fit(IMAGES, Y)
    generator.save(tmp_path / "file")
    loaded = type(generator).load(tmp_path / "file")
    assert_array_equal(draw(loaded, IMAGES), draw(generator, IMAGES))
    with pytest.raises(ValueError, match="precision was 'bfloat16' and is 'float32'"):
        make_any(checkpoint=tmp_path).fit(IMAGES, Y)


def test_a_precision_that_there_is_not(make_any):
    with pytest.raises(ValueError, match=r"'precision' parameter .* must be .*'float16'"):
        make_any(precision="float16").fit(IMAGES, Y)
