"""Labels of any container are the same labels, wherever they come in."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.datasets import make_blobs
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier

from skgal.active import (
    ActiveLearner,
    LabelOracle,
    LabelStore,
    PartialLabelKFold,
    compare_strategies,
)
from skgal.classifiers import AnyEstimator, ClassifierFeatures, EnsembleClassifier
from skgal.generators import CGAN, DesignBox, GenerationScorer
from skgal.nn import Dense
from skgal.query import ADBA, AISEL, CertaintySampling, RandomSampling, UncertaintySampling
from skgal.query._from_skactiveml import _as_codes
from skgal.resampling import GANOverSampler, GatedSampler
from skgal.utils import as_label_array, check_class_labels, observed_labels, split_missing

X, CODES = make_blobs([24, 12], centers=[[-1, 0], [1, 0]], cluster_std=0.8, random_state=0)
# float64 holds but every 16th of such integers.
LABELS = {"large integers": CODES + 10**17 + 41, "strings": np.array(["no", "yes"])[CODES]}
BOX = DesignBox(bounds=[(-3, 3)] * 2)
SMALL = {"max_iter": 2, "latent_dim": 2, "architecture": Dense(hidden=(8,)), "random_state": 0}

CONTAINERS = {
    "object": lambda y: np.array([*y, None], dtype=object)[:-1],
    "column": lambda y: np.array([[label] for label in y], dtype=object),
    "nullable": lambda y: pd.Series(y).convert_dtypes(),
    "nullable column": lambda y: pd.DataFrame({"y": y}).convert_dtypes(),
    "pandas Arrow": lambda y: pd.Series(y).convert_dtypes(dtype_backend="pyarrow"),
    "category": lambda y: pd.Series(y, index=np.arange(len(y))[::-1]).astype("category"),
    "bare nullable": lambda y: pd.Series(y).convert_dtypes().array,
    "polars": lambda y: pl.Series("y", y),
    "polars column": lambda y: pl.DataFrame({"y": y}),
    "arrow": pa.array,
    "arrow column": lambda y: pa.table({"y": pa.array(y)}),
}


def values(y):
    return observed_labels(as_label_array(y)).tolist()


def resample(sampler):
    def run(y, known):
        return values(sampler.fit_resample(X, y)[1])

    return run


def design(strategy):
    def run(y, known):
        clf = LogisticRegression().fit(X, known)
        return strategy.fit(X, y).synthesize(X, y, clf, batch_size=2).X.tolist()

    return run


def choose(strategy):
    def run(y, known):
        clf = LogisticRegression().fit(X, known)
        return strategy.query(X, y, clf, candidates=X[:9], batch_size=3).tolist()

    return run


def cross_validate(y, known):
    folds = PartialLabelKFold(3, random_state=0).split(X, y)
    return [test.tolist() for _, test in folds]


def score_generator(y, known):
    generator = CGAN(**SMALL).fit(X, known)
    tested = GenerationScorer(classifier=LogisticRegression().fit(X, known))(generator, X, y)
    return tested["gan_test"], generator.score(X, y)


def learn(y, known):
    learner = ActiveLearner(LogisticRegression(), UncertaintySampling(), budget=5, random_state=0)
    learner.fit(X, y, X_val=X, y_val=y)
    return learner.classes_.tolist(), learner.labelled_.y.tolist()


def fit(model):
    def run(y, known):
        return model.fit(X, y).classes_.tolist(), model.predict(X).tolist()

    return run


ENTRIES = {
    "generator": lambda y, known: CGAN(**SMALL).fit(X, y).classes_.tolist(),
    "classes to draw": lambda y, known: CGAN(**SMALL).fit(X, known).sample(y=y)[0].tolist(),
    "scores of generators": score_generator,
    "over-sampling": resample(GANOverSampler(CGAN(**SMALL), random_state=0)),
    "gate": resample(GatedSampler(SMOTE(), classifier=LogisticRegression(), random_state=0)),
    "learner": learn,
    "oracle": lambda y, known: LabelOracle(X, y)(X).tolist(),
    "folds": cross_validate,
    "AISEL": design(AISEL(BOX, n_candidates=50, random_state=0)),
    "ADBA": design(ADBA(BOX, n_points=3, random_state=0)),
    "uncertainty": choose(UncertaintySampling()),
    "certainty": choose(CertaintySampling()),
    "scikit-activeml": lambda y, known: _as_codes(y, None, None).tolist(),
    "any estimator": fit(AnyEstimator(LogisticRegression())),
    "ensemble": fit(EnsembleClassifier(DecisionTreeClassifier(), 2, random_state=0)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_labels_of_any_container(entry, kind):
    known = LABELS[kind]
    expected = ENTRIES[entry](known, known)
    found = {name: ENTRIES[entry](make(known.tolist()), known) for name, make in CONTAINERS.items()}
    assert found == dict.fromkeys(CONTAINERS, expected)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("gate", [False, True], ids=["sampler", "gate"])
def test_resampled_labels_come_back_in_their_container(gate):
    sampler = GANOverSampler(CGAN(**SMALL), random_state=0)
    sampler = GatedSampler(SMOTE(), LogisticRegression(), random_state=0) if gate else sampler
    for labels in (*(known.tolist() for known in LABELS.values()), [bool(c) for c in CODES]):
        for name in ("nullable", "nullable column", "pandas Arrow", "category", "polars column"):
            y = CONTAINERS[name](labels)
            y_resampled = sampler.fit_resample(X, y)[1]
            assert type(y_resampled) is type(y), name
            assert y_resampled[: len(y)].equals(
                y.reset_index(drop=True) if name == "category" else y
            )
            assert set(values(y_resampled)) == set(labels)


# Missing labels that have become text


def tell(y):
    store = LabelStore()
    store.tell(store.add_query(X[: len(y)]), y)


TEXT_ENTRIES = {
    "learner": lambda y: ActiveLearner(LogisticRegression(), RandomSampling(), budget=0).fit(X, y),
    "validation": lambda y: ActiveLearner(LogisticRegression(), RandomSampling(), budget=0).fit(
        X, CODES.astype(str), X_val=X, y_val=y
    ),
    "oracle": lambda y: ActiveLearner(
        LogisticRegression(), RandomSampling(), oracle=LabelOracle(X, y), budget=30
    ).fit(X, [*CODES.astype(str)[:30], *[None] * 6]),
    "store": tell,
    "folds": lambda y: next(PartialLabelKFold(2).split(X, y)),
    "unstratified folds": lambda y: next(PartialLabelKFold(2, stratify=False).split(X, y)),
    "comparison": lambda y: compare_strategies(
        DummyClassifier(), {"random": RandomSampling()}, (X, y), seeds=[0], budget=2
    ),
    "pool strategy": lambda y: UncertaintySampling().query(
        X, y, LogisticRegression().fit(X, CODES), candidates=X[:5], batch_size=2
    ),
    "design strategy": lambda y: (
        AISEL(BOX, random_state=0)
        .fit(X)
        .synthesize(X, y, LogisticRegression().fit(X, CODES), batch_size=2)
    ),
    "sampler": lambda y: GANOverSampler(CGAN(**SMALL), random_state=0).fit_resample(X, y),
    "gate": lambda y: GatedSampler(
        SMOTE(k_neighbors=1), classifier=DummyClassifier(), cv=2
    ).fit_resample(X, y),
    "generator": lambda y: CGAN(**SMALL).fit(X, y),
    "any estimator": lambda y: AnyEstimator(DummyClassifier()).fit(X, y),
    "ensemble": lambda y: EnsembleClassifier(DummyClassifier(), n_estimators=2).fit(X, y),
    "features": lambda y: ClassifierFeatures(MLPClassifier((2,), max_iter=2)).fit(X, y),
}


def texts(missing):
    """Return labels of text, some of them missing, which NumPy turns into text as well."""
    y = np.array(["no", "yes"], dtype="U8")[CODES]
    y[::6] = missing
    return y


@pytest.mark.filterwarnings("ignore::skgal.exceptions.UselessSamplesWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*are filled up that have fewer")
@pytest.mark.parametrize("entry", TEXT_ENTRIES)
def test_text_for_a_missing_label_is_warned_of(entry):
    with pytest.warns(UserWarning, match="'nan', as text.*dtype=object") as caught:
        TEXT_ENTRIES[entry](texts(np.nan))
    assert {each.filename for each in caught if "as text" in str(each.message)} == {__file__}
    y = np.array([*texts("no")], dtype=object)
    if entry in ("learner", "folds", "unstratified folds", "design strategy"):
        y[::6] = np.nan  # the cure
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*as text")
        TEXT_ENTRIES[entry](y)


def test_a_session_warns_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ActiveLearner(
            LogisticRegression(), UncertaintySampling(), n_initial=9, batch_size=3, budget=12
        ).fit(X, texts(np.nan))
    assert sum("as text" in str(each.message) for each in caught) == 1


def test_every_cast_to_text():
    objects = np.array(["a", np.nan, None, pd.NA, pd.NaT], dtype=object)
    empty = np.zeros(3, dtype="U4")
    empty[0] = "a"
    for y, words in (
        (np.array(["a", np.nan]), "'nan'"),
        (objects.astype(str), "'<NA>' or 'NaT' or 'None' or 'nan'"),
        (pd.Series(objects).map(str), "'<NA>' or 'NaT' or 'None' or 'nan'"),
        (pd.Series([1, None], dtype="Int64").to_numpy(dtype=str), "'<NA>'"),
        (pl.Series([1.0, np.nan]).cast(pl.String), "'NaN'"),
        (empty, "''"),
        (["a", "nan"], "'nan'"),
        (np.array(["a", np.nan], dtype=np.dtypes.StringDType()), "'nan'"),
    ):
        with pytest.warns(UserWarning, match=f"labels are {words}, as text"):
            check_class_labels(y)


@pytest.mark.parametrize("na_object", [np.nan, None])
def test_strings_of_numpy_that_may_be_missing(na_object):
    y = np.array(["a", na_object, "b"], dtype=np.dtypes.StringDType(na_object=na_object))
    known, labels = split_missing(y, is_classifier=True)
    assert known.tolist() == [True, False, True]
    assert labels.tolist() == ["a", "b"]


def test_text_that_is_meant_is_not_warned_of():
    y = texts("nan")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*as text")
        learner = ActiveLearner(
            LogisticRegression(), RandomSampling(), budget=4, missing_label="nan"
        ).fit(X, y)
        assert learner.classes_.tolist() == ["no", "yes"]
        UncertaintySampling(missing_label="nan").query(X, y, learner, batch_size=2)
        assert len(next(PartialLabelKFold(2, missing_label="nan").split(X, y))[1]) == 15
        check_class_labels(["banana", "Nan", "none", "NA", "not a number"])
        # What the store knows for a class is one, and so is a class that an oracle names.
        store = LabelStore()
        store.classes = ["None", "mild"]
        store.tell(store.add_query(X[:2]), ["None", "mild"])
        store.tell(store.add_query(X[2:3]), ["NaT"], classes=["NaT", "None", "mild"])
    with pytest.warns(UserWarning, match="1 of 2 labels are 'nan', as text"):
        store.tell(store.add_query(X[4:6]), np.array(["mild", np.nan]))
