"""A fit that Ctrl-C or an error ends leaves any estimator as it was before."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import BayesianRidge, LogisticRegression
from sklearn.utils.validation import check_is_fitted

from skgal.classifiers import (
    AnyEstimator,
    ClassifierFeatures,
    EnsembleClassifier,
    EnsembleRegressor,
)
from skgal.generators import ACGAN, CGAN, GAN, GIN, Autoencoder, DesignBox, PolarityGAN
from skgal.matching import FeatureMatcher
from skgal.query import ADBA, AISEL, ASAL, CoreSet, LatentRandom, SpaceFilling
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
