"""From samples to the most similar rows of a pool: features, PCA, nearest-neighbour index."""

from skgal.matching._matcher import FeatureMatcher

__all__ = ["FeatureMatcher"]
