"""A box of free designs: its ranges, kinds of columns, constraints, and the strategies in it."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.active import ActiveLearner
from skgal.datasets import make_reactor
from skgal.generators import DesignBox
from skgal.query import ADBA, AISEL, GAAL, LatentRandom, LatentUncertainty, SpaceFilling
from skgal.testing import check_generator

FRAME = pd.DataFrame(
    {
        "length": [1.0, 3.0, 2.0],
        "bolts": np.array([4, 8, 6], dtype=np.int16),
        "steel": pd.Categorical(["S235", "S355", "S235"], ["S235", "S275", "S355"]),
        "welded": [True, False, True],
        "pressure": [1e2, 1e5, 1e4],
        "site": ["north"] * 3,
    }
)
TRIANGLE = ([[1.0, 1.0]], [1.0])  # x + y <= 1 in the unit square
UNIT = [[0.0, 1.0], [0.0, 1.0]]


def unit_box(**params):
    return DesignBox(UNIT, random_state=0, **params).fit(np.full((3, 2), 0.25))


@pytest.mark.touches_global_rng  # one of scikit-learn's checks permutes rows with the global one
@parametrize_with_checks([DesignBox(random_state=0)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_contract():
    check_generator(DesignBox())


@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_frames_come_back_with_their_columns_dtypes_ranges_and_categories(library):
    frame = FRAME if library is pd else pl.from_pandas(FRAME)
    box = DesignBox(random_state=0).fit(frame)
    drawn = box.sample(200)
    assert type(drawn) is type(frame)
    assert list(drawn.columns) == list(frame.columns)
    dtypes = frame.dtypes if library is pl else list(frame.dtypes)
    assert list(drawn.dtypes) == list(dtypes)
    assert set(drawn["bolts"].to_list()) == {4, 5, 6, 7, 8}
    assert set(drawn["steel"].to_list()) == {"S235", "S355"}
    assert set(drawn["welded"].to_list()) == {True, False}
    assert set(drawn["site"].to_list()) == {"north"}
    assert 1 <= drawn["length"].min() < 1.1
    assert 2.9 < drawn["length"].max() <= 3
    assert box.latent_dim_ == 5  # the site doesn't vary


@pytest.mark.parametrize("kind", ["arrow", "values"])
def test_tables_in_other_containers_hold_the_same_designs(kind):
    mixed = FRAME.astype({"steel": object})
    table = pa.Table.from_pandas(mixed) if kind == "arrow" else mixed.to_numpy()
    drawn = DesignBox(random_state=0).fit(table).sample(20)
    assert type(drawn) is type(table)
    expected = DesignBox(random_state=0).fit(mixed).sample(20)
    if kind == "arrow":
        assert drawn.schema == table.schema
        assert drawn.to_pylist() == expected.to_dict("records")
    else:
        assert drawn.dtype == object
        assert drawn.tolist() == expected.to_numpy().tolist()


@pytest.mark.parametrize(
    "frame", [np.asarray, pd.DataFrame, pl.DataFrame], ids=["array", "pandas", "polars"]
)
def test_designs_with_gaps_are_refused(frame):
    with pytest.raises(ValueError, match=r"X has gaps.*leave out such rows|Input X contains NaN"):
        DesignBox().fit(frame(np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 4.0]])))


def test_what_is_given_goes_before_what_x_spans():
    box = DesignBox(
        {"length": (0.5, 9.5), "bolts": (2, 3)},
        integers=["length"],
        categories={"steel": ["S235", "S460"]},
        log=["pressure"],
        random_state=0,
    ).fit(FRAME.assign(steel=FRAME["steel"].astype(str)))
    drawn = box.sample(4000)
    assert set(drawn["length"]) == set(range(1, 10))
    assert set(drawn["bolts"]) == {2, 3}
    assert set(drawn["steel"]) == {"S235", "S460"}
    shares = drawn["length"].value_counts(normalize=True)
    assert shares.between(0.09, 0.135).all()  # a ninth each, the ends included
    logs = np.log10(drawn["pressure"])
    assert stats.kstest(logs, stats.uniform(2, 3).cdf).pvalue > 0.01


def test_positions_name_the_columns_of_arrays():
    X = np.array([[1.0, 10.0], [2.0, 1000.0]])
    box = DesignBox({1: (1.0, 100.0)}, integers=[0], log=[1], random_state=0).fit(X)
    drawn = box.sample(500)
    assert set(drawn[:, 0]) == {1, 2}
    assert stats.kstest(np.log10(drawn[:, 1]), stats.uniform(0, 2).cdf).pvalue > 0.01


def test_the_way_there_and_back():
    box = DesignBox(log=["pressure"], random_state=0).fit(FRAME)
    Z = box.transform(FRAME)
    assert Z.shape == (3, 5)
    pd.testing.assert_frame_equal(box.inverse_transform(Z), FRAME)
    drawn = box.sample(50)
    pd.testing.assert_frame_equal(box.generate(box.transform(drawn)), drawn)
    # A latent point is in the cell of the whole number that it becomes.
    Z = box.sample_latent(50, random_state=1)
    assert np.all(np.abs(box.transform(box.generate(Z)) - Z) <= [1e-9, 0.2 + 1e-9, 0.5, 0.5, 1e-9])


def test_scores_tell_how_far_out_a_design_is():
    box = unit_box(constraints=TRIANGLE)
    scores = box.score_samples([[0.2, 0.3], [0.9, 0.9], [1.5, 0.0]])
    assert scores == pytest.approx([0, -0.8, -1 - 0.5])
    assert box.transform([[1.5, -2.0]]).tolist() == [[1, -1]]


def test_designs_of_another_category_have_no_latent_point():
    box = DesignBox(categories={"steel": ["S235"]}, random_state=0).fit(FRAME)
    is_known = (FRAME["steel"].astype(str) == "S235").to_numpy()
    assert not is_known.all()
    Z = box.transform(FRAME)
    assert np.isnan(Z[~is_known]).all()
    assert np.isfinite(Z[is_known]).all()
    assert box.score_samples(FRAME).tolist() == np.where(is_known, 0, -np.inf).tolist()


def test_designs_that_satisfy_constraints_are_equally_likely():
    drawn = unit_box(constraints=TRIANGLE).sample(4000)
    assert drawn.sum(axis=1).max() <= 1
    # Of a triangle, x has the density 2 (1 - x).
    assert stats.kstest(drawn[:, 0], lambda x: 1 - (1 - x) ** 2).pvalue > 0.01


@pytest.mark.parametrize("seed", range(3))
def test_every_latent_point_becomes_a_design_that_satisfies_the_constraints(seed):
    rng = np.random.RandomState(seed)
    X = rng.uniform(1, 10, (5, 4))
    bounds = np.column_stack([rng.uniform(0.5, 1, 4), rng.uniform(5, 9, 4)])
    A = rng.normal(size=(3, 4))
    b = A @ bounds.mean(axis=1) + 0.3 * np.abs(A).sum(axis=1)  # the middle is feasible
    box = DesignBox(bounds, integers=[0, 2], log=[1], constraints=(A, b), random_state=0).fit(X)
    Z = rng.uniform(-1, 1, (3000, 4))
    designs = box.generate(Z)
    assert np.all(designs @ A.T <= b + 1e-7)
    assert np.all((designs >= bounds[:, 0]) & (designs <= bounds[:, 1]))
    assert np.all(designs[:, [0, 2]] == np.rint(designs[:, [0, 2]]))
    feasible = box.is_feasible(Z)
    assert 0.01 < feasible.mean() < 0.99
    unconstrained = DesignBox(bounds, integers=[0, 2], log=[1]).fit(X)
    np.testing.assert_array_equal(designs[feasible], unconstrained.generate(Z[feasible]))
    np.testing.assert_array_equal(designs[:7], box.generate(Z[:7]))


def test_what_cannot_be_a_box_is_refused_with_the_reason():
    X = np.array([[1.0, 2.0], [3.0, 5.0]])
    for params, message in [
        ({"bounds": [[0, 1]]}, r"shape \(2, 2\), a row for each variable; got \(1, 2\)"),
        ({"bounds": {0: (2, 1)}}, "Column 0 has no values between 2 and 1"),
        ({"bounds": {0: (0, np.inf)}}, "finite bounds"),
        ({"bounds": {0: (1.2, 1.8)}, "integers": [0]}, "no values between 2 and 1"),
        ({"bounds": {"a": (1, 2)}}, "no column 'a'; its columns are"),
        ({"bounds": {0: (0, 1)}, "log": [0]}, "logarithmic, so its bounds must be above 0"),
        ({"constraints": ([[1, 1, 1]], [1])}, r"shape \(n_constraints, 2\)"),
        ({"constraints": ([[1, 1]], [2.5])}, "No design within the bounds satisfies"),
        ({"constraints": ([[1, 1], [-1, -1]], [5, -5])}, "an equality, leave one variable out"),
    ]:
        with pytest.raises(ValueError, match=message):
            DesignBox(**params, random_state=0).fit(X)
    with pytest.raises(ValueError, match="n_samples=2 designs"):
        DesignBox().fit(np.ones((2, 3)))
    with pytest.raises(ValueError, match="not numbers: their coefficients"):
        DesignBox(constraints=(np.ones((1, 6)), [9])).fit(FRAME)


def test_it_clones_and_pickles_with_its_constraints():
    box = unit_box(constraints=TRIANGLE)
    Z = np.random.RandomState(0).uniform(-1, 1, (50, 2))
    for copy in (clone(box).fit(np.full((3, 2), 0.25)), pickle.loads(pickle.dumps(box))):
        np.testing.assert_array_equal(copy.generate(Z), box.generate(Z))


@pytest.mark.parametrize("strategy_class", [AISEL, LatentRandom, LatentUncertainty, SpaceFilling])
def test_every_latent_strategy_works_in_a_box_with_constraints(strategy_class):
    reactors = make_reactor(30, n_test=10, random_state=0)
    # Neither colder than the coolant at the start, nor more than 25 K warmer
    constraints = ([[0, -1, 1, 0, 0], [0, 1, -1, 0, 0]], [0, 25])
    strategy = strategy_class(DesignBox(constraints=constraints, log=[0, 4]))
    if strategy_class in (AISEL, LatentUncertainty):
        strategy.set_params(n_candidates=256)
    learner = ActiveLearner(
        make_pipeline(StandardScaler(), GaussianProcessClassifier()),
        strategy,
        oracle=reactors.oracle,
        batch_size=8,
        budget=16,
        random_state=0,
    ).fit(reactors.X, reactors.y)
    designed = learner.labelled_.X[learner.labelled_.is_synthetic]
    assert len(designed) == 16
    difference = designed[:, 1] - designed[:, 2]
    assert np.all((difference >= -1e-9) & (difference <= 25 + 1e-9))
    low, high = reactors.X.min(axis=0), reactors.X.max(axis=0)
    assert np.all((designed >= low) & (designed <= high))
    # They are chosen among feasible designs, rather than pulled to the edge of what is.
    assert np.mean((difference < 1e-6) | (difference > 25 - 1e-6)) < 0.5


def test_a_learner_designs_rows_of_a_mixed_frame():
    frame = FRAME.drop(columns="site")
    rows = pd.concat([frame] * 5, ignore_index=True)
    y = (rows["bolts"] > 5).astype(int).to_numpy()

    def oracle(X):
        return (X["bolts"] > 5).astype(int)

    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["steel", "welded"]), remainder=StandardScaler()
    )
    learner = ActiveLearner(
        make_pipeline(encode, LogisticRegression()),
        AISEL(DesignBox(log=["pressure"]), n_candidates=128),
        oracle=oracle,
        batch_size=5,
        budget=10,
        random_state=0,
    ).fit(rows, y)
    assert len(learner.labelled_) == 25
    assert set(learner.labelled_.X["steel"]) == {"S235", "S355"}


# Designs that are cells of the latent space.


def test_equal_rows_of_rounded_points_are_equal_designs():
    box = DesignBox(log=["pressure"], random_state=0).fit(FRAME)
    latent = np.random.default_rng(0).choice([-1.0, -0.31, 0.3, 0.9], (400, box.latent_dim_))
    rounded = box.round_latent(latent)
    pd.testing.assert_frame_equal(box.generate(rounded), box.generate(latent))
    n_designs = len(box.generate(latent).drop_duplicates())
    assert len(np.unique(rounded, axis=0)) == n_designs < len(np.unique(latent, axis=0))
    np.testing.assert_array_equal(box.transform(box.generate(latent))[:, 1], rounded[:, 1])
    assert not hasattr(unit_box(), "round_latent")  # there each point is a design


@pytest.mark.parametrize("constraints", [None, ([[1, 1, 0]], [9])], ids=["box", "constraints"])
@pytest.mark.parametrize(
    "make_strategy",
    [
        ADBA,
        AISEL,
        lambda box: AISEL(box, n_neighbors=0),
        lambda box: AISEL(box, balance=True),
        LatentUncertainty,
        LatentRandom,
        GAAL,
        SpaceFilling,
        lambda box: SpaceFilling(box, method="latin"),
    ],
    ids=["ADBA", "AISEL", "paper", "balance", "uncertainty", "random", "GAAL", "sobol", "latin"],
)
def test_no_design_of_integers_and_categories_is_bought_twice(make_strategy, constraints):
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.randint(0, 10, (12, 2)), np.tile([0, 5, 7], 4)]).astype(float)
    y = (X[:, 0] > X[:, 1]).astype(int)
    box = DesignBox(
        [(0, 9)] * 3, integers=[0, 1], categories={2: [0, 5, 7]}, constraints=constraints
    )
    asked = []

    def solve(designs):
        asked.append(designs)
        return designs[:, 0] > designs[:, 1]

    ActiveLearner(
        LogisticRegression(),
        make_strategy(box),
        oracle=solve,
        batch_size=8,
        budget=24,
        random_state=0,
    ).fit(X, y)
    asked = np.concatenate(asked)
    assert len(asked) == len(np.unique(asked, axis=0)) == 24
    is_known = (asked[:, np.newaxis] == X).all(axis=2).any(axis=1)
    assert not is_known.any() or isinstance(make_strategy(box), SpaceFilling)  # an even design


@pytest.mark.parametrize("as_frame", [False, True], ids=["array", "frame"])
@pytest.mark.parametrize(
    ("dtype", "bounds", "integers", "message"),
    [
        (np.int64, (-(2**63), 2**63 - 1), (), "whole numbers that are exact"),
        (np.float64, (-(2**63), 2**63 - 1), [0], "whole numbers that are exact"),
        (np.float32, (0, 2**24 + 2), [0], "whole numbers that are exact"),
        (np.uint64, (0, 2**63), (), "whole numbers that are exact"),
        (np.int8, (0, 1000), (), "int8, -128 to 127"),
        (np.uint8, (-5, 10), (), "uint8, 0 to 255"),
        (np.float32, (-1e300, 1e300), (), "float32"),
        (np.float64, (-1.7e308, 1.7e308), (), "range float64 holds"),
    ],
    ids=["int64", "integers", "few digits", "uint64", "int8", "uint8", "float32", "float64"],
)
def test_bounds_that_the_dtype_does_not_hold(dtype, bounds, integers, message, as_frame):
    X = np.array([[0], [10]], dtype=dtype)
    X = pd.DataFrame(X, columns=["a"]) if as_frame else X
    name = "a" if as_frame else 0
    box = DesignBox({name: bounds}, integers=[name] * len(integers))
    with pytest.raises(ValueError, match=f"column '?{name}'?.*{message}"):
        box.fit(X)


@pytest.mark.parametrize(
    ("dtype", "bounds"), [(np.int8, (-128, 127)), (np.int64, (2**53 - 9, 2**53))]
)
def test_whole_numbers_up_to_their_limits(dtype, bounds):
    drawn = DesignBox([bounds], random_state=0).fit(np.zeros((2, 1), dtype)).sample(5000)
    assert drawn.dtype == dtype
    assert (drawn.min(), drawn.max()) == bounds


@pytest.mark.parametrize("method", ["sobol", "latin"])
def test_a_box_of_fewer_designs_than_are_wanted(method):
    box = DesignBox([(0, 1), (0, 2)], integers=[0, 1])
    X = np.zeros((4, 2))
    strategy = SpaceFilling(box, method=method, random_state=0).fit(X)
    designs = strategy.synthesize(X, np.zeros(4), None, batch_size=10).X
    assert len(designs) == 10
    assert len(np.unique(designs[:6], axis=0)) == 6  # all there are come first
    unlabelled = LatentRandom(box, random_state=0).fit(X)
    designs = unlabelled.synthesize(X, np.full(4, np.nan), None, batch_size=6).X
    assert len(np.unique(designs, axis=0)) == 6
    X = np.array([[0.0, 0.0], [1.0, 2.0]])
    lines = ADBA(box, random_state=0).fit(X).synthesize(X, np.arange(2), None, batch_size=9)
    assert sorted(map(tuple, lines.X)) == [(0, 1), (0, 2), (1, 0), (1, 1)]  # all that are new
    X = np.concatenate([X, lines.X])
    lines = ADBA(box, random_state=0).fit(X).synthesize(X, np.arange(6) % 2, None, batch_size=9)
    assert len(lines.X) == len(lines.line) == 9  # there is nothing new
