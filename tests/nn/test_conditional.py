"""Classes in networks: against formulas, and for every architecture."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d, scaled_dot_product_attention

from skgal.nn import (
    CONDITIONINGS,
    DCGAN,
    R3GAN,
    AuxiliaryCritic,
    BigGAN,
    Concatenation,
    ConditionalBatchNorm2d,
    Conditioning,
    Critic,
    Dense,
    GivenClasses,
    Projection,
    Residual,
    ResizeConvolution,
    SelfAttention,
    append_classes,
    resolve_architecture,
    resolve_conditioning,
)
from skgal.objectives import PENALTIES, ConsistencyTerm, GradientPenalty, SpectralNorm

SMALL = {
    "dense": Dense(hidden=(8, 6)),
    "dcgan": DCGAN(width=2),
    "residual": Residual(width=2),
    "biggan": BigGAN(width=4),
    "resize": ResizeConvolution(width=2),
    "r3gan": R3GAN(width=2),
}
LABELS = torch.tensor([2, 0, 1, 2, 2])
EACH_NAME = pytest.mark.parametrize("name", SMALL)
EACH_CONDITIONING = pytest.mark.parametrize("conditioning", CONDITIONINGS)


@pytest.fixture(autouse=True)
def seeded_construction():
    """Build networks from a seed; torch's default generator is put back after the test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def make_critic(conditioning, architecture=None, shape=(4,), **kwargs):
    return resolve_conditioning(conditioning).make_critic(
        architecture or Dense(hidden=(8,)), shape, 3, **kwargs
    )


def test_classes_are_appended_as_columns_and_planes():
    rows = append_classes(normal(5, 2), LABELS, 3)
    assert torch.equal(rows, torch.cat([normal(5, 2), torch.eye(3)[LABELS]], dim=1))
    images = append_classes(normal(5, 2, 4, 3), LABELS, 3)
    assert torch.equal(images[:, :2], normal(5, 2, 4, 3))
    for row, label in enumerate(LABELS):
        assert torch.equal(images[row, 2:], torch.eye(3)[label][:, None, None].expand(3, 4, 3))


@EACH_NAME
@EACH_CONDITIONING
@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 12), (2, 32, 16)], ids=str)
def test_every_architecture_takes_classes(name, conditioning, shape):
    architecture = SMALL[name]
    generator = architecture.make_conditional_generator(6, shape, 3)
    samples = generator(normal(5, 6), LABELS)
    assert samples.shape == (5, *shape)
    assert samples.abs().max() <= 1
    generator.eval()
    assert not torch.equal(generator(normal(5, 6), LABELS), generator(normal(5, 6), 2 - LABELS))
    critic = make_critic(conditioning, architecture, shape)
    assert critic(samples, LABELS).shape == (5,)
    assert critic.features(samples, LABELS).shape == (5, critic.n_features)
    assert not torch.equal(critic(samples, LABELS), critic(samples, 2 - LABELS))
    same = torch.equal(critic.features(samples, LABELS), critic.features(samples, 2 - LABELS))
    assert same != critic.features_see_classes


def test_concatenation_is_a_critic_of_wider_samples():
    critic = make_critic(Concatenation(), Dense(hidden=(8,)))
    plain = critic.critic
    x = normal(5, 4)
    assert torch.equal(critic(x, LABELS), plain(torch.cat([x, torch.eye(3)[LABELS]], dim=1)))


def test_projection_is_the_formula():
    critic = make_critic(Projection())
    x = normal(5, 4)
    features = critic.critic.features(x)
    embedded = critic.embedding.weight.T[LABELS]
    expected = (features * embedded).sum(1) + critic.critic.head(features).squeeze(1)
    assert torch.allclose(critic(x, LABELS), expected)


def test_spectral_norm_reaches_the_embedding():
    critic = make_critic("projection")
    SpectralNorm(n_power_iterations=20).prepare(critic)
    for _ in range(5):
        critic(normal(5, 4), LABELS)
    assert torch.linalg.matrix_norm(critic.embedding.weight, 2).item() == pytest.approx(1, abs=1e-3)


@EACH_CONDITIONING
def test_given_classes_is_a_critic_of_samples(conditioning):
    critic = make_critic(conditioning)
    given = GivenClasses(critic, LABELS)
    x, more = normal(5, 4), normal(5, 4, seed=1)
    assert torch.equal(given(x), critic(x, LABELS))
    joined = torch.cat([critic(x, LABELS), critic(more, LABELS)])
    assert torch.allclose(given(torch.cat([x, more])), joined, atol=1e-6)
    assert torch.allclose(given.head(given.features(x)).squeeze(1), given(x))


@EACH_CONDITIONING
def test_gradient_penalty_holds_the_class_fixed(conditioning):
    critic = make_critic(conditioning)
    real, fake = normal(5, 4), normal(5, 4, seed=1)
    loss = GradientPenalty(weight=3.0).loss(
        GivenClasses(critic, LABELS), real, fake, rng=torch.Generator().manual_seed(2)
    )
    position = torch.rand(5, 1, generator=torch.Generator().manual_seed(2))
    between = (position * real + (1 - position) * fake).double()
    critic.double()
    step = 1e-6
    gradient = torch.stack(
        [
            (critic(between + step * unit, LABELS) - critic(between - step * unit, LABELS))
            / (2 * step)
            for unit in torch.eye(4).double()
        ],
        dim=1,
    )
    expected = 3 * (gradient.norm(dim=1) - 1).square().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


@EACH_CONDITIONING
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_takes_a_conditional_critic(conditioning, penalty):
    penalty = PENALTIES[penalty]()
    critic = make_critic(conditioning).eval()
    penalty.prepare(critic)
    given = GivenClasses(critic, LABELS)
    rng = torch.Generator().manual_seed(0)
    loss = penalty.loss(given, normal(5, 4), normal(5, 4, seed=1), rng=rng)
    penalty.project(critic)
    assert loss is None or torch.isfinite(loss)
    if isinstance(penalty, ConsistencyTerm):
        assert loss.item() == pytest.approx(0, abs=1e-12)  # without dropout both passes agree


def test_conditional_batch_norm_is_the_formula():
    norm = ConditionalBatchNorm2d(4, 3)
    x = normal(5, 4, 3, 2) * 3 + 1
    mean = x.mean(dim=(0, 2, 3), keepdim=True)
    deviation = (x.var(dim=(0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    gain = norm.gain.weight.T[LABELS][:, :, None, None]
    shift = norm.shift.weight.T[LABELS][:, :, None, None]
    assert torch.allclose(norm(x, LABELS), (1 + gain) * (x - mean) / deviation + shift, atol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (6, 4), (5, 1)])
def test_self_attention_equals_torchs_own(size):
    layer = SelfAttention(16)
    with torch.no_grad():
        layer.gamma.fill_(0.7)
    x = normal(3, 16, *size)

    def positions(maps):
        return maps.flatten(2).transpose(1, 2)

    key = positions(max_pool2d(layer.key(x), 2, ceil_mode=True))
    value = positions(max_pool2d(layer.value(x), 2, ceil_mode=True))
    mixed = scaled_dot_product_attention(positions(layer.query(x)), key, value, scale=1.0)
    mixed = mixed.transpose(1, 2).unflatten(2, size)
    assert torch.allclose(layer(x), x + 0.7 * layer.out(mixed), atol=1e-5)


def test_auxiliary_critic_has_two_heads_on_the_same_features():
    critic = AuxiliaryCritic(Critic(nn.Linear(4, 6), 6), 3)
    x = normal(5, 4)
    logits, class_logits = critic.rate_and_classify(x)
    assert torch.equal(logits, critic(x))
    assert torch.equal(logits, critic.source(x))
    assert torch.equal(class_logits, critic.classifier(critic.source.body(x)))
    assert torch.equal(class_logits, critic.classify(x))


def test_biggan_has_the_authors_configuration_for_cifar():
    architecture = BigGAN(attention=False)
    with torch.device("meta"):
        generator = architecture.make_conditional_generator(128, (3, 32, 32), 10)
        critic = Projection().make_critic(architecture, (3, 32, 32), 10)

    def n_weights(network):
        return sum(parameter.numel() for parameter in network.parameters())

    # Counted by hand: first layer; blocks of two 3x3, a 1x1 and two conditional norms; last norm
    # and 3x3. The critic: a first block from 3 channels, one that halves, two that don't.
    conv, point = 256 * 256 * 9 + 256, 256 * 256 + 256
    up = 2 * conv + point + 2 * 2 * 10 * 256
    assert n_weights(generator) == (128 + 1) * 256 * 16 + 3 * up + 512 + (256 * 9 + 1) * 3
    first = (3 * 9 + 1) * 256 + conv + (3 + 1) * 256
    assert n_weights(critic) == first + 3 * 2 * conv + point + 257 + 10 * 256


def test_biggan_generator_is_spectrally_normalised_but_not_in_the_classes():
    generator = BigGAN(width=8).make_conditional_generator(4, (3, 32, 32), 3)
    for _ in range(100):
        generator(normal(5, 4), LABELS)
    for block in generator.blocks:
        for layer in (block.conv1, block.conv2, block.shortcut):
            norm = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
            assert norm.item() == pytest.approx(1, abs=0.02)
        assert torch.linalg.matrix_norm(block.norm1.gain.weight, 2) < 0.5


def test_biggan_without_classes():
    architecture = resolve_architecture(BigGAN(width=4), (3, 16, 16))
    samples = architecture.make_generator(2, (3, 16, 16))(normal(5, 2))
    assert samples.shape == (5, 3, 16, 16)
    assert architecture.make_critic((3, 16, 16))(samples).shape == (5,)
    assert architecture.make_encoder(2, (3, 16, 16))(samples).shape == (5, 2)


def test_biggan_takes_a_gradient_penalty():
    critic = BigGAN(width=4).make_critic((1, 8, 8))
    with torch.no_grad():
        critic.body[1].gamma.fill_(1.0)
    real, fake = normal(5, 1, 8, 8), normal(5, 1, 8, 8, seed=1)
    loss = GradientPenalty().loss(critic, real, fake, rng=torch.Generator().manual_seed(0))
    gradients = torch.autograd.grad(loss, list(critic.body[1].parameters()))
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@EACH_NAME
def test_conditional_generators_copy(name):
    generator = SMALL[name].make_conditional_generator(4, (1, 8, 8), 3).eval()
    twin = copy.deepcopy(generator)
    assert torch.equal(generator(normal(5, 4), LABELS), twin(normal(5, 4), LABELS))


def test_resolve_conditioning():
    given = Projection()
    resolved = resolve_conditioning(given)
    assert isinstance(resolved, Projection)
    assert resolved is not given
    with pytest.raises(ValueError, match=r"one of \['concatenation', 'projection'\].*'telepathy'"):
        resolve_conditioning("telepathy")
    with pytest.raises(TypeError, match="got 3 of type int"):
        resolve_conditioning(3)
    assert issubclass(Concatenation, Conditioning)
