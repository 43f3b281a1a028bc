"""Figures of samples, latent spaces, tables and curves; matplotlib is imported on first use."""

from skgal.inspection._curves import (
    LabelDistributionDisplay,
    LabelEfficiencyDisplay,
    TrainingHistoryDisplay,
)
from skgal.inspection._images import QueryDisplay, ReconstructionDisplay, SamplesDisplay
from skgal.inspection._latent_space import LatentSpaceDisplay
from skgal.inspection._tables import AugmentationDisplay, TableDisplay

__all__ = [
    "AugmentationDisplay",
    "LabelDistributionDisplay",
    "LabelEfficiencyDisplay",
    "LatentSpaceDisplay",
    "QueryDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
    "TableDisplay",
    "TrainingHistoryDisplay",
]
