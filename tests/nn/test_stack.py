"""Generators in stages, and minibatch discrimination against a loop over all pairs."""

import copy

import pytest
import torch
from torch import nn

from skgal.nn import (
    Critic,
    Dense,
    MinibatchCritic,
    MinibatchDiscrimination,
    ProjectionCritic,
    StackCritic,
    StackGenerator,
    set_rng,
    stage_shapes,
)
from skgal.objectives import SpectralNorm

N_CLASSES = 3
LABELS = torch.arange(5) % N_CLASSES


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def latents(n=5, seed=0):
    return torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "size",
    [(256, 128), (32, 16), (16, 32), (28, 28), (8, 8), (7, 9), (33, 5), (1, 64), (3, 1)],
    ids=str,
)
@pytest.mark.parametrize("channels", [1, 3])
def test_stages_make_images_of_a_quarter_a_half_and_the_whole(size, channels):
    generator = StackGenerator(4, (channels, *size), N_CLASSES, width=1).eval()
    with torch.no_grad():
        samples = generator.samples(latents(), LABELS)
    halved = [size]
    for _ in range(2):
        halved.insert(0, tuple((side + 1) // 2 for side in halved[0]))
    assert [tuple(images.shape) for images in samples] == [(5, channels, *s) for s in halved]
    assert generator.shapes == stage_shapes((channels, *size))
    assert max(images.abs().max() for images in samples) <= 1


@pytest.mark.parametrize("shape", [(3, 16, 8), (6,)], ids=["image", "table"])
def test_each_stage_sees_what_is_before_it_and_the_class(shape):
    generator = StackGenerator(4, shape, N_CLASSES, width=2).eval()
    z = latents().requires_grad_()
    samples = generator.samples(z, LABELS)
    assert torch.equal(generator(z, LABELS), samples[-1])
    for n_used, sample in enumerate(samples, start=1):
        stages = [list(stage.parameters()) for stage in generator.stages]
        for stage, weights in enumerate(stages, start=1):
            gradients = torch.autograd.grad(
                sample.sum(), weights, retain_graph=True, allow_unused=True
            )
            reached = any(g is not None and g.abs().sum() > 0 for g in gradients)
            assert reached == (stage <= n_used)
        assert torch.autograd.grad(sample.sum(), z, retain_graph=True)[0].abs().sum() > 0
    # A class that only one stage is told changes what this one and those after it make.
    for told in range(3):
        changed = copy.deepcopy(generator)
        hooks = [
            stage.register_forward_pre_hook(_tell_other_class)
            for stage in changed.stages[told:][:1]
        ]
        others = changed.samples(z, LABELS)
        differs = [not torch.equal(a, b) for a, b in zip(samples, others, strict=True)]
        assert differs == [stage >= told for stage in range(3)]
        for hook in hooks:
            hook.remove()


def _tell_other_class(module, inputs):
    (x,) = inputs
    return torch.cat([x[:, :-N_CLASSES], x[:, -N_CLASSES:].roll(1, dims=1)], dim=1)


def test_rows_of_mixed_tables_have_one_category_at_every_stage():
    groups = (1, 3, 2)
    generator = StackGenerator(4, (6,), N_CLASSES, width=2, groups=groups)
    set_rng(generator, torch.Generator().manual_seed(0))
    for mode in (generator.train(), generator.eval()):
        for rows in mode.samples(latents(), LABELS):
            ones = torch.ones(5)
            assert torch.allclose(rows[:, 1:4].sum(1), ones)
            assert torch.allclose(rows[:, 4:].sum(1), ones)
    rows = generator(latents(200), torch.arange(200) % N_CLASSES)
    assert set(rows[:, 1:].unique().tolist()) == {0, 1}
    assert (rows[:, 1:].sum(0) > 0).all()  # all categories are drawn
    # Hidden units that rounding changes must not draw another category: the latent draws it.
    generator.stages[-1].register_forward_hook(_disturb_hidden_units)
    disturbed = generator(latents(200), torch.arange(200) % N_CLASSES)
    assert torch.equal(disturbed[:, 1:], rows[:, 1:])
    assert not torch.equal(disturbed[:, 0], rows[:, 0])


def _disturb_hidden_units(module, inputs, x):
    return torch.cat([x[:, :-4] + 1e-4, x[:, -4:]], dim=1)


def brute_force(layer, features):
    tensor = layer.tensor.weight.T.reshape(features.shape[1], layer.n_kernels, -1)
    closeness = torch.zeros(len(features), layer.n_kernels)
    for i in range(len(features)):
        for b in range(layer.n_kernels):
            for j in range(len(features)):
                distance = 0.0
                for c in range(tensor.shape[2]):
                    distance += abs((features[i] - features[j]) @ tensor[:, b, c])
                closeness[i, b] += torch.exp(-torch.as_tensor(distance))
    return closeness


def test_minibatch_discrimination_is_salimans_equation():
    layer = MinibatchDiscrimination(4, n_kernels=3, kernel_dim=2)
    features = latents(6)
    closeness = layer(features)
    torch.testing.assert_close(closeness, brute_force(layer, features))
    assert ((closeness > 1) & (closeness < 6)).all()
    torch.testing.assert_close(layer(features[:1].expand(6, -1)), torch.full((6, 3), 6.0))
    # A sample in evaluation mode is as one that is a batch of its own in training.
    alone = torch.cat([layer(one) for one in features.split(1)])
    assert torch.equal(layer.eval()(features), alone)


def test_minibatch_discrimination_has_the_derivatives_of_a_gradient_penalty():
    layer = MinibatchDiscrimination(4, n_kernels=2, kernel_dim=2).double()
    features = latents(3).double().requires_grad_()
    assert torch.autograd.gradcheck(layer, features)
    assert torch.autograd.gradgradcheck(layer, features)


def make_critic():
    single = ProjectionCritic(Critic(nn.Sequential(nn.Linear(4, 8), nn.Tanh()), 8), N_CLASSES)
    return MinibatchCritic(single, n_kernels=3)


def test_a_critic_compares_samples_in_training_only():
    critic, x = make_critic(), latents()
    sums = brute_force(critic.closeness, critic.features(x, LABELS))
    added = critic.closeness_head((sums - 1) / 4).squeeze(1)  # the mean over the four others
    torch.testing.assert_close(critic(x, LABELS), critic.critic(x, LABELS) + added)
    assert added.abs().min() > 1e-3
    critic.eval()
    torch.testing.assert_close(critic(x, LABELS), critic.critic(x, LABELS))
    assert critic.n_features == critic.features(x, LABELS).shape[1] == 8


def test_a_stack_is_the_critic_of_its_last_stage():
    critics = [
        MinibatchCritic(ProjectionCritic(Dense(hidden=(8,)).make_critic(shape), N_CLASSES))
        for shape in stage_shapes((1, 8, 4))
    ]
    stack = StackCritic(critics).eval()
    images = torch.rand(5, 1, 8, 4)
    assert torch.equal(stack(images, LABELS), critics[-1](images, LABELS))
    assert stack.features(images, LABELS).shape == (5, stack.n_features)
    assert stack.features_see_classes is False


def test_spectral_normalisation_reaches_every_layer_of_every_stage():
    stack = StackCritic([make_critic() for _ in range(3)])
    SpectralNorm(n_power_iterations=30).prepare(stack)
    layers = [module for module in stack.modules() if isinstance(module, nn.Linear)]
    assert len(layers) == 3 * 5
    for layer in layers:
        assert torch.linalg.svdvals(layer.weight).max().item() == pytest.approx(1, abs=1e-2)
