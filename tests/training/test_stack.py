"""The games in stages, against a loop written by hand."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch

from skgal.nn import (
    Dense,
    MinibatchCritic,
    StackCritic,
    StackGenerator,
    resolve_conditioning,
    torch_generator,
)
from skgal.objectives import Penalty, resolve_objective, resolve_penalties
from skgal.training import StackNet

N, BATCH, SHAPE = 20, 5, (2, 8, 4)
DATA = torch.rand(N, *SHAPE, generator=torch_generator(5)).numpy() * 2 - 1
LABELS = np.arange(N) % 2 + (np.arange(N) > 17)
RATE = 0.002
SETTINGS = {
    "objective": resolve_objective("wasserstein"),
    "penalties": resolve_penalties("gradient_penalty"),
    "latent_dim": 2,
    "max_iter": 2,
    "seed": 0,
    "batch_size": BATCH,
    "ema_decay": None,
    "optimizer": torch.optim.SGD,
    "lr": RATE,
}
make_generator = partial(StackGenerator, 2, SHAPE, 3, width=2)


def make_critic():
    projection, dense = resolve_conditioning("projection"), Dense(hidden=(8,))
    shapes = [(2, 2, 1), (2, 4, 2), SHAPE]
    return StackCritic(
        [MinibatchCritic(projection.make_critic(dense, shape, 3)) for shape in shapes]
    )


def make_net(**kwargs):
    return StackNet(make_generator, critic=make_critic, **SETTINGS | kwargs)


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def descend(module, loss):
    """Make a step by the gradient of torch.autograd alone; weights out of the loss stay."""
    parameters = list(module.parameters())
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    with torch.no_grad():
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter -= RATE * gradient


def averaged(images, side):
    """Means over squares of pixels, by slices."""
    return sum(images[..., i::side, j::side] for i in range(side) for j in range(side)) / side**2


def gradient_penalty(critic, real, fake, classes, rng):
    position = torch.rand(len(real), 1, 1, 1, generator=rng)
    between = (position * real + (1 - position) * fake).requires_grad_()
    logits = critic(between, classes)
    (gradient,) = torch.autograd.grad(logits.sum(), between, create_graph=True)
    norm = gradient.square().sum(dim=(1, 2, 3)).sqrt()
    return 10 * ((norm - 1) ** 2).mean()


def wasserstein(real, fake):
    return fake.mean() - real.mean(), -fake.mean()


def nonsaturating(real, fake):
    log_real, log_fake = torch.log(torch.sigmoid(real)), torch.log(torch.sigmoid(fake))
    return -log_real.mean() - torch.log(1 - torch.sigmoid(fake)).mean(), -log_fake.mean()


@pytest.mark.parametrize(("game", "critic_iter"), [(wasserstein, 1), (nonsaturating, 2)])
def test_updates_equal_a_loop_written_by_hand(game, critic_iter):
    objective = resolve_objective(game.__name__)
    net = make_net(critic_iter=critic_iter, objective=objective).fit(DATA, LABELS)
    twin = make_net().initialize()  # the same seed makes the same weights
    generator, critics = twin.module_, twin.critic_.stages
    rng, order_rng = torch_generator(0), torch_generator(0)
    order = torch.randperm(N, generator=order_rng)
    rows = iter(order.split(BATCH))
    data, labels = torch.as_tensor(DATA), torch.as_tensor(LABELS)

    def latent():
        return torch.rand(BATCH, 2, generator=rng) * 2 - 1

    for _ in range(2):
        for _ in range(critic_iter):
            batch = next(rows)
            real, classes = data[batch], labels[batch]
            fakes = [fake.detach() for fake in generator.samples(latent(), classes)]
            loss = 0
            for critic, fake, side in zip(critics, fakes, (4, 2, 1), strict=True):
                small = averaged(real, side)
                loss += game(critic(small, classes), critic(fake, classes))[0]
                loss += gradient_penalty(critic, small, fake, classes, rng)
            descend(critics, loss / 3)
        z, classes = latent(), labels[torch.randint(N, (BATCH,), generator=rng)]
        fakes = generator.samples(z, classes)
        logits = [critic(fake, classes) for critic, fake in zip(critics, fakes, strict=True)]
        loss = sum(game(fake, fake)[1] for fake in logits)
        descend(generator, loss / 3)
    torch.testing.assert_close(weights(net.critic_), weights(critics), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(weights(net.module_), weights(generator), atol=1e-5, rtol=1e-4)


class Witness(Penalty):
    """Remember what critics are penalised on."""

    def __init__(self):
        self.seen = []

    def loss(self, critic, real, fake, rng):
        assert critic(real).shape == (BATCH,)
        self.seen.append((tuple(real.shape), tuple(fake.shape)))
        return real.new_tensor(1.0)


def test_penalties_act_at_each_stage():
    witness = Witness()
    net = make_net(penalties=(witness,)).initialize()
    plain = make_net(penalties=()).initialize()
    for one in (net, plain):
        one.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    with_penalty, without = (one.critic_step(one.batches_.next()) for one in (net, plain))
    shapes = [(BATCH, 2, 2, 1), (BATCH, 2, 4, 2), (BATCH, *SHAPE)]
    assert witness.seen == [(shape, shape) for shape in shapes]
    assert with_penalty - without == pytest.approx(1, abs=1e-5)  # the mean over the stages


def test_each_step_changes_its_own_networks_only():
    net = make_net().initialize()
    net.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    generator, critics = weights(net.module_), [weights(one) for one in net.critic_.stages]
    net.critic_step(net.batches_.next())
    assert torch.equal(weights(net.module_), generator)
    for critic, before in zip(net.critic_.stages, critics, strict=True):
        assert not torch.equal(weights(critic), before)
    critics = weights(net.critic_)
    before = [weights(part) for part in (*net.module_.stages, *net.module_.outputs)]
    net.generator_step()
    assert torch.equal(weights(net.critic_), critics)
    for part, old in zip((*net.module_.stages, *net.module_.outputs), before, strict=True):
        assert not torch.equal(weights(part), old)


def test_augmentation_is_drawn_at_each_stage():
    def add_a_draw(images, rng):
        draws.append(torch.rand((), generator=rng))
        return images + draws[-1]

    draws = []
    net = make_net(augmentations=(add_a_draw,)).initialize()
    net.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    net.train_step()
    assert len(draws) == len(set(map(float, draws))) == 9  # real, fake, and the generator's


@pytest.mark.parametrize("size", [(7, 5), (8, 8)])
def test_real_images_keep_their_mean_at_every_resolution(size):
    net = StackNet(
        partial(StackGenerator, 2, (1, *size), 3, width=1), critic=make_critic, **SETTINGS
    ).initialize()
    constant = torch.full((2, 1, *size), 0.25)
    for stage, shape in zip(net.at_each_stage(constant), net.module_.shapes, strict=True):
        torch.testing.assert_close(stage, torch.full((2, *shape), 0.25))
    assert net.at_each_stage(constant)[-1] is constant


def test_pickle_carries_on_from_the_same_state():
    penalties = resolve_penalties(["gradient_penalty", "spectral_norm"])
    net = make_net(ema_decay=0.9, penalties=penalties).fit(DATA, LABELS)
    twin = pickle.loads(pickle.dumps(net))
    for trained in (net, twin):
        trained.partial_fit(DATA, LABELS)
    assert torch.equal(weights(net.module_), weights(twin.module_))
    assert torch.equal(weights(net.critic_), weights(twin.critic_))
