"""Every strategy with every kind of classifier."""

import numpy as np
import pytest
import skactiveml.pool
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline as make_sampling_pipeline
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skgal.classifiers import LossPredictionClassifier, cast_for_nets
from skgal.differentiable import differentiable
from skgal.exceptions import NotDifferentiableError
from skgal.generators import ACGAN, BAGAN, GAN, GIN, PolarityGAN
from skgal.nn import Dense
from skgal.query import (
    ADBA,
    AISEL,
    ASAL,
    BADGE,
    GAAL,
    CertaintySampling,
    CoreSet,
    FromSkactiveml,
    LatentRandom,
    LatentUncertainty,
    LearningLoss,
    ProbCover,
    RandomSampling,
    RankingStrategy,
    TypiClust,
    UncertaintySampling,
)
from skgal.utils import seeded_nets, seeded_torch

pytestmark = [
    # Fits are cut short.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Classifiers of two updates may be equally unsure everywhere.
    pytest.mark.filterwarnings("ignore::skgal.exceptions.UniformUncertaintyWarning"),
]

N, N_LABELLED = 30, 16
X = np.random.RandomState(0).uniform(-1, 1, size=(N, 4)).astype(np.float32)
TARGET = (X[:, 0] + X[:, 1] > 0).astype(int)
Y = np.where(np.arange(N) < N_LABELLED, TARGET, np.nan)

TINY = {
    "latent_dim": 2, "max_iter": 2, "batch_size": 8, "architecture": Dense(hidden=(4,)),
    "random_state": 0,
}  # fmt: skip


def make_net(kind=NeuralNetClassifier, n_in=4, n_out=2, **kwargs):
    with seeded_torch(0):
        module = nn.Sequential(nn.Linear(n_in, 3), nn.Tanh(), nn.Linear(3, n_out))
    return kind(module, max_epochs=2, train_split=None, verbose=0, **kwargs)


def make_softmax_net(n_in=4):
    return make_net(n_in=n_in, criterion=nn.CrossEntropyLoss)


LINEAR = {
    "logistic": LogisticRegression(),
    "LinearSVC": LinearSVC(random_state=0),
    "ridge": RidgeClassifier(),
    "pipeline": make_pipeline(StandardScaler(), PCA(2), LogisticRegression()),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
}
DEEP = {
    "mlp": MLPClassifier((3,), max_iter=3, random_state=0),
    "skorch": make_softmax_net(),
    "binary skorch": make_net(NeuralNetBinaryClassifier, n_out=1),
    "loss prediction": make_net(LossPredictionClassifier),
    "ACGAN": ACGAN(**TINY),
    "BAGAN": BAGAN(autoencoder_max_iter=2, **TINY),
    "PolarityGAN": PolarityGAN(autoencoder_max_iter=2, **TINY),
    "PolarityGAN, extractor": PolarityGAN(
        autoencoder_max_iter=2, feature_extractor="encoder", **TINY
    ),
    "pipeline, skorch": make_pipeline(StandardScaler(), make_softmax_net()),
    "pipeline, ACGAN": make_pipeline(PCA(3), ACGAN(**TINY)),
    "pipeline, PolarityGAN": make_pipeline(
        StandardScaler(), PolarityGAN(autoencoder_max_iter=2, **TINY)
    ),
}
NO_LAST_LAYER = {
    "forest": RandomForestClassifier(3, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=2, min_samples_leaf=3, random_state=0),
    "neighbours": KNeighborsClassifier(3),
    "SVC": SVC(random_state=0),
    "pipeline, forest": make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0)),
}
CLASSIFIERS = {**LINEAR, **DEEP, **NO_LAST_LAYER}

POOL = {
    "random": RandomSampling(random_state=0),
    "entropy": UncertaintySampling(random_state=0),
    "margin": UncertaintySampling("margin_of_confidence", random_state=0),
    "least confident": UncertaintySampling("least_confidence", random_state=0),
    "distance": UncertaintySampling("min_distance", random_state=0),
    "certainty": CertaintySampling(random_state=0),
    "core set": CoreSet(random_state=0),
    "BADGE": BADGE(features=None, random_state=0),
    "TypiClust": TypiClust(random_state=0),
    "ProbCover": ProbCover(random_state=0),
    "scikit-activeml's": FromSkactiveml(skactiveml.pool.UncertaintySampling(), random_state=0),
}
IN_ITS_FEATURES = {
    "core set": CoreSet(features="classifier", random_state=0),
    "BADGE": BADGE(random_state=0),
    "TypiClust": TypiClust(features="classifier", random_state=0),
    "ProbCover": ProbCover(features="classifier", random_state=0),
}
MATCHING = {
    "entropy": {},
    "distance": {"measure": "min_distance", "oversampling": 2},
}
DESIGNS = {
    "random": (LatentRandom, {}),
    "uncertainty": (LatentUncertainty, {"n_candidates": 25}),
    "distance": (LatentUncertainty, {"n_candidates": 25, "measure": "min_distance"}),
    "AISEL": (AISEL, {"n_candidates": 25, "max_iter": 2}),
    "AISEL, balanced": (AISEL, {"n_candidates": 25, "max_iter": 2, "balance": True}),
    "GAAL": (GAAL, {"max_iter": 2}),
    "GAAL, entropy": (GAAL, {"max_iter": 2, "measure": "entropy"}),
    "ADBA": (ADBA, {"n_points": 2}),
}


@pytest.fixture(scope="module")
def fitted():
    """Each classifier, fitted when it is first asked for."""
    models = {}

    def get(name):
        if name not in models:
            model = clone(CLASSIFIERS[name])
            # The loss of skorch's binary classifiers takes floats only.
            labels = TARGET.astype(np.float32 if name == "binary skorch" else int)
            with seeded_nets(model):
                models[name] = model.fit(X[:N_LABELLED], labels[:N_LABELLED])
        return models[name]

    return get


def assert_valid(chosen):
    assert len(np.unique(chosen)) == 5
    assert chosen.min() >= N_LABELLED


@pytest.mark.parametrize("strategy", POOL)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_choice_from_a_pool(fitted, name, strategy):
    assert_valid(POOL[strategy].query(X, Y, fitted(name), batch_size=5))


@pytest.mark.parametrize("strategy", IN_ITS_FEATURES)
@pytest.mark.parametrize("name", [*LINEAR, *DEEP])
def test_features_of_the_classifier(fitted, name, strategy):
    assert_valid(IN_ITS_FEATURES[strategy].query(X, Y, fitted(name), batch_size=5))


@pytest.mark.parametrize("strategy", IN_ITS_FEATURES)
@pytest.mark.parametrize("name", NO_LAST_LAYER)
def test_classifiers_without_a_last_layer(fitted, name, strategy):
    with pytest.raises(TypeError, match="has none of these; pass a transformer"):
        IN_ITS_FEATURES[strategy].query(X, Y, fitted(name), batch_size=5)


@pytest.mark.parametrize("params", MATCHING)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_asal(fitted, toys, name, params):
    strategy = ASAL(toys.Generator(), max_iter=2, random_state=0, **MATCHING[params]).fit(X)
    assert_valid(strategy.query(X, Y, fitted(name), batch_size=5))


@pytest.mark.parametrize("name", [*LINEAR, *DEEP])
def test_asal_in_the_features_of_the_classifier(fitted, toys, name):
    strategy = ASAL(toys.Generator(), features="classifier", max_iter=2, random_state=0).fit(X)
    assert_valid(strategy.query(X, Y, fitted(name), batch_size=5))


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_designs(fitted, toys, name, design):
    cls, params = DESIGNS[design]
    strategy = cls(toys.Invertible(), random_state=0, **params).fit(X)
    made = strategy.synthesize(X, Y, fitted(name), batch_size=5)
    assert made.X.shape == (5, 4)
    assert np.isfinite(made.X).all()


def test_learning_loss_behind_a_pipeline(fitted):
    net = FrozenEstimator(fitted("loss prediction"))
    scaler = FrozenEstimator(StandardScaler(with_mean=False, with_std=False).fit(X))
    for model in (net, make_pipeline(scaler, net).fit(X, TARGET)):
        assert_valid(LearningLoss(random_state=0).query(X, Y, model, batch_size=5))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_which_are_searched_with_gradients(fitted, name):
    method = "predict_proba" if hasattr(fitted(name), "predict_proba") else "decision_function"
    if name in NO_LAST_LAYER:
        with pytest.raises(NotDifferentiableError):
            differentiable(fitted(name), method)
    else:
        differentiable(fitted(name), method)


@pytest.mark.parametrize(
    "strategy",
    [UncertaintySampling(), BADGE(), ASAL(GAN(**TINY)), LatentUncertainty(GIN(**TINY))],
    ids=lambda strategy: type(strategy).__name__,
)
def test_samplers_in_a_pipeline_are_for_training_only(strategy):
    def chosen(model):
        fitted = clone(strategy).set_params(random_state=0).fit(X, Y)
        if hasattr(fitted, "synthesize"):
            return fitted.synthesize(X, Y, model, batch_size=3).X
        return fitted.query(X, Y, model, batch_size=3)

    sampler = SMOTE(k_neighbors=1, random_state=0)
    pipeline = make_sampling_pipeline(StandardScaler(), sampler, LogisticRegression())
    pipeline.fit(X[:N_LABELLED], TARGET[:N_LABELLED])
    without = make_pipeline(pipeline[0], pipeline[-1])
    np.testing.assert_array_equal(chosen(pipeline), chosen(without))


class LeastLikely(RankingStrategy):
    """A user's own strategy, as the docstring of RankingStrategy tells how to write one."""

    def compute_utilities(self, X, y, clf, candidates):
        def rate(block):
            return -clf.predict_proba(cast_for_nets(clf, block)).max(axis=1)

        return candidates.map(rate)


@pytest.mark.parametrize("clf", ["logistic", "skorch", "pipeline, skorch"])
def test_own_strategy_with_samples_of_float64(clf):
    model = clone(CLASSIFIERS[clf])
    with seeded_nets(model):
        model.fit(X[:N_LABELLED], TARGET[:N_LABELLED])
        chosen = LeastLikely(random_state=0).query(X.astype(np.float64), Y, model, batch_size=3)
        confidence = model.predict_proba(X[N_LABELLED:]).max(axis=1)
    assert sorted(chosen) == sorted(N_LABELLED + np.argsort(confidence)[:3])
