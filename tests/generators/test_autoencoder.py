import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from skgal.generators import Autoencoder
from skgal.nn import Dense

DIGITS = load_digits().data


def small(**kwargs):
    defaults = {"latent_dim": 3, "max_iter": 2, "batch_size": 8, "random_state": 0}
    return Autoencoder(**defaults | kwargs)


# One of scikit-learn's checks permutes rows with NumPy's global generator.
@pytest.mark.touches_global_rng
@parametrize_with_checks([small(architecture=Dense(hidden=(8,)))])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("X", "image_shape"),
    [
        (DIGITS[:20, 10:14], None),
        (DIGITS[:20].reshape(-1, 1, 8, 8).astype(np.uint8), None),
        (DIGITS[:20].astype(np.float32), (1, 8, 8)),
    ],
    ids=["table", "uint8 images", "flat images"],
)
def test_there_and_back(X, image_shape):
    before = X.copy()
    autoencoder = small(image_shape=image_shape).fit(X)
    code = autoencoder.transform(X)
    restored = autoencoder.inverse_transform(code)
    assert code.shape == (20, 3) == (20, len(autoencoder.get_feature_names_out()))
    assert code.dtype == np.float32
    assert restored.shape == X.shape
    assert restored.dtype == X.dtype
    assert restored.min() >= X.min()
    assert restored.max() <= X.max()
    assert_array_equal(X, before)


def test_it_learns_to_restore():
    # As many numbers as principal components that leave a third of the variance: an
    # autoencoder of one hidden layer must do at least as well on the data it was fitted on.
    X = DIGITS[:300]
    pca = PCA(8).fit(X)
    error_of_pca = np.mean((pca.inverse_transform(pca.transform(X)) - X) ** 2)
    autoencoder = Autoencoder(
        latent_dim=8, architecture=Dense(hidden=(128,)), max_iter=800, random_state=0,
        learning_rate=3e-3,
    ).fit(X)  # fmt: skip
    error = np.mean((autoencoder.inverse_transform(autoencoder.transform(X)) - X) ** 2)
    assert error < error_of_pca
    losses = [row["reconstruction_loss"] for row in autoencoder.history_]
    assert losses[-1] < losses[0] / 3
    assert autoencoder.n_iter_ == 800


def test_data_frames():
    frame = pd.DataFrame({"a": DIGITS[:20, 10], "b": DIGITS[:20, 20].astype(int)})
    autoencoder = small().fit(frame)
    restored = autoencoder.inverse_transform(autoencoder.transform(frame))
    assert restored.dtypes.tolist() == frame.dtypes.tolist()


def test_random_state_decides_everything():
    first, second = small().fit(DIGITS[:30]), small().fit(DIGITS[:30])
    other = small(random_state=1).fit(DIGITS[:30])
    assert_array_equal(first.transform(DIGITS[:5]), second.transform(DIGITS[:5]))
    assert (first.transform(DIGITS[:5]) != other.transform(DIGITS[:5])).any()


def test_pickle_and_clone():
    autoencoder = small().fit(DIGITS[:30])
    copy = pickle.loads(pickle.dumps(autoencoder))
    assert_array_equal(copy.transform(DIGITS[:5]), autoencoder.transform(DIGITS[:5]))
    assert not hasattr(clone(autoencoder), "net_")


def test_bad_input():
    autoencoder = small()
    with pytest.raises(NotFittedError):
        autoencoder.transform(DIGITS)
    with pytest.raises(NotFittedError):
        autoencoder.inverse_transform(np.zeros((1, 3)))
    autoencoder.fit(DIGITS[:20].reshape(-1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"shape \(1, 4, 4\), but Autoencoder was"):
        autoencoder.transform(np.zeros((2, 1, 4, 4)))
    with pytest.raises(ValueError, match="latent_dim=3"):
        autoencoder.inverse_transform(np.zeros((2, 4)))
    with pytest.raises(ValueError, match="infinity"):
        small().fit(np.full((5, 2), np.inf))
