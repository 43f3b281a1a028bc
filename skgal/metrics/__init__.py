"""Scores of models and samples, as pure functions of arrays."""

from skgal.metrics._fidelity import coverage, frechet_distance, inception_score, recall
from skgal.metrics._uncertainty import (
    distance_uncertainty,
    entropy,
    least_confidence,
    margin_uncertainty,
)

__all__ = [
    "coverage",
    "distance_uncertainty",
    "entropy",
    "frechet_distance",
    "inception_score",
    "least_confidence",
    "margin_uncertainty",
    "recall",
]
