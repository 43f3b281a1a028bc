"""The games with classes: each against a loop written by hand."""

import copy
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from skgal.nn import AuxiliaryCritic, BigGAN, Dense, resolve_conditioning, torch_generator
from skgal.objectives import PENALTIES, resolve_objective, resolve_penalties
from skgal.training import AuxiliaryNet, ConditionalNet, LabelledBatches

N, BATCH = 20, 5
DATA = torch.rand(N, 3, generator=torch_generator(5)).numpy() * 2 - 1
LABELS = np.arange(N) % 2 + (np.arange(N) > 17)
DENSE = Dense(hidden=(8,))
SETTINGS = {
    "objective": resolve_objective("nonsaturating"),
    "latent_dim": 2,
    "max_iter": 4,
    "seed": 0,
    "batch_size": BATCH,
    "ema_decay": None,
    "optimizer": torch.optim.SGD,
    "lr": 0.1,
}
make_generator = partial(DENSE.make_conditional_generator, 2, (3,), 3)


def make_conditional(conditioning="projection", **kwargs):
    critic = partial(resolve_conditioning(conditioning).make_critic, DENSE, (3,), 3)
    return ConditionalNet(make_generator, critic=critic, **SETTINGS | kwargs)


def make_auxiliary_critic():
    return AuxiliaryCritic(DENSE.make_critic((3,)), 3)


def make_auxiliary(**kwargs):
    return AuxiliaryNet(make_generator, critic=make_auxiliary_critic, **SETTINGS | kwargs)


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def descend(module, loss):
    """Make a step of size 0.1 by the gradient of torch.autograd alone."""
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter -= 0.1 * gradient


class ByHand:
    """The draws of a net, made again outside it."""

    def __init__(self, net):
        net.initialize()  # the same seed makes the same weights
        self.generator, self.critic = net.module_, net.critic_
        self.rng = torch_generator(0)
        order_rng = torch_generator(0)
        order = torch.cat([torch.randperm(N, generator=order_rng) for _ in range(3)])
        self.rows = iter(order.split(BATCH))
        self.data, self.labels = torch.as_tensor(DATA), torch.as_tensor(LABELS)

    def batch(self):
        rows = next(self.rows)
        return self.data[rows], self.labels[rows]

    def latent(self, n=BATCH):
        return torch.rand(n, 2, generator=self.rng) * 2 - 1

    def classes(self, n=BATCH):
        return self.labels[torch.randint(N, (n,), generator=self.rng)]


def real_is_real(logits):
    return -nn.functional.logsigmoid(logits).mean()


def fake_is_fake(logits):
    return -torch.log(1 - torch.sigmoid(logits)).mean()


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_conditional_updates_equal_a_loop_written_by_hand(conditioning):
    net = make_conditional(conditioning, max_iter=3, critic_iter=2).fit(DATA, LABELS)
    hand = ByHand(make_conditional(conditioning))
    generator, critic = hand.generator, hand.critic
    for _ in range(3):
        for _ in range(2):
            real, classes = hand.batch()
            fake = generator(hand.latent(), classes).detach()
            loss = real_is_real(critic(real, classes)) + fake_is_fake(critic(fake, classes))
            descend(critic, loss)
        latent, classes = hand.latent(), hand.classes()
        descend(generator, real_is_real(critic(generator(latent, classes), classes)))
    assert torch.allclose(weights(net.critic_), weights(critic), atol=1e-6)
    assert torch.allclose(weights(net.module_), weights(generator), atol=1e-6)


@pytest.mark.parametrize("gamma", [1, 4])
@pytest.mark.parametrize("critic_iter", [1, 2])
def test_auxiliary_updates_are_equations_1_to_5_of_alcg(gamma, critic_iter):
    net = make_auxiliary(
        max_iter=3, classifier_weight=0.7, adversarial_sampling=gamma, critic_iter=critic_iter
    ).fit(DATA, LABELS)
    hand = ByHand(make_auxiliary())
    generator, critic = hand.generator, hand.critic

    def log_likelihood(samples, classes):
        probability = torch.softmax(critic.classifier(critic.features(samples)), dim=1)
        return torch.log(probability[torch.arange(len(classes)), classes]).mean()

    for _ in range(3):
        for _ in range(critic_iter):
            real, real_classes = hand.batch()
            latent, classes = hand.latent(gamma * BATCH), hand.classes(gamma * BATCH)
            fake = generator(latent, classes).detach()
            if gamma > 1:  # section 3.4
                best = torch.argsort(critic(fake), descending=True)[:BATCH]
                fake, latent, classes = fake[best], latent[best], classes[best]
            adversarial = real_is_real(critic(real)) + fake_is_fake(critic(fake))
            descend(critic, adversarial - 0.7 * log_likelihood(real, real_classes))
        fake = generator(latent, classes)
        descend(generator, real_is_real(critic(fake)) - 0.7 * log_likelihood(fake, classes))
    assert torch.allclose(weights(net.critic_), weights(critic), atol=1e-6)
    assert torch.allclose(weights(net.module_), weights(generator), atol=1e-6)


@pytest.mark.parametrize("make_net", [make_conditional, make_auxiliary])
def test_each_step_changes_its_own_network_only(make_net):
    net = make_net().initialize()
    net.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    generator, critic = weights(net.module_), weights(net.critic_)
    net.critic_step(net.batches_.next())
    assert torch.equal(weights(net.module_), generator)
    assert not torch.equal(weights(net.critic_), critic)
    critic = weights(net.critic_)
    net.generator_step()
    assert torch.equal(weights(net.critic_), critic)
    assert not torch.equal(weights(net.module_), generator)


def test_chosen_candidates_look_more_real():
    net = make_auxiliary(adversarial_sampling=4).initialize()
    net.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    rng = copy.deepcopy(net.rng_.get_state())
    with torch.no_grad():
        chosen = net.critic_(net.choose_fake())
        net.rng_.set_state(rng)
        latent, labels = net.draw_latent(20), net.draw_labels(20)
        candidates = net.critic_(net.module_(latent, labels))
    assert torch.equal(chosen, candidates.sort(descending=True).values[:5])


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("net_class", [ConditionalNet, AuxiliaryNet])
def test_every_penalty_joins_the_game(net_class, penalty):
    penalties = resolve_penalties(penalty)
    dropout = penalties[0].critic_dropout

    def make_critic():
        if net_class is AuxiliaryNet:
            return AuxiliaryCritic(DENSE.make_critic((3,), dropout=dropout), 3)
        return resolve_conditioning("projection").make_critic(DENSE, (3,), 3, dropout=dropout)

    net = net_class(make_generator, critic=make_critic, penalties=penalties, **SETTINGS)
    net.fit(DATA, LABELS)
    assert np.isfinite(net.history[-1, "critic_loss"])
    plain = net_class(make_generator, critic=make_critic, **SETTINGS).fit(DATA, LABELS)
    assert not torch.equal(weights(net.module_), weights(plain.module_))


def test_penalties_leave_the_auxiliary_classifier_alone():
    net = make_auxiliary(penalties=resolve_penalties("weight_clip")).fit(DATA, LABELS)
    assert weights(net.critic_.source).abs().max() <= 0.01
    assert weights(net.critic_.classifier).abs().max() > 0.01
    net = make_auxiliary(penalties=resolve_penalties("spectral_norm")).initialize()
    assert hasattr(net.critic_.source.head, "parametrizations")
    assert not hasattr(net.critic_.classifier, "parametrizations")


@pytest.mark.parametrize("make_net", [make_conditional, make_auxiliary])
def test_pickle_carries_on_from_the_same_state(make_net):
    net = make_net(ema_decay=0.9).fit(DATA, LABELS)
    twin = pickle.loads(pickle.dumps(net))
    for trained in (net, twin):
        trained.partial_fit(DATA, LABELS)
    assert torch.equal(weights(net.module_), weights(twin.module_))
    assert torch.equal(weights(net.critic_), weights(twin.critic_))


def test_labels_stay_with_their_rows_and_are_drawn_as_often_as_they_occur():
    rows = torch.arange(10)
    batches = LabelledBatches(rows, 100 - rows, 4, torch_generator(0))
    for _ in range(6):
        samples, labels = batches.next()
        assert torch.equal(labels, 100 - samples)
    net = make_conditional().initialize()
    net.start(torch.as_tensor(DATA), torch.as_tensor(LABELS))
    share = torch.bincount(net.draw_labels(20_000)) / 20_000
    assert torch.allclose(share.double(), torch.as_tensor(np.bincount(LABELS) / N), atol=0.01)


def test_three_updates_of_biggan_at_the_size_of_cifar():
    architecture = BigGAN(width=4)
    images = torch.rand(12, 3, 32, 32, generator=torch_generator(1)) * 2 - 1
    conditioning = resolve_conditioning("projection")
    net = ConditionalNet(
        partial(architecture.make_conditional_generator, 8, (3, 32, 32), 3),
        critic=partial(conditioning.make_critic, architecture, (3, 32, 32), 3),
        penalties=resolve_penalties("spectral_norm"),
        **SETTINGS
        | {
            "objective": resolve_objective("hinge"),
            "max_iter": 3,
            "latent_dim": 8,
            "ema_decay": 0.9,
            "optimizer": torch.optim.Adam,
            "lr": 2e-4,
        },
    ).fit(images.numpy(), np.arange(12) % 3)
    assert np.isfinite(net.history[-1, "generator_loss"])
    assert all(torch.isfinite(tensor).all() for tensor in net.ema_.state_dict().values())
    statistics = net.ema_.blocks[0].norm1.norm
    assert statistics.num_batches_tracked == 20  # settled for the averaged weights
    assert net.ema_.blocks[1].attention.gamma != 0
