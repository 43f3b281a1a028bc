import numpy as np
import pytest
import torch

from skgal.objectives import pairwise_ranking_loss


def by_hand(predicted, actual, margin):
    """Equation (2) of the paper, pair by pair: first with last, second with last but one."""
    n_pairs = len(predicted) // 2
    total = 0.0
    for i in range(n_pairs):
        j = len(predicted) - 1 - i
        sign = 1 if actual[i] > actual[j] else -1
        total += max(0.0, -sign * (predicted[i] - predicted[j]) + margin)
    return total / n_pairs


@pytest.mark.parametrize("n_samples", [2, 7, 32])
@pytest.mark.parametrize("margin", [0.5, 1.0])
def test_closed_form(n_samples, margin):
    rng = np.random.RandomState(n_samples)
    predicted, actual = rng.normal(size=(2, n_samples))
    loss = pairwise_ranking_loss(torch.tensor(predicted), torch.tensor(actual), margin)
    assert loss.item() == pytest.approx(by_hand(predicted, actual, margin))


def test_gradient_pulls_a_wrong_pair_apart():
    predicted = torch.tensor([0.2, 0.1], requires_grad=True)
    pairwise_ranking_loss(predicted, torch.tensor([0.0, 1.0])).backward()
    assert predicted.grad.tolist() == [1.0, -1.0]


def test_scale_of_the_losses_does_not_matter():
    predicted, actual = torch.tensor([0.3, 0.1, 0.8, 0.2]), torch.tensor([0.5, 0.9, 0.1, 0.2])
    assert pairwise_ranking_loss(predicted, actual) == pairwise_ranking_loss(
        predicted, actual / 1000
    )


def test_batch_of_one_costs_nothing():
    predicted = torch.tensor([3.0], requires_grad=True)
    loss = pairwise_ranking_loss(predicted, torch.tensor([1.0]))
    loss.backward()
    assert loss.item() == 0
