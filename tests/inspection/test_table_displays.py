"""Synthetic rows beside real ones: columns, associations, and the plane."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.decomposition import PCA

from skgal.inspection import AugmentationDisplay, TableDisplay
from skgal.metrics import association_matrix


def draw_table(n=100, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "pay": rng.normal(size=n),
            "age": rng.integers(20, 25, size=n),
            "job": rng.choice(["clerk", "smith", None], size=n),
            "town": rng.choice(list("abcdefghij"), size=n),
        }
    )


def test_marginals_are_shares():
    real, synthetic = draw_table(), draw_table(50, seed=1)
    display = TableDisplay.from_tables(real, synthetic, max_categories=3)
    assert list(display.marginals) == list(real)
    for marginal in display.marginals.values():
        for kind in ("real", "synthetic"):
            assert np.sum(marginal[kind]) == pytest.approx(1)
    age = display.marginals["age"]
    np.testing.assert_array_equal(age["edges"], np.arange(19.5, 25))
    shares = real["age"].value_counts(normalize=True).sort_index()
    np.testing.assert_allclose(age["real"], shares)
    job = display.marginals["job"]
    assert set(job["names"]) == {"clerk", "smith", "missing"}
    assert job["synthetic"][job["names"].index("smith")] == np.mean(synthetic["job"] == "smith")
    assert display.marginals["town"]["names"][-1] == "other"
    assert len(display.marginals["town"]["names"]) == 4


def test_associations_of_both_tables():
    real, synthetic = draw_table(), draw_table(seed=1)
    display = TableDisplay.from_tables(real, synthetic)
    for panel, table in zip(display.association_axes_, (real, synthetic), strict=True):
        drawn = np.asarray(panel.images[0].get_array())
        np.testing.assert_array_equal(drawn, association_matrix(table))
    assert [panel.get_title() for panel in display.marginal_axes_] == list(real)


def test_polars_and_a_choice_of_columns():
    tables = [pl.from_pandas(draw_table(seed=seed)) for seed in (0, 1)]
    display = TableDisplay.from_tables(*tables, columns=["job", "pay"])
    expected = TableDisplay.from_tables(draw_table(), draw_table(seed=1), columns=["job", "pay"])
    for column, marginal in display.marginals.items():
        np.testing.assert_allclose(marginal["real"], expected.marginals[column]["real"])
    with pytest.raises(ValueError, match=r"real table has no columns \['wage'\]"):
        TableDisplay.from_tables(*tables, columns=["wage"])


@pytest.mark.parametrize(
    "convert", [pa.Table.from_pandas, pl.from_pandas, pd.DataFrame.convert_dtypes]
)
def test_tables_of_every_library_are_drawn_alike(convert):
    tables = [draw_table(seed=seed) for seed in (0, 1)]
    for columns in (None, ["town", "pay"]):
        display = TableDisplay.from_tables(*map(convert, tables), columns=columns)
        expected = TableDisplay.from_tables(*tables, columns=columns)
        assert list(display.marginals) == list(expected.marginals)
        for column, marginal in display.marginals.items():
            for key, values in expected.marginals[column].items():
                np.testing.assert_array_equal(marginal[key], values)
        np.testing.assert_allclose(display.real_associations, expected.real_associations)
    with pytest.raises(ValueError, match=r"real table has no columns \['wage'\]"):
        TableDisplay.from_tables(*map(convert, tables), columns=["wage"])


@pytest.mark.parametrize(
    "values",
    [
        [1e17, 1e17],
        [1e17, 1e17 + 16],
        [0.5, 0.5],
        [3, 3],
        [0.1, 0.4, np.inf, -np.inf],
        [1, 2, 2, np.inf],
        [1, 2, np.nan],
        [np.inf, np.inf],
    ],
    ids=str,
)
def test_every_value_is_in_one_interval(values):
    table = pd.DataFrame({"x": values})
    if np.all(np.isfinite(values)) and values[0] > 1e6:
        table = table.astype("int64")
    marginal = TableDisplay.from_tables(table, table).marginals["x"]
    edges = marginal["edges"]
    assert np.all(np.isfinite(edges))
    assert np.all(np.diff(edges) > 0)
    known = table["x"].dropna().to_numpy(float)
    places = np.clip(np.searchsorted(edges, known, side="right") - 1, 0, len(edges) - 2)
    shares = np.bincount(places, minlength=len(edges) - 1) / len(known)
    for kind in ("real", "synthetic"):
        np.testing.assert_allclose(marginal[kind], shares)


@pytest.mark.parametrize("dtype", ["float64", "Int64", "datetime64[ns]", object])
def test_a_column_without_values_is_drawn(dtype):
    empty = pd.DataFrame({"x": pd.Series([None, None], dtype=dtype)})
    full = pd.DataFrame({"x": pd.Series([1, 2]).astype(dtype)})
    for real, synthetic in ((empty, empty), (empty, full), (full, empty)):
        marginal = TableDisplay.from_tables(real, synthetic).marginals["x"]
        for kind, table in (("real", real), ("synthetic", synthetic)):
            n_shown = 1 if dtype is object or table is full else 0
            assert np.sum(marginal[kind]) == n_shown


def test_augmented_data_in_the_plane_of_the_real_ones():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 4)), np.repeat([0, 1], 15)
    new, labels = rng.normal(size=(8, 4)), np.repeat([0, 1], 4)
    sets = {"before": (new, labels), "after": (new[:5], labels[:5])}
    display = AugmentationDisplay.from_samples(X, y, sets)
    plane = PCA(2, random_state=0).fit(X)
    np.testing.assert_allclose(display.real, plane.transform(X))
    np.testing.assert_allclose(display.synthetic["after"][0], plane.transform(new[:5]))
    titles = [panel.get_title() for panel in display.axes_]
    assert titles == ["real", "before: 8 synthetic (open)", "after: 5 synthetic (open)"]
    # In the last panel, for each class the real ones and the synthetic ones.
    sizes = [len(points.get_offsets()) for points in display.axes_[2].collections]
    assert sizes == [15, 4, 15, 1]
    assert len({panel.get_xlim() for panel in display.axes_}) == 1


def test_images_by_t_sne():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(20, 1, 3, 3))
    sets = {"drawn": (images + 1, np.zeros(20))}
    first, again = (
        AugmentationDisplay.from_samples(images, np.zeros(20), sets, method="tsne")
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.real, again.real)
    assert first.synthetic["drawn"][0].shape == (20, 2)
    with pytest.raises(ValueError, match='method must be "pca" or "tsne"'):
        AugmentationDisplay.from_samples(images, np.zeros(20), sets, method="umap")


def test_an_over_sampler_s_new_rows():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), np.array([0] * 15 + [1] * 5)
    display = AugmentationDisplay.from_sampler(RandomOverSampler(random_state=0), X, y)
    points, labels = display.synthetic["with RandomOverSampler"]
    np.testing.assert_array_equal(labels, np.ones(10))
    assert len(points) == 10


def test_panels_fit_into_given_axes():
    table = draw_table()
    figure, (left, right) = plt.subplots(1, 2)
    display = TableDisplay.from_tables(table, table, ax=left)
    assert display.figure_ is figure
    edge = right.get_position().x0
    assert all(panel.get_position().x1 < edge for panel in display.marginal_axes_)
    with pytest.raises(ValueError, match="divided into panels"):
        TableDisplay.from_tables(table, table, ax=plt.figure().add_axes((0, 0, 1, 1)))
