"""The contracts of generators and query strategies."""

from skgal.base._conditional import ConditionalGenerator
from skgal.base._documented import DocumentedMixin
from skgal.base._generator import BaseGenerator
from skgal.base._strategy import (
    Asked,
    BaseStrategy,
    PoolStrategy,
    Synthesis,
    SynthesisStrategy,
)

__all__ = [
    "Asked",
    "BaseGenerator",
    "BaseStrategy",
    "ConditionalGenerator",
    "DocumentedMixin",
    "PoolStrategy",
    "Synthesis",
    "SynthesisStrategy",
]
