"""A gate around any sampler: resampled data are used only if they help the user's classifier."""

import warnings
from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from imblearn.base import BaseSampler
from imblearn.pipeline import Pipeline
from scipy import stats
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.callback import CallbackSupportMixin
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import StratifiedKFold, check_cv
from sklearn.utils import check_array, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import delayed
from sklearn.utils.validation import validate_data

from skgal.base import DocumentedMixin
from skgal.classifiers import AnyEstimator
from skgal.exceptions import (
    FewSamplesWarning,
    GateLeakWarning,
    PoorSamplesWarning,
    SingleSampleClassWarning,
    UselessSamplesWarning,
)
from skgal.resampling._data import flatten_labels, labels_as_passed
from skgal.utils import (
    HasMethods,
    Interval,
    StrOptions,
    _check_method_params,
    _raise_for_params,
    accepts_nan,
    as_random_state,
    draw_seed,
    is_frame,
    parallel_in_order,
    restored_on_failure,
    seed_unset,
    subtask,
    take_rows,
    validated_fit,
    warn_user,
)


class GateDecision(NamedTuple):
    """What a gate found, and what followed from it.

    Everything that is needed to check the decision, and to report it.

    Parameters
    ----------
    is_open : bool
        Whether the resampled data are used.
    original, resampled : ndarray of shape (n_folds,), dtype float64
        The classifier's scores in each fold, fitted to the data as they are, and resampled.
    gain : float
        The mean of ``resampled - original``.
    standard_error : float
        Of the gain, corrected for the training parts of the folds having samples in common.
    p_value : float
        Of a one-sided test that the gain is no larger than ``min_gain``.
    reason : str
        The decision in a sentence.

    See Also
    --------
    GatedSampler : Has one as ``decision_``.

    Examples
    --------
    >>> from imblearn.over_sampling import RandomOverSampler
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.resampling import GatedSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> gate = GatedSampler(RandomOverSampler(), GaussianNB(), random_state=0)
    >>> _ = gate.fit_resample(X[:110], y[:110])
    >>> decision = gate.decision_
    >>> decision.is_open, decision.original.shape, decision.gain == 0.0
    (False, (5,), True)
    """

    is_open: bool
    original: np.ndarray
    resampled: np.ndarray
    gain: float
    standard_error: float
    p_value: float
    reason: str


class GatedSampler(DocumentedMixin, CallbackSupportMixin, MetaEstimatorMixin, BaseSampler):
    r"""Resample only if it helps the classifier that the data are resampled for.

    In each fold of a cross-validation the classifier is fitted to the training part twice, as it
    is and resampled, and scored on the test part, which stays as it is. The gate opens, and
    all data are resampled, if the mean gain is significantly larger than ``min_gain`` by the
    corrected resampled paired t-test [1]_: of the differences :math:`d_j` in :math:`J` folds

    .. math:: t = \frac{\bar d - \text{min\_gain}}
              {\sqrt{(1 / J + n_\text{test} / n_\text{train})\, s_d^2}}

    must lie above the :math:`1 - \alpha` quantile of Student's distribution with :math:`J - 1`
    degrees of freedom. Else the original data are returned, with a warning that says why.

    Parameters
    ----------
    sampler : sampler or Pipeline
        Any sampler of imbalanced-learn's kind, such as ``SMOTE()``, ``FunctionSampler(...)`` or
        :class:`PolarityGANSampler`, or a :class:`imblearn.pipeline.Pipeline` that ends in one.
        Transformers in the Pipeline are fitted in each fold as well, with and without the samplers;
        what is returned is transformed by them. It is cloned.
    classifier : estimator or skorch net
        What the data are resampled for, or a Pipeline that ends in it. Nets may get labels and
        floats of any kind. It is cloned.
    scoring : str, callable or None, default=None
        What counts, as for :func:`sklearn.model_selection.cross_val_score`. None is the
        classifier's own ``score``: accuracy, mostly, which hardly notices a rare class.
    cv : int, cross-validation generator, iterable or None, default=5
        An int is the number of stratified and shuffled folds; None stands for 5. At least two. More
        folds, or a :class:`sklearn.model_selection.RepeatedStratifiedKFold`, decide more surely.
        An iterator of splits can be used once only.
    min_gain : float, default=0.0
        By how much the mean score must be higher, beyond doubt.
    alpha : float in (0, 0.5], default=0.1
        The level of the test: how often the gate may open though the true gain is no larger than
        ``min_gain``. 0.5: the mean alone decides.
    n_jobs : int or None, default=None
        Folds computed at a time. The decision doesn't depend on it.
    random_state : int, RandomState instance or None, default=None
        Decides the folds, and what has no seed of its own in sampler and classifier.

    Attributes
    ----------
    decision_ : GateDecision
        ``is_open``, ``original`` and ``resampled`` (scores by fold), ``gain``,
        ``standard_error``, ``p_value``, ``reason``.
    sampler_ : sampler or Pipeline
        Fitted to all data. There is none if the gate is closed.
    transformers_ : Pipeline or None
        The fitted transformers of a Pipeline, for samples to be predicted; None where there are
        none.
    sampling_strategy_ : dict
        The sampler's, or that of the first step of a Pipeline if it is one: classes, and how many
        samples of each to make or to keep.
    n_features_in_ : int
        Number of features, or of channels.
    feature_names_in_ : ndarray of str
        Column names, where X was a DataFrame.

    See Also
    --------
    PolarityGANSampler : A sampler to put inside.
    sklearn.model_selection.TunedThresholdClassifierCV : Often does more for a rare class.

    Notes
    -----
    The scores without resampling come first, so that a classifier or a metric that fails does so
    before a generator is trained. Those of a fold share a seed, so that chance favours neither.

    Numbers of samples in a dict, as ``sampling_strategy``, are taken in proportion in the folds.
    Folds leave a ``checkpoint`` alone.

    What is in a :class:`sklearn.frozen.FrozenEstimator` in the sampler isn't fitted in the folds.
    If it was fitted to the data that are resampled, it has seen what the classifier is tested on,
    and the gate opens wrongly: freeze only what was fitted to other data.

    The test is conservative: with few folds and rare samples most true gains stay unproven.

    References
    ----------
    .. [1] C. Nadeau, Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       2003, section 3.

    Examples
    --------
    >>> import warnings
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.resampling import GatedSampler
    >>> X, y = make_classification(600, weights=[0.9], random_state=0)
    >>> gated = GatedSampler(
    ...     SMOTE(), LogisticRegression(), scoring="balanced_accuracy", random_state=0
    ... )
    >>> X_new, y_new = gated.fit_resample(X, y)
    >>> len(X_new), gated.decision_.is_open
    (1078, True)
    >>> with warnings.catch_warnings():  # Resampling was not shown to help: ...
    ...     warnings.simplefilter("ignore")
    ...     X_new, y_new = gated.set_params(scoring="average_precision").fit_resample(X, y)
    >>> len(X_new)
    600
    """

    _sampling_type = "bypass"

    _parameter_constraints = {
        "sampler": [HasMethods(["fit_resample"])],
        "classifier": [HasMethods(["fit"])],  # some have predict only once they are fitted
        "scoring": [None, StrOptions(set(get_scorer_names())), callable],
        "cv": ["cv_object"],
        "min_gain": [Interval(Real, None, None, closed="neither")],
        "alpha": [Interval(Real, 0, 0.5, closed="right")],
        "n_jobs": [None, Integral],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        sampler,
        classifier,
        *,
        scoring=None,
        cv=5,
        min_gain=0.0,
        alpha=0.1,
        n_jobs=None,
        random_state=None,
    ):
        self.sampler = sampler
        self.classifier = classifier
        self.scoring = scoring
        self.cv = cv
        self.min_gain = min_gain
        self.alpha = alpha
        self.n_jobs = n_jobs
        self.random_state = random_state

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y, **params):
        """Check the data; nothing is trained.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_samples samples
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
        self._check(X, y)
        return self

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit_resample(self, X, y, **params):
        """Find out whether resampling helps, and resample if it does.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_samples samples
            What the sampler and the classifier take.
        y : array-like of shape (n_samples,)
            Class labels.
        **params : dict
            Metadata for the sampler's ``fit_resample`` and the splitter (``groups``), where
            scikit-learn's metadata routing is enabled.

        Returns
        -------
        same types as X and y
            What the sampler returns, or the data as they are.

        Raises
        ------
        ValueError
            If there are fewer than two folds, the training part of a fold has one class only,
            or a score is not finite, such as that of ``"roc_auc"`` where the test part of a fold
            lacks a class.
        TypeError
            If ``scoring`` returns something else than a number.

        Warns
        -----
        UselessSamplesWarning
            If the gate stays closed.
        GateLeakWarning
            If something in the sampler was fitted beforehand.
        """
        _raise_for_params(params, self, "fit_resample")
        routed = process_routing(self, "fit_resample", **params)
        labels, is_one_hot = self._check(X, y)
        self._warn_of_leaks()
        rng = as_random_state(self.random_state)
        folds = self._split(X, labels, draw_seed(rng), routed.splitter.split)
        context = self._init_callback_context("fit_resample", max_subtasks=3)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self.decision_ = self._compare(X, labels, folds, rng, routed.sampler.fit_resample)
        sampler = seed_unset(clone(self.sampler), rng)
        if self.decision_.is_open:
            with subtask(context, "resample", self, sampler):
                X, labels = sampler.fit_resample(X, labels, **routed.sampler.fit_resample)
            self.sampler_, self.transformers_ = sampler, _transformers(sampler)
            context.call_on_fit_task_end(estimator=self)
            return X, labels_as_passed(labels, y, is_one_hot)
        warn_user(self.decision_.reason, UselessSamplesWarning)
        self.transformers_ = _transformers(sampler)
        rows = np.arange(len(labels))
        X = (
            take_rows(X, rows)
            if self.transformers_ is None
            else self.transformers_.fit_transform(X, labels)
        )
        context.call_on_fit_task_end(estimator=self)
        return X, labels_as_passed(labels[rows], y, is_one_hot)

    def _check(self, X, y):
        """Check the data as the sampler does, and return its labels as `flatten_labels` does."""
        for name in ("decision_", "sampler_", "transformers_", "sampling_strategy_"):
            vars(self).pop(name, None)
        labels, is_one_hot = flatten_labels(y)
        if not (is_frame(X) or accepts_nan(self.classifier)):
            check_array(X, accept_sparse=True, dtype=None, allow_nd=True, estimator=self.classifier)
        # A sampler's fit checks only; that of a Pipeline trains all of it.
        first = self.sampler
        first = first.steps[0][1] if isinstance(first, Pipeline) else first
        if not hasattr(first, "fit_resample"):
            validate_data(self, X, skip_check_array=True)
            return labels, is_one_hot
        checked = clone(first).fit(X, labels)
        for name in ("n_features_in_", "feature_names_in_", "sampling_strategy_"):
            vars(self).pop(name, None)
            if hasattr(checked, name):
                setattr(self, name, getattr(checked, name))
        return labels, is_one_hot

    def _warn_of_leaks(self):
        params = self.sampler.get_params()
        frozen = [name for name in params if isinstance(params[name], FrozenEstimator)]
        if frozen:
            warn_user(
                f"The gate can't fit in its folds what is frozen ({', '.join(frozen)}). If it was "
                "fitted to these samples, it has seen those that the classifier is tested on, and "
                "the scores of resampled data are too good: pass it without FrozenEstimator. If it "
                "was fitted to others, ignore this warning.",
                GateLeakWarning,
            )

    def _split(self, X, y, seed, split_params):
        """Return the folds, checked, as pairs of positions."""
        cv = 5 if self.cv is None else self.cv
        if isinstance(cv, Integral):
            splitter = StratifiedKFold(cv, shuffle=True, random_state=seed)
        else:
            splitter = check_cv(cv, y, classifier=True)
        folds = list(splitter.split(X, y, **split_params))
        if len(folds) < 2:
            raise ValueError(
                f"cv must make two folds or more, since one has no standard error; it made "
                f"{len(folds)}. An iterator of splits can be used once only: pass a list of them, "
                "or a splitter such as StratifiedKFold(5, shuffle=True)."
            )
        for train, _ in folds:
            classes = np.unique(y[train]).tolist()
            if len(classes) < 2:
                raise ValueError(
                    "The gate cross-validates, and the training part of a fold has samples of "
                    f"class {classes[0]!r} only: pass another cv, or more samples of the rarest "
                    "class."
                )
        return folds

    def _compare(self, X, y, folds, rng, sampler_params):
        """Score the classifier in each fold on original and resampled data; decide."""
        scorer = check_scoring(AnyEstimator(self.classifier), self.scoring)
        baseline = _transformers(self.sampler)
        samplers, baselines, seeds = [], [], []
        for train, _ in folds:
            fold_rng = as_random_state(draw_seed(rng))
            samplers.append(seed_unset(_for_fold(self.sampler, y, train), fold_rng))
            seeds.append(draw_seed(fold_rng))
            baselines.append(None if baseline is None else seed_unset(clone(baseline), fold_rng))

        def score(steps, is_resampled, params):
            name = "folds with resampling" if is_resampled else "folds without resampling"
            task = self._callback_fit_ctx.subcontext(name, max_subtasks=len(folds))
            task.call_on_fit_task_begin(estimator=self)
            results = parallel_in_order(self.n_jobs)(
                delayed(_score_fold)(self.classifier, scorer, X, y, *job, is_resampled, params)
                for job in zip(folds, seeds, steps, strict=True)
            )
            scores = []
            for result in results:
                with subtask(task, "fold", self):
                    scores.append(result)
            task.call_on_fit_task_end(estimator=self)
            self._check_scores(scores, folds, y)
            return np.array(scores, dtype=np.float64)

        original = score(baselines, False, {})
        resampled = score(samplers, True, sampler_params)
        ratio = np.mean([len(test) / len(train) for train, test in folds])
        gain, error, p_value = corrected_t_test(resampled - original, ratio, self.min_gain)
        is_open = bool(p_value < self.alpha)
        reason = (
            f"Resampling {'helps' if is_open else 'was not shown to help'}: {self._metric()} is "
            f"{resampled.mean():.4g} with it and {original.mean():.4g} without, in the mean of "
            f"{len(folds)} folds, a gain of {gain:.2g} with a corrected standard error of "
            f"{error:.2g}. That it is above min_gain={self.min_gain:g} has p = {p_value:.2g}, "
            f"alpha is {self.alpha:g}."
        )
        if not is_open:
            reason += " The original data are returned."
        return GateDecision(is_open, original, resampled, gain, error, p_value, reason)

    def _check_scores(self, scores, folds, y):
        """Refuse scores that are no finite numbers."""
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
            "has samples, or another scoring."
        )

    def _metric(self):
        if self.scoring is None:
            return "the classifier's score"
        return self.scoring if isinstance(self.scoring, str) else "the score"

    def _fit_resample(self, X, y, **params):
        raise NotImplementedError  # imblearn's template, which fit_resample replaces

    def get_feature_names_out(self, input_features=None):
        """Return the names of the features of what is returned.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features of X.

        Returns
        -------
        ndarray of str
            The names of the columns.
        """
        if getattr(self, "transformers_", None) is not None:
            return self.transformers_.get_feature_names_out(input_features)
        return super().get_feature_names_out(input_features)

    def get_metadata_routing(self):
        """Say where metadata that :meth:`fit_resample` is given goes.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            What scikit-learn's routing reads.
        """
        # Splits take no metadata; an iterator of them must not be used up here.
        is_iterable = not hasattr(self.cv, "split") and np.iterable(self.cv)
        splitter = check_cv([] if is_iterable else self.cv, classifier=True)
        return (
            MetadataRouter(owner=self)
            .add(
                sampler=self.sampler,
                method_mapping=MethodMapping().add(caller="fit_resample", callee="fit_resample"),
            )
            .add(
                splitter=splitter,
                method_mapping=MethodMapping().add(caller="fit_resample", callee="split"),
            )
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.sampler).input_tags
        for name in ("sparse", "allow_nan", "string", "categorical"):
            setattr(tags.input_tags, name, getattr(inner, name))
        # The classifier sees them, too.
        tags.input_tags.sparse &= get_tags(self.classifier).input_tags.sparse
        tags.input_tags.allow_nan &= accepts_nan(self.classifier)
        return tags


def corrected_t_test(differences, test_to_train, min_gain=0.0):
    """Test whether paired differences of scores by fold are above a value: mean, error, p-value."""
    n_folds = len(differences)
    gain = float(np.mean(differences))
    error = float(np.sqrt((1 / n_folds + test_to_train) * np.var(differences, ddof=1)))
    if error <= 1e-12 * max(1.0, abs(gain)):  # equal but for rounding
        return gain, error, float(gain - min_gain <= 1e-12)
    return gain, error, float(stats.t.sf((gain - min_gain) / error, df=n_folds - 1))


def _transformers(sampler):
    """Return the steps of a Pipeline that transform, as one; None where there are none."""
    if not isinstance(sampler, Pipeline):
        return None
    steps = [
        (name, step)
        for name, step in sampler.steps
        if step is not None and step != "passthrough" and not hasattr(step, "fit_resample")
    ]
    return Pipeline(steps) if steps else None


def _for_fold(sampler, y, train):
    """Clone a sampler for a fold, with fixed numbers of samples scaled to its size."""
    changed = {}
    for name, value in sampler.get_params().items():
        last = name.rpartition("__")[2]
        if last == "checkpoint" and value is not None:  # that is for the training on all data
            changed[name] = None
        if last != "sampling_strategy":
            continue
        if callable(value) and name == last:  # what later steps of a Pipeline see isn't known here
            value = value(y)
        if isinstance(value, dict):
            changed[name] = _share(value, y, y[train])
    return clone(sampler).set_params(**changed)


def _share(wanted, y, part):
    """Scale the wanted number of samples of each class by its share in the fold."""
    shares = {}
    for label, n_wanted in wanted.items():
        n_all, n_part = np.count_nonzero(y == label), np.count_nonzero(part == label)
        if n_part:
            change = round((n_wanted - n_all) * n_part / n_all)
            # At least one is added where the sampler adds some to all the data.
            shares[label] = n_part + (max(change, 1) if n_wanted > n_all else change)
    return shares


def _score_fold(classifier, scorer, X, y, fold, seed, step, is_resampled, params):
    """Fit the classifier to the training part, resampled or not; score it on the test part."""
    train, test = fold
    X_train, y_train, X_test = take_rows(X, train), y[train], take_rows(X, test)
    if step is not None:
        params = _check_method_params(X, params, indices=train)
        with warnings.catch_warnings():
            # Of all the data they are given once, by the sampler itself.
            for category in (FewSamplesWarning, SingleSampleClassWarning, PoorSamplesWarning):
                warnings.simplefilter("ignore", category)
            if is_resampled:
                try:
                    X_train, y_train = step.fit_resample(X_train, y_train, **params)
                except Exception as error:  # raised again: a sampler may raise any kind
                    error.add_note(_describe_part(y_train))
                    raise
            else:
                X_train = step.fit_transform(X_train, y_train)
        transformers = _transformers(step)
        if transformers is not None:
            X_test = transformers.transform(X_test)
    # The same seed with and without resampling, so that chance favours neither.
    fitted = AnyEstimator(classifier, random_state=seed).fit(X_train, y_train)
    try:
        return scorer(fitted, X_test, y[test])
    except ValueError as error:
        if "pos_label" not in str(error):
            raise
        raise ValueError(
            f"{error} The gate's scoring must know which class it is about: pass, for example, "
            "make_scorer(average_precision_score, response_method='predict_proba', "
            f"pos_label={_rarest(y)!r})."
        ) from error


def _describe_part(y):
    """Say that a sampler failed with part of the data, and what that part had of each class."""
    classes, counts = np.unique(y, return_counts=True)
    shares = dict(zip(classes.tolist(), counts.tolist(), strict=True))
    return (
        "The gate cross-validates, and this happened with the training part of a fold, in which "
        f"the classes have {shares} samples. If these are too few for the sampler, pass a cv with "
        "more folds, or a sampler that needs fewer, such as SMOTE(k_neighbors=2)."
    )


def _rarest(y):
    """Find the class that is rarest, as a plain Python object."""
    classes, counts = np.unique(y, return_counts=True)
    return classes[np.argmin(counts)].item() if len(classes) else None
