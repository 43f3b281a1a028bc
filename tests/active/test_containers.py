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


def test_lengths_must_agree(blobs):
    X, y = blobs
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ActiveLearner(LogisticRegression(), RandomSampling()).fit(X, y[:-1])
