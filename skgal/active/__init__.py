"""The learner that buys labels, and the oracles that sell them."""

from skgal.active._answers import Answer
from skgal.active._callable_oracle import CallableOracle
from skgal.active._compare import compare_strategies
from skgal.active._comparison import StrategyComparison
from skgal.active._learner import ActiveLearner
from skgal.active._oracles import EstimatorOracle, LabelOracle
from skgal.active._partial_label_kfold import PartialLabelKFold
from skgal.active._record import LabelledSet, Query
from skgal.active._stopping import (
    AllOf,
    AnyOf,
    CostBudget,
    LabelBudget,
    OverallUncertainty,
    StablePredictions,
    StoppingCriterion,
    TargetScore,
    TimeBudget,
)
from skgal.active._store import Event, LabelStore, Record
from skgal.active._voting_oracle import VotingOracle

__all__ = [
    "ActiveLearner",
    "AllOf",
    "Answer",
    "AnyOf",
    "CallableOracle",
    "CostBudget",
    "EstimatorOracle",
    "Event",
    "LabelBudget",
    "LabelOracle",
    "LabelStore",
    "LabelledSet",
    "OverallUncertainty",
    "PartialLabelKFold",
    "Query",
    "Record",
    "StablePredictions",
    "StoppingCriterion",
    "StrategyComparison",
    "TargetScore",
    "TimeBudget",
    "VotingOracle",
    "compare_strategies",
]
