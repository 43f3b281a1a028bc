"""GIN: which game it plays, its losses against sums by hand, and real rows that it inverts."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from skgal.generators import GIN
from skgal.training import Batch, InvertibleAdversarialGame, InvertibleGame
from skgal.training._encoding import energy_distance_of_batches
from skgal.utils import make_layout

RNG = np.random.RandomState(0)
TABLE = RNG.normal(size=(40, 3))
IMAGES = RNG.uniform(size=(40, 1, 8, 8)).astype(np.float32)
SMALL = {"latent_dim": 2, "max_iter": 3, "batch_size": 8, "random_state": 0}


def curved_sheet(n_samples, seed):
    """Rows on a curved surface of two dimensions in five, with a little noise."""
    rng = np.random.RandomState(seed)
    u, v = rng.uniform(-1, 1, size=(2, n_samples))
    sheet = np.c_[u, v, u * v, np.sin(2 * u), v**2]
    return sheet + 0.02 * rng.normal(size=sheet.shape)


def test_energy_distance_of_batches_by_brute_force():
    x, y = RNG.normal(size=(4, 2)), RNG.normal(size=(5, 2))

    def mean(pairs):
        return np.mean([np.linalg.norm(a - b) for a, b in pairs])

    def within(rows):
        pairs = product(enumerate(rows), repeat=2)
        return mean((a, b) for (i, a), (j, b) in pairs if i != j)

    expected = 2 * mean(product(x, y)) - within(x) - within(y)
    computed = energy_distance_of_batches(torch.tensor(x), torch.tensor(y))
    # The distances inside a batch hold the 1e-8 that keeps the root differentiable, n times.
    assert_allclose(computed, expected, atol=1e-4)


def test_the_gradient_of_the_energy_distance_is_finite_where_rows_coincide():
    x = torch.zeros(3, 2, requires_grad=True)
    energy_distance_of_batches(x, torch.zeros(3, 2)).backward()
    assert torch.isfinite(x.grad).all()


def test_the_loss_without_a_critic_is_the_sum_of_four_terms():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, generator = torch.nn.Linear(3, 2), torch.nn.Linear(2, 3)
        real, latent = torch.randn(6, 3), torch.rand(6, 2) * 2 - 1
    game = InvertibleGame(lambda: generator, lambda: encoder, latent_dim=2)
    fake = generator(latent)
    scale = real.std(dim=0).clamp_min(0.1)
    expected = (
        (((generator(encoder(real)) - real) / scale) ** 2).mean()
        + ((encoder(fake) - latent) ** 2).mean()
        + energy_distance_of_batches(encoder(real), latent)
        + energy_distance_of_batches(fake / scale, real / scale)
    )
    batch = Batch(real=real, fake=fake, latent=latent)
    torch.testing.assert_close(game.inversion_loss(batch), expected)


@pytest.mark.parametrize(
    ("params", "data", "joint", "critic"),
    [
        ({}, TABLE, True, False),
        ({"inversion": "after"}, TABLE, False, True),
        ({"objective": "least_squares"}, TABLE, False, True),
        ({"objective": "least_squares", "inversion": "joint"}, TABLE, True, True),
        ({"penalty": None}, TABLE, False, True),
        ({}, IMAGES, True, True),
        ({"inversion": "after"}, IMAGES, False, True),
        ({"objective": "hinge"}, IMAGES, False, True),
        ({"penalty": "spectral_norm"}, IMAGES, False, True),
        ({"inversion": "joint"}, IMAGES, True, True),
    ],
)
def test_which_game_is_played(params, data, joint, critic):
    gin = GIN(**SMALL, **params).fit(data)
    assert isinstance(gin.net_.module_, InvertibleGame | InvertibleAdversarialGame) == joint
    assert hasattr(gin, "encoder_net_") == (not joint)
    assert hasattr(gin.net_.module_, "critic") == critic
    assert hasattr(gin, "score_samples") == critic
    losses = {name for name in gin.history_[0] if name.endswith("loss")}
    assert losses == ({"critic_loss", "generator_loss"} if critic else {"inversion_loss"})
    Z = gin.transform(data)
    assert Z.shape == (40, 2)
    assert np.abs(Z).max() <= 1
    assert gin.inverse_transform(Z).shape == data.shape


@pytest.mark.parametrize(
    ("params", "data", "expected"),
    [
        ({}, TABLE, 2500),
        ({}, IMAGES, 400),
        ({"inversion": "after"}, IMAGES, 2500),
        ({"max_iter": 7}, IMAGES, 7),
    ],
)
def test_number_of_updates_by_default(params, data, expected):
    gin = GIN(**params)
    gin.layout_ = make_layout(data, None)
    assert gin.resolve_max_iter() == expected


def test_real_rows_and_latent_points_are_inverted():
    gin = GIN(latent_dim=2, max_iter=600, learning_rate=2e-3, random_state=0)
    gin.fit(curved_sheet(60, 0))
    fresh = curved_sheet(300, 1)
    restored = gin.inverse_transform(gin.transform(fresh))
    explained = 1 - ((restored - fresh) ** 2).sum() / ((fresh - fresh.mean(0)) ** 2).sum()
    assert explained > 0.9
    latent = np.random.RandomState(2).uniform(-1, 1, size=(300, 2))
    assert np.sqrt(np.mean((gin.transform(gin.generate(latent)) - latent) ** 2)) < 0.2
    # The codes of real rows fill the square: each quarter of it has its share.
    codes = gin.transform(fresh)
    quarters = np.bincount((codes > 0) @ [1, 2], minlength=4) / len(codes)
    assert (abs(quarters - 0.25) < 0.12).all()
