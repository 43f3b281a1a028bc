"""Distances between generated and real samples, against closed forms, brute force, references."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from sklearn import config_context

from skgal.metrics import (
    coverage,
    density,
    diversity_ratio,
    frechet_distance,
    generative_precision,
    generative_recall,
    inception_score,
    kernel_distance,
    memorization_ratio,
)

PAIRWISE = [
    frechet_distance,
    kernel_distance,
    generative_precision,
    generative_recall,
    density,
    coverage,
    diversity_ratio,
]


def samples(n, d, seed, shift=0.0):
    return np.random.default_rng(seed).normal(size=(n, d)) + shift


def reference_samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 4)), rng.normal(size=(60, 4)) * 1.2 + 0.5, rng


def test_values_of_the_reference_packages():
    """As computed from the same samples by torchmetrics 1.9.0 and prdc 0.2."""
    real, generated, rng = reference_samples()
    assert frechet_distance(real, generated) == pytest.approx(1.3597382371218547, rel=1e-9)
    assert kernel_distance(real, generated, n_subsets=1, subset_size=60) == pytest.approx(
        1.4397014050020003, rel=1e-9
    )
    assert generative_precision(real, generated, n_neighbors=5) == pytest.approx(53 / 60)
    assert generative_recall(real, generated, n_neighbors=5) == pytest.approx(1.0)
    assert density(real, generated) == pytest.approx(0.74)
    assert coverage(real, generated) == pytest.approx(55 / 60)
    logits = rng.normal(size=(100, 5)) * 2
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert inception_score(proba) == pytest.approx(1.92302, abs=1e-4)


def test_frechet_distance_is_that_of_the_formula():
    real, generated = samples(50, 4, 0) @ np.diag([1, 2, 3, 0.1]), samples(40, 4, 1, shift=0.5)
    s, t = np.cov(real.T), np.cov(generated.T)
    expected = np.sum((real.mean(0) - generated.mean(0)) ** 2)
    expected += np.trace(s + t - 2 * sqrtm(s @ t).real)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_shift_is_its_square():
    real = samples(30, 3, 0)
    assert frechet_distance(real, real + np.array([1.0, 2.0, 0.0])) == pytest.approx(5.0)


def test_frechet_distance_of_a_dilation():
    real = samples(100, 3, 0)
    real -= real.mean(0)
    expected = np.trace(np.cov(real.T))  # tr(S + 4 S - 2 * 2 S)
    assert frechet_distance(real, 2 * real) == pytest.approx(expected)


def test_frechet_distance_of_fewer_samples_than_features():
    real = samples(5, 20, 0)
    assert frechet_distance(real, real[::-1]) == pytest.approx(0.0, abs=1e-9)


def test_kernel_distance_by_brute_force():
    real, generated = samples(12, 3, 0), samples(10, 3, 1, shift=0.5)

    def kernel(x, y):
        return (0.5 * x @ y + 2.0) ** 2

    def unbiased_mmd(X, Y):
        m = len(X)
        pairs = [(i, j) for i in range(m) for j in range(m) if i != j]
        within = sum(kernel(X[i], X[j]) + kernel(Y[i], Y[j]) for i, j in pairs) / (m * (m - 1))
        return within - 2 * sum(kernel(x, y) for x in X for y in Y) / m**2

    parameters = {"degree": 2, "gamma": 0.5, "coef0": 2.0}
    whole = kernel_distance(real[:10], generated, n_subsets=1, subset_size=10, **parameters)
    assert whole == pytest.approx(unbiased_mmd(real[:10], generated))
    distances = [
        kernel_distance(real, generated, n_subsets=1, subset_size=4, random_state=seed)
        for seed in range(2)
    ]
    assert distances[0] != distances[1]


def test_kernel_distance_has_no_bias_at_few_samples():
    """For samples of one distribution its mean is 0, whatever their number; Fréchet's isn't."""
    draws = [samples(20, 2, seed) for seed in range(200)]
    pairs = list(zip(draws[::2], draws[1::2], strict=True))
    distances = [kernel_distance(*pair, n_subsets=1, subset_size=20) for pair in pairs]
    assert abs(np.mean(distances)) < 3 * np.std(distances) / np.sqrt(len(distances))
    assert np.mean([frechet_distance(*pair) for pair in pairs]) > 0.1


def test_spread_of_the_kernel_distance_is_that_over_subsets():
    real, generated = samples(60, 2, 0), samples(60, 2, 1, shift=0.5)
    mean, std = kernel_distance(real, generated, n_subsets=20, return_std=True)
    assert mean == kernel_distance(real, generated, n_subsets=20)
    assert std > 0
    assert kernel_distance(real, real, subset_size=60, n_subsets=3, return_std=True)[1] < 1e-9


def test_precision_recall_density_and_coverage_by_brute_force():
    real, generated = samples(60, 2, 0), samples(50, 2, 1, shift=0.8)
    between = cdist(real, generated)
    radii = np.sort(cdist(generated, generated), axis=1)[:, 3]
    assert generative_recall(real, generated) == np.mean((between <= radii).any(axis=1))
    radii = np.sort(cdist(real, real), axis=1)[:, 3]
    assert generative_precision(real, generated) == np.mean((radii >= between.T).any(axis=1))
    radii = np.sort(cdist(real, real), axis=1)[:, 5]
    assert coverage(real, generated) == np.mean((radii >= between.T).any(axis=0))
    assert density(real, generated) == np.mean((radii >= between.T).sum(axis=1)) / 5


@pytest.mark.parametrize("n_features", [2, 20])  # a tree finds neighbours up to 15
def test_points_on_the_edge_of_a_ball_are_inside_whatever_is_rounded(n_features):
    copies = samples(20, n_features, 0).repeat(5, axis=0)
    assert generative_precision(copies, copies) == generative_recall(copies, copies) == 1
    real, generated = np.random.default_rng(0).integers(0, 10, (2, 200, n_features))
    for measure in (generative_precision, generative_recall, density, coverage):
        assert measure(real, generated) == measure(real / 10, generated / 10)
    squares = ((generated[:, None] - real) ** 2).sum(axis=2)  # whole numbers: exact
    radii = np.sort(((real[:, None] - real) ** 2).sum(axis=2), axis=1)[:, 5]
    assert density(real / 10, generated / 10) == np.mean((squares <= radii).sum(axis=1)) / 5


def test_precision_is_recall_with_the_roles_exchanged():
    real, generated = samples(40, 3, 0), samples(30, 3, 1, shift=0.5)
    assert generative_precision(real, generated) == generative_recall(generated, real)


@pytest.mark.parametrize("n_features", [2, 20])  # scikit-learn searches in trees up to 15
@pytest.mark.parametrize("measure", [m for m in PAIRWISE if m is not kernel_distance])
def test_an_offset_changes_no_distance(measure, n_features):
    real, generated = (samples(60, n_features, seed) for seed in range(2))
    offset = 2.0**27  # adding it rounds to multiples of 2**-25
    real, generated = (np.round(each * 2**20) / 2**20 for each in (real, generated))
    moved = measure(real + offset, generated + offset)
    assert moved == pytest.approx(measure(real, generated), rel=1e-6)


def test_an_offset_does_not_look_like_memory():
    offset = 2.0**27
    rows = [np.round(samples(60, 20, seed) * 2**20) / 2**20 for seed in range(3)]
    moved = memorization_ratio(*(each + offset for each in rows))
    assert moved == pytest.approx(memorization_ratio(*rows), rel=1e-6)


def test_a_lost_mode_shows_in_recall_and_coverage():
    real = np.concatenate([samples(100, 2, 0), samples(100, 2, 1, shift=20.0)])
    whole = np.concatenate([samples(100, 2, 2), samples(100, 2, 3, shift=20.0)])
    half = samples(200, 2, 4)
    for measure in (generative_recall, coverage):
        assert measure(real, whole) > 0.8
        assert measure(real, half) <= 0.5
    assert generative_precision(real, half) > 0.8
    assert diversity_ratio(real, half) < 0.5


def test_diversity_is_the_ratio_of_mean_pairwise_distances():
    real, generated = samples(30, 3, 0), samples(20, 3, 1)
    expected = pdist(generated).mean() / pdist(real).mean()
    assert diversity_ratio(real, generated) == pytest.approx(expected)
    assert diversity_ratio(real, 0.25 * real) == pytest.approx(0.25)
    assert diversity_ratio(real, np.repeat(generated[:1], 20, axis=0)) == pytest.approx(0, abs=1e-6)
    assert np.isnan(diversity_ratio(np.ones((3, 2)), samples(3, 2, 0)))


def test_memorization_of_copies_and_of_fresh_samples():
    train, fresh, held_out = (samples(400, 2, seed) for seed in range(3))
    assert memorization_ratio(train, train[::3], held_out) == pytest.approx(0, abs=1e-6)
    assert memorization_ratio(train, fresh, held_out) == pytest.approx(1, abs=0.15)
    half = np.concatenate([train[:200], fresh[:200]])
    assert memorization_ratio(train, half, held_out) == pytest.approx(0.5, abs=0.1)
    nearest = [cdist(each, train).min(axis=1).mean() for each in (half, held_out)]
    assert memorization_ratio(train, half, held_out) == pytest.approx(nearest[0] / nearest[1])


def test_memorization_where_unseen_rows_repeat_training_rows():
    table = [[0.0], [1.0]]
    assert memorization_ratio(table, table, table) == 1
    wide = 100 * samples(60, 30, 0, shift=3.0)
    assert memorization_ratio(wide, wide, wide[:20]) == 1
    assert memorization_ratio(wide, wide + 1, wide[:20]) == np.inf
    assert memorization_ratio(table, [[0.5]], table) == np.inf


def test_inception_score_spans_one_to_the_number_of_classes():
    assert inception_score(np.eye(4)) == pytest.approx(4.0)
    assert inception_score(np.full((5, 4), 0.25)) == pytest.approx(1.0)
    assert inception_score(np.eye(4)[[1, 1, 1]]) == pytest.approx(1.0)


def test_inception_score_in_parts():
    proba = np.eye(4).repeat(50, axis=0)  # class by class, as a conditional generator draws
    mean, std = inception_score(proba, n_splits=5, return_std=True)
    assert 3.5 < mean < 4
    assert 0 < std < 0.3
    parts = np.array_split(proba[np.random.RandomState(3).permutation(200)], 5)
    scores = [inception_score(part) for part in parts]
    assert inception_score(proba, n_splits=5, return_std=True, random_state=3) == pytest.approx(
        (np.mean(scores), np.std(scores))
    )


@pytest.mark.parametrize("measure", PAIRWISE)
def test_images_are_compared_by_their_pixels(measure):
    real, generated = samples(12, 16, 0), samples(10, 16, 1)
    of_images = measure(real.reshape(12, 1, 4, 4), generated.reshape(10, 1, 4, 4))
    assert of_images == measure(real, generated)


@pytest.mark.parametrize("measure", PAIRWISE)
def test_distances_in_blocks_are_those_of_one_block(measure):
    real, generated = samples(300, 2, 0), samples(200, 2, 1)
    with config_context(working_memory=0.01):
        in_blocks = measure(real, generated)
    assert in_blocks == pytest.approx(measure(real, generated))


@pytest.mark.parametrize("measure", PAIRWISE)
def test_samples_that_cannot_be_compared_are_refused(measure):
    with pytest.raises(ValueError, match="got 3 and 2"):
        measure(np.ones((8, 3)), np.ones((8, 2)))
    with pytest.raises(ValueError, match="real contains NaN"):
        measure(np.full((8, 3), np.nan), np.ones((8, 3)))
    with pytest.raises(ValueError, match=r"skgal\.metrics\.to_points"):
        measure([["a", "b"]] * 8, np.ones((8, 2)))


def test_numbers_that_are_out_of_range_are_refused():
    real = samples(6, 2, 0)
    for measure in (generative_precision, generative_recall, density, coverage):
        with pytest.raises(ValueError, match="n_neighbors must be from 1 to 5"):
            measure(real, real, n_neighbors=6)
    with pytest.raises(ValueError, match="subset_size must be from 2 to 6"):
        kernel_distance(real, real, subset_size=7)
    with pytest.raises(ValueError, match="n_subsets"):
        kernel_distance(real, real, n_subsets=0)
    with pytest.raises(ValueError, match="n_splits must be from 1 to the number of samples, 3"):
        inception_score(np.eye(3), n_splits=4)


def test_kernel_distance_of_more_rows_than_a_block_holds():
    real, generated = samples(1500, 2, 0), samples(1500, 2, 1, shift=0.3)
    kernels = [(x @ y.T / 2 + 1) ** 3 for x, y in [(real, real), (generated, generated)]]
    within = sum(kernel.sum() - np.trace(kernel) for kernel in kernels) / (1500 * 1499)
    expected = within - 2 * ((real @ generated.T / 2 + 1) ** 3).mean()
    distance = kernel_distance(real, generated, n_subsets=1, subset_size=1500)
    assert distance == pytest.approx(expected)
