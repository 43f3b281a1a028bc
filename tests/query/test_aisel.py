import numpy as np
import pytest
import torch
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from skorch import NeuralNetClassifier

from skgal.exceptions import UniformUncertaintyWarning
from skgal.query import AISEL
from skgal.query._latent import _densest_nearby, balanced
from skgal.utils import seeded_torch

NAN = np.nan


@pytest.fixture
def on_a_line(toys):
    """The paper's AISEL where samples, latent points and numbers of [-1, 1] are the same thing."""

    def design(clf, X=(0.0,), y=(NAN,), batch_size=1, **params):
        params = {"n_neighbors": 0} | params
        X = np.reshape(X, (-1, 1)).astype(np.float32)
        generator = toys.Invertible(latent_dim=1)
        strategy = AISEL(generator, n_candidates=1000, random_state=0, **params).fit(X)
        synthesis = strategy.synthesize(X, np.asarray(y), clf, batch_size=batch_size)
        np.testing.assert_allclose(synthesis.X, synthesis.latent, rtol=1e-6)
        return np.sort(synthesis.latent[:, 0])

    return design


def test_points_follow_the_uncertainty(on_a_line, toys):
    # The m support points of U(a, b) are the middles of its m equal parts.
    clf = toys.classifier(lambda first: np.where(first < 0, 0.5, 1.0))
    np.testing.assert_allclose(
        on_a_line(clf, batch_size=4), [-0.875, -0.625, -0.375, -0.125], atol=0.01
    )


@pytest.mark.parametrize(("power", "share"), [(0, 0.5), (1, 0.25), (2, 0.1)])
def test_power_of_the_uncertainty(on_a_line, toys, power, share):
    # Least confidence is 1/6 on the left and 1/2 on the right: odds of 3 ** power.
    clf = toys.classifier(lambda first: np.where(first < 0, 5 / 6, 1 / 2))
    points = on_a_line(clf, batch_size=40, measure="least_confidence", power=power)
    assert np.mean(points < 0) == share


@pytest.mark.parametrize("unit", [1e-6, 1, 1e6])
def test_no_power_is_too_large(on_a_line, unit):
    # The standard deviation, of 0 at X and one unit far from it, to the power 60.
    X = np.linspace(-1, 0, 6)
    gpr = GaussianProcessRegressor(unit**2 * RBF(0.1), alpha=1e-8 * unit**2, optimizer=None)
    gpr.fit(X.reshape(-1, 1), X)
    points = on_a_line(gpr, X=X, y=np.full(6, NAN), batch_size=3, power=60)
    assert points.min() > 0


@pytest.mark.parametrize("proba", [0.5, 1.0])
def test_model_equally_unsure_everywhere(on_a_line, toys, proba):
    with pytest.warns(UniformUncertaintyWarning) as record:
        points = on_a_line(toys.classifier(lambda first: proba), batch_size=4)
    np.testing.assert_allclose(points, [-0.75, -0.25, 0.25, 0.75], atol=0.01)
    assert record[0].filename == __file__


# That is the case.
@pytest.mark.filterwarnings("ignore::skgal.exceptions.UniformUncertaintyWarning")
class TestWhatIsThereAlready:
    """With one fixed point e, (10) is (1 + x²) / 2 - |x - e| / 2 on U(-1, 1): best at x = 1/2."""

    def test_labelled_samples_are_kept_away_from(self, on_a_line, toys):
        clf = toys.classifier(lambda first: 0.5)
        np.testing.assert_allclose(on_a_line(clf, X=[-0.8], y=[0]), [0.5], atol=0.01)

    @pytest.mark.parametrize(("y", "missing_label"), [([0, NAN], NAN), (["a", "?"], "?")])
    def test_unlabelled_samples_are_not(self, on_a_line, toys, y, missing_label):
        clf = toys.classifier(lambda first: 0.5)
        points = on_a_line(clf, X=[-0.8, 0.5], y=y, missing_label=missing_label)
        np.testing.assert_allclose(points, [0.5], atol=0.01)

    def test_class_probabilities_are_labels(self, on_a_line, toys):
        clf = toys.classifier(lambda first: 0.5)
        points = on_a_line(clf, X=[-0.8, 0.5], y=[[0.3, 0.7], [NAN, NAN]])
        np.testing.assert_allclose(points, [0.5], atol=0.01)

    def test_second_round_fills_what_the_first_left(self, on_a_line, toys):
        # A new point with b points below and a above it settles at (b - a) / 4.
        clf = toys.classifier(lambda first: 0.5)
        points = on_a_line(clf, X=[-0.75, 0.75], y=[0, 1], batch_size=2)
        np.testing.assert_allclose(points, [-0.25, 0.25], atol=0.02)


def test_points_stay_in_the_latent_cube_of_many_dimensions(toys):
    clf = toys.classifier(lambda first: (1 + first) / 2)
    X = np.zeros((1, 20), dtype=np.float32)
    strategy = AISEL(toys.Invertible(latent_dim=20), n_candidates=256, random_state=0).fit(X)
    latent = strategy.synthesize(X, [NAN], clf, batch_size=4).latent
    assert latent.shape == (4, 20)
    assert abs(latent).max() <= 1


def test_unbounded_latent_space(toys):
    clf = toys.classifier(lambda first: 1 / (1 + np.exp(-first)))
    X = np.zeros((1, 2), dtype=np.float32)
    generator = toys.Invertible(distribution="normal")
    strategy = AISEL(generator, n_candidates=400, random_state=0).fit(X)
    assert np.isfinite(strategy.synthesize(X, [NAN], clf, batch_size=4).latent).all()


def test_balance_by_hand():
    density = np.array([1.0, 3.0, 2.0, 0.0])
    classes = np.array(["a", "a", "b", "c"])
    np.testing.assert_allclose(balanced(density, classes), [0.25, 0.75, 1, 0])


@pytest.mark.parametrize(("balance", "n_right"), [(False, 2), (True, 4)])
def test_balance_gives_each_class_its_share(on_a_line, toys, balance, n_right):
    # Equally uncertain everywhere; class 1 is predicted on the right quarter only.
    clf = toys.classifier(lambda first: np.where(first < 0.5, 0.2, 0.8))
    with pytest.warns(UniformUncertaintyWarning):
        points = on_a_line(clf, batch_size=8, balance=balance)
    assert (points > 0.5).sum() == n_right


def test_regressor_by_its_predictive_standard_deviation(on_a_line):
    # Known on the left, unknown on the right.
    X = np.linspace(-1, 0, 6)
    gpr = GaussianProcessRegressor(RBF(0.3), optimizer=None).fit(X.reshape(-1, 1), X)
    points = on_a_line(gpr, X=X, y=np.full(6, NAN), batch_size=3)
    assert points.min() > 0


def test_balance_is_for_classifiers(on_a_line):
    gpr = GaussianProcessRegressor(optimizer=None).fit([[0.0]], [1.0])
    with pytest.raises(ValueError, match="balance=True is for classifiers"):
        on_a_line(gpr, balance=True)


def test_generator_without_encoder(toys):
    X = np.zeros((5, 2), dtype=np.float32)
    for generator in (toys.Generator(), FrozenEstimator(toys.Generator().fit(X))):
        with pytest.raises(TypeError, match=r"encoder, such as skgal\.generators\.GIN"):
            AISEL(generator).fit(X)


def test_distance_is_no_density(on_a_line, toys):
    with pytest.raises(ValueError, match="'measure' parameter of AISEL"):
        on_a_line(toys.classifier(lambda first: first), measure="min_distance")


def test_skorch_net_leaves_the_global_rng_alone(toys):
    X = np.random.RandomState(0).uniform(-1, 1, size=(12, 2)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    with seeded_torch(0):
        net = NeuralNetClassifier(
            torch.nn.Linear(2, 2),
            criterion=torch.nn.CrossEntropyLoss,
            train_split=None,
            verbose=0,
        ).fit(X, y)
    strategy = AISEL(toys.Invertible(), balance=True, n_candidates=16, random_state=0).fit(X)
    before = torch.get_rng_state()
    strategy.synthesize(X, y, net, batch_size=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_points_move_to_the_densest_candidate_nearby_by_brute_force():
    rng = np.random.RandomState(0)
    candidates, density = rng.uniform(-1, 1, (200, 3)), rng.uniform(size=200)
    points = rng.uniform(-1, 1, (12, 3))
    taken = []
    for point in points:
        nearest = np.argsort(np.linalg.norm(candidates - point, axis=1))[:20]
        free = [i for i in nearest if i not in taken]
        taken.append(max(free, key=lambda i: density[i]))
    moved = _densest_nearby(points, candidates, density, 20)
    np.testing.assert_array_equal(moved, candidates[taken])


def test_no_candidate_is_taken_twice():
    candidates = np.array([[0.0], [0.1], [5.0]])
    moved = _densest_nearby(np.zeros((3, 1)), candidates, np.array([1.0, 2.0, 3.0]), 2)
    assert moved.ravel().tolist() == [0.1, 0.0, 0.0]  # the third finds none, and stays


X_LINE = np.linspace(-1, 1, 20)


def test_a_curved_boundary_is_met_if_the_generator_inverts(on_a_line, toys):
    # The model is unsure on two narrow strips, of which four support points miss some.
    clf = toys.classifier(lambda first: np.where(np.abs(np.abs(first) - 0.5) < 0.01, 0.5, 0.9))
    y = np.full(20, NAN)
    moved = on_a_line(clf, X=X_LINE, y=y, batch_size=4, n_neighbors=300)
    assert (abs(abs(moved) - 0.5) < 0.011).all()
    stays = on_a_line(clf, X=X_LINE, y=y, batch_size=4)
    assert not (abs(abs(stays) - 0.5) < 0.011).all()


class PoorEncoder:
    """Mixed into a generator, it loses all but a share of the information in its codes."""

    def transform(self, X):
        return 0 * super().transform(X)


@pytest.mark.parametrize(("inverts", "expected"), [(True, 1.0), (False, 0.0)])
def test_how_far_they_move_follows_from_the_inversion(toys, inverts, expected):
    bases = (toys.Invertible,) if inverts else (PoorEncoder, toys.Invertible)
    generator = type("Generator", bases, {"__init__": toys.Invertible.__init__})(latent_dim=1)
    clf = toys.classifier(lambda first: (first + 1) / 2)
    X, y = X_LINE.reshape(-1, 1).astype(np.float32), np.full(20, NAN)

    def design(n_neighbors):
        strategy = AISEL(generator, n_candidates=1000, n_neighbors=n_neighbors, random_state=0)
        latent = strategy.fit(X).synthesize(X, y, clf, batch_size=3).latent
        return strategy.inversion_score_, latent

    score, latent = design("auto")
    assert score == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(latent, design(167 if inverts else 0)[1])  # half of 1000 / 3
