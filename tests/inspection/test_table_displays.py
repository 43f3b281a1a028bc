"""Synthetic rows beside real ones: columns, associations, and the plane."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
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
