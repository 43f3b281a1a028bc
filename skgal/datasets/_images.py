"""The image sets by name: what they are called, how they are split, where they come from."""

import os
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from sklearn.datasets import fetch_openml, load_digits
from sklearn.utils import Bunch

from skgal.datasets._folder import FOLDER_VARIABLE, read_from_folder
from skgal.utils import StrOptions, validate_params


class _ImageSet(NamedTuple):
    """Where an image set is at openml.org, by name and version, and its sizes."""

    n_train: int
    n_test: int
    image_shape: tuple[int, int, int]
    target_names: tuple[str, ...]
    description: str
    openml: tuple[str, int] | None = None

    def rows(self, subset):
        return {
            "train": slice(0, self.n_train),
            "test": slice(self.n_train, self.n_train + self.n_test),
            "all": slice(0, self.n_train + self.n_test),
        }[subset]


_DIGITS = tuple("0123456789")
_FASHION = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_CIFAR10 = (
    "airplane", "automobile", "bird", "cat", "deer",
    "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

_IMAGE_SETS = {
    "digits": _ImageSet(
        1437, 360, (1, 8, 8), _DIGITS,
        "Handwritten digits (Alpaydin and Kaynak 1998), as bundled with scikit-learn: 1,797 grey "
        "images of 8 x 8, intensities 0 to 16 scaled to 0 to 255. The last 360 are the test set.",
    ),
    "mnist": _ImageSet(
        60_000, 10_000, (1, 28, 28), _DIGITS,
        "MNIST (LeCun et al. 1998): handwritten digits, 60,000 training and 10,000 test grey "
        "images of 28 x 28.",
        openml=("mnist_784", 1),
    ),
    "fashion_mnist": _ImageSet(
        60_000, 10_000, (1, 28, 28), _FASHION,
        "Fashion-MNIST (Xiao et al. 2017, MIT licence): articles of clothing, 60,000 training "
        "and 10,000 test grey images of 28 x 28.",
        openml=("Fashion-MNIST", 1),
    ),
    "cifar10": _ImageSet(
        50_000, 10_000, (3, 32, 32), _CIFAR10,
        "CIFAR-10 (Krizhevsky 2009): photographs of animals and vehicles, 50,000 training and "
        "10,000 test colour images of 32 x 32.",
        openml=("CIFAR_10", 1),
    ),
}  # fmt: skip


@validate_params(
    {
        "name": [StrOptions(set(_IMAGE_SETS))],
        "subset": [StrOptions({"train", "test", "all"})],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_images(name, *, subset="train", return_X_y=False, data_home=None):
    """Load a classic set of labelled images.

    ``"digits"`` comes with scikit-learn. The others are looked for in the folder that the
    environment variable ``SKGAL_DATA`` names, as ``mnist.npz``, ``fashion_mnist.npz`` or
    ``cifar10.npz`` with the arrays ``X_train`` (n, h, w) or (n, h, w, c) uint8, ``y_train``,
    ``X_test`` and ``y_test``, or as ``cifar10_jpeg.npz`` with the JPEG files of a subset in a
    row, ``train_bytes`` uint8, and where each begins and the last ends, ``train_offsets``
    (needs Pillow, and decodes them at every call: seconds instead of a moment).
    What is not there is downloaded from openml.org, once, by
    :func:`sklearn.datasets.fetch_openml`; that is much faster with pandas installed.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion_mnist", "cifar10"}
        Which set: 1 x 8 x 8 (scikit-learn's digits), 1 x 28 x 28 (MNIST and Fashion-MNIST) or
        3 x 32 x 32 (CIFAR-10) pixels, ten classes each.
    subset : {"train", "test", "all"}, default="train"
        The split of the set's authors. Digits have none: the first 1,437 are for training and
        the last 360 for testing. "all" is the training images, then
        the test images.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    data_home : str or path-like, default=None
        Where scikit-learn keeps its downloads; by default ``~/scikit_learn_data``.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, channels, height, width), dtype uint8
            Intensities from 0 to 255.
        target : ndarray of shape (n_samples,), dtype int64
            Classes, 0 to 9.
        target_names : list of str
            The names of the classes.
        DESCR : str
            What the images show, and where they come from.

    (data, target) : tuple of ndarray
        If ``return_X_y``.

    Raises
    ------
    ValueError
        If the set or subset is unknown, or a file in ``SKGAL_DATA`` isn't laid out as above.
    FileNotFoundError
        If ``SKGAL_DATA`` names no folder.
    ImportError
        If the images are stored as JPEG files and Pillow isn't installed.
    OSError
        If the images are neither in ``SKGAL_DATA`` nor to be had from openml.org.

    See Also
    --------
    load_image_folder : Images of your own.
    sklearn.datasets.fetch_openml : Other sets.

    Examples
    --------
    >>> from skgal.datasets import load_images
    >>> digits = load_images("digits")
    >>> digits.data.shape, digits.data.dtype, digits.data.max()
    ((1437, 1, 8, 8), dtype('uint8'), np.uint8(255))
    >>> X_test, y_test = load_images("digits", subset="test", return_X_y=True)
    >>> X_test.shape
    (360, 1, 8, 8)
    """
    image_set = _IMAGE_SETS[name]
    if name == "digits":
        data, target = _read_digits(image_set.rows(subset))
    else:
        found = read_from_folder(name, subset)
        data, target = found or _fetch_from_openml(
            name, *image_set.openml, image_set.rows(subset), image_set.image_shape, data_home
        )
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        target_names=list(image_set.target_names),
        DESCR=image_set.description,
    )


def _read_digits(rows):
    digits = load_digits()
    data = np.rint(digits.images[rows, np.newaxis] * (255 / 16)).astype(np.uint8)
    return data, digits.target[rows].astype(np.int64)


def _fetch_from_openml(name, openml_name, version, rows, image_shape, data_home):
    """Fetch rows of an image set from openml.org, or from where they were stored before."""
    try:
        X, y = fetch_openml(
            openml_name,
            version=version,
            data_home=data_home,
            as_frame=False,
            # Both give the same numbers; pandas, where there is one, is much faster.
            parser="pandas" if find_spec("pandas") else "liac-arff",
            return_X_y=True,
        )
    except OSError as error:
        raise OSError(
            f"{name} could not be downloaded from openml.org ({error}). Without a network, put "
            f"{name}.npz, laid out as skgal.datasets.load_images says, into the folder that the "
            f"environment variable {FOLDER_VARIABLE} names (now "
            f"{os.environ.get(FOLDER_VARIABLE, 'unset')})."
        ) from error
    return X[rows].astype(np.uint8).reshape(-1, *image_shape), y[rows].astype(np.int64)
