"""The output of a generator of mixed tables."""

import pytest
import torch
from scipy.stats import chisquare
from torch import nn

from skgal.nn import TableGenerator, set_rng

GROUPS = (1, 3, 1, 2)
N = 20_000


@pytest.fixture(autouse=True)
def seeded_construction():
    """Build networks from a seed; torch's default generator is put back after the test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def make(logits):
    """A generator whose outputs before the activation don't depend on the latent."""
    body = nn.Linear(2, sum(GROUPS))
    with torch.no_grad():
        body.weight.zero_()
        body.bias.copy_(torch.tensor(logits))
    return TableGenerator(body, 2, GROUPS)


def latents(n=N):
    return torch.rand(n, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1


PROBABILITIES = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
LOGITS = [0.5, *PROBABILITIES.log().tolist(), -0.2, 0.0, 0.0]


def test_numbers_are_bounded_and_categories_sum_to_one():
    generator = make(LOGITS)
    set_rng(generator, torch.Generator().manual_seed(0))
    for rows in (generator.train()(latents(50)), generator.eval()(latents(50))):
        torch.testing.assert_close(rows[:, 0], torch.full((50,), 0.5).tanh())
        torch.testing.assert_close(rows[:, 4], torch.full((50,), -0.2).tanh())
        torch.testing.assert_close(rows[:, 1:4].sum(1), torch.ones(50))
        torch.testing.assert_close(rows[:, 5:].sum(1), torch.ones(50))
    assert set(rows[:, 1:4].unique().tolist()) == {0.0, 1.0}


def test_categories_are_drawn_with_their_probabilities():
    generator = make(LOGITS)
    set_rng(generator, torch.Generator().manual_seed(0))
    with torch.no_grad():
        for rows in (generator.train()(latents()), generator.eval()(latents())):
            counts = rows[:, 1:4].argmax(1).bincount()
            assert chisquare(counts, N * PROBABILITIES).pvalue > 1e-3


def test_columns_are_drawn_independently():
    with torch.no_grad():
        rows = make(LOGITS).eval()(latents())
    first, second = rows[:, 1:4].argmax(1), rows[:, 5:].argmax(1)
    counts = (2 * first + second).bincount()
    expected = N * (PROBABILITIES[:, None] * 0.5).expand(3, 2).flatten()
    assert chisquare(counts, expected).pvalue > 1e-3


def test_a_latent_determines_its_row():
    generator, z = make(LOGITS).eval(), latents(30)
    together = generator(z)
    torch.testing.assert_close(torch.cat([generator(row[None]) for row in z]), together)


def test_relaxed_categories_pass_gradients():
    generator = make(LOGITS)
    set_rng(generator, torch.Generator().manual_seed(0))
    rows = generator.train()(latents(200))
    (gradient,) = torch.autograd.grad(rows[:, 1].sum(), generator.body.bias)
    assert gradient[1] > 0
    assert gradient[2] < 0
    assert gradient[3] < 0
    assert gradient[[0, 4, 5, 6]].eq(0).all()
