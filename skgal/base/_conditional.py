"""The contract of a generator that draws samples of given classes."""

import warnings

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skgal.base._generator import BaseGenerator
from skgal.exceptions import SingleSampleClassWarning
from skgal.utils import as_random_state


class ConditionalGenerator(BaseGenerator):
    """Base of generators whose samples have classes.

    The class is an input of the generator: samples of a class are generated, never picked out of
    samples of all classes. A subclass has a parameter ``random_state``, learns the classes in
    :meth:`fit` by calling :meth:`_fit_classes`, and turns those asked for into indices of
    ``classes_`` in :meth:`generate` by :meth:`_class_indices`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted, in the dtype of those of ``fit``.
    class_count_ : ndarray of shape (n_classes,), dtype int64
        The number of training samples of each class.
    """

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new samples and their classes.

        Parameters
        ----------
        n_samples : int, default=1
            How many; where ``y`` is given, its length or 1.
        y : array-like of shape (n_samples,), default=None
            The class of each sample, in this order. None: classes are drawn at random with
            their frequencies in the training data.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same samples
            at every call.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
        y : ndarray of shape (n_samples,)
            Their classes.

        Raises
        ------
        ValueError
            If a class is asked for that ``fit`` has not seen, or ``n_samples`` contradicts ``y``.
        """
        check_is_fitted(self)
        rng = as_random_state(self.random_state if random_state is None else random_state)
        if y is not None:
            y = self.classes_[self._class_indices(y)]
            if n_samples not in (1, len(y)):
                raise ValueError(
                    f"n_samples={n_samples!r}, but y asks for {len(y)} samples; leave n_samples "
                    "out where y is given."
                )
            n_samples = len(y)
        Z = self.sample_latent(n_samples, random_state=rng)
        if y is None:
            frequency = self.class_count_ / self.class_count_.sum()
            y = self.classes_[rng.choice(len(self.classes_), size=n_samples, p=frequency)]
        return self.generate(Z, y), y

    def _fit_classes(self, y):
        """Learn the classes; return the class of each sample as an index of ``classes_``.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Class labels, none missing.

        Returns
        -------
        ndarray of shape (n_samples,), dtype int64

        Warns
        -----
        SingleSampleClassWarning
            If a class has one sample only.
        """
        self.classes_, indices, self.class_count_ = np.unique(
            y, return_inverse=True, return_counts=True
        )
        alone = self.classes_[self.class_count_ == 1].tolist()
        if alone:
            warnings.warn(
                f"{_listed(alone)} of {len(self.classes_)} classes have one sample each: "
                f"{type(self).__name__} can do little more than repeat it. Give these classes "
                "more samples, or leave them out.",
                SingleSampleClassWarning,
                stacklevel=2,
            )
        return indices.astype(np.int64)

    def _class_indices(self, y):
        """Turn class labels into indices of ``classes_``.

        Parameters
        ----------
        y : array-like of shape (n_samples,)

        Returns
        -------
        ndarray of shape (n_samples,), dtype int64

        Raises
        ------
        ValueError
            If y isn't a vector, or holds a label that ``fit`` has not seen.
        """
        asked = np.asarray(y)
        if asked.ndim != 1 or len(asked) == 0:
            raise ValueError(
                "y must be a one-dimensional array of one or more class labels, got shape "
                f"{asked.shape}."
            )
        index = {label: position for position, label in enumerate(self.classes_.tolist())}
        unknown = {label for label in asked.tolist() if label not in index}
        if unknown:
            raise ValueError(
                f"y asks for the classes {_listed(sorted(unknown, key=str))}, which "
                f"{type(self).__name__} has not seen; it was fitted on the classes "
                f"{_listed(self.classes_.tolist())}."
            )
        return np.array([index[label] for label in asked.tolist()], dtype=np.int64)


def _listed(labels, most=20):
    """Spell labels out, but not a thousand of them."""
    shown = ", ".join(map(repr, labels[:most]))
    return f"[{shown}]" if len(labels) <= most else f"[{shown}, and {len(labels) - most} more]"
