"""Networks: generators, critics and encoders that fit any shape of sample.

An `Architecture` is a recipe that builds the three networks for a shape; the networks map tensors
to tensors and know nothing of losses or training.
"""

from skgal.nn._architecture import Architecture, ClassInput, Critic, append_classes
from skgal.nn._bagan import ClassLatents, FakeClassCritic, copy_weights
from skgal.nn._biggan import BigGAN, ConditionalBatchNorm2d, SelfAttention
from skgal.nn._classifiers import (
    ConvClassifier,
    DropoutMLP,
    LossPrediction,
    ResNet,
    make_classifier,
    make_dropout_classifier,
)
from skgal.nn._critics import (
    CONDITIONINGS,
    AuxiliaryCritic,
    Concatenation,
    ConcatenationCritic,
    ConditionalCritic,
    Conditioning,
    GivenClasses,
    JointCritic,
    MinibatchCritic,
    MinibatchDiscrimination,
    Projection,
    ProjectionCritic,
    join,
    resolve_conditioning,
)
from skgal.nn._dcgan import DCGAN, ResizeConvolution
from skgal.nn._dense import Dense
from skgal.nn._device import (
    BLOCK_SIZE,
    apply_network,
    resolve_device,
    torch_defaults,
    torch_generator,
)
from skgal.nn._hull import HullGenerator, mix
from skgal.nn._r3gan import R3GAN
from skgal.nn._registry import ARCHITECTURES, resolve_architecture
from skgal.nn._residual import Residual
from skgal.nn._stack import StackCritic, StackGenerator, stage_shapes
from skgal.nn._stochastic import Dropout, Stochastic, TableGenerator, set_rng

__all__ = [
    "ARCHITECTURES",
    "BLOCK_SIZE",
    "CONDITIONINGS",
    "DCGAN",
    "R3GAN",
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
    "ResizeConvolution",
    "SelfAttention",
    "StackCritic",
    "StackGenerator",
    "Stochastic",
    "TableGenerator",
    "append_classes",
    "apply_network",
    "copy_weights",
    "join",
    "make_classifier",
    "make_dropout_classifier",
    "mix",
    "resolve_architecture",
    "resolve_conditioning",
    "resolve_device",
    "set_rng",
    "stage_shapes",
    "torch_defaults",
    "torch_generator",
]
