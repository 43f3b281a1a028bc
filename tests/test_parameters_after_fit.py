"""Parameters that are set after ``fit`` count from the next one on: what is fitted stays."""

import importlib
import inspect
import pkgutil
from numbers import Integral, Real

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier
from sklearn.utils._param_validation import StrOptions
from torch import nn

import skgal
from skgal.active import ActiveLearner
from skgal.classifiers import (
    AnyEstimator,
    ClassifierFeatures,
    EnsembleClassifier,
    EnsembleRegressor,
)
from skgal.generators import (
    ACGAN,
    BAGAN,
    CGAN,
    GAN,
    GIN,
    Autoencoder,
    BiGAN,
    DesignBox,
    PolarityGAN,
    StackGAN,
)
from skgal.matching import FeatureMatcher
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    CoreSet,
    LatentRandom,
    LatentUncertainty,
    ProbCover,
    RandomSampling,
    SpaceFilling,
    TypiClust,
)

RNG = np.random.RandomState(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
PARTLY = np.where(np.arange(40) < 20, Y, np.nan)
MODEL = LogisticRegression().fit(X, Y)
FEW = {"max_iter": 2, "batch_size": 16, "latent_dim": 2, "device": "cpu", "random_state": 0}
BOX = FrozenEstimator(DesignBox(random_state=0).fit(X))


def dropout_net():
    from skorch import NeuralNetClassifier

    module = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2), nn.Softmax(1))
    return NeuralNetClassifier(module, max_epochs=1, train_split=None, verbose=0)


ESTIMATORS = {
    "AnyEstimator": AnyEstimator(LogisticRegression(), random_state=0),
    "ClassifierFeatures": ClassifierFeatures(MLPClassifier((4,), max_iter=3, random_state=0)),
    "EnsembleClassifier": EnsembleClassifier(LogisticRegression(), 3, random_state=0),
    "EnsembleClassifier, dropout": EnsembleClassifier(
        dropout_net(), 3, method="dropout", random_state=0
    ),
    "EnsembleRegressor": EnsembleRegressor(Ridge(), 3, random_state=0),
    **{cls.__name__: cls(**FEW) for cls in (ACGAN, BAGAN, BiGAN, CGAN, GAN, PolarityGAN, StackGAN)},
    "GIN": GIN(**FEW, encoder_max_iter=2),
    "GIN, after": GIN(**FEW, encoder_max_iter=2, inversion="after"),
    "Autoencoder": Autoencoder(**FEW),
    "DesignBox": DesignBox(random_state=0),
    "FeatureMatcher": FeatureMatcher(PCA(2), n_components=2, index="kd_tree", random_state=0),
    "ActiveLearner": ActiveLearner(LogisticRegression(), RandomSampling(), random_state=0),
    "CoreSet": CoreSet(features=PCA(2), random_state=0),
    "TypiClust": TypiClust(features=PCA(2), random_state=0),
    "ProbCover": ProbCover(features=PCA(2), n_classes=2, random_state=0),
    "BADGE": BADGE(random_state=0),
    "ASAL": ASAL(GAN(**FEW), index="brute", n_random=0, oversampling=1, random_state=0),
    "ASAL, classifier": ASAL(GAN(**FEW), features="classifier", n_random=0, random_state=0),
    "ADBA": ADBA(BOX, n_points=3, random_state=0),
    **{
        cls.__name__: cls(BOX, random_state=0)
        for cls in (AISEL, GAAL, LatentRandom, LatentUncertainty, SpaceFilling)
    },
}
# Values that no constraint tells.
OTHERS = {
    "DesignBox": {
        "bounds": [(-9.0, 9.0)] * 3,
        "integers": [0],
        "categories": {1: [0.0, 1.0]},
        "constraints": ([[1.0, 1.0, 1.0]], [0.0]),
    }
}
# skorch's rule holds for nets: `set_params` makes their networks anew.
NETS = {"GameNet", "LossPredictionClassifier"}
# These learn nothing in `fit`, or resample in one go.
NOT_FITTED = {"BaseStrategy", "FromSkactiveml", "LearningLoss", "RandomSampling"} | {
    "CertaintySampling", "UncertaintySampling", "GANOverSampler", "GatedSampler",
    "PolarityGANSampler", "SelectiveAugmentation",
}  # fmt: skip
# Of strategies all other parameters are the settings of a query, which `fit` doesn't read. As in
# scikit-learn, n_jobs, verbose and seeds of what is drawn afterwards are read when they are used.
OF_FITS = {"generator", "features", "index", "n_components", "n_queries"}
READ_LATER = {"n_jobs", "verbose", "random_state"}


def public_estimators():
    for module in pkgutil.iter_modules(skgal.__path__):
        if module.ispkg:
            public = importlib.import_module(f"skgal.{module.name}")
            for name in getattr(public, "__all__", ()):
                cls = getattr(public, name)
                is_estimator = inspect.isclass(cls) and issubclass(cls, BaseEstimator)
                if is_estimator and hasattr(cls, "fit") and not inspect.isabstract(cls):
                    yield name


def test_every_estimator_is_here():
    tested = {name.partition(",")[0] for name in ESTIMATORS}
    assert set(public_estimators()) == tested | NETS | NOT_FITTED


def other_values(estimator, name):
    """Find valid values of a parameter that are none of those it has."""
    constraints = estimator._parameter_constraints[name]
    value = estimator.get_params(deep=False)[name]
    if isinstance(constraints, str):
        return
    for constraint in constraints:
        if isinstance(constraint, StrOptions):
            yield from sorted(constraint.options - {value})[:3]
        elif isinstance(constraint, str) and constraint == "boolean":
            yield not value
        elif constraint is None and value is not None:
            yield None
        elif hasattr(constraint, "closed") and isinstance(value, Real):
            for number in (value + 1, value / 2):
                number = int(number) if issubclass(constraint.type, Integral) else float(number)
                if number in constraint and number != value:
                    yield number


def results(estimator):
    """Call whatever there is."""
    for method in ("predict", "predict_proba", "predict_uncertainty", "transform"):
        if hasattr(estimator, method):
            yield getattr(estimator, method)(X)
    if hasattr(estimator, "predict_member_proba"):
        yield estimator.predict_member_proba(X)
    if isinstance(estimator, EnsembleRegressor):
        yield estimator.predict(X, return_std=True)
    if hasattr(estimator, "sample"):
        yield estimator.sample(5, random_state=0)
        yield estimator.sample_latent(5, random_state=0)
    if hasattr(estimator, "score_samples"):
        takes_y = "y" in inspect.signature(estimator.score_samples).parameters
        yield estimator.score_samples(*([X, Y] if takes_y else [X]))
    if hasattr(estimator, "inverse_transform"):
        yield estimator.inverse_transform(estimator.transform(X))
    if isinstance(estimator, FeatureMatcher):
        yield estimator.match(X[:5] + 0.1)
    if hasattr(estimator, "query"):
        yield estimator.query(X, PARTLY, MODEL, batch_size=3)
    if hasattr(estimator, "synthesize"):
        yield estimator.synthesize(X, PARTLY, MODEL, batch_size=3).X


def flat(results):
    """Return the arrays in nested results."""
    if isinstance(results, np.ndarray):
        return [results]
    return [array for part in results for array in flat(part)]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_is_fitted_stays(name):
    estimator = clone(ESTIMATORS[name]).fit(X, Y.astype(float) if "Regressor" in name else Y)
    before = flat(list(results(estimator)))
    is_strategy = hasattr(estimator, "query") or hasattr(estimator, "synthesize")
    n_set = 0
    for parameter, value in estimator.get_params(deep=False).items():
        if parameter in READ_LATER or (is_strategy and parameter not in OF_FITS):
            continue
        others = list(other_values(estimator, parameter))
        others += [OTHERS[name][parameter]] if parameter in OTHERS.get(name, {}) else []
        others += [clone(value)] if isinstance(value, BaseEstimator) else []
        for other in others:
            after = flat(list(results(estimator.set_params(**{parameter: other}))))
            for old, new in zip(before, after, strict=True):
                np.testing.assert_array_equal(old, new, err_msg=f"{parameter}={other!r}")
            n_set += 1
        estimator.set_params(**{parameter: value})
    assert n_set or is_strategy
