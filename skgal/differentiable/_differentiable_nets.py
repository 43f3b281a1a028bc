"""The differentiable form of skorch classifiers."""

from skorch import NeuralNet, NeuralNetBinaryClassifier, NeuralNetClassifier
from torch import nn

from skgal.differentiable._differentiable import register_differentiable


class SkorchProba(nn.Module):
    """What ``predict_proba`` of a skorch classifier computes, as a function of tensors.

    Parameters
    ----------
    net : skorch.NeuralNet
        A fitted net. Its weights are shared, and stay on its device.
    """

    def __init__(self, net):
        super().__init__()
        self._net = (net,)  # a tuple: whoever moves this module must not move the net
        self._nonlinearity = net._get_predict_nonlinearity()
        floating = (p.dtype for p in net.module_.parameters() if p.is_floating_point())
        self._dtype = next(floating, None)

    def forward(self, x):
        """Map samples (n, ...) to probabilities (n, n_classes), on the device of ``x``."""
        (net,) = self._net
        net.module_.eval()
        output = net.infer(x if self._dtype is None else x.to(self._dtype))
        output = output[0] if isinstance(output, tuple) else output
        return self._nonlinearity(output).to(x.device)


# skorch's classifiers define predict_proba anew, for the docstring alone.
for _cls in (NeuralNet, NeuralNetClassifier, NeuralNetBinaryClassifier):
    register_differentiable(_cls, "predict_proba")(SkorchProba)
