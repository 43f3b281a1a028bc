"""Small problems that any strategy should be able to work on."""

import pickle
import sys
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.utils import seeded_nets

N_SAMPLES = 24
_SHAPES = {"table": (4,), "images": (1, 8, 8)}


class Problem(NamedTuple):
    """A pool of which a third is labelled, and a classifier fitted on that.

    Parameters
    ----------
    X : ndarray of shape (24, 4) or (24, 1, 8, 8), dtype float32
        Values in [-1, 1].
    y : ndarray of shape (24,)
        Two classes, each with the same number of labels.
    clf : fitted classifier
    labelled, unlabelled : ndarray of int
        Positions in X.
    """

    X: np.ndarray
    y: np.ndarray
    clf: Any
    labelled: np.ndarray
    unlabelled: np.ndarray


def make_problem(clf=None, *, samples="table", classes=(0, 1), missing_label=np.nan):
    """Make a problem, the same each time.

    Parameters
    ----------
    clf : classifier, default=None
        A clone of it is fitted. None is logistic regression on flattened samples.
    samples : {"table", "images"}, default="table"
    classes : tuple of two labels, default=(0, 1)
    missing_label : scalar, default=nan

    Returns
    -------
    Problem
    """
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(N_SAMPLES, *_SHAPES[samples])).astype(np.float32)
    order = rng.permutation(N_SAMPLES)
    X.reshape(N_SAMPLES, -1)[order, 0] = np.linspace(-1, 1, N_SAMPLES)
    is_first = X.reshape(N_SAMPLES, -1)[:, 0] < 0
    labels = np.where(is_first, *classes)
    chosen = [rng.permutation(np.flatnonzero(of_class))[:4] for of_class in (is_first, ~is_first)]
    labelled = np.sort(np.concatenate(chosen))
    unlabelled = np.setdiff1d(np.arange(N_SAMPLES), labelled)
    clf = _flat_logistic_regression() if clf is None else clone(clf)
    with seeded_nets(clf):
        clf.fit(X[labelled], labels[labelled])
    y = labels.astype(object if labels.dtype.kind == "U" else float)
    y[unlabelled] = missing_label
    return Problem(X, y, clf, labelled, unlabelled)


def flatten(X):
    """Make one row of each sample."""
    return np.reshape(X, (len(X), -1))


def _flat_logistic_regression():
    return make_pipeline(FunctionTransformer(flatten), LogisticRegression())


def require(condition, message):
    """Raise AssertionError with a message unless a condition holds, ``python -O`` or not."""
    if not condition:
        raise AssertionError(message)


def state_of(item):
    """Comparable state of an array or estimator: equal as long as nobody changes it."""
    buffer = BytesIO()
    _ByValue(buffer).dump(item)
    return buffer.getvalue()


class _ByValue(pickle.Pickler):
    """A pickler that writes tensors by value: torch's own pickles name addresses in memory."""

    def reducer_override(self, obj):
        torch = sys.modules.get("torch")
        if torch is None or not isinstance(obj, torch.Tensor):
            return NotImplemented
        return tuple, ((str(obj.dtype), obj.tolist()),)


def global_random_states():
    """Comparable states of the global generators; drawing from one changes its state."""
    # The legacy state is the global one, so there is no other way to read it.
    _, keys, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002, it is watched
    states = {"numpy": (keys.tobytes(), position, has_gauss, gauss)}
    if "torch" in sys.modules:
        states["torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states
