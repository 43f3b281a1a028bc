"""The report of a resampling: how many samples of each class, and how good they are."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import resample

from skgal.metrics import frechet_distance
from skgal.resampling._containers import make_layout, to_network

# What is compared at most: distances of more samples cost more than training a small generator.
_MAX_COMPARED = 1000
_MAX_COMPONENTS = 32
_DISTANCES = ("frechet_distance", "nearest_real", "nearest_real_min", "nearest_real_of_real")


class Report:
    """Numbers for each class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The original labels.
    """

    def __init__(self, y):
        self.classes, counts = np.unique(y, return_counts=True)
        self._columns = {"real": counts}
        for column in ("generated", "accepted"):
            self._columns[column] = np.zeros(len(counts), dtype=int)
        self._distances = {name: np.full(len(counts), np.nan) for name in _DISTANCES}

    def count(self, column, labels):
        """Add a number of samples to a column.

        Parameters
        ----------
        column : str
            Made, with zeros, where it isn't there.
        labels : ndarray of shape (n,)
            The classes of the samples to be counted.
        """
        counts = self._columns.setdefault(column, np.zeros(len(self.classes), dtype=int))
        labels, numbers = np.unique(labels, return_counts=True)
        counts[np.searchsorted(self.classes, labels)] += numbers

    def enter(self, selection, labels):
        """Count the candidates of one class.

        Parameters
        ----------
        selection : Selection
        labels : ndarray of shape (n_candidates,)
            All the same.
        """
        self.count("generated", labels)
        self.count("accepted", labels[: selection.n_accepted])
        for name, number in selection.rejected.items():
            self.count(f"rejected_by_{name}", labels[:number])
        self.count("surplus", labels[: selection.n_surplus])
        self.count("topped_up", labels[selection.n_accepted : len(selection.chosen)])

    def describe(self, X, y, new, new_labels, image_shape=None):
        """Measure how far new samples are from the original ones of their class.

        Parameters
        ----------
        X : ndarray or DataFrame
            The original samples.
        y : ndarray of shape (n_samples,)
        new : ndarray or DataFrame
        new_labels : ndarray
        image_shape : tuple of int or None, default=None
        """
        layout, real = make_layout(X, image_shape)
        real, new = _flat(real), _flat(to_network(layout, new))
        components = PCA(min(_MAX_COMPONENTS, *real.shape), svd_solver="randomized", random_state=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where all samples are the same
            components.fit(real)
        for row, label in enumerate(self.classes):
            compared = _compare(real[y == label], new[new_labels == label], components)
            for name, distance in compared.items():
                self._distances[name][row] = distance

    def to_frame(self):
        """Return the report as a DataFrame, with a row for each class."""
        import pandas as pd

        columns = self._columns | self._distances
        return pd.DataFrame(columns, index=pd.Index(self.classes, name="class"))


def _compare(real, new, components):
    """Compare the new samples of one class with the real ones; return what can be measured."""
    real, new = _some(real, 10 * _MAX_COMPARED), _some(new, _MAX_COMPARED)
    measured = {}
    if len(new):
        distances = NearestNeighbors(n_neighbors=1).fit(real).kneighbors(new)[0][:, 0]
        measured["nearest_real"] = np.median(distances)
        measured["nearest_real_min"] = distances.min()
    if len(real) > 1:
        nearest = NearestNeighbors(n_neighbors=2).fit(real)
        distances = nearest.kneighbors(real[:_MAX_COMPARED])[0][:, 1]
        measured["nearest_real_of_real"] = np.median(distances)
    if min(len(real), len(new)) > 1:
        real, new = components.transform(real), components.transform(new)
        measured["frechet_distance"] = frechet_distance(real, new)
    return measured


def _some(samples, most):
    """Draw some samples, always the same, where there are too many."""
    if len(samples) <= most:
        return samples
    return resample(samples, replace=False, n_samples=most, random_state=0)


def _flat(tensor):
    return tensor.reshape(len(tensor), -1)
