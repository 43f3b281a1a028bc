"""Tables as points, and the report of a synthetic table, against scipy and hand values."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor

from skgal.classifiers import AnyEstimator
from skgal.metrics import (
    association_matrix,
    compare_tables,
    coverage,
    frechet_distance,
    memorization_ratio,
    to_points,
)


def draw_table(n=200, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 80, size=n)
    job = np.where(age + rng.normal(scale=10, size=n) > 50, "clerk", "smith")
    pay = np.exp(rng.normal(size=n) + shift) * np.where(job == "clerk", 2.0, 1.0)
    city = rng.choice(["Rome", "Oslo", None], p=[0.5, 0.4, 0.1], size=n)
    return pd.DataFrame({"age": age, "pay": pay, "job": job, "city": city, "owner": pay > 1})


def value_of(report, aspect, column, measure, field="value"):
    rows = report.query("aspect == @aspect and column == @column and measure == @measure")
    assert len(rows) == 1
    return rows[field].item()


def test_ranks_and_categories():
    real = pd.DataFrame({"x": [10.0, 20.0, 20.0, 40.0], "c": ["a", "b", "a", None]})
    other = pd.DataFrame({"x": [0.0, np.nan, 25.0, 99.0], "c": ["b", "a", "z", "a"]})
    points, others = to_points(real, other)
    np.testing.assert_allclose(points[:, 0], [1 / 8, 1 / 2, 1 / 2, 7 / 8])
    np.testing.assert_allclose(others[:, 0], [0, 1 / 2, 3 / 4, 1])
    np.testing.assert_allclose(others[:, 1], [0, 1, 0, 0])  # which are missing
    categories = np.concatenate([points, others])[:, 2:]
    distances = np.linalg.norm(categories[:, None] - categories, axis=2)
    labels = np.array(["a", "b", "a", "none", "b", "a", "z", "a"])
    np.testing.assert_allclose(distances, labels[:, None] != labels)


def test_polars_pandas_and_nullable_columns_give_the_same_points():
    table = draw_table()
    (expected,) = to_points(table)
    for same in (pl.from_pandas(table), table.convert_dtypes(), table.astype({"job": "category"})):
        np.testing.assert_allclose(to_points(same)[0], expected)
        np.testing.assert_allclose(association_matrix(same), association_matrix(table))


def test_arrays_with_gaps_or_categories_give_the_points_of_the_frame():
    frame = draw_table(40)[["pay", "city", "owner"]]
    frame.loc[::7, "pay"] = np.nan
    other = draw_table(30, seed=1)[["pay", "city", "owner"]]
    for real, drawn in ((frame, other), (frame[["pay"]], other[["pay"]])):
        expected = to_points(real, drawn)
        for found, points in zip(
            to_points(real.to_numpy(), drawn.to_numpy()), expected, strict=True
        ):
            np.testing.assert_allclose(found, points)
    with pytest.raises(ValueError, match="same columns"):
        to_points(frame.to_numpy(), other[["pay"]].to_numpy())


def test_dates_have_ranks():
    days = pd.to_datetime(["2024-01-01", "2024-01-03", "2024-02-01", None])
    points = to_points(pd.DataFrame({"day": days}))[0]
    np.testing.assert_allclose(points, [[1 / 6, 0], [1 / 2, 0], [5 / 6, 0], [1 / 2, 1]])


def times_of_each_library(kind):
    """Return data frames of one column, in which the times are equal."""
    units = ("s", "ms", "us", "ns")
    start, day = datetime.datetime(2020, 1, 1), datetime.timedelta(days=1)
    numpy_dtype = None
    if kind == "dates":
        column = [start + i * day for i in range(30)]
        arrow_dtypes = [*map(pa.timestamp, units), pa.date32(), pa.date64()]
        numpy_dtype = "datetime64"
    elif kind == "durations":
        column = [i * day for i in range(30)]
        arrow_dtypes = map(pa.duration, units)
        numpy_dtype = "timedelta64"
    else:
        column = [datetime.time(i // 2, 30 * (i % 2), i) for i in range(30)]
        arrow_dtypes = [pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")]
    column.append(None)
    frames = [pl.DataFrame({"t": column})]
    if kind == "dates":
        frames.append(frames[0].cast(pl.Date))
    for dtype in arrow_dtypes:
        frames.append(pa.table({"t": pa.array(column, dtype)}))
        frames.append(pd.Series(column, dtype=pd.ArrowDtype(dtype)).to_frame("t"))
    for unit in units if numpy_dtype else ():
        frames.append(pd.Series(column, dtype=f"{numpy_dtype}[{unit}]").to_frame("t"))
    return frames


@pytest.mark.parametrize("kind", ["dates", "durations", "times of day"])
def test_equal_times_are_equal_in_every_unit_and_library(kind):
    frames = times_of_each_library(kind)
    (expected,) = to_points(pd.DataFrame({"t": [*range(30), None]}))
    for real in frames:
        np.testing.assert_allclose(to_points(real)[0], expected)
        assert association_matrix(real).shape == (1, 1)
    pairs = [pair for frame in frames for pair in ((frames[0], frame), (frame, frames[0]))]
    for real, same in pairs:
        report = compare_tables(real, same, held_out=same)
        assert value_of(report, "marginal", "t", "ks_statistic") == 0
        assert value_of(report, "memorization", "all", "copied_rows") == 1


def test_a_target_of_dates_is_learnt_from_dates_of_another_unit():
    real = pd.DataFrame({"t": pd.date_range("2020", periods=60, unit="us"), "x": range(60)})
    same = real.astype({"t": "datetime64[ns]"})
    report = compare_tables(real, same, held_out=same, target="t")
    assert value_of(report, "usefulness", "t", "r2") > 0.9


def test_times_are_not_compared_with_other_values():
    times = pd.DataFrame({"t": pd.date_range("2020", periods=3)})
    for other in ([1, 2, 3], pd.to_timedelta([1, 2, 3])):
        table = pd.DataFrame({"t": other})
        for pair in ((times, table), (table, times)):
            with pytest.raises(ValueError, match=r"Column 't' of the tables holds .* in another"):
                compare_tables(*pair)
    empty = pd.DataFrame({"t": [None, None]})
    assert value_of(compare_tables(times, empty), "marginal", "t", "missing_rate") == 1


def test_large_integers_of_arrow_have_ranks():
    ids = pa.table({"x": pa.array([10**17 + 1, 10**18, None])})
    np.testing.assert_allclose(to_points(ids)[0][:, 0], [1 / 4, 3 / 4, 1 / 2])


def test_sparse_numbers_are_numbers():
    dense = pd.DataFrame({"x": [0.0, 0, 0, 1, 2], "y": [1, 0, 0, 0, 3]})
    sparse = dense.apply(pd.arrays.SparseArray)
    np.testing.assert_array_equal(to_points(sparse)[0], to_points(dense)[0])
    for real, synthetic in ((dense, sparse), (sparse, dense), (sparse, sparse)):
        report = compare_tables(real, synthetic)
        assert value_of(report, "marginal", "x", "ks_statistic") == 0
    np.testing.assert_array_equal(association_matrix(sparse), association_matrix(dense))


def test_a_column_without_values_has_no_say_in_the_mean():
    real = pd.DataFrame({"x": [1, 2, 3, 4], "empty": [np.nan] * 4})
    report = compare_tables(real, real.assign(x=[1, 2, 9, 9]))
    assert np.isnan(value_of(report, "marginal", "empty", "ks_statistic"))
    assert value_of(report, "marginal", "all", "mean") == 0.5
    assert np.isnan(value_of(report, "marginal", "all", "mean", "reference"))


@pytest.mark.parametrize("n_gaps", [0, 1, 2])
def test_a_gap_in_a_target_is_no_class(n_gaps):
    real = pd.DataFrame({"x": np.arange(60) % 20, "y": np.arange(60) % 20 / 2})
    gaps = pd.DataFrame({"x": [0] * n_gaps, "y": [np.nan] * n_gaps})
    table = pd.concat([real, gaps])
    report = compare_tables(table, real, held_out=real, target="y")
    assert report["measure"].iloc[-1] == "balanced_accuracy"


def test_targets_that_cannot_be_learnt_are_refused():
    table = draw_table(30)
    for target, dtype in (("job", object), ("pay", float)):
        without = table.assign(**{target: pd.Series([None] * 30, dtype=dtype)})
        tables = {"real": table, "synthetic": table, "held_out": table}
        for name in tables:
            given = tables | {name: without}
            with pytest.raises(ValueError, match=f"'{target}' has no values in the {name} table"):
                compare_tables(
                    given["real"], given["synthetic"], held_out=given["held_out"], target=target
                )
    alone = table[["job"]]
    with pytest.raises(ValueError, match="target 'job' is the only column"):
        compare_tables(alone, alone, held_out=alone, target="job")


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, np.arange(2)], ids=["list", "dict", "array"])
def test_lists_are_no_categories(value):
    table = pd.DataFrame({"x": [1, 2], "tags": pd.Series([value, value])})
    tables = [table, pl.DataFrame(table.to_dict("list")), pa.table(table.to_dict("list"))]
    for each in tables[:1] if isinstance(value, np.ndarray) else tables:
        for function in (to_points, association_matrix, lambda t: compare_tables(t, t)):
            with pytest.raises(ValueError, match=r"Column 'tags' of the tables holds .* lists"):
                function(each)


def test_arrays_images_and_extractors():
    X = np.random.default_rng(0).normal(size=(6, 1, 2, 2))
    for points in (to_points(X)[0], to_points(X, extractor=lambda images: images.reshape(6, 4))[0]):
        np.testing.assert_array_equal(points, X.reshape(6, 4))
    scaler = StandardScaler().fit(X.reshape(6, 4))
    real, other = to_points(X.reshape(6, 4), X.reshape(6, 4) + 1, extractor=scaler)
    np.testing.assert_array_equal(real, scaler.transform(X.reshape(6, 4)))
    assert other.shape == (6, 4)


def test_measures_tell_a_good_table_from_a_bad_one():
    real, fresh, bad = draw_table(), draw_table(seed=1), draw_table(seed=2, shift=3.0)
    real, fresh, bad = to_points(real, fresh, bad)
    assert frechet_distance(real, fresh) < 0.3 * frechet_distance(real, bad)
    assert coverage(real, fresh) > coverage(real, bad)
    assert memorization_ratio(real, real[:50], fresh) == pytest.approx(0, abs=1e-6)


def test_associations_are_those_of_scipy():
    table = draw_table()
    matrix = association_matrix(table)
    np.testing.assert_array_equal(matrix, matrix.T)
    spearman = stats.spearmanr(table["age"], table["pay"]).statistic
    assert matrix.loc["age", "pay"] == pytest.approx(spearman)
    counts = pd.crosstab(table["job"], table["owner"]).to_numpy()
    cramer = stats.contingency.association(counts, method="cramer")
    assert matrix.loc["job", "owner"] == pytest.approx(cramer)
    # The squared correlation ratio is R² of the group means.
    ranks = table["age"].rank()
    means = ranks.groupby(table["job"]).transform("mean")
    r2 = ((means - ranks.mean()) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum()
    assert matrix.loc["age", "job"] == pytest.approx(np.sqrt(r2))


def test_a_constant_column_has_no_association():
    table = pd.DataFrame({"x": [1, 1, 1], "c": ["a", "a", "a"], "y": [1, 2, 3]})
    np.testing.assert_array_equal(association_matrix(table), np.eye(3))


def test_marginals_are_those_of_scipy():
    real, synthetic, held_out = draw_table(), draw_table(seed=1, shift=1.0), draw_table(seed=2)
    report = compare_tables(real, synthetic, held_out=held_out)
    ks = stats.ks_2samp(real["pay"], synthetic["pay"]).statistic
    assert value_of(report, "marginal", "pay", "ks_statistic") == pytest.approx(ks)
    ks = stats.ks_2samp(real["pay"], held_out["pay"]).statistic
    assert value_of(report, "marginal", "pay", "ks_statistic", "reference") == pytest.approx(ks)
    shares = [table["job"].value_counts(normalize=True) for table in (real, synthetic)]
    distance = value_of(report, "marginal", "job", "total_variation")
    assert distance == pytest.approx((shares[0] - shares[1]).abs().sum() / 2)
    marginals = report.query("aspect == 'marginal'")
    mean = marginals.query("column != 'all'")["value"].mean()
    assert value_of(report, "marginal", "all", "mean") == pytest.approx(mean)


def test_missing_numbers_are_compared_by_their_rate():
    real, synthetic = pd.DataFrame({"x": [1, 2, np.nan, 4]}), pd.DataFrame({"x": [1.0, 2, 3, 4]})
    report = compare_tables(real, synthetic)
    assert value_of(report, "marginal", "x", "missing_rate") == 0.25
    assert np.isnan(value_of(report, "marginal", "x", "missing_rate", "reference"))


def test_lost_associations_are_seen():
    real = draw_table(1000)
    rng = np.random.default_rng(0)
    shuffled = real.apply(lambda column: rng.permutation(column.to_numpy()))
    report = compare_tables(real, shuffled, held_out=draw_table(1000, seed=1))
    assert value_of(report, "marginal", "all", "mean") == pytest.approx(0, abs=1e-12)
    difference = (association_matrix(shuffled) - association_matrix(real)).abs()
    error = value_of(report, "association", "job", "mean_error")
    assert error == pytest.approx(difference["job"].sum() / 4)
    assert value_of(report, "association", "all", "mean_error", "reference") < error / 3


def test_copies_are_seen():
    real, held_out = draw_table(), draw_table(seed=1)
    report = compare_tables(real, real.iloc[:50], held_out=held_out)
    assert value_of(report, "memorization", "all", "ratio") == pytest.approx(0, abs=1e-6)
    assert value_of(report, "memorization", "all", "copied_rows") == 1
    assert value_of(report, "memorization", "all", "copied_rows", "reference") == 0
    fresh = compare_tables(real, draw_table(seed=2), held_out=held_out)
    assert value_of(fresh, "memorization", "all", "ratio") == pytest.approx(1, abs=0.2)


def test_usefulness_is_the_score_after_training_on_the_synthetic_table():
    real, fresh, held_out = (draw_table(400, seed=seed) for seed in range(3))
    useless = fresh.assign(job=np.random.default_rng(0).permutation(fresh["job"]))
    measure = "balanced_accuracy"
    values = {}
    for name, table in {"fresh": fresh, "useless": useless}.items():
        report = compare_tables(
            real, table, held_out=held_out, target="job", estimator=LogisticRegression()
        )
        values[name] = value_of(report, "usefulness", "job", measure)
    reference = value_of(report, "usefulness", "job", measure, "reference")
    assert values["fresh"] == pytest.approx(reference, abs=0.05)
    assert values["useless"] < reference - 0.2


def test_default_estimators_and_other_targets():
    real, fresh, held_out = (draw_table(seed=seed) for seed in range(3))
    report = compare_tables(real, fresh, held_out=held_out, target="pay")
    assert report["measure"].iloc[-1] == "r2"
    report = compare_tables(real, fresh, held_out=held_out, target="owner")
    assert report["value"].iloc[-1] > 0.9
    again = compare_tables(real, fresh, held_out=held_out, target="owner")
    pd.testing.assert_frame_equal(report, again)
    report = compare_tables(
        real, fresh, held_out=held_out, target="age", estimator=LinearRegression()
    )
    assert report["measure"].iloc[-1] == "r2"
    one_class = fresh.assign(job="smith")
    for estimator in (None, DummyClassifier()):
        report = compare_tables(
            real, one_class, held_out=held_out, target="job", estimator=estimator
        )
        assert report["value"].iloc[-1] == 0.5


def nets():
    settings = {"max_epochs": 30, "lr": 0.5, "train_split": None, "verbose": 0}
    return {
        "job": NeuralNetClassifier(
            torch.nn.LazyLinear,
            module__out_features=2,
            criterion=torch.nn.CrossEntropyLoss,
            **settings,
        ),
        "owner": NeuralNetBinaryClassifier(torch.nn.LazyLinear, module__out_features=1, **settings),
        "age": NeuralNetRegressor(
            torch.nn.LazyLinear,
            module__out_features=1,
            **(settings | {"lr": 0.02, "max_epochs": 90}),
        ),
    }


def test_nets_learn_labels_and_numbers_of_any_kind():
    real, fresh, held_out = (draw_table(100, seed=seed) for seed in range(3))
    for target, net in nets().items():
        asked = {"held_out": held_out, "target": target}
        model = make_pipeline(StandardScaler(), net) if target == "job" else net
        for bare in (net, make_pipeline(StandardScaler(), net)):
            with pytest.raises(TypeError, match=r"estimator=skgal.classifiers.AnyEstimator\(net\)"):
                compare_tables(real, fresh, estimator=bare, **asked)
        report, again = (
            compare_tables(real, fresh, estimator=AnyEstimator(model, random_state=0), **asked)
            for _ in range(2)
        )
        assert report["value"].iloc[-1] > (0 if target == "age" else 0.6)
        pd.testing.assert_frame_equal(report, again)


@pytest.mark.parametrize("convert", [lambda table: table, pl.from_pandas])
def test_broken_rules_are_counted(convert):
    real, synthetic = draw_table(), draw_table(seed=1)
    synthetic.loc[:19, "age"] = 12
    rules = {"adult": lambda table: table["age"] >= 18}
    report = compare_tables(convert(real), convert(synthetic), constraints=rules)
    assert value_of(report, "constraint", "adult", "violations") == pytest.approx(0.1)
    assert value_of(report, "constraint", "adult", "violations", "reference") == 0


def test_tables_that_cannot_be_compared_are_refused():
    table = draw_table()
    with pytest.raises(ValueError, match=r"has no \['pay'\]"):
        compare_tables(table, table.drop(columns="pay"))
    with pytest.raises(ValueError, match="has no rows"):
        compare_tables(table, table.iloc[:0])
    with pytest.raises(ValueError, match="target needs held_out"):
        compare_tables(table, table, target="job")
    with pytest.raises(ValueError, match="target must be one of"):
        compare_tables(table, table, held_out=table, target="wage")

    with pytest.raises(ValueError, match="Column names must differ"):
        compare_tables(table, table.set_axis(["age", "age", *table.columns[2:]], axis=1))
    with pytest.raises(TypeError, match=r"got ndarray; name the columns.*DataFrame\(array\)"):
        compare_tables(table, table.to_numpy())


def test_columns_may_be_numbered():
    table, other = draw_table(), draw_table(seed=1)
    numbers = range(table.shape[1])
    expected = compare_tables(table, other, held_out=other, target="job")
    found = compare_tables(
        table.set_axis(numbers, axis=1), other.set_axis(numbers, axis=1),
        held_out=other.set_axis(numbers, axis=1), target=2,
    )  # fmt: skip
    np.testing.assert_array_equal(found["value"], expected["value"])
    np.testing.assert_array_equal(found["measure"], expected["measure"])
    points = to_points(table.set_axis(numbers, axis=1), other.set_axis(numbers, axis=1))
    np.testing.assert_array_equal(points[1], to_points(table, other)[1])
    matrix = association_matrix(table.set_axis(numbers, axis=1))
    np.testing.assert_array_equal(matrix, association_matrix(table))


def test_unique_names_cost_no_column_each():
    """Of a column of names, the most frequent are told apart."""
    names = [f"name {i}" for i in range(3000)]
    table = pd.DataFrame({"id": names, "x": np.arange(3000), "other": names[::-1]})
    (points,) = to_points(table)
    assert points.shape[1] < 110
    assert np.isfinite(association_matrix(table).to_numpy()).all()
    often = pd.DataFrame({"id": ["a"] * 5 + names})
    points = to_points(often)[0]
    assert np.linalg.norm(points[0] - points[-1]) == pytest.approx(1)
