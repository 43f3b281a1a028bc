"""The training of autoencoders and of encoders, against loops written by hand."""

from functools import partial

import torch
from torch import nn

from skgal.nn import torch_generator
from skgal.training import InversionNet, ReconstructionNet
from skgal.utils import seeded_torch

N, BATCH = 12, 4
DATA = torch.rand(N, 3, generator=torch_generator(5)) * 2 - 1
SETTINGS = {"seed": 0, "batch_size": BATCH, "optimizer": torch.optim.SGD, "lr": 0.1}


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def descend(modules, loss, rate):
    parameters = [parameter for module in modules for parameter in module.parameters()]
    gradients = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= rate * gradient


def test_reconstruction_is_gradient_descent_on_the_mean_squared_error():
    def make_net():
        return ReconstructionNet(
            partial(nn.Linear, 3, 2), decoder=partial(nn.Linear, 2, 3), max_iter=5, **SETTINGS
        )

    net, twin = make_net().fit(DATA), make_net().initialize()
    encoder, decoder = twin.module_, twin.decoder_
    rng = torch_generator(0)
    rows = torch.cat([torch.randperm(N, generator=rng) for _ in range(2)]).split(BATCH)
    for batch in rows[:5]:
        samples = DATA[batch]
        error = decoder(encoder(samples)) - samples
        descend([encoder, decoder], (error**2).sum() / error.numel(), rate=0.1)
    torch.testing.assert_close(weights(net.module_), weights(encoder))
    torch.testing.assert_close(weights(net.decoder_), weights(decoder))


def test_inversion_is_gradient_descent_on_equation_5_of_aisel():
    with seeded_torch(3):
        generator = nn.Linear(2, 6).requires_grad_(False).eval()
    rates = []

    class Watched(torch.optim.SGD):
        def step(self, closure=None):
            rates.append(self.param_groups[0]["lr"])
            return super().step(closure)

    def make_net():
        return InversionNet(
            partial(nn.Linear, 6, 2), latent_dim=2, max_iter=8, **SETTINGS | {"optimizer": Watched}
        )

    net, encoder = make_net().invert(generator), make_net().initialize().module_
    rng = torch_generator(0)
    for rate in rates[:8]:
        latent = torch.rand(BATCH, 2, generator=rng) * 2 - 1
        error = encoder(generator(latent)) - latent
        descend([encoder], (error**2).sum() / error.numel(), rate)
    torch.testing.assert_close(weights(net.module_), weights(encoder))
    # One cycle: up to the rate that was asked for, and down to next to nothing.
    top = rates.index(max(rates))
    assert rates[top] <= 0.1 + 1e-9
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] < 1e-3
