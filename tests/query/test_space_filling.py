"""Space-filling designs: even, continued from batch to batch, within constraints."""

import numpy as np
import pytest
from scipy.stats import qmc
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.active import ActiveLearner, CallableOracle
from skgal.base import Asked
from skgal.generators import DesignBox
from skgal.query import LatentRandom, SpaceFilling
from skgal.testing import check_query_strategy

X = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.5, 0.2, 0.1]])
Y = np.array([0, 1, 0])
METHODS = ["sobol", "halton", "latin"]
each_method = pytest.mark.parametrize("method", METHODS)


def fitted(method="sobol", seed=0, **params):
    return SpaceFilling(DesignBox(**params), method=method, random_state=seed).fit(X)


def asked(designs):
    return Asked(designs, 2 * designs - 1, np.full(len(designs), np.nan))


@pytest.mark.touches_global_rng  # one of scikit-learn's checks permutes rows with the global one
@parametrize_with_checks([SpaceFilling(DesignBox(), random_state=0)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@each_method
def test_contract(method):
    check_query_strategy(SpaceFilling(DesignBox(), method=method))


@each_method
def test_designs_are_more_even_than_random_ones(method):
    designs = fitted(method).synthesize(X, Y, None, batch_size=32).X
    at_random = [qmc.discrepancy(np.random.RandomState(i).uniform(size=(32, 3))) for i in range(20)]
    assert qmc.discrepancy(designs) < np.quantile(at_random, 0.1)


def test_a_latin_hypercube_has_one_design_in_each_slice():
    designs = fitted("latin").synthesize(X, Y, None, batch_size=10).X
    assert np.array_equal(np.sort(np.floor(designs * 10), axis=0).T, [range(10)] * 3)


@pytest.mark.parametrize("method", ["sobol", "halton"])
def test_batches_continue_one_sequence(method):
    strategy = fitted(method)
    whole = strategy.synthesize(X, Y, None, batch_size=24).X
    grown, labels = X, Y
    for size in (8, 3, 13):
        batch = strategy.synthesize(grown, labels, None, batch_size=size).X
        grown, labels = np.concatenate([grown, batch]), np.zeros(len(grown) + size)
    np.testing.assert_array_equal(grown[3:], whole)
    # What failed is in no row of X, but was asked.
    late = strategy.synthesize(X, Y, None, batch_size=13, asked=asked(whole[:11])).X
    np.testing.assert_array_equal(late, whole[11:])


def test_batches_of_hypercubes_differ():
    strategy = fitted("latin")
    first = strategy.synthesize(X, Y, None, batch_size=5).X
    second = strategy.synthesize(X, Y, None, batch_size=5, asked=asked(first)).X
    assert not np.array_equal(first, second)


def test_seeds_differ():
    designs = [fitted(seed=seed).synthesize(X, Y, None, batch_size=5).X for seed in (0, 0, 1)]
    assert np.array_equal(designs[0], designs[1])
    assert not np.array_equal(designs[0], designs[2])


@each_method
def test_constraints_are_satisfied_and_the_sequence_goes_on(method):
    strategy = fitted(method, constraints=([[1, 1, 1]], [0.8]))
    whole = strategy.synthesize(X, Y, None, batch_size=40).X
    assert whole.sum(axis=1).max() <= 0.8
    if method != "latin":
        late = strategy.synthesize(X, Y, None, batch_size=10, asked=asked(whole[:30])).X
        np.testing.assert_array_equal(late, whole[30:])


def test_it_spreads_over_any_latent_space(toys):
    strategy = SpaceFilling(toys.Generator(distribution="normal"), random_state=0).fit(X)
    latent = strategy.synthesize(X, Y, None, batch_size=256).latent
    assert np.isfinite(latent).all()
    assert np.abs(latent.mean(axis=0)).max() < 0.05
    assert np.abs(latent.std(axis=0) - 1).max() < 0.05


@pytest.mark.parametrize("strategy_class", [SpaceFilling, LatentRandom])
def test_a_learner_gets_no_design_twice_where_some_fail(strategy_class):
    calls = []

    def solve(x):
        calls.append(tuple(x))
        if x[0] > 0.6:
            raise RuntimeError("the mesh folds")
        return int(x[1] > 0.5)

    oracle = CallableOracle(solve, on_error="decline")
    ActiveLearner(
        SVC(),
        strategy_class(DesignBox()),
        oracle=oracle,
        batch_size=6,
        budget=24,
        random_state=0,
    ).fit(X, Y)
    assert len(set(calls)) == len(calls) == 24


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="'method' parameter of SpaceFilling"):
        fitted("grid")
