"""The model inside Pipelines, searches and frozen estimators."""

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline


def unwrap(model, X=None):
    """Find the model that predicts, and X as it sees it.

    Parameters
    ----------
    model : fitted estimator
        Perhaps a Pipeline, a search or a ``FrozenEstimator``, or several of them nested.
    X : array-like of n_samples samples, default=None

    Returns
    -------
    model : fitted estimator
        None of these.
    X : array-like of n_samples samples or None
        The samples after the transformers of the Pipelines.
    """
    while True:
        if isinstance(model, FrozenEstimator):
            model = model.estimator
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif isinstance(model, Pipeline):
            if X is not None and len(model) > 1:
                X = model[:-1].transform(X)
            model = model[-1]
        else:
            return model, X
