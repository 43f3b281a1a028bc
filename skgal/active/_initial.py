"""The labels known at the start: those given, or those that a simulation shows."""

import numpy as np

from skgal.active._record import LabelledSet
from skgal.utils import take_rows


def initial_set(X, known, labels, shown, classes=None):
    """Record the labels known at the start.

    Parameters
    ----------
    X : array, sparse matrix or DataFrame of n_samples rows
    known : ndarray of shape (n_samples,), dtype bool
        Which samples have a label.
    labels : ndarray of shape (n_known,)
    shown : ndarray of int or slice
        Which of the labels to show.
    classes : ndarray of shape (n_classes,) or None, default=None
        All classes known, sorted; None for regression.

    Returns
    -------
    LabelledSet

    Raises
    ------
    ValueError
        If there is no label, or labels of one class only.
    """
    indices, labels = np.flatnonzero(known)[shown], labels[shown]
    if not len(labels):
        raise ValueError("y has no label to start from; give some, of two classes at least.")
    if classes is not None and len(np.unique(labels)) < 2:
        raise ValueError(
            f"The {len(labels)} labels to start from are of one class only, "
            f"{labels.tolist()[0]!r}; a classifier needs two. Label a sample of another class, or "
            "raise n_initial."
        )
    return LabelledSet(
        X=take_rows(X, indices),
        y=labels,
        indices=indices,
        n_initial=len(labels),
        classes=classes,
    )


def known_classes(labels, oracle):
    """Classes that the labels and the oracle know, sorted.

    Parameters
    ----------
    labels : ndarray of shape (n_known,)
    oracle : callable or None
        May have an attribute ``classes_``.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    classes = np.unique(labels)
    named = getattr(oracle, "classes_", None)
    return classes if named is None else np.union1d(classes, named)


def check_n_initial(n_initial, known):
    """Refuse a choice of initial labels where there is none.

    Parameters
    ----------
    n_initial : int or None
        What the user asked for.
    known : ndarray of shape (n_samples,), dtype bool
        Which samples have a label.

    Raises
    ------
    ValueError
        If a number is asked for, but labels are missing.
    """
    if n_initial is not None and not known.all():
        raise ValueError(
            f"n_initial={n_initial} chooses among the labels of a complete y, but "
            f"{(~known).sum()} of {len(known)} labels are missing, so those given are the start; "
            "use n_initial=None, or remove labels from y."
        )


def count_initial(n_initial, labels, classes):
    """Decide how many labels a simulation shows.

    Parameters
    ----------
    n_initial : int or None
        What the user asked for; None is two for each class, but no fewer than 10.
    labels : ndarray of shape (n_samples,)
    classes : ndarray of shape (n_classes,) or None

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If more are asked for than there are.
    """
    if n_initial is None:
        n_classes = 0 if classes is None else len(classes)
        return min(max(10, 2 * n_classes), len(labels))
    if n_initial > len(labels):
        raise ValueError(f"n_initial={n_initial}, but y has {len(labels)} labels.")
    return n_initial


def draw_initial(labels, n_initial, rng, *, stratify):
    """Draw samples whose labels a simulation shows.

    Stratified, classes have their share of all samples, and each has at least one where
    ``n_initial`` allows.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,)
    n_initial : int
        How many, at most n_samples.
    rng : numpy.random.RandomState
    stratify : bool
        Whether labels are classes.

    Returns
    -------
    ndarray of shape (n_initial,), dtype int
        Positions, sorted.
    """
    if not stratify:
        return np.sort(rng.permutation(len(labels))[:n_initial])
    priority = np.empty(len(labels))
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        # Systematic sampling: the members of a class are spread evenly over [0, 1), so those
        # below any threshold are its share; the first of each class come before all others.
        priority[members] = (np.arange(len(members)) + rng.uniform()) / len(members)
        priority[members[0]] -= 1
    return np.sort(np.argsort(priority)[:n_initial])
