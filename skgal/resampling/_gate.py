"""Whether synthetic samples help the user's own classifier, found out by cross-validation."""

import warnings
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import check_cv
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from skgal.exceptions import (
    FewSamplesWarning,
    GateLeakWarning,
    SingleSampleClassWarning,
    UselessSamplesWarning,
)
from skgal.utils import as_random_state, draw_seed, seed_unset, seeded_nets, take_rows


class GateScores(NamedTuple):
    """Scores of a classifier, fold by fold.

    Parameters
    ----------
    original, resampled : ndarray of shape (n_splits,)
        Fitted to the original data of the fold, and to these and synthetic ones.
    metric : str
    """

    original: np.ndarray
    resampled: np.ndarray
    metric: str

    def is_gain(self, min_gain=0.0):
        """Tell whether the mean score with synthetic samples is higher by more than a margin."""
        return bool(np.mean(self.resampled - self.original) > min_gain)

    def warn(self):
        """Say that the synthetic samples are not used, and why."""
        warnings.warn(
            "The synthetic samples don't help, so the original data are returned: "
            f"{self.metric} is {self.resampled.mean():.4g} with them and "
            f"{self.original.mean():.4g} without, in the mean of {len(self.original)} folds.",
            UselessSamplesWarning,
            stacklevel=6,
        )


class Gate(BaseEstimator):
    """Let synthetic samples through only if they help a classifier.

    A resampler takes it as ``gate``. In each fold of a cross-validation the resampler fills up
    the training part; the classifier is fitted with and without what it made, and scored on the
    other part, which stays as it is. So the generator is trained once in each fold, and once
    more on all data if the gate opens. The scores without synthetic samples come first, so that
    a classifier or metric that fails does so before anything is trained.

    A generator or extractor in a :class:`sklearn.frozen.FrozenEstimator` is not trained in the
    folds. Fitted to the data that are resampled, it has seen what the classifier is tested on, and
    the gate opens wrongly: freeze only what was fitted to other data.

    Parameters
    ----------
    classifier : estimator or skorch net
        What the data are resampled for, or a Pipeline that ends in it.
    scoring : str, callable or None, default=None
        What counts, as for :func:`sklearn.model_selection.cross_val_score`. None is the
        classifier's own ``score``: accuracy, mostly, which hardly notices a rare class.
    cv : int, cross-validation generator, iterable or None, default=3
        An int is the number of stratified folds; None stands for five, as in scikit-learn. More
        folds, or a :class:`sklearn.model_selection.RepeatedStratifiedKFold`, judge more surely. An
        iterator of splits can be used once only.
    min_gain : float, default=0.0
        By how much the mean score must be higher with synthetic samples than without.
    n_jobs : int or None, default=None
        Folds computed at a time. The scores don't depend on it.

    Examples
    --------
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.generators import CGAN
    >>> from skgal.resampling import GANOverSampler, Gate
    >>> X, y = make_classification(200, weights=[0.9], random_state=0)
    >>> gate = Gate(LogisticRegression(), scoring="f1_macro", min_gain=0.5)
    >>> sampler = GANOverSampler(CGAN(max_iter=5), gate=gate, random_state=0)
    >>> import warnings
    >>> with warnings.catch_warnings():  # The synthetic samples don't help: f1_macro is ...
    ...     warnings.simplefilter("ignore")
    ...     X_new, y_new = sampler.fit_resample(X, y)
    >>> len(X_new), sampler.gate_scores_.is_gain(0.5)
    (200, False)
    """

    _parameter_constraints = {
        "classifier": [HasMethods(["fit", "predict"])],
        "scoring": [None, StrOptions(set(get_scorer_names())), callable],
        "cv": ["cv_object"],
        "min_gain": [Interval(Real, None, None, closed="neither")],
        "n_jobs": [None, Integral],
    }

    def __init__(self, classifier, *, scoring=None, cv=3, min_gain=0.0, n_jobs=None):
        self.classifier = classifier
        self.scoring = scoring
        self.cv = cv
        self.min_gain = min_gain
        self.n_jobs = n_jobs

    def compare(self, resampler, X, y, *, seed, split_params=None, params=None):
        """Score the classifier with and without synthetic samples.

        Parameters
        ----------
        resampler : fitted resampler
            Cloned; its ``for_fold`` says how a part of the data is resampled.
        X : ndarray or DataFrame of n_samples samples
        y : ndarray of shape (n_samples,)
        seed : int
            Decides all that has no seed of its own.
        split_params : dict, default=None
            Metadata for the splitter, such as ``groups``.
        params : dict, default=None
            Metadata that the resampler's ``fit_resample`` was given: each fold gets its part.

        Returns
        -------
        GateScores

        Raises
        ------
        ValueError
            If a parameter is out of range, there are no folds, the training part of a fold has
            one class only, or a score is not finite, such as that of ``"roc_auc"`` where the test
            part of a fold lacks a class.
        TypeError
            If ``scoring`` returns something else than a number.

        Warns
        -----
        GateLeakWarning
            If the resampler's generator or extractor was fitted beforehand.
        """
        self._validate_params()
        self._warn_of_leaks(resampler)
        scorer = check_scoring(self.classifier, self.scoring)
        routed = process_routing(self, "split", **(split_params or {}))
        folds = list(self._splitter(y).split(X, y, **routed.splitter.split))
        self._check_folds(folds, y)
        rng = as_random_state(seed)
        resamplers, seeds = [], []
        for train, _ in folds:
            fold_rng = as_random_state(draw_seed(rng))
            resamplers.append(
                resampler.for_fold(y[train], len(train) / len(y), draw_seed(fold_rng))
            )
            seeds.append(draw_seed(fold_rng))

        def score(resamplers):
            scores = Parallel(n_jobs=self.n_jobs)(
                delayed(_score_fold)(self.classifier, scorer, X, y, *job, params or {})
                for job in zip(folds, seeds, resamplers, strict=True)
            )
            self._check_scores(scores, folds, y)
            return np.array(scores)

        # What is wrong with the classifier or the metric shows before any generator is trained.
        original = score([None] * len(folds))
        return GateScores(original, score(resamplers), self._metric())

    def get_metadata_routing(self):
        """Say where metadata that a resampler is given for its gate goes.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        # Splits take no metadata; an iterator of them must not be used up here.
        is_iterable = not hasattr(self.cv, "split") and np.iterable(self.cv)
        return MetadataRouter(owner=self).add(
            splitter=check_cv([] if is_iterable else self.cv, classifier=True),
            method_mapping=MethodMapping().add(caller="split", callee="split"),
        )

    def _splitter(self, y):
        return check_cv(self.cv, y, classifier=True)

    def _metric(self):
        if self.scoring is None:
            return "the classifier's score"
        return self.scoring if isinstance(self.scoring, str) else "the score"

    def _warn_of_leaks(self, resampler):
        params = resampler.get_params(deep=False)
        frozen = [name for name in params if isinstance(params[name], FrozenEstimator)]
        if frozen:
            warnings.warn(
                f"The gate can't fit in its folds what is frozen ({', '.join(frozen)}). If it was "
                "fitted to these samples, it has seen those that the classifier is tested on, and "
                "the scores with synthetic samples are too good: pass it without FrozenEstimator. "
                "If it was fitted to others, ignore this warning.",
                GateLeakWarning,
                stacklevel=7,
            )

    def _check_folds(self, folds, y):
        if not folds:
            raise ValueError(
                "The gate's cv has no folds. An iterator of splits can be used once only: pass a "
                "list of them, or a splitter such as StratifiedKFold(3)."
            )
        for train, _ in folds:
            classes = np.unique(y[train]).tolist()
            if len(classes) < 2:
                raise ValueError(
                    "The gate cross-validates, and the training part of a fold has samples of "
                    f"class {classes[0]!r} only: pass another cv, or gate=None, or more samples "
                    "of the rarest class."
                )

    def _check_scores(self, scores, folds, y):
        """Refuse scores that nothing can be concluded from; NaN is neither gain nor loss."""
        numbers = np.asarray(scores)
        if numbers.ndim != 1 or numbers.dtype.kind not in "biuf":
            raise TypeError(
                "The gate's scoring must return a number, as scikit-learn's scorers do; in the "
                f"folds it returned {scores}."
            )
        failed = np.flatnonzero(~np.isfinite(numbers)).tolist()
        if not failed:
            return
        lacking = [np.setdiff1d(y, y[folds[fold][1]]).tolist() for fold in failed]
        why = f", whose test parts lack the classes {lacking}" if any(lacking) else ""
        raise ValueError(
            f"The gate can't compare scores: {self._metric()} is not a finite number in the folds "
            f"{failed} (from 0, of {len(folds)}){why}. Pass a cv that leaves samples of each class "
            "in each test part, such as StratifiedKFold with no more folds than the rarest class "
            "has samples, or another scoring, or gate=None."
        )


def _score_fold(classifier, scorer, X, y, fold, seed, resampler, params):
    """Return the classifier's score on the test part, fitted to the other one.

    That one is resampled before, where there is a resampler.
    """
    train, test = fold
    X_train, y_train = take_rows(X, train), y[train]
    if resampler is not None:
        asked = resampler.get_metadata_routing().consumes("fit_resample", params)
        params = _check_method_params(X, {name: params[name] for name in asked}, indices=train)
        with warnings.catch_warnings():
            # Of all the data they are said once, by the resampler itself.
            warnings.simplefilter("ignore", FewSamplesWarning)
            warnings.simplefilter("ignore", SingleSampleClassWarning)
            X_train, y_train = resampler.fit_resample(X_train, y_train, **params)
    # The same seed with and without synthetic samples, so that luck favours neither.
    fitted = seed_unset(clone(classifier), as_random_state(seed))
    with seeded_nets(fitted, seed):
        fitted.fit(X_train, y_train)
        return scorer(fitted, take_rows(X, test), y[test])
