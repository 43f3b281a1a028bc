"""Generators: learn what samples look like, then draw new ones."""

from skgal.generators._acgan import ACGAN
from skgal.generators._adversarial import AdversarialGenerator
from skgal.generators._autoencoder import Autoencoder
from skgal.generators._bagan import BAGAN
from skgal.generators._base import NetworkEstimator
from skgal.generators._bigan import BiGAN
from skgal.generators._box import DesignBox
from skgal.generators._cgan import CGAN
from skgal.generators._conditional import ConditionalAdversarialGenerator
from skgal.generators._gan import GAN
from skgal.generators._gin import GIN
from skgal.generators._polarity_gan import PolarityGAN
from skgal.generators._scorer import GenerationScorer
from skgal.generators._selection import FrechetSelection
from skgal.generators._stack_gan import StackGAN

__all__ = [
    "ACGAN",
    "BAGAN",
    "CGAN",
    "GAN",
    "GIN",
    "AdversarialGenerator",
    "Autoencoder",
    "BiGAN",
    "ConditionalAdversarialGenerator",
    "DesignBox",
    "FrechetSelection",
    "GenerationScorer",
    "NetworkEstimator",
    "PolarityGAN",
    "StackGAN",
]
