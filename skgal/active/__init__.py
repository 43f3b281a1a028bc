"""The learner that buys labels, and the oracles that sell them."""

from skgal.active._learner import ActiveLearner
from skgal.active._oracles import EstimatorOracle, LabelOracle
from skgal.active._record import LabelledSet, Query

__all__ = ["ActiveLearner", "EstimatorOracle", "LabelOracle", "LabelledSet", "Query"]
