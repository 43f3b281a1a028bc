"""Query strategies: which samples to have labelled next, from a pool or newly designed."""

from skgal.query._adba import ADBA, label_lines
from skgal.query._asal import ASAL, GAAL
from skgal.query._badge import BADGE
from skgal.query._base import BatchStrategy, Candidates, EmbeddingStrategy, RankingStrategy
from skgal.query._baselines import RandomSampling, SpaceFilling
from skgal.query._clustering import ProbCover, TypiClust
from skgal.query._core_set import CoreSet
from skgal.query._from_skactiveml import FromSkactiveml
from skgal.query._latent import AISEL, LatentRandom, LatentUncertainty
from skgal.query._uncertainty import CertaintySampling, LearningLoss, UncertaintySampling

__all__ = [
    "ADBA",
    "AISEL",
    "ASAL",
    "BADGE",
    "GAAL",
    "BatchStrategy",
    "Candidates",
    "CertaintySampling",
    "CoreSet",
    "EmbeddingStrategy",
    "FromSkactiveml",
    "LatentRandom",
    "LatentUncertainty",
    "LearningLoss",
    "ProbCover",
    "RandomSampling",
    "RankingStrategy",
    "SpaceFilling",
    "TypiClust",
    "UncertaintySampling",
    "label_lines",
]
