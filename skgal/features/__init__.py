"""From samples to points of a space in which distances mean something."""

from skgal.features._features import (
    as_points,
    feature_extractor,
    fit_features,
    in_precision_of,
    penultimate_features,
)

__all__ = [
    "as_points",
    "feature_extractor",
    "fit_features",
    "in_precision_of",
    "penultimate_features",
]
