import warnings

import numpy as np
import pytest
import scipy.stats
from scipy.stats import qmc

from skgal.query._latent import latent_points

UNIFORM = scipy.stats.uniform(-1, 2)
NORMAL = scipy.stats.norm()


def points(distribution, dim, n_points, kind, seed=0):
    return latent_points(distribution, dim, n_points, kind, np.random.RandomState(seed))


def test_default_grid_is_that_of_the_paper():
    side = np.linspace(-1, 1, 101)
    expected = np.array([(a, b) for a in side for b in side])
    np.testing.assert_allclose(points(UNIFORM, 2, 10_000, "auto"), expected, atol=1e-12)


def test_grid_of_three_dimensions():
    # 1000 ** (1 / 3) is less than 10 in floating point.
    assert points(UNIFORM, 3, 1000, "grid").shape == (11**3, 3)


def test_grid_of_unbounded_distribution_halves_cells_of_equal_probability():
    grid = points(NORMAL, 1, 4, "grid")
    np.testing.assert_allclose(NORMAL.cdf(grid[:, 0]), [0.125, 0.375, 0.625, 0.875])


@pytest.mark.parametrize("distribution", [UNIFORM, NORMAL])
def test_grid_too_coarse(distribution):
    with pytest.raises(ValueError, match=r"too coarse in 20 dimensions; use candidates='sobol'"):
        points(distribution, 20, 10_000, "grid")


def test_auto_is_sobol_from_three_dimensions():
    np.testing.assert_array_equal(points(UNIFORM, 3, 8, "auto"), points(UNIFORM, 3, 8, "sobol"))


@pytest.mark.parametrize("n_points", [1, 100, 128])
def test_sobol_has_as_many_points_as_asked_for_and_does_not_warn(n_points):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert points(UNIFORM, 3, n_points, "sobol").shape == (n_points, 3)


def test_sobol_covers_the_space_more_evenly_than_chance():
    sobol = (points(UNIFORM, 4, 256, "sobol") + 1) / 2
    chance = np.random.RandomState(0).random_sample((256, 4))
    assert sobol.min() > 0
    assert sobol.max() < 1
    assert qmc.discrepancy(sobol) < qmc.discrepancy(chance) / 4


def test_sobol_follows_the_latent_distribution():
    normal = points(NORMAL, 3, 512, "sobol")
    assert np.isfinite(normal).all()
    assert scipy.stats.kstest(normal[:, 1], NORMAL.cdf).statistic < 0.01


def test_sobol_depends_on_random_state_only():
    np.testing.assert_array_equal(points(NORMAL, 3, 8, "sobol"), points(NORMAL, 3, 8, "sobol"))
    assert (points(NORMAL, 3, 8, "sobol") != points(NORMAL, 3, 8, "sobol", seed=1)).all()
