"""Classifiers and generators as functions that torch differentiates; search in latent space."""

from skgal.differentiable._forms import (
    UserProba,
    UserSamples,
    differentiable,
    register_differentiable,
)
from skgal.differentiable._search import (
    boundary_proximity,
    evolve_latent,
    log_entropy,
    log_entropy_of_decisions,
    odds_proximity,
    search_latent,
)

__all__ = [
    "UserProba",
    "UserSamples",
    "boundary_proximity",
    "differentiable",
    "evolve_latent",
    "log_entropy",
    "log_entropy_of_decisions",
    "odds_proximity",
    "register_differentiable",
    "search_latent",
]
