import builtins
import io
import os
import pickle
from urllib.error import URLError

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from skgal.datasets import load_images

BIG_SETS = {
    "mnist": (60_000, (1, 28, 28)),
    "fashion_mnist": (60_000, (1, 28, 28)),
    "cifar10": (50_000, (3, 32, 32)),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKGAL_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture
def offline(monkeypatch):
    def fetch_openml(*args, **kwargs):
        raise URLError("no network in tests")

    monkeypatch.setattr("skgal.datasets._images.fetch_openml", fetch_openml)


def random_images(n, *image_shape):
    return np.random.default_rng(n).integers(0, 256, size=(n, *image_shape), dtype=np.uint8)


def write_arrays(path, *image_shape):
    arrays = {
        "X_train": random_images(7, *image_shape),
        "y_train": np.arange(7, dtype=np.uint8),
        "X_test": random_images(3, *image_shape),
        "y_test": np.arange(3, dtype=np.uint8)[::-1],
    }
    np.savez(path, **arrays)
    return arrays


def write_jpegs(path):
    image_module = pytest.importorskip("PIL.Image", reason="needs PIL, comes with matplotlib")
    # Flat colours survive the compression, so that the test can tell channels apart.
    colours = np.array([[250, 10, 20], [10, 240, 30], [0, 5, 255]], dtype=np.uint8)
    jpegs = []
    for colour in colours:
        buffer = io.BytesIO()
        image = np.broadcast_to(colour, (32, 32, 3))
        image_module.fromarray(np.ascontiguousarray(image)).save(buffer, "JPEG", quality=95)
        jpegs.append(buffer.getvalue())
    arrays = {}
    for part in ("train", "test"):
        arrays[f"{part}_bytes"] = np.frombuffer(b"".join(jpegs), dtype=np.uint8)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, jpegs)])
        arrays[f"y_{part}"] = np.array([2, 1, 0], dtype=np.uint8)
    np.savez(path, **arrays)
    return colours


def test_digits_are_those_of_scikit_learn():
    X, y = load_images("digits", subset="all", return_X_y=True)
    original = load_digits()
    assert X.shape == (1797, 1, 8, 8)
    assert X.dtype == np.uint8
    assert y.dtype == np.int64
    np.testing.assert_allclose(X[:, 0] * (16 / 255), original.images, atol=0.5 * 16 / 255)
    np.testing.assert_array_equal(y, original.target)


def test_digits_split_is_fixed_and_has_all_classes_on_both_sides():
    X, y = load_images("digits", subset="all", return_X_y=True)
    train, test = load_images("digits"), load_images("digits", subset="test")
    np.testing.assert_array_equal(np.concatenate([train.data, test.data]), X)
    np.testing.assert_array_equal(np.concatenate([train.target, test.target]), y)
    assert len(test.data) == 360
    assert np.bincount(test.target).min() > 30


def test_bunch_describes_the_set():
    digits = load_images("digits")
    assert set(digits) == {"data", "target", "target_names", "DESCR"}
    assert digits.target_names == list("0123456789")
    assert "1,797 grey images" in digits.DESCR


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_grey_images_from_the_folder(name, folder, offline):
    arrays = write_arrays(folder / f"{name}.npz", 28, 28)
    train, test = load_images(name), load_images(name, subset="test")
    np.testing.assert_array_equal(train.data, arrays["X_train"][:, np.newaxis])
    np.testing.assert_array_equal(test.data, arrays["X_test"][:, np.newaxis])
    np.testing.assert_array_equal(test.target, [2, 1, 0])
    assert train.data.dtype == np.uint8
    assert train.target.dtype == np.int64
    assert load_images(name, subset="all").target.tolist() == [0, 1, 2, 3, 4, 5, 6, 2, 1, 0]


def test_colour_images_from_the_folder(folder, offline):
    arrays = write_arrays(folder / "cifar10.npz", 32, 32, 3)
    X, _ = load_images("cifar10", return_X_y=True)
    assert X.shape == (7, 3, 32, 32)
    assert X.flags.c_contiguous
    np.testing.assert_array_equal(X[5, 2], arrays["X_train"][5, :, :, 2])


def test_jpegs_from_the_folder(folder, offline):
    colours = write_jpegs(folder / "cifar10_jpeg.npz")
    X, y = load_images("cifar10", return_X_y=True)
    assert X.shape == (3, 3, 32, 32)
    assert y.tolist() == [2, 1, 0]
    expected = np.broadcast_to(colours[:, :, np.newaxis, np.newaxis], X.shape)
    np.testing.assert_allclose(X.astype(int), expected.astype(int), atol=4)


def test_unpacked_images_come_before_jpegs(folder, offline):
    write_jpegs(folder / "cifar10_jpeg.npz")
    write_arrays(folder / "cifar10.npz", 32, 32, 3)
    assert len(load_images("cifar10").data) == 7


def test_jpegs_without_pillow(folder, offline, monkeypatch):
    write_jpegs(folder / "cifar10_jpeg.npz")
    original = builtins.__import__

    def without_pillow(name, *args, **kwargs):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(ImportError, match="pip install pillow"):
        load_images("cifar10")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X_train": None}, "X_train is not a file in the archive"),
        ({"X_train": np.zeros((7, 784), np.uint8)}, r"images of shape \(n, h, w\)"),
        ({"X_train": np.zeros((7, 28, 28))}, "dtype float64"),
        ({"y_train": np.zeros(6, np.uint8)}, r"labels of shape \(6,\)"),
        ({"X_train": np.array([[[{}]]])}, "allow_pickle=False"),
    ],
)
def test_a_file_that_is_not_laid_out_as_documented(change, message, folder, offline):
    arrays = write_arrays(folder / "mnist.npz", 28, 28) | change
    np.savez(folder / "mnist.npz", **{key: a for key, a in arrays.items() if a is not None})
    with pytest.raises(ValueError, match=message):
        load_images("mnist")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_archives_are_named(save, folder, offline):
    path = folder / "mnist.npz"
    write_arrays(path, 28, 28)
    save(path, **np.load(path))
    content, rng = path.read_bytes(), np.random.RandomState(0)
    damaged = [content[:n] for n in (0, 10, len(content) // 2, len(content) - 5)]
    for start in rng.randint(len(content), size=30):
        damaged.append(content[:start] + rng.bytes(40) + content[start + 40 :])
    messages = []
    for each in (*damaged, b"no archive", pickle.dumps({"X_train": 1})):
        path.write_bytes(each)
        try:
            load_images("mnist")
        except ValueError as error:
            messages.append(str(error))
    assert len(messages) > 25
    assert all(message.startswith(str(path)) for message in messages)


def test_damaged_images_in_an_archive_are_named(folder, offline):
    write_jpegs(folder / "cifar10_jpeg.npz")
    arrays = dict(np.load(folder / "cifar10_jpeg.npz"))
    for n_kept in (0, 100, len(arrays["train_bytes"]) - 50):
        cut = arrays | {"train_bytes": arrays["train_bytes"][:n_kept]}
        np.savez(folder / "cifar10_jpeg.npz", **cut)
        with pytest.raises(ValueError, match=r"cifar10_jpeg\.npz is damaged"):
            load_images("cifar10")


@pytest.mark.parametrize("name", BIG_SETS)
@pytest.mark.parametrize("has_pandas", [True, False])
def test_openml_where_the_folder_lacks_the_file(name, has_pandas, folder, monkeypatch):
    n_train, image_shape = BIG_SETS[name]
    row = np.arange(np.prod(image_shape)) % 256
    calls = []

    def fetch_openml(*args, **kwargs):
        calls.append((args, kwargs))
        n = n_train + 10_000
        y = np.array([str(i % 10) for i in range(n)], dtype=object)
        return np.broadcast_to(row.astype(float), (n, row.size)), y

    monkeypatch.setattr("skgal.datasets._images.fetch_openml", fetch_openml)
    monkeypatch.setattr("skgal.datasets._images.find_spec", lambda _: has_pandas or None)
    X, y = load_images(name, subset="test", return_X_y=True, data_home="somewhere")
    assert X.shape == (10_000, *image_shape)
    assert X.dtype == np.uint8
    assert y.dtype == np.int64
    np.testing.assert_array_equal(X[7].ravel(), row)
    assert y[:3].tolist() == [n_train % 10, (n_train + 1) % 10, (n_train + 2) % 10]

    ((openml_name,), kwargs) = calls[0]
    assert (
        openml_name
        == {
            "mnist": "mnist_784",
            "fashion_mnist": "Fashion-MNIST",
            "cifar10": "CIFAR_10",
        }[name]
    )
    assert kwargs["version"] == 1
    assert kwargs["data_home"] == "somewhere"
    assert kwargs["parser"] == ("pandas" if has_pandas else "liac-arff")


def test_neither_folder_nor_network(offline, monkeypatch):
    monkeypatch.delenv("SKGAL_DATA", raising=False)
    with pytest.raises(OSError, match=r"mnist.npz.* SKGAL_DATA names \(now unset\)"):
        load_images("mnist")


def test_neither_file_nor_network(folder, offline):
    with pytest.raises(OSError, match=rf"no network.*mnist.npz.*\(now {folder}\)"):
        load_images("mnist")


def test_a_folder_that_does_not_exist(folder, monkeypatch):
    monkeypatch.setenv("SKGAL_DATA", str(folder / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"nowhere.*is not a folder"):
        load_images("mnist")


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match="imagenet") as raised:
        load_images("imagenet")
    for name in ["digits", *BIG_SETS]:
        assert f"'{name}'" in str(raised.value)
    with pytest.raises(ValueError, match="subset"):
        load_images("digits", subset="validation")


@pytest.mark.skipif(not os.environ.get("SKGAL_DATA"), reason="SKGAL_DATA names no folder")
@pytest.mark.parametrize(("name", "score"), [("mnist", 0.85), ("fashion_mnist", 0.7)])
def test_real_images_have_their_own_labels(name, score):
    train, test = load_images(name), load_images(name, subset="test")
    assert train.data.shape == (60_000, 1, 28, 28)
    assert test.data.shape == (10_000, 1, 28, 28)
    neighbours = KNeighborsClassifier(3).fit(
        train.data[:2000].reshape(2000, -1), train.target[:2000]
    )
    assert neighbours.score(test.data[:500].reshape(500, -1), test.target[:500]) > score


@pytest.mark.skipif(not os.environ.get("SKGAL_DATA"), reason="SKGAL_DATA names no folder")
def test_real_colour_images():
    test = load_images("cifar10", subset="test")
    assert test.data.shape == (10_000, 3, 32, 32)
    assert np.bincount(test.target).tolist() == [1000] * 10
    # Planes have the sky above blue: the channels are in the order red, green, blue.
    red, _, blue = test.data[test.target == 0][:, :, :8].mean(axis=(0, 2, 3))
    assert blue > red
