import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OutputCodeClassifier
from sklearn.svm import LinearSVC
from sklearn.utils import get_tags

from skgal.exceptions import UniformUncertaintyWarning
from skgal.generators import GIN
from skgal.metrics import entropy
from skgal.query import ADBA, AISEL, LatentRandom, LatentUncertainty, RandomSampling

X = np.random.RandomState(0).uniform(-1, 1, size=(20, 3)).astype(np.float32)
y = (X[:, 0] > 0).astype(int)


def test_generator_is_cloned_and_seeded(toys):
    generator = toys.Generator()
    seeds = [
        LatentRandom(generator, random_state=seed).fit(X, y).generator_.random_state
        for seed in (0, 0, 1)
    ]
    assert generator.random_state is None
    assert not hasattr(generator, "like_")
    assert isinstance(seeds[0], int)
    assert seeds[0] == seeds[1] != seeds[2]


def test_generator_keeps_its_own_seed(toys):
    strategy = LatentRandom(toys.Generator(random_state=7), random_state=0).fit(X)
    assert strategy.generator_.random_state == 7


def test_trained_generator_is_left_alone(toys):
    generator = toys.Generator().fit(X)
    state = dict(vars(generator))
    strategy = LatentRandom(FrozenEstimator(generator), random_state=0).fit(X, y)
    strategy.synthesize(X, y, None, batch_size=2)
    assert strategy.generator_.estimator is generator
    assert strategy.generator_.latent_dim_ == 2
    assert vars(generator) == state


def test_frozen_generator_must_be_fitted(toys):
    with pytest.raises(NotFittedError):
        LatentRandom(FrozenEstimator(toys.Generator())).fit(X)


def test_generator_trained_on_other_shapes(toys):
    frozen = FrozenEstimator(toys.Generator().fit(np.zeros((5, 1, 8, 8))))
    with pytest.raises(ValueError, match=r"shape \(1, 8, 8\), but those of X have shape \(3,\)"):
        LatentRandom(frozen).fit(X)


def test_what_is_no_generator():
    with pytest.raises(ValueError, match="'generator' parameter"):
        LatentRandom(LogisticRegression()).fit(X)


def test_synthesize_needs_fit(toys):
    with pytest.raises(NotFittedError):
        LatentRandom(toys.Generator()).synthesize(X, y, None)


def test_rounds_differ_and_can_be_repeated(toys):
    strategy = LatentRandom(toys.Generator(), random_state=0).fit(X)
    first = strategy.synthesize(X, y, None)
    again = strategy.synthesize(X, y, None)
    grown = np.concatenate([X, first.X])
    second = strategy.synthesize(grown, np.append(y, 0), None)
    np.testing.assert_array_equal(first.latent, again.latent)
    assert (first.latent != second.latent).all()


def test_random_state_instance_goes_on(toys):
    rng = np.random.RandomState(0)
    strategy = LatentRandom(toys.Generator(), random_state=rng).fit(X)
    first, second = (strategy.synthesize(X, y, None).latent for _ in range(2))
    assert (first != second).all()


def test_latent_random_follows_the_latent_distribution(toys):
    strategy = LatentRandom(toys.Generator(), random_state=0).fit(X)
    synthesis = strategy.synthesize(X, y, None, batch_size=1000)
    np.testing.assert_array_equal(synthesis.X[:, :2], synthesis.latent)
    assert abs(synthesis.latent.mean(axis=0)).max() < 4 / np.sqrt(3 * 1000)
    assert synthesis.latent.min() < -0.99


def test_latent_uncertainty_takes_the_top_of_the_grid(toys):
    clf = LogisticRegression().fit(X, y)
    strategy = LatentUncertainty(toys.Generator(), n_candidates=400, random_state=0).fit(X)
    synthesis = strategy.synthesize(X, y, clf, batch_size=5)
    side = np.linspace(-1, 1, 21)
    grid = np.array([(a, b, 0) for a in side for b in side])
    uncertain = entropy(clf.predict_proba(grid))
    np.testing.assert_allclose(synthesis.latent, grid[np.argsort(-uncertain)[:5], :2], atol=1e-12)
    np.testing.assert_allclose(synthesis.X[:, :2], synthesis.latent, rtol=1e-6)


def test_latent_uncertainty_by_distance(toys):
    clf = LinearSVC(random_state=0).fit(X, y)
    strategy = LatentUncertainty(
        toys.Generator(latent_dim=3), measure="min_distance", n_candidates=512, random_state=0
    )
    synthesis = strategy.fit(X).synthesize(X, y, clf, batch_size=5)
    assert synthesis.latent.shape == (5, 3)
    assert abs(clf.decision_function(synthesis.X)).max() < 0.05


def test_more_samples_than_latent_candidates(toys):
    strategy = LatentUncertainty(toys.Generator(), n_candidates=16).fit(X)
    with pytest.raises(ValueError, match="batch_size=26, but there are only 25 latent candidates"):
        strategy.synthesize(X, y, LogisticRegression().fit(X, y), batch_size=26)


@pytest.mark.parametrize("proba", [0.0, 0.5])
def test_model_equally_unsure_everywhere(toys, proba):
    strategy = LatentUncertainty(toys.Generator(), n_candidates=16, random_state=0).fit(X)
    with pytest.warns(UniformUncertaintyWarning, match="of all 25 latent candidates") as record:
        strategy.synthesize(X, y, toys.classifier(lambda first: proba))
    assert record[0].filename == __file__


def expensive(*args, **kwargs):
    pytest.fail("the expensive work came before the check")


@pytest.mark.parametrize("cls", [LatentUncertainty, AISEL])
def test_grid_too_coarse_is_found_before_the_generator_is_trained(toys, monkeypatch, cls):
    monkeypatch.setattr(toys.Invertible, "fit", expensive, raising=False)
    strategy = cls(toys.Invertible(latent_dim=20), candidates="grid")
    with pytest.raises(ValueError, match="too coarse in 20 dimensions"):
        strategy.fit(X)


def test_model_is_checked_before_samples_are_made(toys, monkeypatch):
    strategy = LatentUncertainty(toys.Generator(), n_candidates=16).fit(X)
    monkeypatch.setattr(toys.Generator, "generate", expensive)
    codes = OutputCodeClassifier(LogisticRegression(), random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=r"no predict_proba.*measure='entropy' reads"):
        strategy.synthesize(X, y, codes)


def test_tags_are_those_of_the_generator(toys):
    # A pool strategy leaves NaN to the model; a generator mustn't see it.
    assert get_tags(RandomSampling()).input_tags.allow_nan
    assert not get_tags(LatentRandom(toys.Generator())).input_tags.allow_nan


def test_model_is_checked(toys):
    strategy = LatentUncertainty(toys.Generator(), n_candidates=16).fit(X)
    with pytest.raises(NotFittedError):
        strategy.synthesize(X, y, LogisticRegression())


@pytest.mark.filterwarnings("error")  # scikit-learn warns if a model sees other column names
def test_data_frames_stay_data_frames(toys):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    clf = LogisticRegression().fit(frame, y)
    strategy = LatentUncertainty(toys.Generator(), n_candidates=16, random_state=0).fit(frame)
    synthesis = strategy.synthesize(frame, y, clf, batch_size=4)
    assert synthesis.X.columns.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("cls", [ADBA, AISEL])
def test_encoders_that_return_data_frames(cls):
    clf = LogisticRegression().fit(X, y)
    gin = GIN(latent_dim=2, max_iter=1, random_state=0)
    plain = cls(clone(gin), random_state=0).fit(X)
    framed = cls(gin.set_output(transform="pandas"), random_state=0).fit(X)
    assert hasattr(framed.generator_.transform(X), "columns")
    np.testing.assert_array_equal(
        framed.synthesize(X, y, clf, batch_size=4).latent,
        plain.synthesize(X, y, clf, batch_size=4).latent,
    )
