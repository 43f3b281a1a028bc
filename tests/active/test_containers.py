"""Arrays, images, sparse matrices and data frames, and what is refused of them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skgal.active import ActiveLearner
from skgal.query import RandomSampling, UncertaintySampling


class Untouchable(LogisticRegression):
    """A classifier that must not be fitted."""

    def fit(self, X, y):
        raise AssertionError("this is too late")


@pytest.mark.parametrize("make_frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_data_frames_reach_the_estimator_untouched(blobs, make_frame):
    values, y = blobs
    X = make_frame({"x": values[:, 0], "name": np.where(values[:, 1] > 0, "up", "down")})
    transformer = make_column_transformer(
        (StandardScaler(), ["x"]), (OneHotEncoder(sparse_output=False), ["name"])
    )
    learner = ActiveLearner(
        make_pipeline(transformer, LogisticRegression()), UncertaintySampling(), budget=10
    ).fit(X, y)
    assert type(learner.labelled_.X) is type(X)
    assert learner.labelled_.X.shape == (20, 2)
    assert learner.feature_names_in_.tolist() == ["x", "name"]
    assert learner.score(X, y) > 0.7


def test_sparse_pools(blobs):
    X, y = sparse.csr_matrix(blobs[0]), blobs[1]
    learner = ActiveLearner(LogisticRegression(), UncertaintySampling(), budget=10).fit(X, y)
    np.testing.assert_array_equal(
        learner.labelled_.X.toarray(), blobs[0][learner.labelled_.indices]
    )


def test_images_keep_their_shape(blobs):
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    estimator = make_pipeline(flatten, LogisticRegression())
    X, y = blobs
    learner = ActiveLearner(estimator, RandomSampling(), budget=10)
    learner.fit(X.reshape(40, 1, 2, 1), y)
    assert learner.labelled_.X.shape == (20, 1, 2, 1)
    assert learner.labelled_.X.dtype == np.float32


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame], ids=["array", "frame"])
def test_bad_values_are_refused_before_any_training(blobs, bad, make):
    X, y = blobs
    X = X.copy()
    X[3, 1] = bad
    with pytest.raises(ValueError, match="contains"):
        ActiveLearner(Untouchable(), RandomSampling()).fit(make(X), y)


@pytest.mark.parametrize(
    "column",
    [
        pd.array([None, *range(39)], dtype="Int64"),
        pd.array([None, *np.linspace(0, 1, 39)], dtype="Float64"),
        pd.array([None, *[True] * 39], dtype="boolean"),
        pd.array([None, *["a"] * 39], dtype="string"),
        np.array([None, *["a"] * 39], dtype=object),
        pl.Series([None, *range(39)]),
        pl.Series([None, *["a"] * 39]),
    ],
    ids=["Int64", "Float64", "boolean", "string", "object", "polars int", "polars string"],
)
def test_missing_values_of_any_column_are_refused_before_any_training(blobs, column):
    make_frame = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    X = make_frame({"full": blobs[0][:, 0], "holed": column})
    with pytest.raises(ValueError, match=r"X\['holed'\] contains"):
        ActiveLearner(Untouchable(), RandomSampling()).fit(X, blobs[1])


def test_missing_values_are_for_estimators_that_take_them(blobs):
    X, y = blobs
    X = X.copy()
    X[::4, 1] = np.nan
    for estimator in (
        HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=2),
        make_pipeline(SimpleImputer(), LogisticRegression()),
    ):
        learner = ActiveLearner(estimator, RandomSampling(), budget=10).fit(X, y)
        assert learner.score(X, y) > 0.5
        frame = pd.DataFrame({"full": X[:, 0], "holed": pd.array(X[:, 1], dtype="Float64")})
        assert frame["holed"].isna().any()
        assert learner.fit(frame, y).score(frame, y) > 0.5


def test_infinity_is_refused_beside_missing_values(blobs):
    values = np.where(np.arange(40) == 3, np.inf, blobs[0][:, 1])
    X = pd.DataFrame({"full": blobs[0][:, 0], "holed": pd.array(values, dtype="Float64")})
    X.loc[5, "holed"] = pd.NA
    learner = ActiveLearner(HistGradientBoostingClassifier(), RandomSampling())
    with pytest.raises(ValueError, match=r"X\['holed'\] contains infinity"):
        learner.fit(X, blobs[1])


def test_lengths_must_agree(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y[:-1])
