"""Tables of numbers, categories, booleans and gaps go into generators and come out."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skgal.generators import ACGAN, BAGAN, CGAN, GAN, GIN, BiGAN, PolarityGAN
from skgal.nn import DCGAN, Dense
from skgal.utils import as_label_array

N = 60
RNG = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {
        "age": RNG.randint(20, 80, N),
        "dose": np.where(RNG.rand(N) < 0.2, np.nan, RNG.exponential(size=N)),
        "smoker": RNG.rand(N) < 0.3,
        "stage": pd.Categorical(RNG.choice(["I", "II"], N), categories=["I", "II", "III"]),
        "city": np.where(RNG.rand(N) < 0.1, None, RNG.choice(["Ulm", "Bonn"], N)),
        "rare": ["seldom"] + ["often"] * (N - 1),
        "lab": "north",
    }
)
Y = np.array(["ill", "well"])[RNG.randint(0, 2, N)]
SMALL = {
    "latent_dim": 4,
    "max_iter": 5,
    "batch_size": 16,
    "architecture": Dense(hidden=(16,)),
    "random_state": 0,
}
each_generator = pytest.mark.parametrize("generator_class", [GAN, GIN, BiGAN, CGAN, ACGAN])


def drawn(generator, n_samples):
    X = generator.sample(n_samples)
    return X[0] if isinstance(X, tuple) else X


@each_generator
def test_columns_dtypes_ranges_and_categories_come_back(generator_class):
    X = drawn(generator_class(**SMALL).fit(FRAME, Y), 200)
    assert list(X.columns) == list(FRAME.columns)
    assert X.dtypes.to_dict() == FRAME.dtypes.to_dict()
    assert X["age"].between(FRAME["age"].min(), FRAME["age"].max()).all()
    assert X["dose"].dropna().between(FRAME["dose"].min(), FRAME["dose"].max()).all()
    assert set(X["stage"]) <= {"I", "II"}
    assert set(X["city"].dropna()) <= {"Ulm", "Bonn"}
    assert set(X["lab"]) == {"north"}
    assert X[["age", "smoker", "stage", "rare"]].notna().all(axis=None)


def test_polars_in_polars_out():
    columns = {name: FRAME[name].to_list() for name in ("age", "smoker", "stage", "rare")}
    columns["city"] = [None if city is None else str(city) for city in FRAME["city"]]
    frame = pl.DataFrame(columns)
    X = GAN(**SMALL).fit(frame).sample(20)
    assert X.schema == frame.schema


@each_generator
def test_features_and_values_of_a_table(generator_class):
    generator = generator_class(**SMALL).fit(FRAME, Y)
    assert np.isfinite(generator.transform(FRAME)).all()
    if hasattr(generator, "score_samples"):  # with a critic
        assert generator.score_samples(FRAME).shape == (N,)


def test_a_latent_determines_its_row():
    generator = GAN(**SMALL).fit(FRAME)
    Z = generator.sample_latent(20)
    pd.testing.assert_frame_equal(
        generator.generate(Z[[7]]), generator.generate(Z).iloc[[7]].reset_index(drop=True)
    )


@pytest.mark.parametrize("penalty", ["gradient_penalty", "consistency", "weight_clip"])
def test_with_each_penalty(penalty):
    generator = GAN(**SMALL, objective="wasserstein", penalty=penalty).fit(FRAME)
    assert len(generator.sample(5)) == 5


def test_dependent_columns_are_learnt():
    # A category, a number that follows it, and a flag that is its negation.
    kind = RNG.choice(["a", "b"], 500, p=[0.8, 0.2])
    frame = pd.DataFrame(
        {
            "kind": kind,
            "level": np.where(kind == "a", 10.0, 50.0) + RNG.normal(size=500),
            "flag": kind == "b",
        }
    )
    gan = GAN(
        latent_dim=8,
        max_iter=500,
        critic_iter=2,
        learning_rate=2e-3,
        architecture=Dense(hidden=(32, 32)),
        random_state=0,
    ).fit(frame)
    X = gan.sample(1000, random_state=1)
    assert (X["kind"] == "a").mean() == pytest.approx(0.8, abs=0.12)
    assert (X["flag"] == (X["kind"] == "b")).mean() > 0.85
    assert ((X["level"] > 30) == (X["kind"] == "b")).mean() > 0.85


def test_what_tables_can_t_have():
    with pytest.raises(ValueError, match="dense"):
        GAN(architecture=DCGAN()).fit(FRAME)
    with pytest.raises(ValueError, match="says that the rows of X are images"):
        GAN(image_shape=(1, 1, 7)).fit(FRAME)
    with pytest.raises(ValueError, match="two or more"):
        GAN().fit(FRAME[:1])


def test_another_table_than_in_fit():
    generator = GAN(**SMALL).fit(FRAME)
    with pytest.raises(ValueError, match="unseen at fit time"):
        generator.transform(FRAME.assign(new=1))
    with pytest.raises(ValueError, match="must be a DataFrame"):
        generator.transform(FRAME.to_numpy())
    with pytest.raises(ValueError, match=r"'city' .* not there in fit: \['Rome'\]"):
        generator.transform(FRAME.assign(city="Rome"))


@pytest.mark.parametrize(
    "as_labels",
    [
        lambda y: pd.Series(y, name="diagnosis"),
        lambda y: pd.Series(y, name="diagnosis").astype("category"),
        lambda y: pd.Series(y == "ill", name="diagnosis"),
        lambda y: pd.Series((y == "ill") + 10**17 + 40, name="diagnosis", dtype="Int64"),
        lambda y: pd.DataFrame({"diagnosis": y}),
        lambda y: pl.Series("diagnosis", y.tolist()),
        lambda y: pl.DataFrame({"diagnosis": y.tolist()}),
        lambda y: pa.chunked_array([y.tolist()]),
        lambda y: y,
        lambda y: y.tolist(),
        lambda y: y.astype(object),
    ],
)
def test_labels_come_back_in_the_container_they_came_in(as_labels, tmp_path):
    y = as_labels(Y)
    generator = CGAN(**SMALL).fit(FRAME, y)
    generator.save(tmp_path / "cgan")
    for fitted in (generator, CGAN.load(tmp_path / "cgan")):
        for drawn in (
            fitted.sample(7),
            fitted.sample(y=y[:7]),
            fitted.sample(7, y=fitted.classes_[0]),
        ):
            labels = drawn[1]
            if isinstance(y, list):
                assert isinstance(labels, np.ndarray)
                continue
            assert type(labels) is type(y)
            if hasattr(y, "name"):
                assert labels.name == "diagnosis"
            if hasattr(y, "dtype"):
                assert labels.dtype == y.dtype or y.dtype == object
            if isinstance(y, pd.DataFrame | pl.DataFrame):
                assert list(labels.columns) == ["diagnosis"]
        np.testing.assert_array_equal(as_label_array(fitted.sample(y=y)[1]), as_label_array(y))


@pytest.mark.parametrize("cls", [ACGAN, BAGAN, PolarityGAN])
@pytest.mark.parametrize(
    "as_labels",
    [
        lambda y: pd.Series(y == "ill", name="day").map({True: 2**63, False: 3}).astype("uint64"),
        lambda y: pd.Series(y == "ill", name="day").astype("boolean"),
        lambda y: pd.Series(
            np.where(y == "ill", "2024-01-31", "2025-01-01"), name="day", dtype="M8[s]"
        ),
        lambda y: pl.Series("day", y.tolist(), dtype=pl.Enum(["ill", *sorted({*y} - {"ill"})])),
    ],
    ids=["uint64", "nullable", "date", "enum"],
)
def test_labels_of_any_conditional_generator_come_back(cls, as_labels):
    y = as_labels(Y)
    generator = cls(max_iter=2, random_state=0).fit(FRAME[["age", "dose"]].fillna(0), y)
    for one in generator.classes_:
        labels = generator.sample(3, y=one)[1]
        assert type(labels) is type(y)
        assert (labels.name, labels.dtype) == (y.name, y.dtype)
        assert as_label_array(labels).tolist() == [one] * 3


def test_one_label_for_all_samples():
    generator = CGAN(**SMALL).fit(FRAME, Y)
    X, y = generator.sample(3, y="ill")
    assert y.tolist() == ["ill"] * 3
    pd.testing.assert_frame_equal(X, generator.sample(y=["ill"] * 3)[0])
    Z = generator.sample_latent(3)
    pd.testing.assert_frame_equal(generator.generate(Z, "ill"), generator.generate(Z, ["ill"] * 3))
    with pytest.raises(ValueError, match=r"\['dead'\], which CGAN has not seen"):
        generator.sample(3, y="dead")


def test_arrow_in_arrow_out():
    table = pa.Table.from_pandas(FRAME, preserve_index=False).cast(
        pa.schema(
            [
                ("age", pa.int16()),
                ("dose", pa.float64()),
                ("smoker", pa.bool_()),
                ("stage", pa.dictionary(pa.int8(), pa.string())),
                ("city", pa.string()),
                ("rare", pa.string()),
                ("lab", pa.string()),
            ]
        )
    )
    generator = GAN(**SMALL).fit(table)
    assert generator.feature_names_in_.tolist() == table.column_names
    assert generator.sample(20).schema.types == table.schema.types
    assert generator.score_samples(table).shape == (N,)
    with pytest.raises(ValueError, match=r"X has 6, \['age', .*"):
        generator.transform(table.drop_columns("lab"))


def test_values_of_a_mixed_frame_are_learnt_as_the_frame_is():
    X = FRAME.drop(columns=["stage", "lab"]).to_numpy()
    drawn = GAN(**SMALL).fit(X).sample(20)
    assert drawn.dtype == object
    assert set(drawn[:, 2]) <= {True, False}
    assert {type(value) for value in drawn[:, 0]} == {int}
    with pytest.raises(ValueError, match="pass a DataFrame"):
        GAN(**SMALL).fit(X.astype(str))


@pytest.mark.parametrize(("n_columns", "units", "updates"), [(16, 128, 1500), (17, 256, 2500)])
def test_wide_tables_get_larger_networks_and_more_updates(n_columns, units, updates):
    X = np.random.RandomState(0).normal(size=(20, n_columns))
    gan = GAN(max_iter=1, random_state=0).fit(X)
    assert gan.resolve_architecture().hidden == (units, units)
    assert gan.set_params(max_iter=None).resolve_max_iter() == updates
