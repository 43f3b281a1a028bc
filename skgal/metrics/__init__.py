"""Scores of predictions and of generated samples, as pure functions of arrays and tables."""

from skgal.metrics._fidelity import (
    coverage,
    density,
    diversity_ratio,
    frechet_distance,
    generative_precision,
    generative_recall,
    inception_score,
    kernel_distance,
    memorization_ratio,
)
from skgal.metrics._tables import association_matrix, compare_tables, to_points
from skgal.metrics._uncertainty import (
    distance_uncertainty,
    entropy,
    least_confidence,
    margin_of_confidence,
    mean_uncertainty,
    normalized_entropy,
    ratio_of_confidence,
)

__all__ = [
    "association_matrix",
    "compare_tables",
    "coverage",
    "density",
    "distance_uncertainty",
    "diversity_ratio",
    "entropy",
    "frechet_distance",
    "generative_precision",
    "generative_recall",
    "inception_score",
    "kernel_distance",
    "least_confidence",
    "margin_of_confidence",
    "mean_uncertainty",
    "memorization_ratio",
    "normalized_entropy",
    "ratio_of_confidence",
    "to_points",
]
