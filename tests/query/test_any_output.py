"""Models and configurations whose outputs are not plain arrays in the order of their rows."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import ARDRegression, BayesianRidge, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skgal.classifiers import ClassifierFeatures, EnsembleClassifier, EnsembleRegressor
from skgal.generators import DesignBox
from skgal.matching import FeatureMatcher
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    CertaintySampling,
    CoreSet,
    LatentUncertainty,
    ProbCover,
    TypiClust,
    UncertaintySampling,
)
from skgal.query._uncertainty import predictive_std, read_classifier

RNG = np.random.RandomState(0)
X = RNG.uniform(-1, 1, size=(60, 3))
TARGET = np.sin(3 * X[:, 0]) + X[:, 1]
LABELS = (TARGET > 0).astype(int)
SHOWN = np.where(np.arange(60) < 20, TARGET, np.nan)
FRAME = pd.DataFrame(X, columns=list("abc"), index=RNG.permutation(60) + 7)


@pytest.mark.parametrize("regressor", [BayesianRidge(), ARDRegression()], ids=str)
@pytest.mark.parametrize("strategy", [UncertaintySampling(), CertaintySampling()], ids=str)
def test_a_frame_with_an_index_of_its_own(regressor, strategy):
    of_array = strategy.query(X, SHOWN, regressor.fit(X[:20], TARGET[:20]), batch_size=5)
    of_frame = strategy.query(FRAME, SHOWN, regressor.fit(FRAME[:20], TARGET[:20]), batch_size=5)
    np.testing.assert_array_equal(of_frame, of_array)
    assert type(predictive_std(regressor, FRAME)) is np.ndarray  # no index to be aligned by


class SeriesDecision(LinearSVC):
    """A classifier whose decision values have the index of its samples."""

    def decision_function(self, X):
        return pd.Series(super().decision_function(X), index=getattr(X, "index", None))


@pytest.mark.parametrize("measure", ["min_distance", "entropy"])
def test_decision_values_in_a_series(measure):
    shown = np.where(np.arange(60) < 20, LABELS, np.nan)
    clf, strategy = SeriesDecision(random_state=0), UncertaintySampling(measure)
    of_array = strategy.query(X, shown, clf.fit(X[:20], LABELS[:20]), batch_size=5)
    of_frame = strategy.query(FRAME, shown, clf.fit(FRAME[:20], LABELS[:20]), batch_size=5)
    np.testing.assert_array_equal(of_frame, of_array)


class FrameProba(LogisticRegression):
    """A classifier that returns its probabilities in the kind of frame that it is given."""

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        if isinstance(X, pd.DataFrame):
            return pd.DataFrame(proba, index=X.index)
        return pl.DataFrame(proba) if isinstance(X, pl.DataFrame) else proba


@pytest.mark.parametrize(
    "measure", ["entropy", "margin_of_confidence", "least_confidence", "min_distance"]
)
@pytest.mark.parametrize(
    "frame", [FRAME, pl.DataFrame(X, schema=list("abc"))], ids=["pandas", "polars"]
)
def test_probabilities_in_a_frame(measure, frame):
    shown = np.where(np.arange(60) < 20, LABELS, np.nan)
    clf = FrameProba()
    expected = UncertaintySampling(measure).query(
        X, shown, clf.fit(X[:20], LABELS[:20]), batch_size=5
    )
    chosen = UncertaintySampling(measure).query(
        frame, shown, clf.fit(frame[:20], LABELS[:20]), batch_size=5
    )
    np.testing.assert_array_equal(chosen, expected)
    assert BADGE(features=None, random_state=0).query(frame, shown, clf, batch_size=2).min() >= 20


def test_noise_of_a_gaussian_process_is_no_uncertainty():
    """Against the closed form of the latent function's variance."""
    kernel = 2.0 * RBF(0.7) + WhiteKernel(0.5)
    gp = GaussianProcessRegressor(kernel, optimizer=None).fit(X[:20], TARGET[:20])
    rbf = 2.0 * RBF(0.7)
    gram, cross = rbf(X[:20]) + 0.5 * np.eye(20), rbf(X, X[:20])
    variance = 2.0 - np.einsum("ij,jk,ik->i", cross, np.linalg.inv(gram), cross)
    np.testing.assert_allclose(predictive_std(gp, X), np.sqrt(variance), rtol=1e-5)
    noisy = gp.predict(X, return_std=True)[1]
    np.testing.assert_allclose(noisy, np.sqrt(variance + 0.5), rtol=1e-5)  # the model is as it was
    scaled = make_pipeline(StandardScaler(), GaussianProcessRegressor(kernel, optimizer=None))
    scaled.fit(X[:20], TARGET[:20])
    assert (predictive_std(scaled, X) < scaled.predict(X, return_std=True)[1]).all()
    alone = GaussianProcessRegressor(WhiteKernel(0.5), optimizer=None).fit(X[:20], TARGET[:20])
    np.testing.assert_allclose(predictive_std(alone, X), 0, atol=1e-7)


@pytest.mark.parametrize("labels", [LABELS, np.digitize(TARGET, [-0.5, 0.5])], ids=["2", "3"])
def test_noise_of_a_gaussian_process_classifier_does_not_flatten_the_density(labels):
    kernel = 9.0 * RBF(1.0) + WhiteKernel(50.0)
    noisy = GaussianProcessClassifier(kernel, optimizer=None).fit(X, labels)
    latent = read_classifier(noisy, "predict_proba", X)
    assert latent.max(axis=1).mean() > noisy.predict_proba(X).max(axis=1).mean() + 0.05
    np.testing.assert_array_equal(latent.argmax(axis=1), noisy.predict_proba(X).argmax(axis=1))
    plain = GaussianProcessClassifier(9.0 * RBF(1.0), optimizer=None).fit(X, labels)
    np.testing.assert_array_equal(
        read_classifier(plain, "predict_proba", X), plain.predict_proba(X)
    )


def test_stacking_is_a_model_like_any_other():
    classifier = StackingClassifier([("lr", LogisticRegression())], cv=2)
    regressor = StackingRegressor([("ridge", Ridge())], cv=2)
    for model in (EnsembleClassifier(classifier, 2), EnsembleRegressor(regressor, 2)):
        target = LABELS if isinstance(model, EnsembleClassifier) else TARGET
        shown = np.where(np.arange(60) < 20, target, np.nan)
        fitted = model.set_params(random_state=0).fit(X[:20], target[:20])
        assert UncertaintySampling().query(X, shown, fitted)[0] >= 20
    with pytest.raises(TypeError, match="StackingClassifier"):
        ClassifierFeatures(classifier).fit(X, LABELS)  # it is tried, and has no last layer


BOX = DesignBox(bounds=[(-1, 1)] * 3)


@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_transformers_set_to_frames(output):
    shown = np.where(np.arange(60) < 30, LABELS, np.nan)

    def ask():
        clf = make_pipeline(StandardScaler(), LogisticRegression()).fit(X[:30], LABELS[:30])
        matched = FeatureMatcher(StandardScaler(), n_components=2).fit(X).match(X[:3] + 0.01)
        found = [matched]
        for strategy in (
            ASAL(BOX, n_components=2, max_iter=3, random_state=0),
            ASAL(BOX, features="critic", max_iter=3, random_state=0),
            ASAL(BOX, features=StandardScaler(), max_iter=3, random_state=0),
            CoreSet(features=StandardScaler()),
            CoreSet(features="classifier"),
            TypiClust(features=StandardScaler(), random_state=0),
        ):
            found.append(strategy.fit(X).query(X, shown, clf, batch_size=3))
        for strategy in (
            AISEL(BOX, n_candidates=100, random_state=0),
            LatentUncertainty(BOX, n_candidates=100, random_state=0),
            ADBA(BOX, n_points=3, random_state=0),
        ):
            found.append(strategy.fit(X).synthesize(X, shown, clf, batch_size=3).latent)
        return found

    expected = ask()
    with sklearn.config_context(transform_output=output):
        found = ask()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_sparse_samples_are_claimed_only_where_they_are_taken():
    frozen = FrozenEstimator(BOX.fit(X))
    for strategy in (CoreSet(), BADGE(), TypiClust(), ProbCover(), ASAL(frozen)):
        assert not strategy.__sklearn_tags__().input_tags.sparse
    assert not ClassifierFeatures(LogisticRegression()).__sklearn_tags__().input_tags.sparse
    assert UncertaintySampling().__sklearn_tags__().input_tags.sparse
