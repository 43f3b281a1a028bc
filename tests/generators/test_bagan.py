"""What BAGAN promises beyond what every generator of given classes does."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import cross_entropy

from skgal.exceptions import SingleSampleClassWarning
from skgal.generators import BAGAN, FrechetSelection
from skgal.generators._bagan import class_gaussians
from skgal.nn import ClassLatents, Critic, Dense, FakeClassCritic, copy_weights, torch_generator
from skgal.objectives import resolve_objective, resolve_penalties
from skgal.utils import seeded_torch

RNG = np.random.RandomState(0)
TABLE = RNG.normal(size=(40, 3)) * [1, 10, 100]
IMAGES = RNG.randint(0, 200, size=(24, 1, 8, 8)).astype(np.uint8)
DENSE = Dense(hidden=(8,))


def classes_of(X):
    return np.array(list("ceceeced"))[np.arange(len(X)) % 8]


def small(**kwargs):
    defaults = {
        "latent_dim": 2,
        "max_iter": 3,
        "autoencoder_max_iter": 3,
        "batch_size": 8,
        "random_state": 0,
    }
    return BAGAN(**defaults | kwargs)


def fitted(X=TABLE, **kwargs):
    return small(**kwargs).fit(X, classes_of(X))


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.mark.parametrize(
    ("X", "image_shape"),
    [(TABLE, None), (IMAGES, None), (IMAGES.reshape(24, -1), (1, 8, 8))],
    ids=["table", "uint8", "flat"],
)
@pytest.mark.parametrize("penalty", ["spectral_norm", "consistency"])
def test_samples_look_like_the_training_data(X, image_shape, penalty, tmp_path):
    before, y = X.copy(), classes_of(X)
    generator = small(image_shape=image_shape, penalty=penalty).fit(X, y)
    samples, classes = generator.sample(y=["d", "c", "c", "e"])
    assert samples.shape == (4, *X.shape[1:])
    assert samples.dtype == X.dtype
    assert classes.tolist() == ["d", "c", "c", "e"]
    axes = 0 if X is TABLE else None
    assert np.all((samples >= X.min(axis=axes)) & (samples <= X.max(axis=axes)))
    assert generator.transform(X).shape == (len(X), len(generator.get_feature_names_out()))
    assert generator.score_samples(X).shape == (len(X),)
    assert_allclose(generator.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(X, before)
    generator.save(tmp_path / "file")
    for twin in (pickle.loads(pickle.dumps(generator)), BAGAN.load(tmp_path / "file")):
        assert_array_equal(twin.sample(5)[0], generator.sample(5)[0])
        assert_array_equal(twin.predict_proba(X), generator.predict_proba(X))
    assert_array_equal(
        fitted(X, image_shape=image_shape, penalty=penalty).sample(5)[0], generator.sample(5)[0]
    )


def test_mixed_tables_come_back():
    frame = pd.DataFrame(
        {
            "size": TABLE[:, 0],
            "colour": pd.Categorical(np.where(np.arange(40) < 10, "red", "blue")),
            "dose": np.where(np.arange(40) % 3 == 0, np.nan, 1.0 * np.arange(40)),
        }
    )
    samples, _ = fitted(frame).sample(30)
    assert samples.dtypes.to_dict() == frame.dtypes.to_dict()
    assert set(samples["colour"]) <= {"red", "blue"}


def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path):
    class Kill(Callback):
        def on_batch_begin(self, net, **kwargs):
            if net.n_updates_ == 60:
                raise ConnectionAbortedError

    settings = {"max_iter": 70, "autoencoder_max_iter": 60, "architecture": DENSE}
    unbroken = fitted(**settings)
    with pytest.raises(ConnectionAbortedError):
        fitted(**settings, checkpoint=tmp_path, callbacks=[Kill()])
    resumed = fitted(**settings, checkpoint=tmp_path)
    assert_array_equal(resumed.sample(9)[0], unbroken.sample(9)[0])
    assert_array_equal(resumed.predict_proba(TABLE), unbroken.predict_proba(TABLE))


def test_a_class_with_one_sample():
    y = np.where(np.arange(40) == 4, "rare", "common")
    with pytest.warns(SingleSampleClassWarning, match="rare"):
        generator = small().fit(TABLE, y)
    assert generator.sample(y=["rare"] * 3)[0].shape == (3, 3)


def test_model_selection():
    generator = fitted(
        max_iter=50,
        model_selection=FrechetSelection(StandardScaler().fit(TABLE), every=50, n_samples=20),
    )
    assert np.isfinite(generator.history_[-1]["frechet_distance"])


# The distributions of codes.


def test_gaussians_of_large_classes_are_those_of_their_codes():
    rng = np.random.RandomState(0)
    mixing = np.array([[1.0, 0.0], [0.7, 0.2]])
    codes = np.r_[rng.normal(size=(5000, 2)) @ mixing.T + [3, -1], rng.normal(size=(5000, 2))]
    labels = np.repeat([0, 1], 5000)
    means, factors = class_gaussians(codes, labels)
    assert_allclose(means, [[3, -1], [0, 0]], atol=0.05)
    assert_allclose(factors[0] @ factors[0].T, mixing @ mixing.T, atol=0.05)
    assert_array_equal(factors[:, 0, 1], 0)


def test_gaussians_of_small_classes_are_shrunk_and_have_factors():
    rng = np.random.RandomState(0)
    codes = np.r_[rng.normal(size=(50, 6)), rng.normal(size=(2, 6)), [[9.0] * 6]]
    labels = np.repeat([0, 1, 2], [50, 2, 1])
    _, factors = class_gaussians(codes, labels)
    assert np.linalg.matrix_rank(factors[1]) == 6  # two codes span one dimension only
    spread = np.sqrt((factors[2] ** 2).sum())
    assert 0.5 < spread / np.sqrt((factors[0] ** 2).sum()) < 1.5
    _, factors = class_gaussians(np.zeros((4, 3)), np.array([0, 0, 1, 1]))
    assert np.isfinite(factors).all()


def test_latents_have_the_mean_and_covariance_of_the_class():
    generator = ClassLatents(nn.Identity(), 2, 2)
    means = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
    factor = torch.tensor([[2.0, 0.0], [1.0, 0.5]])
    generator.set_distributions(means, torch.stack([torch.eye(2), factor]))
    z = torch.randn(20_000, 2, generator=torch_generator(0))
    codes = generator(z, torch.ones(20_000, dtype=torch.long))
    assert_allclose(codes.mean(0), means[1], atol=0.05)
    assert_allclose(torch.cov(codes.T), factor @ factor.T, atol=0.1)


def test_the_latent_space_of_users_is_standard_normal():
    generator = fitted()
    Z = generator.sample_latent(4000, random_state=0)
    assert_allclose(np.cov(Z.T), np.eye(2), atol=0.1)
    assert generator.latent_distribution_.ppf(0.5) == 0
    drawn = generator.sample(y=["c", "d", "e"], random_state=3)[0]
    Z = generator.sample_latent(3, random_state=3)
    assert_array_equal(generator.generate(Z, ["c", "d", "e"]), drawn)


# The critic and the game.


def test_the_split_of_the_softmax_over_all_classes():
    with seeded_torch(0):
        critic = FakeClassCritic(Critic(nn.Linear(3, 4), 4), 5)
    x = torch.randn(7, 3, generator=torch_generator(0))
    labels = torch.arange(7) % 5
    logits = critic.classifier(critic.features(x))
    real, class_logits = critic.rate_and_classify(x)
    objective = resolve_objective("nonsaturating")
    whole = cross_entropy(logits, labels)
    split = objective.generator_loss(real) + cross_entropy(class_logits, labels)
    torch.testing.assert_close(split, whole)
    fake = cross_entropy(logits, torch.full((7,), 5))
    torch.testing.assert_close(nn.functional.softplus(real).mean(), fake)
    torch.testing.assert_close(critic(x), real)
    torch.testing.assert_close(critic.classify(x), class_logits)


@pytest.mark.parametrize("normalised", [False, True])
def test_weights_are_copied_also_into_normalised_layers(normalised):
    with seeded_torch(0):
        source = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        target = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        if normalised:
            resolve_penalties("spectral_norm")[0].prepare(target)
    copy_weights(source, target)
    found = target[0].parametrizations.weight.original if normalised else target[0].weight
    assert torch.equal(found, source[0].weight)
    assert torch.equal(target[2].bias, source[2].bias)
    with torch.no_grad():
        found += 1
    assert not torch.equal(found, source[0].weight)


def test_the_last_layer_of_the_critic_is_left_free():
    critic = fitted(penalty="weight_clip").net_.trained_.critic
    assert weights(critic.body).abs().max() <= 0.01
    assert weights(critic.classifier).abs().max() > 0.01


def test_the_game_starts_from_the_autoencoder():
    rng = np.random.RandomState(0)
    X = np.r_[rng.normal(size=(60, 4)) + 3, rng.normal(size=(12, 4)) - 3]
    y = np.repeat([0, 1], [60, 12])
    generator = small(
        architecture=Dense(hidden=(32,)),
        max_iter=1,
        autoencoder_max_iter=300,
        ema_decay=None,
        learning_rate=1e-6,
        batch_size=32,
    ).fit(X, y)
    samples, classes = generator.sample(y=[0] * 50 + [1] * 50)
    for label, centre in ((0, 3), (1, -3)):
        made = samples[classes == label]
        assert np.abs(made.mean(axis=0) - centre).max() < 1
        assert 0.3 < made.std() / X[y == label].std() < 1.5


def test_the_game_keeps_classes_apart_and_classifies():
    rng = np.random.RandomState(0)
    modes = np.array([[2.0, 1.5], [2.0, -1.5]])[np.arange(40) % 2]
    X = np.r_[rng.normal(size=(160, 2)) * 0.3 - [2, 0], modes + 0.1 * rng.normal(size=(40, 2))]
    y = np.repeat(["l", "r"], [160, 40])
    generator = small(
        architecture=Dense(hidden=(32, 32)),
        max_iter=200,
        autoencoder_max_iter=200,
        learning_rate=1e-3,
        batch_size=32,
        ema_decay=0.98,
    ).fit(X, y)
    assert generator.score(X, y) > 0.97
    samples, classes = generator.sample(y=["l"] * 100 + ["r"] * 100)
    assert np.mean(np.sign(samples[:, 0]) == np.where(classes == "r", 1, -1)) > 0.9
    upper = samples[classes == "r", 1] > 0
    assert 0.1 < upper.mean() < 0.9
