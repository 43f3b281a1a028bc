"""Designs: where to put a few points so that they stand for a whole distribution."""

from skgal.design._energy import energy_distance
from skgal.design._support_points import support_points

__all__ = ["energy_distance", "support_points"]
