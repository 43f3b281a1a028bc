"""The generator in stages: the contract on tiny networks, and whether it learns classes."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.generators import FrechetSelection, StackGAN
from skgal.nn import Dense
from skgal.testing import generator_checks

TINY = {
    "latent_dim": 2,
    "stage_width": 2,
    "minibatch_kernels": 3,
    "max_iter": 2,
    "batch_size": 8,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
SHAPE = (32, 16)
NAMES = np.array(["bright", "dark"])


def bright_and_dark(n_samples=24, channels=1):
    """Grey or colour images of pixels around 200 or 50, three bright ones for each dark one."""
    rng = np.random.RandomState(0)
    y = NAMES[(np.arange(n_samples) % 4 == 0).astype(int)]
    level = np.where(y == "dark", 50, 200)[:, None, None, None]
    X = level + rng.randint(-40, 41, (n_samples, channels, *SHAPE))
    return X.astype(np.uint8), y


def fitted(X, y, **parameters):
    return StackGAN(**TINY | parameters).fit(X, y)


@pytest.mark.parametrize(("name", "check"), generator_checks(StackGAN(**TINY)))
def test_contract(name, check):
    check()


# One of scikit-learn's checks permutes rows with NumPy's global generator.
@pytest.mark.touches_global_rng
@parametrize_with_checks([StackGAN(**TINY | {"max_iter": 1})])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_that_are_not_square(channels):
    X, y = bright_and_dark(channels=channels)
    before = X.copy()
    stackgan = fitted(X, y, architecture="auto")
    samples, classes = stackgan.sample(7)
    assert samples.shape == (7, channels, *SHAPE)
    assert samples.dtype == np.uint8
    assert samples.min() >= X.min()
    assert samples.max() <= X.max()
    assert set(classes) <= set(NAMES)
    assert_array_equal(X, before)
    flat = fitted(X.reshape(len(X), -1), y, architecture="auto", image_shape=(channels, *SHAPE))
    assert_array_equal(flat.sample(7)[0], samples.reshape(7, -1))


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_everything_is_that_of_the_last_stage(conditioning):
    X, y = bright_and_dark()
    stackgan = fitted(X, y, conditioning=conditioning)
    generator, critic = stackgan.net_.trained_.generator, stackgan.net_.trained_.critic
    assert [shape[1:] for shape in generator.shapes] == [(8, 4), (16, 8), (32, 16)]
    assert len(critic.stages) == 3
    features = stackgan.transform(X)
    assert features.shape == (len(X), len(stackgan.get_feature_names_out()))
    assert features.shape[1] == critic.stages[-1].n_features == 8
    # Alone or among others: a score depends on no other sample.
    scores = stackgan.score_samples(X, y)
    alone = np.concatenate([stackgan.score_samples(X[[i]], y[[i]]) for i in range(3)])
    np.testing.assert_allclose(alone, scores[:3], rtol=1e-4, atol=1e-5)


def test_files_and_pickles_draw_the_same(tmp_path):
    X, y = bright_and_dark()
    stackgan = fitted(X, y, architecture="auto")
    stackgan.save(tmp_path / "stackgan.safetensors")
    for copy in (
        StackGAN.load(tmp_path / "stackgan.safetensors"),
        pickle.loads(pickle.dumps(stackgan)),
    ):
        assert_array_equal(copy.sample(5, random_state=1)[0], stackgan.sample(5, random_state=1)[0])
        assert_array_equal(copy.score_samples(X), stackgan.score_samples(X))


def test_mixed_tables_come_back(tmp_path):
    frame = pd.DataFrame(
        {
            "size": np.linspace(0, 1, 30),
            "colour": pd.Categorical(np.array(["red", "blue", "red"])[np.arange(30) % 3]),
            "old": np.arange(30) % 2 == 0,
        }
    )
    stackgan = fitted(frame, NAMES[np.arange(30) % 2])
    samples, _ = stackgan.sample(50)
    assert list(samples.dtypes) == list(frame.dtypes)
    assert set(samples["colour"]) == {"red", "blue"}
    stackgan.save(tmp_path / "stackgan.safetensors")
    copy = StackGAN.load(tmp_path / "stackgan.safetensors")
    assert copy.sample(50)[0].equals(samples)


@pytest.mark.parametrize(
    "parameters",
    [
        {"objective": "hinge", "penalty": "spectral_norm", "architecture": "residual"},
        {"penalty": ["gradient_penalty", "consistency"]},
        {"minibatch_kernels": 0},
        {"latent": "uniform", "augment": ["flip", "cutout"]},
    ],
    ids=str,
)
def test_choices_are_independent(parameters):
    stackgan = fitted(*bright_and_dark(), **parameters)
    assert np.isfinite(stackgan.history_[-1]["critic_loss"])


def test_the_best_moment_can_be_kept():
    X, y = bright_and_dark()
    flat = X.reshape(len(X), -1)
    selection = FrechetSelection(PCA(2, random_state=0).fit(flat), every=1, n_samples=20)
    stackgan = fitted(flat, y, image_shape=(1, *SHAPE), model_selection=selection)
    assert np.isfinite(stackgan.history_[-1]["smoothed_frechet_distance"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"stage_width": 0}, "stage_width"),
        ({"minibatch_kernels": -1}, "minibatch_kernels"),
        ({"conditioning": "telepathy"}, "conditioning"),
        ({"architecture": "cathedral"}, "architecture"),
    ],
)
def test_wrong_parameters_are_refused_before_training(parameters, message):
    with pytest.raises(ValueError, match=message):
        fitted(*bright_and_dark(), **parameters | {"max_iter": 10**9})


def test_a_critic_that_cannot_see_the_coarsest_images_is_named():
    X, y = bright_and_dark()
    with pytest.raises(ValueError, match=r"\(1, 2, 2\), \(1, 4, 4\).*'dcgan' has none .*dense"):
        fitted(X[:, :, :8, :8], y, architecture="dcgan")


def test_samples_are_nearer_their_own_class():
    X, y = bright_and_dark(64)
    stackgan = fitted(
        X, y, latent_dim=4, max_iter=100, batch_size=16, learning_rate=3e-3, stage_width=4
    )
    asked = np.repeat(NAMES, 20)
    samples, classes = stackgan.sample(y=asked, random_state=1)
    assert_array_equal(classes, asked)
    means = np.array([X[y == name].mean() for name in NAMES])
    level = samples.mean(axis=(1, 2, 3))
    assert_array_equal(NAMES[np.abs(level[:, None] - means).argmin(axis=1)], asked)
