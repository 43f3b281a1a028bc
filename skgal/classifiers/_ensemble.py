"""Ensembles that let any classifier or regressor say how unsure it is, and why."""

from abc import abstractmethod
from contextlib import ExitStack
from numbers import Integral
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skgal.base import DocumentedMixin
from skgal.classifiers._fit import AnyEstimator
from skgal.metrics import entropy
from skgal.utils import (
    HasMethods,
    Interval,
    StrOptions,
    as_label_array,
    as_random_state,
    check_class_labels,
    draw_seed,
    nets_in,
    restored_on_failure,
    take_rows,
    unwrap,
    validated_fit,
)


class Uncertainty(NamedTuple):
    """How unsure an ensemble is of samples, by where it comes from.

    The difference matters for choosing: more labels settle what the members disagree about, and
    no label settles noise.

    Parameters
    ----------
    total : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Of a classifier, the entropy of the mean probabilities; of a regressor, a standard
        deviation.
    disagreement : ndarray of the same shape
        What the members disagree about, which more labels would settle: the mutual information of
        label and member; the standard deviation of the members' predictions.
    noise : ndarray of the same shape
        What they agree is uncertain: the mean entropy of the members' probabilities; a standard
        deviation of the labels around the prediction.

    See Also
    --------
    EnsembleClassifier : Returns one.
    EnsembleRegressor : Returns one.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.classifiers import EnsembleClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> ensemble = EnsembleClassifier(GaussianNB(), random_state=0).fit(X, y)
    >>> uncertainty = ensemble.predict_uncertainty(X[:5])
    >>> gap = uncertainty.total - uncertainty.disagreement - uncertainty.noise
    >>> bool(abs(gap).max() < 1e-9)
    True
    """

    total: np.ndarray
    disagreement: np.ndarray
    noise: np.ndarray


class _Ensemble(DocumentedMixin, MetaEstimatorMixin, BaseEstimator):
    """The members: fitted in parallel, each with a seed and, if wanted, a resample of its own."""

    _parameter_constraints = {
        "estimator": [HasMethods(["fit"])],
        "n_estimators": [Interval(Integral, 2, None, closed="left")],
        "method": [StrOptions({"bootstrap", "seeds", "dropout"})],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self, estimator, n_estimators=10, *, method="bootstrap", n_jobs=None, random_state=None
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.method = method
        self.n_jobs = n_jobs
        self.random_state = random_state

    @validated_fit(prefer_skip_nested_validation=False)
    @restored_on_failure
    def fit(self, X, y, sample_weight=None):
        """Fit the members.

        Parameters
        ----------
        X : array, sparse matrix or DataFrame of n_samples samples
            Whatever the estimator takes, images of shape (n_samples, c, h, w) for example.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If the estimator is of the wrong kind, or has no dropout to be run with.
        ValueError
            If y isn't what such an estimator learns from; and what the estimator itself raises.
        """
        self._check_kind()
        y = self._check_labels(y)
        rng = as_random_state(self.random_state)
        n_samples = len(y)
        rows, seeds = [], []
        for _ in range(1 if self.method == "dropout" else self.n_estimators):
            member_rng = as_random_state(draw_seed(rng))
            is_bootstrap = self.method == "bootstrap"
            rows.append(self._draw_rows(y, member_rng) if is_bootstrap else np.arange(n_samples))
            seeds.append(draw_seed(member_rng))
        weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_fit_member)(self.estimator, X, y, weight, some, seed, self.method)
            for some, seed in zip(rows, seeds, strict=True)
        )
        seed_of_passes = draw_seed(rng)
        self._pass_seeds = None  # else of one member's passes with its dropout on
        if self.method == "dropout":
            _dropouts(self.estimators_[0])
            seeds = np.random.SeedSequence(seed_of_passes).generate_state(self.n_estimators)
            self._pass_seeds = seeds.tolist()
        self._learn_noise(X, y, rows)
        return self

    @abstractmethod
    def _check_kind(self):
        """Refuse an estimator that this ensemble isn't for."""

    @abstractmethod
    def _check_labels(self, y):
        """Return labels as the members learn them."""

    def _draw_rows(self, y, rng):
        return rng.randint(len(y), size=len(y))

    def _learn_noise(self, X, y, rows):
        """Learn what the members can't say themselves; nothing here."""

    def _members(self, method, X):
        """Call a method of each member; or of the one member, dropping anew in each pass."""
        check_is_fitted(self)
        if self._pass_seeds is not None:
            return _dropout_passes(self.estimators_[0], X, method, self._pass_seeds)
        return Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(getattr(member, method))(X) for member in self.estimators_
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.target_tags.required = True
        tags.target_tags.multi_output &= isinstance(self, RegressorMixin)
        return tags


class EnsembleClassifier(ClassifierMixin, _Ensemble):
    """Fit a classifier several times; the disagreement of its copies is how unsure it is.

    For classifiers of any kind and samples of any shape: skorch nets on images, boosting,
    Pipelines; also those without ``predict_proba``, whose votes are counted.

    Parameters
    ----------
    estimator : classifier
        Cloned and fitted ``n_estimators`` times. Labels of any kind are encoded for nets, and
        float64 samples cast to their precision.
    n_estimators : int, default=10
        Number of members, 2 or more; with ``method="dropout"`` of passes.
    method : {"bootstrap", "seeds", "dropout"}, default="bootstrap"
        What makes members differ: samples drawn with replacement within each class, and seeds;
        seeds only, on all samples (deep ensembles [1]_); or one skorch net is trained and run
        several times with its dropout on [2]_.
    n_jobs : int or None, default=None
        Members fitted and asked at a time, as in :mod:`joblib`. The result is the same for any.
    random_state : int, RandomState instance or None, default=None
        Decides resamples, and what has no seed of its own in the estimator, weights of nets too.

    Attributes
    ----------
    estimators_ : list of AnyEstimator
        The members; one with ``method="dropout"``.
    classes_ : ndarray of shape (n_classes,)
        The class labels.

    See Also
    --------
    skgal.query.UncertaintySampling : ``measure="mutual_information"`` asks about disagreement.

    References
    ----------
    .. [1] B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and Scalable Predictive
       Uncertainty Estimation using Deep Ensembles", NeurIPS 2017.
    .. [2] Y. Gal and Z. Ghahramani, "Dropout as a Bayesian Approximation", ICML 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from skgal.classifiers import EnsembleClassifier
    >>> X = np.linspace(0, 1, 80)[:, np.newaxis]
    >>> y = np.where(X[:, 0] > 0.5, "high", "low")
    >>> model = EnsembleClassifier(HistGradientBoostingClassifier(), 5, random_state=0).fit(X, y)
    >>> model.predict([[0.1], [0.9]]).tolist()
    ['low', 'high']
    >>> unsure = model.predict_uncertainty([[0.1], [0.5]])
    >>> bool(unsure.disagreement[0] < unsure.disagreement[1])
    True
    """

    def _check_kind(self):
        if not is_classifier(self.estimator):
            raise TypeError(
                "EnsembleClassifier is for classifiers, and "
                f"{type(self.estimator).__name__} is none; use EnsembleRegressor for regressors."
            )

    def _check_labels(self, y):
        y = as_label_array(y)
        if y.ndim == 2:
            raise ValueError(
                "EnsembleClassifier learns one label a sample, got y of shape "
                f"{y.shape}; put it into sklearn.multioutput.MultiOutputClassifier."
            )
        y = check_class_labels(y)
        self.classes_ = np.unique(y)
        return y

    def _draw_rows(self, y, rng):
        """Draw with replacement within each class, so that no member misses one."""
        rows = np.arange(len(y))
        for label in self.classes_:
            members = np.flatnonzero(y == label)
            rows[members] = rng.choice(members, size=len(members))
        return rows

    def predict_member_proba(self, X):
        """Predict class probabilities by each member.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.

        Returns
        -------
        ndarray of shape (n_estimators, n_samples, n_classes)
            Of a member without ``predict_proba``, its votes: ones and zeros.
        """
        check_is_fitted(self)
        if hasattr(self.estimators_[0], "predict_proba"):
            return np.array([np.asarray(proba) for proba in self._members("predict_proba", X)])
        votes = np.array([np.asarray(votes) for votes in self._members("predict", X)])
        return (votes[:, :, np.newaxis] == self.classes_).astype(np.float64)

    def predict_proba(self, X):
        """Predict class probabilities: the mean of the members'.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each of ``classes_``.
        """
        return self.predict_member_proba(X).mean(axis=0)

    def predict(self, X):
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.

        Returns
        -------
        ndarray of shape (n_samples,)
            One of ``classes_`` for each sample.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_uncertainty(self, X):
        """Split the uncertainty into disagreement of the members and noise.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.

        Returns
        -------
        Uncertainty
            In nats; ``total`` is ``disagreement`` plus ``noise``.
        """
        proba = self.predict_member_proba(X)
        total = entropy(proba.mean(axis=0))
        noise = np.minimum(np.mean([entropy(each) for each in proba], axis=0), total)
        return Uncertainty(total, total - noise, noise)


class EnsembleRegressor(RegressorMixin, _Ensemble):
    """Fit a regressor several times; the spread of its copies is how unsure it is.

    For regressors of any kind, one output or several, and samples of any shape: skorch nets on
    images, boosting, ``TransformedTargetRegressor``, Pipelines.

    Parameters
    ----------
    estimator : regressor
        Cloned and fitted ``n_estimators`` times; float64 samples are cast for nets.
    n_estimators : int, default=10
        Number of members, 2 or more; with ``method="dropout"`` of passes.
    method : {"bootstrap", "seeds", "dropout"}, default="bootstrap"
        What makes members differ: samples drawn with replacement, and seeds; seeds only, on all
        samples, for nets; or one skorch net is trained and run several times with its dropout on.
    n_jobs : int or None, default=None
        Members fitted and asked at a time, as in :mod:`joblib`. The result is the same for any.
    random_state : int, RandomState instance or None, default=None
        Decides resamples, and what has no seed of its own in the estimator, weights of nets too.

    Attributes
    ----------
    estimators_ : list of AnyEstimator
        The members; one with ``method="dropout"``.
    noise_std_ : float or ndarray of shape (n_outputs,)
        Standard deviation of the labels around what members predict that have not seen them, less
        the members' spread; 0 but with ``method="bootstrap"``, where there are such labels.

    See Also
    --------
    EnsembleClassifier : The same of classifiers.
    skgal.query.UncertaintySampling : Reads its standard deviation.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from skgal.classifiers import EnsembleRegressor
    >>> X = np.linspace(0, 1, 40)[:, np.newaxis]
    >>> y = 2 * X[:, 0] + np.random.RandomState(0).normal(scale=0.1, size=40)
    >>> model = EnsembleRegressor(Ridge(alpha=0.1), random_state=0).fit(X, y)
    >>> mean, std = model.predict([[0.5], [5.0]], return_std=True)
    >>> bool(std[0] < std[1])
    True
    """

    def _check_kind(self):
        if not is_regressor(self.estimator):
            raise TypeError(
                "EnsembleRegressor is for regressors, and "
                f"{type(self.estimator).__name__} is none; use EnsembleClassifier for classifiers."
            )

    def _check_labels(self, y):
        return as_label_array(y).astype(np.float64)

    def _learn_noise(self, X, y, rows):
        self.noise_std_ = 0.0 if y.ndim == 1 else np.zeros(y.shape[1])
        if self.method != "bootstrap":
            return
        predicted = np.array(self._members("predict", X), dtype=np.float64)
        unseen = np.array([~np.isin(np.arange(len(y)), some) for some in rows])
        is_seen_by_all = ~unseen.any(axis=0)
        if is_seen_by_all.all():
            return
        weight = unseen.reshape(*unseen.shape, *[1] * (y.ndim - 1))
        squares = (weight * np.square(predicted - y)).sum(axis=0) / np.maximum(
            weight.sum(axis=0), 1
        )
        excess = squares - predicted.var(axis=0)
        self.noise_std_ = np.sqrt(np.maximum(excess[~is_seen_by_all].mean(axis=0), 0.0))

    def predict(self, X, return_std=False):
        """Predict the mean of the members.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.
        return_std : bool, default=False
            Whether to return the standard deviation over the members too: what they disagree
            about, without noise.

        Returns
        -------
        mean : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The mean of the members' predictions.
        std : ndarray of the same shape
            Only with ``return_std``.
        """
        predicted = np.array(self._members("predict", X), dtype=np.float64)
        mean = predicted.mean(axis=0)
        return (mean, predicted.std(axis=0)) if return_std else mean

    def predict_uncertainty(self, X):
        """Split the uncertainty into disagreement of the members and noise of the labels.

        Parameters
        ----------
        X : array-like of n_samples samples
            What the members take.

        Returns
        -------
        Uncertainty
            Standard deviations; the square of ``total`` is the sum of the others' squares.
        """
        _, disagreement = self.predict(X, return_std=True)
        noise = np.broadcast_to(self.noise_std_, disagreement.shape)
        return Uncertainty(np.hypot(disagreement, noise), disagreement, noise)


def _fit_member(estimator, X, y, sample_weight, rows, seed, method):
    """Fit one member to its rows, seeded on its own."""
    if method == "bootstrap":
        X, y = take_rows(X, rows), y[rows]
        sample_weight = None if sample_weight is None else sample_weight[rows]
    if method != "dropout":
        # Seeds that the user gave would make all members the same.
        estimator = _unseeded(clone(estimator))
    return AnyEstimator(estimator, random_state=seed).fit(X, y, sample_weight)


def _unseeded(estimator):
    """Remove fixed seeds from an estimator, so that each member gets a different one."""
    names = [
        name
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is not None
    ]
    estimator.set_params(**dict.fromkeys(names))
    return estimator


def _dropouts(member):
    """Find the dropout layers of a fitted net that drop anything."""
    from skgal.classifiers._mc_dropout import dropout_layers

    model, _ = unwrap(member.estimator_)
    layers = dropout_layers(model.module_) if model in nets_in(model) else []
    if not layers:
        raise TypeError(
            "method='dropout' runs a skorch net whose module has a dropout layer, such as "
            f"torch.nn.Dropout(0.5); {type(model).__name__} has none. Use method='bootstrap' or "
            "'seeds'."
        )
    return model.module_, layers


def _dropout_passes(member, X, method, seeds):
    """Predict several times with dropout on, once for each seed."""
    module, layers = _dropouts(member)
    passes = []
    with ExitStack() as hooks:
        for layer in layers:
            # skorch puts all of the module into evaluation mode before each batch.
            hook = layer.register_forward_pre_hook(lambda layer, _: layer.train() and None)
            hooks.callback(hook.remove)
        hooks.callback(module.eval)
        for seed in seeds:
            passes.append(member._call(method, X, seed=seed))
    return passes
