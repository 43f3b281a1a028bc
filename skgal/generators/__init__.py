"""Generators: learn what samples look like, then draw new ones."""

from skgal.generators._gan import GAN
from skgal.generators._gin import GIN

__all__ = ["GAN", "GIN"]
