"""Generators as files without code."""

import json
import pickle
from numbers import Real

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from skgal.generators import ACGAN, CGAN, GAN, GIN, BiGAN, PolarityGAN
from skgal.generators._base import load_tensors, save_tensors
from skgal.nn import Dense
from skgal.objectives import GradientPenalty, Hinge, LazyPenalty, Penalty, resolve_objective
from skgal.utils import Interval, seeded_torch

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 3))
Y = np.array(["a", "b"])[np.arange(40) % 2]
FRAME = pd.DataFrame(
    {
        "age": RNG.randint(20, 80, 40).astype(np.int16),
        "visits": pd.array([1, None, 3, 4] * 10, dtype="Int64"),
        "stage": pd.Categorical(["I", "II", "II", None] * 10, ["I", "II", "III"], ordered=True),
        "city": ["Ulm", "Bonn"] * 20,
        "smoker": [True, False] * 20,
        "lab": "north",
    }
)
POLARS = pl.DataFrame(
    {
        "x": np.arange(40.0),
        "kind": pl.Series(["a", "b"] * 20, dtype=pl.Enum(["a", "b", "c"])),
        "flag": [True, None] * 20,
    }
)
SMALL = {
    "latent_dim": 2,
    "max_iter": 3,
    "batch_size": 8,
    "architecture": Dense(hidden=(8,)),
    "random_state": 0,
}
each_generator = pytest.mark.parametrize("generator_class", [GAN, GIN, BiGAN, CGAN, ACGAN])


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "gan.safetensors"
    GAN(**SMALL).fit(X).save(path)
    return path


def assert_same(first, second):
    first, second = (drawn if isinstance(drawn, tuple) else (drawn,) for drawn in (first, second))
    for one, other in zip(first, second, strict=True):
        assert type(one) is type(other)
        assert one.equals(other) if hasattr(one, "equals") else np.array_equal(one, other)


@each_generator
@pytest.mark.parametrize(
    "data",
    [X, X.astype(np.float32), FRAME, POLARS],
    ids=["float64", "float32", "pandas", "polars"],
)
def test_what_was_saved_is_what_is_loaded(generator_class, data, tmp_path):
    generator = generator_class(**SMALL).fit(data, Y)
    generator.save(tmp_path / "file")
    loaded = generator_class.load(tmp_path / "file")
    assert_same(loaded.sample(20), generator.sample(20))
    assert_array_equal(loaded.transform(data), generator.transform(data))
    if hasattr(generator, "score_samples"):
        assert_array_equal(loaded.score_samples(data), generator.score_samples(data))
    assert loaded.history_ == generator.history_
    assert repr(loaded) == repr(generator)


def test_images_and_parameters_that_are_objects(tmp_path):
    images = RNG.randint(0, 255, size=(20, 1, 8, 8)).astype(np.uint8)
    generator = GAN(
        **SMALL | {"architecture": "dcgan"},
        objective=resolve_objective("wasserstein"),
        penalty=[GradientPenalty(weight=1.0)],
    ).fit(images)
    generator.save(tmp_path / "file")
    assert_same(GAN.load(tmp_path / "file").sample(5), generator.sample(5))


def test_a_loaded_generator_pickles_and_trains_on(saved):
    generator = pickle.loads(pickle.dumps(GAN.load(saved)))
    assert generator.set_params(warm_start=True).fit(X).n_iter_ == 3


def test_no_sample_is_in_the_file(tmp_path):
    GAN(**SMALL).fit(X).save(tmp_path / "file")
    text = (tmp_path / "file").read_text(errors="ignore")
    within = np.setdiff1d(X, [X.min(axis=0), X.max(axis=0)])  # the ranges are written, no more
    assert not any(repr(float(value)) in text for value in within)


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_file_that_was_cut_short(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(ValueError, match="damaged"):
        GAN.load(saved)


def test_a_file_that_was_changed(saved):
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1
    saved.write_bytes(content)
    with pytest.raises(ValueError, match="checksum"):
        GAN.load(saved)


WIDE = '{"array": "<U500000000", "shape": [1], "data": ["a"]}'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"format", 1', '"format", 2'), "newer version"),
        (lambda text: text.replace('"object": "Dense"', '"object": "Popen"'), "Popen"),
        (lambda text: text.replace('"max_iter"', '"min_iter"'), "min_iter"),
        (lambda text: "{}", "does not hold|not written by skgal"),
        (lambda text: "[" * 200_000 + "]" * 200_000, "does not hold.*recursion"),
        (lambda text: text.replace('"max_iter", 3', '"max_iter", NaN'), "'max_iter' parameter"),
        (lambda text: text.replace('"max_iter", 3', f'"max_iter", 1{"0" * 5000}'), "digits"),
        (lambda text: text.replace('["n_features_in_"', '["sample"'), "sample is not learnt"),
        (lambda text: text.replace('["n_features_in_"', '["__dict__"'), "__dict__ is not learnt"),
        (lambda text: text.replace('["n_features_in_", ', f'["x_", {WIDE}], ["y_", '), "wider"),
    ],
)
def test_a_file_that_was_made_up(saved, change, message):
    tensors, text = load_tensors(saved)
    save_tensors(saved, tensors, change(text))
    with pytest.raises(ValueError, match=message):
        GAN.load(saved)


def test_a_file_of_another_generator(saved):
    with pytest.raises(ValueError, match=r"holds a GAN, not a GIN; call GAN\.load"):
        GIN.load(saved)


def test_a_file_of_another_library(tmp_path):
    save_file({"x": np.ones(3)}, tmp_path / "file")
    with pytest.raises(ValueError, match="not written by skgal"):
        GAN.load(tmp_path / "file")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        GAN.load(tmp_path / "nothing")


def test_what_can_t_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        GAN().save(tmp_path / "file")
    with seeded_torch(0):
        extractor = nn.Linear(X.shape[1], 2)
    generator = PolarityGAN(**SMALL, autoencoder_max_iter=1, feature_extractor=extractor)
    with pytest.raises(TypeError, match="Use pickle or joblib"):
        generator.fit(X, np.arange(len(X)) % 2).save(tmp_path / "file")


class Scaled(Hinge):
    def __init__(self, scale=1.0):
        self.scale = scale

    def generator_loss(self, fake, real=None):
        return self.scale * super().generator_loss(fake)


class Far(Penalty):
    _parameter_constraints = {"weight": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, weight=1.0):
        self.weight = weight

    def loss(self, critic, real, fake, *, rng=None, step=0):
        return self.weight * critic(real).square().mean()


def test_components_of_ones_own_are_saved_with_their_parameters(tmp_path):
    generator = GAN(**SMALL, objective=Scaled(0.5), penalty=[LazyPenalty(Far(3.0)), "weight_clip"])
    generator.fit(X).save(tmp_path / "file")
    loaded = GAN.load(tmp_path / "file", classes=[Scaled, Far])
    np.testing.assert_array_equal(loaded.sample(3), generator.sample(3))
    assert loaded.objective.scale == 0.5
    assert loaded.penalty[0].penalty.weight == 3
    with pytest.raises(ValueError, match="not written by skgal"):
        GAN.load(tmp_path / "file")
    search = clone(generator).set_params(objective__scale=2.0)
    assert search.fit(X).net_.module_.objective.scale == 2


@pytest.mark.parametrize(
    ("learnt", "value"),
    [("hidden", [30_000, 30_000]), ("latent_dim", 10**9), ("hidden", [8, 8])],
)
def test_a_file_that_claims_more_than_it_has_allocates_nothing(learnt, value, saved):
    tensors, text = load_tensors(saved)
    state = json.loads(text)

    def replace(node):
        if isinstance(node, dict):
            return {k: replace(v) for k, v in node.items()}
        if isinstance(node, list) and len(node) == 2 and node[0] == learnt:
            return [learnt, value]
        return [replace(v) for v in node] if isinstance(node, list) else node

    changed = json.dumps(replace(state))
    assert changed != text
    save_tensors(saved, tensors, changed)
    tracker = []
    original = torch.nn.Linear.reset_parameters

    def watch(layer):
        tracker.append(layer.weight.device.type)
        original(layer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.Linear, "reset_parameters", watch)
        with pytest.raises(ValueError, match="does not hold what it should"):
            GAN.load(saved)
    assert set(tracker) <= {"meta"}


def test_where_a_file_can_not_be_written(tmp_path):
    generator = GAN(**SMALL).fit(X)
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "here"):
        with pytest.raises(OSError, match=f"{path} can't be written"):
            generator.save(path)
