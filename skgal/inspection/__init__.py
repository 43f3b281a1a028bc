"""Figures of samples, latent spaces and learning curves; matplotlib is imported on first use."""

from skgal.inspection._label_efficiency import LabelEfficiencyDisplay
from skgal.inspection._latent_space import LatentSpaceDisplay
from skgal.inspection._reconstruction import ReconstructionDisplay
from skgal.inspection._samples import SamplesDisplay
from skgal.inspection._training_history import TrainingHistoryDisplay

__all__ = [
    "LabelEfficiencyDisplay",
    "LatentSpaceDisplay",
    "ReconstructionDisplay",
    "SamplesDisplay",
    "TrainingHistoryDisplay",
]
