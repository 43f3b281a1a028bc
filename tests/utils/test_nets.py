import skorch
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skgal.utils import nets_in


def test_nets_are_found_however_deep():
    net = skorch.NeuralNetRegressor(torch.nn.Linear)
    for estimator in (
        net,
        FrozenEstimator(net),
        make_pipeline(StandardScaler(), net),
        CalibratedClassifierCV(make_pipeline(StandardScaler(), net)),
    ):
        (found,) = nets_in(estimator)
        assert found is net


def test_what_holds_no_net():
    for estimator in (LogisticRegression(), make_pipeline(StandardScaler()), None, "net"):
        assert nets_in(estimator) == []
