"""The generator that is kept is the one of the least smoothed Fréchet distance."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from skorch.callbacks import Callback

from skgal.generators import CGAN, GAN, GIN, FrechetSelection
from skgal.metrics import frechet_distance
from skgal.nn import Dense

RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 4))
Y = (X[:, 0] > 0).astype(int)
SMALL = {"latent_dim": 2, "batch_size": 8, "architecture": Dense(hidden=(8,)), "random_state": 0}
PLANE = PCA(2).fit(X)


def columns(generator):
    names = ("frechet_distance", "smoothed_frechet_distance")
    return (np.array([row[name] for row in generator.history_]) for name in names)


def test_distances_are_smoothed_as_in_equation_2():
    selection = FrechetSelection(PLANE, every=50, smoothing=0.3)
    distances, smoothed = columns(GAN(**SMALL, max_iter=250, model_selection=selection).fit(X))
    expected = [distances[0]]
    for distance in distances[1:]:
        expected.append(0.3 * expected[-1] + 0.7 * distance)
    assert_allclose(smoothed, expected)
    assert len(distances) == 5


class Spoil(Callback):
    """Ruin the networks late in the training."""

    def on_batch_end(self, net, **kwargs):
        if net.n_updates_ > 100:
            for parameter in net.module_.parameters():
                parameter.data += 1


@pytest.mark.parametrize("generator_class", [GAN, GIN, CGAN])
def test_the_best_generator_is_put_back(generator_class):
    selection = FrechetSelection(PLANE, every=50, smoothing=0.0)
    best = generator_class(**SMALL, max_iter=200, model_selection=selection, callbacks=[Spoil()])
    best.fit(X, Y)
    distances, _ = columns(best)
    assert distances.argmin() in (0, 1)
    drawn = best.sample(500)
    drawn = drawn[0] if isinstance(drawn, tuple) else drawn
    distance = frechet_distance(PLANE.transform(X), PLANE.transform(drawn))
    assert distance < distances[2:].min()


def test_the_distance_is_that_of_the_samples_drawn():
    selection = FrechetSelection(PLANE, every=50, n_samples=60)
    generator = GAN(**SMALL, max_iter=50, model_selection=selection).fit(X)
    (distance,), _ = columns(generator)
    drawn = PLANE.transform(generator.sample(5000))
    assert distance == pytest.approx(frechet_distance(PLANE.transform(X), drawn), rel=0.5)


def test_watching_does_not_change_the_training():
    watched = GAN(**SMALL, max_iter=100, model_selection=FrechetSelection(PLANE, every=50)).fit(X)
    alone = GAN(**SMALL, max_iter=100).fit(X)
    for row, expected in zip(watched.history_, alone.history_, strict=True):
        assert row["critic_loss"] == expected["critic_loss"]


def test_patience_ends_the_training():
    selection = FrechetSelection(PLANE, every=50, patience=2)
    generator = GAN(**SMALL, max_iter=1000, model_selection=selection, callbacks=[Spoil()]).fit(X)
    assert generator.n_iter_ <= 250


def test_evaluations_are_every_so_many_updates():
    selection = FrechetSelection(PLANE, every=120)
    distances, _ = columns(GAN(**SMALL, max_iter=300, model_selection=selection).fit(X))
    assert_array_equal(np.isnan(distances), [True, True, False, True, True, False])


@pytest.mark.parametrize("warm_start", [False, True])
def test_a_training_too_short_for_an_evaluation_is_evaluated_at_its_end(warm_start):
    selection = FrechetSelection(PLANE, every=300)
    arguments = SMALL | {"max_iter": 120, "warm_start": warm_start}
    watched, alone = CGAN(**arguments, model_selection=selection), CGAN(**arguments)
    for _ in range(2):
        distances, smoothed = columns(watched.fit(X, Y))
        assert np.isnan(distances[:2]).all()
        assert distances[-1] == smoothed[-1] > 0
        assert_array_equal(watched.sample(5)[0], alone.fit(X, Y).sample(5)[0])


def test_features_of_a_classifier_trained_on_the_data():
    selection = FrechetSelection(every=50)
    generator = CGAN(**SMALL, max_iter=50, model_selection=selection).fit(X, Y)
    distances, _ = columns(generator)
    assert np.isfinite(distances).all()
    with pytest.raises(ValueError, match="GAN learns from samples alone"):
        GAN(**SMALL, max_iter=50, model_selection=selection).fit(X)


def test_a_killed_training_goes_on_selecting(tmp_path):
    class Kill(Callback):
        def on_batch_begin(self, net, **kwargs):
            if net.n_updates_ == 120:
                raise ConnectionAbortedError

    arguments = SMALL | {"max_iter": 200, "model_selection": FrechetSelection(PLANE, every=50)}
    unbroken = GAN(**arguments).fit(X)
    with pytest.raises(ConnectionAbortedError):
        GAN(**arguments, checkpoint=tmp_path, callbacks=[Kill()]).fit(X)
    resumed = GAN(**arguments, checkpoint=tmp_path).fit(X)
    assert_array_equal(resumed.sample(5), unbroken.sample(5))
    for after, before in zip(columns(resumed), columns(unbroken), strict=True):
        assert_array_equal(after, before)


def test_an_extractor_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        GAN(**SMALL, max_iter=50, model_selection=FrechetSelection(PCA(2))).fit(X)


def test_a_selected_generator_pickles_and_trains_on():
    selection = FrechetSelection(PLANE, every=50)
    generator = GAN(**SMALL, max_iter=50, model_selection=selection, warm_start=True).fit(X)
    generator = pickle.loads(pickle.dumps(generator)).fit(X)
    distances, _ = columns(generator)
    assert np.isfinite(distances).all()
    assert generator.n_iter_ == 100
