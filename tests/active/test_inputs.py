"""What may be given to a learner, an estimator like any other: data, labels, models."""

import pickle
import sys
import warnings
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.stats import uniform
from sklearn.base import BaseEstimator, clone, is_classifier, is_regressor
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_dtype_object, parametrize_with_checks

from skgal.active import (
    ActiveLearner,
    CallableOracle,
    CostBudget,
    EstimatorOracle,
    LabelOracle,
    LabelStore,
    StablePredictions,
)
from skgal.base import Synthesis, SynthesisStrategy
from skgal.classifiers import EnsembleClassifier, EnsembleRegressor
from skgal.exceptions import StoreMissingError
from skgal.generators import ACGAN, GAN, GIN
from skgal.query import (
    AISEL,
    ASAL,
    BADGE,
    CoreSet,
    ProbCover,
    RandomSampling,
    TypiClust,
    UncertaintySampling,
)
from skgal.utils import DataLayout

# Labels


def test_times_are_no_labels(blobs):
    X, y = blobs
    days = np.datetime64("2026-01-01") + y
    for times in (days, pd.Series(days), days - days[0]):
        with pytest.raises(ValueError, match="y holds times"):
            ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, times)


@pytest.mark.parametrize(
    "contain",
    [
        lambda y: pd.DataFrame({"label": y}),
        lambda y: pl.DataFrame({"label": y}),
        lambda y: pd.Series(y, index=np.arange(len(y))[::-1]),
        lambda y: np.asarray(y),
        lambda y: pd.array(y, dtype="Int64"),
        pa.array,
    ],
    ids=["pandas", "polars", "series", "array", "nullable", "arrow"],
)
def test_labels_may_come_in_any_container(blobs, contain):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10, random_state=0)
    expected = learner.fit(X, y).labelled_.indices
    learner.fit(X, contain(y), X_val=X, y_val=contain(y))
    np.testing.assert_array_equal(learner.labelled_.indices, expected)
    assert learner.history_[-1]["score"] > 0.5


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_may_be_a_column(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10, random_state=0)
    expected = learner.fit(X, y).labelled_.indices
    np.testing.assert_array_equal(learner.fit(X, y[:, None]).labelled_.indices, expected)


@pytest.mark.parametrize(
    "missing_label", [pd.NA, None, np.nan, pd.NaT, Decimal("NaN"), -1, "?", b"?", np.inf], ids=repr
)
def test_missing_label_may_be_anything(blobs, missing_label):
    X, y = blobs
    known = np.array(y, dtype=object)
    known[6:] = missing_label
    answers = [missing_label, *y[:3]]
    oracle = lambda X: answers  # noqa: E731 - a callable as users write one
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=oracle, missing_label=missing_label
    ).set_params(batch_size=4, budget=4)
    learner.fit(X, known)
    assert learner.labelled_.n_initial == 6
    assert (learner.labelled_.n_bought, learner.labelled_.n_declined) == (3, 1)


def test_minus_one_is_pointed_to_missing_label(blobs):
    X, y = blobs
    unlabelled = np.where(np.arange(40) < 12, y, -1)
    oracle = LabelOracle(X, y)
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, budget=4)
    for labels in (unlabelled, unlabelled.astype(float), np.where(np.arange(40) < 30, y, -1)):
        with pytest.warns(UserWarning, match="pass missing_label=-1") as caught:
            learner.fit(X, labels)
        assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="pass missing_label=-1"):  # a simulation, too
        ActiveLearner(LogisticRegression(), RandomSampling(), budget=4).fit(X, unlabelled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.set_params(missing_label=-1).fit(X, unlabelled)
        assert learner.classes_.tolist() == [0, 1]
        # The two signs of a classifier are just that.
        learner.set_params(missing_label=np.nan).fit(X, np.where(y == 0, -1, 1))


def test_design_without_an_oracle_warns_that_nothing_is_labelled(blobs, segment):
    learner = ActiveLearner(LogisticRegression(), segment, budget=20)
    with pytest.warns(UserWarning, match="pass oracle=, or bring the labels by ask and tell"):
        learner.fit(*blobs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        learner.set_params(store=":memory:").fit(*blobs)


# Models


@pytest.mark.parametrize(
    "estimator",
    [
        # By default the last estimator is None, and there is no predict before fit.
        StackingClassifier([("tree", DecisionTreeClassifier())], cv=2),
        StackingRegressor([("tree", DecisionTreeRegressor())], cv=2),
        make_pipeline(StackingClassifier([("tree", DecisionTreeClassifier())], cv=2)),
        GridSearchCV(StackingClassifier([("tree", DecisionTreeClassifier())]), {"cv": [2]}, cv=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_models_that_predict_only_once_fitted(blobs, estimator):
    X, y = blobs
    learner = ActiveLearner(estimator, RandomSampling(), budget=10, random_state=0).fit(X, y)
    assert learner.labelled_.n_bought == 10
    assert learner.predict(X).shape == (40,)


def test_tags_are_what_learner_and_strategy_take():
    class Dense(RandomSampling):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.sparse = False
            return tags

    forest = RandomForestClassifier()
    assert get_tags(forest).classifier_tags.multi_label
    tags = get_tags(ActiveLearner(forest, RandomSampling()))
    assert not tags.classifier_tags.multi_label
    assert tags.input_tags.sparse
    assert not get_tags(ActiveLearner(forest, Dense())).input_tags.sparse
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ActiveLearner(forest, Dense()).fit(sparse.eye(20, format="csr"), np.arange(20) % 2)


@pytest.mark.parametrize(
    "strategy",
    [
        CoreSet(),
        BADGE(),
        TypiClust(),
        ProbCover(),
        ASAL(GAN()),
        AISEL(GIN()),
        UncertaintySampling(),
    ],
    ids=lambda strategy: type(strategy).__name__,
)
@pytest.mark.parametrize("model", [RandomForestClassifier(), LogisticRegression()], ids=repr)
def test_a_learner_claims_sparse_samples_where_it_takes_them(model, strategy):
    learner = ActiveLearner(model, strategy, budget=0)
    X = sparse.eye(20, format="csr")
    if get_tags(learner).input_tags.sparse:
        learner.fit(X, np.arange(20) % 2)
    else:
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            learner.fit(X, np.arange(20) % 2)


def test_ensembles_claim_the_outputs_that_they_learn():
    tags = get_tags(EnsembleClassifier(RandomForestClassifier()))
    assert not tags.target_tags.multi_output
    assert not tags.classifier_tags.multi_label
    assert get_tags(EnsembleRegressor(RandomForestRegressor())).target_tags.multi_output


@pytest.mark.parametrize(
    "estimator",
    [BayesianRidge(), ARDRegression(), LogisticRegression(), RandomForestRegressor(3)],
)
def test_objects_that_are_numbers(estimator):
    # Asked how unsure it is, BayesianRidge can't compute with objects.
    check_dtype_object("ActiveLearner", ActiveLearner(estimator, UncertaintySampling()))
    ensemble = EnsembleClassifier if is_classifier(estimator) else EnsembleRegressor
    check_dtype_object("ensemble", ensemble(estimator, 2, random_state=0))
    # What no model takes is refused even if the model would see it only once it was paid for.
    few = ActiveLearner(estimator, RandomSampling(), budget=3, random_state=0)
    check_dtype_object("ActiveLearner", few)


class Counting(MLPClassifier):
    """Counts, through rounds, how often it was fitted."""

    def fit(self, X, y):
        self.n_fits_ = getattr(self, "n_fits_", 0) + 1
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_start_goes_on_from_round_to_round(blobs, partial, path):
    X, y = blobs

    def fit(store, budget=12, warm_start=True):
        net = Counting((4,), max_iter=5, warm_start=warm_start)
        learner = ActiveLearner(net, RandomSampling(), oracle=LabelOracle(X, y), batch_size=4)
        return learner.set_params(budget=budget, store=store, random_state=0).fit(*partial)

    unbroken = fit(None)
    assert unbroken.estimator_.n_fits_ == 4
    assert fit(None, warm_start=False).estimator_.n_fits_ == 1
    fit(path, budget=8)
    resumed = fit(path)
    assert resumed.estimator_.n_fits_ == 4
    np.testing.assert_array_equal(resumed.predict_proba(X), unbroken.predict_proba(X))
    # So is the model of an earlier round.
    np.testing.assert_array_equal(
        resumed.as_of(2).predict_proba(X), fit(None, budget=8).predict_proba(X)
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((4,), max_iter=5, warm_start=True),
        SGDClassifier(loss="log_loss", warm_start=True),
        ACGAN(max_iter=2, latent_dim=2, warm_start=True),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_warm_start_begins_anew_where_a_class_comes_or_goes(estimator, partial):
    learner = ActiveLearner(estimator, RandomSampling(), random_state=0).fit(*partial)
    learner.tell(learner.ask(2), [7, 0])
    assert set(learner.classes_) == {0, 1, 7}
    assert learner.predict_proba(partial[0]).shape[1] == 3
    for _ in range(2):
        learner.undo()
    query = learner.pending_
    learner.tell(query, [0] * len(query))
    assert set(learner.classes_) == {0, 1}


def test_models_of_earlier_rounds_have_the_labels_of_that_round(blobs, partial, path):
    X, y = blobs
    criterion = StablePredictions(X, threshold=0.999, n_rounds=2)
    learner = ActiveLearner(
        DummyClassifier(), RandomSampling(), stopping=criterion, store=path, random_state=0
    ).fit(*partial)
    told, fitted = [], []

    def tell(ids):
        told.append(ids)
        indices = learner.store_.records(ids=ids, samples=False)
        learner.tell(ids, [int(y[record.index]) for record in indices])

    first = learner.ask(3).ids
    tell(first[[0, 2]])
    second = learner.ask(2).ids
    fitted.append(first[[0, 2]])
    tell(np.r_[first[[1]], second])
    fitted.append(np.r_[first, second])
    assert len(learner.history_) == 3
    resumed = ActiveLearner(DummyClassifier(), RandomSampling(), store=path).fit(*partial)
    for row, ids in enumerate(fitted, start=1):
        labels = [record.label for record in resumed.store_.records(ids=ids, samples=False)]
        expected = np.bincount(np.r_[partial[1][~np.isnan(partial[1])].astype(int), labels])
        earlier = resumed.as_of(row)
        np.testing.assert_array_equal(earlier.estimator_.class_prior_ * expected.sum(), expected)
    for missing in (-1, 3):
        with pytest.raises(ValueError, match=rf"number == {missing}, must be"):
            learner.as_of(missing)


# Several outputs


def two_outputs(x):
    if x[1] > 1.5:
        raise ArithmeticError("no convergence")
    return None if x[1] < -1.5 else [x[0] + x[1], x[0] - x[1]]


@pytest.mark.parametrize("store", [None, "file"])
def test_several_outputs_go_through(path, store):
    X = np.random.RandomState(0).normal(size=(60, 2))
    Y = np.c_[X.sum(axis=1), X[:, 0] - X[:, 1]]
    known = np.where(np.arange(60)[:, None] < 5, Y, np.nan)
    learner = ActiveLearner(
        LinearRegression(),
        RandomSampling(),
        oracle=CallableOracle(two_outputs, on_error="decline"),
        budget=40,
        store=path if store else None,
        random_state=0,
    )
    learner.fit(X, known, X_val=X, y_val=Y)
    record = learner.labelled_
    np.testing.assert_allclose(record.y, Y[record.indices])
    asked = X[[r.index for r in learner.store_.records(samples=False)]]
    assert record.n_failed == (asked[:, 1] > 1.5).sum() > 0
    assert record.n_declined == (asked[:, 1] < -1.5).sum() > 0
    assert learner.history_[-1]["score"] == pytest.approx(1)
    np.testing.assert_allclose(learner.predict(X), Y)
    again = learner.fit(X, known).labelled_.y
    assert again.shape == record.y.shape
    if store:
        np.testing.assert_array_equal(again, record.y)


def test_several_outputs_by_hand_and_in_simulation():
    X = np.random.RandomState(0).normal(size=(30, 2))
    Y = X @ [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
    simulated = ActiveLearner(Ridge(), RandomSampling(), budget=10, random_state=0).fit(X, Y)
    assert simulated.labelled_.y.shape == (20, 3)
    learner = ActiveLearner(Ridge(), RandomSampling(), store=":memory:", random_state=0)
    learner.fit(X, np.where(np.arange(30)[:, None] < 5, Y, np.nan))
    query = learner.ask(3)
    learner.tell(query.ids[0], Y[query.indices[0]]).tell(query.ids[1:], Y[query.indices[1:]])
    np.testing.assert_array_equal(learner.labelled_.y[5:], Y[query.indices])
    with pytest.raises(ValueError, match="3 numbers"):
        learner.tell(learner.ask(1), [[1.0, 2.0]])


# Prices


@pytest.mark.parametrize(
    "cost",
    [
        np.ones(5),
        np.full(40, np.nan),
        -np.ones(40),
        np.ones((40, 2)),
        np.full(40, np.inf),
        {"a": 1.0},
        ["cheap"] * 40,
        lambda X: np.ones(1),
        lambda X: -np.ones(len(X)),
    ],
    ids=["few", "NaN", "negative", "2-D", "infinite", "dict", "text", "one", "negative callable"],
)
def test_prices_are_checked_before_anything_is_bought(blobs, cost):
    X, y = blobs
    bought = []

    def oracle(samples):
        bought.extend(samples)
        return LabelOracle(X, y)(samples)

    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=oracle, stopping=CostBudget(30, cost)
    )
    with pytest.raises(ValueError, match="cost must"):
        learner.fit(X, y)
    assert not bought


@pytest.mark.parametrize(
    "contain",
    [
        lambda prices: [Decimal(price) for price in prices],
        lambda prices: pd.Series(prices, index=range(100, 140)),
        lambda prices: pd.array(prices, dtype="Int64"),
        pl.Series,
        lambda prices: lambda samples: [Decimal(2)] * len(samples),
    ],
    ids=["Decimal", "series", "nullable", "polars", "callable"],
)
def test_prices_may_come_in_any_container(blobs, contain):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), batch_size=3, random_state=0)
    learner.set_params(stopping=CostBudget(12, contain([2] * 40)), budget=30).fit(X, y)
    assert learner.labelled_.n_bought == 6
    assert learner.stop_reason_ == "cost budget: 12 spent, of 12"


@pytest.mark.parametrize("budget", [-1, "3", None, np.nan, np.inf])
def test_a_budget_of_money_is_checked_before_anything_is_bought(blobs, budget):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), stopping=CostBudget(budget))
    with pytest.raises(ValueError, match="'budget' parameter of CostBudget"):
        learner.fit(X, y)


# What was asked counts as asked


class Watching(SynthesisStrategy):
    """Designs uniform samples, and keeps what it is told of those asked about."""

    told = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
        self.told.append(asked)
        latent = np.random.RandomState(self.random_state).uniform(-2, 2, size=(batch_size, 2))
        return Synthesis(latent.astype(np.float32), latent)


def test_a_strategy_that_designs_knows_all_that_was_asked(blobs):
    Watching.told.clear()
    learner = ActiveLearner(LogisticRegression(), Watching(), store=":memory:", budget=40)
    learner.fit(*blobs)
    query = learner.ask(4)
    learner.tell(query.ids[0], 1).tell(query.ids[1], None)
    learner.store_.fail(query.ids[2], "diverged")
    learner.ask(2)
    assert Watching.told[0] is None
    asked = Watching.told[1]
    np.testing.assert_array_equal(asked.X, query.X)
    np.testing.assert_array_equal(asked.latent, query.latent)
    np.testing.assert_array_equal(asked.succeeded, [1, 0, 0, np.nan])
    learner.ask(2)
    assert len(Watching.told[2].X) == 6


def test_a_store_that_is_gone_is_noticed_before_the_next_purchase(path, blobs, partial):
    X, y = blobs
    asked = []

    def oracle(samples):
        asked.append(len(samples))
        path.rename(path.with_suffix(".moved"))
        return LabelOracle(X, y)(samples)

    learner = ActiveLearner(LogisticRegression(), RandomSampling(), oracle=oracle, store=path)
    with pytest.raises(StoreMissingError, match=r"deleted, moved or replaced"):
        learner.fit(*partial)
    assert asked == [10]


@pytest.mark.parametrize("entry", ["ask", "tell", "undo"])
@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
def test_every_entry_notices_a_store_that_is_gone(path, partial, entry, is_replaced):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), store=path).fit(*partial)
    query = learner.ask(2)
    if entry == "undo":
        learner.tell(query, [0, 1])
    content = path.read_bytes()
    path.unlink()
    if is_replaced:
        path.write_bytes(content)
    with pytest.raises(StoreMissingError, match=r"deleted, moved or replaced"):
        {"ask": lambda: learner.ask(2), "undo": learner.undo}.get(
            entry, lambda: learner.tell(query, [0, 1])
        )()


# Cost of one answer


def test_telling_one_label_costs_the_same_in_a_long_session(blobs):
    """Counted in lines of Python that run, since a clock is no measure in a test."""

    def count_lines(n_asked):
        X = np.random.RandomState(0).normal(size=(2 * n_asked, 2))
        y = (X[:, 0] > 0).astype(float)
        y[20:] = np.nan
        with LabelStore() as store:
            learner = ActiveLearner(LogisticRegression(), RandomSampling(), store=store)
            query = learner.set_params(budget=n_asked).fit(X, y).ask(n_asked)
            learner.tell(query.ids[:-5], [0] * (n_asked - 5))
            n_lines = 0

            def trace(frame, event, argument):
                nonlocal n_lines
                n_lines += 1
                return trace

            previous = sys.gettrace()
            sys.settrace(trace)
            try:
                learner.tell(query.ids[-5], 1)
            finally:
                sys.settrace(previous)
        return n_lines

    assert count_lines(400) < 1.1 * count_lines(100)


# Arrays, images, sparse matrices and data frames, and what is refused of them.


class Untouchable(LogisticRegression):
    """A classifier that must not be fitted."""

    def fit(self, X, y):
        raise AssertionError("this is too late")


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_reach_the_estimator_untouched(blobs, make_frame):
    values, y = blobs
    X = make_frame({"x": values[:, 0], "name": np.where(values[:, 1] > 0, "up", "down")})
    transformer = make_column_transformer(
        (StandardScaler(), ["x"]), (OneHotEncoder(sparse_output=False), ["name"])
    )
    learner = ActiveLearner(
        make_pipeline(transformer, LogisticRegression()), UncertaintySampling(), budget=10
    ).fit(X, y)
    assert type(learner.labelled_.X) is type(X)
    assert learner.labelled_.X.shape == (20, 2)
    assert learner.feature_names_in_.tolist() == ["x", "name"]
    assert learner.score(X, y) > 0.7


def test_sparse_pools(blobs):
    X, y = sparse.csr_matrix(blobs[0]), blobs[1]
    learner = ActiveLearner(LogisticRegression(), UncertaintySampling(), budget=10).fit(X, y)
    np.testing.assert_array_equal(
        learner.labelled_.X.toarray(), blobs[0][learner.labelled_.indices]
    )


def test_images_keep_their_shape(blobs):
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    estimator = make_pipeline(flatten, LogisticRegression())
    X, y = blobs
    learner = ActiveLearner(estimator, RandomSampling(), budget=10)
    learner.fit(X.reshape(40, 1, 2, 1), y)
    assert learner.labelled_.X.shape == (20, 1, 2, 1)
    assert learner.labelled_.X.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_bad_values_are_refused_before_any_training(blobs, bad, make):
    X, y = blobs
    X = X.copy()
    X[3, 1] = bad
    with pytest.raises(ValueError, match="contains"):
        ActiveLearner(Untouchable(), RandomSampling()).fit(make(X), y)


@pytest.mark.parametrize(
    "column",
    [
        pd.array([None, *range(39)], dtype="Int64"),
        pd.array([None, *np.linspace(0, 1, 39)], dtype="Float64"),
        pd.array([None, *[True] * 39], dtype="boolean"),
        pd.array([None, *["a"] * 39], dtype="string"),
        np.array([None, *["a"] * 39], dtype=object),
        pl.Series([None, *range(39)]),
        pl.Series([None, *["a"] * 39]),
    ],
    ids=["Int64", "Float64", "boolean", "string", "object", "polars int", "polars string"],
)
def test_missing_values_of_any_column_are_refused_before_any_training(blobs, column):
    make_frame = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    X = make_frame({"full": blobs[0][:, 0], "holed": column})
    with pytest.raises(ValueError, match=r"X\['holed'\] contains"):
        ActiveLearner(Untouchable(), RandomSampling()).fit(X, blobs[1])


def test_missing_values_are_for_estimators_that_take_them(blobs):
    X, y = blobs
    X = X.copy()
    X[::4, 1] = np.nan
    for estimator in (
        HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=2),
        make_pipeline(SimpleImputer(), LogisticRegression()),
    ):
        learner = ActiveLearner(estimator, RandomSampling(), budget=10).fit(X, y)
        assert learner.score(X, y) > 0.5
        frame = pd.DataFrame({"full": X[:, 0], "holed": pd.array(X[:, 1], dtype="Float64")})
        assert frame["holed"].isna().any()
        assert learner.fit(frame, y).score(frame, y) > 0.5


def test_infinity_is_refused_beside_missing_values(blobs):
    values = np.where(np.arange(40) == 3, np.inf, blobs[0][:, 1])
    X = pd.DataFrame({"full": blobs[0][:, 0], "holed": pd.array(values, dtype="Float64")})
    X.loc[5, "holed"] = pd.NA
    learner = ActiveLearner(HistGradientBoostingClassifier(), RandomSampling())
    with pytest.raises(ValueError, match=r"X\['holed'\] contains infinity"):
        learner.fit(X, blobs[1])


def test_lengths_must_agree(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y[:-1])


# The learner is an estimator like any other.


class Box(BaseEstimator):
    """A generator without training: uniform between the extremes of each feature."""

    latent_distribution_ = uniform(-1, 2)

    def fit(self, X, y=None):
        self.layout_ = DataLayout(X)
        (self.latent_dim_,) = self.layout_.shape
        return self

    def sample_latent(self, n_samples=1, *, random_state=None):
        size = (n_samples, self.latent_dim_)
        return self.latent_distribution_.rvs(size, random_state=random_state)

    def generate(self, Z, y=None):
        return self.layout_.from_network(Z)

    def transform(self, X):
        return self.layout_.to_network(np.asarray(X, dtype=float))

    def inverse_transform(self, Z):
        return self.generate(Z)


@dataclass
class Decline:
    """An oracle that gives no label: a check may come up with any classes."""

    def __call__(self, X):
        return np.full(len(X), np.nan)


@dataclass
class FirstFeature:
    """An oracle for a regressor."""

    def __call__(self, X):
        return np.asarray(X)[:, 0]


@pytest.mark.touches_global_rng  # scikit-learn's checks do
@parametrize_with_checks(
    [
        ActiveLearner(
            LogisticRegression(), AISEL(Box(), n_candidates=64), oracle=Decline(), budget=20
        ),
        ActiveLearner(
            BayesianRidge(),
            AISEL(Box(), n_candidates=64),
            oracle=FirstFeature(),
            budget=20,
            synthetic_weight=1e-6,  # the checks ask for the fit to another function
        ),
        ActiveLearner(LogisticRegression(), RandomSampling()),
        ActiveLearner(Ridge(), RandomSampling()),
        ActiveLearner(make_pipeline(StandardScaler(), LogisticRegression()), RandomSampling()),
    ]
)
def test_estimator_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "method", "available"),
    [
        (LogisticRegression(), "predict_proba", True),
        (LinearSVC(), "predict_proba", False),
        (LinearSVC(), "decision_function", True),
        (Ridge(), "decision_function", False),
    ],
)
def test_methods_are_those_of_the_estimator(blobs, estimator, method, available):
    learner = ActiveLearner(estimator, RandomSampling(), budget=5, random_state=0)
    assert hasattr(learner, method) == available
    learner.fit(*blobs)
    assert hasattr(learner, method) == available
    if available:
        expected = getattr(learner.estimator_, method)(blobs[0])
        np.testing.assert_array_equal(getattr(learner, method)(blobs[0]), expected)


def test_type_is_that_of_the_estimator():
    assert is_classifier(ActiveLearner(SVC(), RandomSampling()))
    assert is_regressor(ActiveLearner(make_pipeline(StandardScaler(), Ridge()), RandomSampling()))


def test_grid_search_over_strategies_and_nested_parameters(three_blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=10, random_state=0)
    grid = {
        "strategy": [RandomSampling(), UncertaintySampling()],
        "estimator__C": [0.1, 1.0],
        "budget": [0, 10],
    }
    search = GridSearchCV(learner, grid, cv=2, error_score="raise").fit(*three_blobs)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_score_ > 0.8
    assert search.predict_proba(three_blobs[0]).shape == (60, 3)


def test_cross_validation_scores_once_a_fold(blobs):
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=5, random_state=0)
    scores = cross_validate(learner, *blobs, cv=3, error_score="raise")["test_score"]
    assert scores.shape == (3,)


def test_fitted_learner_survives_pickling(blobs):
    X, y = blobs
    learner = ActiveLearner(LogisticRegression(), RandomSampling(), budget=5).fit(X, y)
    revived = pickle.loads(pickle.dumps(learner))
    np.testing.assert_array_equal(revived.predict_proba(X), learner.predict_proba(X))
    np.testing.assert_array_equal(revived.labelled_.indices, learner.labelled_.indices)


def test_clones_ask_the_same_oracle(blobs):
    X, y = blobs
    fitted = LogisticRegression().fit(X, y)
    for oracle in (EstimatorOracle(fitted), LabelOracle(X, y)):
        copy = clone(ActiveLearner(fitted, RandomSampling(), oracle=oracle))
        assert copy.oracle is oracle


@pytest.mark.parametrize(
    "wrong",
    [
        {"estimator": "net"},
        {"strategy": "random"},
        {"oracle": 3},
        {"n_initial": 0},
        {"batch_size": 0},
        {"budget": -1},
        {"synthetic_weight": 0.0},
        {"synthetic_weight": -1.0},
        {"random_state": "seed"},
    ],
    ids=str,
)
def test_wrong_parameters_are_named(blobs, wrong):
    learner = ActiveLearner(LogisticRegression(), RandomSampling()).set_params(**wrong)
    with pytest.raises(ValueError, match=next(iter(wrong))):
        learner.fit(*blobs)


def test_estimator_must_be_classifier_or_regressor(blobs):
    from sklearn.cluster import KMeans

    with pytest.raises(TypeError, match="KMeans"):
        ActiveLearner(KMeans(), RandomSampling()).fit(*blobs)
