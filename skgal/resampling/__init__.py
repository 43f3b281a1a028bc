"""Resamplers for imbalanced-learn's pipelines: rare classes filled up with generated samples."""

from skgal.resampling._base import GeneratorOverSampler
from skgal.resampling._gan import GANOverSampler
from skgal.resampling._gate import Gate, GateScores
from skgal.resampling._polarity import PolarityGANSampler
from skgal.resampling._selective import SelectiveAugmentation

__all__ = [
    "GANOverSampler",
    "Gate",
    "GateScores",
    "GeneratorOverSampler",
    "PolarityGANSampler",
    "SelectiveAugmentation",
]
