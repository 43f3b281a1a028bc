"""What every strategy says of questions that have no answer."""

import numpy as np
import pytest
import skactiveml.pool
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import BayesianRidge, LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skgal.generators import GIN
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
    TypiClust,
    UncertaintySampling,
)

N = 24
X = np.random.RandomState(0).uniform(-1, 1, size=(N, 4))
TARGET = (X[:, 0] > 0).astype(float)
Y = np.where(np.arange(N) < 12, TARGET, np.nan)


class LossPredictor(LogisticRegression):
    def predict_loss(self, X):
        return 1 - self.predict_proba(X).max(axis=1)


CLF = LossPredictor().fit(X[:12], Y[:12])

POOL = {
    "RandomSampling": RandomSampling(random_state=0),
    "UncertaintySampling": UncertaintySampling(random_state=0),
    "min_distance": UncertaintySampling("min_distance", random_state=0),
    "CertaintySampling": CertaintySampling(random_state=0),
    "CoreSet": CoreSet(random_state=0),
    "CoreSet, classifier": CoreSet(features="classifier", random_state=0),
    "BADGE": BADGE(random_state=0),
    "TypiClust": TypiClust(random_state=0),
    "ProbCover": ProbCover(random_state=0),
    "LearningLoss": LearningLoss(random_state=0),
    "FromSkactiveml": FromSkactiveml(skactiveml.pool.UncertaintySampling(), random_state=0),
}
LATENT = {
    "ASAL": (ASAL, {"max_iter": 2}),
    "ASAL, classifier": (ASAL, {"max_iter": 2, "features": "classifier"}),
    "LatentRandom": (LatentRandom, {}),
    "LatentUncertainty": (LatentUncertainty, {"n_candidates": 25}),
    "AISEL": (AISEL, {"n_candidates": 25, "max_iter": 2}),
    "GAAL": (GAAL, {"max_iter": 2}),
    "ADBA": (ADBA, {"n_points": 2}),
}
IGNORES_MODEL = {"RandomSampling", "CoreSet", "TypiClust", "LatentRandom"}
CHOOSES = [*POOL, "ASAL", "ASAL, classifier"]
ALL = [*POOL, *LATENT]


@pytest.fixture
def make(toys):
    """Make a strategy by its name, fitted to X if it has a generator."""

    def make(name, generator=None, X=X):
        if name in POOL:
            return POOL[name]
        cls, params = LATENT[name]
        generator = toys.Invertible() if generator is None else generator
        return cls(generator, random_state=0, **params).fit(X)

    return make


def ask(strategy, X=X, y=Y, clf=CLF, **options):
    question = strategy.query if hasattr(strategy, "query") else strategy.synthesize
    return question(X, y, clf, **options)


@pytest.mark.parametrize("name", CHOOSES)
@pytest.mark.parametrize("shape", [(0, 4), (0, 1, 2, 2)])
def test_empty_pool(make, name, shape):
    strategy = make(name)
    with pytest.raises(ValueError, match="The pool is empty"):
        ask(strategy, np.empty(shape), np.empty(0))
    with pytest.raises(ValueError, match="candidates is empty"):
        ask(strategy, candidates=np.empty((0, 4)))


@pytest.mark.parametrize("name", ALL)
def test_fit_to_an_empty_pool(make, name):
    with pytest.raises(ValueError, match=r"0 sample|empty"):
        make(name, X=np.empty((0, 4))).fit(np.empty((0, 4)))


@pytest.mark.parametrize("name", CHOOSES)
def test_exhausted_pool(make, name):
    with pytest.raises(ValueError, match="All 24 candidates are labelled already"):
        ask(make(name), y=TARGET)
    with pytest.raises(ValueError, match="All 3 candidates are labelled already"):
        ask(make(name), candidates=[0, 1, 2])


@pytest.mark.parametrize("name", CHOOSES)
def test_batch_larger_than_the_pool(make, name):
    with pytest.raises(ValueError, match="batch_size=13, but there are only 12 unlabelled"):
        ask(make(name), batch_size=13)
    with pytest.raises(ValueError, match="batch_size=3, but there are only 2 unlabelled"):
        ask(make(name), batch_size=3, candidates=[20, 21])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("batch_size", [0, -1])
def test_batch_of_none(make, name, batch_size):
    with pytest.raises(ValueError, match="batch_size"):
        ask(make(name), batch_size=batch_size)


@pytest.mark.parametrize("name", sorted(set(ALL) - IGNORES_MODEL - {"ProbCover"}))
def test_classifier_that_is_not_fitted(make, name):
    with pytest.raises(NotFittedError, match="LossPredictor instance is not fitted"):
        ask(make(name), clf=LossPredictor())


def test_classifier_whose_classes_are_not_known_yet():
    with pytest.raises(TypeError, match="no classes_ to count them by"):
        ask(POOL["ProbCover"], clf=LogisticRegression())


@pytest.mark.parametrize("name", sorted(IGNORES_MODEL))
def test_strategies_that_do_without_a_model(make, name):
    ask(make(name), clf=None)


ANY_MODEL = {*IGNORES_MODEL, "UncertaintySampling", "min_distance", "CertaintySampling"}
ANY_MODEL |= {"CoreSet, classifier", "LatentUncertainty", "AISEL"}


@pytest.mark.parametrize("name", sorted(set(ALL) - ANY_MODEL - {"FromSkactiveml"}))
def test_regressor_given_to_a_strategy_for_classifiers(make, name):
    regressor = BayesianRidge().fit(X[:12], X[:12, 1])
    with pytest.raises(TypeError, match=r"regressor|no classes_|predict_loss"):
        ask(make(name), clf=regressor)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of AISEL's points
@pytest.mark.parametrize("name", sorted(ANY_MODEL - IGNORES_MODEL - {"CoreSet, classifier"}))
def test_regressor_that_does_not_say_how_unsure_it_is(make, name):
    ask(make(name), clf=BayesianRidge().fit(X[:12], X[:12, 1]))  # which says it
    with pytest.raises(TypeError, match="LinearRegression doesn't say how unsure it is"):
        ask(make(name), clf=LinearRegression().fit(X[:12], X[:12, 1]))


@pytest.mark.parametrize("name", sorted(set(CHOOSES) - {"RandomSampling", "ASAL"}))
def test_nan_in_the_pool(make, name):
    spoilt = X.copy()
    spoilt[20, 1] = np.nan
    strategy = make(name)
    with pytest.raises(ValueError, match="NaN"):
        ask(strategy, spoilt)
    if name in POOL:
        with pytest.raises(ValueError, match="NaN"):
            ask(strategy, candidates=spoilt[18:])


@pytest.mark.parametrize("name", ["ASAL"])
def test_nan_is_found_by_fit(make, name):
    spoilt = X.copy()
    spoilt[20, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        make(name, X=spoilt)


def test_random_choice_looks_at_no_value():
    assert len(ask(POOL["RandomSampling"], np.full((N, 4), np.nan), batch_size=12)) == 12


@pytest.mark.parametrize("name", LATENT)
def test_generator_fitted_on_other_shapes(make, toys, name):
    other = FrozenEstimator(toys.Invertible().fit(np.zeros((5, 1, 2, 2))))
    with pytest.raises(ValueError, match=r"shape \(1, 2, 2\), but those of X have shape \(4,\)"):
        make(name, generator=other)


@pytest.mark.parametrize("name", LATENT)
def test_strategy_that_is_not_fitted(toys, name):
    cls, params = LATENT[name]
    with pytest.raises(NotFittedError):
        ask(cls(toys.Invertible(), **params))


def test_three_classes_have_no_line_between_them(make):
    three = np.where(X[:, 1] > 0.5, 2, TARGET)
    with pytest.raises(ValueError, match=r"ADBA is for two classes.*y has 3: \[0, 1, 2\]"):
        ask(make("ADBA"), y=np.where(np.isnan(Y), np.nan, three))


@pytest.mark.parametrize("name", ALL)
def test_labels_of_another_length(make, name):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ask(make(name), y=Y[1:])


@pytest.mark.parametrize("name", sorted(set(LATENT) - {"ASAL", "ASAL, classifier"}))
def test_nothing_at_hand(make, name):
    with pytest.raises(ValueError, match="The pool is empty"):
        ask(make(name), np.empty((0, 4)), np.empty(0))


@pytest.mark.parametrize("name", LATENT)
@pytest.mark.parametrize("other", [np.zeros((N, 7)), np.zeros((N, 1, 2, 2))], ids=np.shape)
def test_samples_of_another_shape_than_in_fit(make, name, other):
    with pytest.raises(ValueError, match=r"shape \(4,\), but those of X have shape"):
        ask(make(name), other)


@pytest.mark.parametrize("name", LATENT)
def test_infinite_training_samples(name):
    # NaN is learnt, as the gaps of a table are.
    spoilt = X.copy()
    spoilt[3, 1] = np.inf
    cls, params = LATENT[name]
    with pytest.raises(ValueError, match="infinity"):
        cls(GIN(max_iter=1), **params).fit(spoilt)


def test_decisions_between_pairs_of_classes_are_refused():
    X, y = load_iris(return_X_y=True)
    for clf in (
        SVC(decision_function_shape="ovo", random_state=0),
        make_pipeline(StandardScaler(), SVC(decision_function_shape="ovo", random_state=0)),
        GridSearchCV(SVC(decision_function_shape="ovo", random_state=0), {"C": [1.0]}, cv=2),
        BaggingClassifier(SVC(decision_function_shape="ovo", random_state=0), 2, random_state=0),
    ):
        with pytest.raises(TypeError, match="a decision for each pair of classes"):
            UncertaintySampling("min_distance").query(X, np.full(len(X), np.nan), clf.fit(X, y))
    two = y < 2  # of two classes there is one pair
    clf = SVC(decision_function_shape="ovo", random_state=0).fit(X[two], y[two])
    UncertaintySampling(random_state=0).query(X[two], np.full(two.sum(), np.nan), clf)
