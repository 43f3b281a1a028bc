"""What was asked counts as asked, and where the oracle fails a design learns not to ask."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist, pdist
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

from skgal.active import ActiveLearner, CallableOracle, LabelStore
from skgal.base import Asked
from skgal.classifiers import EnsembleRegressor
from skgal.generators import GIN, DesignBox
from skgal.query import ADBA, AISEL, GAAL, LatentRandom, LatentUncertainty, SpaceFilling

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).uniform(-1, 1, size=(60, 3))
X = X[X[:, 0] < 0.6]
Y = (X.sum(axis=1) + X[:, 1] ** 2 > 0.2).astype(int)
BOX = FrozenEstimator(DesignBox(bounds=[(-1, 1)] * 3).fit(X))


def label(designs):
    """A simulator that raises in a fifth of the space."""
    return (designs.sum(axis=1) + designs[:, 1] ** 2 > 0.2).astype(int), designs[:, 0] < 0.6


STRATEGIES = [
    LatentRandom(BOX, random_state=0),
    LatentUncertainty(BOX, n_candidates=2000, random_state=0),
    AISEL(BOX, n_candidates=2000, random_state=0),
    GAAL(BOX, max_iter=20, random_state=0),
]


@pytest.fixture(params=STRATEGIES, ids=lambda strategy: type(strategy).__name__)
def strategy(request):
    return request.param.fit(X)


def buy(strategy, n_calls, batch_size):
    known_X, known_y, asked = X, Y, Asked(X[:0], X[:0], np.empty(0))
    while len(asked.succeeded) < n_calls:
        clf = LogisticRegression().fit(known_X, known_y)
        synthesis = strategy.synthesize(known_X, known_y, clf, batch_size=batch_size, asked=asked)
        designs = np.asarray(synthesis.X)
        labels, succeeded = label(designs)
        known_X = np.concatenate([known_X, designs[succeeded]])
        known_y = np.concatenate([known_y, labels[succeeded]])
        asked = Asked(
            np.concatenate([asked.X, designs]),
            np.concatenate([asked.latent, synthesis.latent]),
            np.concatenate([asked.succeeded, succeeded.astype(float)]),
        )
    return asked


def test_simulator_that_fails_in_a_fifth_of_the_space(strategy):
    asked = buy(strategy, 100, batch_size=20)
    # A fifth more calls than labels at most.
    assert asked.succeeded.sum() >= 100 / 1.2
    # Once it has failed a few times it is hardly tried again.
    assert asked.succeeded[60:].mean() > 0.9
    assert pdist(asked.latent).min() > 0.02


def test_a_regressor_that_is_unsure_everywhere_does_not_lead_into_the_failing_corner():
    """A forest is as unsure far from its data as at their edge."""

    def simulate(x):
        if x[0] > 0.6 and x[1] > 0.6:
            raise ArithmeticError("no convergence")
        return np.sin(5 * x[0]) + x[1] ** 2

    n_labels = []
    for seed in range(3):
        designs = np.random.default_rng(seed).uniform(0, 1, (30, 2))
        designs = designs[(designs <= 0.6).any(axis=1)]
        learner = ActiveLearner(
            EnsembleRegressor(DecisionTreeRegressor(), n_estimators=20),
            AISEL(DesignBox([(0, 1), (0, 1)]), n_candidates=2000),
            oracle=CallableOracle(simulate, on_error="decline"),
            batch_size=5,
            budget=20,
            random_state=seed,
        ).fit(designs, [simulate(x) for x in designs])
        n_labels.append(learner.history_[-1]["n_bought"])
    assert min(n_labels) >= 14


def test_pending_samples_are_kept_away_from(strategy):
    clf = LogisticRegression().fit(X, Y)
    first = strategy.synthesize(X, Y, clf, batch_size=20).latent
    pending = Asked(first, first, np.full(20, np.nan))
    second = strategy.synthesize(X, Y, clf, batch_size=20, asked=pending).latent
    ignorant = strategy.synthesize(X, Y, clf, batch_size=20).latent
    np.testing.assert_array_equal(ignorant, first)
    between = cdist(second, first).min(axis=1)
    within = (cdist(first, first) + 9 * np.eye(20)).min(axis=1)
    assert between.min() > 0.02
    if not isinstance(strategy, LatentRandom):
        assert np.median(between) > 0.6 * np.median(within)


def test_declined_samples_move_the_design(strategy):
    """All samples of one half are declined: the next are in the other one."""
    answered = X[:, 1] > 0
    known_X, known_y = X[answered], Y[answered]
    clf = LogisticRegression().fit(known_X, known_y)
    rng = np.random.RandomState(1)
    latent = rng.uniform(-1, 1, size=(40, 3))
    asked = Asked(latent, latent, (latent[:, 1] > 0).astype(float))
    designed = strategy.synthesize(known_X, known_y, clf, batch_size=10, asked=asked).latent
    assert (designed[:, 1] > -0.1).mean() >= 0.9


def test_latent_points_that_are_not_known_are_encoded():
    strategy = AISEL(BOX, n_candidates=500, random_state=0).fit(X)
    clf = LogisticRegression().fit(X, Y)
    designs = np.random.RandomState(2).uniform(-1, 1, size=(6, 3))
    outcome = np.array([0, 0, 1, np.nan, 1, 0])
    known = Asked(designs, BOX.transform(designs), outcome)
    unknown = Asked(designs, np.full((6, 3), np.nan), outcome)
    np.testing.assert_allclose(
        strategy.synthesize(X, Y, clf, batch_size=5, asked=known).latent,
        strategy.synthesize(X, Y, clf, batch_size=5, asked=unknown).latent,
        atol=1e-5,
    )


def test_nothing_asked_is_like_no_history(strategy):
    clf = LogisticRegression().fit(X, Y)
    nothing = Asked(X[:0], X[:0], np.empty(0))
    np.testing.assert_array_equal(
        strategy.synthesize(X, Y, clf, batch_size=4, asked=nothing).latent,
        strategy.synthesize(X, Y, clf, batch_size=4).latent,
    )


def test_lines_avoid_what_fails():
    strategy = ADBA(BOX, n_points=5, random_state=0).fit(X)
    latent = np.random.RandomState(1).uniform(-1, 1, size=(40, 3))
    asked = Asked(latent, latent, (latent[:, 1] > 0).astype(float))
    shown = np.where(np.arange(len(Y)) < 20, Y, np.nan)
    synthesis = strategy.synthesize(X, shown, None, batch_size=10, asked=asked)
    through = [synthesis.latent[synthesis.line == line].mean(axis=0) for line in (0, 1)]
    assert np.isfinite(through).all()


def test_constraints_hold_of_support_points():
    def is_outside(designs):
        return np.linalg.norm(designs, axis=1) > 0.7  # a ring: support points fall into its hole

    box = DesignBox(bounds=[(-1, 1)] * 2).fit(X[:, :2])
    box.is_feasible = is_outside
    strategy = AISEL(FrozenEstimator(box), n_candidates=500, random_state=0).fit(X[:, :2])
    strategy.generator_.estimator.is_feasible = is_outside
    clf = LogisticRegression().fit(X[:, :2], Y)
    latent = strategy.synthesize(X[:, :2], Y, clf, batch_size=8).latent
    assert is_outside(latent).all()


@pytest.mark.parametrize("strategy_class", [LatentRandom, LatentUncertainty, AISEL, ADBA])
def test_designs_of_categories_outside_the_box_do_not_count(strategy_class):
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "mat": np.resize(["x", "y", "z"], len(X))})
    is_known = (frame["mat"] != "z").to_numpy()
    encode = make_column_transformer((OneHotEncoder(), ["mat"]), remainder="passthrough")
    clf = make_pipeline(encode, LogisticRegression()).fit(frame, Y)
    box = DesignBox({"a": (-1, 1), "b": (-1, 1)}, categories={"mat": ["x", "y"]}, random_state=0)
    params = {} if strategy_class in (LatentRandom, ADBA) else {"n_candidates": 500}
    strategy = strategy_class(box, random_state=0, **params).fit(frame)
    y = np.where(np.arange(len(Y)) < 40, Y, np.nan)
    failed = Asked(frame[:9], np.full((9, 3), np.nan), np.resize([0.0, 1.0], 9))
    designs = strategy.synthesize(frame, y, clf, batch_size=5, asked=failed).X
    assert set(designs["mat"]) <= {"x", "y"}
    if strategy_class is AISEL:  # as if those of another category were not there
        known = strategy._labelled_latent(frame, y)
        assert len(known) == np.count_nonzero(is_known[:40])
        restored = strategy.generator_.inverse_transform(known)
        pd.testing.assert_frame_equal(restored, frame[:40][is_known[:40]].reset_index(drop=True))
        assert strategy.inversion_score_ == pytest.approx(1)


def test_designs_out_of_the_box_or_its_constraints_do_not_push_support_points():
    box = DesignBox(bounds=[(-1, 1)] * 2, constraints=([[1, 1]], [0]), random_state=0)
    given = np.array([[-0.5, -0.5], [0.9, 0.9], [-3.0, 0.0], [0.2, -0.4]])
    strategy = AISEL(box, n_candidates=500, random_state=0).fit(given)
    known = strategy._labelled_latent(given, np.array([0, 1, 0, 1]))
    assert known == pytest.approx(given[[0, 3]])


@pytest.mark.parametrize("frame", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES[:3], ids=lambda strategy: type(strategy).__name__)
def test_designs_known_to_fail_are_told_to_the_store_before_the_session(strategy, frame, tmp_path):
    def simulate(x):
        if np.asarray(x)[0] > 0.6:
            raise RuntimeError("the mesh folds")
        return int(label(np.asarray(x)[np.newaxis])[0][0])

    known = np.random.RandomState(1).uniform([0.6, -1, -1], 1, size=(15, 3))
    names = ["a", "b", "c"]
    given, folded = (pd.DataFrame(each, columns=names) if frame else each for each in (X, known))
    box = DesignBox(bounds=dict.fromkeys(names, (-1, 1)) if frame else [(-1, 1)] * 3)
    n_failed = {}
    for name in ("unknown", "failed", "declined"):
        store = LabelStore(tmp_path / f"{name}.db")
        if name == "failed":
            store.fail(store.add_query(folded), "the mesh folds")
        elif name == "declined":
            store.import_labels(folded, [None] * 15)
        learner = ActiveLearner(
            LogisticRegression(),
            strategy.__class__(box, random_state=0),
            oracle=CallableOracle(simulate, on_error="decline"),
            store=store,
            batch_size=20,
            budget=20,
            random_state=0,
        ).fit(given, Y)
        n_failed[name] = learner.labelled_.n_failed
        assert learner.labelled_.n_bought + n_failed[name] == 20  # none of the 15 is billed
    assert n_failed["failed"] == n_failed["declined"] <= 1
    assert n_failed["unknown"] > 1


@pytest.mark.parametrize("as_frame", [False, True], ids=["array", "frame"])
@pytest.mark.parametrize(
    "strategy",
    [ADBA, AISEL, LatentUncertainty, LatentRandom, GAAL, SpaceFilling],
    ids=lambda s: s.__name__,
)
def test_learned_generators_of_whole_numbers_repeat_no_design(strategy, as_frame):
    rng = np.random.RandomState(0)
    designs = np.repeat(rng.randint(0, 12, (40, 1)), 3, axis=1) + rng.randint(0, 5, (40, 3))
    labels = (designs[:, 0] > designs[:, 1]).astype(int)
    if as_frame:
        designs = pd.DataFrame(designs, columns=list("abc")).astype({"c": "category"})
    asked = []

    def solve(rows):
        asked.append(np.asarray(rows).astype(int))
        return (asked[-1][:, 0] > asked[-1][:, 1]).astype(int)

    model = make_pipeline(FunctionTransformer(np.asarray), LogisticRegression())
    ActiveLearner(
        model,
        strategy(GIN(latent_dim=2, max_iter=100)),
        oracle=solve,
        batch_size=8,
        budget=24,
        random_state=0,
    ).fit(designs, labels)
    asked = np.concatenate(asked)
    assert len(asked) == len(np.unique(asked, axis=0)) == 24
    is_known = (asked[:, np.newaxis] == np.asarray(designs).astype(int)).all(axis=2).any(axis=1)
    assert not is_known.any() or strategy is SpaceFilling  # which doesn't look at X
