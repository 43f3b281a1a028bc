"""Errors and warnings with names of their own, so that they can be caught."""

from skgal.exceptions._exceptions import (
    CriticWonWarning,
    FewSamplesWarning,
    GateLeakWarning,
    ModeCollapseWarning,
    NonFiniteLossError,
    NotDifferentiableError,
    PoorSamplesWarning,
    SingleSampleClassWarning,
    UniformUncertaintyWarning,
    UselessSamplesWarning,
)
from skgal.exceptions._store import (
    LabelError,
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreInUseError,
    StoreMismatchError,
    StoreMissingError,
    StoreReadOnlyError,
    StoreVersionError,
)

__all__ = [
    "CriticWonWarning",
    "FewSamplesWarning",
    "GateLeakWarning",
    "LabelError",
    "ModeCollapseWarning",
    "NonFiniteLossError",
    "NotDifferentiableError",
    "PoorSamplesWarning",
    "SingleSampleClassWarning",
    "StoreCorruptError",
    "StoreError",
    "StoreFullError",
    "StoreInUseError",
    "StoreMismatchError",
    "StoreMissingError",
    "StoreReadOnlyError",
    "StoreVersionError",
    "UniformUncertaintyWarning",
    "UselessSamplesWarning",
]
