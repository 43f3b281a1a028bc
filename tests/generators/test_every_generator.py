"""What is promised of every generator alike: saving, going on, progress, errors that say why."""

import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.callback import ProgressBar
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from skgal.exceptions import SingleSampleClassWarning
from skgal.generators import ACGAN, CGAN, GAN, Autoencoder, BiGAN
from skgal.nn import DCGAN, BigGAN, Dense, Residual
from skgal.objectives import GradientPenalty, Hinge
from skgal.utils import make_layout

RNG = np.random.RandomState(0)
TABLE = RNG.normal(size=(40, 3))
IMAGES = RNG.randint(0, 200, size=(40, 1, 8, 8)).astype(np.uint8)
FRAME = pd.DataFrame(TABLE, columns=["a", "b", "c"])
MIXED = pd.DataFrame(
    {
        "age": RNG.randint(20, 80, 40).astype(np.int16),
        "visits": pd.array([1, None, 3, 4] * 10, dtype="Int64"),
        "stage": pd.Categorical(["I", "II", "II", None] * 10, ["I", "II", "III"], ordered=True),
        "smoker": [True, False] * 20,
        "lab": "north",
    }
)
Y = np.array(["a", "b", "b", "c"] * 10)
each_kind_of_data = pytest.mark.parametrize(
    "data", [TABLE, IMAGES, MIXED], ids=["table", "images", "mixed"]
)


def results(generator, X):
    """All that a generator tells of samples, and samples of its own."""
    features = generator.transform(X)
    if isinstance(generator, Autoencoder):
        return [features, np.asarray(generator.inverse_transform(features))]
    drawn = generator.sample(9, random_state=1)
    drawn = drawn if isinstance(drawn, tuple) else (drawn,)
    scores = [generator.score_samples(X)] if hasattr(generator, "score_samples") else []
    return [features, *scores, *map(np.asarray, drawn)]


def assert_same(first, second, X):
    for one, other in zip(results(first, X), results(second, X), strict=True):
        assert pd.DataFrame(one.reshape(len(one), -1)).equals(
            pd.DataFrame(other.reshape(len(other), -1))
        )


# What is chosen by the data.


@pytest.mark.parametrize(
    ("data", "objective", "penalty"),
    [
        (TABLE, "nonsaturating", GradientPenalty(weight=1, target=0)),
        (MIXED, "nonsaturating", GradientPenalty(weight=1, target=0)),
        (IMAGES, "hinge", "spectral_norm"),
    ],
    ids=["table", "mixed", "images"],
)
@pytest.mark.parametrize("generator_class", [GAN, BiGAN, CGAN, ACGAN])
def test_the_game_by_default(generator_class, data, objective, penalty):
    params = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "random_state": 0}
    by_itself = generator_class(**params).fit(data, Y)
    asked_for = generator_class(**params, objective=objective, penalty=penalty).fit(data, Y)
    assert_same(by_itself, asked_for, data)
    one_asked_for = generator_class(**params, objective="least_squares").fit(data, Y)
    penalties = [type(one) for one in one_asked_for.net_.module_.penalties]
    assert penalties == [type(one) for one in asked_for.net_.module_.penalties]


@pytest.mark.parametrize(("n_columns", "width"), [(1, 128), (16, 128), (17, 256)])
def test_networks_of_a_gan_are_wider_for_more_columns(n_columns, width):
    gan = GAN()
    gan.layout_ = make_layout(np.random.RandomState(0).rand(5, n_columns), None)
    assert gan.resolve_architecture().hidden == (width, width)
    asked_for = gan.set_params(architecture="dense").resolve_architecture()
    assert repr(asked_for) == repr(Dense())


# What scikit-learn promises of transformers.


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_set_output(make_any, library):
    generator = make_any().set_output(transform=library.__name__).fit(FRAME, Y)
    features = generator.transform(FRAME)
    assert isinstance(features, library.DataFrame)
    assert list(features.columns) == generator.get_feature_names_out().tolist()
    assert_array_equal(features, generator.set_output(transform="default").transform(FRAME))


# Saving.


@each_kind_of_data
def test_files_without_code(make_any, data, tmp_path):
    generator = make_any().fit(data, Y)
    generator.save(tmp_path / "file")
    loaded = type(generator).load(tmp_path / "file")
    assert_same(loaded, generator, data)
    assert loaded.history_ == generator.history_
    assert repr(loaded) == repr(generator)
    assert loaded.set_params(warm_start=True).fit(data, Y).n_iter_ == 3


@each_kind_of_data
def test_pickle_and_joblib(make_any, data, tmp_path):
    generator = make_any().fit(data, Y)
    joblib.dump(generator, tmp_path / "file")
    for copy in (joblib.load(tmp_path / "file"), pickle.loads(pickle.dumps(generator))):
        assert_same(copy, generator, data)


def test_damaged_files(make_any, tmp_path):
    path = tmp_path / "file"
    generator = make_any().fit(MIXED, Y)
    generator.save(path)
    whole = path.read_bytes()
    for size in (0, 7, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="damaged"):
            type(generator).load(path)
    for position in RNG.choice(len(whole), 30, replace=False):
        changed = bytearray(whole)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ValueError, match=r"damaged|checksum|not written by skgal"):
            type(generator).load(path)


def test_parameters_set_after_fit_are_those_of_the_next_one(make_any, tmp_path):
    generator = make_any(architecture=Dense(hidden=(8,))).fit(TABLE, Y)
    before = results(generator, TABLE)
    nested = generator.architecture
    changed = {"latent_dim": 5, "architecture__hidden": (4,), "batch_size": 7}
    changed |= {"latent": "uniform", "ema_decay": None, "objective": "hinge"}
    changed |= {"feature_extractor": "encoder", "inversion": "after"}
    known = generator.get_params()
    generator.set_params(**{name: changed[name] for name in changed.keys() & known.keys()})
    generator.save(tmp_path / "file")
    loaded = type(generator).load(tmp_path / "file")
    for one in (generator, loaded):
        assert all(map(np.array_equal, results(one, TABLE), before))
    assert repr(loaded) == repr(generator)
    assert nested.hidden == (4,)  # it is the user's object
    with pytest.raises(ValueError, match=r"fit before, which had.* latent_dim=2"):
        loaded.set_params(warm_start=True).fit(TABLE, Y)
    with pytest.raises(ValueError, match="batch_size"):
        generator.set_params(batch_size="many").save(tmp_path / "other")


# Going on.


def test_a_warm_start_with_other_steps(make_any):
    generator = make_any(warm_start=True).fit(TABLE, Y)
    before = dict(generator.net_.module_.named_parameters())
    rates = [name for name in generator.get_params() if name.endswith("learning_rate")]
    generator.set_params(**dict.fromkeys(rates, 1e-12), batch_size=5).fit(TABLE, Y)
    steps = generator.net_.optimizer_.state_dict()["state"].values()
    assert {int(state["step"]) for state in steps} == {6}  # moments go on, too
    assert {group["lr"] for group in generator.net_.optimizer_.param_groups} == {1e-12}
    assert generator.net_.batch_size == 5
    for name, weight in generator.net_.module_.named_parameters():
        assert torch.allclose(weight, before[name], atol=1e-6), name


def test_warm_start(make_any):
    generator = make_any(warm_start=True).fit(TABLE, Y)
    before = results(generator, TABLE)
    generator.fit(TABLE, Y)
    assert generator.n_iter_ == 6
    assert [row["updates"] for row in generator.history_] == [3, 6]
    assert not np.array_equal(results(generator, TABLE)[0], before[0])
    with pytest.raises(ValueError, match="expecting 3 features"):
        generator.fit(TABLE[:, :2], Y)


def test_a_checkpoint_of_another_configuration(make_any, tmp_path):
    make_any(checkpoint=tmp_path).fit(TABLE, Y)
    with pytest.raises(ValueError, match="latent_dim was 2 and is 3"):
        make_any(checkpoint=tmp_path, latent_dim=3).fit(TABLE, Y)
    with pytest.raises(ValueError, match=r"data was .* and is "):
        make_any(checkpoint=tmp_path).fit(-TABLE, Y)


def test_a_checkpoint_of_another_generator(tmp_path):
    class Other(GAN):
        """Another game, for all that is known."""

    GAN(max_iter=1, latent_dim=2, checkpoint=tmp_path).fit(TABLE)
    with pytest.raises(ValueError, match="generator was GAN and is Other"):
        Other(max_iter=1, latent_dim=2, checkpoint=tmp_path).fit(TABLE)


def test_a_checkpoint_of_objects_that_are_elsewhere_in_memory(tmp_path):
    class Own(Hinge):
        def __init__(self, function):
            self.function = function

        def generator_loss(self, fake, real=None):
            return self.function(fake)

    def fit(seed):
        own = Own(lambda fake: -fake.mean())
        rng = np.random.RandomState(seed)
        settings = {"objective": own, "random_state": rng, "checkpoint": tmp_path}
        return GAN(max_iter=2, latent_dim=2, **settings).fit(TABLE)

    assert_array_equal(fit(0).transform(TABLE), fit(0).transform(TABLE))
    with pytest.raises(ValueError, match="random_state was a RandomState in the state"):
        fit(1)


# Progress.


def test_progress_bars_of_scikit_learn(make_any, capsys):
    generator = make_any().set_callbacks(ProgressBar()).fit(TABLE, Y)
    assert type(generator).__name__ in capsys.readouterr().out
    pickle.dumps(generator)


def test_verbose_prints_the_losses(make_any, capsys):
    generator = make_any(verbose=1).fit(TABLE, Y)
    printed = capsys.readouterr().out
    assert {name for name in generator.history_[0] if name.endswith("_loss")} <= set(
        printed.split()
    )
    make_any(verbose=0).fit(TABLE, Y)
    assert capsys.readouterr().out == ""


# Bad input, and data with which trainings fail.


def test_latents_of_the_wrong_width(make_any):
    generator = make_any().fit(TABLE, Y)
    classes = [["a"]] if hasattr(generator, "classes_") else []
    for name in ("generate", "inverse_transform"):
        if hasattr(generator, name):
            with pytest.raises(ValueError, match=r"Z has 5 columns, .* latent_dim=2"):
                getattr(generator, name)(np.zeros((1, 5)), *classes)


@pytest.mark.parametrize("frame", [FRAME, MIXED], ids=["numbers", "mixed"])
def test_columns_unseen_in_fit(make_any, frame):
    generator = make_any().fit(frame, Y)
    names = list(frame.columns)
    renamed = frame.rename(columns={names[0]: "new"})
    for other in (frame.assign(new=1), renamed, frame[names[::-1]], frame[names[1:]]):
        with pytest.raises(ValueError, match="The feature names should match") as caught:
            generator.transform(other)
        assert f"fitted on {len(names)} columns, {names}" in str(caught.value)
        assert f"X has {len(other.columns)}, {list(other.columns)}" in str(caught.value)


@pytest.mark.parametrize("missing", [np.nan, None], ids=str)
def test_labels_that_are_missing(make_conditional, missing):
    y = Y.astype(object)
    y[[3, 5]] = missing
    with pytest.raises(ValueError, match=r"y holds 2 missing labels .* among 40; leave these"):
        make_conditional().fit(TABLE, y)


def test_an_unknown_class(make_conditional):
    generator = make_conditional().fit(TABLE, Y)
    with pytest.raises(ValueError, match=r"classes \['d'\].*classes \['a', 'b', 'c'\]"):
        generator.sample(y=["a", "d"])


def test_a_class_of_one_sample_is_named(make_conditional):
    y = np.where(np.arange(40) == 7, "rare", "common")
    with pytest.warns(SingleSampleClassWarning, match=r"\['rare'\] of 2 classes"):
        generator = make_conditional().fit(TABLE, y)
    assert np.isfinite(generator.sample(y=["rare"] * 3)[0]).all()


@pytest.mark.filterwarnings("ignore::skgal.exceptions.SingleSampleClassWarning")  # that is the case
@pytest.mark.parametrize("n_samples", [2, 3, 5])
def test_batch_norm_of_hardly_any_samples(make_any, n_samples):
    # With batches of two, an odd number of samples must leave no batch of one.
    generator = make_any(architecture="auto", batch_size=2, max_iter=4)
    generator.fit(IMAGES[:n_samples], ["a", "b", "a", "b", "a"][:n_samples])
    assert all(np.isfinite(result).all() for result in results(generator, IMAGES[:1])[:2])


def test_a_batch_of_one_is_refused(make_any):
    with pytest.raises(ValueError, match=r"batch_size.* in the range \[2, inf\)"):
        make_any(batch_size=1).fit(IMAGES, Y)


# The largest images that the architectures are for.


@pytest.mark.parametrize("architecture", [DCGAN(width=2), Residual(width=2)], ids=str)
def test_colour_images_of_64_by_64(architecture):
    X = RNG.randint(0, 256, size=(4, 3, 64, 64)).astype(np.uint8)
    gan = GAN(architecture=architecture, latent_dim=2, max_iter=2, batch_size=2, random_state=0)
    assert gan.fit(X).sample(2).shape == (2, 3, 64, 64)


@pytest.mark.parametrize("generator_class", [CGAN, ACGAN])
def test_biggan_at_the_size_of_cifar(generator_class):
    X = RNG.randint(0, 256, size=(6, 3, 32, 32)).astype(np.uint8)
    generator = generator_class(
        architecture=BigGAN(width=4), latent_dim=4, max_iter=2, batch_size=3, random_state=0
    )
    samples, _ = generator.fit(X, np.arange(6) % 3).sample(y=[2, 0])
    assert samples.shape == (2, 3, 32, 32)
    attention = generator.net_.trained_.generator.blocks[1].attention
    assert attention.gamma != 0  # it has learnt to attend


# Interrupts, and torch's default dtype.


@pytest.mark.parametrize("event", ["on_epoch_end", "on_grad_computed", "on_batch_end"])
def test_ctrl_c_stops_and_the_same_call_goes_on(make_any, event, tmp_path):
    class Interrupt(Callback):
        pass

    def interrupt(self, net, **kwargs):
        if net.n_updates_ >= 51:
            raise KeyboardInterrupt

    setattr(Interrupt, event, interrupt)
    settings = {"max_iter": 102, "checkpoint": tmp_path}
    unbroken = make_any(max_iter=102).fit(TABLE, Y)
    generator = make_any(callbacks=[Interrupt()], **settings)
    with pytest.raises(KeyboardInterrupt):
        generator.fit(TABLE, Y)
    with pytest.raises(NotFittedError):
        generator.transform(TABLE)
    generator.set_params(callbacks=None).fit(TABLE, Y)
    assert_array_equal(generator.transform(TABLE), unbroken.transform(TABLE))


def test_an_interrupted_warm_start_leaves_the_generator_as_it_was(make_any, tmp_path):
    class Interrupt(Callback):
        def on_grad_computed(self, net, **kwargs):
            if net.n_updates_ >= 55:
                raise KeyboardInterrupt

    twice = make_any(warm_start=True).fit(TABLE, Y)
    before = twice.transform(TABLE)
    settings = {"max_iter": 100, "checkpoint": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        twice.set_params(callbacks=[Interrupt()], **settings).fit(TABLE, Y)
    assert_array_equal(twice.transform(TABLE), before)
    twice.set_params(callbacks=None).fit(TABLE, Y)  # goes on
    unbroken = make_any(warm_start=True).fit(TABLE, Y).set_params(max_iter=100).fit(TABLE, Y)
    assert_array_equal(twice.transform(TABLE), unbroken.transform(TABLE))


def test_torch_s_default_dtype_changes_nothing(make_any, tmp_path):
    expected = make_any().fit(TABLE, Y)

    def draw(generator):
        if isinstance(generator, Autoencoder):
            return generator.inverse_transform(generator.transform(TABLE))
        drawn = generator.sample(5, random_state=0)
        return drawn[0] if isinstance(drawn, tuple) else drawn

    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        generator = make_any().fit(TABLE, Y)
        generator.save(tmp_path / "file")
        loaded = type(generator).load(tmp_path / "file")
        revived = pickle.loads(pickle.dumps(generator))
        for one in (generator, loaded, revived):
            assert_array_equal(draw(one), draw(expected))
            assert_array_equal(one.transform(TABLE), expected.transform(TABLE))
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(default)
