"""Networks: generators, critics and encoders that fit any shape of sample.

An `Architecture` is a recipe that builds the three networks for a shape; the networks map tensors
to tensors and know nothing of losses or training.
"""

from skgal.nn._architecture import Architecture, Critic
from skgal.nn._classifier import ConvClassifier
from skgal.nn._dcgan import DCGAN
from skgal.nn._dense import Dense
from skgal.nn._dropout import Dropout, set_dropout_rng
from skgal.nn._registry import ARCHITECTURES, resolve_architecture
from skgal.nn._residual import Residual

__all__ = [
    "ARCHITECTURES",
    "DCGAN",
    "Architecture",
    "ConvClassifier",
    "Critic",
    "Dense",
    "Dropout",
    "Residual",
    "resolve_architecture",
    "set_dropout_rng",
]
