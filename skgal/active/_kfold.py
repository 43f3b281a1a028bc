"""Cross-validation where labels are missing."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import BaseCrossValidator, KFold, StratifiedKFold
from sklearn.utils import check_consistent_length, column_or_1d

from skgal.utils import (
    Interval,
    as_label_array,
    is_missing,
    split_missing,
    validate_parameter_constraints,
    warn_of_minus_one,
    warn_of_text_for_missing,
)

_CONSTRAINTS = {
    "n_splits": [Interval(Integral, 2, None, closed="left")],
    "stratify": ["boolean"],
    "shuffle": ["boolean"],
    "missing_label": "no_validation",
    "random_state": ["random_state"],
}


class PartialLabelKFold(BaseCrossValidator):
    """K folds of the labelled samples; those without a label are only ever trained on.

    Each labelled sample is scored once. Samples without a label, which an active learner may
    have labelled and a semi-supervised model learn from, are in the training part of every fold.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    stratify : bool, default=True
        Whether each fold has its share of every class; False for regression.
    shuffle : bool, default=False
        Whether labelled samples are shuffled before they are split.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y. With NaN, None and pandas' NA do too.
    random_state : int, RandomState instance or None, default=None
        Decides the order if ``shuffle``.

    See Also
    --------
    ActiveLearner : What it splits data for.
    sklearn.model_selection.StratifiedKFold : Folds where every label is known.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.active import PartialLabelKFold
    >>> y = np.array([0, np.nan, 1, 0, np.nan, 1])
    >>> for train, test in PartialLabelKFold(n_splits=2).split(y, y):
    ...     print(train, test)
    [1 3 4 5] [0 2]
    [0 1 2 4] [3 5]
    """

    def __init__(
        self,
        n_splits=5,
        *,
        stratify=True,
        shuffle=False,
        missing_label=np.nan,
        random_state=None,
    ):
        self.n_splits = n_splits
        self.stratify = stratify
        self.shuffle = shuffle
        self.missing_label = missing_label
        self.random_state = random_state

    def split(self, X, y=None, groups=None):
        """Split samples into those to train on and those to score on.

        Parameters
        ----------
        X : array-like of n_samples rows
            The samples, labelled or not.
        y : array-like of shape (n_samples,)
            Labels, missing ones among them.
        groups : object, default=None
            Ignored; it is here since scikit-learn's splitters take it.

        Yields
        ------
        train : ndarray of int, sorted
            All samples without a label, and the labelled ones of the other folds.
        test : ndarray of int, sorted
            The labelled samples of this fold.

        Raises
        ------
        ValueError
            If y is missing, or there are fewer labels, or labels of a class, than folds.

        Warns
        -----
        UserWarning
            If -1, or "nan" as text, seems to stand for missing labels and counts as a class.
        """
        validate_parameter_constraints(_CONSTRAINTS, vars(self), type(self).__name__)
        if y is None:
            raise ValueError("PartialLabelKFold splits what is labelled, but y is None.")
        y = column_or_1d(as_label_array(y))
        check_consistent_length(X, y)
        if self.stratify:
            known, labels = split_missing(y, is_classifier=True, missing_label=self.missing_label)
        else:
            known = ~is_missing(y, self.missing_label)
            warn_of_text_for_missing(y, self.missing_label)
            labels = y[known]
        warn_of_minus_one(known, labels, self.missing_label, expects_missing=self.stratify)
        positions = np.flatnonzero(known)
        self._check_enough(labels)
        folds = StratifiedKFold if self.stratify else KFold
        random_state = self.random_state if self.shuffle else None
        splitter = folds(self.n_splits, shuffle=self.shuffle, random_state=random_state)
        for _, fold in splitter.split(labels, labels):
            test = positions[fold]
            yield np.delete(np.arange(len(y)), test), test

    def get_n_splits(self, X=None, y=None, groups=None):
        """Tell the number of folds.

        Parameters
        ----------
        X, y, groups : object, default=None
            Ignored; it is here since scikit-learn's splitters take it.

        Returns
        -------
        int
            The number of folds.
        """
        return self.n_splits

    def _check_enough(self, labels):
        counts = {"y": len(labels)}
        if self.stratify and len(labels):
            classes, members = np.unique(labels, return_counts=True)
            named = (f"class {label!r}" for label in classes.tolist())
            counts = dict(zip(named, members.tolist(), strict=True))
        name, count = min(counts.items(), key=lambda item: item[1])
        if count < self.n_splits:
            raise ValueError(
                f"{self.n_splits} folds need as many labels"
                + (" of each class" if self.stratify else "")
                + f", but {name} has {count}; label more, or lower n_splits."
            )
