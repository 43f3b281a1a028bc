"""Errors and warnings with names of their own, so that they can be caught."""

from skgal.exceptions._exceptions import NonFiniteLossError, UniformUncertaintyWarning

__all__ = ["NonFiniteLossError", "UniformUncertaintyWarning"]
