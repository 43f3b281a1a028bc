"""What every resampler has in common: the template of ``fit_resample``."""

from abc import abstractmethod
from collections import OrderedDict
from typing import NamedTuple

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from scipy.stats import mannwhitneyu
from sklearn.base import clone
from sklearn.callback import CallbackSupportMixin
from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import get_tags, resample
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from skgal.base import DocumentedMixin
from skgal.exceptions import FewSamplesWarning, PoorSamplesWarning
from skgal.metrics import frechet_distance
from skgal.resampling._data import (
    as_data,
    as_passed,
    check_samples_and_labels,
    labels_as_passed,
)
from skgal.utils import (
    HasMethods,
    _raise_for_params,
    as_random_state,
    as_samples,
    concat_rows,
    draw_seed,
    is_frame,
    make_layout,
    restored_on_failure,
    seed_unset,
    subtask,
    take_rows,
    validated_fit,
    warn_user,
)

# SMOTE's five neighbours and the sample itself: what users are used to have of a class.
_ENOUGH_SAMPLES = 6
# New samples are poor that are farther from real ones than this, in distances between real ones.
_MAX_DISTANCE_RATIO = 2
# They are poor as well if this share of the other classes has one of them for a neighbour, though
# they lie nearer to the other classes than real ones do: so probably, and beyond chance.
_MAX_OVERLAP = 0.05
_MAX_NEARER = 0.65
_SIGNIFICANCE = 0.001
# What is compared at most: distances of more samples cost more than training a small generator.
_MAX_COMPARED = 1000
_MAX_COMPONENTS = 32
_DISTANCES = (
    "frechet_distance",
    "nearest_real",
    "nearest_real_min",
    "nearest_real_of_real",
    "overlap",
    "nearer_to_others",
)


class GeneratorOverSampler(DocumentedMixin, CallbackSupportMixin, BaseOverSampler):
    """Base of resamplers that fill up classes with what a conditional generator draws.

    :meth:`fit_resample` checks everything before anything is trained, has :meth:`_synthesize` make
    the new samples, and puts them below the original ones. A subclass says which generator is the
    default one, and may override :meth:`_synthesize` to choose among what is drawn.

    ``set_callbacks`` takes scikit-learn's callbacks, such as
    :class:`sklearn.callback.ProgressBar`: below ``fit_resample`` they hear of the training of the
    generator, as ``"generator"`` with its epochs.

    Parameters
    ----------
    generator : ConditionalGenerator or None, default=None
        What draws samples; a clone of it is fitted. None: the default of the subclass.
    sampling_strategy : float, str, dict or callable, default="auto"
        How many samples of each class there shall be, in imbalanced-learn's forms.
    random_state : int, RandomState instance or None, default=None
        Decides all that is drawn.

    Attributes
    ----------
    generator_ : generator
        The fitted generator. There is none if nothing was to be generated.
    sampling_strategy_ : dict
        The number of samples to generate of each class.

    See Also
    --------
    GANOverSampler : The plainest.
    skgal.testing.check_resampler : Checks one of yours.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import CGAN
    >>> from skgal.resampling import GeneratorOverSampler
    >>> class Plain(GeneratorOverSampler):
    ...     def _default_generator(self, X=None):
    ...         return CGAN(max_iter=10)
    >>> X, y = load_iris(return_X_y=True)
    >>> X_more, y_more = Plain(random_state=0).fit_resample(X[:120], y[:120])
    >>> np.bincount(y_more)
    array([50, 50, 50])
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        "generator": [None, HasMethods(["fit", "sample"])],
    }

    _n_trainings = 1
    """Tasks that callbacks hear of."""

    def __init__(self, generator=None, *, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.generator = generator
        self.random_state = random_state

    @abstractmethod
    def _default_generator(self, X=None):
        """Return the generator that None stands for, for such samples."""

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y, **params):
        """Check the data, and count what there is to generate; nothing is trained.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            The samples.
        y : array-like of shape (n_samples,)
            Their classes.
        **params : dict
            Ignored: what :meth:`fit_resample` takes.

        Returns
        -------
        self
            The sampler.
        """
        self._reset()
        _, labels, _ = self._check_X_y(X, y)
        self.sampling_strategy_ = self._count_missing(labels)
        return self

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit_resample(self, X, y, **params):
        """Train the generator, and add what it draws to the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Numbers of any dtype, or a table that has categories, booleans or gaps as well.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict
            Metadata for the generator's ``fit``, where scikit-learn's metadata routing is enabled.

        Returns
        -------
        X_resampled : same type as X
            The rows of X, and below them new ones, class by class. Their dtypes are those of X.
        y_resampled : same type as y
            Their classes.

        Raises
        ------
        TypeError
            If X is a sparse matrix or a LazyFrame, or the generator can't draw samples of given
            classes.
        ValueError
            If a column of X holds times, infinite numbers or lists; if the generator draws other
            features or classes than asked for, or what the columns of X don't hold; what
            imbalanced-learn raises for such labels and such a ``sampling_strategy``.

        Warns
        -----
        FewSamplesWarning
            If a class that is filled up has fewer than six samples.
        PoorSamplesWarning
            If new samples of a class lie far from the real ones: more than twice as far as these
            from each other, in the median; or among the samples of other classes: more than a
            twentieth of these has a new one for its nearest neighbour, and the new ones lie nearer
            to other classes, in proportion to their own, than real ones do.
        """
        _raise_for_params(params, self, "fit_resample")
        routed = process_routing(self, "fit_resample", **params)
        self._reset()
        samples, labels, is_one_hot = self._check_X_y(X, y)
        self.sampling_strategy_ = self._count_missing(labels)
        context = self._init_callback_context("fit_resample", max_subtasks=self._n_trainings)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        resampled, new_labels = self._fit_resample(samples, labels, routed.generator.fit)
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        X_resampled = as_passed(resampled, as_samples(X))
        return X_resampled, labels_as_passed(new_labels, y, is_one_hot)

    def set_params(self, **params):
        """Set parameters, and by ``generator__name`` and so on those of parts.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self
            The sampler.

        Raises
        ------
        ValueError
            If there is no such parameter, or it is one of a part that is None.
        """
        for name in params:
            part, nested, _ = name.partition("__")
            if nested and params.get(part, getattr(self, part, self)) is None:
                meaning = ", and has no parameters; pass one first"
                if part == "generator":
                    default = " ".join(repr(self._default_generator()).split())
                    meaning = f", which stands for {default}; pass that as generator first"
                raise ValueError(f"{part} is None{meaning}, to set {name}.")
        return super().set_params(**params)

    def _check_X_y(self, X, y):  # noqa: N802, for it is imblearn's name
        # Theirs refuses images.
        return check_samples_and_labels(self, X, y)

    def _count_missing(self, y):
        """Return the number of samples to generate of each class."""
        missing = check_sampling_strategy(self.sampling_strategy, y, self._sampling_type)
        broken = {
            label: np.count_nonzero(y == label) + n_samples
            for label, n_samples in missing.items()
            if not float(n_samples).is_integer()
        }
        if broken:
            raise ValueError(
                "sampling_strategy must ask for whole numbers of samples; of the classes "
                f"{[*broken]} it asks for {[*map(float, broken.values())]}."
            )
        return OrderedDict((label, int(n_samples)) for label, n_samples in missing.items())

    def _reset(self):
        """Delete what an earlier call has learnt, of other data perhaps."""
        for name in [*vars(self)]:
            if name == "_report" or (name.endswith("_") and not name.startswith("_")):
                delattr(self, name)

    def _fit_resample(self, X, y, fit_params):
        self._check_parts(X, y)
        rng = as_random_state(self.random_state)
        self._report = Report(y)
        new, new_labels = take_rows(X, []), y[:0]
        if any(self.sampling_strategy_.values()):
            if is_frame(
                X
            ):  # refuse what no network can see, which a user's generator may not check
                make_layout(X)
            self._warn_of_few(y)
            new, new_labels = self._synthesize(X, y, rng, fit_params)
            self._report.measure_distances(X, y, new, new_labels, self._image_shape())
            self._report.warn_of_poor()
        return concat_rows(X, new), np.concatenate([y, new_labels])

    def _synthesize(self, X, y, rng, fit_params):
        """Make the samples that are missing, and enter their number into the report."""
        self.generator_ = self._train(self._make_generator(X, rng), X, y, fit_params)
        wanted = self._wanted_labels(y)
        self._report.count("generated", wanted)
        self._report.count("accepted", wanted)
        return self._draw(X, wanted, rng)

    def _train(self, generator, X, y, fit_params):
        """Fit a generator, as a task that callbacks hear of."""
        with subtask(self._callback_fit_ctx, "generator", self, generator):
            return generator.fit(X, y, **fit_params)

    def _make_generator(self, X, rng):
        return seed_unset(clone(self._resolve_generator(X)), rng)

    def _draw(self, X, labels, rng):
        """Draw a sample of each label, like those of X; return both."""
        drawn = self.generator_.sample(y=labels, random_state=draw_seed(rng))
        name = _name(self.generator_)
        if not isinstance(drawn, tuple) or len(drawn) != 2:
            raise TypeError(
                f"{name}.sample(y=...) must return two values, samples and their classes; it "
                f"returned a {type(drawn).__name__}."
            )
        samples = as_data(drawn[0], X, name)
        if len(samples) != len(labels):
            raise ValueError(
                f"{name}.sample(y=...) must return a sample of each class in y; it returned "
                f"{len(samples)} for {len(labels)}."
            )
        if not np.array_equal(np.ravel(drawn[1]), labels):
            raise ValueError(
                f"{name}.sample(y=...) must return samples of the classes in y, in this order, and "
                "these classes as the second value; it returned others, or in another order."
            )
        return samples, labels

    def _wanted_labels(self, y, factor=1):
        """Return the labels of the samples that are missing, or of a multiple of them."""
        return np.concatenate(
            [
                np.full(factor * n_samples, label, dtype=y.dtype)
                for label, n_samples in self.sampling_strategy_.items()
            ]
        )

    def _resolve_generator(self, X=None):
        return self._default_generator(X) if self.generator is None else self.generator

    def _image_shape(self):
        return getattr(self.generator, "image_shape", None)

    def _check_parts(self, X, y):
        """Check the generator, and other parts, before anything is trained."""
        generator = self._resolve_generator(X)
        if not hasattr(generator, "__sklearn_tags__"):
            raise TypeError(
                f"{type(self).__name__} needs a generator that is a scikit-learn estimator and "
                f"says by its tags that it learns from classes; {type(generator).__name__} has no "
                "__sklearn_tags__. Subclass skgal.base.ConditionalGenerator, or "
                "sklearn.base.BaseEstimator with target_tags.required = True in __sklearn_tags__."
            )
        if not get_tags(generator).target_tags.required:
            raise TypeError(
                f"{type(self).__name__} needs a generator of given classes, such as ACGAN() or "
                f"CGAN(), but {_name(generator)} learns from samples without classes."
            )
        if hasattr(generator, "_parameter_constraints"):
            generator._validate_params()

    def _warn_of_few(self, y):
        filled_up = [label for label, n_samples in self.sampling_strategy_.items() if n_samples]
        labels, counts = np.unique(y[np.isin(y, filled_up)], return_counts=True)
        few = dict(zip(labels.tolist(), counts.tolist(), strict=True))
        few = {label: count for label, count in few.items() if count < _ENOUGH_SAMPLES}
        if few:
            warn_user(
                f"Classes are filled up that have fewer than {_ENOUGH_SAMPLES} samples "
                f"({few}): generated samples vary as little as these.",
                FewSamplesWarning,
            )

    @property
    def report_(self):
        """What was generated, accepted and rejected of each class, and how good it is.

        A :class:`pandas.DataFrame` with a row for each class; see the class for its columns.
        """
        check_is_fitted(self, "_report")
        return self._report.to_frame()

    def get_metadata_routing(self):
        """Say where metadata that :meth:`fit_resample` is given goes.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            What scikit-learn's routing reads.
        """
        return MetadataRouter(owner=self).add(
            generator=self._resolve_generator(),
            method_mapping=MethodMapping().add(caller="fit_resample", callee="fit"),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        is_estimator = hasattr(self.generator, "__sklearn_tags__")
        tags.input_tags.allow_nan = (
            get_tags(self.generator).input_tags.allow_nan
            if is_estimator
            else self.generator is None
        )
        return tags


def _name(generator):
    is_frozen = isinstance(generator, FrozenEstimator)
    return type(generator.estimator if is_frozen else generator).__name__


class Report:
    """Numbers for each class: how many samples, and how far they are from the real ones."""

    def __init__(self, y):
        self.classes, counts = np.unique(y, return_counts=True)
        self._columns = {"real": counts}
        for column in ("generated", "accepted"):
            self._columns[column] = np.zeros(len(counts), dtype=int)
        self._distances = {name: np.full(len(counts), np.nan) for name in _DISTANCES}

    def count(self, column, labels):
        """Add a number of samples to a column."""
        counts = self._columns.setdefault(column, np.zeros(len(self.classes), dtype=int))
        labels, numbers = np.unique(labels, return_counts=True)
        counts[np.searchsorted(self.classes, labels)] += numbers

    def enter(self, selection, labels):
        """Count the candidates of one class."""
        self.count("generated", labels)
        self.count("accepted", labels[: selection.n_accepted])
        for name, number in selection.rejected.items():
            self.count(f"rejected_by_{name}", labels[:number])
        self.count("surplus", labels[: selection.n_surplus])
        self.count("topped_up", labels[selection.n_accepted : len(selection.chosen)])

    def measure_distances(self, X, y, new, new_labels, image_shape=None):
        """Measure how far new samples are from the original ones of their class."""
        layout = make_layout(X, image_shape)
        real, new = _flat(layout.to_network(X)), _flat(layout.to_network(new))
        components = PCA(min(_MAX_COMPONENTS, *real.shape), svd_solver="randomized", random_state=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where all samples are the same
            components.fit(real)
        self._is_misplaced = np.zeros(len(self.classes), dtype=bool)
        for row, label in enumerate(self.classes):
            is_own, own_new = y == label, new[new_labels == label]
            compared = _compare(real[is_own], own_new, components)
            if len(own_new) and is_own.sum() > 1 and not is_own.all():
                rows = (real[is_own], real[~is_own], own_new)
                placed = _compare_places(*(components.transform(each) for each in rows))
                compared["overlap"], compared["nearer_to_others"], p_value = placed
                self._is_misplaced[row] = (
                    placed[0] > _MAX_OVERLAP and placed[1] > _MAX_NEARER and p_value < _SIGNIFICANCE
                )
            for name, distance in compared.items():
                self._distances[name][row] = distance

    def warn_of_poor(self):
        """Warn of classes whose new samples lie far from the real ones, or among other classes."""
        new, real = self._distances["nearest_real"], self._distances["nearest_real_of_real"]
        is_far = (new > _MAX_DISTANCE_RATIO * real) & (real > 0)  # 0: most are there twice
        labels, findings = self.classes.tolist(), []
        if is_far.any():
            far = {labels[i]: f"{new[i]:.3g} against {real[i]:.3g}" for i in np.flatnonzero(is_far)}
            findings.append(
                "lie far from the real ones of their class: the median distance from the nearest "
                f"is, against that between real ones, {far}"
            )
        if self._is_misplaced.any():
            overlap = self._distances["overlap"]
            shares = {labels[i]: f"{overlap[i]:.0%}" for i in np.flatnonzero(self._is_misplaced)}
            findings.append(
                "lie among the samples of other classes, more than real ones do: of these they are "
                f"the nearest neighbours to {shares}"
            )
        if findings:
            warn_user(
                f"New samples {', and '.join(findings)}. They may do harm. Train the generator "
                "longer, ask for fewer, or take another sampler, such as PolarityGANSampler, whose "
                "samples lie between real ones; GatedSampler finds out whether they help.",
                PoorSamplesWarning,
            )

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


def _compare_places(own, others, new):
    """Compare where a class's new samples and its real ones lie between it and other classes."""
    # Returned are the share of other classes' samples whose nearest neighbour is a new one (no
    # sample of this class is asked), the probability that a new sample lies nearer to other
    # classes, in proportion to its own, than a real one, and the p-value of that being more than a
    # half.
    # Both thinned out alike, so that the share stays what it is.
    share = min(1.0, 10 * _MAX_COMPARED / max(len(others), len(new)))
    own, others, new = (
        _some(own, 10 * _MAX_COMPARED),
        _some(others, int(np.ceil(share * len(others)))),
        _some(new, int(np.ceil(share * len(new)))),
    )
    to_own, to_others, to_new = (NearestNeighbors(n_neighbors=1).fit(x) for x in (own, others, new))
    asked = _some(others, _MAX_COMPARED)
    overlap = np.mean(_distances(to_new, asked) < _distances(to_others, asked, is_fitted=True))
    nearness = []
    for samples, is_fitted in ((new, False), (own, True)):
        samples = _some(samples, _MAX_COMPARED)
        near_own = _distances(to_own, samples, is_fitted=is_fitted)
        near_others = _distances(to_others, samples)
        total = near_own + near_others
        nearness.append(np.where(total > 0, near_own / np.where(total > 0, total, 1), 0.5))
    test = mannwhitneyu(*nearness, alternative="greater")
    return overlap, test.statistic / (len(nearness[0]) * len(nearness[1])), test.pvalue


def _distances(nearest, samples, is_fitted=False):
    """Return distances from the nearest; of samples that are among the fitted, from another one."""
    if not is_fitted:
        return nearest.kneighbors(samples)[0][:, 0]
    if nearest.n_samples_fit_ == 1:
        return np.full(len(samples), np.inf)
    return nearest.kneighbors(samples, n_neighbors=2)[0][:, 1]


def _some(samples, most):
    """Draw some samples, always the same, where there are too many."""
    if len(samples) <= most:
        return samples
    return resample(samples, replace=False, n_samples=most, random_state=0)


def _flat(tensor):
    return tensor.reshape(len(tensor), -1)


class Selection(NamedTuple):
    """The candidates of one class, chosen and rejected."""

    chosen: np.ndarray  # positions, the accepted ones first, each kind by its scores
    n_accepted: int  # of the chosen; the others were rejected, and fill the quota up
    n_surplus: int  # how many more passed all filters than are wanted
    rejected: dict  # how many candidates each filter rejected, by its name


def select(scores, n_wanted, at_most=None):
    """Choose ``n_wanted`` candidates of one class, filter by filter, each by its scores."""
    # A candidate passes a filter if its score is below the median of those that came so far, or no
    # higher than `at_most` (the algorithm of "Selective synthetic augmentation" takes the median
    # of a class, its section 3.3 that of the candidates left: as here). So never more than half
    # of them pass, and fewer where scores are equal. Where too few pass, the best of those
    # that a filter rejected fill the quota up, of the last filter first. "label" has a mask of
    # what passes for scores; NaN is the worst score.
    left = np.arange(len(next(iter(scores.values()))))
    rejected, reserve = {}, []
    for name, values in scores.items():
        order, passes = _rank(values[left], at_most)
        ranked = left[order]
        rejected[name] = int(np.count_nonzero(~passes))
        reserve.insert(0, ranked[~passes[order]])
        left = ranked[passes[order]]
    n_accepted = min(len(left), n_wanted)
    chosen = np.concatenate([left, *reserve])[:n_wanted]
    return Selection(chosen, n_accepted, len(left) - n_accepted, rejected)


def _rank(values, at_most):
    """Return the order of some candidates, the best first, and which of them pass."""
    if values.dtype == bool:
        return np.argsort(~values, kind="stable"), values
    values = np.where(np.isnan(values), np.inf, values)
    if at_most is not None:
        passes = values <= at_most
        return np.argsort(np.where(passes, -np.inf, values), kind="stable"), passes
    passes = values < np.median(values) if len(values) else np.zeros(0, dtype=bool)
    return np.argsort(values, kind="stable"), passes
