import itertools
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning

from skgal.design import _support_points as objective_module
from skgal.design import energy_distance, support_points
from skgal.design._support_points import DesignObjective

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")  # a division by a distance of zero


def objective(points, candidates, weights=None, existing=None):
    """Equation (10) of AISEL, all pairs at once."""
    weights = np.ones(len(candidates)) if weights is None else weights
    union = points if existing is None else np.vstack([points, existing])
    attraction = cdist(points, candidates) @ (weights / weights.sum())
    return attraction.sum() - cdist(union, union).sum() / (2 * len(union))


def plain_step(points, candidates, weights, existing):
    """One step of the convex-concave procedure, point by point as in Mak and Joseph."""
    weights = weights / weights.sum()
    union = np.vstack([points, existing])
    new = np.empty_like(points)
    for i, x in enumerate(points):
        pull = weights / np.linalg.norm(x - candidates, axis=1)
        others = np.delete(union, i, axis=0)
        push = ((x - others) / np.linalg.norm(x - others, axis=1)[:, None]).sum(axis=0)
        new[i] = (pull @ candidates + push / len(union)) / pull.sum()
    return new


def quietly(n_points, candidates, **options):
    """Run support_points for a few iterations that are not meant to be enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few iterations are asked for
        return support_points(n_points, candidates, **options)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return {
        "candidates": rng.normal(size=(300, 2)),
        "weights": rng.exponential(size=300),
        "existing": rng.normal(size=(7, 2)),
        "init": rng.normal(size=(12, 2)),
    }


# Known optima -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_points", [1, 2, 5, 12])
def test_uniform_distribution_in_one_dimension(n_points):
    # The energy distance is 2 ∫ (F_n - F)², F_n the points' distribution function: point i lies
    # where F is half-way between (i - 1)/n and i/n.
    grid = (np.arange(4000)[:, None] + 0.5) / 2000 - 1
    points = support_points(n_points, grid, bounds=(-1, 1), tol=1e-8, random_state=0)
    expected = (2 * np.arange(1, n_points + 1) - 1) / n_points - 1
    np.testing.assert_allclose(np.sort(points.ravel()), expected, atol=1e-3)


def test_weights_stand_for_the_density_in_one_dimension():
    # Density x/2 on [0, 2], distribution function x²/4.
    grid = (np.arange(4000)[:, None] + 0.5) / 2000
    points = support_points(5, grid, weights=grid.ravel(), tol=1e-8, random_state=0)
    expected = np.sqrt(4 * (np.arange(5) + 0.5) / 5)
    np.testing.assert_allclose(np.sort(points.ravel()), expected, atol=2e-3)


def test_existing_points_take_their_share_in_one_dimension():
    # The optimum of 5 points on U(-1, 1) with the 1st, 3rd and 5th given.
    grid = (np.arange(4000)[:, None] + 0.5) / 2000 - 1
    points = support_points(2, grid, existing=[[-0.8], [0], [0.8]], tol=1e-8, random_state=0)
    np.testing.assert_allclose(np.sort(points.ravel()), [-0.4, 0.4], atol=1e-3)


def test_one_point_is_the_geometric_median():
    # Of a convex quadrilateral: where its diagonals cross, here at t (5, 3) for t = 8/19.
    corners = [[0, 0], [4, 0], [5, 3], [1, 2]]
    point = support_points(1, corners, tol=1e-12, random_state=0)
    np.testing.assert_allclose(point, [[40 / 19, 24 / 19]], atol=1e-4)


def test_one_point_on_a_candidate_with_most_of_the_weight():
    corners = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 5.0]])
    point = support_points(1, corners, weights=[3, 1, 1], tol=1e-9, random_state=0)
    np.testing.assert_allclose(point, corners[:1], atol=1e-4)


# Brute force ------------------------------------------------------------------------------------


def test_best_of_all_pairs_of_candidates_in_one_dimension():
    # In one dimension the objective is piecewise linear, with its minima at candidates.
    rng = np.random.default_rng(1)
    candidates, weights = rng.normal(size=(40, 1)), rng.exponential(size=40)
    existing = rng.normal(size=(3, 1))
    best = min(
        objective(candidates[[i, j]], candidates, weights, existing)
        for i, j in itertools.combinations_with_replacement(range(40), 2)
    )
    ours = min(
        objective(
            support_points(
                2, candidates, weights=weights, existing=existing, tol=1e-8, random_state=seed
            ),
            candidates,
            weights,
            existing,
        )
        for seed in range(5)
    )
    assert best - 1e-9 <= ours <= best + 1e-4


def test_as_good_as_a_general_optimiser(problem):
    candidates, weights = problem["candidates"][:60], problem["weights"][:60]
    existing = problem["existing"]
    rng = np.random.default_rng(2)

    def flat(x):
        return objective(x.reshape(-1, 2), candidates, weights, existing)

    best = min(minimize(flat, rng.normal(size=6)).fun for _ in range(4))
    for seed in range(3):
        points = support_points(
            3, candidates, weights=weights, existing=existing, tol=1e-8, random_state=seed
        )
        assert flat(points.ravel()) <= best + 1e-3
        # Where it stops, nothing is left to gain nearby.
        assert minimize(flat, points.ravel()).fun > flat(points.ravel()) - 1e-3


def test_first_iteration_is_the_plain_step(problem):
    ours = quietly(12, **problem, max_iter=1)
    expected = plain_step(
        problem["init"], problem["candidates"], problem["weights"], problem["existing"]
    )
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


def test_gradient_by_finite_differences(problem):
    weights = problem["weights"] / problem["weights"].sum()
    steps = 1e-3 * np.eye(24).reshape(24, 12, 2)
    with DesignObjective(problem["candidates"], weights, problem["existing"], 12) as evaluate:
        differences = [
            (evaluate(problem["init"] + step).value - evaluate(problem["init"] - step).value) / 2e-3
            for step in steps
        ]
        gradient = evaluate(problem["init"]).gradient
    np.testing.assert_allclose(gradient.ravel(), differences, atol=1e-5)


def test_quasi_newton_steps_pay(problem):
    candidates, weights, existing = (problem[k] for k in ("candidates", "weights", "existing"))
    points = problem["init"]
    for _ in range(60):
        points = plain_step(points, candidates, weights, existing)
    fast = quietly(12, **problem, max_iter=20)
    assert objective(fast, candidates, weights, existing) < objective(
        points, candidates, weights, existing
    )


# Properties -------------------------------------------------------------------------------------


@st.composite
def problems(draw):
    """Small problems with duplicates, zero weights, coincident points and a box."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    n_features, n_candidates = draw(st.integers(1, 4)), draw(st.integers(1, 30))
    candidates = rng.normal(size=(n_candidates, n_features))
    candidates = candidates[rng.integers(n_candidates, size=n_candidates)]
    weights = rng.exponential(size=n_candidates) * rng.integers(2, size=n_candidates)
    weights[0] = 1.0
    existing = rng.normal(size=(draw(st.integers(0, 4)), n_features))
    if draw(st.booleans()):
        existing = np.vstack([existing, candidates[:2]])
    n_points = draw(st.integers(1, 40))
    init = None
    if draw(st.booleans()):
        init = candidates[rng.integers(n_candidates, size=n_points)]
    return n_points, {
        "candidates": candidates,
        "weights": weights,
        "existing": existing,
        "init": init,
        "bounds": draw(st.sampled_from([None, (-1, 1), (0.3, np.full(n_features, 0.6))])),
    }


@given(problems())
def test_objective_never_rises_and_the_box_holds(case):
    n_points, options = case
    values = []
    for max_iter in (1, 2, 4, 30):
        points, history = quietly(
            n_points, **options, max_iter=max_iter, random_state=0, return_history=True
        )
        assert points.shape == (n_points, options["candidates"].shape[1])
        assert np.isfinite(points).all()
        if options["bounds"] is not None:
            low, high = options["bounds"]
            assert (points >= low).all()
            assert (points <= high).all()
        assert len(history) <= max_iter + 1
        assert (np.diff(history) <= 0).all()
        values.append(
            objective(points, options["candidates"], options["weights"], options["existing"])
        )
        # Not what the procedure believes but what it is, up to the smoothing of distances.
        np.testing.assert_allclose(values[-1], history[-1], rtol=1e-5, atol=1e-5 * n_points)
    assert (np.diff(values) <= 1e-5 * n_points).all()


def test_objective_is_the_energy_distance_of_the_union_but_for_a_constant(problem):
    points, history = quietly(12, **problem, max_iter=5, return_history=True)
    candidates, existing = problem["candidates"], problem["existing"]
    weights = problem["weights"] / problem["weights"].sum()
    n_union = 12 + len(existing)
    distance = energy_distance(np.vstack([points, existing]), candidates, y_weights=weights)
    expected = (
        n_union / 2 * (distance + weights @ cdist(candidates, candidates) @ weights)
        - (cdist(existing, candidates) @ weights).sum()
    )
    np.testing.assert_allclose(history[-1], expected, rtol=1e-5)


def test_a_bound_that_matters():
    # Half of U(-1, 1) is out of reach: those points crowd at the bound.
    grid = (np.arange(2000)[:, None] + 0.5) / 1000 - 1
    points = support_points(4, grid, bounds=(0, 1), tol=1e-8, random_state=0)
    np.testing.assert_allclose(np.sort(points.ravel()), [0, 0, 0.25, 0.75], atol=2e-3)


def test_points_keep_away_from_existing_ones():
    rng = np.random.default_rng(3)
    candidates = rng.uniform(-1, 1, size=(1000, 2))
    existing = rng.uniform(-1, 0, size=(20, 2))
    alone = support_points(20, candidates, random_state=0)
    aside = support_points(20, candidates, existing=existing, random_state=0)

    def in_the_quarter(points):
        return (points < 0).all(axis=1).sum()

    assert in_the_quarter(alone) >= 3
    assert in_the_quarter(aside) == 0


def test_beats_a_random_sample(problem):
    candidates, weights = problem["candidates"], problem["weights"]
    points = support_points(30, candidates, weights=weights, random_state=0)
    rng = np.random.default_rng(4)
    drawn = candidates[rng.choice(300, size=30, p=weights / weights.sum())]
    ours = energy_distance(points, candidates, y_weights=weights)
    assert ours < energy_distance(drawn, candidates, y_weights=weights) / 3


@pytest.mark.parametrize("candidates", [[[2.0, 3.0]], [[2.0, 3.0]] * 5])
def test_one_distinct_candidate(candidates):
    points = support_points(4, candidates, random_state=0)
    np.testing.assert_allclose(points, np.tile([2.0, 3.0], (4, 1)), atol=0.01)


def test_more_points_than_candidates():
    candidates = np.random.default_rng(5).normal(size=(5, 2))
    points, history = support_points(20, candidates, random_state=0, return_history=True)
    assert np.isfinite(points).all()
    # Four points on each candidate are a perfect match.
    assert energy_distance(points, candidates) < 0.01 * energy_distance(points[:1], candidates)
    assert history[-1] < history[0]


def test_a_candidate_without_weight_is_none(problem):
    candidates, weights = problem["candidates"], problem["weights"].copy()
    weights[100:] = 0
    ours = support_points(6, candidates, weights=weights, random_state=0)
    expected = support_points(6, candidates[:100], weights=weights[:100], random_state=0)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)


def test_units_and_origin_dont_matter(problem):
    moved = {k: 1e3 * v + 1e6 for k, v in problem.items() if k != "weights"}
    ours = quietly(12, **moved, weights=problem["weights"], max_iter=5)
    expected = 1e3 * quietly(12, **problem, max_iter=5) + 1e6
    np.testing.assert_allclose(ours, expected, atol=1e-2)


def test_inputs_stay_as_they_are(problem):
    before = {k: v.copy() for k, v in problem.items()}
    quietly(12, **problem, bounds=(-0.5, 0.5), max_iter=2)
    for name, value in problem.items():
        np.testing.assert_array_equal(value, before[name])


def test_takes_data_frames_and_single_precision(problem):
    candidates = problem["candidates"].astype(np.float32)
    expected = support_points(5, candidates.astype(float), random_state=0)
    assert expected.dtype == np.float64
    for same in (candidates, pd.DataFrame(candidates, columns=["a", "b"])):
        np.testing.assert_array_equal(support_points(5, same, random_state=0), expected)


def test_no_existing_points_given_as_an_empty_array(problem):
    candidates = problem["candidates"]
    np.testing.assert_array_equal(
        support_points(5, candidates, existing=np.empty((0, 2)), random_state=0),
        support_points(5, candidates, random_state=0),
    )


# Convergence, randomness, resources -------------------------------------------------------------


@pytest.mark.parametrize("n_features", [1, 2, 8])
def test_settles_quietly(n_features):
    rng = np.random.default_rng(6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points, history = support_points(
            40,
            rng.uniform(-1, 1, size=(1000, n_features)),
            weights=rng.exponential(size=1000),
            bounds=(-1, 1),
            random_state=0,
            return_history=True,
        )
    assert len(points) == 40
    assert 3 < len(history) < 200


def test_warns_when_iterations_run_out(problem):
    with pytest.warns(ConvergenceWarning, match="not settled after max_iter=2 .* tol=1e-05") as w:
        _, history = support_points(12, **problem, max_iter=2, return_history=True)
    assert len(history) == 3
    assert w[0].filename == __file__


def test_stops_at_rounding_when_the_tolerance_is_zero():
    candidates = np.random.default_rng(7).normal(size=(30, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, history = support_points(
            3, candidates, tol=0, max_iter=5000, random_state=0, return_history=True
        )
    assert len(history) < 5000


def test_random_state(problem):
    def run(random_state):
        return support_points(5, problem["candidates"], random_state=random_state)

    np.testing.assert_array_equal(run(0), run(0))
    np.testing.assert_array_equal(run(0), run(np.random.RandomState(0)))
    assert (run(0) != run(1)).any()
    assert (run(None) != run(None)).any()


@pytest.mark.parametrize("n_jobs", [2, 3, -1])
def test_same_bits_for_any_number_of_threads(n_jobs):
    rng = np.random.default_rng(8)
    options = {"existing": rng.normal(size=(30, 3)), "random_state": 0, "max_iter": 4}
    candidates = rng.normal(size=(500, 3))
    np.testing.assert_array_equal(
        quietly(300, candidates, **options, n_jobs=n_jobs),
        quietly(300, candidates, **options, n_jobs=1),
    )


def test_blocks_dont_change_the_result(problem, monkeypatch):
    whole = quietly(12, **problem, max_iter=5)
    monkeypatch.setattr(objective_module, "_BLOCK_ROWS", 5)
    monkeypatch.setattr(objective_module, "_BLOCK_SIZE", 64)
    np.testing.assert_allclose(quietly(12, **problem, max_iter=5), whole, rtol=1e-6)


def test_memory_does_not_grow_with_points_times_candidates():
    candidates = np.random.default_rng(9).normal(size=(100_000, 2))
    tracemalloc.start()
    quietly(200, candidates, max_iter=1, random_state=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * candidates.nbytes  # all pairs at once are 100 times the candidates


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_points": 0}, "'n_points' parameter of support_points must be an int in the range"),
        ({"n_points": 2.5}, "'n_points' parameter of support_points must be an int"),
        ({"max_iter": 0}, "'max_iter' parameter of support_points"),
        ({"tol": -1.0}, "'tol' parameter of support_points"),
        ({"n_jobs": 0}, "n_jobs == 0"),
        ({"candidates": np.empty((0, 2))}, "candidates must have at least one row; it has none"),
        ({"candidates": [0.0, 1.0]}, "Expected 2D array, got 1D array"),
        ({"candidates": [[np.nan, 0.0]]}, "Input candidates contains NaN"),
        ({"candidates": [[np.inf, 0.0]]}, "Input candidates contains infinity"),
        ({"weights": [1, -2, 0]}, "weights must not be negative; 1 of 3 are, the smallest is -2"),
        ({"weights": [0, 0, 0]}, "weights are all zero; at least one must be positive"),
        ({"weights": [1, 1]}, r"one weight for each of the 3 rows of candidates, shape \(3,\)"),
        ({"weights": [1, 1, np.nan]}, "Input weights contains NaN"),
        ({"existing": [[0.0]]}, "existing must have as many features as candidates, 2; it has 1"),
        ({"existing": [[0.0, np.nan]]}, "Input existing contains NaN"),
        ({"init": [[0.0, 1.0]]}, "init must hold n_points=4 rows; it has 1"),
        ({"init": np.zeros((4, 3))}, "init must have as many features as candidates, 2; it has 3"),
        ({"init": np.full((4, 2), np.nan)}, "Input init contains NaN"),
        ({"bounds": 3}, "'bounds' parameter of support_points"),
        ({"bounds": (1, -1)}, r"pair \(low, high\) with low < high.*got \(1, -1\)"),
        ({"bounds": (-1, 0, 1)}, r"bounds must be a pair \(low, high\)"),
        ({"bounds": ([-1, -1], [1, 1, 1])}, r"array of shape \(2,\), one for each feature"),
        ({"bounds": [(-1, 1), (-1, 1)]}, r"bounds must be a pair \(low, high\) with low < high"),
        ({"bounds": (np.nan, 1)}, "bounds must be a pair"),
        ({"bounds": ("a", "b")}, "bounds must be a pair"),
    ],
)
def test_bad_input(arguments, message):
    candidates = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    with pytest.raises(ValueError, match=message):
        support_points(**{"n_points": 4, "candidates": candidates, **arguments})
