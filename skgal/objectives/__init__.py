"""Adversarial losses and what keeps a critic smooth, as functions of critics and their logits.

The loss and the penalty are independent choices: WGAN-GP is the objective ``"wasserstein"`` with
the penalty ``"gradient_penalty"``, SNGAN the objective ``"hinge"`` with the penalty
``"spectral_norm"``. Both are scikit-learn estimators: they have parameters, and can be searched.
"""

from skgal.objectives._losses import (
    OBJECTIVES,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    Relativistic,
    Wasserstein,
    evasion_loss,
    pairwise_ranking_loss,
    resolve_objective,
)
from skgal.objectives._penalties import (
    PENALTIES,
    ConsistencyTerm,
    GradientPenalty,
    LazyPenalty,
    Penalty,
    SpectralNorm,
    WeightClip,
    resolve_penalties,
)

__all__ = [
    "OBJECTIVES",
    "PENALTIES",
    "ConsistencyTerm",
    "GradientPenalty",
    "Hinge",
    "LazyPenalty",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Objective",
    "Penalty",
    "Relativistic",
    "SpectralNorm",
    "Wasserstein",
    "WeightClip",
    "evasion_loss",
    "pairwise_ranking_loss",
    "resolve_objective",
    "resolve_penalties",
]
