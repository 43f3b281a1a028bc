"""A fit that Ctrl-C or an error ends leaves any estimator as it was before."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.utils.validation import check_is_fitted

from skgal.active import ActiveLearner
from skgal.classifiers import (
    AnyEstimator,
    ClassifierFeatures,
    EnsembleClassifier,
    EnsembleRegressor,
)
from skgal.generators import ACGAN, CGAN, GAN, GIN, Autoencoder, DesignBox, PolarityGAN
from skgal.matching import FeatureMatcher
from skgal.query import ADBA, AISEL, ASAL, CoreSet, LatentRandom, RandomSampling, SpaceFilling
from skgal.resampling import (
    GANOverSampler,
    GatedSampler,
    PolarityGANSampler,
    SelectiveAugmentation,
)

X = np.random.RandomState(0).normal(size=(60, 3))
Y = np.arange(60) % 3 // 2  # 40 and 20
BOX = DesignBox(random_state=0)

ESTIMATORS = [
    AnyEstimator(LogisticRegression()),
    ClassifierFeatures(LogisticRegression()),
    EnsembleClassifier(LogisticRegression(), 2),
    EnsembleRegressor(BayesianRidge(), 2),
    *(cls(max_iter=2) for cls in (ACGAN, CGAN, GAN, GIN, Autoencoder, PolarityGAN)),
    BOX,
    FeatureMatcher(PCA(2)),
    ADBA(BOX),
    AISEL(BOX),
    LatentRandom(BOX),
    SpaceFilling(BOX),
    ASAL(GAN(max_iter=2)),
    CoreSet(features=PCA(2)),
    GANOverSampler(CGAN(max_iter=2)),
    PolarityGANSampler(),
    SelectiveAugmentation(),
    GatedSampler(SMOTE(), LogisticRegression()),
]


def learn(estimator):
    fit = getattr(estimator, "fit_resample", estimator.fit)
    fit(X, Y.astype(float) if isinstance(estimator, EnsembleRegressor) else Y)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_failed_fit_leaves_no_trace(estimator, error, monkeypatch):
    estimator, cls, raised = clone(estimator), type(estimator), []

    def fail_once_fitted(self, name, value):
        object.__setattr__(self, name, value)
        is_fitted = name.endswith("_") and name not in ("n_features_in_", "feature_names_in_")
        if self is estimator and is_fitted:
            raised.append(name)
            raise error

    before = dict(vars(estimator))
    with monkeypatch.context() as patch:
        patch.setattr(cls, "__setattr__", fail_once_fitted)
        with pytest.raises(error):
            learn(estimator)
    assert raised
    assert vars(estimator) == before
    if cls.__sklearn_tags__(estimator).requires_fit:
        with pytest.raises(NotFittedError):
            check_is_fitted(estimator)


def test_failed_fit_keeps_what_an_earlier_one_has_learnt(monkeypatch):
    sampler = GANOverSampler(CGAN(max_iter=2, random_state=0), random_state=0)
    sampler.fit_resample(X, Y)
    before = dict(vars(sampler))

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(CGAN, "sample", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sampler.fit_resample(X[:30], Y[:30])
    assert vars(sampler) == before


class FailsOn(LogisticRegression):
    """Fails to fit to some number of features."""

    def __init__(self, n_features=None, error=ValueError):
        super().__init__()
        self.n_features = n_features
        self.error = error

    def fit(self, X, y, sample_weight=None):
        if X.shape[1] == self.n_features:
            raise self.error("no convergence")
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_learner_whose_first_new_model_fails_keeps_the_last(error, tmp_path):
    learner = ActiveLearner(FailsOn(2, error), RandomSampling(), budget=10, random_state=0)
    learner.fit(X, Y, X_val=X, y_val=Y)
    before, predicted = dict(vars(learner)), learner.predict(X)
    with pytest.raises(error, match="no convergence"):
        learner.fit(X[:, :2], Y)
    assert vars(learner) == before
    np.testing.assert_array_equal(learner.predict(X), predicted)
    assert (len(learner.labelled_), learner.labelled_.X.shape[1]) == (20, 3)
    # The session goes on as if there had been no other.
    assert len(learner.set_params(budget=13).ask(3)) == 3

    # The labels of a session that can't go on are where they were, and the note says so.
    path = tmp_path / "labels.db"
    partly = [*Y[:20], *[None] * 40]
    broken = ActiveLearner(LogisticRegression(), RandomSampling(), store=path, random_state=0)
    broken.fit(X[:, :2], partly)
    query = broken.ask(4)
    broken.store_.tell(query.ids, Y[query.indices])
    broken.store_.close()
    with pytest.raises(error) as caught:
        learner.set_params(store=path, budget=None).fit(X[:, :2], partly)
    assert caught.value.__notes__ == [f"No label is lost: the 4 given before this are in {path}."]
    assert learner.labelled_.X.shape[1] == 3


def test_a_learner_that_never_had_a_model_shows_what_was_labelled(tmp_path):
    partly = [*Y[:20], *[None] * 40]
    learner = ActiveLearner(
        LogisticRegression(), RandomSampling(), store=tmp_path / "labels.db", random_state=0
    ).fit(X, partly)
    query = learner.ask(4)
    learner.store_.tell(query.ids, Y[query.indices])
    learner.store_.close()
    new = clone(learner).set_params(estimator=FailsOn(3))
    with pytest.raises(ValueError, match="no convergence") as caught:
        new.fit(X, partly)
    assert new.labelled_.n_bought == 4
    assert (
        "in the learner's `labelled_`, after the initial ones, and in" in caught.value.__notes__[0]
    )
    with pytest.raises(NotFittedError):
        new.predict(X)
