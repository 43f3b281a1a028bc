"""The game with an encoder, against a loop written by hand; its critic against its formula."""

from functools import partial

import pytest
import torch
from torch import nn

from skgal.nn import Critic, Dense, JointCritic, pairs, torch_generator
from skgal.objectives import GradientPenalty, resolve_objective
from skgal.training import BidirectionalNet
from skgal.utils import seeded_torch

N, BATCH = 20, 5
DATA = torch.rand(N, 3, generator=torch_generator(5)) * 2 - 1
DENSE = Dense(hidden=(8,))


class Encoder(nn.Module):
    """Without batch normalisation, so that a loop by hand has no statistics to keep."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return torch.tanh(self.linear(x))


def make_net(**kwargs):
    settings = {
        "critic": lambda: JointCritic(DENSE.make_critic((3,)), (3,), 2, hidden=6),
        "encoder": Encoder,
        "objective": resolve_objective("nonsaturating"),
        "latent_dim": 2,
        "max_iter": 3,
        "seed": 0,
        "batch_size": BATCH,
        "ema_decay": None,
        "optimizer": torch.optim.SGD,
        "lr": 0.1,
    }
    return BidirectionalNet(partial(DENSE.make_generator, 2, (3,)), **settings | kwargs)


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def descend(modules, loss):
    """Make a step of size 0.1 by the gradient of torch.autograd alone."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    gradients = torch.autograd.grad(loss, parameters)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter -= 0.1 * gradient


def cross_entropy(codes_logits, latents_logits):
    """What tells (sample, code), the label 1, from (generated sample, latent), the label 0."""
    one, zero = torch.sigmoid(codes_logits), torch.sigmoid(latents_logits)
    return -torch.log(one).mean() - torch.log(1 - zero).mean()


@pytest.mark.parametrize("critic_iter", [1, 2])
def test_updates_equal_a_loop_written_by_hand(critic_iter):
    net = make_net(critic_iter=critic_iter).fit(DATA)
    twin = make_net().initialize()  # the same seed makes the same weights
    generator, encoder, critic = twin.module_, twin.encoder_, twin.critic_
    rng, order_rng = torch_generator(0), torch_generator(0)
    order = torch.cat([torch.randperm(N, generator=order_rng) for _ in range(3)])
    batches = iter(order.split(BATCH))

    def latent():
        return torch.rand(BATCH, 2, generator=rng) * 2 - 1

    def judge(x, z):
        return critic(torch.cat([x, z], dim=1))

    for _ in range(3):
        for _ in range(critic_iter):
            real, z = DATA[next(batches)], latent()
            code, made = encoder(real).detach(), generator(z).detach()
            descend([critic], cross_entropy(judge(real, code), judge(made, z)))
        z, real = latent(), DATA[next(batches)]
        # Generator and encoder play for the labels to be swapped.
        swapped = cross_entropy(judge(generator(z), z), judge(real, encoder(real)))
        descend([generator, encoder], swapped)
    for trained, expected in (
        (net.module_, generator),
        (net.encoder_, encoder),
        (net.critic_, critic),
    ):
        torch.testing.assert_close(weights(trained), weights(expected), atol=1e-6, rtol=1e-5)


def test_each_step_changes_its_own_networks_only():
    net = make_net().initialize()
    net.start(DATA)
    players, critic = weights(net.players), weights(net.critic_)
    net.critic_step(net.batches_.next())
    assert torch.equal(weights(net.players), players)
    assert not torch.equal(weights(net.critic_), critic)
    critic, encoder = weights(net.critic_), weights(net.encoder_)
    net.generator_step()
    assert torch.equal(weights(net.critic_), critic)
    assert not torch.equal(weights(net.encoder_), encoder)


def make_joint_critic():
    with seeded_torch(0):
        body = nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.Tanh())
        return JointCritic(Critic(body, 4), (2, 2, 2), 3, hidden=5).double()


def test_the_joint_critic_is_its_formula():
    critic = make_joint_critic()
    rng = torch_generator(1)
    x = torch.randn(6, 2, 2, 2, generator=rng, dtype=torch.float64)
    z = torch.randn(6, 3, generator=rng, dtype=torch.float64)
    first, meeting = critic.body[1], critic.meeting[0]
    seen = torch.tanh(x.reshape(6, 8) @ first.weight.T + first.bias)
    hidden = torch.cat([seen, z], dim=1) @ meeting.weight.T + meeting.bias
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    torch.testing.assert_close(critic.features(pairs(x, z)), hidden)
    expected = (hidden @ critic.head.weight.T + critic.head.bias)[:, 0]
    torch.testing.assert_close(critic(pairs(x, z)), expected)


def test_a_gradient_penalty_is_that_of_samples_and_latents_at_once():
    critic = make_joint_critic()
    rng = torch_generator(2)
    real, fake = (torch.randn(4, 11, generator=rng, dtype=torch.float64) for _ in range(2))
    loss = GradientPenalty(weight=3.0).loss(critic, real, fake, torch_generator(3))
    position = torch.rand(4, 1, generator=torch_generator(3), dtype=torch.float64)
    between, step = position * real + (1 - position) * fake, 1e-6
    shifts = step * torch.eye(11, dtype=torch.float64)
    with torch.no_grad():
        slopes = [(critic(between + s) - critic(between - s)) / (2 * step) for s in shifts]
    norm = torch.stack(slopes, dim=1).norm(dim=1)
    assert loss.item() == pytest.approx(3 * (norm - 1).square().mean().item(), rel=1e-6)
