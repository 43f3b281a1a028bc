"""Scores of models and samples, as pure functions of arrays."""

from skgal.metrics._uncertainty import (
    distance_uncertainty,
    entropy,
    least_confidence,
    margin_uncertainty,
)

__all__ = ["distance_uncertainty", "entropy", "least_confidence", "margin_uncertainty"]
