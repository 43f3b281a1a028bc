"""Query strategies: which samples to have labelled next, from a pool or newly designed."""

from skgal.query._adba import ADBA
from skgal.query._aisel import AISEL
from skgal.query._asal import ASAL
from skgal.query._badge import BADGE
from skgal.query._certainty import CertaintySampling
from skgal.query._core_set import CoreSet
from skgal.query._from_skactiveml import FromSkactiveml
from skgal.query._gaal import GAAL
from skgal.query._latent_random import LatentRandom
from skgal.query._latent_uncertainty import LatentUncertainty
from skgal.query._learning_loss import LearningLoss
from skgal.query._lines import label_lines
from skgal.query._prob_cover import ProbCover
from skgal.query._random import RandomSampling
from skgal.query._space_filling import SpaceFilling
from skgal.query._typi_clust import TypiClust
from skgal.query._uncertainty import UncertaintySampling

__all__ = [
    "ADBA",
    "AISEL",
    "ASAL",
    "BADGE",
    "GAAL",
    "CertaintySampling",
    "CoreSet",
    "FromSkactiveml",
    "LatentRandom",
    "LatentUncertainty",
    "LearningLoss",
    "ProbCover",
    "RandomSampling",
    "SpaceFilling",
    "TypiClust",
    "UncertaintySampling",
    "label_lines",
]
