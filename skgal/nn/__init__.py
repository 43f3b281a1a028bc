"""Networks: generators, critics and encoders that fit any shape of sample.

An `Architecture` is a recipe that builds the three networks for a shape; the networks map tensors
to tensors and know nothing of losses or training.
"""

from skgal.nn._apply import BLOCK_SIZE, apply_network
from skgal.nn._architecture import Architecture, Critic
from skgal.nn._attention import SelfAttention
from skgal.nn._biggan import BigGAN
from skgal.nn._class_norm import ConditionalBatchNorm2d
from skgal.nn._classifier import ConvClassifier, make_classifier
from skgal.nn._conditional_critic import (
    AuxiliaryCritic,
    ConcatenationCritic,
    ConditionalCritic,
    GivenClasses,
    ProjectionCritic,
)
from skgal.nn._conditioning import (
    CONDITIONINGS,
    Concatenation,
    Conditioning,
    Projection,
    resolve_conditioning,
)
from skgal.nn._dcgan import DCGAN
from skgal.nn._dense import Dense
from skgal.nn._device import resolve_device
from skgal.nn._dropout import Dropout
from skgal.nn._dropout_classifier import DropoutMLP, ResNet, make_dropout_classifier
from skgal.nn._fake_class import ClassLatents, FakeClassCritic, copy_weights
from skgal.nn._hull import HullGenerator, mix
from skgal.nn._joint_critic import JointCritic, join
from skgal.nn._loss_prediction import LossPrediction
from skgal.nn._minibatch import MinibatchCritic, MinibatchDiscrimination
from skgal.nn._one_hot import ClassInput, append_classes, one_hot
from skgal.nn._registry import ARCHITECTURES, resolve_architecture
from skgal.nn._residual import Residual
from skgal.nn._seeding import float32_default, torch_generator
from skgal.nn._stack import StackCritic, StackGenerator, stage_shapes
from skgal.nn._stochastic import Stochastic, set_rng
from skgal.nn._table import TableGenerator

__all__ = [
    "ARCHITECTURES",
    "BLOCK_SIZE",
    "CONDITIONINGS",
    "DCGAN",
    "Architecture",
    "AuxiliaryCritic",
    "BigGAN",
    "ClassInput",
    "ClassLatents",
    "Concatenation",
    "ConcatenationCritic",
    "ConditionalBatchNorm2d",
    "ConditionalCritic",
    "Conditioning",
    "ConvClassifier",
    "Critic",
    "Dense",
    "Dropout",
    "DropoutMLP",
    "FakeClassCritic",
    "GivenClasses",
    "HullGenerator",
    "JointCritic",
    "LossPrediction",
    "MinibatchCritic",
    "MinibatchDiscrimination",
    "Projection",
    "ProjectionCritic",
    "ResNet",
    "Residual",
    "SelfAttention",
    "StackCritic",
    "StackGenerator",
    "Stochastic",
    "TableGenerator",
    "append_classes",
    "apply_network",
    "copy_weights",
    "float32_default",
    "join",
    "make_classifier",
    "make_dropout_classifier",
    "mix",
    "one_hot",
    "resolve_architecture",
    "resolve_conditioning",
    "resolve_device",
    "set_rng",
    "stage_shapes",
    "torch_generator",
]
