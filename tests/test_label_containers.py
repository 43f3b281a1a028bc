"""Labels of any container are the same labels, wherever they come in."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skgal.active import ActiveLearner, LabelOracle, PartialLabelKFold
from skgal.classifiers import AnyEstimator, EnsembleClassifier
from skgal.generators import CGAN, DesignBox, GenerationScorer
from skgal.nn import Dense
from skgal.query import ADBA, AISEL, CertaintySampling, UncertaintySampling
from skgal.query._from_skactiveml import _as_codes
from skgal.resampling import GANOverSampler, GatedSampler
from skgal.utils import as_label_array, observed_labels

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
