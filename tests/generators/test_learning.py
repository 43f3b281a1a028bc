"""Small problems whose answer is known: a broken generator shows."""

import numpy as np
import pytest
from scipy.stats import norm, uniform
from sklearn.datasets import load_digits

from skgal.generators import GAN, GIN
from skgal.nn import Dense
from skgal.objectives import GradientPenalty


def two_modes(n_samples):
    rng = np.random.RandomState(0)
    centres = np.array([[-2.0, 0.0], [2.0, 1.0]])
    return centres[rng.randint(2, size=n_samples)] + 0.1 * rng.normal(size=(n_samples, 2))


@pytest.mark.parametrize("generator_class", [GAN, GIN])
def test_both_of_two_modes_are_found(generator_class):
    X = two_modes(200)
    generator = generator_class(
        latent_dim=2,
        max_iter=800,
        learning_rate=1e-3,
        ema_decay=0.98,
        architecture=Dense(hidden=(64, 64)),
        random_state=0,
    )
    if generator_class is GIN:
        generator.set_params(inversion="after", encoder_max_iter=2)
    samples = generator.fit(X).sample(1000, random_state=1)
    distance = np.linalg.norm(samples[:, None] - [[-2.0, 0.0], [2.0, 1.0]], axis=2)
    nearest = distance.argmin(1)
    assert 0.3 < nearest.mean() < 0.7
    assert np.mean(distance.min(1) < 0.4) > 0.85


def test_the_consistency_term_leaves_both_modes_to_be_found():
    gan = GAN(
        latent_dim=2,
        objective="wasserstein",
        penalty=[GradientPenalty(weight=0.1), "consistency"],
        max_iter=400,
        critic_iter=2,
        learning_rate=2e-3,
        ema_decay=0.98,
        architecture=Dense(hidden=(64, 64)),
        random_state=0,
    )
    samples = gan.fit(two_modes(200)).sample(1000, random_state=1)
    distance = np.linalg.norm(samples[:, None] - [[-2.0, 0.0], [2.0, 1.0]], axis=2)
    assert 0.3 < distance.argmin(1).mean() < 0.7
    assert np.mean(distance.min(1) < 0.4) > 0.75


@pytest.mark.parametrize("penalty", ["spectral_norm", "gradient_penalty", "weight_clip"])
def test_encoder_inverts_the_generator(penalty):
    rng = np.random.RandomState(1)
    X = rng.uniform(-1, 1, size=(200, 2)) @ rng.normal(size=(2, 6))
    gin = GIN(
        latent_dim=2,
        penalty=penalty,
        max_iter=300,
        encoder_max_iter=1500,
        learning_rate=1e-3,
        architecture=Dense(hidden=(32, 32)),
        random_state=0,
    ).fit(X)
    latent = gin.sample_latent(500, random_state=2)
    recovered = gin.transform(gin.inverse_transform(latent))
    # Guessing the centre of the square would err by 1/3 on average.
    assert np.mean((recovered - latent) ** 2) < 0.01
    assert np.abs(recovered).max() <= 1
    losses = [row["encoder_loss"] for row in gin.encoder_history_]
    assert losses[-1] < 0.1 * losses[0]


def test_convolutional_encoder_inverts_the_generator():
    images = load_digits().images[:100, np.newaxis]
    gin = GIN(
        latent_dim=2, max_iter=60, encoder_max_iter=150, inversion="after", random_state=0
    ).fit(images)
    latent = gin.sample_latent(300, random_state=1)
    recovered = gin.transform(gin.inverse_transform(latent))
    assert np.mean((recovered - latent) ** 2) < 0.03


def test_latent_distributions():
    X = two_modes(10)
    gin = GIN(latent_dim=3, max_iter=1, random_state=0).fit(X)
    assert gin.latent_distribution_.support() == (-1, 1)
    latent = gin.sample_latent(5000, random_state=0)
    assert np.abs(latent).max() <= 1
    assert abs(np.mean(latent**2) - uniform(-1, 2).var()) < 0.01
    gan = GAN(latent_dim=3, max_iter=1, random_state=0).fit(X)
    assert abs(np.mean(gan.sample_latent(5000, random_state=0) ** 2) - norm().var()) < 0.05
