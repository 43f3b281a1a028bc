"""Adversarial training on skorch: steps, batches, augmentation, averaging, seeds."""

from skgal.engine._adversarial import AdversarialNet
from skgal.engine._apply import apply_network
from skgal.engine._augment import AUGMENTATIONS, resolve_augmentations
from skgal.engine._batches import TensorBatches
from skgal.engine._device import resolve_device
from skgal.engine._inversion import InversionNet
from skgal.engine._latent import draw_latent, latent_distribution
from skgal.engine._loader import UpdatesLoader
from skgal.engine._seeding import torch_generator
from skgal.engine._soft_targets import (
    SoftCrossEntropyLoss,
    SoftNLLLoss,
    accept_soft_targets,
    weighted_targets,
)
from skgal.engine._update_net import UpdateNet

__all__ = [
    "AUGMENTATIONS",
    "AdversarialNet",
    "InversionNet",
    "SoftCrossEntropyLoss",
    "SoftNLLLoss",
    "TensorBatches",
    "UpdateNet",
    "UpdatesLoader",
    "accept_soft_targets",
    "apply_network",
    "draw_latent",
    "latent_distribution",
    "resolve_augmentations",
    "resolve_device",
    "torch_generator",
    "weighted_targets",
]
