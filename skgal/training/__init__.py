"""Training: games, the loop that trains any of them, averages of weights, checkpoints."""

from skgal.training._adversarial import AdversarialGame, BidirectionalGame
from skgal.training._augment import AUGMENTATIONS, resolve_augmentations
from skgal.training._checkpoint import TrainingCheckpoint
from skgal.training._conditional import AuxiliaryGame, BalancingGame, ConditionalGame, StackGame
from skgal.training._encoding import (
    InversionGame,
    InvertibleAdversarialGame,
    InvertibleGame,
    ReconstructionGame,
)
from skgal.training._loop import (
    PRECISIONS,
    Batch,
    Game,
    GameNet,
    Part,
    StopTraining,
    TaskReport,
    TrainingData,
    draw_latent,
    latent_distribution,
)
from skgal.training._polarity import PolarityGame

__all__ = [
    "AUGMENTATIONS",
    "PRECISIONS",
    "AdversarialGame",
    "AuxiliaryGame",
    "BalancingGame",
    "Batch",
    "BidirectionalGame",
    "ConditionalGame",
    "Game",
    "GameNet",
    "InversionGame",
    "InvertibleAdversarialGame",
    "InvertibleGame",
    "Part",
    "PolarityGame",
    "ReconstructionGame",
    "StackGame",
    "StopTraining",
    "TaskReport",
    "TrainingCheckpoint",
    "TrainingData",
    "draw_latent",
    "latent_distribution",
    "resolve_augmentations",
]
