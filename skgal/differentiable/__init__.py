"""Classifiers and generators as functions that torch differentiates; search in latent space."""

from skgal.differentiable._differentiable import differentiable, register_differentiable
from skgal.differentiable._latent_evolution import evolve_latent
from skgal.differentiable._latent_search import search_latent
from skgal.differentiable._scores import (
    boundary_proximity,
    log_entropy,
    log_entropy_of_decisions,
    odds_proximity,
)
from skgal.differentiable._user_samples import UserProba, UserSamples

# These two register the forms that `differentiable` knows from the start.
from skgal.differentiable import _differentiable_nets, _differentiable_sklearn  # noqa: F401  isort: skip

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
