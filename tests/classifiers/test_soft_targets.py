"""Losses of class probabilities against torch's own, and nets that train on them."""

import numpy as np
import pytest
import skorch
import torch
from skorch.dataset import ValidSplit
from torch import nn

from skgal.classifiers import (
    SoftCrossEntropyLoss,
    SoftNLLLoss,
    accept_soft_targets,
    weighted_targets,
)
from skgal.utils import seeded_torch


@pytest.fixture
def batch():
    """Logits, probabilities and classes for 7 samples of 4 classes, in double precision."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    proba = torch.randn(7, 4, generator=generator, dtype=torch.float64).softmax(dim=1)
    return logits, proba, torch.tensor([0, 1, 2, 3, 0, 1, 2])


WEIGHT = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "class weights"])
def test_soft_nll_is_cross_entropy_of_probabilities(batch, reduction, weight):
    logits, proba, _ = batch
    ours = SoftNLLLoss(weight=weight, reduction=reduction)(logits.log_softmax(dim=1), proba)
    torchs = nn.CrossEntropyLoss(weight=weight, reduction=reduction)(logits, proba)
    torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_one_hot_probabilities_cost_what_classes_do(batch, reduction):
    logits, _, classes = batch
    one_hot = nn.functional.one_hot(classes, 4).double()
    loss = SoftNLLLoss(reduction=reduction)
    log_proba = logits.log_softmax(dim=1)
    torch.testing.assert_close(loss(log_proba, one_hot), loss(log_proba, classes))
    expected = nn.NLLLoss(reduction=reduction)(log_proba, classes)
    torch.testing.assert_close(loss(log_proba, classes), expected)


@pytest.mark.parametrize("loss", [SoftNLLLoss(), SoftCrossEntropyLoss()])
def test_outputs_of_unknown_classes_have_probability_zero(batch, loss):
    logits, proba, _ = batch
    known = proba[:, :2] / proba[:, :2].sum(dim=1, keepdim=True)
    padded = torch.cat([known, torch.zeros(7, 2, dtype=torch.float64)], dim=1)
    torch.testing.assert_close(loss(logits, known), loss(logits, padded))


@pytest.mark.parametrize("loss", [SoftNLLLoss(), SoftCrossEntropyLoss()])
def test_too_few_outputs_are_named(batch, loss):
    logits, proba, _ = batch
    with pytest.raises(ValueError, match="4 classes, but the net has 3 outputs"):
        loss(logits[:, :3], proba)


def test_scaled_targets_are_weighted_samples(batch):
    logits, proba, _ = batch
    weights = np.array([1.0, 0.1, 2.0, 3.0, 1.0, 0.5, 0.7])
    targets = torch.from_numpy(weighted_targets(proba.numpy(), weights))
    ours = nn.CrossEntropyLoss()(logits.float(), targets)
    losses = nn.CrossEntropyLoss(reduction="none")(logits, proba)
    expected = (torch.from_numpy(weights) * losses).sum() / weights.sum()
    torch.testing.assert_close(ours.double(), expected, rtol=1e-6, atol=0)


class Net(nn.Module):
    def __init__(self, softmax=True):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.softmax = softmax

    def forward(self, X):
        out = self.linear(X)
        return out.softmax(dim=1) if self.softmax else out


@pytest.fixture
def data():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 3)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.int64)


def make_net(**parameters):
    softmax = parameters.get("criterion", nn.NLLLoss) in (nn.NLLLoss, SoftNLLLoss)
    defaults = {"module__softmax": softmax, "max_epochs": 4, "lr": 0.5, "verbose": 0}
    return skorch.NeuralNetClassifier(Net, **{**defaults, **parameters})


def fit(net, X, y):
    with seeded_torch(0):
        return net.fit(X, y)


@pytest.mark.parametrize("criterion", [nn.NLLLoss, nn.CrossEntropyLoss])
def test_net_learns_from_one_hot_rows_what_it_learns_from_classes(data, criterion):
    X, y = data
    hard = fit(make_net(criterion=criterion), X, y)
    soft = make_net(criterion=criterion, classes=[0, 1])
    accept_soft_targets(soft)
    fit(soft, X, weighted_targets(np.eye(2)[y]))
    # The default train_split is stratified, so this holds only if it saw the same classes.
    for name, parameter in hard.module_.state_dict().items():
        torch.testing.assert_close(soft.module_.state_dict()[name], parameter, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        soft.history[:, "valid_loss"], hard.history[:, "valid_loss"], atol=1e-6
    )


def test_gradient_step_on_soft_targets_is_that_of_the_closed_form(data):
    X, _ = data
    proba = np.random.RandomState(1).dirichlet([1, 1], size=30)
    net = make_net(train_split=None, max_epochs=1, batch_size=-1, classes=[0, 1])
    accept_soft_targets(net)
    with seeded_torch(0):
        start = Net()
        before = start.linear.weight.detach().double().numpy().copy()
        bias = start.linear.bias.detach().double().numpy().copy()
    fit(net, X, weighted_targets(proba))
    scores = X @ before.T + bias
    predicted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gradient = (predicted - proba).T @ X / len(X)
    after = net.module_.linear.weight.detach().numpy()
    np.testing.assert_allclose(after, before - 0.5 * gradient, atol=1e-5)


def test_net_without_the_default_callbacks(data):
    X, y = data
    net = make_net(callbacks="disable", classes=[0, 1])
    accept_soft_targets(net)
    fit(net, X, weighted_targets(np.eye(2)[y]))


def test_valid_acc_is_all_that_goes(data):
    X, y = data
    net = make_net(classes=[0, 1])
    accept_soft_targets(net)
    fit(net, X, weighted_targets(np.eye(2)[y]))
    names = [name for name, _ in net.callbacks_]
    assert names == ["epoch_timer", "train_loss", "valid_loss", "print_log"]


def test_validation_split_is_stratified_by_the_most_probable_class():
    proba = np.repeat([[0.9, 0.1], [0.3, 0.7]], [40, 10], axis=0)
    net = make_net(train_split=ValidSplit(5, stratified=True))
    accept_soft_targets(net)
    X = np.zeros((50, 3), dtype=np.float32)
    _, valid = net.get_split_datasets(X, weighted_targets(proba))
    classes = [int(np.argmax(valid[i][1])) for i in range(len(valid))]
    assert sorted(classes) == [0] * 8 + [1] * 2


def test_criterion_instances_keep_their_parameters(data):
    X, y = data
    criterion = nn.CrossEntropyLoss(weight=WEIGHT[:2].float(), label_smoothing=0.1)
    net = make_net(criterion=criterion, classes=[0, 1])
    accept_soft_targets(net)
    fit(net, X, weighted_targets(np.eye(2)[y]))
    assert type(net.criterion_) is SoftCrossEntropyLoss
    assert net.criterion_.label_smoothing == 0.1
    assert net.criterion_.weight.tolist() == [0.5, 2.0]


def test_criterion_parameters_of_the_net_still_count(data):
    X, y = data
    net = make_net(criterion__weight=torch.tensor([1.0, 5.0]), classes=[0, 1])
    accept_soft_targets(net)
    fit(net, X, weighted_targets(np.eye(2)[y]))
    assert net.criterion_.weight.tolist() == [1.0, 5.0]


def test_users_own_soft_criterion_is_kept():
    class Own(SoftNLLLoss):
        pass

    net = make_net(criterion=Own)
    accept_soft_targets(net)
    assert net.criterion is Own


@pytest.mark.parametrize("criterion", [nn.MultiMarginLoss, nn.MultiMarginLoss()])
def test_other_criteria_are_refused(criterion):
    with pytest.raises(TypeError, match="got MultiMarginLoss"):
        accept_soft_targets(make_net(criterion=criterion))
