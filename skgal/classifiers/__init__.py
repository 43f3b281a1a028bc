"""How classifiers are fitted, and what a torch classifier trained by skorch needs around it.

The names imported below load torch only for a net; all others load it on first use.
"""

from importlib import import_module

from skgal.classifiers._fit import (
    AnyEstimator,
    cast_for_nets,
    check_fit_support,
    fit_estimator,
    one_hot,
)

_FILE_OF = {
    "ClassifierFeatures": "_features",
    "EnsembleClassifier": "_ensemble",
    "EnsembleRegressor": "_ensemble",
    "Uncertainty": "_ensemble",
    "DropoutScores": "_mc_dropout",
    "LossPredictionClassifier": "_loss_prediction",
    "SoftCrossEntropyLoss": "_nets",
    "SoftNLLLoss": "_nets",
    "UpdatesLoader": "_nets",
    "accept_soft_targets": "_nets",
    "check_dropout": "_mc_dropout",
    "class_centroids": "_mc_dropout",
    "dropout_scores": "_mc_dropout",
    "fit_classifier": "_nets",
    "fit_reference_classifier": "_nets",
    "weighted_targets": "_nets",
}

__all__ = [
    *_FILE_OF,
    "AnyEstimator",
    "cast_for_nets",
    "check_fit_support",
    "fit_estimator",
    "one_hot",
]


def __getattr__(name):
    if name in _FILE_OF:
        return getattr(import_module(f"skgal.classifiers.{_FILE_OF[name]}"), name)
    raise AttributeError(f"module 'skgal.classifiers' has no attribute {name!r}")


def __dir__():
    return __all__
