"""The game of Polarity-GAN: against a loop written by hand, and its parts against closed forms."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skgal.nn import Dense, HullGenerator, make_classifier, resolve_conditioning, torch_generator
from skgal.objectives import PENALTIES, evasion_loss, resolve_objective, resolve_penalties
from skgal.training import PolarityNet
from skgal.training._class_members import ClassMembers

N, BATCH = 20, 6
DATA = torch.rand(N, 3, generator=torch_generator(5)) * 2 - 1
LABELS = torch.tensor([0] * 11 + [1] * 6 + [2] * 3)
CODES = torch.randn(N, 2, generator=torch_generator(6))
DENSE = Dense(hidden=(8,))
SETTINGS = {
    "objective": resolve_objective("wasserstein"),
    "latent_dim": 2,
    "latent": "normal",
    "max_iter": 3,
    "seed": 0,
    "batch_size": BATCH,
    "ema_decay": None,
    "optimizer": torch.optim.SGD,
    "lr": 0.1,
}


def make_net(seen=3, **kwargs):
    net = PolarityNet(
        partial(HullGenerator, 2, (3,), [11, 6, 3], hidden=5),
        critic=partial(resolve_conditioning("projection").make_critic, DENSE, (seen,), 3),
        classifier=partial(make_classifier, DENSE, (seen,), 3),
        **SETTINGS | kwargs,
    ).initialize()
    net.place(DATA, CODES)
    return net


def fit(net):
    return net.partial_fit(DATA.numpy(), LABELS.numpy())


def weights(module):
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def descend(module, loss):
    """Make a step of size 0.1 by the gradient of torch.autograd alone."""
    gradients = torch.autograd.grad(loss, list(module.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter -= 0.1 * gradient


def log_likelihood(classifier, samples, labels):
    probability = torch.softmax(classifier(samples), dim=1)
    return torch.log(probability[torch.arange(len(labels)), labels]).mean()


@pytest.mark.parametrize("pull", [0.0, 0.7])
@pytest.mark.parametrize("with_extractor", [False, True])
def test_updates_are_algorithm_1(pull, with_extractor):
    extractor = partial(nn.Linear, 3, 4) if with_extractor else None
    make = partial(
        make_net,
        seen=4 if with_extractor else 3,
        extractor=extractor,
        extractor_interval=2,
        classifier_weight=pull,
        critic_iter=2,
    )
    net, hand = fit(make()), make()
    generator, critic, classifier = hand.module_, hand.critic_, hand.classifier_
    features = hand.extractor_
    rng, order_rng = torch_generator(0), torch_generator(0)
    order = torch.cat([torch.randperm(N, generator=order_rng) for _ in range(4)])
    batches = iter(order.split(BATCH))
    lack = torch.tensor([0.0, 5.0, 8.0])  # 11 - 11, 11 - 6, 11 - 3

    def fake(labels):
        z = torch.randn(BATCH, 2, generator=rng)
        weights, members = generator.weights(z, labels)
        return torch.einsum("nk,nkd->nd", weights, features(DATA).detach()[members])

    for update in range(3):
        if with_extractor and update % 2 == 0:  # line 2
            rows = next(batches)
            descend(features, -log_likelihood(classifier, features(DATA[rows]), LABELS[rows]))
        for _ in range(2):  # lines 4 to 7, equation (5)
            labels = torch.multinomial(lack, BATCH, replacement=True, generator=rng)
            made = fake(labels).detach()
            u = torch.rand(BATCH, generator=rng, dtype=torch.float64)
            rows = [
                torch.where(label == LABELS)[0][int(position * (label == LABELS).sum())]
                for label, position in zip(labels, u, strict=True)
            ]
            real = features(DATA[torch.stack(rows)]).detach()
            descend(critic, critic(made, labels).mean() - critic(real, labels).mean())
        rows = next(batches)
        real = features(DATA[rows]).detach()
        gain = log_likelihood(classifier, real, LABELS[rows])
        descend(classifier, -gain - log_likelihood(classifier, made, labels))
        # Lines 8 to 11.
        labels = torch.multinomial(
            torch.tensor([0.0, 1.0, 1.0]), BATCH, replacement=True, generator=rng
        )
        made = fake(labels)
        unlike = torch.softmax(classifier(made), dim=1)[torch.arange(BATCH), labels]
        descend(generator, -critic(made, labels).mean() - pull * torch.log(1 - unlike).mean())
    for trained, expected in [
        (net.module_, generator),
        (net.critic_, critic),
        (net.classifier_, classifier),
        (net.extractor_, features),
    ]:
        if list(expected.parameters()):
            assert torch.allclose(weights(trained), weights(expected), atol=1e-5)


def test_each_step_changes_its_own_network_only():
    net = make_net(seen=4, extractor=partial(nn.Linear, 3, 4))
    net.start(DATA, LABELS)
    names = ["module_", "critic_", "classifier_", "extractor_"]
    steps = {
        "critic_": lambda: net.critic_step(*net.draw_rare()),
        "classifier_": lambda: net.classifier_step(net.batches_.next(), *net.draw_rare()),
        "module_": net.generator_step,
        "extractor_": lambda: net.extractor_step(net.batches_.next()),
    }
    for changed, step in steps.items():
        before = {name: weights(getattr(net, name)) for name in names}
        step()
        for name in names:
            is_same = torch.equal(weights(getattr(net, name)), before[name])
            assert is_same == (name != changed)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_joins_the_game(penalty):
    penalties = resolve_penalties(penalty)
    dropout = penalties[0].critic_dropout
    critic = partial(
        resolve_conditioning("projection").make_critic, DENSE, (3,), 3, dropout=dropout
    )
    net = PolarityNet(
        partial(HullGenerator, 2, (3,), [11, 6, 3]),
        critic=critic,
        classifier=partial(make_classifier, DENSE, (3,), 3),
        penalties=penalties,
        **SETTINGS,
    ).initialize()
    net.place(DATA, CODES)
    assert np.isfinite(fit(net).history[-1, "critic_loss"])


def test_frozen_layers_of_an_extractor_stay():
    def make_extractor():
        layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 4))
        layers[0].requires_grad_(False)
        return layers

    net = make_net(seen=4, extractor=make_extractor)
    first, last = weights(net.extractor_[0]), weights(net.extractor_[2])
    fit(net)
    assert torch.equal(weights(net.extractor_[0]), first)
    assert not torch.equal(weights(net.extractor_[2]), last)

    def make_frozen():
        return make_extractor().requires_grad_(False)

    net = make_net(seen=4, extractor=make_frozen)
    before = weights(net.extractor_)
    assert torch.equal(weights(fit(net).extractor_), before)


def test_pickle_carries_on_from_the_same_state():
    net = fit(make_net(ema_decay=0.9, seen=4, extractor=partial(nn.Linear, 3, 4)))
    twin = pickle.loads(pickle.dumps(net))
    fit(net), fit(twin)
    for name in ("module_", "ema_", "critic_", "classifier_", "extractor_"):
        assert torch.equal(weights(getattr(net, name)), weights(getattr(twin, name)))


def test_averaging_leaves_the_anchors_alone():
    net = fit(make_net(ema_decay=0.9, max_iter=20))
    assert torch.equal(net.ema_.anchors, DATA)
    assert not torch.equal(weights(net.ema_), weights(net.module_))


logits = st.lists(st.floats(-30, 30), min_size=2, max_size=5)


@given(logits, st.integers(0, 4))
def test_the_evasion_loss_is_its_closed_form(row, label):
    label %= len(row)
    exact = np.exp(np.longdouble(row))
    expected = -np.log(np.delete(exact, label).sum() / exact.sum())
    found = evasion_loss(torch.tensor([row], dtype=torch.float64), torch.tensor([label]))
    np.testing.assert_allclose(found.item(), float(expected), rtol=1e-9, atol=1e-15)


def test_the_evasion_loss_pulls_while_the_classifier_is_sure():
    def pull(margin):
        row = torch.tensor([[margin, 0.0]], requires_grad=True)
        (gradient,) = torch.autograd.grad(evasion_loss(row, torch.tensor([0])), row)
        return gradient[0, 0].item()

    assert pull(20.0) == pytest.approx(1)
    assert pull(-20.0) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("counts", [[5, 3, 1], [4, 4, 4], [6, 0, 2], [7], [3, 9, 9]])
def test_classes_are_drawn_by_what_they_lack(counts):
    labels = torch.cat([torch.full((n,), label) for label, n in enumerate(counts)])
    labels = labels[torch.randperm(len(labels), generator=torch_generator(1))]
    members = ClassMembers(labels.clone(), labels, len(counts))
    lack = np.where(np.array(counts) > 0, max(counts) - np.array(counts), 0)
    if not lack.any():
        lack = np.array(counts)
    rare = members.draw_rare(20_000, torch_generator(0))
    share = np.bincount(rare, minlength=len(counts)) / 20_000
    np.testing.assert_allclose(share, lack / lack.sum(), atol=0.015)
    even = members.draw_evenly(20_000, torch_generator(0))
    share = np.bincount(even, minlength=len(counts)) / 20_000
    np.testing.assert_allclose(share, (lack > 0) / (lack > 0).sum(), atol=0.015)
    assert torch.equal(members.draw(rare, torch_generator(0)), rare)


def test_rows_of_a_class_are_drawn_evenly():
    members = ClassMembers(torch.arange(7), torch.tensor([1, 0, 1, 1, 0, 1, 1]), 2)
    rows = members.draw(torch.ones(20_000, dtype=torch.long), torch_generator(0))
    share = torch.bincount(rows, minlength=7) / 20_000
    np.testing.assert_allclose(share, [0.2, 0, 0.2, 0.2, 0, 0.2, 0.2], atol=0.01)
