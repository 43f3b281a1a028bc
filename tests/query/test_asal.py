import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.svm import LinearSVC
from skorch import NeuralNetClassifier
from torch import nn

from skgal.active import ActiveLearner
from skgal.exceptions import PoorSamplesWarning, UselessMatchesWarning
from skgal.generators import GAN, Autoencoder
from skgal.metrics import entropy
from skgal.nn import Dense
from skgal.query import ASAL
from skgal.utils import seeded_torch

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, size=(200, 3)).astype(np.float32)
X[:, 2] = 0  # where the toy generator's padding is
y = np.where(X[:, 0] + X[:, 1] > 0.2, "right", "left")
SHOWN = np.where(np.arange(200) < 40, y, None)
# What the paper's Algorithm 1 does, without its hybrids and what skgal adds.
ALGORITHM_1 = {
    "measure": "entropy", "oversampling": 1, "n_neighbors": 1, "n_random": 0, "align": False,
}  # fmt: skip
CLF = LogisticRegression(C=100).fit(X[:40], y[:40])
IMAGES = RNG.randint(0, 256, size=(40, 1, 8, 8)).astype(np.uint8)
IMAGE_LABELS = np.where(np.arange(40) < 12, np.arange(40) % 2, np.nan)


def uncertainty_of(rows, clf=CLF):
    return entropy(clf.predict_proba(X[rows]))


@pytest.fixture
def strategy(toys):
    def make(**kwargs):
        defaults = {"random_state": 0, "max_iter": 60, "n_random": 0}  # 200 are the whole pool
        return ASAL(toys.Generator(), **defaults | kwargs).fit(X)

    return make


@pytest.mark.parametrize("measure", ["entropy", "min_distance"])
def test_chosen_samples_are_uncertain(strategy, measure):
    chosen = strategy(measure=measure).query(X, SHOWN, CLF, batch_size=8)
    assert len(np.unique(chosen)) == 8
    assert chosen.min() >= 40
    assert uncertainty_of(chosen).mean() > 5 * uncertainty_of(np.arange(40, 200)).mean()


def test_the_nearest_sample_is_chosen(strategy, toys, monkeypatch):
    asal = strategy(n_components=None, **ALGORITHM_1)
    made = []
    generate = toys.Generator.generate

    def remember(self, Z, y=None):
        made.append(generate(self, Z, y))
        return made[-1]

    monkeypatch.setattr(toys.Generator, "generate", remember)
    for n_labelled in (10, 40, 60):
        shown = np.where(np.arange(200) < n_labelled, y, None)
        (chosen,) = asal.query(X, shown, CLF)
        distances = cdist(made[-1], X)[0]
        distances[:n_labelled] = np.inf
        assert chosen == distances.argmin()


def test_a_whole_pool_is_labelled_without_one_twice(strategy):
    asal = strategy(max_iter=2)
    shown = SHOWN.copy()
    rounds = []
    while (left := 200 - np.count_nonzero(shown != None)) > 0:  # noqa: E711 - element by element
        chosen = asal.query(X, shown, CLF, batch_size=min(60, left))
        shown[chosen] = y[chosen]
        rounds.append(chosen)
    assert_array_equal(np.sort(np.concatenate(rounds)), np.arange(40, 200))


@pytest.mark.parametrize("hybrid", [{"oversampling": 4}, {"n_neighbors": 4}])
def test_hybrids_choose_the_most_uncertain_matches(strategy, hybrid):
    asal = strategy(**ALGORITHM_1 | hybrid)
    chosen, utilities = asal.query(X, SHOWN, CLF, batch_size=5, return_utilities=True)
    matches = np.flatnonzero(utilities > 0)
    assert len(matches) == 20
    expected = matches[np.argsort(-uncertainty_of(matches))[:5]]
    assert_array_equal(chosen, expected)
    assert_array_equal(chosen, np.argsort(-np.nan_to_num(utilities))[:5])
    assert np.isnan(utilities[:40]).all()
    assert (utilities[40:] >= 0).all()


class Blind:
    """A generator that draws one corner of the square only."""

    def generate(self, Z, y=None):
        return super().generate(np.full_like(Z, 0.9), y)


class Wild:
    """A generator of samples that are nowhere near the pool."""

    def generate(self, Z, y=None):
        return 10 * super().generate(Z, y)


@pytest.fixture
def faulty(toys):
    return lambda fault: type(fault.__name__, (fault, toys.Generator), {})()


@pytest.mark.parametrize("measure", ["entropy", "min_distance"])
def test_matches_less_uncertain_than_random_samples_give_a_warning(faulty, measure):
    with pytest.warns(PoorSamplesWarning):
        asal = ASAL(
            faulty(Blind), measure=measure, n_neighbors=2, oversampling=2, align=False, max_iter=2,
            random_state=0,
        ).fit(X)  # fmt: skip
    with pytest.warns(UselessMatchesWarning, match="in only 1[0-9]% of the cases") as caught:
        chosen = asal.query(X, SHOWN, CLF, batch_size=4)
    assert caught[0].filename == __file__
    # The samples drawn at random, here the whole pool, have the blind generator do no harm.
    is_shown = SHOWN != None  # noqa: E711 - element by element
    assert_array_equal(chosen, np.argsort(np.abs(CLF.decision_function(X)) + is_shown)[:4])


class Timid:
    """A generator whose samples all lie near the middle of the pool."""

    def generate(self, Z, y=None):
        return super().generate(0.05 * Z, y)


def test_samples_near_the_middle_are_aligned_with_the_pool(faulty):
    clf = LogisticRegression(C=100).fit(X, X[:, 0] > 0.5)  # its boundary is far from the middle
    matches = {}
    for align in (False, True):
        with pytest.warns(PoorSamplesWarning):
            asal = ASAL(
                faulty(Timid), oversampling=2, n_neighbors=1, n_random=0, align=align, max_iter=5,
                random_state=0,
            ).fit(X)  # fmt: skip
        _, utilities = asal.query(X, SHOWN, clf, batch_size=8, return_utilities=True)
        matches[align] = np.flatnonzero(utilities > 0)
    # No row twice, so not all in one place; aligned they spread as the pool does.
    assert X[matches[False]].std(axis=0)[1] < 0.5 * X[matches[True]].std(axis=0)[1]


@pytest.mark.filterwarnings("error")
def test_uncertain_matches_give_no_warning(strategy):
    for measure in ("entropy", "min_distance"):
        strategy(measure=measure, n_random=200).query(X, SHOWN, CLF, batch_size=8)
    certain = LogisticRegression(C=1e-9).fit(X[:40], y[:40])  # equally unsure of everything
    strategy(n_random=200).query(X, SHOWN, certain, batch_size=8)


@pytest.mark.parametrize("n_random", [0, 30])
def test_as_many_random_samples_are_rated_as_asked_for(strategy, n_random):
    asal = strategy(**ALGORITHM_1 | {"n_random": n_random})
    _, utilities = asal.query(X, SHOWN, CLF, batch_size=5, return_utilities=True)
    assert max(5, n_random) <= np.count_nonzero(utilities > 0) <= 5 + n_random


def test_a_generator_that_is_not_trained_enough_gives_a_warning(faulty):
    for fault in (Wild, Blind):
        with pytest.warns(PoorSamplesWarning, match="200 generated samples have") as caught:
            ASAL(faulty(fault), random_state=0).fit(X)
        assert caught[0].filename == __file__


@pytest.mark.parametrize("shape", [(200, 3), (200, 1, 3, 1)])
def test_a_trained_generator_gives_no_warning(toys, recwarn, shape):
    ASAL(toys.Generator(), random_state=0).fit(X.reshape(shape))
    assert not recwarn.list


def test_models_that_return_nan_are_refused(strategy, toys):
    with pytest.raises(ValueError, match="NaN"):
        strategy().query(X, SHOWN, toys.classifier(lambda x: x * np.nan), batch_size=2)


def test_hybrids_of_a_pool_nearly_used_up(strategy):
    for hybrid in ({"oversampling": 50}, {"n_neighbors": 50}):
        asal = strategy(**hybrid)
        chosen = asal.query(X, SHOWN, CLF, batch_size=6, candidates=np.arange(100, 110))
        assert len(np.unique(chosen)) == 6
        assert set(chosen) <= set(range(100, 110))


def test_candidates(strategy):
    asal = strategy()
    positions = np.array([150, 45, 3, 60])
    assert_array_equal(
        np.sort(asal.query(X, SHOWN, CLF, candidates=positions, batch_size=3)), [45, 60, 150]
    )
    foreign = RNG.uniform(-1, 1, size=(30, 3)).astype(np.float32)
    foreign[7] = [0.1, 0.1, 0]  # the only one anywhere near the boundary
    foreign[:7, :2] = foreign[8:, :2] = 1
    foreign[:7, 0] += np.arange(7) / 100
    chosen, utilities = asal.query(
        X, SHOWN, CLF, candidates=foreign, batch_size=2, return_utilities=True
    )
    assert 7 in chosen
    assert utilities.shape == (30,)


def test_rounds_differ_and_can_be_repeated(strategy):
    asal = strategy(**ALGORITHM_1)
    first, again = (asal.query(X, SHOWN, CLF, batch_size=4) for _ in range(2))
    assert_array_equal(first, again)
    more = SHOWN.copy()
    more[0] = None
    assert set(asal.query(X, more, CLF, batch_size=4)) != set(first)
    other = strategy(random_state=1, **ALGORITHM_1).query(X, SHOWN, CLF, batch_size=4)
    assert set(other) != set(first)


def test_forests_are_searched_without_gradients(strategy):
    forest = RandomForestClassifier(20, max_depth=4, random_state=0).fit(X[:40], y[:40])
    chosen = strategy().query(X, SHOWN, forest, batch_size=8)
    everyone = uncertainty_of(np.arange(40, 200), forest).mean()
    assert uncertainty_of(chosen, forest).mean() > 1.5 * everyone


def test_classifiers_without_probabilities(strategy):
    svc = LinearSVC(random_state=0).fit(X[:40], y[:40])
    chosen = strategy(measure="min_distance", oversampling=3).query(X, SHOWN, svc, batch_size=4)
    assert np.abs(svc.decision_function(X[chosen])).max() < 0.3
    by_entropy = strategy(oversampling=3).query(X, SHOWN, svc, batch_size=4)
    assert np.abs(svc.decision_function(X[by_entropy])).max() < 0.3
    codes = OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X[:40], y[:40])
    with pytest.raises(TypeError, match="OutputCodeClassifier has no predict_proba and no"):
        strategy().query(X, SHOWN, codes)


@pytest.fixture(scope="module")
def image_gan():
    generator = GAN(
        latent_dim=4, max_iter=2, batch_size=8, architecture=Dense(hidden=(8,)), random_state=0
    )
    return FrozenEstimator(generator.fit(IMAGES))


@pytest.fixture(scope="module")
def image_net():
    with seeded_torch(0):
        module = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 2))
        net = NeuralNetClassifier(
            nn.Sequential(_ToFloat(), module), criterion=nn.CrossEntropyLoss, train_split=None,
            max_epochs=2, verbose=0,
        )  # fmt: skip
        return net.fit(IMAGES[:12], IMAGE_LABELS[:12].astype(np.int64))


class _ToFloat(nn.Module):
    def forward(self, x):
        return x.float() / 255


TINY = {"latent_dim": 3, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(8,))}


@pytest.mark.parametrize(
    "features",
    ["pixels", "critic", "classifier", Autoencoder(**TINY), FrozenEstimator(Autoencoder(**TINY))],
    ids=str,
)
def test_features_of_images(image_gan, image_net, features):
    if isinstance(features, FrozenEstimator):
        features = FrozenEstimator(Autoencoder(**TINY, random_state=0).fit(IMAGES))
    before = IMAGES.copy()
    asal = ASAL(image_gan, features=features, n_components=2, max_iter=3, random_state=0)
    asal.fit(IMAGES)
    for candidates in (None, np.arange(20, 40), IMAGES[12:20]):
        chosen, utilities = asal.query(
            IMAGES, IMAGE_LABELS, image_net, candidates=candidates, batch_size=5,
            return_utilities=True,
        )  # fmt: skip
        assert len(np.unique(chosen)) == 5
        assert np.nansum(utilities > 0) >= 5
        if candidates is None or candidates.ndim == 1:
            assert chosen.min() >= (12 if candidates is None else 20)
    assert_array_equal(IMAGES, before)


def test_default_autoencoder_knows_the_shape_of_flat_images(monkeypatch):
    defaults = Autoencoder.__init__.__kwdefaults__
    monkeypatch.setattr(Autoencoder.__init__, "__kwdefaults__", {**defaults, "max_iter": 2})
    flat = IMAGES.reshape(40, 64)
    generator = GAN(image_shape=(1, 8, 8), **TINY)
    asal = ASAL(generator, features="autoencoder", random_state=0)
    assert asal.fit(flat).matcher_.features_.image_shape == (1, 8, 8)


def test_features_of_the_critic_are_not_fitted_again(image_gan):
    asal = ASAL(image_gan, features="critic", random_state=0).fit(IMAGES)
    assert asal.matcher_.features_.estimator.estimator is image_gan.estimator


def test_other_transformers_are_cloned(toys):
    pca = PCA(2)
    asal = ASAL(toys.Generator(), features=pca, random_state=0).fit(X)
    assert not hasattr(pca, "components_")
    assert asal.matcher_.features_.n_components == 2


@pytest.mark.filterwarnings("error")  # scikit-learn warns if a model sees other column names
def test_data_frames(toys):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    clf = clone(CLF).fit(frame[:40], y[:40])
    asal = ASAL(toys.Generator(), oversampling=2, random_state=0, max_iter=5).fit(frame)
    chosen = asal.query(frame, SHOWN, clf, batch_size=4)
    assert chosen.min() >= 40


def test_in_a_learner(toys):
    learner = ActiveLearner(
        LogisticRegression(C=100), ASAL(toys.Generator(), max_iter=10, random_state=0),
        n_initial=10, batch_size=5, budget=30, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert learner.score(X, y) > 0.9


def test_bad_models(strategy):
    asal = strategy()
    with pytest.raises(NotFittedError):
        asal.query(X, SHOWN, LogisticRegression())
    with pytest.raises(TypeError, match="LinearRegression is a regressor"):
        asal.query(X, SHOWN, LinearRegression().fit(X, X[:, 0]))


def test_bad_pools(toys, strategy):
    asal = strategy()
    with pytest.raises(NotFittedError):
        ASAL(toys.Generator()).query(X, SHOWN, CLF)
    with pytest.raises(ValueError, match="batch_size=161, but there are only 160 unlabelled"):
        asal.query(X, SHOWN, CLF, batch_size=161)
    with pytest.raises(ValueError, match="labelled already"):
        asal.query(X, y, CLF)
    with pytest.raises(ValueError, match="X has 100 samples, but the index was built on 200"):
        asal.query(X[:100], SHOWN[:100], CLF)
    with pytest.raises(ValueError, match="candidates is empty"):
        asal.query(X, SHOWN, CLF, candidates=[])
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        asal.query(X, SHOWN, CLF, candidates=np.zeros((3, 4)))


def test_bad_features(toys, image_gan):
    bad = X.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        ASAL(toys.Generator(), random_state=0).fit(bad)
    with pytest.raises(ValueError, match=r"shape \(1, 8, 8\), but those of X have shape \(3,\)"):
        ASAL(image_gan).fit(X)
    with pytest.raises(ValueError, match="'features' parameter"):
        ASAL(toys.Generator(), features="wavelets").fit(X)
    with pytest.raises(ValueError, match="'index' parameter"):
        ASAL(toys.Generator(), index="hash").fit(X)
