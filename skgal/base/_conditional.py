"""The contract of a generator that draws samples of given classes."""

import numpy as np
from sklearn.utils import resample
from sklearn.utils.validation import check_is_fitted

from skgal.base._generator import _MAX_SCORED, BaseGenerator
from skgal.design import energy_distance
from skgal.exceptions import SingleSampleClassWarning
from skgal.utils import _safe_indexing, as_label_array, as_random_state, listed, warn_user


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

    See Also
    --------
    BaseGenerator : Without classes.
    skgal.resampling.GANOverSampler : Takes any conditional generator.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.base import ConditionalGenerator
    >>> from skgal.generators import CGAN
    >>> X, y = load_iris(return_X_y=True)
    >>> cgan = CGAN(max_iter=10, random_state=0).fit(X, y)
    >>> isinstance(cgan, ConditionalGenerator), cgan.classes_, cgan.class_count_
    (True, array([0, 1, 2]), array([50, 50, 50]))
    >>> X_new, y_new = cgan.sample(y=[2, 0, 0])
    >>> X_new.shape, y_new
    ((3, 4), array([2, 0, 0]))
    """

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new samples and their classes.

        Parameters
        ----------
        n_samples : int, default=1
            How many; where ``y`` is given, its length or 1.
        y : array-like of shape (n_samples,), or class label, default=None
            The class of each sample, in this order, or that of all. None: classes are drawn at
            random with their frequencies in the training data.
        random_state : int, RandomState instance or None, default=None
            None: the generator's own ``random_state``; where that is an integer, the same samples
            at every call.

        Returns
        -------
        X : array or DataFrame of n_samples samples, laid out as the training data
            The new samples.
        y : ndarray or Series of shape (n_samples,)
            Their classes; with the name and dtype of those of ``fit`` where these were a Series.

        Raises
        ------
        ValueError
            If a class is asked for that ``fit`` has not seen, or ``n_samples`` contradicts ``y``.
        """
        check_is_fitted(self)
        rng = as_random_state(self.random_state if random_state is None else random_state)
        if y is not None:
            y = self.classes_[self._class_indices(y, n_samples)]
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
        X, template = self.generate(Z, y), getattr(self, "label_template_", None)
        return X, y if template is None else template.fill(y)

    def score(self, X, y=None):
        """Score how like real samples of its class each generated one is; higher is better.

        Minus the energy distance between real and generated samples of a class, averaged over
        the classes by their frequency in ``y``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Real samples, scaled as in :meth:`BaseGenerator.score`.
        y : array-like of shape (n_samples,), default=None
            Their classes. None: all samples are compared as one.

        Returns
        -------
        float
            Never positive; 0 for the same distributions. The same at every call.

        Raises
        ------
        ValueError
            If ``fit`` has seen none of the classes.

        Warns
        -----
        UserWarning
            If ``fit`` has not seen some of the classes; their samples are left out.
        """
        if y is None:
            return super().score(X)
        X, y = self._known_classes(self._check_scored(X), y)
        if len(X) > _MAX_SCORED:
            X, y = resample(X, y, replace=False, n_samples=_MAX_SCORED, random_state=0)
        drawn, classes = self.sample(y=np.repeat(y, -(-_MAX_SCORED // len(y))), random_state=0)
        points, drawn_points = self._scored_points(X, drawn)
        classes = as_label_array(classes)
        score = 0.0
        for label in np.unique(y):
            real, generated = points[y == label], drawn_points[classes == label]
            score -= len(real) / len(points) * energy_distance(real, generated)
        return score

    def _known_classes(self, X, y):
        """Leave out samples of classes that ``fit`` has not seen, as unstratified folds have."""
        y = as_label_array(y)
        is_known = np.isin(y, self.classes_)
        if is_known.all():
            return X, y
        unknown = listed(np.unique(y[~is_known]).tolist())
        advice = "stratify the folds: cv=StratifiedKFold(shuffle=True)."
        if not is_known.any():
            raise ValueError(
                f"{type(self).__name__} has seen no sample of the classes {unknown}; {advice}"
            )
        warn_user(
            f"{type(self).__name__} has seen no sample of the classes {unknown}, which are left "
            f"out of the score; {advice}",
            UserWarning,
        )
        return _safe_indexing(X, np.flatnonzero(is_known)), y[is_known]

    def _fit_classes(self, y):
        """Learn the classes; return the class of each sample as an index of ``classes_``."""
        self.classes_, indices, self.class_count_ = np.unique(
            y, return_inverse=True, return_counts=True
        )
        alone = self.classes_[self.class_count_ == 1].tolist()
        if alone:
            warn_user(
                f"{listed(alone)} of {len(self.classes_)} classes have one sample each: "
                f"{type(self).__name__} can do little more than repeat it. Give these classes "
                "more samples, or leave them out.",
                SingleSampleClassWarning,
            )
        return indices.astype(np.int64)

    def _class_indices(self, y, n_samples=1):
        """Turn labels, or one for all samples, into indices of ``classes_``, dtype int64."""
        asked = np.asarray([y] * n_samples) if np.ndim(y) == 0 else as_label_array(y)
        if asked.ndim != 1 or len(asked) == 0:
            raise ValueError(
                "y must be a one-dimensional array of one or more class labels, got shape "
                f"{asked.shape}."
            )
        index = {label: position for position, label in enumerate(self.classes_.tolist())}
        unknown = {label for label in asked.tolist() if label not in index}
        if unknown:
            raise ValueError(
                f"y asks for the classes {listed(sorted(unknown, key=str))}, which "
                f"{type(self).__name__} has not seen; it was fitted on the classes "
                f"{listed(self.classes_.tolist())}."
            )
        return np.array([index[label] for label in asked.tolist()], dtype=np.int64)
