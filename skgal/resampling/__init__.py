"""Resamplers for imbalanced-learn's pipelines: generated samples of rare classes, and a gate."""

from skgal.resampling._base import GeneratorOverSampler
from skgal.resampling._gan import GANOverSampler
from skgal.resampling._gate import GateDecision, GatedSampler
from skgal.resampling._polarity import PolarityGANSampler
from skgal.resampling._selective import SelectiveAugmentation

__all__ = [
    "GANOverSampler",
    "GateDecision",
    "GatedSampler",
    "GeneratorOverSampler",
    "PolarityGANSampler",
    "SelectiveAugmentation",
]
