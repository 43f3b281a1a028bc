import pytest
import torch
from torch import nn

from skgal.training import GameNet


def weights_of(module):
    """All weights of a module, as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


@pytest.fixture(name="weights", scope="session")
def _weights():
    return weights_of


@pytest.fixture(name="descend", scope="session")
def _descend():
    def descend(modules, loss, rate=0.1):
        """Make a step by the gradient of torch.autograd alone; weights out of the loss stay."""
        parameters = list(nn.ModuleList(modules).parameters())
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if gradient is not None:
                    parameter -= rate * gradient

    return descend


@pytest.fixture(name="make_net", scope="session")
def _make_net():
    def make_net(game, arguments, **settings):
        """A net that plays a game by plain gradient descent."""
        defaults = {"max_iter": 3, "seed": 0, "batch_size": 5, "lr": 0.1}
        arguments = {f"module__{name}": value for name, value in arguments.items()}
        return GameNet(game, **{"optimizer": torch.optim.SGD} | defaults | settings, **arguments)

    return make_net
