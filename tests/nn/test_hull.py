"""The hull generator, whatever its weights are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from skgal.nn import HullGenerator, mix


def make(n_anchors, latent_dim=3, shape=(2,), seed=0, noise=0.0, **kwargs):
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = HullGenerator(latent_dim, shape, n_anchors, **kwargs)
    n_all, n_classes = sum(n_anchors), len(n_anchors)
    generator.place(
        torch.rand(n_all, *shape, generator=rng) * 2 - 1,
        torch.randn(n_all, latent_dim, generator=rng),
        torch.eye(latent_dim).expand(n_classes, latent_dim, latent_dim),
    )
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter += noise * torch.randn(parameter.shape, generator=rng)
    return generator


def is_in_hull(point, corners, tolerance):
    """Ask a linear program for the weights of a point, to within a tolerance."""
    n = len(corners)
    slack = np.eye(len(point))
    solution = linprog(
        np.r_[np.zeros(n), np.ones(2 * len(point))],
        A_eq=np.block([[corners.T, slack, -slack], [np.ones(n), np.zeros(2 * len(point))]]),
        b_eq=np.r_[point, 1],
    )
    return solution.fun <= tolerance * len(point)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.sampled_from([0.0, 1.0, 5.0]),
)
def test_weights_are_those_of_a_mean_of_the_own_class(n_anchors, seed, noise):
    generator = make(n_anchors, seed=seed, noise=noise)
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(n_anchors), (20,), generator=rng)
    z = 10 * torch.randn(20, 3, generator=rng)
    weights = generator.weights(z, labels)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(20))
    own = labels[:, None] == torch.arange(len(n_anchors)).repeat_interleave(torch.tensor(n_anchors))
    assert (weights[~own] == 0).all()
    samples = generator(z, labels).detach()
    torch.testing.assert_close(samples, mix(weights, generator.anchors).detach())
    for point, label in zip(samples[:4].double().numpy(), labels, strict=False):
        corners = generator.anchors[generator.classes == label].double().numpy()
        assert is_in_hull(point, corners, 1e-6)


def test_the_judge_of_hulls_knows_the_outside():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert is_in_hull(np.array([0.3, 0.3]), corners, 1e-9)
    assert not is_in_hull(np.array([0.51, 0.5]), corners, 1e-3)


def test_the_formula():
    generator = make([4, 3], noise=0.5)
    z, labels = torch.randn(5, 3, generator=torch.Generator().manual_seed(1)), torch.ones(5).long()
    query = z + generator.network(z, labels)
    squared = ((query[:, None] - generator.codes[4:]) ** 2).sum(2)
    sharpness = generator.log_sharpness[1].exp()
    expected = torch.softmax(-sharpness / 2 * squared, dim=1)
    torch.testing.assert_close(generator.weights(z, labels)[:, 4:], expected)


def test_at_first_latents_are_normal_among_the_codes_and_weights_are_local():
    generator = make([200], latent_dim=2)
    z, labels = generator.codes[:10], torch.zeros(10, dtype=torch.int64)
    largest = generator.weights(z, labels).argmax(1)
    assert torch.equal(largest, torch.arange(10))  # a query at a code picks it, and neighbours
    spacing = torch.cdist(generator.codes, generator.codes).fill_diagonal_(9).amin(1).square()
    torch.testing.assert_close(generator.log_sharpness[0].exp(), 1 / spacing.mean())


@pytest.mark.parametrize("n_anchors", [[1], [2], [1, 5]])
def test_few_anchors(n_anchors):
    generator = make(n_anchors, noise=1.0)
    generator.place(generator.anchors, torch.zeros_like(generator.codes), generator.factors)
    z, labels = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)
    samples = generator(z, labels)
    assert samples.isfinite().all()
    if n_anchors[0] == 1:
        assert torch.equal(samples, generator.anchors[:1].expand(4, 2))


def test_of_categories_the_largest_share_comes_out_with_the_gradient_of_the_mean():
    generator = make([6], shape=(4,), groups=(1, 3), noise=0.5)
    generator.anchors[:, 1:] = torch.eye(3)[torch.tensor([0, 0, 1, 1, 2, 0])]
    z, labels = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(9).long()
    mean = mix(generator.weights(z, labels), generator.anchors)
    rows = generator(z, labels)
    assert torch.equal(rows[:, 1:].detach().round(), torch.eye(3)[mean[:, 1:].argmax(1)])
    assert torch.equal(rows[:, 0], mean[:, 0])
    (expected,) = torch.autograd.grad(mean[:, 2].sum(), generator.log_sharpness, retain_graph=True)
    (found,) = torch.autograd.grad(rows[:, 2].sum(), generator.log_sharpness)
    torch.testing.assert_close(found, expected)
