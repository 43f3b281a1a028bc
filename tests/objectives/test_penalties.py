"""Penalties against closed forms, finite differences and NumPy."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from skgal.objectives import (
    PENALTIES,
    ConsistencyTerm,
    GradientPenalty,
    LazyPenalty,
    Penalty,
    SpectralNorm,
    WeightClip,
    resolve_penalties,
)


@pytest.fixture
def seeded_construction():
    """Build networks from a seed; torch's default generator is put back after the test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


class LinearCritic(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(torch.as_tensor(weight, dtype=torch.float64))

    def forward(self, x):
        return x.flatten(1) @ self.weight


class SmoothCritic(nn.Module):
    """One hidden tanh layer: smooth, so that finite differences are accurate."""

    def __init__(self, n_features=3, n_hidden=4):
        super().__init__()
        self.first = nn.Parameter(normal(n_features, n_hidden, seed=1))
        self.second = nn.Parameter(normal(n_hidden, seed=2))

    def forward(self, x):
        return torch.tanh(x.flatten(1) @ self.first) @ self.second


class NoisyCritic(nn.Module):
    """Features multiplied by masks that the test knows."""

    def __init__(self, masks):
        super().__init__()
        self.masks = masks
        self.head = nn.Linear(3, 1, dtype=torch.float64)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[1.0, -1.0, 0.5]]))

    def features(self, x):
        return x * self.masks


@pytest.mark.usefixtures("seeded_construction")
class TestWeightClip:
    def test_bounds_every_parameter_and_leaves_the_small_ones(self):
        critic = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 1))
        before = [p.detach().numpy().copy() for p in critic.parameters()]
        WeightClip(bound=0.1).project(critic)
        for parameter, old in zip(critic.parameters(), before, strict=True):
            np.testing.assert_array_equal(parameter.detach(), np.clip(old, -0.1, 0.1).astype("f4"))
            assert parameter.requires_grad

    def test_adds_no_loss(self):
        assert WeightClip().loss(nn.Linear(2, 1), normal(3, 2), normal(3, 2), rng=seeded()) is None


class TestGradientPenalty:
    @pytest.mark.parametrize("target", [0.0, 1.0])
    def test_linear_critic_has_a_closed_form(self, target):
        weight = np.array([2.0, -1.0, 0.5, 3.0])
        penalty = GradientPenalty(weight=7.0, target=target)
        value = penalty.loss(
            LinearCritic(weight), normal(6, 1, 2, 2), normal(6, 1, 2, 2, seed=1), rng=seeded()
        )
        assert value.item() == pytest.approx(7 * (np.linalg.norm(weight) - target) ** 2, rel=1e-12)

    def test_value_against_finite_differences_of_the_critic(self):
        critic, real, fake = SmoothCritic(), normal(5, 3, seed=3), normal(5, 3, seed=4)
        value = GradientPenalty(weight=10.0).loss(critic, real, fake, rng=seeded(7)).item()

        position = torch.rand(5, 1, generator=seeded(7), dtype=torch.float64)
        between, step = position * real + (1 - position) * fake, 1e-6
        gradient = np.empty((5, 3))
        with torch.no_grad():
            for j in range(3):
                shift = step * torch.eye(3, dtype=torch.float64)[j]
                gradient[:, j] = (critic(between + shift) - critic(between - shift)) / (2 * step)
        expected = 10 * ((np.linalg.norm(gradient, axis=1) - 1) ** 2).mean()
        assert value == pytest.approx(expected, rel=1e-7)

    def test_gradient_in_the_weights_against_finite_differences(self):
        critic, real, fake = SmoothCritic(), normal(5, 3, seed=3), normal(5, 3, seed=4)

        def penalty(first, second):
            replaced = {"first": first, "second": second}
            return GradientPenalty().loss(
                lambda x: torch.func.functional_call(critic, replaced, (x,)),
                real,
                fake,
                rng=seeded(7),
            )

        assert torch.autograd.gradcheck(penalty, (critic.first, critic.second))

    def test_interpolates_lie_between_the_pair(self):
        seen = []

        def critic(x):
            seen.append(x.detach())
            return x.sum((1, 2, 3))

        real, fake = torch.zeros(500, 1, 2, 2), torch.ones(500, 1, 2, 2)
        GradientPenalty().loss(critic, real, fake, rng=seeded())
        (between,) = seen
        positions = between[:, 0, 0, 0]
        assert (between == positions[:, None, None, None]).all()  # one position for each sample
        assert positions.min() < 0.02
        assert positions.max() > 0.98
        assert positions.mean() == pytest.approx(0.5, abs=0.05)

    def test_no_gradient_flows_to_the_samples(self):
        real, fake = normal(4, 3).requires_grad_(), normal(4, 3, seed=1).requires_grad_()
        GradientPenalty().loss(SmoothCritic(), real, fake, rng=seeded()).backward()
        assert real.grad is None
        assert fake.grad is None

    def test_constant_critic_has_finite_gradients(self):
        critic = LinearCritic(np.zeros(3))
        loss = GradientPenalty().loss(critic, normal(4, 3), normal(4, 3, seed=1), rng=seeded())
        loss.backward()
        assert loss.item() == 10
        assert torch.isfinite(critic.weight.grad).all()

    def test_batches_of_different_sizes(self):
        with pytest.raises(ValueError, match=r"\(4, 3\) and \(5, 3\)"):
            GradientPenalty().loss(SmoothCritic(), normal(4, 3), normal(5, 3), rng=seeded())


@pytest.mark.usefixtures("seeded_construction")
class TestConsistencyTerm:
    real = normal(2, 3, seed=5)
    masks = torch.tensor([[2, 0, 2], [0, 0, 2], [2, 2, 0], [0, 2, 2]], dtype=torch.float64)

    def by_hand(self, critic, *, weight, margin):
        weights = critic.head.weight.detach().numpy()[0]
        terms = []
        for i in range(2):
            first, second = (self.real[i] * self.masks[k] for k in (i, i + 2))
            difference = (first - second).numpy()
            terms.append((difference @ weights) ** 2 + 0.1 * np.mean(difference**2))
        return weight * np.mean(np.maximum(0, np.array(terms) - margin))

    @pytest.mark.parametrize(("weight", "margin"), [(2.0, 0.0), (3.0, 0.5)])
    def test_value_by_hand(self, weight, margin):
        critic = NoisyCritic(self.masks)
        value = ConsistencyTerm(weight=weight, margin=margin).loss(critic, self.real, None)
        expected = self.by_hand(critic, weight=weight, margin=margin)
        assert value.item() == pytest.approx(expected, rel=1e-12)

    def test_zero_without_dropout(self):
        critic = NoisyCritic(torch.ones(4, 3, dtype=torch.float64))
        assert ConsistencyTerm().loss(critic, self.real, None).item() == 0

    def test_costs_nothing_within_the_margin(self):
        critic = NoisyCritic(self.masks)
        assert ConsistencyTerm(margin=1e6).loss(critic, self.real, None).item() == 0

    def test_brings_its_dropout(self):
        critic = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.0), nn.Linear(4, 1))
        ConsistencyTerm(dropout=0.3).prepare(critic)
        assert critic[1].p == 0.3
        with pytest.raises(ValueError, match="has no dropout layers"):
            ConsistencyTerm().prepare(nn.Linear(3, 1))


class TestPlacesOfTheGradient:
    @pytest.mark.parametrize("target", [0.0, 1.0])
    def test_real_fake_and_both(self, target):
        # D(x) = x^2 / 2 has the slope x.
        def critic(x):
            return x[:, 0].square() / 2

        real, fake = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])

        def loss(at):
            penalty = GradientPenalty(weight=2.0, target=target, at=at)
            return penalty.loss(critic, real, fake, rng=seeded()).item()

        at_real = 2 * ((1 - target) ** 2 + (2 - target) ** 2) / 2
        at_fake = 2 * (3 - target) ** 2
        assert loss("real") == pytest.approx(at_real)
        assert loss("fake") == pytest.approx(at_fake)
        assert loss("both") == pytest.approx(at_real + at_fake)


class TestLazyPenalty:
    def test_acts_at_every_kth_step_k_times_as_strongly(self):
        lazy, critic = LazyPenalty(GradientPenalty(), every=3), LinearCritic(np.array([3.0]))
        samples = normal(4, 1), normal(4, 1, seed=1)
        losses = [lazy.loss(critic, *samples, rng=seeded(), step=step) for step in range(7)]
        assert [step for step, loss in enumerate(losses) if loss is not None] == [0, 3, 6]
        assert losses[3].item() == 3 * GradientPenalty().loss(critic, *samples, rng=seeded()).item()

    @pytest.mark.usefixtures("seeded_construction")
    def test_constraints_hold_at_every_step(self):
        critic = nn.Linear(3, 1)
        LazyPenalty(WeightClip(bound=0.01)).project(critic)
        assert critic.weight.abs().max() <= 0.01

    def test_parameters_of_the_wrapped_one_are_its_own(self):
        lazy = LazyPenalty(GradientPenalty(weight=3.0)).set_params(penalty__weight=5.0)
        (resolved,) = resolve_penalties(lazy)
        assert resolved.penalty.weight == 5
        assert resolved.penalty is not lazy.penalty
        with pytest.raises(ValueError, match="'weight' parameter of GradientPenalty"):
            resolve_penalties(LazyPenalty(GradientPenalty(weight=-1.0)))


@pytest.mark.usefixtures("seeded_construction")
class TestSpectralNorm:
    def make_critic(self):
        critic = nn.Sequential(
            nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(45, 7), nn.BatchNorm1d(7), nn.Linear(7, 1)
        )
        with torch.no_grad():
            for i, parameter in enumerate(critic.parameters()):
                parameter.copy_(normal(*parameter.shape, seed=i))
        SpectralNorm().prepare(critic)
        return critic

    def test_largest_singular_value_is_one(self):
        critic = self.make_critic()
        for i in range(100):
            critic(normal(3, 2, 5, 5, seed=i).float())
        for layer in (critic[0], critic[2], critic[4]):
            weight = layer.weight.detach().numpy()
            largest = np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)[0]
            assert largest == pytest.approx(1, abs=1e-3)

    def test_copies_and_state_dict_are_complete(self):
        critic, other, x = self.make_critic(), self.make_critic(), normal(3, 2, 5, 5).float()
        for _ in range(3):
            critic(x)
        twin = copy.deepcopy(critic)
        other.load_state_dict(critic.state_dict())
        for network in (twin, other):
            assert torch.equal(network(x), copy.deepcopy(critic)(x))

    def test_works_with_a_gradient_penalty(self):
        critic = self.make_critic().eval()
        real, fake = (normal(3, 2, 5, 5, seed=seed).float() for seed in (0, 1))
        loss = GradientPenalty().loss(lambda x: critic(x).squeeze(1), real, fake, rng=seeded())
        loss.backward()
        gradients = [p.grad for p in critic.parameters() if p.grad is not None]
        assert gradients
        assert all(torch.isfinite(gradient).all() for gradient in gradients)


class TestResolvePenalties:
    @pytest.mark.parametrize("name", PENALTIES)
    def test_a_name(self, name):
        (penalty,) = resolve_penalties(name)
        assert type(penalty) is PENALTIES[name]

    def test_none_and_sequences(self):
        assert resolve_penalties(None) == resolve_penalties(()) == ()
        first, second = resolve_penalties(["consistency", GradientPenalty(weight=3)])
        assert isinstance(first, ConsistencyTerm)
        assert second.weight == 3

    def test_gives_copies(self):
        penalty = GradientPenalty(weight=3)
        (resolved,) = resolve_penalties(penalty)
        assert resolved is not penalty
        assert resolved.get_params() == penalty.get_params()

    @pytest.mark.parametrize("kind", PENALTIES.values())
    def test_penalties_are_estimators(self, kind):
        penalty = kind()
        assert set(penalty._parameter_constraints) == set(penalty.get_params())
        assert repr(clone(penalty)) == f"{kind.__name__}()"

    def test_a_penalty_of_ones_own_does_nothing_by_default(self):
        class Own(Penalty):
            pass

        (own,) = resolve_penalties(Own())
        critic = SmoothCritic()
        before = copy.deepcopy(critic.state_dict())
        own.prepare(critic)
        own.project(critic)
        assert own.loss(critic, normal(2, 3), normal(2, 3), rng=seeded()) is None
        assert all(torch.equal(before[key], value) for key, value in critic.state_dict().items())

    @pytest.mark.parametrize(
        ("penalty", "error", "message"),
        [
            ("clip", ValueError, "'weight_clip'.*got 'clip'"),
            (["gradient_penalty", "clip"], ValueError, "got 'clip'"),
            (3.0, TypeError, "got 3.0 of type float"),
            (GradientPenalty, TypeError, "of type type"),
            (["weight_clip", WeightClip(bound=1)], ValueError, "at most once"),
            (WeightClip(bound=0.0), ValueError, "'bound' parameter of WeightClip"),
            (GradientPenalty(weight=-1.0), ValueError, "'weight' parameter of GradientPenalty"),
            (ConsistencyTerm(margin="x"), ValueError, "'margin' parameter of ConsistencyTerm"),
            (SpectralNorm(n_power_iterations=0), ValueError, "'n_power_iterations' parameter"),
        ],
    )
    def test_bad_input(self, penalty, error, message):
        with pytest.raises(error, match=message):
            resolve_penalties(penalty)
