"""The page on which a person labels; what it needs is in the extra ``annotation``."""

from skgal.annotation._oracle import HumanOracle

__all__ = ["HumanOracle"]
