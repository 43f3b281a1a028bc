"""Generators are scored so that a search finds the better one."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, StratifiedKFold

from skgal.base import ConditionalGenerator
from skgal.generators import ACGAN, CGAN, GAN, GIN, GenerationScorer
from skgal.metrics import (
    coverage,
    density,
    diversity_ratio,
    frechet_distance,
    generative_precision,
    generative_recall,
    inception_score,
    kernel_distance,
)
from skgal.nn import Dense

X, Y = load_iris(return_X_y=True)
FOLDS = StratifiedKFold(2, shuffle=True, random_state=0)
SMALL = {"latent_dim": 4, "architecture": Dense(hidden=(16,)), "random_state": 0}
TRAININGS = {"max_iter": [1, 150]}


class Resampler(ConditionalGenerator):
    """Draw training rows of the classes asked for, or of the wrong ones, or all the same row."""

    def __init__(self, flaw=None, random_state=None):
        self.flaw = flaw
        self.random_state = random_state

    def fit(self, X, y):
        self.X_, self.y_ = np.asarray(X), self._fit_classes(np.asarray(y))
        self.n_features_in_ = self.X_.shape[1]
        self.latent_dim_, self.latent_distribution_ = 1, norm()
        return self

    def sample_latent(self, n_samples=1, *, random_state=None):
        return self.latent_distribution_.rvs((n_samples, 1), random_state=random_state)

    def generate(self, Z, y=None):
        wanted = self._class_indices(y)
        if self.flaw == "wrong class":
            wanted = (wanted + 1) % len(self.classes_)
        ranks = np.zeros(len(Z)) if self.flaw == "collapse" else norm.cdf(Z[:, 0])
        rows = [np.flatnonzero(self.y_ == label) for label in range(len(self.classes_))]
        return self.X_[
            [
                rows[label][int(rank * len(rows[label]))]
                for label, rank in zip(wanted, ranks, strict=True)
            ]
        ]

    def transform(self, X):
        return np.asarray(X)

    def score_samples(self, X):
        return np.zeros(len(X))


def energy(real, generated):
    return (
        2 * cdist(real, generated).mean()
        - cdist(real, real).mean()
        - cdist(generated, generated).mean()
    )


def test_the_default_score_is_minus_the_energy_distance():
    gan = GAN(**SMALL, max_iter=20).fit(X[::2])
    span = np.ptp(X[1::2], axis=0)
    drawn = gan.sample(1000, random_state=0)
    assert gan.score(X[1::2]) == pytest.approx(-energy(X[1::2] / span, drawn / span))
    assert gan.score(X[1::2]) == gan.score(X[1::2], Y[1::2]) < 0


def test_the_default_score_of_images_keeps_their_common_range():
    images = np.random.RandomState(0).randint(0, 256, size=(20, 1, 4, 4)).astype(np.uint8)
    gan = GAN(**SMALL, max_iter=5).fit(images)
    drawn = gan.sample(1000, random_state=0).reshape(1000, -1) / 255.0
    assert gan.score(images) == pytest.approx(
        -energy(images.reshape(20, -1) / 255.0, drawn), rel=0.1
    )
    flat = GAN(**SMALL, max_iter=5, image_shape=(1, 4, 4)).fit(images.reshape(20, -1))
    assert flat.score(images.reshape(20, -1)) == pytest.approx(gan.score(images))


def test_the_units_of_the_columns_don_t_matter():
    scale = np.array([1e-3, 1.0, 1e3, 1e6])
    scores = [GAN(**SMALL, max_iter=20).fit(table).score(table) for table in (X, X * scale)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)


def test_a_conditional_generator_is_scored_class_by_class():
    held_out, classes = X[1::2], Y[1::2]
    scores = {
        flaw: Resampler(flaw).fit(X[::2], Y[::2]).score(held_out, classes)
        for flaw in (None, "wrong class", "collapse")
    }
    assert scores[None] > -0.03
    assert scores["wrong class"] < 10 * scores[None]
    assert scores["collapse"] < 5 * scores[None]
    # Whatever the classes, the rows as a whole are right.
    assert Resampler("wrong class").fit(X[::2], Y[::2]).score(held_out) > -0.03


@pytest.mark.parametrize("generator_class", [GAN, GIN, CGAN])
def test_a_search_without_scoring_prefers_the_trained_generator(generator_class):
    generator = generator_class(**SMALL, batch_size=16)
    search = GridSearchCV(generator, TRAININGS, cv=FOLDS).fit(X, Y)
    assert search.best_params_ == {"max_iter": 150}
    assert search.best_score_ < 0


def test_a_search_on_a_mixed_table():
    table = pd.DataFrame(X).add_prefix("x").assign(kind=np.array(["a", "b", "c"])[Y])
    table.loc[::7, "x1"] = np.nan
    table.loc[149, "kind"] = "rare"  # not there in one of the folds
    gan = GAN(**SMALL, batch_size=16, learning_rate=0.002)
    search = GridSearchCV(gan, TRAININGS, cv=2).fit(table.sample(frac=1, random_state=0))
    assert search.best_params_ == {"max_iter": 150}


def test_a_search_with_several_scores_prefers_the_trained_generator():
    classifier = LogisticRegression(max_iter=500).fit(X, Y)
    search = GridSearchCV(
        CGAN(**SMALL, batch_size=16, learning_rate=0.002),
        TRAININGS,
        scoring=GenerationScorer(classifier),
        refit="neg_frechet_distance",
        cv=FOLDS,
    ).fit(X, Y)
    assert search.best_params_ == {"max_iter": 150}
    names = ["neg_frechet_distance", "neg_kernel_distance", "density", "coverage"]
    for name in [*names, "inception_score", "gan_test", "gan_train"]:
        untrained, trained = search.cv_results_[f"mean_test_{name}"]
        assert untrained < trained, name


def test_folds_that_are_not_stratified_are_no_obstacle():
    """Of sorted classes, scikit-learn's own folds hold classes that were not there to be learnt."""
    generator = CGAN(**SMALL, max_iter=20).fit(X[:130], Y[:130])
    generator_of_two = CGAN(**SMALL, max_iter=20).fit(X[:100], Y[:100])
    for score in (lambda each: each.score(X, Y), lambda each: GenerationScorer()(each, X, Y)):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            score(generator)
        with pytest.warns(UserWarning, match=r"no sample of the classes \[2\].*StratifiedKFold"):
            score(generator_of_two)
    with pytest.warns(UserWarning, match="left out"):
        left = GenerationScorer()(generator_of_two, X, Y)
    assert left == GenerationScorer()(generator_of_two, X[:100], Y[:100])
    with pytest.raises(ValueError, match=r"no sample of the classes \[2\]"):
        generator_of_two.score(X[100:], Y[100:])


def test_scores_are_those_of_the_metrics():
    classifier = LogisticRegression(max_iter=500).fit(X[::2], Y[::2])
    acgan = ACGAN(**SMALL, max_iter=50).fit(X[::2], Y[::2])
    held_out, classes = X[1::2], Y[1::2]
    names = [
        "neg_frechet_distance",
        "neg_kernel_distance",
        "generative_precision",
        "generative_recall",
        "density",
        "coverage",
        "diversity_ratio",
        "inception_score",
        "gan_test",
        "gan_train",
    ]
    plane = PCA(2).fit(X)
    scorer = GenerationScorer(classifier, scores=names, extractor=plane)
    scores = scorer(acgan, held_out, classes)
    assert list(scores) == names
    drawn, asked = acgan.sample(y=classes, random_state=0)
    real, generated = plane.transform(held_out), plane.transform(drawn)
    proba = classifier.predict_proba(drawn)
    student = LogisticRegression(max_iter=500).fit(drawn, asked)
    expected = [
        -frechet_distance(real, generated),
        -kernel_distance(real, generated),
        generative_precision(real, generated),
        generative_recall(real, generated),
        density(real, generated),
        coverage(real, generated),
        diversity_ratio(real, generated),
        inception_score(proba),
        np.mean(classifier.predict(drawn) == asked),
        student.score(held_out, classes),
    ]
    np.testing.assert_allclose(list(scores.values()), expected)
    as_callable = GenerationScorer(classifier, scores=names, extractor=plane.transform)
    assert as_callable(acgan, held_out, classes) == scores


def test_gan_test_is_the_accuracy_of_what_the_classifier_predicts():
    two = Y < 2
    classifier = FixedThresholdClassifier(LogisticRegression(), threshold=0.98).fit(X[two], Y[two])
    generator = Resampler(random_state=0).fit(X[two], Y[two])
    scores = GenerationScorer(classifier, scores=["gan_test"])(generator, X[two], Y[two])
    drawn, classes = generator.sample(y=Y[two], random_state=0)
    assert scores["gan_test"] == classifier.score(drawn, classes) < 1


def test_gan_train_and_gan_test_of_a_perfect_and_a_wrong_generator():
    classifier = LogisticRegression(max_iter=500).fit(X, Y)
    scorer = GenerationScorer(classifier, scores=["gan_test", "gan_train"])
    perfect = scorer(Resampler().fit(X, Y), X, Y)
    assert perfect["gan_test"] > 0.9
    assert perfect["gan_train"] > 0.9
    wrong = scorer(Resampler("wrong class").fit(X, Y), X, Y)
    assert wrong["gan_test"] < 0.1
    assert wrong["gan_train"] < 0.1


def test_a_generator_without_classes_has_the_scores_that_need_none():
    gan = GAN(**SMALL, max_iter=5).fit(X)
    points = ["neg_frechet_distance", "neg_kernel_distance", "density", "coverage"]
    assert list(GenerationScorer()(gan, X)) == points
    classifier = LogisticRegression(max_iter=500).fit(X, Y)
    assert list(GenerationScorer(classifier)(gan, X, Y)) == [*points, "inception_score"]


def test_scores_that_cannot_be_computed_are_refused():
    gan = GAN(**SMALL, max_iter=5).fit(X)
    with pytest.raises(ValueError, match=r"got \['fid'\]"):
        GenerationScorer(scores=["fid"])(gan, X)
    with pytest.raises(ValueError, match=r"inception_score.* need a classifier"):
        GenerationScorer(scores=["inception_score"])(gan, X)
    classifier = LogisticRegression(max_iter=500).fit(X, Y)
    with pytest.raises(ValueError, match=r"gan_train.* a conditional generator"):
        GenerationScorer(classifier, scores=["gan_train"])(gan, X, Y)
    with pytest.raises(TypeError, match="LogisticRegression has no method sample"):
        GenerationScorer()(classifier, X)
    with pytest.raises(ValueError, match="X has 3 features, but GAN is expecting 4"):
        gan.score(X[:, :3])
