"""Those who know the labels: callables from samples to answers."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_consistent_length

from skgal.utils import as_label_array, seeded_nets


class LabelOracle:
    """An oracle that reveals labels known beforehand, to simulate labelling.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of n_samples rows
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        What to answer for each.

    Examples
    --------
    >>> from skgal.active import LabelOracle
    >>> oracle = LabelOracle([[1.0], [2.0], [3.0]], ["a", "b", "c"])
    >>> oracle([[3.0], [1.0]]).tolist()
    ['c', 'a']
    >>> oracle.reveal([1]).tolist()
    ['b']
    """

    def __init__(self, X, y):
        check_consistent_length(X, y)
        self.X = X
        self.y = as_label_array(y)
        self._positions = None

    def reveal(self, indices):
        """Reveal labels by position.

        Parameters
        ----------
        indices : array-like of shape (n_asked,), dtype int

        Returns
        -------
        ndarray of shape (n_asked,) or (n_asked, n_classes)
        """
        return self.y[np.asarray(indices)]

    def __call__(self, X):
        """Find samples by their values and reveal their labels.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,) or (n_asked, n_classes)

        Raises
        ------
        ValueError
            If a sample is unknown, or is there more than once with different labels.
        """
        if self._positions is None:
            self._positions = _positions_by_value(self.X)
        return self.reveal([self._find(row, values) for row, values in enumerate(_rows(X))])

    def _find(self, row, values):
        positions = self._positions.get(values)
        if positions is None:
            raise ValueError(
                f"Sample {row} of the batch is none of the {len(self.y)} samples this LabelOracle "
                "has labels for; synthetic samples need another oracle."
            )
        labels = self.y[positions].tolist()
        if any(label != labels[0] for label in labels):
            raise ValueError(
                f"Sample {row} of the batch is in this LabelOracle {len(positions)} times, with "
                f"the labels {labels}; use reveal(indices) to say which is meant."
            )
        return positions[0]

    def __sklearn_clone__(self):
        # Clones of a learner ask the same oracle; copying its data would only cost memory.
        return self


class EstimatorOracle:
    """An oracle that answers as a fitted estimator predicts.

    Parameters
    ----------
    estimator : fitted classifier or regressor
    soft : bool, default=False
        Answer with class probabilities instead of classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes it may answer with, in the order of the probabilities.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skgal.active import EstimatorOracle
    >>> tree = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> EstimatorOracle(tree)([[0.2]]).tolist()
    [0]
    >>> EstimatorOracle(tree, soft=True)([[0.2]]).tolist()
    [[1.0, 0.0]]
    """

    def __init__(self, estimator, *, soft=False):
        if soft and not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"soft=True needs an estimator with predict_proba; {type(estimator).__name__} has "
                "none."
            )
        self.estimator = estimator
        self.soft = soft

    @property
    def classes_(self):
        """The classes it may answer with."""
        return self.estimator.classes_

    def __call__(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_asked, n_features) or (n_asked, c, h, w)

        Returns
        -------
        ndarray of shape (n_asked,), or (n_asked, n_classes) if ``soft``
        """
        with seeded_nets(self.estimator):
            if self.soft:
                return self.estimator.predict_proba(X)
            return self.estimator.predict(X)

    def __sklearn_clone__(self):
        # A clone of the estimator would be unfitted.
        return self


def _positions_by_value(X):
    positions = {}
    for position, values in enumerate(_rows(X)):
        positions.setdefault(values, []).append(position)
    return positions


def _rows(X):
    """Samples as hashable values, equal exactly where all their entries are."""
    if sparse.issparse(X):
        X = X.toarray()
    X = np.asarray(X)
    if X.dtype.kind in "biuf":
        # One dtype for all, and no negative zeros: equal numbers must have equal bytes.
        X = X.astype(np.float64) + 0.0
        return [row.tobytes() for row in X]
    return [tuple(row) for row in X.reshape(len(X), -1).tolist()]
