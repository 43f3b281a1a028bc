"""Monte-Carlo dropout against the formulas of the paper, term by term."""

from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from skorch import NeuralNetClassifier
from torch import nn

from skgal.classifiers import class_centroids, dropout_scores
from skgal.nn import Dropout, ResNet, make_dropout_classifier, set_rng, torch_generator
from skgal.utils import seeded_nets, seeded_torch

RNG = np.random.RandomState(0)
X = RNG.normal(size=(11, 2, 5, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2] * 3 + [0, 0])
LAYERS = ["1", "5"]


def make_net(dropout):
    with seeded_torch(0):
        module = nn.Sequential(
            nn.Conv2d(2, 3, 3),
            nn.ReLU(),
            dropout,
            nn.Flatten(),
            nn.Linear(18, 6),
            nn.ReLU(),
            nn.Linear(6, 3),
        )
        net = NeuralNetClassifier(module, criterion=nn.CrossEntropyLoss, batch_size=4, verbose=0)
        return net.initialize()


def passes(module, n_passes):
    """Activations and probabilities of all samples in each pass, batch by batch of 4."""
    seen = [{"1": [], "5": [], "6": []} for _ in range(n_passes)]
    for batch in torch.from_numpy(X).split(4):
        for one in seen:
            reached = batch
            for name, layer in module.named_children():
                reached = layer(reached)
                if name in one:
                    one[name].append(reached.detach().numpy())
    for one in seen:
        maps, dense, logits = (np.concatenate(one[name]).astype(float) for name in one)
        odds = np.exp(logits)
        yield [maps, dense[:, :, None, None]], odds / odds.sum(axis=1, keepdims=True)


def test_equations_3_and_4_term_by_term():
    n_passes, net = 3, make_net(Dropout(0.5))
    centroids = class_centroids(net, X, LABELS, 3, layers=LAYERS, seed=7)
    scores = dropout_scores(net, X, LABELS, centroids, n_passes=n_passes, layers=LAYERS, seed=9)

    module = net.module_.train()
    set_rng(module, torch_generator(7))
    ((activations, _),) = passes(module, 1)
    centres = [[a[i == LABELS].mean(axis=0) for i in range(3)] for a in activations]
    for ours, theirs in zip(centroids, centres, strict=True):
        assert_allclose(np.squeeze(ours.numpy()), np.squeeze(np.stack(theirs)), rtol=1e-5)

    set_rng(module, torch_generator(9))
    distance, entropy, proba = np.zeros(11), np.zeros(11), np.zeros((11, 3))
    for activations, p in passes(module, n_passes):
        entropy += -(p * np.log(p)).sum(axis=1) / n_passes
        proba += p / n_passes
        for j in range(11):
            for activation, centre in zip(activations, centres, strict=True):
                a, c = activation[j], centre[LABELS[j]]
                height, width = a.shape[1:]
                for h in range(height):
                    for w in range(width):
                        a_hat = a[:, h, w] / max(np.linalg.norm(a[:, h, w]), 1e-12)
                        c_hat = c[:, h, w] / max(np.linalg.norm(c[:, h, w]), 1e-12)
                        distance[j] += np.sum((a_hat - c_hat) ** 2) / (height * width * n_passes)
    assert_allclose(scores.distance, distance, rtol=1e-4)
    assert_allclose(scores.entropy, entropy, rtol=1e-4)
    assert_allclose(scores.proba, proba, rtol=1e-4)


class Whole(nn.Module):
    """A network that doesn't say in which order it calls its layers."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers
        self.calls = dict.fromkeys(["0", "4"], 0)
        for name in self.calls:
            layers.get_submodule(name).register_forward_hook(partial(self.count, name))

    def forward(self, x):
        return self.layers(x)

    def count(self, name, *call):
        self.calls[name] += 1


@pytest.mark.parametrize("dropout", [nn.Dropout(0.5), nn.Dropout(0.5, inplace=True), Dropout(0.5)])
@pytest.mark.parametrize("layers", [["1", "5"], ["5"], ["1"]], ids=str)
def test_what_comes_before_the_dropout_is_computed_once(dropout, layers):
    chain, whole = make_net(dropout), make_net(dropout)
    counter = Whole(chain.module_)
    whole.module_ = Whole(whole.module_)
    scores = {}
    for net, start in ((chain, ""), (whole, "layers.")):
        names = [start + name for name in layers]
        centroids = class_centroids(net, X, LABELS, 3, layers=names, seed=0)
        scores[net] = dropout_scores(net, X, LABELS, centroids, n_passes=4, layers=names, seed=1)
    for ours, theirs in zip(scores[chain], scores[whole], strict=True):
        assert_allclose(ours, theirs, rtol=1e-5)
    # Three batches, of which the centroids take one pass and the scores four.
    assert counter.calls == {"0": 3 + 3, "4": 3 + 12}
    assert whole.module_.calls == {"0": 3 + 12, "4": 3 + 12}


@pytest.mark.parametrize("dropout", [nn.Dropout(0.5), nn.Dropout(0.5, inplace=True), Dropout(0.5)])
def test_a_seed_decides_what_is_dropped(dropout):
    net = make_net(dropout)

    def score(seed, n_passes=1):
        centroids = class_centroids(net, X, LABELS, 3, seed=0)
        return dropout_scores(net, X, LABELS, centroids, n_passes=n_passes, seed=seed)

    for first, second in zip(score(1), score(1), strict=True):
        assert_array_equal(first, second)
    assert not np.allclose(score(1).entropy, score(2).entropy)
    # Passes differ from each other, and from what the net does otherwise.
    assert not np.allclose(score(1).proba, score(1, n_passes=2).proba)
    assert not net.module_.training
    with seeded_torch(0):
        assert not np.allclose(net.predict_proba(X), score(1).proba)


def test_batches_are_in_evaluation_but_for_the_dropout():
    net = make_net(nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.2)))
    before = net.module_[2][0].running_mean.clone()
    class_centroids(net, X, LABELS, 3, seed=0)
    assert torch.equal(net.module_[2][0].running_mean, before)


def test_a_net_without_dropout():
    for dropout in (nn.Identity(), nn.Dropout(0.0)):
        net = make_net(dropout)
        centroids = class_centroids(net, X, LABELS, 3, seed=0)
        with pytest.raises(ValueError, match="has no dropout"):
            dropout_scores(net, X, LABELS, centroids, n_passes=2, seed=0)
        # One look needs none: all is as in evaluation.
        first = dropout_scores(net, X, LABELS, centroids, n_passes=1, seed=0)
        again = dropout_scores(net, X, LABELS, centroids, n_passes=1, seed=1)
        np.testing.assert_array_equal(first.distance, again.distance)
        with seeded_nets(net):
            np.testing.assert_allclose(first.proba, net.predict_proba(X), rtol=1e-5)
    with pytest.raises(ValueError, match="layers must name submodules"):
        class_centroids(make_net(nn.Dropout()), X, LABELS, 3, layers=["conv9"], seed=0)


@pytest.mark.parametrize(
    ("last", "match"),
    [
        (nn.Identity(), "must put out class probabilities.*torch.exp of log-probabilities"),
        (nn.LogSoftmax(dim=1), "must put out class probabilities.*-"),
        (nn.Sequential(nn.Linear(3, 1), nn.Sigmoid()), "must put out class probabilities"),
        (nn.Sequential(nn.Linear(3, 1), nn.Flatten(0), nn.Sigmoid()), "class probabilities"),
        (nn.Threshold(torch.inf, torch.nan), "puts out NaN"),
    ],
)
def test_what_has_no_entropy_is_refused(last, match):
    good = make_net(nn.Dropout(0.5))
    centroids = class_centroids(good, X, LABELS, 3, layers=LAYERS, seed=0)
    net = make_net(nn.Dropout(0.5)).set_params(criterion=nn.NLLLoss).initialize()
    net.module_.append(last)
    with pytest.raises(ValueError, match=match):
        class_centroids(net, X, LABELS, 3, layers=LAYERS, seed=0)
    if "NaN" not in match:
        with pytest.raises(ValueError, match=match):
            dropout_scores(net, X, LABELS, centroids, n_passes=2, layers=LAYERS, seed=0)


def test_probabilities_are_those_that_the_net_makes_of_its_outputs():
    net = make_net(nn.Dropout(0.5))
    expected = dropout_scores(
        net, X, LABELS, class_centroids(net, X, LABELS, 3, seed=0), n_passes=2, seed=1
    )
    net.module_.append(nn.LogSoftmax(dim=1))
    net.set_params(criterion=nn.NLLLoss, predict_nonlinearity=torch.exp)
    centroids = class_centroids(net, X, LABELS, 3, seed=0)
    found = dropout_scores(net, X, LABELS, centroids, n_passes=2, seed=1)
    assert_allclose(found.entropy, expected.entropy, rtol=1e-5)


def test_a_sample_that_the_net_says_nothing_of_has_no_entropy():
    net = make_net(nn.Dropout(0.5))
    centroids = class_centroids(net, X, LABELS, 3, seed=0)
    strange = X.copy()
    strange[4] = np.nan
    scores = dropout_scores(net, strange, LABELS, centroids, n_passes=2, seed=0)
    assert np.flatnonzero(np.isnan(scores.entropy)).tolist() == [4]


@pytest.mark.parametrize(
    ("shape", "n_layers"),
    [
        ((3,), 3),
        ((1, 8, 8), 3),
        ((3, 5, 9), 3),
        ((1, 28, 31), 3),
        ((3, 32, 32), 16),
        ((1, 66, 33), 16),
    ],
)
def test_default_classifiers(shape, n_layers):
    with seeded_torch(0):
        module = make_dropout_classifier(shape, 4).eval()
    assert len(module.feature_layers) == n_layers
    assert module(torch.zeros(2, *shape)).shape == (2, 4)
    names = [name for name, layer in module.named_modules() if isinstance(layer, nn.Dropout)]
    assert len(names) == 1
    if isinstance(module, ResNet):
        # Right before the last block, as in the paper.
        children = [name for name, _ in module.named_children()]
        assert children[children.index(names[0]) + 1] == "last_block"


def test_the_large_one_is_resnet_34():
    with seeded_torch(0):
        module = make_dropout_classifier((3, 224, 224), 1000)
    assert sum(p.numel() for p in module.parameters()) == 21_797_672  # as of torchvision's


@pytest.mark.cuda
def test_on_a_gpu():
    net = make_net(nn.Dropout(0.5)).set_params(device="cuda").initialize()
    with seeded_torch(0, "cuda"):
        centroids = class_centroids(net, X, LABELS, 3, seed=0)
        scores = [
            dropout_scores(net, X, LABELS, centroids, n_passes=2, seed=1).distance for _ in range(2)
        ]
    assert centroids[0].is_cuda
    assert_allclose(*scores, rtol=1e-5)
