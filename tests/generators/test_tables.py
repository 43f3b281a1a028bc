"""Tables of numbers, categories, booleans and gaps go into generators and come out."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skgal.generators import ACGAN, CGAN, GAN, GIN, BiGAN
from skgal.nn import DCGAN, Dense

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
