"""The learner: fit a model, choose samples, buy their labels, record them, fit again."""

import logging
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    _fit_context,
    clone,
    is_classifier,
    is_regressor,
)
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval

from skgal.active._answers import check_answers
from skgal.active._asking import choose, samples_at_hand, synthesize
from skgal.active._initial import (
    check_n_initial,
    count_initial,
    draw_initial,
    initial_set,
    known_classes,
)
from skgal.active._inputs import check_samples, check_validation
from skgal.active._labels import as_label_array, split_missing
from skgal.active._oracles import LabelOracle
from skgal.active._predictions import PredictionMixin
from skgal.active._seeding import own_seed, seed_round, seed_unset
from skgal.active._teaching import check_teachable, fit_estimator
from skgal.metrics import entropy
from skgal.utils import as_random_state, draw_seed, seeded_nets

logger = logging.getLogger("skgal.active")

DEFAULT_ROUNDS = 10


class ActiveLearner(PredictionMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier or regressor that buys the labels it learns from.

    Each round a model is fitted to what is labelled, a strategy chooses samples of X or
    designs new ones, and an oracle labels them, until the budget is spent or X is exhausted.

    If y is complete and the strategy chooses from a pool, fitting simulates: ``n_initial``
    labels are shown, the others revealed as they are bought (or answered by the ``oracle``, if
    there is one). If labels are missing, those given are the start. A strategy that designs
    samples starts from all labels given, or from ``n_initial`` of them.

    Every label is in ``labelled_`` before the model is fitted again; it is still there when a
    fit, a strategy or an oracle fails. ``fit`` always starts anew, and forgets it: the notes say
    how to go on instead. Each round is logged to ``skgal.active``, level INFO.

    Parameters
    ----------
    estimator : classifier, regressor, Pipeline or skorch net
        The model to teach; each round fits a clone. A net's integer labels number its outputs;
        other labels are encoded for it.
    strategy : PoolStrategy or SynthesisStrategy
        What to label next. A clone of it is fitted once, before the first model, unless there
        is nothing to buy.
    oracle : callable, default=None
        ``oracle(X) -> y`` answers with class labels, with class probabilities of shape
        (n_asked, n_classes), or with numbers if the estimator is a regressor; with
        ``missing_label``, or a row of NaN, where it declines. Probabilities have one column
        for each class known so far, sorted; an oracle that knows more says so by an attribute
        ``classes_``.
    n_initial : int, default=None
        Labels that a simulation shows at the start; classes have their share, and each at
        least one where that is possible. None shows two for each class, but no fewer than 10,
        and no more than there are; a strategy that designs samples is shown all. Must be None
        if y has missing labels.
    batch_size : int, default=10
        Labels bought in each round.
    budget : int, default=None
        Answers to buy beyond the initial labels; a declined one counts. A pool with fewer
        samples is bought whole. None buys ten batches.
    synthetic_weight : float, default=1.0
        Weight, above 0, of synthetic samples against real ones. Another weight than 1 needs an
        estimator with ``sample_weight``, or a net that classifies.
    missing_label : scalar, default=nan
        What stands in y, and in the oracle's answers, for "not labelled". Strategies always
        see NaN.
    random_state : int, RandomState instance or None, default=None
        Decides the initial labels and seeds every ``random_state`` of estimator and strategy
        that is None, and the nets; the notes say with which weights these start.

    Attributes
    ----------
    estimator_ : estimator
        The model, fitted to all that is labelled.
    strategy_ : strategy
        The fitted strategy.
    labelled_ : LabelledSet
        The labelled samples with their labels, the initial ones first.
    refused_ : tuple (Query, answers) or None
        The last samples asked about and what the oracle answered, as it came, if that could not
        be recorded and ``fit`` failed over it.
    history_ : list of dict
        One entry for each fit of the model: ``n_labels`` and, of these, ``n_bought``; ``score``
        on ``X_val`` (NaN without); ``seconds_fit`` and, of the purchase just before,
        ``seconds_query`` (the first includes the strategy's own fit), ``seconds_oracle`` and
        ``mean_entropy`` in nats of the chosen samples under the model that chose them (NaN if
        it has no ``predict_proba``); for classifiers ``label_counts``, a dict from class to
        number of labels, soft ones counted for their most probable class.
    label_encoder_ : LabelEncoder or None
        Turns a net's predictions into class labels, where those don't number its outputs.
    classes_ : ndarray of shape (n_classes,)
        Class labels; only for classifiers.
    n_features_in_ : int
        Number of features; only where the estimator counts them.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features; only if X has such.

    Notes
    -----
    To go on after a failure, keep ``labelled_``, lower ``budget`` by what was bought, and fit to
    all labels known: spread over X, as in the example, if the strategy chooses from a pool;
    ``fit(labelled.X, labelled.y)`` if it designs samples, with a ``FrozenEstimator`` around
    ``strategy_.generator_`` to spare its training. All these labels count as initial then, soft
    ones for their most probable class, and synthetic samples weigh as much as real ones.

    A net starts from the same weights in every round. They, and the initial labels, follow from
    ``random_state`` and the number of seeds that estimator and strategy leave None: give both
    their seeds to compare strategies from the same start.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skgal.active import ActiveLearner
    >>> from skgal.query import RandomSampling
    >>> X, y = load_iris(return_X_y=True)
    >>> learner = ActiveLearner(
    ...     LogisticRegression(max_iter=500), RandomSampling(), budget=20, random_state=0
    ... )
    >>> learner.fit(X, y).score(X, y) > 0.9
    True
    >>> [row["n_labels"] for row in learner.history_]
    [10, 20, 30]

    Going on where another fit has stopped, with 10 labels more:

    >>> import numpy as np
    >>> from skgal.active import LabelOracle
    >>> labelled = learner.labelled_
    >>> y_known = np.full(len(X), np.nan)
    >>> y_known[labelled.indices] = labelled.y
    >>> _ = learner.set_params(oracle=LabelOracle(X, y), budget=10).fit(X, y_known)
    >>> len(learner.labelled_)
    40
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "predict"])],
        "strategy": [HasMethods(["fit", "query"]), HasMethods(["fit", "synthesize"])],
        "oracle": [callable, None],
        "n_initial": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "budget": [Interval(Integral, 0, None, closed="left"), None],
        "synthetic_weight": [Interval(Real, 0, None, closed="neither")],
        "missing_label": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator,
        strategy,
        *,
        oracle=None,
        n_initial=None,
        batch_size=10,
        budget=None,
        synthetic_weight=1.0,
        missing_label=np.nan,
        random_state=None,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.oracle = oracle
        self.n_initial = n_initial
        self.batch_size = batch_size
        self.budget = budget
        self.synthetic_weight = synthetic_weight
        self.missing_label = missing_label
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Buy labels and learn from them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            The samples at hand, labelled or not. NaN only if the estimator takes it.
        y : array-like of shape (n_samples,)
            Their labels, complete or with missing ones.
        X_val, y_val : array-like, default=None
            Samples on which the model of each round is scored, for ``history_``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X has NaN or infinite values, y no label or one class only, if an oracle is
            needed and missing, or answers with what is no label; if X_val and y_val aren't like
            X and a complete y.
        TypeError
            If the estimator can't learn from weighted or soft labels that it would get.
        """
        X, known, labels = self._check(X, y)
        validation = check_validation(
            X_val, y_val, X, self.estimator, missing_label=self.missing_label
        )
        self._start(X, known, labels)
        hidden = LabelOracle(X, labels) if self.oracle is None else None
        try:
            if self._count_wanted():
                self._fit_strategy(X)
            self._teach(validation)
            while n_wanted := self._count_wanted():
                query = self._ask(X, n_wanted)
                self._tell(query, self._consult(query, hidden))
                self._teach(validation)
        except (Exception, KeyboardInterrupt) as error:
            if self.labelled_.n_bought:
                error.add_note(
                    f"No label is lost: the {self.labelled_.n_bought} bought before this, and "
                    "those from the start, are in the learner's `labelled_`."
                )
            raise
        return self

    @property
    def _synthesizes(self):
        return hasattr(self.strategy, "synthesize")

    def _check(self, X, y):
        """Check samples, labels, and that all who need each other are there."""
        if not (is_classifier(self.estimator) or is_regressor(self.estimator)):
            raise TypeError(
                "estimator must be a classifier or a regressor, or a Pipeline that ends in one; "
                f"got {type(self.estimator).__name__}."
            )
        X = check_samples(X, self.estimator, accept_sparse=not self._synthesizes)
        if y is None:
            raise ValueError("ActiveLearner requires y to be passed, but the target y is None.")
        y = column_or_1d(as_label_array(y), warn=True)
        check_consistent_length(X, y)
        known, labels = split_missing(
            y, is_classifier=is_classifier(self.estimator), missing_label=self.missing_label
        )
        check_n_initial(self.n_initial, known)
        if self.oracle is None and (self._synthesizes or not known.all()):
            reason = "it designs new samples" if self._synthesizes else "y has missing labels"
            raise ValueError(
                f"The strategy's choices need an oracle, since {reason}; pass oracle=a callable "
                "from samples to labels."
            )
        check_teachable(
            self.estimator,
            soft=getattr(self.oracle, "soft", False),
            weighted=self._synthesizes and self.synthetic_weight != 1,
        )
        return X, known, labels

    def _start(self, X, known, labels):
        """Seed everything, and record the labels known at the start."""
        rng = as_random_state(self.random_state)
        self._clone(rng)
        self.labelled_ = self._first_labels(X, known, labels, rng)
        self.refused_ = None
        self._unasked = np.ones(len(known), dtype=bool)
        self._unasked[self.labelled_.indices] = False
        self._n_asked = 0
        self._purchase = {"seconds_query": 0.0, "seconds_oracle": 0.0, "mean_entropy": np.nan}
        self.history_ = []

    def _clone(self, rng):
        """Clone estimator and strategy; what has no seed of its own gets one here, once."""
        self._template = seed_unset(clone(self.estimator), rng)
        self.strategy_ = seed_unset(clone(self.strategy), rng)
        if "missing_label" in self.strategy_.get_params(deep=False):
            self.strategy_.set_params(missing_label=np.nan)
        self._strategy_seed = own_seed(self.strategy_)
        self._net_seed = draw_seed(rng)

    def _first_labels(self, X, known, labels, rng):
        stratify = is_classifier(self.estimator)
        classes = known_classes(labels, self.oracle) if stratify else None
        shown = slice(None)
        if known.all() and not (self._synthesizes and self.n_initial is None):
            n_initial = count_initial(self.n_initial, labels, classes)
            shown = draw_initial(labels, n_initial, rng, stratify=stratify)
        return initial_set(X, known, labels, shown, classes)

    def _count_wanted(self):
        """How many samples to ask for next; 0 once the budget or the pool is exhausted."""
        budget = DEFAULT_ROUNDS * self.batch_size if self.budget is None else self.budget
        n_wanted = min(self.batch_size, budget - self._n_asked)
        return n_wanted if self._synthesizes else min(n_wanted, int(self._unasked.sum()))

    def _fit_strategy(self, X):
        # What a strategy can't work with, it says here: before any model is trained.
        start = perf_counter()
        self.strategy_.fit(*samples_at_hand(X, self.labelled_))
        self._seconds_unbilled = perf_counter() - start

    def _ask(self, X, n_wanted):
        """Let the strategy choose samples of X, or design some."""
        start = perf_counter() - self._seconds_unbilled
        self._seconds_unbilled = 0.0
        samples, y = samples_at_hand(X, self.labelled_)
        seed_round(self.strategy_, self._strategy_seed, self._n_asked)
        with seeded_nets(self.estimator_):
            if self._synthesizes:
                query = synthesize(self.strategy_, samples, y, self.estimator_, n_wanted)
            else:
                candidates = np.flatnonzero(self._unasked)
                query = choose(self.strategy_, samples, y, self.estimator_, candidates, n_wanted)
        self._purchase = {"seconds_query": perf_counter() - start}
        self._purchase["mean_entropy"] = self._mean_entropy(query.X)
        return query

    def _mean_entropy(self, X):
        if not (is_classifier(self) and hasattr(self, "predict_proba")):
            return np.nan
        return float(entropy(self.predict_proba(X)).mean())

    def _consult(self, query, hidden):
        """Get answers from the oracle, or from the labels that a simulation hides."""
        start = perf_counter()
        answers = self.oracle(query.X) if hidden is None else hidden.reveal(query.indices)
        self._purchase["seconds_oracle"] = perf_counter() - start
        return answers

    def _tell(self, query, answers):
        """Record answers; from here on they are safe."""
        try:
            checked = check_answers(
                answers,
                len(query.indices),
                classes=self.labelled_.classes,
                missing_label=self.missing_label,
            )
            self.labelled_ = self.labelled_.extended(query, checked)
        except (Exception, KeyboardInterrupt) as error:
            self.refused_ = query, answers
            error.add_note(
                "The samples asked about and the oracle's answers are in the learner's `refused_`."
            )
            raise
        if not self._synthesizes:
            self._unasked[query.indices] = False
        self._n_asked += len(query.indices)

    def _teach(self, validation):
        """Fit a new model to all that is labelled, and enter it into the history."""
        start = perf_counter()
        labelled = self.labelled_
        weights = np.where(labelled.is_synthetic, self.synthetic_weight, 1.0)
        estimator = clone(self._template)
        with seeded_nets(estimator, self._net_seed):
            encoder = fit_estimator(estimator, labelled, weights)
        self.estimator_, self.label_encoder_ = estimator, encoder
        seconds = perf_counter() - start
        row = {
            "n_labels": len(labelled),
            "n_bought": labelled.n_bought,
            "score": np.nan if validation is None else self.score(*validation),
            "seconds_fit": seconds,
            **self._purchase,
        }
        if labelled.classes is not None:
            row["label_counts"] = labelled.count_labels()
        self.history_.append(row)
        logger.info(
            "%d labels, %d of them bought: score %.4g",
            row["n_labels"],
            row["n_bought"],
            row["score"],
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse &= not self._synthesizes
        return tags
