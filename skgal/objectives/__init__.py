"""Adversarial losses and Lipschitz penalties, as pure functions of a critic's logits.

The loss and the penalty are independent choices: WGAN-GP is the objective ``"wasserstein"`` with
the penalty ``"gradient_penalty"``, SNGAN the objective ``"hinge"`` with the penalty
``"spectral_norm"``.
"""

from skgal.objectives._evasion import evasion_loss
from skgal.objectives._losses import (
    OBJECTIVES,
    Objective,
    hinge_critic_loss,
    hinge_generator_loss,
    least_squares_critic_loss,
    least_squares_generator_loss,
    nonsaturating_critic_loss,
    nonsaturating_generator_loss,
    resolve_objective,
    wasserstein_critic_loss,
    wasserstein_generator_loss,
)
from skgal.objectives._penalties import (
    PENALTIES,
    ConsistencyTerm,
    GradientPenalty,
    Penalty,
    SpectralNorm,
    WeightClip,
    resolve_penalties,
)
from skgal.objectives._ranking import pairwise_ranking_loss

__all__ = [
    "OBJECTIVES",
    "PENALTIES",
    "ConsistencyTerm",
    "GradientPenalty",
    "Objective",
    "Penalty",
    "SpectralNorm",
    "WeightClip",
    "evasion_loss",
    "hinge_critic_loss",
    "hinge_generator_loss",
    "least_squares_critic_loss",
    "least_squares_generator_loss",
    "nonsaturating_critic_loss",
    "nonsaturating_generator_loss",
    "pairwise_ranking_loss",
    "resolve_objective",
    "resolve_penalties",
    "wasserstein_critic_loss",
    "wasserstein_generator_loss",
]
