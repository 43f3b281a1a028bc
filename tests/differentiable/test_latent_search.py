import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.optimize import minimize

from skgal.differentiable import (
    boundary_proximity,
    evolve_latent,
    log_entropy,
    odds_proximity,
    search_latent,
)
from skgal.metrics import distance_uncertainty, entropy

RNG = np.random.RandomState(0)
START = RNG.uniform(-1, 1, size=(12, 3))
EVERYWHERE = (-np.inf, np.inf)


def rosenbrock(z):
    return -((1 - z[:, 0]) ** 2 + 5 * (z[:, 1] - z[:, 0] ** 2) ** 2 + z[:, 2] ** 2)


def test_it_finds_what_scipy_finds():
    def loss(point):
        return -float(rosenbrock(torch.tensor(point[None])))

    expected = minimize(loss, START[0], bounds=[(-0.5, 0.5)] * 3).x
    latent, values = search_latent(
        rosenbrock, START, support=(-0.5, 0.5), max_iter=400, tol=None, learning_rate=0.02
    )
    assert_allclose(latent, np.tile(expected, (12, 1)), atol=1e-2)
    assert_allclose(values, rosenbrock(torch.tensor(latent)), rtol=1e-5)


def test_every_step_stays_inside_the_support():
    seen = []

    def score(z):
        seen.append(z.detach().abs().max())
        return z.sum(dim=1)

    latent, _ = search_latent(score, START, support=(-1, 1), max_iter=60)
    assert max(seen) <= 1
    assert_array_equal(latent, np.ones((12, 3)))


def test_points_dont_depend_on_their_batch():
    together, _ = search_latent(rosenbrock, START, support=EVERYWHERE, max_iter=30)
    alone, _ = search_latent(rosenbrock, START[3:4], support=EVERYWHERE, max_iter=30)
    assert_allclose(together[3:4], alone, rtol=1e-5)


def test_never_worse_than_the_start():
    # A step too long for the valley: later points are worse, and are not returned.
    start_values = rosenbrock(torch.tensor(START, dtype=torch.float32))
    _, values = search_latent(rosenbrock, START, support=EVERYWHERE, max_iter=3, learning_rate=9)
    assert (values >= start_values.numpy()).all()


def count_evaluations(tol):
    sizes = []

    def score(z):
        sizes.append(len(z))
        return -(z**2).sum(dim=1)

    start = START * np.linspace(0.01, 1, 12)[:, None]
    _, values = search_latent(score, start, support=EVERYWHERE, max_iter=100, tol=tol)
    return sizes, values


def test_converged_points_leave_the_batch():
    sizes, values = count_evaluations(tol=1e-3)
    everything, best = count_evaluations(tol=None)
    assert everything == [12] * 101
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < 12
    assert sum(sizes) < sum(everything) / 2
    assert_allclose(values, best, atol=2e-2)


def test_nan():
    def score(z):
        return z.sum(dim=1) * float("nan")

    with pytest.raises(ValueError, match="is NaN"):
        search_latent(score, START, support=EVERYWHERE)


def test_weights_get_no_gradients():
    layer = torch.nn.utils.skip_init(torch.nn.Linear, 3, 1)
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.ones_(layer.bias)
    search_latent(lambda z: layer(z)[:, 0], START, support=EVERYWHERE, max_iter=2)
    assert layer.weight.grad is None


@pytest.mark.parametrize("distribution", [stats.uniform(-1, 2), stats.norm()])
def test_evolution_climbs_without_a_gradient(distribution):
    direction = np.array([0.6, -0.8, 0])
    target = 0.7

    def score(latent):  # steps, as a forest has them
        return -np.round(np.abs(latent @ direction - target), 1)

    latent, values = evolve_latent(score, START, distribution, np.random.RandomState(0))
    assert (values >= score(START)).all()
    assert_array_equal(values, score(latent))
    assert_allclose(values, 0, atol=0.21)
    low, high = distribution.support()
    assert latent.min() >= low
    assert latent.max() <= high


def test_evolution_repeats_itself_and_depends_on_the_seed():
    def search(seed):
        rng = np.random.RandomState(seed)
        return evolve_latent(
            lambda latent: -np.abs(latent).sum(axis=1), START, stats.norm(), rng, max_iter=5
        )[0]

    assert_array_equal(search(0), search(0))
    assert (search(0) != search(1)).any()


def test_evolution_leaves_the_latent_distribution_as_it_is():
    # On a plateau every child is as good as its parent: many generations are a random walk
    # whose points must still be draws of the latent distribution.
    start = stats.norm().rvs(size=(400, 5), random_state=np.random.RandomState(0))
    latent, _ = evolve_latent(
        lambda latent: np.zeros(len(latent)), start, stats.norm(), np.random.RandomState(1),
        max_iter=20, tol=None,
    )  # fmt: skip
    assert (latent != start).all(axis=1).mean() > 0.5
    assert stats.kstest(latent.ravel(), "norm").pvalue > 0.01


PROBA = stats.dirichlet([0.3] * 4).rvs(50, random_state=np.random.RandomState(0))


@pytest.mark.parametrize("n_classes", [2, 4])
def test_scores_are_those_of_the_metrics(n_classes):
    proba = PROBA[:, :n_classes] / PROBA[:, :n_classes].sum(axis=1, keepdims=True)
    assert_allclose(log_entropy(torch.tensor(proba)).exp(), entropy(proba), rtol=1e-6)
    odds = distance_uncertainty(np.log(proba))
    assert_allclose(odds_proximity(torch.tensor(proba)), odds, rtol=1e-6)
    decisions = np.log(proba[:, 1] / proba[:, 0]) if n_classes == 2 else np.log(proba)
    got = boundary_proximity(torch.tensor(decisions))
    assert_allclose(got, distance_uncertainty(decisions), rtol=1e-6)


def test_entropy_of_a_sure_classifier_has_a_gradient():
    logits = torch.tensor([[-40.0, 40.0]], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(log_entropy(logits.softmax(dim=1)).sum(), logits)
    assert gradient.abs().max() > 0.5
    certain = torch.tensor([[0.0, 1.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(log_entropy(certain).sum(), certain)
    assert torch.isfinite(gradient).all()
