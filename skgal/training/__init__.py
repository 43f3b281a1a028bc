"""Adversarial training: games, the loop that plays them, averaging, checkpoints, seeds."""

from skgal.training._acceleration import PRECISIONS
from skgal.training._adversarial import AdversarialNet
from skgal.training._augment import AUGMENTATIONS, resolve_augmentations
from skgal.training._auxiliary import AuxiliaryNet
from skgal.training._balancing import BalancingNet
from skgal.training._batches import LabelledBatches, TensorBatches
from skgal.training._bidirectional import BidirectionalNet
from skgal.training._checkpoint import TrainingCheckpoint
from skgal.training._classifier_features import classifier_features
from skgal.training._conditional import ConditionalNet
from skgal.training._diagnosis import diversity, residual_loss
from skgal.training._inversion import InversionNet
from skgal.training._latent import draw_latent, latent_distribution
from skgal.training._polarity import PolarityNet
from skgal.training._reconstruction import ReconstructionNet
from skgal.training._selection import BestGenerator
from skgal.training._stack import StackNet
from skgal.training._task_report import TaskReport
from skgal.training._tensor_file import load_tensors, save_tensors
from skgal.training._update_net import UpdateNet

__all__ = [
    "AUGMENTATIONS",
    "PRECISIONS",
    "AdversarialNet",
    "AuxiliaryNet",
    "BalancingNet",
    "BestGenerator",
    "BidirectionalNet",
    "ConditionalNet",
    "InversionNet",
    "LabelledBatches",
    "PolarityNet",
    "ReconstructionNet",
    "StackNet",
    "TaskReport",
    "TensorBatches",
    "TrainingCheckpoint",
    "UpdateNet",
    "classifier_features",
    "diversity",
    "draw_latent",
    "latent_distribution",
    "load_tensors",
    "residual_loss",
    "resolve_augmentations",
    "save_tensors",
]
