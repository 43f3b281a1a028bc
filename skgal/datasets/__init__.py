"""Images of a folder, image sets by name, and simulators of engineering."""

from skgal.datasets._folder import load_image_folder
from skgal.datasets._images import load_images
from skgal.datasets._simulators import make_feeder, make_reactor, make_shield, make_truss
from skgal.datasets._simulators_images import make_conduction, make_stenosis

__all__ = [
    "load_image_folder",
    "load_images",
    "make_conduction",
    "make_feeder",
    "make_reactor",
    "make_shield",
    "make_stenosis",
    "make_truss",
]
