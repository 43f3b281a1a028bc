"""From samples to points of a space in which distances mean something."""

from skgal.features._classifier import ClassifierFeatures
from skgal.features._extractor import feature_extractor

__all__ = ["ClassifierFeatures", "feature_extractor"]
