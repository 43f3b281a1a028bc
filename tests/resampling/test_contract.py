"""What every resampler promises: quotas, originals, containers, errors before any training."""

import pickle
import re
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

from skgal import generators
from skgal.base import ConditionalGenerator
from skgal.exceptions import FewSamplesWarning
from skgal.generators import CGAN, GAN, PolarityGAN
from skgal.nn import Dense
from skgal.resampling import GANOverSampler, PolarityGANSampler, SelectiveAugmentation
from skgal.utils import as_random_state, is_missing, take_rows

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 3)) * [1, 10, 100]
Y = np.repeat([0, 1, 2], [22, 12, 6])
TINY = {"latent_dim": 2, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(4,))}


class Repeat(BaseEstimator):
    """A generator that repeats training samples, of any kind, in no time."""

    def __init__(self, latent_dim=1, random_state=None):
        self.latent_dim = latent_dim
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        self.X_, self.y_, self.weight_ = X, np.asarray(y), sample_weight
        return self

    def sample(self, n_samples=1, *, y=None, random_state=None):
        rng = as_random_state(random_state)
        rows = [rng.choice(np.flatnonzero(self.y_ == label)) for label in y]
        return take_rows(self.X_, rows), y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class Drawing(Repeat):
    """A generator that draws what it is told to, or makes that of the training samples."""

    def __init__(self, draw, random_state=None):
        self.draw = draw
        self.random_state = random_state

    def sample(self, n_samples=1, *, y=None, random_state=None):
        samples, _ = super().sample(y=y, random_state=random_state)
        return self.draw(samples) if callable(self.draw) else self.draw, y


class MustNotTrain(Repeat):
    def fit(self, X, y):
        raise AssertionError("it was trained")


def only_class_2_more(y):
    return {2: Counter(y.tolist())[2] + 1}


@pytest.mark.parametrize(
    "strategy",
    ["auto", "minority", "not minority", "not majority", "all", {2: 9, 0: 25}, only_class_2_more],
)
def test_quotas_are_those_of_imbalanced_learn(strategy):
    expected = RandomOverSampler(sampling_strategy=strategy).fit(X, Y).sampling_strategy_
    for sampler in (GANOverSampler(Repeat()), GANOverSampler(CGAN(**TINY))):
        sampler.set_params(sampling_strategy=strategy)
        X_new, y_new = sampler.fit_resample(X, Y)
        assert sampler.sampling_strategy_ == expected
        assert Counter(y_new.tolist()) == Counter(Y.tolist()) + Counter(expected)
        assert_array_equal(X_new[:40], X)
        assert_array_equal(y_new[:40], Y)


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.sampled_from(["auto", "minority", "not minority", "all"]),
    st.data(),
)
@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")  # that is the case
def test_quotas_whatever_the_classes(counts, strategy, data):
    y = np.repeat([f"class {i}" for i in range(len(counts))], counts)
    y = y[data.draw(st.permutations(range(len(y))))]
    if data.draw(st.booleans()):
        extra = data.draw(st.lists(st.integers(0, 9), min_size=len(counts), max_size=len(counts)))
        strategy = {
            f"class {i}": n + more for i, (n, more) in enumerate(zip(counts, extra, strict=True))
        }
    samples = np.arange(len(y))[:, None]
    sampler = GANOverSampler(Repeat(), sampling_strategy=strategy)
    X_new, y_new = sampler.fit_resample(samples, y)
    wanted = RandomOverSampler(sampling_strategy=strategy).fit(samples, y).sampling_strategy_
    assert Counter(y_new.tolist()) == Counter(y.tolist()) + Counter(wanted)
    assert_array_equal(X_new[: len(y)], samples)
    assert_array_equal(y_new, y[X_new[:, 0]])
    assert sampler.report_["accepted"].sum() == sum(wanted.values())


def test_a_whole_number_may_be_a_float():
    sampler = GANOverSampler(Repeat(), sampling_strategy={2: 9.0, 1: np.float32(12)})
    assert Counter(sampler.fit_resample(X, Y)[1].tolist()) == {0: 22, 1: 12, 2: 9}


def test_float_strategy():
    y = np.repeat([0, 1], [30, 10])
    _, y_new = GANOverSampler(Repeat(), sampling_strategy=0.5).fit_resample(X, y)
    assert Counter(y_new.tolist()) == {0: 30, 1: 15}


def test_images_of_four_dimensions():
    images = RNG.randint(0, 200, size=(30, 1, 8, 8)).astype(np.uint8)
    y = np.repeat(["cat", "dog"], [20, 10])
    for sampler in (GANOverSampler(CGAN(**TINY)), PolarityGANSampler(polarity())):
        X_new, y_new = sampler.fit_resample(images, y)
        assert X_new.shape == (40, 1, 8, 8)
        assert X_new.dtype == np.uint8
        assert_array_equal(X_new[:30], images)
        assert_array_equal(y_new[30:], np.repeat("dog", 10))


def polarity(**params):
    return PolarityGAN(**TINY | {"autoencoder_max_iter": 2, "random_state": 0} | params)


def mixed(module):
    columns = {
        "amount": RNG.normal(size=40),
        "age": RNG.randint(20, 60, size=40),
        "city": np.array(["Rome", "Oslo"])[RNG.randint(0, 2, 40)],
        "member": RNG.rand(40) > 0.5,
        "gap": np.where(RNG.rand(40) > 0.7, None, 1.5).tolist(),
    }
    frame = module.DataFrame(columns)
    if module is pd:
        return frame.astype({"city": "category", "gap": float, "age": np.int32})
    return frame.with_columns(pl.col("age").cast(pl.Int32), pl.col("gap").cast(pl.Float64))


@pytest.mark.parametrize("module", [pd, pl])
@pytest.mark.parametrize(
    "sampler", [GANOverSampler(CGAN(**TINY)), PolarityGANSampler(polarity())], ids=["cgan", "hull"]
)
def test_mixed_tables(module, sampler):
    frame, y = mixed(module), module.Series(np.repeat(["a", "b"], [30, 10]))
    X_new, y_new = sampler.fit_resample(frame, y)
    assert type(X_new) is type(frame)
    assert type(y_new) is type(y)
    assert y_new.to_numpy().tolist() == ["a"] * 30 + ["b"] * 30
    assert list(X_new.dtypes) == list(frame.dtypes)
    assert X_new[:40].equals(frame)
    assert set(X_new["city"]) <= {"Rome", "Oslo"}


@pytest.mark.parametrize(
    "sampler", [GANOverSampler(CGAN(**TINY)), PolarityGANSampler(polarity())], ids=["cgan", "hull"]
)
def test_values_of_mixed_tables(sampler):
    values = mixed(pd).astype({"gap": object}).to_numpy()
    X_new, _ = sampler.fit_resample(values, np.repeat(["a", "b"], [30, 10]))
    assert X_new.shape == (60, 5)
    assert X_new.dtype == object
    pd.testing.assert_frame_equal(pd.DataFrame(X_new[:40]), pd.DataFrame(values))
    assert set(X_new[40:, 2]) <= {"Rome", "Oslo"}
    assert {type(value) for value in X_new[40:, 0]} == {float}


@pytest.mark.parametrize(
    "sampler",
    [
        GANOverSampler(CGAN(**TINY), random_state=0),
        PolarityGANSampler(polarity(), random_state=0),
        SelectiveAugmentation(CGAN(**TINY), extractor_max_iter=2, n_passes=2, random_state=0),
    ],
    ids=["cgan", "hull", "selective"],
)
@pytest.mark.parametrize(
    "contain",
    [
        np.array,
        lambda X: X.astype(np.float32),
        lambda X: X.tolist(),
        lambda X: np.ma.array(np.nan_to_num(X, nan=7e9), mask=np.isnan(X)),
    ],
    ids=["array", "float32", "list", "masked"],
)
@pytest.mark.filterwarnings("ignore::skgal.exceptions.PoorSamplesWarning")
def test_gaps_in_arrays_are_filled_up_as_those_of_frames(sampler, contain):
    values = RNG.normal(size=(40, 3))
    values[3:30:4, 1] = np.nan
    y = np.repeat(["a", "b"], [30, 10])
    X_new, y_new = clone(sampler).fit_resample(contain(values), y)
    expected, _ = clone(sampler).fit_resample(pd.DataFrame(values), y)
    assert Counter(y_new.tolist())["b"] > 10
    np.testing.assert_allclose(np.asarray(X_new, dtype=float), expected.to_numpy(), rtol=1e-5)


@pytest.mark.parametrize("labels", [Y, Y == 0, Y.astype(float)], ids=["int", "bool", "float"])
def test_labels_may_stand_in_a_column_of_objects(labels):
    for y in (labels.astype(object), pd.Series(labels, dtype=object)):
        _, y_new = GANOverSampler(Repeat()).fit_resample(X, y)
        _, expected = GANOverSampler(Repeat()).fit_resample(X, labels)
        assert np.asarray(y_new).tolist() == expected.tolist()


@pytest.mark.parametrize(
    "sampler", [GANOverSampler(CGAN(**TINY)), PolarityGANSampler(polarity())], ids=["cgan", "hull"]
)
def test_tables_of_arrow(sampler):
    mixed_table = pa.Table.from_pandas(mixed(pd), preserve_index=False)
    for table in (mixed_table, mixed_table.select(["amount", "age"])):
        y = pa.chunked_array([["a"] * 30, ["b"] * 10])
        X_new, y_new = sampler.fit_resample(table, y)
        assert X_new.schema.types == table.schema.types
        assert X_new.slice(0, 40).equals(table)
        assert X_new.num_rows == 60
        assert y_new.equals(pa.chunked_array([["a"] * 30 + ["b"] * 30]))


def test_a_record_batch_is_resampled_as_its_table():
    table = pa.table({"a": X[:, 0]})
    (batch,) = table.to_batches()
    X_new, y_new = GANOverSampler(Repeat(), random_state=0).fit_resample(batch, Y)
    X_expected, y_expected = GANOverSampler(Repeat(), random_state=0).fit_resample(table, Y)
    np.testing.assert_array_equal(X_new["a"], X_expected["a"])
    np.testing.assert_array_equal(y_new, y_expected)


def test_large_whole_numbers_that_are_drawn_stay_exact():
    frame = pd.DataFrame({"a": 2**60 + np.arange(40)})
    for table in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame)):
        X_new, _ = GANOverSampler(Repeat()).fit_resample(table, Y)
        assert set(np.asarray(X_new["a"]).tolist()) == set(frame["a"])


@pytest.mark.parametrize("module", [pd, pl])
def test_tables_of_numbers(module):
    frame = module.DataFrame({"a": X[:, 0].astype(np.float32), "b": np.arange(40)})
    labels = module.DataFrame({"label": Y.astype(np.int16)})
    X_new, y_new = GANOverSampler(CGAN(**TINY)).fit_resample(frame, labels)
    assert list(X_new.dtypes) == list(frame.dtypes)
    assert list(y_new.dtypes) == list(labels.dtypes)
    assert X_new.shape == (66, 2)
    assert y_new.shape == (66, 1)
    assert X_new[:40].equals(frame)


@pytest.mark.parametrize(
    "dtypes",
    [
        "Float64",
        "Int64",
        "double[pyarrow]",
        {"a": "Float64", "b": "Int64"},
        {"c": "uint8[pyarrow]"},
    ],
    ids=str,
)
def test_tables_of_nullable_numbers_without_gaps(dtypes):
    frame = pd.DataFrame(RNG.randint(0, 9, size=(40, 3)), columns=list("abc")).astype(dtypes)
    for sampler in (GANOverSampler(CGAN(**TINY)), PolarityGANSampler(polarity())):
        X_new, _ = sampler.fit_resample(frame, Y)
        assert list(X_new.dtypes) == list(frame.dtypes)
        pd.testing.assert_frame_equal(X_new[:40], frame)
        assert sampler.report_["nearest_real"].notna().tolist() == [False, True, True]


@pytest.mark.parametrize("container", [np.array, np.ndarray.tolist, pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("n_columns", [2, 3, 4])
def test_one_hot_labels_keep_their_columns(container, n_columns):
    y = np.minimum(Y, n_columns - 1)  # of four classes one has no samples
    one_hot = container(np.eye(n_columns, dtype=np.int8)[y])
    _, y_new = GANOverSampler(Repeat()).fit_resample(X, one_hot)
    assert type(y_new) is type(one_hot)
    assert_array_equal(np.asarray(y_new)[:40], np.eye(n_columns)[y])
    counts = np.bincount(y, minlength=n_columns)
    assert_array_equal(np.sum(np.asarray(y_new), axis=0), (counts > 0) * counts.max())
    if container in (pd.DataFrame, pl.DataFrame):
        assert y_new[:40].equals(one_hot)


def test_lists_come_back_as_lists():
    X_new, y_new = GANOverSampler(Repeat()).fit_resample(X.tolist(), Y.tolist())
    assert X_new[:40] == X.tolist()
    assert isinstance(y_new, list)
    one_hot = np.eye(3, dtype=int)[Y].tolist()
    assert np.sum(GANOverSampler(Repeat()).fit_resample(X, one_hot)[1], axis=0).tolist() == [22] * 3


def test_whole_numbers_are_rounded_and_clipped():
    whole = RNG.randint(3, 6, size=(40, 2))
    X_new, _ = PolarityGANSampler(polarity()).fit_resample(whole, Y)
    assert X_new.dtype == whole.dtype
    assert X_new.min() >= 3
    assert X_new.max() <= 5
    # Truncated means of 3, 4 and 5 would hardly ever be 5.
    assert (X_new[40:] == 5).any()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint64, bool])
def test_whole_numbers_of_any_generator_are_rounded_and_clipped(dtype):
    whole = RNG.randint(0, 2, size=(40, 2)).astype(dtype)
    low, high = (0, 1) if dtype is bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for draw, least, most in (
        (lambda x: x + 0.6, 1, 1 if dtype is bool else 2),  # truncated, 0 would stay 0
        (lambda x: x + 1e20, high - 2048, high),  # as near as float64 comes to it
        (lambda x: x - 1e20, low, low),
        (lambda x: (x * 0.2).astype(np.float32), 0, 0),
        (lambda x: x.astype(object), 0, 1),
    ):
        X_new, _ = GANOverSampler(Drawing(draw)).fit_resample(whole, Y)
        assert X_new.dtype == dtype
        assert_array_equal(X_new[:40], whole)
        assert X_new[40:].min() >= least
        assert X_new[40:].max() <= most


def narrowed(module):
    columns = {"a": X[:, 0].astype(np.float32), "b": np.arange(40) % 3, "c": np.arange(40) > 19}
    frame = module.DataFrame(columns)
    return (
        frame.astype({"b": "Int8"})
        if module is pd
        else frame.with_columns(b=pl.col.b.cast(pl.Int8))
    )


@pytest.mark.parametrize("module", [pd, pl])
@pytest.mark.parametrize("columns", [["a"], ["a", "b"], ["a", "b", "c"]], ids="".join)
def test_what_any_generator_draws_becomes_rows_of_the_table(module, columns):
    frame = narrowed(module)[columns]
    drawn_of_each = {"c": 0.7, "b": 500.4, "a": 0.1}
    with_names = {name: np.full(26, drawn_of_each[name]) for name in drawn_of_each}
    array = np.column_stack([with_names[name] for name in columns])
    expected = {"a": np.float32(0.1), "b": 127, "c": True}
    other = pl if module is pd else pd
    for drawn in (
        array,
        array.astype(object),
        array.tolist(),
        module.DataFrame(with_names)[sorted(columns, reverse=True)],
        other.DataFrame(with_names)[columns],
    ):
        X_new, _ = GANOverSampler(Drawing(drawn)).fit_resample(frame, Y)
        assert list(X_new.dtypes) == list(frame.dtypes)
        assert X_new[:40].equals(frame)
        for name in columns:
            assert X_new[name].to_list()[40:] == [expected[name]] * 26


def test_gaps_in_whole_numbers_stay_gaps():
    frame = pd.DataFrame({"a": pd.array([1, None] * 20, dtype="Int64")})
    floats = np.where(np.arange(26) % 2, 2.6, np.nan)[:, None]
    for table in (frame, pl.from_pandas(frame)):
        X_new, _ = GANOverSampler(Drawing(floats)).fit_resample(table, Y)
        assert X_new["a"].dtype == table["a"].dtype
        drawn = X_new["a"].to_list()[40:]
        assert drawn[1::2] == [3] * 13
        assert is_missing(drawn[::2]).all()


MIXED = pd.DataFrame(
    {"whole": Y, "gap": np.where(Y == 1, np.nan, 1.0), "kind": np.array(["red", "?"])[Y % 2]}
)
POLARS_ENUM = pl.from_pandas(MIXED).cast({"kind": pl.Enum(["red", "?"])})


def _drawn(kind, whole=1.0, gap=np.nan):
    return pd.DataFrame({"whole": [whole] * 26, "gap": [gap] * 26, "kind": [kind] * 26})


def test_what_a_mixed_table_holds_may_be_drawn():
    for frame in (MIXED, MIXED.astype({"kind": "category"}), POLARS_ENUM):
        drawn = _drawn("red") if isinstance(frame, pd.DataFrame) else pl.from_pandas(_drawn("red"))
        X_new, _ = GANOverSampler(Drawing(drawn)).fit_resample(frame, Y)
        assert list(X_new.dtypes) == list(frame.dtypes)
        assert X_new["kind"].to_list()[40:] == ["red"] * 26
        assert is_missing(X_new["gap"].to_list()[40:]).all()


@pytest.mark.parametrize(
    ("drawn", "samples", "match"),
    [
        (np.full((26, 3), np.nan), X, "NaN or infinite"),
        (np.full((26, 3), np.inf), X, "NaN or infinite"),
        (np.full((26, 1), -np.inf), pd.DataFrame({"a": Y}), "NaN or infinite"),
        (pd.DataFrame({"a": [pd.NA] * 26}, dtype="Int64"), pd.DataFrame({"a": Y}), "NaN or inf"),
        (np.zeros((26, 4)), X, r"shape \(3,\)"),
        (np.zeros((26, 4)), pd.DataFrame({"a": Y}), r"columns \['a'\]"),
        (pd.DataFrame({"b": np.zeros(26)}), pd.DataFrame({"a": Y}), r"columns \['a'\]"),
        (np.zeros((25, 3)), X, "25 for 26"),
        (_drawn("blue"), MIXED, r"categories in column 'kind' that X doesn't have: \['blue'\]"),
        (_drawn("blue"), MIXED.astype({"kind": "category"}), r"column 'kind'.*\['blue'\]"),
        (pl.from_pandas(_drawn("blue")), POLARS_ENUM, r"column 'kind'.*\['blue'\]"),
        (_drawn(None), MIXED, "NaN or infinite values in column 'kind'"),
        (_drawn("red", whole=np.nan), MIXED, "NaN or infinite values in column 'whole'"),
        (_drawn("red", whole=np.inf), MIXED, "NaN or infinite values in column 'whole'"),
        (_drawn("red", gap=-np.inf), MIXED, "infinite values in column 'gap'"),
    ],
)
def test_draws_that_fit_nothing_are_refused(drawn, samples, match):
    with pytest.raises(ValueError, match=match) as caught:
        GANOverSampler(Drawing(drawn)).fit_resample(samples, Y)
    assert "Drawing" in str(caught.value)


class Shuffling(Repeat):
    def sample(self, n_samples=1, *, y=None, random_state=None):
        samples, labels = super().sample(y=y, random_state=random_state)
        return samples[::-1], labels[::-1]


class Mislabelling(Repeat):
    def sample(self, n_samples=1, *, y=None, random_state=None):
        return super().sample(y=y, random_state=random_state)[0], np.zeros(len(y))


@pytest.mark.parametrize("generator", [Shuffling(), Mislabelling()])
def test_samples_of_other_classes_than_asked_for_are_refused(generator):
    for asked in (generator, FrozenEstimator(generator.fit(X, Y))):
        with pytest.raises(ValueError, match=rf"^{type(generator).__name__}.*in this order"):
            GANOverSampler(asked).fit_resample(X, Y)


UNSEEABLE = {
    "infinite values": [np.inf] * 40,
    "holds times": pd.date_range("2020", periods=40),
    "such as lists": [[1]] * 40,
}


@pytest.mark.parametrize("what", UNSEEABLE)
def test_columns_that_nobody_can_compare_are_refused_before_training(what):
    frame = MIXED.assign(strange=UNSEEABLE[what])
    for table in (frame, pl.from_pandas(frame)):
        with pytest.raises(ValueError, match=f"^Column 'strange' of X .*{what}"):
            GANOverSampler(MustNotTrain()).fit_resample(table, Y)


@pytest.mark.parametrize("n_rare", [1, 2, 5])
def test_few_samples_of_a_class(n_rare):
    y = np.repeat([0, 1], [40 - n_rare, n_rare])
    sampler = PolarityGANSampler(polarity())
    with pytest.warns(FewSamplesWarning, match=f"1: {n_rare}"):
        X_new, y_new = sampler.fit_resample(X, y)
    assert (y_new == 1).sum() == (y_new == 0).sum()
    rare = X[y == 1]
    assert np.all(X_new[40:] >= rare.min(axis=0) - 1e-4)
    assert np.all(X_new[40:] <= rare.max(axis=0) + 1e-4)


def test_balanced_data_need_no_training():
    y = np.repeat([0, 1], 20)
    sampler = GANOverSampler(MustNotTrain())
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert sampler.report_["generated"].tolist() == [0, 0]
    assert not np.shares_memory(X_new, X)
    frame = pl.DataFrame({"a": X[:, 0]})
    assert sampler.fit_resample(frame, y)[0].equals(frame)
    frame = mixed(pd)
    pd.testing.assert_frame_equal(sampler.fit_resample(frame, y)[0], frame)


BAD_INPUT = {
    "ratio below the present one": (X, np.repeat([0, 1], [30, 10]), 0.2, "remove samples"),
    "ratio of many classes": (X, Y, 0.9, "only when the type of target is binary"),
    "ratio above one": (X, np.repeat([0, 1], [30, 10]), 1.5, "'sampling_strategy' parameter"),
    "a class that is not there": (X, Y, {7: 30}, "not present in the data"),
    "fewer than there are": (X, Y, {0: 3}, "greater or equal to the original number"),
    "a part of a sample": (X, Y, {2: 9.5}, r"whole numbers.*classes \[2\].*\[9.5\]"),
    "nobody knows how many": (X, Y, lambda y: {2: np.nan}, r"whole numbers.*\[nan\]"),
    "without end": (X, Y, {2: np.inf}, r"whole numbers.*\[inf\]"),
    "multilabel": (X, np.ones((40, 2), dtype=int), "auto", "Multilabel and multioutput targets"),
    "one class": (X, np.zeros(40), "auto", "needs to have more than 1 class"),
    "numbers to predict": (X, X[:, 0], "auto", "Unknown label type"),
    "images with NaN": (np.full((40, 1, 4, 4), np.nan), Y, "auto", "contains NaN"),
    "infinite": (np.where(X > 1, np.inf, X), Y, "auto", "contains infinity"),
    "a Series": (pd.Series(X[:, 0]), Y, "auto", "Expected a 2-dimensional container"),
    "three dimensions": (np.zeros((40, 2, 2)), Y, "auto", r"must have shape.*pass X\[:, None\]"),
    "other lengths": (X, Y[:-1], "auto", "inconsistent numbers of samples"),
    "no label": (X, np.where(Y == 2, None, "a"), "auto", "6 missing labels"),
}


@pytest.mark.parametrize(("samples", "y", "strategy", "match"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_bad_input_is_refused_before_training(samples, y, strategy, match):
    sampler = GANOverSampler(MustNotTrain(), sampling_strategy=strategy)
    for method in (sampler.fit, sampler.fit_resample):
        with pytest.raises(ValueError, match=match):
            method(samples, y)


# What imbalanced-learn sees otherwise, or not before it draws.
_OURS = {
    "no label",
    "three dimensions",
    "images with NaN",
    "a part of a sample",
    "nobody knows how many",
    "without end",
}
THEIR_ERRORS = {what: bad for what, bad in BAD_INPUT.items() if what not in _OURS}


@pytest.mark.parametrize(
    ("samples", "y", "strategy", "match"), THEIR_ERRORS.values(), ids=THEIR_ERRORS
)
def test_errors_are_those_of_imbalanced_learn(samples, y, strategy, match):
    with pytest.raises(ValueError, match=match) as theirs:
        SMOTE(sampling_strategy=strategy).fit_resample(samples, y)
    with pytest.raises(ValueError, match=match) as ours:
        GANOverSampler(MustNotTrain(), sampling_strategy=strategy).fit_resample(samples, y)
    assert str(ours.value).replace("GANOverSampler", "SMOTE") == str(theirs.value)


def test_sparse_is_refused():
    sampler = GANOverSampler(MustNotTrain())
    with pytest.raises(TypeError, match="dense data is required"):
        sampler.fit_resample(csr_array(X), Y)
    assert not sampler.__sklearn_tags__().input_tags.sparse


@pytest.mark.filterwarnings("error")  # to look at its columns would be a query already
@pytest.mark.parametrize("taker", [GANOverSampler(MustNotTrain()).fit_resample, CGAN().fit])
def test_a_lazy_frame_is_to_be_collected(taker):
    with pytest.raises(TypeError, match=r"LazyFrame.*pass X.collect\(\)"):
        taker(pl.LazyFrame({"a": X[:, 0]}), Y)


def test_generators_that_do_not_fit():
    with pytest.raises(TypeError, match="generator of given classes"):
        GANOverSampler(GAN()).fit_resample(X, Y)
    with pytest.raises(ValueError, match="'generator' parameter"):
        PolarityGANSampler(CGAN()).fit_resample(X, Y)
    with pytest.raises(ValueError, match="'max_iter' parameter of CGAN"):
        GANOverSampler(CGAN(max_iter=-1)).fit_resample(X, Y)


class Untagged:
    def fit(self, X, y):
        raise AssertionError("it was trained")

    def sample(self, n_samples=1, *, y=None, random_state=None):
        raise AssertionError("it was asked")


class SamplesOnly(Repeat):
    def sample(self, n_samples=1, *, y=None, random_state=None):
        return super().sample(y=y, random_state=random_state)[0]


def test_what_is_no_generator_of_classes_is_told_what_it_lacks():
    with pytest.raises(TypeError, match=r"Untagged has no __sklearn_tags__.*ConditionalGenerator"):
        GANOverSampler(Untagged()).fit_resample(X, Y)
    with pytest.raises(TypeError, match="instance"):
        GANOverSampler(MustNotTrain).fit_resample(X, Y)
    with pytest.raises(TypeError, match="must return two values"):
        GANOverSampler(SamplesOnly()).fit_resample(X, Y)


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_nothing_of_an_earlier_call_is_left(method):
    sampler = GANOverSampler(Repeat())
    sampler.fit_resample(pd.DataFrame(X, columns=list("abc")), Y)
    assert {"generator_", "feature_names_in_"} <= set(vars(sampler))
    getattr(sampler, method)(X[:, :2], np.repeat([0, 1], 20))
    of_fit = {"n_features_in_", "sampling_strategy_"}
    assert {name for name in vars(sampler) if name.endswith("_")} == of_fit
    assert hasattr(sampler, "report_") == (method == "fit_resample")
    if method == "fit_resample":
        assert sampler.report_["real"].tolist() == [20, 20]


@pytest.mark.filterwarnings("ignore::skgal.exceptions.FewSamplesWarning")  # that is the case
def test_nested_parameters_pipeline_and_search(tmp_path):
    pipe = Pipeline(
        [("sampler", GANOverSampler(Repeat(), random_state=0)), ("clf", DummyClassifier())],
        memory=str(tmp_path),
    )
    pipe.set_params(sampler__generator__latent_dim=7)
    assert pipe.get_params()["sampler__generator__latent_dim"] == 7
    first = pipe.fit(X, Y).named_steps["sampler"].report_
    pd.testing.assert_frame_equal(first, clone(pipe).fit(X, Y).named_steps["sampler"].report_)
    search = GridSearchCV(
        make_pipeline(GANOverSampler(Repeat()), DummyClassifier()),
        {"ganoversampler__generator__latent_dim": [2, 3]},
        cv=2,
    ).fit(X, Y)
    assert search.best_params_ == {"ganoversampler__generator__latent_dim": 2}


@pytest.mark.parametrize(
    "sampler", [GANOverSampler(), PolarityGANSampler(), SelectiveAugmentation()]
)
def test_parameters_of_no_generator_are_those_of_what_it_stands_for(sampler):
    with pytest.raises(ValueError, match=r"^generator is None.* to set generator__lat") as caught:
        sampler.set_params(generator__latent_dim=8)
    (named,) = re.findall("stands for (.*); pass", str(caught.value))
    default = eval(named, vars(generators).copy())
    assert repr(default) == repr(sampler._default_generator())
    assert sampler.set_params(generator__latent_dim=8, generator=default).generator is default
    assert default.latent_dim == 8


def test_a_search_of_parameters_of_nothing_says_so():
    pipe = make_pipeline(GANOverSampler(), DummyClassifier())
    search = GridSearchCV(pipe, {"ganoversampler__generator__n_jobs": [1, 2]}, cv=2)
    with pytest.raises(ValueError, match="stands for ACGAN"):
        search.fit(X, Y)


def test_feature_names():
    sampler = GANOverSampler(Repeat()).fit(pd.DataFrame(X, columns=list("abc")), Y)
    assert sampler.get_feature_names_out().tolist() == ["a", "b", "c"]


def test_metadata_reach_the_generator():
    weight = np.arange(40)
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        GANOverSampler(Repeat()).fit_resample(X, Y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        generator = Repeat().set_fit_request(sample_weight=True)
        pipe = make_pipeline(
            GANOverSampler(generator), DummyClassifier().set_fit_request(sample_weight=False)
        )
        pipe.fit(X, Y, sample_weight=weight)
        assert_array_equal(pipe[0].generator_.weight_, weight)


def test_a_seed_decides_everything():
    def draw(**params):
        return GANOverSampler(CGAN(**TINY), **params).fit_resample(X, Y)[0]

    assert_array_equal(draw(random_state=0), draw(random_state=0))
    assert not np.array_equal(draw(random_state=0), draw(random_state=1))
    of_generator = GANOverSampler(CGAN(**TINY, random_state=5), random_state=0)
    assert of_generator.fit_resample(X, Y)[0].shape == (66, 3)
    assert of_generator.generator_.random_state == 5


def test_a_frozen_generator_is_used_as_it_is():
    generator = Repeat(random_state=0).fit(X[:5] + 1000, [0, 1, 2, 1, 2])
    sampler = GANOverSampler(FrozenEstimator(generator), random_state=0)
    X_new, _ = sampler.fit_resample(X, Y)
    assert X_new[40:].min() > 500
    assert sampler.generator_.estimator is generator


def test_a_frozen_generator_takes_the_dtype_of_the_samples():
    generator = CGAN(**TINY, random_state=0).fit(X, Y)
    sampler = GANOverSampler(FrozenEstimator(generator), random_state=0)
    assert sampler.fit_resample(X.astype(np.float32), Y)[0].dtype == np.float32


def test_pickling():
    sampler = GANOverSampler(CGAN(**TINY), random_state=0)
    sampler.fit_resample(X, Y)
    revived = pickle.loads(pickle.dumps(sampler))
    pd.testing.assert_frame_equal(revived.report_, sampler.report_)
    assert isinstance(revived.generator_, ConditionalGenerator)
