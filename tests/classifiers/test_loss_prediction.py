import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch import NeuralNetClassifier

from skgal.classifiers import LossPredictionClassifier
from skgal.features import penultimate_features
from skgal.nn import ConvClassifier, LossPrediction
from skgal.objectives import pairwise_ranking_loss
from skgal.utils import seeded_nets, seeded_torch


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(4, 16)
        self.activation = torch.nn.ReLU()
        self.last = torch.nn.Linear(16, 2)

    def forward(self, X):
        return self.last(self.activation(self.first(X)))


def make_net(cls=LossPredictionClassifier, **params):
    params = {"max_epochs": 3, "batch_size": 16, "lr": 0.1, "train_split": None, **params}
    return cls(Mlp, verbose=0, **params)


@pytest.fixture
def samples():
    X = np.random.RandomState(0).normal(size=(64, 4)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(int)


def fit(net, samples):
    with seeded_nets(net):
        return net.fit(*samples)


def test_head_sees_pooled_outputs():
    with seeded_torch(0):
        head = LossPrediction(2, width=3)
        image, vector = torch.randn(5, 4, 6, 6), torch.randn(5, 7)
        losses = head([image, vector])
        pooled = head([image.mean(dim=(2, 3)), vector])
    torch.testing.assert_close(losses, pooled)
    assert [branch.in_features for branch in head.branches] == [4, 7]
    with pytest.raises(ValueError, match="the outputs of 2 layers; got 1"):
        head([vector])


def test_loss_is_the_classifiers_plus_the_ranking(samples):
    X, y = samples
    net = fit(make_net(loss_weight=0.3, margin=0.7), samples)
    target = torch.from_numpy(y)
    with torch.no_grad():
        output = net.infer(torch.from_numpy(X))
        loss = net.get_loss(output, target, training=True)
        losses = torch.nn.functional.cross_entropy(output[0], target, reduction="none")
        expected = losses.mean() + 0.3 * pairwise_ranking_loss(output[1], losses, 0.7)
    torch.testing.assert_close(loss, expected)


def test_without_weight_the_classifier_is_skorchs(samples):
    # Same seed, and the head draws its weights after the network has drawn its own.
    with seeded_torch(0):
        ours = make_net(loss_weight=0.0, iterator_train__shuffle=False).fit(*samples)
    with seeded_torch(0):
        plain = make_net(
            NeuralNetClassifier,
            criterion=torch.nn.CrossEntropyLoss,
            iterator_train__shuffle=False,
        ).fit(*samples)
    with seeded_torch(0):
        np.testing.assert_allclose(
            ours.predict_proba(samples[0]), plain.predict_proba(samples[0]), rtol=1e-5
        )


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_head_is_trained(samples, optimizer):
    net = make_net(optimizer=optimizer, max_epochs=1)
    with seeded_nets(net):
        net.fit(*samples)
        before = {name: p.detach().clone() for name, p in net.loss_module_.named_parameters()}
        net.partial_fit(*samples)
    after = dict(net.loss_module_.named_parameters())
    unchanged = [name for name in before if torch.equal(before[name], after[name])]
    assert unchanged == ["head.bias"]  # it cancels in every difference


def test_predicted_losses_follow_the_losses():
    # Labels are noise where the second feature is positive: there the losses are large.
    rng = np.random.RandomState(0)
    X = rng.normal(size=(600, 4)).astype(np.float32)
    y = np.where(X[:, 1] > 0, rng.randint(2, size=600), X[:, 0] > 0).astype(int)
    net = fit(make_net(max_epochs=25, batch_size=32), (X[:400], y[:400]))
    with seeded_nets(net):
        predicted = net.predict_loss(X[400:])
    noisy = X[400:, 1] > 0
    # The share of pairs in the right order, a half by chance.
    assert (predicted[noisy][:, None] > predicted[~noisy]).mean() > 0.8


def test_detached_head_leaves_the_network_alone(samples):
    X, y = samples
    gradients = []
    for detach_after in (None, 0):
        net = make_net(detach_after=detach_after, max_epochs=1)
        with seeded_nets(net):
            net.fit(X, y)
        net.optimizer_.zero_grad()
        _, predicted = net.infer(torch.from_numpy(X))
        predicted.sum().backward()
        gradients.append(net.module_.first.weight.grad)
        assert net.loss_module_.head.weight.grad is not None
    assert gradients[0] is not None
    assert gradients[1] is None


def test_conv_classifier_images_and_named_layers():
    X = np.random.RandomState(0).randint(256, size=(20, 1, 8, 8)).astype(np.uint8)
    y = np.arange(20) % 2
    shape = {"module__image_shape": (1, 8, 8), "module__n_classes": 2}
    net = LossPredictionClassifier(ConvClassifier, max_epochs=1, verbose=0, **shape)
    assert fit(net, (X, y)).loss_module_.head.in_features == 5 * 128
    net.set_params(layers=["features.2", "features"], loss_width=8)
    assert fit(net, (X, y)).loss_module_.head.in_features == 2 * 8
    with seeded_nets(net):
        assert net.predict_loss(X).shape == (20,)
        assert net.predict_proba(X).shape == (20, 2)


def test_clone_pickle_and_penultimate_layer(samples):
    net = fit(clone(make_net()), samples)
    with seeded_nets(net):
        losses = net.predict_loss(samples[0])
        np.testing.assert_array_equal(
            pickle.loads(pickle.dumps(net)).predict_loss(samples[0]), losses
        )
        assert penultimate_features(net, samples[0]).shape == (64, 16)


def test_users_criterion_is_not_changed(samples):
    criterion = torch.nn.CrossEntropyLoss()
    fit(make_net(criterion=criterion), samples)
    assert criterion.reduction == "mean"


def test_layers_that_are_not_there(samples):
    with pytest.raises(ValueError, match=r"layers must name submodules .*'activation'"):
        fit(make_net(layers=["relu"]), samples)
    net = LossPredictionClassifier(torch.nn.Linear, module__in_features=4, module__out_features=2)
    with pytest.raises(ValueError, match="no hidden activation"):
        fit(net, samples)


def test_criterion_without_losses_of_samples(samples):
    class Odd(torch.nn.Module):
        pass

    with pytest.raises(TypeError, match="with a reduction such as"):
        fit(make_net(criterion=Odd), samples)
