"""The learner that asks for labels, oracles that give them, and the store that keeps them.

Where to begin reading: ``ActiveLearner.fit`` (``_learner.py``) is the loop; its session
(``_session.py``) has an oracle label what is pending, and reads it back; the store
(``_store.py``) keeps what was asked and answered. What a label may be is in ``utils/_labels.py``,
how a sample is written in ``_samples.py``, how a damaged file is rescued in ``_salvage.py``.
"""

from skgal.active._compare import StrategyComparison, compare_strategies
from skgal.active._kfold import PartialLabelKFold
from skgal.active._learner import ActiveLearner
from skgal.active._oracles import (
    Answer,
    CallableOracle,
    EstimatorOracle,
    LabelOracle,
    VotingOracle,
)
from skgal.active._salvage import salvage_store
from skgal.active._session import LabelledSet, Query
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
    "salvage_store",
]
