"""What a torch classifier trained by skorch needs around it."""

from skgal.classifiers._loader import UpdatesLoader
from skgal.classifiers._loss_prediction import LossPredictionClassifier
from skgal.classifiers._mc_dropout import DropoutScores, class_centroids, dropout_scores
from skgal.classifiers._net_input import in_precision_of
from skgal.classifiers._penultimate import penultimate_features
from skgal.classifiers._reference import fit_classifier, fit_reference_classifier
from skgal.classifiers._soft_targets import (
    SoftCrossEntropyLoss,
    SoftNLLLoss,
    accept_soft_targets,
    weighted_targets,
)

__all__ = [
    "DropoutScores",
    "LossPredictionClassifier",
    "SoftCrossEntropyLoss",
    "SoftNLLLoss",
    "UpdatesLoader",
    "accept_soft_targets",
    "class_centroids",
    "dropout_scores",
    "fit_classifier",
    "fit_reference_classifier",
    "in_precision_of",
    "penultimate_features",
    "weighted_targets",
]
