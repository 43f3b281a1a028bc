"""What every generator of given classes promises, on small networks and few updates."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.active import ActiveLearner
from skgal.base import ConditionalGenerator
from skgal.exceptions import SingleSampleClassWarning
from skgal.generators import ACGAN, BAGAN, CGAN, PolarityGAN
from skgal.nn import BigGAN, Dense, Projection
from skgal.query import UncertaintySampling
from skgal.utils import take_rows

RNG = np.random.RandomState(0)
TABLE = RNG.normal(size=(30, 3)) * [1, 10, 100]
IMAGES = RNG.randint(0, 200, size=(20, 1, 8, 8)).astype(np.uint8)
NAMES = np.array(["dog", "cat", "eel"])


def classes_of(X):
    """Give the samples classes: a fifth are cats, a fifth dogs, the others eels."""
    return NAMES[np.minimum(np.arange(len(X)) % 5, 2)]


def small(generator_class, **kwargs):
    defaults = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "random_state": 0}
    if generator_class in (BAGAN, PolarityGAN):
        defaults["autoencoder_max_iter"] = 2
    return generator_class(**defaults | kwargs)


def fitted(generator_class, X=TABLE, **kwargs):
    return small(generator_class, **kwargs).fit(X, classes_of(X))


each_generator = pytest.mark.parametrize("generator_class", [CGAN, ACGAN, BAGAN, PolarityGAN])


@each_generator
@pytest.mark.parametrize(
    ("X", "image_shape"),
    [
        (TABLE, None),
        (TABLE.astype(np.float32), None),
        (IMAGES, None),
        (IMAGES.reshape(20, -1), (1, 8, 8)),
        (RNG.rand(10, 3, 8, 12), None),
    ],
    ids=["table", "float32", "uint8", "flat", "colour"],
)
def test_samples_look_like_the_training_data(generator_class, X, image_shape):
    X_before, y = X.copy(), classes_of(X)
    y_before = y.copy()
    generator = small(generator_class, image_shape=image_shape).fit(X, y)
    samples, classes = generator.sample(7)
    assert samples.shape == (7, *X.shape[1:])
    assert samples.dtype == X.dtype
    assert set(classes) <= set(y)
    assert generator.transform(X).shape == (len(X), len(generator.get_feature_names_out()))
    assert generator.score_samples(X).shape == (len(X),)
    assert_array_equal(X, X_before)
    assert_array_equal(y, y_before)


@each_generator
def test_classes_asked_for_come_in_that_order(generator_class):
    generator = fitted(generator_class)
    asked = ["eel", "cat", "cat", "dog", "eel"]
    X, y = generator.sample(y=asked, random_state=3)
    assert y.tolist() == asked
    assert generator.classes_.tolist() == ["cat", "dog", "eel"]
    assert generator.class_count_.tolist() == [6, 6, 18]
    # One latent, other classes: other samples. What is asked beside a sample changes nothing.
    Z = generator.sample_latent(5, random_state=3)
    assert_array_equal(generator.generate(Z, asked), X)
    assert not np.array_equal(generator.generate(Z, ["cat"] * 5), X)
    np.testing.assert_allclose(generator.generate(Z[1:2], ["cat"]), X[1:2], rtol=1e-4)
    assert generator.sample(5, y=asked)[1].tolist() == asked


@each_generator
def test_classes_are_drawn_as_often_as_they_occur(generator_class):
    generator = fitted(generator_class)
    y = generator.sample(4000, random_state=0)[1]
    share = [np.mean(y == label) for label in generator.classes_]
    np.testing.assert_allclose(share, [0.2, 0.2, 0.6], atol=0.03)
    assert_array_equal(y, generator.sample(4000, random_state=0)[1])


@each_generator
@pytest.mark.parametrize(
    "labels",
    [
        np.array([0, 1]),
        np.array([3, -7], dtype=np.int8),
        np.array([0.5, 2.0]).astype(int).astype(float),
        np.array([False, True]),
        np.array(["a", "bc"]),
        np.array(["a", "bc"], dtype=object),
        pd.Series(["a", "bc"]),
        pd.Series(["a", "bc"], dtype="category"),
        pl.Series(["a", "bc"]),
    ],
    ids=lambda labels: f"{type(labels).__module__.split('.')[0]} {labels.dtype}",
)
def test_labels_of_any_dtype(generator_class, labels):
    y = take_rows(labels, np.arange(30) % 2)
    generator = small(generator_class).fit(TABLE, y)
    values = np.asarray(labels)
    assert_array_equal(np.sort(values), generator.classes_)
    _, drawn = generator.sample(y=y[:4])
    assert_array_equal(drawn, values[[0, 1, 0, 1]])
    assert type(drawn) is type(labels)
    assert drawn.dtype == labels.dtype
    assert generator.classes_.dtype == values.dtype


@each_generator
@pytest.mark.parametrize("module", [pd, pl])
def test_data_frames_come_back(generator_class, module):
    frame = module.DataFrame({"a": TABLE[:, 0], "b": np.arange(30), "c": TABLE[:, 2]})
    generator = small(generator_class).fit(frame, module.Series(classes_of(TABLE)))
    samples, _ = generator.sample(y=["cat", "dog"])
    assert isinstance(samples, module.DataFrame)
    assert list(samples.columns) == ["a", "b", "c"]
    assert list(samples.dtypes) == list(frame.dtypes)
    assert generator.transform(frame).shape[0] == 30


@each_generator
def test_mixed_tables_come_back(generator_class):
    frame = pd.DataFrame(
        {
            "size": TABLE[:, 0],
            "colour": pd.Categorical(np.array(["red", "blue", "red"])[np.arange(30) % 3]),
            "old": np.arange(30) % 2 == 0,
        }
    )
    samples, y = fitted(generator_class, frame).sample(50)
    assert list(samples.dtypes) == list(frame.dtypes)
    assert set(samples["colour"]) == {"red", "blue"}
    assert len(y) == 50


@each_generator
def test_random_state_decides_everything(generator_class):
    first, second = fitted(generator_class, IMAGES), fitted(generator_class, IMAGES)
    for one, other in zip(first.sample(5), second.sample(5), strict=True):
        assert_array_equal(one, other)
    assert_array_equal(first.transform(IMAGES), second.transform(IMAGES))
    other = fitted(generator_class, IMAGES, random_state=1)
    assert not np.array_equal(first.transform(IMAGES), other.transform(IMAGES))
    fitted(generator_class, random_state=None).sample(2)


@each_generator
def test_clone_and_pickle(generator_class):
    generator = fitted(generator_class, IMAGES)
    copy = pickle.loads(pickle.dumps(generator))
    asked = ["eel", "dog", "cat"]
    assert_array_equal(copy.sample(y=asked)[0], generator.sample(y=asked)[0])
    assert_array_equal(copy.transform(IMAGES), generator.transform(IMAGES))
    again = clone(generator).fit(IMAGES, classes_of(IMAGES))
    assert_array_equal(again.sample(y=asked)[0], generator.sample(y=asked)[0])


@each_generator
def test_wrong_use_of_a_fitted_generator(generator_class):
    generator = fitted(generator_class)
    with pytest.raises(
        ValueError, match=r"classes \['ant', 'bee'\].*classes \['cat', 'dog', 'eel'\]"
    ):
        generator.sample(y=["cat", "bee", "ant", "bee"])
    with pytest.raises(ValueError, match=r"classes \[0\].*\['cat', 'dog', 'eel'\]"):
        generator.sample(y=[0])
    with pytest.raises(ValueError, match=r"classes \[nan\], which"):
        generator.sample(y=np.array([np.nan]))
    with pytest.raises(ValueError, match=r"n_samples=3, but y asks for 2 samples"):
        generator.sample(3, y=["cat", "dog"])
    with pytest.raises(ValueError, match=r"one-dimensional .* got shape \(3, 3\)"):
        generator.sample(3, y=np.eye(3))
    with pytest.raises(ValueError, match=r"got shape \(0,\)"):
        generator.sample(y=[])
    with pytest.raises(ValueError, match="y is None; pass a class for each row"):
        generator.generate(np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[2, 1\]"):
        generator.generate(np.zeros((2, 2)), ["cat"])
    with pytest.raises(ValueError, match=r"Z has 3 columns, .*latent_dim=2"):
        generator.generate(np.zeros((1, 3)), ["cat"])
    with pytest.raises(ValueError, match="n_samples must be a positive integer, got 0"):
        generator.sample(0)


@each_generator
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(np.arange(30) < 3, np.nan, 1.0), "3 missing labels .* among 30"),
        (["cat", None, "dog"] * 10, "10 missing labels .* among 30"),
        (pd.Series(["cat", pd.NA, "dog"] * 10), "10 missing labels .* among 30"),
        (np.arange(29), r"inconsistent numbers of samples: \[30, 29\]"),
        (np.linspace(0, 1, 30), "Unknown label type: continuous"),
        (None, "requires y to be passed"),
    ],
    ids=["nan", "None", "NA", "length", "continuous", "no y"],
)
def test_labels_that_cannot_be_learnt_from(generator_class, y, message):
    with pytest.raises(ValueError, match=message):
        small(generator_class).fit(TABLE, y)


@each_generator
def test_a_class_with_one_sample_works_with_a_warning(generator_class):
    y = np.where(np.arange(30) == 4, "rare", "common")
    with pytest.warns(SingleSampleClassWarning, match=r"\['rare'\] of 2 classes .* one sample"):
        generator = small(generator_class).fit(TABLE, y)
    assert generator.sample(y=["rare"] * 3)[0].shape == (3, 3)


@each_generator
def test_one_class_only(generator_class):
    generator = small(generator_class).fit(TABLE, ["only"] * 30)
    assert generator.sample(3)[1].tolist() == ["only"] * 3


@each_generator
@pytest.mark.parametrize("architecture", ["dense", "dcgan", "residual", BigGAN(width=4)])
def test_architectures(generator_class, architecture):
    generator = fitted(generator_class, IMAGES, architecture=architecture)
    assert generator.sample(2)[0].shape == (2, 1, 8, 8)
    assert_array_equal(pickle.loads(pickle.dumps(generator)).sample(2)[0], generator.sample(2)[0])


@pytest.mark.parametrize("objective", ["wasserstein", "nonsaturating", "least_squares", "hinge"])
@pytest.mark.parametrize("penalty", [None, ["gradient_penalty", "consistency", "spectral_norm"]])
@pytest.mark.parametrize("conditioning", ["concatenation", Projection()])
def test_conditioning_is_an_independent_choice(objective, penalty, conditioning):
    generator = fitted(
        CGAN,
        objective=objective,
        penalty=penalty,
        conditioning=conditioning,
        architecture=Dense(hidden=(8,)),
    )
    assert np.isfinite(generator.history_[-1]["critic_loss"])


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_scores_and_features_of_unknown_classes_are_means_over_them(conditioning):
    cgan = fitted(CGAN, conditioning=conditioning)
    by_class = [cgan.score_samples(TABLE, [label] * 30) for label in cgan.classes_]
    expected = np.average(by_class, axis=0, weights=[1, 1, 3])
    np.testing.assert_allclose(cgan.score_samples(TABLE), expected, rtol=1e-4, atol=1e-6)
    assert not np.allclose(by_class[0], by_class[1])
    assert cgan.transform(TABLE).shape == (30, cgan.net_.trained_.critic.n_features)
    with pytest.raises(ValueError, match="inconsistent"):
        cgan.score_samples(TABLE, ["cat"])


@pytest.mark.parametrize(
    ("generator_class", "parameters"),
    [
        (CGAN, {"conditioning": "telepathy"}),
        (CGAN, {"conditioning": Dense()}),
        (ACGAN, {"adversarial_sampling": 0}),
        (ACGAN, {"classifier_weight": -1.0}),
        (CGAN, {"architecture": "cathedral"}),
    ],
    ids=str,
)
def test_wrong_parameters_are_refused_before_training(generator_class, parameters):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        fitted(generator_class, max_iter=10**9, **parameters)


def test_contract_of_the_base():
    assert isinstance(fitted(CGAN), ConditionalGenerator)
    assert not is_classifier(CGAN())
    assert is_classifier(ACGAN())


def two_places():
    """Two classes with places of their own: the second has two modes."""
    rng = np.random.RandomState(0)
    centres = np.array([[-2.0, 0.0], [2.0, 1.5], [2.0, -1.5]])
    modes = rng.randint(3, size=300)
    return centres[modes] + 0.1 * rng.normal(size=(300, 2)), np.array(["l", "r", "r"])[modes]


@pytest.mark.parametrize(
    "generator",
    [CGAN(conditioning="projection"), CGAN(conditioning="concatenation"), ACGAN()],
    ids=str,
)
def test_samples_fall_near_their_own_class(generator):
    X, y = two_places()
    generator.set_params(
        latent_dim=2,
        max_iter=300,
        critic_iter=3,
        learning_rate=1e-3,
        ema_decay=0.98,
        architecture=Dense(hidden=(64, 64)),
        random_state=3,
    )
    asked = np.repeat(["r", "l"], 300)
    samples, classes = generator.fit(X, y).sample(y=asked, random_state=1)
    assert_array_equal(classes, asked)
    left, right = samples[asked == "l"], samples[asked == "r"]
    assert np.mean(np.linalg.norm(left - [-2, 0], axis=1) < 0.5) > 0.85
    distance = np.linalg.norm(right[:, None] - [[2, 1.5], [2, -1.5]], axis=2)
    assert np.mean(distance.min(1) < 0.5) > 0.65
    assert 0.35 < np.mean(distance.argmin(1)) < 0.65
    if isinstance(generator, ACGAN):
        assert generator.score(X, y) == 1
        assert generator.score(samples, asked) == 1


def test_acgan_classifies_digits():
    X, y = load_digits(return_X_y=True)
    y = y.astype(str)
    acgan = small(
        ACGAN, max_iter=100, batch_size=64, learning_rate=2e-3, architecture=Dense(hidden=(64,))
    ).fit(X[:400], y[:400])
    assert acgan.score(X[400:], y[400:]) > 0.75
    probability = acgan.predict_proba(X[400:])
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.log(probability), acgan.predict_log_proba(X[400:]), rtol=1e-4)
    assert_array_equal(acgan.classes_[probability.argmax(axis=1)], acgan.predict(X[400:]))


# One sample a class is the case.
@pytest.mark.filterwarnings("ignore::skgal.exceptions.SingleSampleClassWarning")
def test_acgan_in_an_active_learner():
    X, y = two_places()
    acgan = small(ACGAN, max_iter=60, learning_rate=2e-2, architecture=Dense(hidden=(16,)))
    learner = ActiveLearner(
        acgan, UncertaintySampling(), n_initial=8, batch_size=4, budget=16, random_state=0
    )
    assert learner.fit(X, y).score(X, y) > 0.9
    assert isinstance(learner.estimator_, ACGAN)
    assert learner.estimator_.sample(y=["l"])[1].tolist() == ["l"]


def test_generators_in_grid_searches_and_pipelines():
    X, y = two_places()
    acgan = small(ACGAN, max_iter=40, learning_rate=2e-2, architecture=Dense(hidden=(16,)))
    search = GridSearchCV(
        make_pipeline(StandardScaler(), acgan), {"acgan__adversarial_sampling": [1, 2]}, cv=2
    )
    assert search.fit(X, y).score(X, y) > 0.9

    def likeness(generator, X, y):
        return -abs(generator.sample(y=y)[0].mean() - X.mean())

    search = GridSearchCV(
        small(CGAN, architecture=Dense(hidden=(8,))),
        {"conditioning": ["concatenation", "projection"]},
        scoring=likeness,
        cv=2,
    )
    assert search.fit(X, y).best_estimator_.sample(y=["r"])[1].tolist() == ["r"]
