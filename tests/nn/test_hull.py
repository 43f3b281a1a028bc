"""The hull generator, whatever its weights are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import softmax
from scipy.stats import kstest, norm
from sklearn.neighbors import NearestNeighbors

from skgal.nn import HullGenerator, mix
from skgal.nn._hull import _shorten


def make(n_anchors, latent_dim=3, shape=(2,), seed=0, noise=0.0, **kwargs):
    rng = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        generator = HullGenerator(latent_dim, shape, n_anchors, **kwargs)
    n_all = sum(n_anchors)
    generator.set_anchors(
        torch.rand(n_all, *shape, generator=rng) * 2 - 1,
        torch.randn(n_all, latent_dim, generator=rng),
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
    st.sampled_from([None, 1, 3]),
    st.integers(0, 1000),
    st.sampled_from([0.0, 1.0, 5.0]),
)
def test_weights_are_those_of_a_mean_of_the_own_class(n_anchors, n_neighbors, seed, noise):
    generator = make(n_anchors, seed=seed, noise=noise, n_neighbors=n_neighbors)
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(n_anchors), (20,), generator=rng)
    z = 10 * torch.randn(20, 3, generator=rng)
    weights, members = generator.weights(z, labels)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(20))
    is_own = generator.classes[members] == labels[:, None]
    assert (weights[~is_own] == 0).all()
    assert weights.shape[1] == min(n_neighbors or 6, max(n_anchors))
    dense = torch.zeros(20, sum(n_anchors)).scatter_add_(1, members, weights)
    samples = generator(z, labels).detach()
    torch.testing.assert_close(samples, (dense @ generator.anchors).detach())
    for point, label in zip(samples[:4].double().numpy(), labels, strict=False):
        corners = generator.anchors[generator.classes == label].double().numpy()
        assert is_in_hull(point, corners, 1e-6)


def test_the_reference_tells_points_outside_a_hull():
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert is_in_hull(np.array([0.3, 0.3]), corners, 1e-9)
    assert not is_in_hull(np.array([0.51, 0.5]), corners, 1e-3)


@pytest.mark.parametrize("n_neighbors", [None, 2])
def test_the_formula(n_neighbors):
    generator = make([4, 5], noise=0.5, n_neighbors=n_neighbors)
    z = torch.randn(30, 3, generator=torch.Generator().manual_seed(1))
    labels = torch.ones(30, dtype=torch.int64)
    weights, members = generator.weights(z, labels)
    codes = generator.codes[4:].numpy()
    position = 5 * norm.cdf(z[:, 0].double().numpy())
    chosen = position.astype(int)
    z[:, 0] = torch.from_numpy(norm.ppf(position - chosen))
    spacing = NearestNeighbors(n_neighbors=2).fit(codes).kneighbors(codes)[0][:, 1]
    start = torch.from_numpy(codes[chosen])
    shift = generator.network(torch.cat([z, start], dim=1), labels).detach().numpy()
    spacing = np.sqrt(np.mean(spacing**2))
    length = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= spacing * np.tanh(length / spacing) / length
    query = (start + spacing * z).numpy() + shift
    squared = ((query[:, None] - codes) ** 2).sum(2)
    search = NearestNeighbors(n_neighbors=n_neighbors or 5).fit(codes)
    is_near = search.kneighbors_graph(query).toarray() > 0
    sharpness = generator.log_sharpness[1].exp().item()
    expected = softmax(np.where(is_near, -sharpness / 2 * squared, -np.inf), axis=1)
    found = np.zeros((30, 5))
    np.add.at(found, (np.arange(30)[:, None], members.numpy() - 4), weights.detach().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_shifts_are_shortened_to_the_spacing_at_most():
    shift = torch.randn(30, 3, generator=torch.Generator().manual_seed(1))
    most = torch.full((30, 1), 0.5)
    lengths = _shorten(1000 * shift, most).norm(dim=1)
    np.testing.assert_allclose(lengths, 0.5, rtol=1e-5)
    np.testing.assert_allclose(_shorten(1e-3 * shift, most), 1e-3 * shift, rtol=1e-3)
    nothing = torch.zeros(1, 3, requires_grad=True)  # as it is at first
    _shorten(nothing, most[:1]).sum().backward()
    assert nothing.grad.isfinite().all()
    assert nothing.grad.norm() > 0


def test_at_first_samples_are_spread_like_the_anchors():
    generator = make([200, 1], n_neighbors=5)
    z = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(2))
    labels = torch.zeros(20_000, dtype=torch.int64)
    chosen, left = generator._choose_anchors(z, labels)
    share = torch.bincount(chosen, minlength=201) / 20_000
    torch.testing.assert_close(share[:200], torch.full((200,), 0.005), atol=0.003, rtol=0)
    assert kstest(left[:, 0], "norm").pvalue > 0.01  # a fresh normal number
    codes = generator.codes[:200]
    spacing = torch.cdist(codes, codes).fill_diagonal_(9).amin(1).square().mean()
    torch.testing.assert_close(generator.log_sharpness[0].exp(), 4 / spacing)
    samples = mix(*generator.weights(z, labels), generator.codes)
    torch.testing.assert_close(samples.mean(0), codes.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(samples.std(0), codes.std(0), atol=0, rtol=0.1)


@pytest.mark.parametrize("n_anchors", [[1], [2], [1, 5]])
def test_few_anchors(n_anchors):
    generator = make(n_anchors, noise=1.0)
    generator.set_anchors(generator.anchors, torch.zeros_like(generator.codes))
    z, labels = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64)
    samples = generator(z, labels)
    assert samples.isfinite().all()
    if n_anchors[0] == 1:
        assert torch.equal(samples, generator.anchors[:1].expand(4, 2))


def test_of_categories_the_largest_share_comes_out_with_the_gradient_of_the_mean():
    generator = make([6], shape=(4,), groups=(1, 3), noise=0.5)
    generator.anchors[:, 1:] = torch.eye(3)[torch.tensor([0, 0, 1, 1, 2, 0])]
    z, labels = torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(9).long()
    mean = mix(*generator.weights(z, labels), generator.anchors)
    rows = generator(z, labels)
    assert torch.equal(rows[:, 1:].detach().round(), torch.eye(3)[mean[:, 1:].argmax(1)])
    assert torch.equal(rows[:, 0], mean[:, 0])
    (expected,) = torch.autograd.grad(mean[:, 2].sum(), generator.log_sharpness, retain_graph=True)
    (found,) = torch.autograd.grad(rows[:, 2].sum(), generator.log_sharpness)
    torch.testing.assert_close(found, expected)


def test_a_number_is_the_mean_of_those_that_are_there():
    rng = np.random.RandomState(0)
    generator = make([8], shape=(6,), groups=(1, 2, 1, 2), flags=(1,), noise=0.5)
    number, there = torch.from_numpy(rng.uniform(-1, 1, 8)).float(), torch.tensor([0, 1] * 4)
    other = torch.eye(2)[torch.from_numpy(rng.permutation(8) % 2)]  # a category like any
    generator.anchors[:] = torch.column_stack([number * there, there, 1 - there, number, other])
    z, labels = (
        torch.randn(40, 3, generator=torch.Generator().manual_seed(0)),
        torch.zeros(40).long(),
    )
    weights, members = generator.weights(z, labels)
    rows = generator(z, labels)
    known = torch.where(there[members] == 1, weights, 0).detach()
    means = (known * number[members]).sum(1) / known.sum(1)
    is_there = known.sum(1) > 0.5
    assert 0 < is_there.sum() < 40
    torch.testing.assert_close(rows[:, 0].detach(), torch.where(is_there, means, 0))
    torch.testing.assert_close(rows[:, 3].detach(), (weights * number[members]).sum(1).detach())
    assert rows[:, 1].detach().round().equal(is_there.float())


def test_a_number_that_no_anchor_has_is_missing_and_stops_no_gradient():
    generator = make([6], shape=(4,), groups=(1, 2, 1), flags=(1,), noise=0.5)
    generator.anchors[:, :3] = torch.tensor([0.0, 0.0, 1.0])
    rows = generator(
        torch.randn(9, 3, generator=torch.Generator().manual_seed(0)), torch.zeros(9).long()
    )
    assert rows[:, :3].detach().equal(torch.tensor([0.0, 0.0, 1.0]).expand(9, 3))
    rows.sum().backward()
    assert generator.log_sharpness.grad.isfinite().all()
    assert generator.log_sharpness.grad.any()
