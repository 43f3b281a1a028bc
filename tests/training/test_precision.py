"""Lower precision and memory layout: what they change, and all that they must not."""

import copy
import pickle
from functools import partial

import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.nn.functional import linear
from torch.nn.utils import parametrize

from skgal.nn import (
    DCGAN,
    Dense,
    HullGenerator,
    MinibatchDiscrimination,
    Residual,
    TableGenerator,
    make_classifier,
    resolve_conditioning,
    set_rng,
    torch_generator,
)
from skgal.objectives import resolve_objective, resolve_penalties
from skgal.training import (
    AdversarialGame,
    Game,
    GameNet,
    PolarityGame,
    TrainingCheckpoint,
    TrainingData,
)
from skgal.training._loop import _prepare_precision
from skgal.utils import seeded_torch

IMAGES = torch.rand(20, 1, 8, 8, generator=torch_generator(5)) * 2 - 1


def make_net(penalty=None, **settings):
    architecture = DCGAN(width=4)
    arguments = {
        "generator": partial(architecture.make_generator, 2, (1, 8, 8)),
        "critic": partial(architecture.make_critic, (1, 8, 8)),
        "objective": resolve_objective("wasserstein"),
        "penalties": resolve_penalties(penalty),
        "latent_dim": 2,
    }
    defaults = {"max_iter": 3, "seed": 0, "batch_size": 5, "ema_decay": 0.9}
    arguments = {f"module__{name}": value for name, value in arguments.items()}
    return GameNet(AdversarialGame, **defaults | settings, **arguments)


class NoGame(Game):
    """A game of no parts, whose networks are others."""

    def parts(self):
        return {}


def run_in(precision, function, *inputs):
    game = NoGame()
    game.precision = precision
    return game.run(function, *inputs)


def make_linear(n_in=64, n_out=64):
    with seeded_torch(0):
        return nn.Linear(n_in, n_out)


def tensors_of(state):
    if isinstance(state, torch.Tensor):
        return [state]
    if isinstance(state, dict):
        state = list(state.values())
    return [t for part in state for t in tensors_of(part)] if isinstance(state, list) else []


def assert_same_bits(net, other):
    for one, two in zip(tensors_of(net._states()), tensors_of(other._states()), strict=True):
        assert torch.equal(one, two)


# One call.


def test_a_product_is_of_rounded_factors_and_comes_out_in_float32():
    layer, rows = make_linear(), torch.randn(7, 64, generator=torch_generator(0))
    rounded = linear(rows.bfloat16(), layer.weight.bfloat16(), layer.bias.bfloat16()).float()
    out = run_in("bfloat16", layer, rows)
    assert out.dtype == torch.float32
    assert torch.equal(out, rounded)
    assert not torch.equal(out, layer(rows))
    assert torch.equal(run_in("float32", layer, rows), layer(rows))
    several = run_in("bfloat16", lambda x: [layer(x), layer(x)], rows)
    assert all(torch.equal(part, rounded) for part in several)


def test_weights_get_float32_gradients_also_after_a_pass_without():
    layer, rows = make_linear(), torch.randn(7, 64, generator=torch_generator(0))
    with torch.no_grad():
        run_in("bfloat16", layer, rows)
    run_in("bfloat16", layer, rows).sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    # d sum(X W^T) / dW is the sum of the rows, here rounded.
    assert torch.allclose(layer.weight.grad, rows.sum(0).expand(64, 64), atol=0.1)


def test_a_changed_weight_counts_at_once():
    layer, rows = make_linear(), torch.ones(1, 64)
    run_in("bfloat16", layer, rows)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.fill_(0.5)
    assert run_in("bfloat16", layer, rows).eq(0.5).all()


def test_an_unknown_precision():
    with pytest.raises(ValueError, match=r"one of \['float32', 'bfloat16'\], got 'float8'"):
        make_net(precision="float8").initialize()


class Squared(nn.Module):
    """A parametrization that autocast would have compute in the lower precision."""

    def __init__(self):
        super().__init__()
        self.seen, self.broken = [], False

    def forward(self, weight):
        if self.broken:
            raise RuntimeError("broken")
        squared = weight @ weight
        self.seen.append(squared.detach())
        return squared


@pytest.mark.parametrize("is_copy", [False, True])
def test_what_computes_weights_is_not_rounded(is_copy):
    layer, rows = make_linear(), torch.ones(1, 64)
    weight = layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Squared())
    _prepare_precision(layer, "bfloat16")
    layer = copy.deepcopy(layer) if is_copy else layer
    squared = layer.parametrizations.weight[0]
    squared.seen.clear()
    out = run_in("bfloat16", layer, rows)
    assert torch.equal(squared.seen[0], weight @ weight)
    rounded = linear(rows.bfloat16(), (weight @ weight).bfloat16(), layer.bias.bfloat16())
    assert torch.equal(out, rounded.float())
    squared.broken = True
    with pytest.raises(RuntimeError, match="broken"):
        run_in("bfloat16", layer, rows)
    assert not torch.is_autocast_enabled("cpu")


# The layout.


@pytest.mark.parametrize("architecture", [DCGAN(width=4), Residual(width=4)])
def test_convolutions_are_channels_last_and_compute_the_same(architecture):
    with seeded_torch(0):
        network = architecture.make_encoder(3, (3, 8, 8)).eval()
    images = torch.rand(4, 3, 8, 8, generator=torch_generator(0))
    plain = copy.deepcopy(network).to(memory_format=torch.contiguous_format)
    _prepare_precision(network, "float32")
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    maps = []
    convolutions[-1].register_forward_hook(lambda *args: maps.append(args[2]))
    assert torch.allclose(network(images), plain(images), atol=1e-6)
    for tensor in (*(layer.weight for layer in convolutions), *maps):
        assert tensor.is_contiguous(memory_format=torch.channels_last)


def test_images_that_are_no_weights_keep_their_layout():
    with seeded_torch(0):
        generator = HullGenerator(2, (3, 4, 4), [5, 5])
    _prepare_precision(generator, "float32")
    assert generator.anchors.is_contiguous()


# A training.


@pytest.mark.parametrize(
    "penalty", [None, "spectral_norm", "gradient_penalty", "weight_clip", "consistency"]
)
def test_gradients_are_near_those_in_float32(penalty):
    class Gradients(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            found.extend(weight.grad.flatten().clone() for _, weight in named_parameters)

    gradients = []
    for precision in ("float32", "bfloat16"):
        found = []
        make_net(penalty, precision=precision, callbacks=[Gradients()], max_iter=1).fit(IMAGES)
        gradients.append(torch.cat(found))
    exact, rounded = gradients
    assert rounded.dtype == torch.float32
    error = (exact - rounded).norm() / exact.norm()
    assert 0 < error < 0.05


def test_penalties_are_those_in_float32():
    losses = []
    for precision in ("float32", "bfloat16"):
        net = make_net(["gradient_penalty", "consistency"], precision=precision).initialize()
        game, data = net.module_, TrainingData(IMAGES, None, 5, net.rng_)
        set_rng(game, net.rng_)
        loss = game.penalty_loss(game.critic, IMAGES[:5], IMAGES[5:10], data.batch())
        loss.backward()
        losses.append([loss, *(p.grad for p in game.critic.parameters() if p.grad is not None)])
    for exact, lower in zip(*losses, strict=True):
        assert torch.equal(exact, lower)


@pytest.mark.parametrize("penalty", [None, "spectral_norm", "gradient_penalty"])
def test_all_that_is_kept_is_float32(penalty):
    net = make_net(penalty, precision="bfloat16").fit(IMAGES)
    floating = [t for t in tensors_of(net._states()) if t.is_floating_point()]
    assert {tensor.dtype for tensor in floating} == {torch.float32}
    latent = torch.zeros(3, 2)
    generator = net.trained_.generator
    assert generator(latent).dtype == torch.float32
    assert not torch.equal(generator(latent), run_in("bfloat16", generator, latent))


def test_losses_are_of_float32_logits():
    seen = []

    class Spy(Callback):
        def on_batch_end(self, net, critic_loss, generator_loss, **kwargs):
            seen.extend([critic_loss.dtype, generator_loss.dtype])

    make_net(precision="bfloat16", callbacks=[Spy()]).fit(IMAGES)
    assert set(seen) == {torch.float32}


def test_same_seed_same_bits_and_pickles_carry_on():
    net, other = (make_net(precision="bfloat16").fit(IMAGES) for _ in range(2))
    assert_same_bits(net, other)
    loaded = pickle.loads(pickle.dumps(net))
    for one in (net, loaded):
        one.partial_fit(IMAGES)
    assert_same_bits(net, loaded)


def test_a_killed_training_ends_in_the_same_bits(tmp_path):
    class Kill(Callback):
        def on_batch_begin(self, net, **kwargs):
            if net.n_updates_ == 3:
                raise ConnectionAbortedError

    def make(**kwargs):
        return make_net(precision="bfloat16", updates_per_epoch=2, max_iter=5, **kwargs)

    def checkpoint():
        return TrainingCheckpoint(tmp_path / "game.pt", {})

    unbroken = make().fit(IMAGES)
    with pytest.raises(ConnectionAbortedError):
        make(callbacks=[Kill()], checkpoint=checkpoint()).fit(IMAGES)
    assert_same_bits(make(checkpoint=checkpoint()).fit(IMAGES), unbroken)


# What must not be rounded inside a network.


def draw_from_hulls(precision):
    dense = Dense(hidden=(8,))
    with seeded_torch(0):
        game = PolarityGame(
            partial(HullGenerator, 2, (3,), [4, 4]),
            partial(resolve_conditioning("projection").make_critic, dense, (3,), 2),
            classifier=partial(make_classifier, dense, (3,), 2),
            objective=resolve_objective("wasserstein"),
            latent_dim=2,
        )
    game.precision = precision
    rows = torch.randn(8, 3, generator=torch_generator(1))
    game.generator.set_anchors(rows, rows[:, :2])
    latent = torch.randn(3, 2, generator=torch_generator(2))
    return game.generate_seen(latent, torch.tensor([0, 1, 1]), torch_generator(0))


def test_hulls_are_not_left():
    assert torch.equal(draw_from_hulls("bfloat16"), draw_from_hulls("float32"))


def test_categories_are_drawn_in_float32():
    with seeded_torch(0):
        generator = TableGenerator(nn.Linear(2, 6), 2, (1, 5))
    set_rng(generator, torch_generator(0))
    rows = run_in("bfloat16", generator, torch.randn(200, 2, generator=torch_generator(1)))
    assert torch.allclose(rows[:, 1:].sum(1), torch.ones(200), atol=1e-6)


def test_closeness_is_of_float32_distances():
    with seeded_torch(0):
        layer = MinibatchDiscrimination(8, n_kernels=4)
    features = torch.randn(6, 8, generator=torch_generator(1))
    places = run_in("bfloat16", layer.tensor, features).reshape(6, 4, 5)
    expected = torch.stack([torch.exp(-(places - place).abs().sum(2)).sum(0) for place in places])
    assert torch.allclose(run_in("bfloat16", layer, features), expected, atol=1e-6)
