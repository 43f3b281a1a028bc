"""Simulators against closed forms, bounds and solvers that we didn't write."""

import pickle
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

from skgal import datasets
from skgal.active import ActiveLearner, CallableOracle
from skgal.datasets import (
    make_conduction,
    make_feeder,
    make_reactor,
    make_shield,
    make_stenosis,
    make_truss,
)

TABLES = [make_feeder, make_reactor, make_shield, make_truss]
IMAGES = [make_conduction, make_stenosis]
every_simulator = pytest.mark.parametrize("make", TABLES + IMAGES, ids=lambda f: f.__name__)


# ------------------------------------------------------------------------- what all promise


@every_simulator
def test_a_bundle_holds_what_is_needed(make):
    bundle = make(12, n_test=7, random_state=0)
    assert len(bundle.X) == len(bundle.y) == 12
    assert len(bundle.X_test) == len(bundle.y_test) == 7
    assert len(bundle.feature_names) == len(bundle.units) == bundle.X[0].size
    assert len(bundle.output_names) == len(bundle.output_units) == 2
    assert bundle.oracle.classes_.tolist() == list(range(len(bundle.target_names)))
    assert set(bundle.y) | set(bundle.y_test) <= set(bundle.oracle.classes_)
    assert make.__doc__ == bundle.DESCR


@every_simulator
@pytest.mark.parametrize("task", ["class", "value", "values"])
def test_the_oracle_labels_batches_and_single_designs_as_the_bundle_is_labelled(make, task):
    bundle = make(6, n_test=5, task=task, random_state=1)
    assert np.array_equal(bundle.oracle(bundle.X), bundle.y)
    assert bundle.y.shape == ((6, 2) if task == "values" else (6,))
    assert np.array_equal([bundle.oracle(x) for x in bundle.X], bundle.y)
    revived = pickle.loads(pickle.dumps(bundle.oracle))
    assert np.array_equal(revived(bundle.X[::-1]), bundle.y[::-1])
    if make is not make_shield:  # whose test labels are free of noise
        assert np.array_equal(bundle.oracle(bundle.X_test), bundle.y_test)


@every_simulator
def test_a_seed_decides_and_the_test_set_does_not_depend_on_the_number_of_designs(make):
    first, again = make(6, n_test=5, random_state=3), make(9, n_test=5, random_state=3)
    assert np.array_equal(first.X_test, again.X_test)
    assert np.array_equal(first.y_test, again.y_test)
    assert np.array_equal(first.X, make(6, n_test=0, random_state=3).X)
    assert not np.array_equal(first.X, make(6, n_test=0, random_state=4).X)
    assert not np.array_equal(first.X[0], first.X_test[0])


@every_simulator
def test_every_class_has_a_fair_share(make):
    shares = np.bincount(make(1, n_test=1000, random_state=0).y_test) / 1000
    assert shares.min() > 0.2


@every_simulator
def test_designs_without_meaning_are_refused(make):
    oracle = make(2, n_test=0, random_state=0).oracle
    shape = oracle.sample_shape
    with pytest.raises(ValueError, match="has shape"):
        oracle(np.ones((2, *shape[:-1], shape[-1] + 1)))
    for value in (np.nan, np.inf, -1.0):
        with pytest.raises(ValueError, match="finite and not below 0"):
            oracle(np.full(shape, value))


@pytest.mark.parametrize("make", TABLES, ids=lambda f: f.__name__)
def test_designs_lie_on_no_box_and_may_be_a_data_frame(make):
    bundle = make(400, n_test=0, random_state=0)
    correlations = np.abs(np.corrcoef(np.log(bundle.X.T)))
    assert correlations[np.triu_indices_from(correlations, 1)].max() > 0.35
    frame = pd.DataFrame(bundle.X[:5], columns=bundle.feature_names)
    assert np.array_equal(bundle.oracle(frame), bundle.y[:5])


def test_wrong_parameters_are_refused():
    for make in (make_reactor, make_conduction):
        with pytest.raises(ValueError, match="'task' parameter"):
            make(task="label")
    with pytest.raises(ValueError, match="'contrast' parameter"):
        make_conduction(contrast=1.0)


def test_every_simulator_is_tested_here():
    made = {name for name in datasets.__all__ if name.startswith("make_")}
    assert made == {make.__name__ for make in TABLES + IMAGES}


# --------------------------------------------------------------------------------- reactor


def reactor(X):
    return make_reactor(1, n_test=0, task="values", random_state=0).oracle(X)


def test_an_uncooled_reactor_reaches_the_adiabatic_temperature():
    peak, conversion = reactor([2.0, 360.0, 300.0, 80.0, 0.0])
    assert conversion == pytest.approx(1, abs=1e-6)
    assert peak == pytest.approx(360 + 1.2e5 * 2000 / 3.6e6, abs=1e-3)


def test_without_heat_of_reaction_the_temperature_relaxes_and_conversion_is_first_order():
    warm = reactor([0.0, 340.0, 340.0, 84.0, 14_000.0])
    rate = 5e9 * np.exp(-84e3 / (8.314 * 340))
    assert warm == pytest.approx([340, 1 - np.exp(-rate * 4 * 3600)], rel=1e-6)
    slow = reactor([0.0, 310.0, 350.0, 150.0, 3_000.0])  # nothing reacts, Newton's cooling
    assert slow[0] == pytest.approx(350 - 40 * np.exp(-3_000 / 3.6e6 * 4 * 3600), abs=1e-3)


def test_reactors_agree_with_scipy_at_a_tight_tolerance():
    X = make_reactor(30, n_test=0, random_state=5).X
    got = reactor(X)
    assert got[:, 0].max() > 450  # runaways among them
    for (c, start, coolant, energy, cooling), values in zip(X, got, strict=True):

        def slope(_, state, c=c, coolant=coolant, energy=energy, cooling=cooling):
            x, temperature = state
            rate = 5e9 * np.exp(-energy * 1e3 / (8.314 * temperature)) * (1 - x)
            heat = 1.2e5 * c * 1e3 * rate - cooling * (temperature - coolant)
            return [rate, heat / 3.6e6]

        solution = solve_ivp(
            slope, (0, 4 * 3600), [0, start], method="LSODA", rtol=1e-9, atol=1e-9, max_step=30
        )
        assert values[0] == pytest.approx(solution.y[1].max(), abs=0.02)
        assert values[1] == pytest.approx(solution.y[0, -1], abs=1e-5)


# ----------------------------------------------------------------------------------- truss


def test_a_truss_agrees_with_a_calculation_by_hand():
    truss = make_truss(1, n_test=0, task="values", random_state=0).oracle
    # B = 400, H = 300: L = 500; d = 50, t = 2: A = 314.16 mm2. At P = 60 kN each bar carries
    # 30 kN * 500 / 300 = 50 kN: 159.15 N/mm2. Euler: pi2 * 210000 * 2504 / (8 * 250000) = 2594.9.
    margin, deflection = truss([60.0, 400.0, 300.0, 50.0, 2.0, 250.0])
    assert margin == pytest.approx(np.log(250 / 159.155), abs=1e-5)
    # A bar shortens by 159.155 * 500 / 210000 = 0.37894, and the apex sinks by L / H of that.
    assert deflection == pytest.approx(0.37894 * 500 / 300, abs=1e-4)
    # Ten times as long it buckles: pi2 * 210000 * 2504 / (8 * 25e6) = 25.949.
    margin, _ = truss([60.0, 4000.0, 3000.0, 50.0, 2.0, 250.0])
    assert margin == pytest.approx(np.log(25.949 / 159.155), abs=1e-4)


def test_both_ways_to_fail_happen():
    trusses = make_truss(2000, n_test=0, random_state=0)
    _, half_span, height, diameter, wall, strength = trusses.X.T
    length2 = half_span**2 + height**2
    buckles = np.pi**2 * 210e3 * (diameter**2 + wall**2) / (8 * length2) < strength
    assert 0.1 < buckles[trusses.y == 0].mean() < 0.9


# ---------------------------------------------------------------------------------- feeder


def feeder_designs(n=4000):
    rng = np.random.RandomState(0)
    low, high = [19.5, 4, 50, 2, 0.2, 0.5], [21, 20, 200, 25, 1.0, 5]
    return rng.uniform(low, high, (n, 6))


def voltage_by_formula(X):
    """The upper solution of the quadratic in V^2, NaN where it has none."""
    source, length, area, load, reactive, rating = X.T
    # Thevenin: seen from the load, the capacitor raises the source and changes the impedance.
    factor = 1 / (1 + 1j * (rating / 400) * length * (28.3 / area + 0.35j))
    e, z = source * np.abs(factor), length * (28.3 / area + 0.35j) * factor
    p, q = load, load * reactive
    middle = 2 * (p * z.real + q * z.imag) - e**2
    with np.errstate(invalid="ignore"):
        root = np.sqrt(middle**2 - 4 * (p**2 + q**2) * np.abs(z) ** 2)
    return np.sqrt(np.where(middle < 0, (root - middle) / 2, np.nan))


def test_newton_finds_the_voltage_of_the_closed_form_and_fails_where_there_is_none():
    X = feeder_designs()
    expected = voltage_by_formula(X)
    oracle = make_feeder(1, n_test=0, task="value", random_state=0).oracle
    assert 0.1 < np.isnan(expected).mean() < 0.9
    solvable = ~np.isnan(expected)
    np.testing.assert_allclose(oracle(X[solvable]), expected[solvable], rtol=1e-5)
    for x in X[~solvable][:50]:
        with pytest.raises(RuntimeError, match="no solution for 1 of 1"):
            oracle(x)


def test_losses_are_what_the_source_gives_less_what_the_load_takes():
    X = feeder_designs()
    X = X[~np.isnan(voltage_by_formula(X))][:100]
    voltage, losses = make_feeder(1, n_test=0, task="values", random_state=0).oracle(X).T
    _, length, area, load, reactive, rating = X.T
    current = np.hypot(load, load * reactive - voltage**2 * rating / 400) / voltage
    np.testing.assert_allclose(losses, current**2 * length * 28.3 / area, rtol=1e-5)


def test_a_fifth_of_the_designs_fails_and_none_of_those_at_hand():
    feeders = make_feeder(300, n_test=500, random_state=0)
    assert not np.isnan(voltage_by_formula(np.concatenate([feeders.X, feeders.X_test]))).any()
    drawn = datasets._simulators._draw_feeders(np.random.RandomState(0), 5000)
    assert 0.15 < np.isnan(voltage_by_formula(drawn)).mean() < 0.25


def test_a_learner_goes_on_past_failures():
    from sklearn.svm import SVC

    from skgal.base import Synthesis, SynthesisStrategy

    class Anywhere(SynthesisStrategy):
        def synthesize(self, X, y, clf, *, batch_size=1, asked=None):
            designs = feeder_designs(200)[len(X) : len(X) + batch_size]
            return Synthesis(designs, designs)

    feeders = make_feeder(30, n_test=0, random_state=0)
    oracle = CallableOracle(feeders.oracle, on_error="decline")
    learner = ActiveLearner(
        SVC(), Anywhere(), oracle=oracle, batch_size=20, budget=20, random_state=0
    )
    learner.fit(feeders.X, feeders.y)
    n_failed = np.isnan(voltage_by_formula(feeder_designs(200)[30:50])).sum()
    assert n_failed > 0
    assert len(learner.labelled_) == 50 - n_failed


# ---------------------------------------------------------------------------------- shield


def shields(**params):
    return make_shield(1, n_test=0, task="values", random_state=0, **params).oracle


def test_the_mean_of_replicates_is_the_two_stream_solution():
    X = make_shield(8, n_test=0, random_state=2).X
    answers = np.array([shields()(X, replicate=i) for i in range(60)])
    expected = datasets._simulators.expect_shield(X)
    error = np.sqrt(expected * (1 - expected) / (400 * 60))
    assert np.all(np.abs(answers.mean(axis=0) - expected) < 4 * error)
    # Counts of independent particles are binomial.
    ratio = answers.var(axis=0, ddof=1) / (expected * (1 - expected) / 400)
    assert 0.7 < ratio.mean() < 1.3


def test_limits_of_the_two_stream_solution():
    def expect(*x):
        return datasets._simulators.expect_shield(np.array([x], dtype=float))[0]

    # All collisions absorb: Beer and Lambert.
    assert expect(10, 0.3, 1.0, 0.5, 2, 0.4) == pytest.approx([np.exp(-3.8), 0])
    # None absorbs: a share of 1 / (1 + b s L) comes through, the rest is reflected.
    assert expect(10, 0.3, 0.0, 0.5, 0, 0.4) == pytest.approx([1 / 2.5, 1.5 / 2.5])
    # No particle turns back: only absorption counts.
    assert expect(10, 0.3, 0.2, 0.0, 0, 1) == pytest.approx([np.exp(-0.6), 0])


def test_replicates_differ_and_answers_depend_on_neither_order_nor_calls():
    X = make_shield(5, n_test=0, random_state=0).X
    oracle = shields()
    first = oracle(X)
    assert not np.array_equal(first, oracle(X, replicate=1))
    assert np.array_equal(first, oracle(X[::-1])[::-1])
    assert np.array_equal(first, oracle(X))


def test_the_test_labels_are_free_of_noise():
    bundle = make_shield(1, n_test=50, task="values", random_state=0)
    assert np.array_equal(bundle.y_test, datasets._simulators.expect_shield(bundle.X_test))


# ------------------------------------------------------------------------------ conduction


def conductivity(images, contrast=100.0):
    """Conductivity to the right and down, of phases that conduct 1 and contrast."""
    oracle = make_conduction(
        1, n_test=0, task="values", size=images.shape[-1], contrast=contrast, random_state=0
    ).oracle
    return contrast ** oracle(images)


@pytest.mark.parametrize("pixel", [0.0, 0.3, 1.0])
def test_a_homogeneous_material_conducts_as_its_phase(pixel):
    images = np.full((1, 1, 9, 9), pixel)
    np.testing.assert_allclose(conductivity(images), 100**pixel, rtol=1e-10)


def test_laminates_conduct_in_parallel_and_in_series():
    stripes = np.zeros((1, 1, 12, 12))
    stripes[:, :, [0, 1, 5, 6, 10]] = 1.0  # five rows of twelve conduct 30 times as well
    parallel, series = (5 * 30 + 7) / 12, 12 / (5 / 30 + 7)
    np.testing.assert_allclose(conductivity(stripes, 30.0), [[parallel, series]], rtol=1e-10)


def test_a_checkerboard_of_fine_cells_nears_the_geometric_mean():
    # Keller and Dykhne: exactly sqrt(k1 k2) at any contrast; the corners need a fine grid.
    def board(refinement):
        pattern = np.indices((8, 8)).sum(axis=0) % 2
        return conductivity(np.kron(pattern, np.ones((refinement,) * 2))[None, None], 3.0)[0, 0]

    errors = [abs(board(k) / np.sqrt(3) - 1) for k in (1, 2, 4)]
    assert errors[2] < errors[1] < errors[0] + 1e-9
    assert errors[2] < 0.03


def test_random_materials_keep_wieners_bounds_and_transposition_swaps_directions():
    images = make_conduction(50, n_test=0, size=12, random_state=0).X
    values = conductivity(images, 100.0)
    share = images.mean(axis=(1, 2, 3), dtype=float)
    assert np.all(1 - share + 100 * share + 1e-9 >= values.T)
    assert np.all(1 / (1 - share + share / 100) - 1e-9 <= values.T)
    np.testing.assert_allclose(
        conductivity(images.swapaxes(2, 3), 100.0), values[:, ::-1], rtol=1e-9
    )
    for flipped in (images[:, :, ::-1], images[..., ::-1]):
        np.testing.assert_allclose(conductivity(flipped, 100.0), values, rtol=1e-8)


def test_isotropic_materials_keep_hashin_and_shtrikmans_bounds_on_average():
    # The bounds are of infinite samples: many periodic fields of equal grain, their mean.
    from skgal.datasets._simulators_images import _random_field

    rng = np.random.RandomState(0)
    images = np.array([[_random_field(rng, 32, (1.5, 1.5)) < 0] for _ in range(40)], dtype=float)
    share, k1, k2 = images.mean(), 1.0, 10.0
    mean = conductivity(images, 10.0).mean()
    low = k1 + share / (1 / (k2 - k1) + (1 - share) / (2 * k1))
    high = k2 + (1 - share) / (1 / (k1 - k2) + share / (2 * k2))
    assert low < mean < high


# -------------------------------------------------------------------------------- stenosis


def vessel_flow(images):
    """Relative pressure drop and relative peak speed."""
    oracle = make_stenosis(1, n_test=0, task="values", size=images.shape[-1], random_state=0).oracle
    values = oracle(images)
    return 10 ** values[:, 0], values[:, 1]


def test_a_clear_vessel_nears_poiseuilles_drop_with_the_square_of_the_grid():
    errors = []
    for size in (8, 16, 32):
        drop, speed = vessel_flow(np.zeros((1, 1, size, size)))
        errors.append([1 - drop[0], 1 - speed[0] / 1.5])
    errors = np.array(errors)
    np.testing.assert_allclose(errors[:-1] / errors[1:], 4, rtol=0.1)
    assert np.all(errors[2] < 0.003)


@pytest.mark.parametrize("fluid", [0.75, 0.5, 0.25])
def test_a_straight_narrow_vessel_has_poiseuilles_drop(fluid):
    errors = []
    for size in (32, 64):
        image = np.zeros((1, 1, size, size))
        rim = int(size * (1 - fluid) / 2)
        image[:, :, :rim] = image[:, :, size - rim :] = 1.0
        drop, speed = vessel_flow(image)
        errors.append(max(abs(drop[0] * fluid**3 - 1), abs(speed[0] * fluid / 1.5 - 1)))
    assert errors[1] < errors[0] < 0.05
    assert errors[1] < 0.04


@pytest.mark.parametrize("grey", [0.102, 0.15, 0.8])
def test_a_vessel_full_of_uniform_tissue_has_brinkmans_drop(grey):
    tissue = (grey - 0.1) / 0.8  # which pixels from 0.1 to 0.9 stand for
    drag = 1e5 * 0.1 * tissue / (0.1 + 1 - tissue)
    root = np.sqrt(drag)
    expected = drag / (1 - np.tanh(root / 2) / (root / 2))
    drop, _ = vessel_flow(np.full((1, 1, 32, 32), grey))
    assert drop[0] * 12 == pytest.approx(expected, rel=0.03)


def test_faint_pixels_are_no_obstacle():
    images = make_stenosis(6, n_test=0, random_state=0).X
    noise = np.random.default_rng(0).uniform(0, 0.1, images.shape)
    clean = np.where(images < 0.1, 0, images)
    np.testing.assert_array_equal(vessel_flow(np.maximum(clean, noise)), vessel_flow(clean))


def test_the_drop_settles_as_the_grid_is_refined():
    images = make_stenosis(6, n_test=0, random_state=0).X
    drops = [vessel_flow(np.kron(images, np.ones((1, 1, k, k))))[0] for k in (1, 2, 4)]
    changes = [np.abs(np.log(b / a)) for a, b in pairwise(drops)]
    assert changes[1].max() < 0.05
    assert changes[1].mean() < 0.7 * changes[0].mean()


def test_more_tissue_never_lowers_the_drop():
    rows = np.arange(16)[:, np.newaxis]
    bump = np.exp(-(((np.arange(16) - 7.5) / 3) ** 2))
    heights = np.linspace(0, 11, 23)
    images = np.array([[np.clip(height * bump - rows, 0, 1)] for height in heights])
    drop, speed = vessel_flow(images)
    assert np.all(np.diff(drop) > 0)
    assert drop[0] == pytest.approx(1, abs=0.01)
    assert np.all(np.diff(speed) > -0.02)
    wider = make_stenosis(20, n_test=0, random_state=0).X
    assert np.all(vessel_flow(np.minimum(wider * 1.2, 1))[0] >= vessel_flow(wider)[0])


def test_a_vessel_upside_down_or_reversed_has_the_same_drop():
    images = make_stenosis(6, n_test=0, random_state=0).X
    drop, speed = vessel_flow(images)
    for turned in (images[:, :, ::-1], images[..., ::-1]):
        np.testing.assert_allclose(vessel_flow(turned), [drop, speed], rtol=1e-6)
