"""The data sets of ``benchmarks/imbalance.py``: real, imbalanced, split the same for all methods.

Two kinds. Small tables are cross-validated: stratified outer folds, shuffled by the seed. Larger
sets have training and test data of their own: the seed draws an imbalanced training set, and
the test set is what it is.

- ``ecoli`` without its three classes of two, two and five rows, too few for training, validation
  and test folds at once; ``glass``, ``haberman``; ``abalone19``: 19 rings against the rest, 32 of
  4,177 rows; ``german``. The last two have categories.
- ``digits``: 40 % of scikit-learn's digits are the test set; of the rest the seed draws the profile
  of the Polarity-GAN paper, a fiftieth of it, none below four: [100, 80, 60, 40, 30, 20, 10, 5, 4,
  4]. The images of 8 x 8 pixels are taken as a table of 64 numbers.
- ``adult``: 5,000 and 50 rows of the training set, test set at 100:1 too.
- ``mnist``, ``fashion_mnist``: the paper's profile [5000, 4000, 3000, 2000, 1500, 1000, 500, 250,
  100, 50], classes in their order; ``..._tenth``: a tenth of it. The test set is balanced.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, LabelEncoder, OneHotEncoder, StandardScaler

from skgal.datasets import load_images

PROFILE = np.array([5000, 4000, 3000, 2000, 1500, 1000, 500, 250, 100, 50])
DIGITS_PROFILE = np.maximum(PROFILE // 50, 4)
_FEWEST_OF_A_CLASS = 6
_MAX_OF_ADULT = 5000
_RATIO_OF_ADULT = 100


class Split(NamedTuple):
    """What a method is fitted to, and what it is scored on."""

    X_train: np.ndarray | pd.DataFrame
    y_train: np.ndarray
    X_test: np.ndarray | pd.DataFrame
    y_test: np.ndarray


class Case(NamedTuple):
    """A data set: how it is split, and what its samples are."""

    splits: Callable
    is_image: bool = False
    has_categories: bool = False


def rows(X, indices):
    """Take rows of an array or a frame."""
    return X.iloc[indices] if hasattr(X, "iloc") else X[indices]


def _read(name):
    """Read a table; its columns of text are categories, its last column is the label."""
    path = Path(os.environ["SKGAL_DATA"]) / "tabular" / f"{name}.csv"
    frame = pd.read_csv(path, header=None, skipinitialspace=True).rename(columns=str)
    X, label = frame.iloc[:, :-1], frame.iloc[:, -1]
    categories = X.select_dtypes(exclude="number").columns
    if categories.empty:
        return X.to_numpy(np.float64), label
    return X.astype(dict.fromkeys(categories, "category")), label


def _cross_validated(name, seed, n_folds):
    """Split a small table into stratified folds, each of which is the test set once."""
    X, label = _read("abalone" if name == "abalone19" else name)
    if name == "abalone19":
        label = label == 19
    enough = label.groupby(label).transform("size") >= _FEWEST_OF_A_CLASS
    X, y = rows(X, np.flatnonzero(enough)), LabelEncoder().fit_transform(label[enough])
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    for train, test in folds.split(X, y):
        yield Split(rows(X, train), y[train], rows(X, test), y[test])


def _draw(y, counts, seed):
    """Draw rows at random, so many of each class."""
    rng = np.random.default_rng(seed)
    drawn = [
        rng.choice(np.flatnonzero(y == label), size=count, replace=False)
        for label, count in enumerate(counts)
    ]
    return rng.permutation(np.concatenate(drawn))


def _drawn_digits(seed, n_folds):
    """Split the digits by the seed, and thin the training part out, several times."""
    X, y = load_digits(return_X_y=True)
    for fold in range(n_folds):
        split_seed = 1000 * seed + fold
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=0.4, stratify=y, random_state=split_seed
        )
        drawn = _draw(y_train, DIGITS_PROFILE, split_seed)
        yield Split(X_train[drawn], y_train[drawn], X_test, y_test)


def _drawn_images(name, divisor, seed, n_folds):
    """Draw one imbalanced training set; the test set is the official one."""
    X, y = load_images(name, subset="train", return_X_y=True)
    drawn = _draw(y, PROFILE // divisor, seed)
    yield Split(X[drawn], y[drawn], *load_images(name, subset="test", return_X_y=True))


def _drawn_adult(seed, n_folds):
    """Draw one training set and one test set at a hundred to one."""
    (X, label), (X_test, label_test) = _read("adult-train"), _read("adult-test")
    y, y_test = (text.str.startswith(">50K").to_numpy(int) for text in (label, label_test))
    n_test = np.bincount(y_test)[0] // _RATIO_OF_ADULT
    train = _draw(y, [_MAX_OF_ADULT, _MAX_OF_ADULT // _RATIO_OF_ADULT], seed)
    test = _draw(y_test, [_RATIO_OF_ADULT * n_test, n_test], seed)
    X_test = X_test.astype(X.dtypes)  # one country is not among the test rows
    yield Split(rows(X, train), y[train], rows(X_test, test), y_test[test])


CASES = {
    "ecoli": Case(partial(_cross_validated, "ecoli")),
    "glass": Case(partial(_cross_validated, "glass")),
    "haberman": Case(partial(_cross_validated, "haberman")),
    "german": Case(partial(_cross_validated, "german"), has_categories=True),
    "abalone19": Case(partial(_cross_validated, "abalone19"), has_categories=True),
    "digits": Case(_drawn_digits),
    "adult": Case(_drawn_adult, has_categories=True),
    "fashion_mnist_tenth": Case(partial(_drawn_images, "fashion_mnist", 10), is_image=True),
    "mnist_tenth": Case(partial(_drawn_images, "mnist", 10), is_image=True),
    "fashion_mnist": Case(partial(_drawn_images, "fashion_mnist", 1), is_image=True),
    "mnist": Case(partial(_drawn_images, "mnist", 1), is_image=True),
}
SMALL = ("ecoli", "glass", "haberman", "german", "abalone19", "digits")


def make_view(X, *, takes_categories, takes_images):
    """Make what brings samples to a resampler, and from there to a classifier.

    Parameters
    ----------
    X : ndarray or DataFrame
    takes_categories : bool
        Whether the resampler takes a table with categories as it is. If not, it gets the table
        one-hot encoded, as users of plain SMOTE do.
    takes_images : bool
        Whether it takes images of four dimensions. If not, it gets rows of pixels.

    Returns
    -------
    before, after : transformers
        Numbers are standardised before the resampler. ``before`` and ``after`` need to be fitted.
    """
    as_is = FunctionTransformer()
    if X.ndim == 4:
        return as_is if takes_images else FunctionTransformer(_flatten), as_is
    if not hasattr(X, "columns"):
        return StandardScaler(), as_is
    numbers = make_column_selector(dtype_include="number")
    categories = make_column_selector(dtype_include="category")
    scale = make_column_transformer(
        (StandardScaler(), numbers), ("passthrough", categories), verbose_feature_names_out=False
    ).set_output(transform="pandas")
    known = [X[name].cat.categories for name in X.select_dtypes("category")]
    encode = make_column_transformer(
        (OneHotEncoder(categories=known, sparse_output=False), categories),
        remainder="passthrough",
    ).set_output(transform="default")
    return (scale, encode) if takes_categories else (make_pipeline(scale, encode), as_is)


def _flatten(images):
    return images.reshape(len(images), -1).astype(np.float32)
