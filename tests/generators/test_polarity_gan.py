"""What PolarityGAN promises beyond what every generator of given classes does."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import nnls
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from skgal.exceptions import SingleSampleClassWarning
from skgal.generators import FrechetSelection, PolarityGAN
from skgal.nn import Dense

RNG = np.random.RandomState(0)
TABLE = RNG.normal(size=(40, 3)) * [1e-3, 1, 1e6] + [0, 100, 0]
IMAGES = RNG.randint(0, 200, size=(24, 1, 8, 8)).astype(np.uint8)


def classes_of(X):
    """Give the samples classes: 3 in 8 are cats, 1 in 8 dogs, the others eels."""
    return np.array(list("ceceece d".replace(" ", "")))[np.arange(len(X)) % 8]


def small(**kwargs):
    defaults = {
        "latent_dim": 2,
        "max_iter": 3,
        "autoencoder_max_iter": 3,
        "batch_size": 8,
        "random_state": 0,
    }
    return PolarityGAN(**defaults | kwargs)


def fitted(X=TABLE, **kwargs):
    return small(**kwargs).fit(X, classes_of(X))


def distances_to_hull(points, corners, span=1.0):
    """Measure how far points are from a hull, in units of the span of each feature."""
    points, corners = ((rows - corners.min(axis=0)) / span for rows in (points, corners))
    heavy = 1e4  # the weight of "sums to one" in the least squares
    A = np.vstack([corners.T, np.full(len(corners), heavy)])
    return [nnls(A, np.r_[point, heavy])[1] for point in points]


@settings(max_examples=6)
@given(
    counts=st.lists(st.integers(1, 12), min_size=2, max_size=3),
    seed=st.integers(0, 100),
    scale=st.sampled_from([1e-6, 1.0, 1e8]),
    max_anchors=st.sampled_from([3, 256]),
    n_neighbors=st.sampled_from([2, None]),
)
@pytest.mark.filterwarnings("ignore::skgal.exceptions.SingleSampleClassWarning")  # that is the case
def test_every_sample_is_in_the_hull_of_its_class(counts, seed, scale, max_anchors, n_neighbors):
    X = np.random.RandomState(seed).normal(size=(sum(counts), 3)) * scale
    y = np.repeat(np.arange(len(counts)), counts)
    generator = small(
        max_anchors=max_anchors, n_neighbors=n_neighbors, learning_rate=0.1, classifier_weight=5.0
    )
    samples, classes = generator.fit(X, y).sample(y=np.repeat(np.arange(len(counts)), 10))
    for label in range(len(counts)):
        made, own = samples[classes == label], X[y == label]
        assert max(distances_to_hull(made, own, np.ptp(X, axis=0))) < 2e-6


@settings(max_examples=8)
@given(
    counts=st.lists(st.integers(2, 12), min_size=2, max_size=3),
    share=st.sampled_from([0.1, 0.4, 0.8]),
    seed=st.integers(0, 100),
    n_neighbors=st.sampled_from([2, None]),
)
def test_numbers_with_gaps_are_within_those_of_their_class(counts, share, seed, n_neighbors):
    rng = np.random.RandomState(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    # Classes far from each other, and from the rank that a missing number has to networks.
    X = rng.normal(size=(len(y), 2)) + 100.0 * y[:, None]
    X[rng.rand(*X.shape) < share] = np.nan
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(kind=rng.permutation(np.arange(len(y)) % 2))
    frame["kind"] = frame["kind"].astype("category")
    generator = small(n_neighbors=n_neighbors, learning_rate=0.1, classifier_weight=5.0)
    samples, classes = generator.fit(frame, y).sample(y=np.repeat(np.arange(len(counts)), 30))
    for label in range(len(counts)):
        for name in ("a", "b"):
            made, own = samples[name][classes == label].dropna(), frame[name][y == label].dropna()
            assert len(own) or not len(made)
            assert made.between(own.min() - 0.01, own.max() + 0.01).all()


def test_the_reference_tells_points_outside_a_hull():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert distances_to_hull(np.array([[0.3, 0.3], [0.5, 0.5]]), corners) == pytest.approx([0, 0])
    assert distances_to_hull(np.array([[0.6, 0.6]]), corners)[0] > 0.1


def test_the_hull_of_one_sample_and_of_two():
    X, y = TABLE[:20].copy(), np.array(["one"] + ["two"] * 2 + ["five"] * 5 + ["many"] * 12)
    with pytest.warns(SingleSampleClassWarning, match=r"\['one'\] of 4 classes"):
        generator = small().fit(X, y)
    samples, _ = generator.sample(y=["one"] * 3)
    assert_allclose(samples, np.repeat(X[:1], 3, axis=0), rtol=1e-6)
    samples, _ = generator.sample(y=["two"] * 20)
    share = (samples - X[1]) / (X[2] - X[1])
    assert_allclose(share, np.repeat(share[:, :1], 3, axis=1), atol=1e-4)
    assert share.min() > -1e-5
    assert share.max() < 1 + 1e-5
    assert generator.sample(y=["five"] * 4)[0].shape == (4, 3)


@pytest.mark.parametrize(
    ("X", "image_shape"),
    [
        (TABLE, None),
        (TABLE.astype(np.float32), None),
        (IMAGES, None),
        (IMAGES.reshape(24, -1), (1, 8, 8)),
        (RNG.randint(-5, 5, size=(24, 4)), None),
    ],
    ids=["table", "float32", "uint8", "flat", "int64"],
)
@pytest.mark.parametrize("feature_extractor", [None, "encoder"])
def test_samples_look_like_the_training_data(X, image_shape, feature_extractor):
    before, y = X.copy(), classes_of(X)
    generator = small(image_shape=image_shape, feature_extractor=feature_extractor).fit(X, y)
    samples, classes = generator.sample(y=["d", "c", "c", "e"])
    assert samples.shape == (4, *X.shape[1:])
    assert samples.dtype == X.dtype
    assert classes.tolist() == ["d", "c", "c", "e"]
    own = X[y == "d"]
    assert np.all(samples[0] >= own.min(axis=0) - 1e-5 * np.ptp(own, axis=0))
    assert np.all(samples[0] <= own.max(axis=0) + 1e-5 * np.ptp(own, axis=0))
    assert generator.transform(X).shape == (len(X), len(generator.get_feature_names_out()))
    assert generator.score_samples(X).shape == generator.score_samples(X, y).shape == (len(X),)
    assert generator.predict(X).shape == (len(X),)
    assert_array_equal(X, before)
    twin = pickle.loads(pickle.dumps(generator))
    assert_array_equal(twin.sample(5)[0], generator.sample(5)[0])
    assert_array_equal(twin.predict_proba(X), generator.predict_proba(X))
    again = clone(generator).fit(X, y)
    assert_array_equal(again.sample(5)[0], generator.sample(5)[0])


@pytest.mark.parametrize("module", [pd, pl])
def test_data_frames_come_back(module):
    frame = module.DataFrame({"a": TABLE[:, 0], "b": np.arange(40)})
    samples, _ = small().fit(frame, module.Series(classes_of(TABLE))).sample(y=["c", "d"])
    assert isinstance(samples, module.DataFrame)
    assert list(samples.dtypes) == list(frame.dtypes)


def test_categories_of_a_mixed_table_are_those_of_the_class():
    frame = pd.DataFrame(
        {
            "size": TABLE[:, 0],
            "colour": pd.Categorical(np.where(np.arange(40) < 10, "red", "blue")),
            "dose": np.where(np.arange(40) % 3 == 0, np.nan, 1.0 * np.arange(40)),
            "old": np.arange(40) % 2 == 0,
        }
    )
    y = np.where(np.arange(40) < 10, "rare", "common")
    generator = small(max_iter=20).fit(frame, y)
    samples, _ = generator.sample(y=["rare"] * 50)
    assert samples.dtypes.to_dict() == frame.dtypes.to_dict()
    assert set(samples["colour"]) == {"red"}
    own = frame["size"][:10]
    assert samples["size"].between(own.min() - 1e-9, own.max() + 1e-9).all()
    assert generator.predict(frame).shape == (40,)


@pytest.mark.parametrize("feature_extractor", [None, "encoder"])
def test_a_killed_fit_goes_on_to_the_same_bits(feature_extractor, tmp_path):
    class Kill(Callback):
        def on_batch_begin(self, net, **kwargs):
            if net.n_updates_ == 60:
                raise ConnectionAbortedError

    settings = {
        "max_iter": 70,
        "autoencoder_max_iter": 60,
        "feature_extractor": feature_extractor,
        "extractor_interval": 7,
        "architecture": Dense(hidden=(8,)),
    }
    unbroken = fitted(**settings)
    with pytest.raises(ConnectionAbortedError):
        fitted(**settings, checkpoint=tmp_path, callbacks=[Kill()])
    resumed = fitted(**settings, checkpoint=tmp_path)
    assert_array_equal(resumed.sample(9)[0], unbroken.sample(9)[0])
    assert_array_equal(resumed.predict_proba(TABLE), unbroken.predict_proba(TABLE))
    assert {file.name for file in tmp_path.iterdir()} == {"game.pt", "autoencoder.pt"}


def test_warm_start_keeps_the_anchors():
    generator = fitted(warm_start=True)
    anchors, before = generator.net_.trained_.generator.anchors.clone(), generator.sample(5)[0]
    generator.fit(TABLE[:30], classes_of(TABLE[:30]))
    assert generator.n_iter_ == 6
    assert torch.equal(generator.net_.trained_.generator.anchors, anchors)
    assert not np.array_equal(generator.sample(5)[0], before)


@pytest.mark.parametrize("feature_extractor", [None, "encoder"])
def test_save_and_load(feature_extractor, tmp_path):
    generator = fitted(feature_extractor=feature_extractor)
    generator.save(tmp_path / "file")
    loaded = PolarityGAN.load(tmp_path / "file")
    assert_array_equal(loaded.sample(9)[0], generator.sample(9)[0])
    assert_array_equal(loaded.predict_proba(TABLE), generator.predict_proba(TABLE))


def test_anchors_of_large_classes_are_drawn_at_random():
    generator = fitted(max_anchors=5)
    network = generator.net_.trained_.generator
    assert torch.bincount(network.classes).tolist() == [5, 5, 5]
    rows = generator.layout_.to_network(TABLE)
    for label, name in enumerate(generator.classes_):
        own = {row.tobytes() for row in rows[classes_of(TABLE) == name]}
        chosen = {row.numpy().tobytes() for row in network.anchors[network.classes == label]}
        assert chosen <= own
        assert len(chosen) == 5
    other = fitted(max_anchors=5, random_state=1).net_.trained_.generator.anchors
    assert not torch.equal(other, network.anchors)


def overlapping():
    rng = np.random.RandomState(0)
    X = np.r_[rng.normal(size=(270, 2)), rng.normal(size=(30, 2)) * 0.7 + [2, 0]]
    return X, np.repeat(["many", "few"], [270, 30])


def test_the_classifier_pulls_samples_towards_the_other_class():
    X, y = overlapping()
    distance = {}
    for weight in (0.0, 3.0):
        generator = small(
            max_iter=150, autoencoder_max_iter=100, classifier_weight=weight, batch_size=32
        ).fit(X, y)
        samples, _ = generator.sample(y=["few"] * 300)
        distance[weight] = samples[:, 0].mean()
    # The shift that is learnt is bounded by the spacing of a class, so the pull is as well.
    assert distance[3.0] < distance[0.0] - 0.15
    assert distance[0.0] == pytest.approx(X[y == "few", 0].mean(), abs=0.15)


def test_two_modes_of_a_class_are_both_there():
    rng = np.random.RandomState(0)
    modes = np.array([[2.0, 1.5], [2.0, -1.5]])[np.arange(40) % 2]
    X = np.r_[rng.normal(size=(200, 2)) * 0.3, modes + 0.1 * rng.normal(size=(40, 2))]
    y = np.repeat([0, 1], [200, 40])
    generator = small(max_iter=150, autoencoder_max_iter=100, classifier_weight=0.0, batch_size=32)
    samples, _ = generator.fit(X, y).sample(y=[1] * 200)
    distance = np.linalg.norm(samples[:, None] - [[2, 1.5], [2, -1.5]], axis=2)
    assert np.mean(distance.min(1) < 0.4) > 0.6
    assert 0.25 < np.mean(distance.argmin(1)) < 0.75


def test_it_is_a_classifier():
    X, y = overlapping()
    assert is_classifier(PolarityGAN())
    generator = small(max_iter=60, classifier_learning_rate=1e-2, batch_size=32)
    assert cross_val_score(generator, X, y, cv=2, scoring="balanced_accuracy").min() > 0.75
    search = GridSearchCV(
        make_pipeline(StandardScaler(), small()), {"polaritygan__classifier_weight": [0, 1]}, cv=2
    )
    assert search.fit(X, y).predict_proba(X).shape == (300, 2)


@pytest.mark.parametrize(
    "feature_extractor",
    [
        "encoder",
        nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2)
        ),
    ],
    ids=["encoder", "module"],
)
def test_the_end_to_end_classifier_learns_its_features(feature_extractor):
    X, y = load_digits(return_X_y=True)
    images = X.reshape(-1, 1, 8, 8)
    before = copy.deepcopy(feature_extractor)
    generator = small(
        feature_extractor=feature_extractor,
        architecture=Dense(hidden=(64,)),
        extractor_interval=1,
        latent_dim=8,
        max_iter=80,
        autoencoder_max_iter=50,
        batch_size=64,
        critic_iter=1,
        classifier_learning_rate=3e-3,
        max_anchors=20,
    ).fit(images[:500], y[:500])
    assert generator.score(images[500:], y[500:]) > 0.75
    assert generator.sample(y=[3])[0].shape == (1, 1, 8, 8)
    if not isinstance(before, str):
        for weight, same in zip(before.parameters(), feature_extractor.parameters(), strict=True):
            assert torch.equal(weight, same)
        assert not torch.equal(
            generator.net_.trained_.extractor[1].weight, feature_extractor[1].weight
        )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"feature_extractor": nn.Linear(7, 2)}, r"can't take samples of shape \(3,\)"),
        (
            {"feature_extractor": nn.Sequential(nn.Linear(3, 4), nn.Unflatten(1, (2, 2)))},
            r"must return features of shape \(n, n_features_out\), but made \(2, 2, 2\)",
        ),
        ({"feature_extractor": "decoder"}, "feature_extractor"),
        ({"feature_extractor": 3}, "feature_extractor"),
        ({"max_anchors": 0}, "max_anchors"),
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"penalty": "zero"}, "penalty"),
        ({"classifier_weight": -1.0}, "classifier_weight"),
    ],
)
def test_wrong_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        fitted(max_iter=10**9, **parameters)


def test_a_module_cannot_be_saved_without_code(tmp_path):
    generator = fitted(feature_extractor=nn.Flatten())
    with pytest.raises(TypeError, match="can't be saved without code"):
        generator.save(tmp_path / "file")


def test_model_selection_and_penalties_are_independent_choices():
    generator = fitted(
        max_iter=100,
        objective="hinge",
        penalty="spectral_norm",
        conditioning="concatenation",
        model_selection=FrechetSelection(StandardScaler().fit(TABLE), every=50, n_samples=20),
    )
    assert len(generator.history_) == 2
    assert np.isfinite(generator.history_[-1]["frechet_distance"])
