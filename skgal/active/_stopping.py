"""When to stop asking for labels."""

from abc import ABCMeta, abstractmethod
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import cohen_kappa_score

from skgal.base import DocumentedMixin
from skgal.metrics import entropy
from skgal.utils import Interval, StrOptions, take_rows


class StoppingCriterion(DocumentedMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the criteria: a subclass implements :meth:`find_reason`.

    A criterion holds configuration only. What it needs it finds in the learner, in
    ``history_``, ``labelled_`` and the model, so a session that is resumed stops where the
    unbroken one would have. ``a | b`` stops when either does, ``a & b`` when both do.

    See Also
    --------
    AnyOf : Combines criteria by ``|``.
    AllOf : Combines criteria by ``&``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, StoppingCriterion
    >>> from skgal.query import RandomSampling
    >>> class EachClass(StoppingCriterion):
    ...     def __init__(self, n_labels):
    ...         self.n_labels = n_labels
    ...
    ...     def find_reason(self, learner):
    ...         fewest = min(learner.labelled_.count_labels().values())
    ...         return f"{fewest} labels of each class" if fewest >= self.n_labels else None
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(), RandomSampling(), stopping=EachClass(12), random_state=0
    ... )
    >>> learner.fit(X, y).stop_reason_
    '14 labels of each class'
    """

    _parameter_constraints: dict = {}

    def check(self, learner):
        """Tell whether a learner should stop asking for labels.

        Parameters
        ----------
        learner : ActiveLearner
            Its model just fitted and entered into ``history_``.

        Returns
        -------
        str or None
            The reason to stop, for people to read; None to go on.
        """
        self._validate_params()
        return self.find_reason(learner)

    @abstractmethod
    def find_reason(self, learner):
        """Tell the reason to stop; :meth:`check` has validated the parameters.

        Parameters
        ----------
        learner : ActiveLearner
            Its model just fitted and entered into ``history_``.

        Returns
        -------
        str or None
            The reason to stop, for people to read; None to go on.
        """

    def __or__(self, other):
        if not isinstance(other, StoppingCriterion):
            return NotImplemented
        return AnyOf([*_parts(self, AnyOf), *_parts(other, AnyOf)])

    def __and__(self, other):
        if not isinstance(other, StoppingCriterion):
            return NotImplemented
        return AllOf([*_parts(self, AllOf), *_parts(other, AllOf)])


class AnyOf(StoppingCriterion):
    """Stop as soon as one of several criteria says so.

    ``first | second`` is the same. Where several have a reason, it gives them all.

    Parameters
    ----------
    criteria : list of StoppingCriterion
        At least one.

    See Also
    --------
    AllOf : Stop when all criteria say so.
    StoppingCriterion : Base of the criteria, which has ``&`` and ``|``.

    Examples
    --------
    >>> from skgal.active import AnyOf, LabelBudget, TimeBudget
    >>> LabelBudget(400) | TimeBudget(3600)
    AnyOf(criteria=[LabelBudget(n_labels=400), TimeBudget(seconds=3600)])
    """

    _parameter_constraints: dict = {"criteria": [list, tuple]}

    def __init__(self, criteria):
        self.criteria = criteria

    def find_reason(self, learner):
        """Join the reasons of those criteria that have one."""
        reasons = [criterion.check(learner) for criterion in self.criteria]
        return "; ".join(reason for reason in reasons if reason) or None


class AllOf(StoppingCriterion):
    """Stop when all of several criteria say so at once.

    ``first & second`` is the same: a session goes on as long as one of them has no reason.

    Parameters
    ----------
    criteria : list of StoppingCriterion
        At least one.

    See Also
    --------
    AnyOf : Stop as soon as one criterion says so.
    StoppingCriterion : Base of the criteria, which has ``&`` and ``|``.

    Examples
    --------
    >>> from skgal.active import AllOf, LabelBudget, TargetScore
    >>> LabelBudget(100) & TargetScore(0.9)
    AllOf(criteria=[LabelBudget(n_labels=100), TargetScore(score=0.9)])
    """

    _parameter_constraints: dict = {"criteria": [list, tuple]}

    def __init__(self, criteria):
        self.criteria = criteria

    def find_reason(self, learner):
        """Join the reasons of all criteria, if all have one."""
        reasons = [criterion.check(learner) for criterion in self.criteria]
        return "; ".join(reasons) if reasons and all(reasons) else None


def _parts(criterion, kind):
    return criterion.criteria if isinstance(criterion, kind) else [criterion]


class LabelBudget(StoppingCriterion):
    """Stop when there are so many labels beyond the initial ones.

    Unlike the learner's ``budget``, it does not count what was declined, and it doesn't cut
    the last batch.

    Parameters
    ----------
    n_labels : int
        Labels beyond the initial ones.

    See Also
    --------
    CostBudget : Labels have prices.
    ActiveLearner : Its parameter ``budget`` does the same.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, LabelBudget
    >>> from skgal.query import UncertaintySampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(), UncertaintySampling(), stopping=LabelBudget(20), random_state=0
    ... )
    >>> learner.fit(X, y).stop_reason_
    'label budget: 20 labels, of 20'
    """

    _parameter_constraints: dict = {"n_labels": [Interval(Integral, 0, None, closed="left")]}

    def __init__(self, n_labels):
        self.n_labels = n_labels

    def find_reason(self, learner):
        """Compare the number of labels beyond the initial ones."""
        n_labels = learner.labelled_.n_bought
        if n_labels < self.n_labels:
            return None
        return f"label budget: {n_labels} labels, of {self.n_labels}"


class TimeBudget(StoppingCriterion):
    """Stop when so much time has passed.

    It is checked when a model has been fitted, so the last round may run over.

    Parameters
    ----------
    seconds : float
        How long, in the time that ``clock`` shows.
    clock : {"wall", "work"}, default="wall"
        "wall" counts from when a learner first asked for samples, breaks between sessions
        included. "work" sums up what ``history_`` says went into fitting, choosing and
        answering: breaks don't count, and of answers that are given in parallel each does.

    See Also
    --------
    LabelBudget : What counts is labels.
    CostBudget : What counts is money.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, LabelBudget, TimeBudget
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(),
    ...     RandomSampling(),
    ...     stopping=TimeBudget(8 * 3600) | LabelBudget(20),  # a working day, or 20 labels
    ...     random_state=0,
    ... )
    >>> learner.fit(X, y).stop_reason_
    'label budget: 20 labels, of 20'
    """

    _parameter_constraints: dict = {
        "seconds": [Interval(Real, 0, None, closed="left")],
        "clock": [StrOptions({"wall", "work"})],
    }

    def __init__(self, seconds, clock="wall"):
        self.seconds = seconds
        self.clock = clock

    def find_reason(self, learner):
        """Compare the time that has passed."""
        spent = _wall_seconds(learner) if self.clock == "wall" else _work_seconds(learner)
        if spent < self.seconds:
            return None
        return f"time budget: {spent:.3g} s of {self.clock} time, of {self.seconds:.3g} s"


def _wall_seconds(learner):
    begin = learner.first_asked_at_
    return 0.0 if begin is None else (datetime.now(UTC) - begin).total_seconds()


def _work_seconds(learner):
    phases = ("seconds_fit", "seconds_query", "seconds_oracle")
    return sum(row[phase] for row in learner.history_ for phase in phases)


class CostBudget(StoppingCriterion):
    """Stop when the labels beyond the initial ones have cost so much.

    For labels of different prices: images of another resolution, patients of another clinic.

    Parameters
    ----------
    budget : float
        In the unit of ``cost``.
    cost : float, array-like of shape (n_samples,) or callable, default=1.0
        The price of any label; of the label of each sample of the pool; or
        ``cost(X) -> array-like of shape (n_samples,)``, the prices for labelling samples.
        Samples that were declined are free. Prices are finite, none below 0, and checked before
        the first label is paid for; a callable is tried on two of the initial samples.

    See Also
    --------
    LabelBudget : Every label costs the same.
    TimeBudget : What counts is time.

    Examples
    --------
    >>> from skgal.active import CostBudget
    >>> by_length = CostBudget(60.0, cost=lambda X: 0.5 + 0.1 * X[:, 0])
    """

    _parameter_constraints: dict = {
        "budget": [Interval(Real, 0, None, closed="left")],
        "cost": [Interval(Real, 0, None, closed="left"), "array-like", callable],
    }

    def __init__(self, budget, cost=1.0):
        self.budget = budget
        self.cost = cost

    def find_reason(self, learner):
        """Compare the sum of the prices of the labels beyond the initial ones."""
        labelled = learner.labelled_
        paid = np.arange(labelled.n_initial, len(labelled))
        spent = float(self._prices(labelled, paid, learner).sum())
        if spent < self.budget:
            return None
        return f"cost budget: {spent:.4g} spent, of {self.budget:.4g}"

    def _prices(self, labelled, paid, learner):
        """Prices of labels; with none of them, the prices are only checked."""
        if callable(self.cost):
            some = paid if len(paid) else np.arange(min(2, len(labelled)))
            prices = self._check(self.cost(take_rows(labelled.X, some)), len(some), "returned")
            return prices if len(paid) else prices[:0]
        if isinstance(self.cost, Real):
            return np.full(len(paid), self.cost)
        prices = self._check(self.cost, learner.n_samples_fit_, "got")
        if labelled.is_synthetic[paid].any():
            raise ValueError(
                "cost has a price for each sample of the pool, but designed samples are in no "
                "pool; pass a callable from samples to prices."
            )
        return prices[labelled.indices[paid]]

    def _check(self, prices, n_samples, verb):
        prices = np.asarray(prices)
        if prices.dtype.kind == "O":
            with suppress(TypeError, ValueError):  # Decimals, for prices
                prices = prices.astype(np.float64)
        if prices.shape != (n_samples,):
            raise ValueError(
                f"cost must have one price for each of {n_samples} samples; {verb} an array of "
                f"shape {prices.shape}."
            )
        if prices.dtype.kind not in "biuf" or not (np.isfinite(prices) & (prices >= 0)).all():
            raise ValueError("cost must be finite numbers, none below 0, for every sample.")
        return prices


class TargetScore(StoppingCriterion):
    """Stop when the model scores well enough on ``X_val``.

    Needs labelled validation data, which is given to the learner's ``fit``.

    Parameters
    ----------
    score : float
        The score to reach.
    n_rounds : int, default=1
        In how many rounds, one after the other, it must be reached. With several, one round that is
        good by chance is not enough.

    See Also
    --------
    StablePredictions : Needs no labelled validation data.
    LabelBudget : Stop after so many labels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, TargetScore
    >>> from skgal.query import UncertaintySampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(), UncertaintySampling(), stopping=TargetScore(0.95), random_state=0
    ... )
    >>> learner.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2]).stop_reason_
    'target score: 0.9733 reached, of 0.95'
    """

    _parameter_constraints: dict = {
        "score": [Real],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, score, n_rounds=1):
        self.score = score
        self.n_rounds = n_rounds

    def find_reason(self, learner):
        """Compare the last scores on ``X_val``."""
        scores = np.array([row["score"] for row in learner.history_], dtype=float)
        if np.isnan(scores[-1]):
            raise ValueError(
                "TargetScore needs the score of each round; pass X_val and y_val to the "
                "learner's fit."
            )
        last = scores[-self.n_rounds :]
        if len(last) < self.n_rounds or not (last >= self.score).all():
            return None
        return f"target score: {last[-1]:.4g} reached, of {self.score:.4g}"


class StablePredictions(StoppingCriterion):
    r"""Stop when successive models agree on a set of samples that need no labels.

    Agreement of two models is Cohen's :math:`\kappa` of their predicted classes, which counts
    out what they would agree on by chance: all of it, where both predict a single class. For a
    regressor it is the correlation (Lin's concordance) of their predictions, of several outputs
    the lowest.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
        The stop set: samples like those to predict, labelled or not, a thousand or more, and
        the same in all rounds.
    threshold : float, default=0.99
        Agreement that counts as stable, at most 1.
    n_rounds : int, default=3
        Over how many pairs of successive models agreement is averaged.

    See Also
    --------
    OverallUncertainty : Stop when the model is sure.
    TargetScore : Stop when a score is reached.

    Notes
    -----
    Earlier models are not kept. The criterion remembers their predictions; a copy that
    wasn't there, of a resumed session, fits those of the last ``n_rounds`` again, once, to the
    labels that each of these rounds had.

    References
    ----------
    M. Bloodgood and K. Vijay-Shanker, A method for stopping active learning based on
    stabilizing predictions and the need for user-adjustable stopping, CoNLL 2009, whose
    defaults are these.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, StablePredictions
    >>> from skgal.query import UncertaintySampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(), UncertaintySampling(), stopping=StablePredictions(X), random_state=0
    ... )
    >>> learner.fit(X, y).stop_reason_
    'stable predictions: agreement 0.9933, of 0.99'
    """

    _parameter_constraints: dict = {
        "X": "no_validation",
        "threshold": [Interval(Real, None, 1, closed="right")],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, X, threshold=0.99, n_rounds=3):
        self.X = X
        self.threshold = threshold
        self.n_rounds = n_rounds

    def find_reason(self, learner):
        """Compare the mean agreement of the last models."""
        self._predictions(learner, 0)  # remember those of the present model
        if len(learner.history_) <= self.n_rounds:
            return None
        window = [self._predictions(learner, age) for age in range(self.n_rounds, -1, -1)]
        agreement = _kappa if is_classifier(learner) else _least_concordance
        mean = float(np.mean([agreement(*pair) for pair in pairwise(window)]))
        if mean < self.threshold:
            return None
        return f"stable predictions: agreement {mean:.4g}, of {self.threshold:.4g}"

    def _predictions(self, learner, age):
        """Predictions of the model of ``age`` rounds ago; rows of the history tell models apart."""
        number = len(learner.history_) - 1 - age
        row = learner.history_[number]
        remembered = getattr(self, "_remembered", [])
        for known, predictions in remembered:
            if known is row:
                return predictions
        model = learner.as_of(number) if age else learner
        predictions = model.predict(self.X)
        self._remembered = [*remembered, (row, predictions)][-1 - self.n_rounds :]
        return predictions

    def __getstate__(self):
        # Rows are identified by `is`, which doesn't hold for a copy.
        state = dict(super().__getstate__())
        state.pop("_remembered", None)
        return state


def _kappa(first, second):
    """Cohen's kappa; 0 where it is 0/0, as two models that know one class show no stability."""
    return cohen_kappa_score(first, second) if len(np.union1d(first, second)) > 1 else 0.0


def _least_concordance(first, second):
    """The least of the concordances of several outputs; one pool of them would hide changes."""
    outputs = (np.reshape(each, (len(each), -1)).T for each in (first, second))
    return min(map(_concordance, *outputs))


def _concordance(first, second):
    """Lin's concordance correlation coefficient; 1 where both are constant and equal."""
    spread = np.var(first) + np.var(second) + (np.mean(first) - np.mean(second)) ** 2
    covariance = np.mean((first - np.mean(first)) * (second - np.mean(second)))
    return 1.0 if spread == 0 else float(2 * covariance / spread)


class OverallUncertainty(StoppingCriterion):
    """Stop when the model is sure of the samples it could still ask about.

    Needs no validation data: once the model is sure of all candidates, further labels hardly
    change it.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
        The pool, or a random part of it.
    threshold : float, default=0.1
        Mean entropy of the class probabilities, in nats, below which it counts as sure; at
        least 0. The uncertainty of an unsure model is log(n_classes).

    See Also
    --------
    StablePredictions : Stop when models no longer change.
    skgal.metrics.mean_uncertainty : Uncertainty of a classifier, by four measures.

    References
    ----------
    J. Zhu, H. Wang, E. Hovy and M. Ma, Confidence-based stopping criteria for active learning
    for data annotation, ACM Transactions on Speech and Language Processing 6(3), 2010. The
    paper averages over what is still unlabelled; here labelled samples of X count too, so that
    the mean is over the same samples in all rounds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skgal.active import ActiveLearner, OverallUncertainty
    >>> from skgal.query import UncertaintySampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     GaussianNB(), UncertaintySampling(), stopping=OverallUncertainty(X), random_state=0
    ... )
    >>> learner.fit(X, y).stop_reason_
    'overall uncertainty: 0.0031 nats, at most 0.1'
    """

    _parameter_constraints: dict = {
        "X": "no_validation",
        "threshold": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, X, threshold=0.1):
        self.X = X
        self.threshold = threshold

    def find_reason(self, learner):
        """Compare the mean entropy of the predictions."""
        if not hasattr(learner, "predict_proba"):
            raise TypeError(
                "OverallUncertainty needs a model with predict_proba; "
                f"{type(learner.estimator).__name__} has none."
            )
        mean = float(entropy(learner.predict_proba(self.X)).mean())
        if mean > self.threshold:
            return None
        return f"overall uncertainty: {mean:.3g} nats, at most {self.threshold:.3g}"
