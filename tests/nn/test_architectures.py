"""What every architecture promises, over a grid of shapes."""

import copy
import pickle
from itertools import product

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skgal.nn import (
    ARCHITECTURES,
    DCGAN,
    R3GAN,
    Architecture,
    Critic,
    Dense,
    Dropout,
    Residual,
    ResizeConvolution,
    apply_network,
    resolve_architecture,
    set_rng,
)
from skgal.nn._architecture import resolution_levels
from skgal.objectives import ConsistencyTerm

SMALL = {
    "dense": Dense(hidden=(8, 6)),
    "dcgan": DCGAN(width=2),
    "residual": Residual(width=2),
    "resize": ResizeConvolution(width=2),
    "r3gan": R3GAN(width=2, n_blocks=2),
}
IMAGE_SHAPES = [
    (1, 8, 8),
    (3, 9, 8),
    (1, 28, 28),
    (2, 32, 16),
    (3, 11, 37),
    (1, 64, 8),
    (5, 13, 25),
    (3, 64, 64),
]
CASES = [(name, shape) for name in SMALL for shape in IMAGE_SHAPES] + [("dense", (5,))]
EACH_CASE = pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
EACH_NETWORK = pytest.mark.parametrize("kind", ["generator", "critic", "encoder"])
EACH_NAME = pytest.mark.parametrize("name", SMALL)


@pytest.fixture(autouse=True)
def seeded_construction():
    """Build networks from a seed; torch's default generator is put back after the test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make(name, kind, shape=(2, 9, 12), latent_dim=3):
    """Build one network of the small architecture, and an input for it."""
    architecture = SMALL[name]
    if kind == "generator":
        return architecture.make_generator(latent_dim, shape), normal(4, latent_dim)
    if kind == "critic":
        return architecture.make_critic(shape), normal(4, *shape)
    return architecture.make_encoder(latent_dim, shape), normal(4, *shape)


@EACH_CASE
def test_generator_fits_the_shape_and_the_range(name, shape):
    generator = SMALL[name].make_generator(3, shape)
    samples = generator(100 * normal(2, 3))
    assert samples.shape == (2, *shape)
    assert samples.dtype == torch.float32
    assert samples.abs().max() <= 1
    assert generator.eval()(normal(1, 3)).shape == (1, *shape)


@EACH_CASE
def test_critic_is_a_linear_head_on_its_features(name, shape):
    critic, x = SMALL[name].make_critic(shape), normal(2, *shape)
    assert isinstance(critic, Critic)
    features, logits = critic.features(x), critic(x)
    assert features.shape == (2, critic.n_features)
    assert logits.shape == (2,)
    weight, bias = (p.detach().numpy() for p in (critic.head.weight, critic.head.bias))
    expected = features.detach().numpy() @ weight[0] + bias
    np.testing.assert_allclose(logits.detach(), expected, rtol=1e-4, atol=1e-5)


@EACH_CASE
def test_encoder_fits_the_shape(name, shape):
    encoder = SMALL[name].make_encoder(3, shape)
    assert encoder(normal(2, *shape)).shape == (2, 3)
    assert isinstance(list(encoder.modules())[-1], nn.Linear)  # not bounded


@EACH_CASE
def test_every_pixel_reaches_the_critic_and_the_encoder(name, shape):
    x = normal(2, *shape)
    for network in (SMALL[name].make_critic(shape), SMALL[name].make_encoder(3, shape).eval()):
        # Absolute weights and no activation to die: a pixel without a path has the gradient zero.
        for parameter in network.parameters():
            parameter.data.abs_()
        x = x.abs().requires_grad_()
        (gradient,) = torch.autograd.grad(network(x).sum(), x)
        assert (gradient > 0).all()


@EACH_CASE
def test_every_pixel_of_the_generator_depends_on_the_latent(name, shape):
    samples = SMALL[name].make_generator(3, shape)(normal(8, 3))
    assert (samples.std(0) > 0).double().mean() > 0.9


@EACH_NAME
@EACH_NETWORK
def test_every_parameter_is_trained(name, kind):
    network, x = make(name, kind)
    network(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@EACH_NAME
def test_the_logit_of_a_sample_does_not_depend_on_the_batch(name):
    critic, x = make(name, "critic")
    alone = torch.cat([critic(x[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(critic(x), alone)
    assert not any("Norm" in type(module).__name__ for module in critic.modules())


@EACH_NAME
def test_encoders_have_batch_normalisation_where_they_need_it(name):
    encoder, _ = make(name, "encoder")
    is_normalised = any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in encoder.modules())
    assert is_normalised == (name != "r3gan")


def test_r3gan_normalises_nothing_and_starts_as_its_shortcuts():
    for kind in ("generator", "critic", "encoder"):
        network, x = make("r3gan", kind)
        assert not any("Norm" in type(module).__name__ for module in network.modules())
        blocks = [m for m in network.modules() if hasattr(m, "residual")]
        assert len(blocks) == 2 * 2  # 9x12 and the base of 5x6
        for block in blocks:
            maps = normal(1, block.residual[0].in_channels, 4, 4)
            assert torch.equal(block(maps), maps)
        # Without normalisation the scale of what comes out follows from the initial weights.
        assert 0.05 < network(x).std() < 5


@pytest.mark.parametrize(
    ("architecture", "is_flat"),
    [(ResizeConvolution(width=2, norm=None), True), (DCGAN(width=2, norm=None), False)],
)
def test_resize_convolution_draws_no_checkerboard(architecture, is_flat):
    # What is the same everywhere stays so, but for the border; a transposed convolution of stride 2
    # writes even and odd pixels with different weights.
    generator = architecture.make_generator(3, (1, 48, 48))
    inside = generator[2:](torch.ones(1, 8, 6, 6))[0, 0, 16:-16, 16:-16]
    assert torch.allclose(inside, inside[0, 0], atol=1e-6) == is_flat


def test_a_pixel_of_a_resized_image_sees_its_neighbourhood_only():
    # The last level: 3x3 on pixels, and 3x3 on pairs of pixels of the level before.
    generator = ResizeConvolution(width=2, norm=None).make_generator(3, (1, 12, 12))
    for parameter in generator.parameters():
        parameter.data.abs_()
    maps = torch.rand(1, 2, 6, 6, requires_grad=True)
    generator[3:](maps)[0, 0, 5, 5].backward()
    reached = maps.grad[0].sum(0) > 0
    # Pixel 5: convolved from 4 to 6, these from 3 to 7, that is from pixels 1 to 3 of the half.
    expected = torch.zeros(6, 6, dtype=torch.bool)
    expected[1:4, 1:4] = True
    assert torch.equal(reached, expected)


@EACH_NAME
@EACH_NETWORK
def test_copies_pickles_and_state_dicts_give_the_same_output(name, kind):
    network, x = make(name, kind)
    network(x)  # moves the batch statistics
    network.eval()
    rebuilt, _ = make(name, kind)
    rebuilt.load_state_dict(network.state_dict())
    expected = network(x)
    for twin in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), rebuilt.eval()):
        assert torch.equal(twin(x), expected)


@EACH_NAME
@EACH_NETWORK
def test_forward_leaves_the_global_generator_alone(name, kind):
    network, x = make(name, kind)
    before = torch.get_rng_state()
    network(x)
    assert torch.equal(torch.get_rng_state(), before)


@EACH_NAME
@EACH_NETWORK
def test_the_global_seed_decides_the_construction(name, kind):
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        network, _ = make(name, kind)
        states.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@EACH_NAME
def test_dropout_is_there_to_be_switched_on(name):
    x = normal(4, 1, 8, 8)
    critic = SMALL[name].make_critic((1, 8, 8))
    assert torch.equal(critic(x), critic(x))
    ConsistencyTerm().prepare(critic)
    with pytest.raises(RuntimeError, match="source of randomness"):
        critic(x)
    logits = []
    for seed in (0, 0, 1):
        set_rng(critic, torch.Generator().manual_seed(seed))
        logits.append(critic(x))
    assert torch.equal(logits[0], logits[1])
    assert not torch.equal(logits[0], logits[2])
    assert torch.equal(critic.eval()(x), critic(x))


@pytest.mark.parametrize(
    "networks",
    [Dense(hidden=(5, 7)), Dense(hidden=(3,), critic_hidden=(5, 7), encoder_hidden=[7, 5])],
)
def test_dense_widths(networks):
    def widths(network):
        return [m.out_features for m in network.modules() if isinstance(m, nn.Linear)]

    critic_hidden = networks.critic_hidden or networks.hidden[::-1]
    encoder_hidden = networks.encoder_hidden or networks.hidden[::-1]
    assert widths(networks.make_generator(2, (4,))) == [*networks.hidden, 4]
    assert widths(networks.make_critic((4,))) == [*critic_hidden, 1]
    assert widths(networks.make_encoder(2, (4,))) == [*encoder_hidden, 2]


@pytest.mark.parametrize("norm", ["batch", None])
def test_dcgan_normalisation_is_a_choice(norm):
    generator = DCGAN(width=2, norm=norm).make_generator(2, (1, 8, 8))
    assert any(isinstance(m, nn.BatchNorm2d) for m in generator.modules()) == (norm == "batch")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4,), Dense),
        ((1, 7, 64), Dense),
        ((1, 8, 8), ResizeConvolution),
        ((3, 64, 64), ResizeConvolution),
    ],
)
def test_auto_follows_the_shape(shape, expected):
    assert type(resolve_architecture("auto", shape)) is expected


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_resolve_a_name(name):
    assert type(resolve_architecture(name, (1, 8, 8))) is ARCHITECTURES[name]


@EACH_NAME
def test_architectures_are_estimators(name):
    architecture = SMALL[name]
    resolved = resolve_architecture(architecture, (1, 8, 8))
    assert resolved is not architecture
    assert repr(resolved) == repr(architecture) == repr(clone(architecture))
    assert set(architecture._parameter_constraints) == set(architecture.get_params())


@pytest.mark.parametrize(
    ("architecture", "shape", "error", "message"),
    [
        ("resnet", (1, 8, 8), ValueError, r"'r3gan', 'residual', 'resize'\].*got 'resnet'"),
        (DCGAN, (1, 8, 8), TypeError, "of type ABCMeta"),
        (None, (1, 8, 8), TypeError, "of type NoneType"),
        (DCGAN(width=0), (1, 8, 8), ValueError, "'width' parameter of DCGAN"),
        (DCGAN(norm="layer"), (1, 8, 8), ValueError, "'norm' parameter of DCGAN"),
        (Residual(width=1.5), (1, 8, 8), ValueError, "'width' parameter of Residual"),
        (Dense(hidden=3), (4,), ValueError, "'hidden' parameter of Dense"),
        (Dense(hidden=()), (4,), ValueError, "hidden must be one or more positive integers"),
        (Dense(hidden=(8, 0)), (4,), ValueError, r"got \(8, 0\)"),
        (Dense(encoder_hidden=(1.5,)), (4,), ValueError, "encoder_hidden must be one or more"),
        ("auto", (8, 8), ValueError, r"got \(8, 8\)"),
        ("auto", (1, 0, 8), ValueError, r"got \(1, 0, 8\)"),
        ("dcgan", (4,), ValueError, r"got \(4,\).*architecture='dense'"),
        ("residual", (1, 6, 6), ValueError, r"side longer than 6.*\(6, 6\)"),
    ],
)
def test_bad_input(architecture, shape, error, message):
    with pytest.raises(error, match=message):
        resolve_architecture(architecture, shape)


def test_an_architecture_of_ones_own():
    class Linear(Architecture):
        def make_generator(self, latent_dim, shape):
            return nn.Sequential(nn.Linear(latent_dim, *shape), nn.Tanh())

        def make_critic(self, shape):
            return Critic(nn.Identity(), *shape)

        def make_encoder(self, latent_dim, shape):
            return nn.Linear(*shape, latent_dim)

    own = resolve_architecture(Linear(), (4,))
    assert own.make_critic((4,))(own.make_generator(2, (4,))(normal(3, 2))).shape == (3,)


def test_residual_maps_follow_the_ladder():
    trunk = Residual(width=2).make_critic((1, 11, 37)).body
    sizes = []
    for module in trunk[:-3]:  # without the activation, the mean and the flattening
        if isinstance(module, Dropout):
            continue
        module.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[2:])))
    trunk(normal(1, 1, 11, 37))
    assert sizes == [(11, 37), (6, 19), (6, 10), (6, 5), (6, 5)]


SIZES = [size for size in product(range(1, 65, 3), [1, 6, 7, 8, 13, 28, 37, 64]) if max(size) > 6]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_each_level_is_the_rounded_up_half_of_the_one_before(height, width):
    levels, base = resolution_levels((1, height, width))
    sizes = [level.size for level in levels] + [base]
    assert sizes[0] == (height, width)
    for level, below in zip(levels, sizes[1:], strict=True):
        for side, stride, half in zip(level.size, level.stride, below, strict=True):
            assert stride == (2 if side > 6 else 1)
            assert half == (side + 1) // 2 if stride == 2 else half == side
    for side, end in zip((height, width), base, strict=True):
        assert 4 <= end <= 6 if side > 6 else end == side


def test_familiar_sizes():
    levels, base = resolution_levels((1, 28, 28))
    assert [level.size for level in levels] == [(28, 28), (14, 14), (7, 7)]
    assert base == (4, 4)
    assert len(resolution_levels((3, 64, 64))[0]) == 4


@pytest.mark.parametrize("n_rows", [0, 5, 8, 700])
@pytest.mark.parametrize(("side", "n_most"), [(1, 512), (64, 42)])  # of 2 MiB
def test_networks_see_few_large_rows_at_a_time(n_rows, side, n_most):
    seen = []

    def enlarge(rows, codes):
        seen.append(len(rows))
        return (rows + codes[:, None]).repeat(1, 3 * side**2)

    rows = np.arange(n_rows, dtype=np.float32)[:, np.newaxis]
    codes = np.arange(n_rows, dtype=np.int64)
    result = apply_network(enlarge, rows, "cpu", codes)
    np.testing.assert_array_equal(result, np.repeat(2 * rows, 3 * side**2, axis=1))
    assert sum(seen) == n_rows
    assert max(seen) <= n_most
    assert len(seen) <= n_rows / n_most + 2
