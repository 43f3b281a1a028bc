"""Image sets in the layout that generators take: (n, channels, height, width) uint8."""

from skgal.datasets._images import load_images

__all__ = ["load_images"]
