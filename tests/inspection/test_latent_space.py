import numpy as np
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.generators import GIN
from skgal.inspection import LatentSpaceDisplay


class LogisticOfOneCode:
    """Classifier whose certainty is known: p = logistic(slope * coordinate of the latent)."""

    def __init__(self, generator, coordinate, slope=4.0):
        self.generator = generator
        self.coordinate = coordinate
        self.slope = slope

    def predict_proba(self, X):
        code = self.generator.transform(X)[:, self.coordinate]
        p = 1 / (1 + np.exp(-self.slope * code))
        return np.column_stack([p, 1 - p])


def entropy_of(code, slope=4.0):
    p = 1 / (1 + np.exp(-slope * np.asarray(code, dtype=float)))
    return -(p * np.log(p) + (1 - p) * np.log(1 - p))


@pytest.mark.parametrize("coordinate", [0, 1])
def test_map_is_the_entropy_at_each_latent_point(generator, coordinate):
    clf = LogisticOfOneCode(generator, coordinate)
    display = LatentSpaceDisplay.from_generator(generator, clf, n_grid=7)
    np.testing.assert_allclose(display.grid, np.linspace(-1, 1, 7))
    expected = np.broadcast_to(entropy_of(display.grid), (7, 7))  # the first coordinate runs along
    expected = expected if coordinate == 0 else expected.T
    np.testing.assert_allclose(display.uncertainty, expected, atol=1e-6)
    np.testing.assert_allclose(display.map_.get_array().reshape(7, 7), expected, atol=1e-6)


def test_existing_and_chosen_points_are_where_they_are(generator):
    Z, chosen = generator.sample_latent(5, random_state=0), [[0.5, -0.25], [-1.0, 1.0]]
    display = LatentSpaceDisplay.from_generator(
        generator, LogisticOfOneCode(generator, 0), X=generator.generate(Z), chosen=chosen, n_grid=3
    )
    np.testing.assert_allclose(display.existing_.get_xydata(), Z, atol=1e-9)
    np.testing.assert_array_equal(display.chosen_.get_xydata(), chosen)
    assert display.existing_.get_marker() == "x"
    assert display.chosen_.get_marker() == "o"
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["existing", "chosen"]


def test_encoders_that_return_data_frames():
    X = np.random.RandomState(0).normal(size=(10, 3))
    gin = GIN(latent_dim=2, max_iter=1, random_state=0).fit(X)
    Z = gin.transform(X)
    framed = gin.set_output(transform="pandas")
    display = LatentSpaceDisplay.from_generator(framed, GaussianNB().fit(X, X[:, 0] > 0), X=X)
    np.testing.assert_array_equal(display.existing_.get_xydata(), Z)


def test_a_plane_through_the_middle_of_a_wider_latent_space(make_generator):
    generator = make_generator(latent_dim=4, distribution=stats.uniform(1, 2)).fit()
    chosen = [[1.0, 1.5, 2.0, 2.5]]
    # Coordinate 0 is held at the median, 2, so the map is flat.
    flat = LatentSpaceDisplay.from_generator(
        generator, LogisticOfOneCode(generator, 0), chosen=chosen, coordinates=(3, 1), n_grid=3
    )
    np.testing.assert_allclose(flat.uncertainty, entropy_of(2.0), atol=1e-6)
    np.testing.assert_array_equal(flat.chosen_.get_xydata(), [[2.5, 1.5]])
    assert flat.ax_.get_xlabel() == "latent coordinate 4"
    assert flat.ax_.get_ylabel() == "latent coordinate 2"
    sloped = LatentSpaceDisplay.from_generator(
        generator, LogisticOfOneCode(generator, 3), coordinates=(3, 1), n_grid=3
    )
    np.testing.assert_allclose(sloped.uncertainty[0], entropy_of([1.0, 2.0, 3.0]), atol=1e-6)


def test_latent_space_without_bounds_is_cut_at_99_percent(make_generator):
    generator = make_generator(distribution=stats.norm()).fit()
    clf = LogisticOfOneCode(generator, 0)
    display = LatentSpaceDisplay.from_generator(generator, clf, n_grid=3)
    np.testing.assert_allclose(display.grid, [-2.5758, 0, 2.5758], atol=1e-4)


def test_map_alone_needs_no_encoder_and_no_legend(make_generator):
    class WithoutEncoder(make_generator):
        inverse_transform = property()

    generator = WithoutEncoder().fit()
    clf = LogisticOfOneCode(generator, 0)
    display = LatentSpaceDisplay.from_generator(generator, clf, n_grid=3)
    assert display.ax_.get_legend() is None
    with pytest.raises(TypeError, match="WithoutEncoder has no encoder"):
        LatentSpaceDisplay.from_generator(
            generator, clf, X=generator.sample(2, random_state=0), n_grid=3
        )


@pytest.mark.parametrize("coordinates", [(0, 2), (1, 1), (-1, 0)])
def test_coordinates_that_the_latent_space_lacks(generator, coordinates):
    clf = LogisticOfOneCode(generator, 0)
    with pytest.raises(ValueError, match="latent_dim - 1 = 1, got"):
        LatentSpaceDisplay.from_generator(generator, clf, coordinates=coordinates)


def test_a_model_without_probabilities_is_refused(generator):
    with pytest.raises(TypeError, match="LinearRegression doesn't say how unsure it is"):
        LatentSpaceDisplay.from_generator(generator, LinearRegression().fit([[0.0]], [0.0]))


def test_other_measures(generator):
    clf = LogisticOfOneCode(generator, 0)
    grid = np.linspace(-1, 1, 3)
    p = 1 / (1 + np.exp(-4 * grid))
    second, first = np.sort([p, 1 - p], axis=0)
    expected = {
        "ratio_of_confidence": second / first,
        "margin_of_confidence": 1 - (first - second),
        "least_confidence": 2 * second,
        "normalized_entropy": entropy_of(grid) / np.log(2),
    }
    for measure, values in expected.items():
        display = LatentSpaceDisplay.from_generator(generator, clf, measure=measure, n_grid=3)
        np.testing.assert_allclose(display.uncertainty[0], values, atol=1e-6)
    own = LatentSpaceDisplay.from_generator(
        generator, clf, measure=lambda model, X: model.predict_proba(X)[:, 0], n_grid=3
    )
    np.testing.assert_allclose(own.uncertainty[0], p, atol=1e-6)
    with pytest.raises(ValueError, match="measure must be"):
        LatentSpaceDisplay.from_generator(generator, clf, measure="doubt")


def test_maps_of_a_regressor(generator):
    X = generator.sample(10, random_state=0).reshape(10, -1)

    class Flat(GaussianProcessRegressor):
        def predict(self, X, return_std=False):
            return super().predict(X.reshape(len(X), -1), return_std=return_std)

    model = Flat(optimizer=None).fit(X, X[:, 0])
    Z = np.array([[a, b] for b in (-1, 0, 1) for a in (-1, 0, 1)])
    mean, std = model.predict(generator.generate(Z), return_std=True)
    display = LatentSpaceDisplay.from_generator(generator, model, n_grid=3)
    np.testing.assert_allclose(display.uncertainty, std.reshape(3, 3), atol=1e-6)
    assert display.uncertainty_name == "standard deviation of the prediction"
    forest = make_pipeline(
        FunctionTransformer(lambda X: X.reshape(len(X), -1)),
        RandomForestRegressor(3, random_state=0),
    ).fit(generator.sample(10, random_state=0), X[:, 0])
    trees = [tree.predict(generator.generate(Z).reshape(9, -1)) for tree in forest[1].estimators_]
    display = LatentSpaceDisplay.from_generator(generator, forest, n_grid=3)
    np.testing.assert_allclose(display.uncertainty.ravel(), np.std(trees, axis=0), atol=1e-6)
    display = LatentSpaceDisplay.from_generator(generator, model, measure="prediction", n_grid=3)
    np.testing.assert_allclose(display.uncertainty, mean.reshape(3, 3), atol=1e-6)
