"""Adversarial training on skorch: steps, batches, augmentation, averaging, seeds."""

from skgal.engine._acceleration import PRECISIONS
from skgal.engine._adversarial import AdversarialNet
from skgal.engine._apply import apply_network
from skgal.engine._augment import AUGMENTATIONS, resolve_augmentations
from skgal.engine._auxiliary import AuxiliaryNet
from skgal.engine._balancing import BalancingNet
from skgal.engine._batches import LabelledBatches, TensorBatches
from skgal.engine._bidirectional import BidirectionalNet
from skgal.engine._checkpoint import TrainingCheckpoint
from skgal.engine._classifier_features import classifier_features
from skgal.engine._conditional import ConditionalNet
from skgal.engine._device import resolve_device
from skgal.engine._diagnosis import diversity, residual_loss
from skgal.engine._differentiable import differentiable, register_differentiable
from skgal.engine._inversion import InversionNet
from skgal.engine._latent import draw_latent, latent_distribution
from skgal.engine._latent_evolution import evolve_latent
from skgal.engine._latent_search import search_latent
from skgal.engine._loader import UpdatesLoader
from skgal.engine._mc_dropout import DropoutScores, class_centroids, dropout_scores
from skgal.engine._net_input import in_precision_of
from skgal.engine._penultimate import penultimate_features
from skgal.engine._polarity import PolarityNet
from skgal.engine._reconstruction import ReconstructionNet
from skgal.engine._reference import fit_classifier, fit_reference_classifier
from skgal.engine._scores import (
    boundary_proximity,
    log_entropy,
    log_entropy_of_decisions,
    odds_proximity,
)
from skgal.engine._seeding import torch_generator
from skgal.engine._selection import BestGenerator
from skgal.engine._soft_targets import (
    SoftCrossEntropyLoss,
    SoftNLLLoss,
    accept_soft_targets,
    weighted_targets,
)
from skgal.engine._stack import StackNet
from skgal.engine._task_report import TaskReport
from skgal.engine._tensor_file import load_tensors, save_tensors
from skgal.engine._update_net import UpdateNet
from skgal.engine._user_samples import UserProba, UserSamples

# These two register the forms that `differentiable` knows from the start.
from skgal.engine import _differentiable_nets, _differentiable_sklearn  # noqa: F401  isort: skip
from skgal.engine._loss_prediction import LossPredictionClassifier

__all__ = [
    "AUGMENTATIONS",
    "PRECISIONS",
    "AdversarialNet",
    "AuxiliaryNet",
    "BalancingNet",
    "BestGenerator",
    "BidirectionalNet",
    "ConditionalNet",
    "DropoutScores",
    "InversionNet",
    "LabelledBatches",
    "LossPredictionClassifier",
    "PolarityNet",
    "ReconstructionNet",
    "SoftCrossEntropyLoss",
    "SoftNLLLoss",
    "StackNet",
    "TaskReport",
    "TensorBatches",
    "TrainingCheckpoint",
    "UpdateNet",
    "UpdatesLoader",
    "UserProba",
    "UserSamples",
    "accept_soft_targets",
    "apply_network",
    "boundary_proximity",
    "class_centroids",
    "classifier_features",
    "differentiable",
    "diversity",
    "draw_latent",
    "dropout_scores",
    "evolve_latent",
    "fit_classifier",
    "fit_reference_classifier",
    "in_precision_of",
    "latent_distribution",
    "load_tensors",
    "log_entropy",
    "log_entropy_of_decisions",
    "odds_proximity",
    "penultimate_features",
    "register_differentiable",
    "residual_loss",
    "resolve_augmentations",
    "resolve_device",
    "save_tensors",
    "search_latent",
    "torch_generator",
    "weighted_targets",
]
