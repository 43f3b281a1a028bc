"""Every game against a loop written by hand; losses against their equations."""

import copy
import pickle
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from skgal.nn import (
    AuxiliaryCritic,
    BigGAN,
    ClassLatents,
    Critic,
    Dense,
    FakeClassCritic,
    HullGenerator,
    JointCritic,
    MinibatchCritic,
    StackCritic,
    StackGenerator,
    join,
    make_classifier,
    resolve_conditioning,
    torch_generator,
)
from skgal.objectives import (
    PENALTIES,
    GradientPenalty,
    Penalty,
    evasion_loss,
    resolve_objective,
    resolve_penalties,
)
from skgal.training import (
    AdversarialGame,
    AuxiliaryGame,
    BalancingGame,
    BidirectionalGame,
    ConditionalGame,
    InversionGame,
    PolarityGame,
    ReconstructionGame,
    StackGame,
    TrainingData,
)
from skgal.utils import seeded_torch

N, BATCH, SHAPE = 20, 5, (2, 8, 4)
DATA = torch.rand(N, 3, generator=torch_generator(5)) * 2 - 1
IMAGES = torch.rand(N, *SHAPE, generator=torch_generator(5)) * 2 - 1
LABELS = torch.tensor([0] * 11 + [1] * 6 + [2] * 3)[torch.randperm(N, generator=torch_generator(6))]
CODES = torch.randn(N, 2, generator=torch_generator(7))
DENSE = Dense(hidden=(8,))
projection = resolve_conditioning("projection")


class Encoder(nn.Module):
    """Without batch normalisation, so that a loop by hand has no statistics to keep."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return torch.tanh(self.linear(x))


# Functions of this module, not lambdas: nets are pickled with what makes their networks.


def make_auxiliary_critic():
    return AuxiliaryCritic(DENSE.make_critic((3,)), 3)


def make_class_latents():
    return ClassLatents(DENSE.make_generator(2, (3,)), 2, 3)


def make_fake_class_critic():
    return FakeClassCritic(DENSE.make_critic((3,)), 3)


def make_small_joint_critic():
    return JointCritic(DENSE.make_critic((3,)), (3,), 2, hidden=6)


def make_stack_critic():
    shapes = [(2, 2, 1), (2, 4, 2), SHAPE]
    return StackCritic(
        [MinibatchCritic(projection.make_critic(DENSE, shape, 3)) for shape in shapes]
    )


PLAIN = {"objective": resolve_objective("nonsaturating"), "latent_dim": 2}
CONDITIONAL = PLAIN | {"generator": partial(DENSE.make_conditional_generator, 2, (3,), 3)}
CASES = {
    "adversarial": (
        AdversarialGame,
        PLAIN
        | {
            "generator": partial(DENSE.make_generator, 2, (3,)),
            "critic": partial(DENSE.make_critic, (3,)),
        },
    ),
    "conditional": (
        ConditionalGame,
        CONDITIONAL | {"critic": partial(projection.make_critic, DENSE, (3,), 3)},
    ),
    "auxiliary": (
        AuxiliaryGame,
        CONDITIONAL | {"critic": make_auxiliary_critic},
    ),
    "balancing": (
        BalancingGame,
        PLAIN | {"generator": make_class_latents, "critic": make_fake_class_critic},
    ),
    "bidirectional": (
        BidirectionalGame,
        PLAIN
        | {
            "generator": partial(DENSE.make_generator, 2, (3,)),
            "critic": make_small_joint_critic,
            "encoder": Encoder,
        },
    ),
    "stack": (
        StackGame,
        PLAIN
        | {
            "generator": partial(StackGenerator, 2, SHAPE, 3, width=2),
            "critic": make_stack_critic,
        },
    ),
    "polarity": (
        PolarityGame,
        PLAIN
        | {
            "generator": partial(HullGenerator, 2, (3,), [11, 6, 3], hidden=5),
            "critic": partial(projection.make_critic, DENSE, (3,), 3),
            "classifier": partial(make_classifier, DENSE, (3,), 3),
            "latent": "normal",
            "objective": resolve_objective("wasserstein"),
        },
    ),
}
EACH_CASE = pytest.mark.parametrize("name", CASES)


def data_of(name):
    samples = IMAGES if name == "stack" else DATA
    return samples, None if name in ("adversarial", "bidirectional") else LABELS


@pytest.fixture
def make(make_net):
    def make(name, *, settings=None, **arguments):
        game, defaults = CASES[name]
        net = make_net(game, defaults | arguments, **settings or {}).initialize()
        if name == "polarity":
            order = LABELS.argsort(stable=True)
            net.module_.generator.set_anchors(DATA[order], CODES[order])
        return net

    return make


@pytest.fixture
def by_hand(make):
    def by_hand(name, **arguments):
        """The networks of a net, and the draws of its training, made again outside it."""
        game = make(name, **arguments).module_  # the same seed makes the same weights
        samples, labels = data_of(name)
        data = TrainingData(samples, labels, BATCH, torch_generator(0))

        def latent(n=BATCH):
            return torch.rand(n, 2, generator=data.rng) * 2 - 1

        return SimpleNamespace(game=game, data=data, latent=latent, samples=samples, labels=labels)

    return by_hand


def real_is_real(logits):
    return -nn.functional.logsigmoid(logits).mean()


def fake_is_fake(logits):
    return -torch.log(1 - torch.sigmoid(logits)).mean()


def log_likelihood(logits, labels):
    probability = torch.softmax(logits, dim=1)
    return torch.log(probability[torch.arange(len(labels)), labels]).mean()


def assert_same_weights(weights, game, expected):
    torch.testing.assert_close(weights(game), weights(expected), atol=1e-5, rtol=1e-4)


def test_adversarial_updates_equal_a_loop_written_by_hand(make, by_hand, weights, descend):
    net = make("adversarial", critic_iter=2, settings={"ema_decay": 0.7})
    net.partial_fit(DATA)
    hand = by_hand("adversarial")
    generator, critic, average = hand.game.generator, hand.game.critic, None
    for update in range(1, 4):
        for _ in range(2):
            rows, fake = hand.data.next_rows(), generator(hand.latent()).detach()
            descend([critic], real_is_real(critic(DATA[rows])) + fake_is_fake(critic(fake)))
        hand.data.next_rows()
        average = weights(generator) if average is None else average
        descend([generator], real_is_real(critic(generator(hand.latent()))))
        decay = min(0.7, (1 + update) / (10 + update))
        average = decay * average + (1 - decay) * weights(generator)
    assert_same_weights(weights, net.module_, hand.game)
    assert torch.allclose(weights(net.trained_.generator), average, atol=1e-6)


def test_relativistic_updates_equal_a_loop_written_by_hand(make, by_hand, weights, descend):
    net = make("adversarial", objective=resolve_objective("relativistic")).partial_fit(DATA)
    hand = by_hand("adversarial")
    generator, critic = hand.game.generator, hand.game.critic
    for _ in range(3):
        rows, fake = hand.data.next_rows(), generator(hand.latent()).detach()
        descend([critic], real_is_real(critic(DATA[rows]) - critic(fake)))
        rows, fake = hand.data.next_rows(), generator(hand.latent())
        descend([generator], real_is_real(critic(fake) - critic(DATA[rows])))
    assert_same_weights(weights, net.module_, hand.game)


@pytest.mark.parametrize("conditioning", ["concatenation", "projection"])
def test_conditional_updates_equal_a_loop_written_by_hand(
    conditioning, make, by_hand, weights, descend
):
    make_critic = partial(resolve_conditioning(conditioning).make_critic, DENSE, (3,), 3)
    net = make("conditional", critic=make_critic, critic_iter=2).partial_fit(DATA, LABELS)
    hand = by_hand("conditional", critic=make_critic)
    generator, critic = hand.game.generator, hand.game.critic
    for _ in range(3):
        for _ in range(2):
            rows = hand.data.next_rows()
            real, classes = DATA[rows], LABELS[rows]
            fake = generator(hand.latent(), classes).detach()
            loss = real_is_real(critic(real, classes)) + fake_is_fake(critic(fake, classes))
            descend([critic], loss)
        classes = LABELS[hand.data.next_rows()]
        descend([generator], real_is_real(critic(generator(hand.latent(), classes), classes)))
    assert_same_weights(weights, net.module_, hand.game)


@pytest.mark.parametrize("objective", ["nonsaturating", "minimax"])
@pytest.mark.parametrize("gamma", [1, 4])
@pytest.mark.parametrize("critic_iter", [1, 2])
def test_auxiliary_updates_are_equations_1_to_5_of_alcg(
    gamma, critic_iter, objective, make, by_hand, weights, descend
):
    net = make(
        "auxiliary",
        classifier_weight=0.7,
        adversarial_sampling=gamma,
        critic_iter=critic_iter,
        objective=resolve_objective(objective),
    ).partial_fit(DATA, LABELS)
    hand = by_hand("auxiliary")
    generator, critic = hand.game.generator, hand.game.critic
    for _ in range(3):
        for _ in range(critic_iter):
            rows, latent = hand.data.next_rows(), hand.latent(gamma * BATCH)
            classes = hand.data.draw_labels(gamma * BATCH)
            fake = generator(latent, classes).detach()
            if gamma > 1:  # section 3.4
                best = torch.argsort(critic(fake), descending=True)[:BATCH]
                fake, latent, classes = fake[best], latent[best], classes[best]
            # Equations (1), (2) and (4); (4) is maximised.
            adversarial = real_is_real(critic(DATA[rows])) + fake_is_fake(critic(fake))
            classified = log_likelihood(critic.classify(DATA[rows]), LABELS[rows])
            descend([critic], adversarial - 0.7 * classified)
        fake = generator(latent, classes)
        if objective == "minimax":  # equation (5) as it is printed
            adversarial = -fake_is_fake(critic(fake))
        else:
            adversarial = real_is_real(critic(fake))
        classified = log_likelihood(critic.classify(fake), classes)
        descend([generator], adversarial - 0.7 * classified)
    assert_same_weights(weights, net.module_, hand.game)


def test_chosen_candidates_look_more_real(make):
    game = make("auxiliary", adversarial_sampling=4).module_
    data = TrainingData(DATA, LABELS, BATCH, torch_generator(0))
    state = copy.deepcopy(data.state_dict())
    with torch.no_grad():
        *_, fake = game.choose(data)
        data.load_state_dict(state)
        candidates = game.critic(game.generator(*game.draw_inputs(data, 4 * BATCH)))
    assert torch.equal(game.critic(fake), candidates.sort(descending=True).values[:BATCH])


def test_balancing_updates_are_one_cross_entropy_of_all_classes_and_one_more(
    make, by_hand, weights, descend
):
    net, hand = make("balancing").partial_fit(DATA, LABELS), by_hand("balancing")
    generator, critic = hand.game.generator, hand.game.critic

    def likelihood(samples, labels):
        return log_likelihood(critic.classifier(critic.body(samples)), labels)

    for _ in range(3):
        rows, latent = hand.data.next_rows(), hand.latent()
        classes = torch.randint(3, (BATCH,), generator=hand.data.rng)
        fake = generator(latent, classes).detach()
        is_fake = torch.full_like(classes, 3)
        descend([critic], -likelihood(DATA[rows], LABELS[rows]) - likelihood(fake, is_fake))
        descend([generator], -likelihood(generator(latent, classes), classes))
    assert_same_weights(weights, net.module_, hand.game)


@pytest.mark.parametrize("critic_iter", [1, 2])
def test_bidirectional_updates_equal_a_loop_written_by_hand(
    critic_iter, make, by_hand, weights, descend
):
    net = make("bidirectional", critic_iter=critic_iter).partial_fit(DATA)
    hand = by_hand("bidirectional")
    generator, encoder, critic = hand.game.generator, hand.game.encoder, hand.game.critic

    def logits(x, z):
        return critic(torch.cat([x, z], dim=1))

    for _ in range(3):
        for _ in range(critic_iter):
            z, real = hand.latent(), DATA[hand.data.next_rows()]
            code, fake = encoder(real).detach(), generator(z).detach()
            descend([critic], real_is_real(logits(real, code)) + fake_is_fake(logits(fake, z)))
        z, real = hand.latent(), DATA[hand.data.next_rows()]
        # Generator and encoder minimise the loss with the labels swapped.
        coded, made = logits(real, encoder(real)), logits(generator(z), z)
        descend([generator, encoder], real_is_real(made) + fake_is_fake(coded))
    assert_same_weights(weights, net.module_, hand.game)


def averaged(images, side):
    """Means over squares of pixels, by slices."""
    return sum(images[..., i::side, j::side] for i in range(side) for j in range(side)) / side**2


def gradient_penalty(critic, real, fake, classes, rng):
    position = torch.rand(len(real), 1, 1, 1, generator=rng)
    between = (position * real + (1 - position) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between, classes).sum(), between, create_graph=True)
    return 10 * ((gradient.square().sum(dim=(1, 2, 3)).sqrt() - 1) ** 2).mean()


@pytest.mark.parametrize(("objective", "critic_iter"), [("wasserstein", 1), ("nonsaturating", 2)])
def test_stack_updates_equal_a_loop_written_by_hand(
    objective, critic_iter, make, by_hand, weights, descend
):
    net = make(
        "stack",
        critic_iter=critic_iter,
        objective=resolve_objective(objective),
        penalties=resolve_penalties("gradient_penalty"),
        settings={"lr": 0.002, "max_iter": 2},
    ).partial_fit(IMAGES, LABELS)
    hand = by_hand("stack")
    generator, critics = hand.game.generator, hand.game.critic.stages
    is_critic, is_generator = {
        "wasserstein": (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean()),
        "nonsaturating": (lambda r, f: real_is_real(r) + fake_is_fake(f), real_is_real),
    }[objective]
    for _ in range(2):
        for _ in range(critic_iter):
            rows = hand.data.next_rows()
            real, classes = IMAGES[rows], LABELS[rows]
            fakes = [fake.detach() for fake in generator.samples(hand.latent(), classes)]
            loss = 0
            for critic, fake, side in zip(critics, fakes, (4, 2, 1), strict=True):
                small = averaged(real, side)
                loss += is_critic(critic(small, classes), critic(fake, classes))
                loss += gradient_penalty(critic, small, fake, classes, hand.data.rng)
            descend(critics, loss / 3, 0.002)
        classes = LABELS[hand.data.next_rows()]
        fakes = generator.samples(hand.latent(), classes)
        logits = [critic(fake, classes) for critic, fake in zip(critics, fakes, strict=True)]
        descend([generator], sum(map(is_generator, logits)) / 3, 0.002)
    assert_same_weights(weights, net.module_, hand.game)


@pytest.mark.parametrize("size", [(7, 5), (8, 8)])
def test_real_images_keep_their_mean_at_every_resolution(size, make):
    game = make("stack", generator=partial(StackGenerator, 2, (1, *size), 3, width=1)).module_
    constant = torch.full((2, 1, *size), 0.25)
    for stage, shape in zip(game.at_each_stage(constant), game.generator.shapes, strict=True):
        torch.testing.assert_close(stage, torch.full((2, *shape), 0.25))
    assert game.at_each_stage(constant)[-1] is constant


class Witness(Penalty):
    """Remember what critics are penalised on."""

    def __init__(self):
        self.seen_ = []

    def loss(self, critic, real, fake, *, rng=None, step=0):
        assert critic(real).shape == (BATCH,)
        self.seen_.append((step, tuple(real.shape), tuple(fake.shape)))
        return real.new_tensor(1.0)


def test_penalties_act_at_each_stage_and_know_the_step(make):
    witness = Witness()
    net = make("stack", penalties=(witness,), critic_iter=2, settings={"max_iter": 2})
    plain = make("stack", critic_iter=2, settings={"max_iter": 2})
    net.partial_fit(IMAGES, LABELS), plain.partial_fit(IMAGES, LABELS)
    shapes = [(BATCH, 2, 2, 1), (BATCH, 2, 4, 2), (BATCH, *SHAPE)]
    expected = [(step, shape, shape) for step in range(4) for shape in shapes]
    assert net.module_.penalties[0].seen_ == expected
    difference = net.history[-1, "critic_loss"] - plain.history[-1, "critic_loss"]
    assert difference == pytest.approx(1, abs=1e-5)  # the mean over the stages


def test_augmentation_is_drawn_at_each_stage(make):
    def add_a_draw(images, rng):
        draws.append(torch.rand((), generator=rng))
        return images + draws[-1]

    draws = []
    net = make("stack", augmentations=(add_a_draw,), settings={"max_iter": 1})
    net.partial_fit(IMAGES, LABELS)
    assert len(draws) == len(set(map(float, draws))) == 9  # real, fake, and the generator's


@pytest.mark.parametrize("pull", [0.0, 0.7])
@pytest.mark.parametrize("with_extractor", [False, True])
def test_polarity_updates_are_algorithm_1(pull, with_extractor, make, by_hand, weights, descend):
    seen = 4 if with_extractor else 3
    arguments = {
        "extractor": partial(nn.Linear, 3, 4) if with_extractor else None,
        "critic": partial(projection.make_critic, DENSE, (seen,), 3),
        "classifier": partial(make_classifier, DENSE, (seen,), 3),
        "extractor_interval": 2,
        "classifier_weight": pull,
        "critic_iter": 2,
    }
    net = make("polarity", **arguments).partial_fit(DATA, LABELS)
    hand = by_hand("polarity", **arguments)
    generator, critic, classifier = hand.game.generator, hand.game.critic, hand.game.classifier
    features, data = hand.game.extractor, hand.data
    lack = torch.tensor([0.0, 5.0, 8.0])  # 11 - 11, 11 - 6, 11 - 3

    def fake(labels):
        z = torch.randn(BATCH, 2, generator=data.rng)
        shares, members = generator.weights(z, labels)
        anchors = features(generator.anchors).detach()
        return torch.einsum("nk,nkd->nd", shares, anchors[members])

    for update in range(3):
        if with_extractor and update % 2 == 0:  # line 2
            rows = data.next_rows()
            loss = -log_likelihood(classifier(features(DATA[rows])), LABELS[rows])
            descend([features], loss)
        for _ in range(2):  # lines 4 to 7, equation (5)
            labels = torch.multinomial(lack, BATCH, replacement=True, generator=data.rng)
            made = fake(labels).detach()
            u = torch.rand(BATCH, generator=data.rng, dtype=torch.float64)
            rows = [
                torch.where(label == LABELS)[0][int(position * (label == LABELS).sum())]
                for label, position in zip(labels, u, strict=True)
            ]
            real = features(DATA[torch.stack(rows)]).detach()
            descend([critic], critic(made, labels).mean() - critic(real, labels).mean())
        rows = data.next_rows()
        real = features(DATA[rows]).detach()
        gain = log_likelihood(classifier(real), LABELS[rows])
        descend([classifier], -gain - log_likelihood(classifier(made), labels))
        # Lines 8 to 11.
        even = torch.tensor([0.0, 1.0, 1.0])
        labels = torch.multinomial(even, BATCH, replacement=True, generator=data.rng)
        made = fake(labels)
        unlike = 1 - torch.softmax(classifier(made), dim=1)[torch.arange(BATCH), labels]
        descend([generator], -critic(made, labels).mean() - pull * torch.log(unlike).mean())
    assert_same_weights(weights, net.module_, hand.game)


def test_frozen_layers_of_an_extractor_stay(make, weights):
    def make_extractor():
        layers = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 4))
        layers[0].requires_grad_(False)
        return layers

    seen = {
        "critic": partial(projection.make_critic, DENSE, (4,), 3),
        "classifier": partial(make_classifier, DENSE, (4,), 3),
    }
    net = make("polarity", extractor=make_extractor, **seen)
    first, last = weights(net.module_.extractor[0]), weights(net.module_.extractor[2])
    net.partial_fit(DATA, LABELS)
    assert torch.equal(weights(net.module_.extractor[0]), first)
    assert not torch.equal(weights(net.module_.extractor[2]), last)
    net = make("polarity", extractor=lambda: make_extractor().requires_grad_(False), **seen)
    before = weights(net.module_.extractor)
    net.partial_fit(DATA, LABELS)
    assert torch.equal(weights(net.module_.extractor), before)


def test_averaging_leaves_the_anchors_alone(make, weights):
    net = make("polarity", settings={"ema_decay": 0.9, "max_iter": 20}).partial_fit(DATA, LABELS)
    averaged = net.trained_.generator
    assert torch.equal(averaged.anchors, DATA[LABELS.argsort(stable=True)])
    assert not torch.equal(weights(averaged), weights(net.module_.generator))


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


def test_reconstruction_is_gradient_descent_on_the_mean_squared_error(make_net, weights, descend):
    arguments = {"encoder": partial(nn.Linear, 3, 2), "decoder": partial(nn.Linear, 2, 3)}
    net = make_net(ReconstructionGame, arguments, max_iter=5).fit(DATA)
    game = make_net(ReconstructionGame, arguments).initialize().module_
    data = TrainingData(DATA, None, BATCH, torch_generator(0))
    for _ in range(5):
        samples = DATA[data.next_rows()]
        error = game.decoder(game.encoder(samples)) - samples
        descend([game], (error**2).sum() / error.numel())
    assert_same_weights(weights, net.module_, game)


def linear_generator():
    with seeded_torch(3):
        return nn.Linear(2, 6).requires_grad_(False).eval()


def test_inversion_is_gradient_descent_on_equation_5_of_aisel(make_net, weights, descend):
    generator = linear_generator()
    arguments = {"encoder": partial(nn.Linear, 6, 2), "latent_dim": 2}
    net = make_net(InversionGame, arguments, max_iter=8).fit(generator)
    game, rng = make_net(InversionGame, arguments).initialize().module_, torch_generator(0)
    for _ in range(8):
        latent = torch.rand(BATCH, 2, generator=rng) * 2 - 1
        error = game.encoder(generator(latent)) - latent
        descend([game], (error**2).sum() / error.numel())
    assert_same_weights(weights, net.module_, game)


def test_encoder_learns_a_linear_inverse(make_net):
    arguments = {"encoder": partial(nn.Linear, 6, 2), "latent_dim": 2}
    settings = {"max_iter": 800, "optimizer": torch.optim.Adam, "lr": 0.01, "batch_size": 64}
    net = make_net(InversionGame, arguments, **settings).fit(linear_generator())
    latent = torch.rand(500, 2, generator=torch_generator(1)) * 2 - 1
    with torch.no_grad():
        error = (net.module_(linear_generator()(latent)) - latent).abs().max()
    assert error < 0.02


# What holds for every game.


@EACH_CASE
def test_each_turn_changes_its_own_networks_only(name, make, weights):
    net = make(name)
    game, (samples, labels) = net.module_, data_of(name)
    game.train()
    data = TrainingData(samples, labels, BATCH, torch_generator(0))
    parts = game.parts()
    trained = {
        name: [(n, w) for n, w in part.network.named_parameters() if w.requires_grad]
        for name, part in parts.items()
    }
    turns = game.turns(1)
    batch = None
    for turn in turns:
        game.turns = lambda n_updates, turn=turn: (turn,)
        before = {name: weights(part.network) for name, part in parts.items()}
        batch = parts[turn].make_batch(data, batch)
        drawn = parts[turn]._replace(make_batch=lambda data, previous, batch=batch: batch)
        net.train_step(data, parts | {turn: drawn}, trained)
        for name, part in parts.items():
            assert torch.equal(weights(part.network), before[name]) == (name != turn)


@EACH_CASE
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_joins_the_game(penalty, name, make, weights):
    samples, labels = data_of(name)
    net = make(name, penalties=resolve_penalties(penalty)).partial_fit(samples, labels)
    assert np.isfinite(net.history[-1, "critic_loss"])
    plain = make(name).partial_fit(samples, labels)
    assert not torch.equal(weights(net.module_), weights(plain.module_))


@EACH_CASE
@pytest.mark.parametrize("objective", ["minimax", "least_squares", "relativistic"])
def test_every_objective_is_minimised(objective, name, make):
    samples, labels = data_of(name)
    net = make(name, objective=resolve_objective(objective)).partial_fit(samples, labels)
    assert np.isfinite([net.history[-1, "critic_loss"], net.history[-1, "generator_loss"]]).all()


@EACH_CASE
def test_pickle_carries_on_from_the_same_state(name, make, weights):
    samples, labels = data_of(name)
    penalties = resolve_penalties(["gradient_penalty", "spectral_norm"])
    settings = {"ema_decay": 0.9, "optimizer": torch.optim.Adam}
    net = make(name, penalties=penalties, settings=settings).partial_fit(samples, labels)
    twin = pickle.loads(pickle.dumps(net))
    for trained in (net, twin):
        trained.partial_fit(samples, labels)
    assert torch.equal(weights(net.module_), weights(twin.module_))
    assert torch.equal(weights(net.averages_), weights(twin.averages_))


def test_penalties_leave_the_auxiliary_classifier_alone(make, weights):
    net = make("auxiliary", penalties=resolve_penalties("weight_clip")).partial_fit(DATA, LABELS)
    assert weights(net.module_.critic.source).abs().max() <= 0.01
    assert weights(net.module_.critic.classifier).abs().max() > 0.01
    critic = make("auxiliary", penalties=resolve_penalties("spectral_norm")).module_.critic
    assert hasattr(critic.source.head, "parametrizations")
    assert not hasattr(critic.classifier, "parametrizations")


def test_three_updates_of_biggan_at_the_size_of_cifar(make_net):
    architecture = BigGAN(width=4)
    images = torch.rand(12, 3, 32, 32, generator=torch_generator(1)) * 2 - 1
    arguments = {
        "generator": partial(architecture.make_conditional_generator, 8, (3, 32, 32), 3),
        "critic": partial(projection.make_critic, architecture, (3, 32, 32), 3),
        "penalties": resolve_penalties("spectral_norm"),
        "objective": resolve_objective("hinge"),
        "latent_dim": 8,
    }
    settings = {"ema_decay": 0.9, "optimizer": torch.optim.Adam, "lr": 2e-4}
    net = make_net(ConditionalGame, arguments, **settings).fit(images, torch.arange(12) % 3)
    assert np.isfinite(net.history[-1, "generator_loss"])
    generator = net.trained_.generator
    assert all(torch.isfinite(tensor).all() for tensor in generator.state_dict().values())
    assert generator.blocks[0].norm1.norm.num_batches_tracked == 20  # of the averaged weights
    assert generator.blocks[1].attention.gamma != 0


# The critic of samples and latents.


def make_joint_critic():
    with seeded_torch(0):
        body = nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.Tanh())
        return JointCritic(Critic(body, 4), (2, 2, 2), 3, hidden=5).double()


def test_the_joint_critic_is_its_formula():
    critic = make_joint_critic()
    rng = torch_generator(1)
    x = torch.randn(6, 2, 2, 2, generator=rng, dtype=torch.float64)
    z = torch.randn(6, 3, generator=rng, dtype=torch.float64)
    first, joint = critic.body[1], critic.joint[0]
    seen = torch.tanh(x.reshape(6, 8) @ first.weight.T + first.bias)
    hidden = torch.cat([seen, z], dim=1) @ joint.weight.T + joint.bias
    hidden = torch.where(hidden > 0, hidden, 0.2 * hidden)
    torch.testing.assert_close(critic.features(join(x, z)), hidden)
    expected = (hidden @ critic.head.weight.T + critic.head.bias)[:, 0]
    torch.testing.assert_close(critic(join(x, z)), expected)


def test_a_gradient_penalty_is_that_of_samples_and_latents_at_once():
    critic = make_joint_critic()
    rng = torch_generator(2)
    real, fake = (torch.randn(4, 11, generator=rng, dtype=torch.float64) for _ in range(2))
    loss = GradientPenalty(weight=3.0).loss(critic, real, fake, rng=torch_generator(3))
    position = torch.rand(4, 1, generator=torch_generator(3), dtype=torch.float64)
    between, step = position * real + (1 - position) * fake, 1e-6
    shifts = step * torch.eye(11, dtype=torch.float64)
    with torch.no_grad():
        slopes = [(critic(between + s) - critic(between - s)) / (2 * step) for s in shifts]
    norm = torch.stack(slopes, dim=1).norm(dim=1)
    assert loss.item() == pytest.approx(3 * (norm - 1).square().mean().item(), rel=1e-6)
