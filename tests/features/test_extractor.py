import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier

from skgal.features import feature_extractor, penultimate_features
from skgal.generators import ACGAN, BAGAN, GAN, PolarityGAN
from skgal.nn import Dense
from skgal.utils import seeded_nets, seeded_torch


class HeadFirst(torch.nn.Module):
    """A head that is the first layer to be defined, and an auxiliary one that runs last."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(6, 3)
        self.body = torch.nn.Linear(4, 6)
        self.auxiliary = torch.nn.Linear(6, 1)

    def forward(self, X):
        hidden = self.body(X.flatten(1)).relu()
        return self.head(hidden).softmax(dim=1), self.auxiliary(2 * hidden)


@pytest.fixture
def samples():
    return np.random.RandomState(0).normal(size=(9, 4)).astype(np.float32)


@pytest.fixture
def net():
    with seeded_torch(0):
        return NeuralNetClassifier(HeadFirst, batch_size=2).initialize()


def hidden_of(net, X):
    with torch.no_grad():
        return net.module_.body(torch.from_numpy(X).flatten(1)).relu().numpy()


def extract_features(features, blocks, clf):
    extract = feature_extractor(features, clf)
    return np.concatenate([extract(block) for block in blocks])


def test_samples_themselves_flattened(samples):
    images = samples.reshape(9, 1, 2, 2)
    points = extract_features(None, [images[:4], images[4:]], None)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, samples)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, np.float32), (np.float16, np.float32), (np.int64, np.float64), (float, float)],
)
def test_dtypes_hold_the_samples(dtype, expected):
    assert extract_features(None, [np.ones((2, 3), dtype=dtype)], None).dtype == expected


def test_penultimate_layer_of_a_net(net, samples):
    before = torch.get_rng_state()
    points = extract_features("classifier", [samples[:5], samples[5:]], net)
    np.testing.assert_allclose(points, hidden_of(net, samples), rtol=1e-6)
    assert torch.equal(torch.get_rng_state(), before)
    assert not any(layer._forward_pre_hooks for layer in net.module_.modules())


def test_penultimate_layer_behind_a_pipeline(net, samples):
    scaler = StandardScaler().fit(samples)
    pipeline = make_pipeline(
        FunctionTransformer(lambda X: X.reshape(len(X), -1)), scaler, FrozenEstimator(net)
    )
    points = extract_features("classifier", [samples.reshape(9, 1, 2, 2)], pipeline)
    np.testing.assert_allclose(points, hidden_of(net, scaler.transform(samples)), rtol=1e-5)


def test_linear_model_behind_a_pipeline(samples):
    pipeline = make_pipeline(PCA(2), LogisticRegression()).fit(samples, samples[:, 0] > 0)
    points = extract_features("classifier", [samples], pipeline)
    np.testing.assert_allclose(points, pipeline[0].transform(samples))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # fits are cut short
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (5,), (5, 4)], ids=str)
def test_last_hidden_layer_of_a_perceptron(samples, activation, hidden):
    mlp = MLPClassifier(hidden, activation=activation, max_iter=3, random_state=0)
    pipeline = make_pipeline(StandardScaler(), mlp).fit(samples, np.arange(9) % 3)
    points = extract_features("classifier", [samples[:4], samples[4:]], pipeline)
    assert points.shape == (9, hidden[-1] if hidden else 4)
    logits = points @ mlp.coefs_[-1] + mlp.intercepts_[-1]
    np.testing.assert_allclose(softmax(logits, axis=1), pipeline.predict_proba(samples), rtol=1e-5)


def test_net_without_a_linear_output(samples):
    with seeded_torch(0):
        net = NeuralNetClassifier(
            torch.nn.Conv1d, module__in_channels=1, module__out_channels=2, module__kernel_size=4
        ).initialize()
    with seeded_nets(net), pytest.raises(TypeError, match="no penultimate layer"):
        penultimate_features(net, samples[:, None])


TINY = {
    "latent_dim": 2, "max_iter": 2, "batch_size": 4, "architecture": Dense(hidden=(5,)),
    "random_state": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("generator", "head"),
    [
        (ACGAN(**TINY), lambda game: game.critic.classifier),
        # Its last output is that of generated samples.
        (BAGAN(autoencoder_max_iter=2, **TINY), lambda game: game.critic.classifier),
        (PolarityGAN(autoencoder_max_iter=2, **TINY), lambda game: game.classifier[-1]),
        (
            PolarityGAN(autoencoder_max_iter=2, feature_extractor="encoder", **TINY),
            lambda game: game.classifier[-1],
        ),
    ],
    ids=["ACGAN", "BAGAN", "PolarityGAN", "PolarityGAN with extractor"],
)
def test_last_layer_of_a_generator_that_classifies(samples, generator, head):
    pipeline = make_pipeline(StandardScaler(), clone(generator)).fit(samples, np.arange(9) % 3)
    points = extract_features("classifier", [samples[:4], samples[4:]], pipeline)
    assert points.dtype == np.float32
    layer = head(pipeline[-1].net_.trained_)
    logits = points @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(
        softmax(logits[:, :3], axis=1), pipeline.predict_proba(samples), atol=1e-6
    )


def test_generator_that_does_not_classify(samples):
    gan = GAN(**TINY).fit(samples)
    with pytest.raises(TypeError, match="GAN has none of these"):
        extract_features("classifier", [samples], gan)


def test_binary_net_with_flat_outputs(samples):
    with seeded_torch(0):
        module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
        net = NeuralNetBinaryClassifier(module).initialize()
    points = extract_features("classifier", [samples], net)
    expected = module[:2](torch.from_numpy(samples)).detach().numpy()
    np.testing.assert_allclose(points, expected, rtol=1e-6)


def test_transformer(samples):
    pca = PCA(2).fit(samples)
    points = extract_features(pca, [samples[:4], samples[4:]], None)
    np.testing.assert_allclose(points, pca.transform(samples), rtol=1e-6)
    with pytest.raises(NotFittedError):
        extract_features(PCA(2), [samples], None)


def test_classifier_without_a_last_layer(samples):
    forest = RandomForestClassifier(2, random_state=0).fit(samples, samples[:, 0] > 0)
    with pytest.raises(
        TypeError, match="RandomForestClassifier has none of these; pass a transformer"
    ):
        extract_features("classifier", [samples], forest)


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        (np.array([[1.0, np.nan]]), ValueError, "features contains NaN"),
        (np.array([[1.0, np.inf]]), ValueError, "features contains infinity"),
        (scipy.sparse.eye(3, format="csr"), TypeError, "[Ss]parse"),
        (pd.DataFrame({"colour": ["red", "blue"]}), ValueError, "convert"),
    ],
)
def test_samples_that_are_no_points(block, error, message):
    with pytest.raises(error, match=message):
        extract_features(None, [block], None)
