"""Query strategies: which samples to have labelled next, from a pool or newly designed."""

from skgal.query._aisel import AISEL
from skgal.query._latent_random import LatentRandom
from skgal.query._latent_uncertainty import LatentUncertainty
from skgal.query._random import RandomSampling
from skgal.query._uncertainty import UncertaintySampling

__all__ = [
    "AISEL",
    "LatentRandom",
    "LatentUncertainty",
    "RandomSampling",
    "UncertaintySampling",
]
