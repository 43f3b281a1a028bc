"""What every resampler has in common: the template of ``fit_resample``."""

import warnings
from abc import abstractmethod
from collections import OrderedDict
from copy import copy

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from sklearn.base import _fit_context, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    process_routing,
)
from sklearn.utils.validation import check_is_fitted

from skgal.exceptions import FewSamplesWarning
from skgal.resampling._containers import (
    as_passed,
    check_columns,
    check_samples_and_labels,
    one_hot,
)
from skgal.resampling._drawn import as_data
from skgal.resampling._gate import Gate
from skgal.resampling._report import Report
from skgal.utils import as_random_state, concat_rows, draw_seed, seed_unset, take_rows

# SMOTE's five neighbours and the sample itself: what users are used to have of a class.
_ENOUGH_SAMPLES = 6


class GeneratorOverSampler(BaseOverSampler):
    """Base of resamplers that fill up classes with what a conditional generator draws.

    :meth:`fit_resample` checks everything before anything is trained, asks the gate, has
    :meth:`_synthesize` make the new samples, and puts them below the original ones. A subclass
    says which generator is the default one, and may override :meth:`_synthesize` to choose among
    what is drawn.

    Attributes
    ----------
    generator_ : generator
        The fitted generator. There is none if nothing was to be generated, or the gate was against
        it.
    sampling_strategy_ : dict
        The number of samples to generate of each class.
    """

    _parameter_constraints = {
        **BaseOverSampler._parameter_constraints,
        "generator": [None, HasMethods(["fit", "sample"])],
        "gate": [None, Gate],
    }
    _is_in_fold = False

    def __init__(self, generator=None, *, sampling_strategy="auto", gate=None, random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.generator = generator
        self.gate = gate
        self.random_state = random_state

    @abstractmethod
    def _default_generator(self):
        """Return the generator that None stands for."""

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Check the data, and count what there is to generate; nothing is trained.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
        y : array-like of shape (n_samples,)
        **params : dict
            Ignored: what :meth:`fit_resample` takes.

        Returns
        -------
        self
        """
        self._forget()
        _, labels, _ = self._check_X_y(X, y)
        self.sampling_strategy_ = self._count_missing(labels)
        return self

    @_fit_context(prefer_skip_nested_validation=False)
    def fit_resample(self, X, y, **params):
        """Train the generator, and add what it draws to the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            Numbers of any dtype, or a table that has categories, booleans or gaps as well.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict
            Metadata for the generator's ``fit`` and the splitter of the gate (``groups``), where
            scikit-learn's metadata routing is enabled.

        Returns
        -------
        X_resampled : same type as X
            The rows of X, and below them new ones, class by class. Their dtypes are those of X.
        y_resampled : same type as y

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
        UselessSamplesWarning
            If the gate finds that synthetic samples don't help.
        """
        _raise_for_params(params, self, "fit_resample")
        routed = process_routing(self, "fit_resample", **params)
        self._forget()
        samples, labels, is_one_hot = self._check_X_y(X, y)
        self.sampling_strategy_ = self._count_missing(labels)
        resampled, new_labels = self._fit_resample(samples, labels, routed=routed, params=params)
        if is_one_hot:
            new_labels = one_hot(new_labels, y)
        return as_passed(resampled, X), as_passed(new_labels, y)

    def set_params(self, **params):
        """Set parameters, and by ``generator__name`` and so on those of parts.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self

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

    def _forget(self):
        """Forget what an earlier call has learnt, of other data perhaps."""
        for name in [*vars(self)]:
            if name == "_report" or (name.endswith("_") and not name.startswith("_")):
                delattr(self, name)

    def _fit_resample(self, X, y, *, routed, params):
        self._check_parts(X, y)
        rng = as_random_state(self.random_state)
        self._report = Report(y)
        new, new_labels = take_rows(X, []), y[:0]
        if any(self.sampling_strategy_.values()):
            check_columns(X)
            self._warn_of_few(y)
            if self._passes_gate(X, y, rng, routed, params):
                new, new_labels = self._synthesize(X, y, rng, routed.generator.fit)
                if not self._is_in_fold:
                    self._report.describe(X, y, new, new_labels, self._image_shape())
        return concat_rows(X, new), np.concatenate([y, new_labels])

    def _passes_gate(self, X, y, rng, routed, params):
        if self.gate is None:
            return True
        self.gate_scores_ = self.gate.compare(
            self, X, y, seed=draw_seed(rng), split_params=routed.gate.split, params=params
        )
        is_gain = self.gate_scores_.is_gain(self.gate.min_gain)
        if not is_gain:
            self.gate_scores_.warn()
        return is_gain

    def for_fold(self, y, share, seed):
        """Make a resampler that does with a part of the data what this one does with all.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            The labels of the part.
        share : float
            The size of the part, in (0, 1].
        seed : int

        Returns
        -------
        resampler
            Without a gate, and without a checkpoint, for that folder is the whole training's; it
            generates the same share of the samples that this one does, and at least one of each
            class that this one generates samples of. Its report measures no distances.
        """
        counts = dict(zip(*np.unique(y, return_counts=True), strict=True))
        strategy = {
            label: counts[label] + max(round(share * n_samples), min(n_samples, 1))
            for label, n_samples in self.sampling_strategy_.items()
            if label in counts
        }
        # Cloned without the gate, for an iterator of splits can't be.
        ungated = copy(self).set_params(gate=None, sampling_strategy=strategy, random_state=seed)
        fold = clone(ungated)
        fold._is_in_fold = True
        if "generator__checkpoint" in fold.get_params():
            fold.set_params(generator__checkpoint=None)
        return fold

    def _synthesize(self, X, y, rng, fit_params):
        """Make the samples that are missing, and enter their number into the report."""
        self.generator_ = self._make_generator(rng).fit(X, y, **fit_params)
        wanted = self._wanted_labels(y)
        self._report.count("generated", wanted)
        self._report.count("accepted", wanted)
        return self._draw(X, wanted, rng)

    def _make_generator(self, rng):
        return seed_unset(clone(self._resolve_generator()), rng)

    def _draw(self, X, labels, rng):
        """Draw a sample of each label, like those of X; return both."""
        drawn = self.generator_.sample(y=labels, random_state=draw_seed(rng))
        name = _name(self.generator_)
        if not isinstance(drawn, tuple) or len(drawn) != 2:
            raise TypeError(
                f"{name}.sample(y=...) must return two things, samples and their classes; it "
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
                "as the second thing these classes; it returned others, or in another order."
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

    def _resolve_generator(self):
        return self._default_generator() if self.generator is None else self.generator

    def _image_shape(self):
        return getattr(self._resolve_generator(), "image_shape", None)

    def _check_parts(self, X, y):
        """Refuse, before anything is trained, what it couldn't be used with."""
        generator = self._resolve_generator()
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
            warnings.warn(
                f"Classes are filled up that have fewer than {_ENOUGH_SAMPLES} samples "
                f"({few}): what is generated of them varies as little as these do.",
                FewSamplesWarning,
                stacklevel=5,
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
        """
        router = MetadataRouter(owner=self).add(
            generator=self._resolve_generator(),
            method_mapping=MethodMapping().add(caller="fit_resample", callee="fit"),
        )
        if self.gate is not None:
            router.add(
                gate=self.gate,
                method_mapping=MethodMapping().add(caller="fit_resample", callee="split"),
            )
        return router

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        return tags


def _name(generator):
    is_frozen = isinstance(generator, FrozenEstimator)
    return type(generator.estimator if is_frozen else generator).__name__
