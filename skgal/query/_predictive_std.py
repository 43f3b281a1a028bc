"""How unsure a regressor is of its predictions."""

import inspect

import numpy as np
from sklearn.ensemble import BaggingRegressor, ExtraTreesRegressor, RandomForestRegressor
from sklearn.utils.validation import validate_data

from skgal.utils import unwrap


def predictive_std(regressor, X):
    """Standard deviation of a regressor's predictions.

    Parameters
    ----------
    regressor : fitted regressor
        One whose ``predict`` takes ``return_std`` (Gaussian processes, Bayesian ridge), a
        random forest or extra trees or bagging (the spread over their members), or a Pipeline
        or search that ends in one of these.
    X : array-like of n_samples samples

    Returns
    -------
    ndarray of shape (n_samples,)
        Of several targets, the root of the mean variance.

    Raises
    ------
    TypeError
        If the regressor has no such standard deviation.
    """
    check_predictive_std(regressor)
    regressor, X = unwrap(regressor, X)
    if _takes_return_std(regressor):
        _, std = regressor.predict(X, return_std=True)
    else:
        std = _spread_over_members(regressor, X)
    return std if std.ndim == 1 else np.sqrt(np.mean(np.square(std), axis=1))


def check_predictive_std(regressor):
    """Check that a regressor has a standard deviation, without any samples.

    Parameters
    ----------
    regressor : fitted regressor

    Raises
    ------
    TypeError
        If :func:`predictive_std` can't read it.
    """
    regressor, _ = unwrap(regressor)
    ensembles = (RandomForestRegressor, ExtraTreesRegressor, BaggingRegressor)
    if not (_takes_return_std(regressor) or isinstance(regressor, ensembles)):
        raise TypeError(
            f"{type(regressor).__name__} doesn't say how unsure it is; use a regressor whose "
            "predict takes return_std (GaussianProcessRegressor, BayesianRidge), a random "
            "forest, extra trees, or BaggingRegressor around any regressor."
        )


def _takes_return_std(regressor):
    return "return_std" in inspect.signature(regressor.predict).parameters


def _spread_over_members(ensemble, X):
    # The members were fitted on bare arrays, those of bagging on some of the columns.
    X = validate_data(
        ensemble, X, reset=False, dtype=None, accept_sparse="csr", ensure_all_finite=False
    )
    members = ensemble.estimators_
    columns = getattr(ensemble, "estimators_features_", [slice(None)] * len(members))
    predictions = [
        member.predict(X[:, some]) for member, some in zip(members, columns, strict=True)
    ]
    return np.std(predictions, axis=0)
