"""ADBA: lines in latent space across the boundary between two classes."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from skgal.base import Synthesis
from skgal.classifiers import AnyEstimator
from skgal.query._latent import LatentStrategy
from skgal.utils import (
    HasMethods,
    Interval,
    as_label_array,
    draw_seed,
    is_missing,
    observed_labels,
    take_rows,
)


class ADBA(LatentStrategy):
    r"""Design lines of samples along which one class turns into the other.

    Active decision boundary annotation [1]_, for two classes. A linear classifier is fitted to
    the latent points of the labelled samples; through the unlabelled sample of which it is
    least sure goes a line perpendicular to its boundary, and the generator makes samples
    evenly along the line. The oracle only has to say where the class changes: then all
    samples of the line have their labels, see :func:`label_lines`.

    Parameters
    ----------
    generator : generator with an encoder, such as :class:`skgal.generators.GIN`
        Cloned and fitted by ``fit``. A fitted one is kept as it is inside
        :class:`sklearn.frozen.FrozenEstimator`.
    latent_classifier : linear classifier or None, default=None
        Fitted to the latent points of the labelled samples; anything with ``coef_`` and
        ``intercept_``. None is a ``LogisticRegression``.
    n_points : int, default=11
        Samples on a line; 11 in the paper. A batch consists of as few lines as will do, of
        equal length up to one sample: pass a ``batch_size`` that is a multiple of ``n_points``
        to get whole lines. Of integers and categories, points of a line whose designs are known
        already are left out, and more lines take their places, as long as there are new designs.
    n_candidates : int, default=100
        Among how many unlabelled samples, drawn anew each round, the most uncertain ones are
        sought. Of all samples it would be the same again and again, since a line labels only
        generated ones.
    missing_label : scalar, default=nan
        What stands for "not labelled" in y.
    random_state : int, RandomState instance or None, default=None
        Draws the candidates, and seeds generator and latent classifier if these have no seed of
        their own.

    See Also
    --------
    label_lines : Labels the rest of a line.
    LatentUncertainty : Single samples.

    Notes
    -----
    The boundary is that of the latent classifier, not of ``clf``, which may be None. In the
    original they are the same: pass ``make_pipeline(FrozenEstimator(gin), LinearSVC())`` for
    that. Where no sample of X is unlabelled, the lines go through points drawn from the latent
    distribution. A line reaches as far as the latent points of the samples, but stays in
    the support of the latent distribution.

    The paper found the method worse than all others that it compared.

    References
    ----------
    .. [1] M. Huijser, J. C. van Gemert, "Active decision boundary annotation with deep generative
       models", 2017; C. Mayer, R. Timofte, "Adversarial sampling for active learning" (ASAL), WACV
       2020, sections 2 and 5.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from skgal.generators import GIN
    >>> from skgal.query import ADBA
    >>> X, y = load_digits(n_class=2, return_X_y=True)
    >>> shown = np.where(np.arange(len(y)) < 20, y, np.nan)
    >>> strategy = ADBA(GIN(latent_dim=2, max_iter=2), n_points=4, random_state=0).fit(X)
    >>> synthesis = strategy.synthesize(X, shown, None, batch_size=8)
    >>> synthesis.X.shape
    (8, 64)
    >>> synthesis.line.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1]
    """

    _needs_encoder = True
    _parameter_constraints = {
        **LatentStrategy._parameter_constraints,
        "latent_classifier": [HasMethods(["fit", "predict"]), None],
        "n_points": [Interval(Integral, 2, None, closed="left")],
        "n_candidates": [Interval(Integral, 1, None, closed="left")],
        "missing_label": "no_validation",
    }

    def __init__(
        self,
        generator,
        *,
        latent_classifier=None,
        n_points=11,
        n_candidates=100,
        missing_label=np.nan,
        random_state=None,
    ):
        self.generator = generator
        self.latent_classifier = latent_classifier
        self.n_points = n_points
        self.n_candidates = n_candidates
        self.missing_label = missing_label
        self.random_state = random_state

    def check_model(self, clf, X):
        """Refuse a regressor, and a classifier of other than two classes."""
        _check_classifier(clf)
        _check_classes(clf.classes_)

    def _synthesize(self, X, y, clf, batch_size, asked, rng):
        if clf is not None:
            _check_classifier(clf)
        n_lines = -(-batch_size // self.n_points)
        known, labels = self._labelled_latent(X, y)
        boundary = self._fit_boundary(known, labels, draw_seed(rng))
        candidates = self._candidates(X, y, n_lines, rng)
        candidates = candidates[asked.likely(candidates, n_lines)]
        reach = boundary.distance(np.concatenate([known, candidates]))
        support = self.generator_.latent_distribution_.support()
        through = candidates[np.argsort(np.abs(boundary.distance(candidates)), kind="stable")]
        others = self.generator_.sample_latent(self.n_candidates, random_state=draw_seed(rng))
        latent, positions = np.empty((0, known.shape[1]), np.float32), []
        for start in np.concatenate([through, others]):
            n_left = batch_size - len(latent)
            if n_left == 0:
                break
            size = -(-n_left // -(-n_left // self.n_points))
            position = _spread(*_limits(boundary, start, reach, support), size)
            points = np.concatenate([latent, boundary.move(start, position)]).astype(np.float32)
            is_new = asked.is_new(points)  # of integers or categories, not all of a line are
            is_new[: len(latent)] = True
            if is_new[len(latent) :].any():
                positions.append(position[is_new[len(latent) :]])
                latent = points[is_new]
        if not positions:  # all designs are known
            latent, positions = points, [position]
        line = np.repeat(np.arange(len(positions)), [len(position) for position in positions])
        return Synthesis(self.generator_.generate(latent), latent, line, np.concatenate(positions))

    def _labelled_latent(self, X, y):
        """Return the latent points of labelled samples that have one, and their labels."""
        labelled = np.flatnonzero(~is_missing(y, self.missing_label))
        if not labelled.size:
            raise ValueError("ADBA needs labelled samples of both classes; y has no labels.")
        latent = self._encode(take_rows(X, labelled))
        has_point = ~np.isnan(latent).any(axis=1)
        return latent[has_point], as_label_array(y)[labelled[has_point]]

    def _encode(self, X):
        low, high = self.generator_.latent_distribution_.support()
        return np.clip(np.asarray(self.generator_.transform(X)), low, high)

    def _fit_boundary(self, known, labels, seed):
        labels = labels.argmax(axis=1) if labels.ndim == 2 else observed_labels(labels)
        _check_classes(np.unique(labels))
        model = LogisticRegression() if self.latent_classifier is None else self.latent_classifier
        model = AnyEstimator(model, random_state=seed).fit(known, labels).estimator_
        if not hasattr(model, "coef_"):
            raise TypeError(
                "latent_classifier must be linear, with coef_ and intercept_ once it is fitted; "
                f"{type(model).__name__} has none. LogisticRegression() and LinearSVC() do."
            )
        weight = np.ravel(model.coef_).astype(np.float64)
        norm = np.linalg.norm(weight)
        if norm == 0:
            raise ValueError(
                "The latent classifier sees no difference between the classes, so it has no "
                "boundary; label more samples."
            )
        return _Boundary(weight / norm, float(np.ravel(model.intercept_)[0]) / norm)

    def _candidates(self, X, y, n_lines, rng):
        """Draw latent points of unlabelled samples, and others where there are too few."""
        n_wanted = max(self.n_candidates, n_lines)
        unlabelled = np.flatnonzero(is_missing(y, self.missing_label))
        drawn = rng.permutation(unlabelled)[:n_wanted]
        seed = draw_seed(rng)
        if not len(drawn):
            return self.generator_.sample_latent(n_wanted, random_state=seed)
        latent = self._encode(take_rows(X, drawn))
        latent = latent[~np.isnan(latent).any(axis=1)]
        if len(latent) >= n_lines:
            return latent
        others = self.generator_.sample_latent(n_lines - len(latent), random_state=seed)
        return np.concatenate([latent, others])


class _Boundary(NamedTuple):
    """A hyperplane: its unit normal, and the distance of the origin to it."""

    normal: np.ndarray
    offset: float

    def distance(self, latent):
        """Return signed distances, positive on the side of the second class."""
        return latent @ self.normal + self.offset

    def move(self, start, to):
        """Move a point along the normal until it has the given signed distances."""
        return start + (to - self.distance(start))[:, np.newaxis] * self.normal


def _check_classifier(clf):
    check_is_fitted(clf)
    if is_regressor(clf):
        raise TypeError(
            "ADBA looks for the boundary between two classes, and "
            f"{type(clf).__name__} is a regressor."
        )


def _check_classes(classes):
    if len(classes) != 2:
        raise ValueError(
            f"ADBA is for two classes, both of them labelled; y has {len(classes)}: "
            f"{classes.tolist()[:10]}. Use ASAL, GAAL or AISEL for more classes."
        )


def _limits(boundary, start, reach, support):
    """Return how far a line through a point goes, as signed distances to the boundary."""
    here = boundary.distance(start)
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = (np.array(support)[:, np.newaxis] - start) / boundary.normal
    steps = steps[:, boundary.normal != 0]
    return (
        max(reach.min(), here + steps.min(axis=0).max()),
        min(reach.max(), here + steps.max(axis=0).min()),
    )


def _spread(low, high, size):
    """Spread positions evenly; one alone lies as near to the boundary as it can."""
    return np.linspace(low, high, size) if size > 1 else np.clip([0.0], low, high)


def label_lines(synthesis, turns, classes):
    """Label all samples of lines from where the class turns.

    One answer, where the class turns, labels every sample of a line.

    Parameters
    ----------
    synthesis : Synthesis
        With ``line`` and ``position``, as :class:`ADBA` makes it.
    turns : array-like of shape (n_lines,)
        The position on each line, in units of ``synthesis.position``, where the class turns.
        Infinity where all of the line is of the first class, minus infinity where all is of
        the second, NaN where the oracle declines.
    classes : sequence of two labels
        The class before the turn, and the one behind it.

    Returns
    -------
    ndarray of shape (n_samples,)
        The label of each sample; NaN on declined lines, where the labels become objects unless
        they are numbers.

    Raises
    ------
    ValueError
        If the synthesis has no lines, or there isn't one turn for each, or the classes aren't
        two.

    See Also
    --------
    ADBA : Designs the lines.

    Examples
    --------
    >>> import numpy as np
    >>> from skgal.base import Synthesis
    >>> from skgal.query import label_lines
    >>> synthesis = Synthesis(
    ...     X=np.zeros((5, 2)),
    ...     latent=np.zeros((5, 1)),
    ...     line=np.array([0, 0, 0, 1, 1]),
    ...     position=np.array([-1.0, 0.0, 1.0, -1.0, 1.0]),
    ... )
    >>> label_lines(synthesis, [0.5, -np.inf], ["cat", "dog"]).tolist()
    ['cat', 'cat', 'dog', 'dog', 'dog']
    """
    if synthesis.line is None:
        raise ValueError("The synthesis has no lines, as ADBA makes; label its samples.")
    turns = np.asarray(turns, dtype=np.float64)
    n_lines = int(synthesis.line.max()) + 1
    if turns.shape != (n_lines,):
        raise ValueError(
            f"turns must be one position for each of the {n_lines} lines, got an array of shape "
            f"{turns.shape}."
        )
    classes = np.asarray(classes)
    if classes.shape != (2,):
        raise ValueError(
            f"classes must be the class before the turn and the one behind it, got {classes!r}."
        )
    turn = turns[synthesis.line]
    labels = classes[(synthesis.position > turn).astype(int)]
    declined = np.isnan(turn)
    if declined.any():
        labels = labels.astype(float if labels.dtype.kind in "biuf" else object)
        labels[declined] = np.nan
    return labels
