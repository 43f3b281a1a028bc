"""The learner: fit a model, choose samples, have them labelled, fit the model again."""

import logging
import os
from collections.abc import Collection
from contextlib import contextmanager, nullcontext
from copy import copy, deepcopy
from dataclasses import dataclass
from numbers import Integral, Real
from time import perf_counter
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier, is_regressor
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import accuracy_score, check_scoring
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    check_scalar,
    column_or_1d,
    get_tags,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_memory

from skgal.active._oracles import ORACLE_FORMS, annotator_name
from skgal.active._session import (
    SYNTHETIC,
    Query,
    RevealedLabels,
    Session,
    as_store_oracle,
    check_n_initial,
    count_initial,
    draw_initial,
    initial_set,
    open_store,
    settle_seed,
)
from skgal.active._store import SECONDS_TO_WAIT, LabelStore
from skgal.base import BaseStrategy, DocumentedMixin
from skgal.classifiers import cast_for_nets, check_fit_support, fit_estimator
from skgal.exceptions import StoreMissingError
from skgal.metrics import entropy
from skgal.utils import (
    HasMethods,
    Interval,
    _estimator_has,
    _safe_indexing,
    accepts_nan,
    as_label_array,
    as_pool,
    as_random_state,
    column_names,
    concat_rows,
    draw_seed,
    gives_blocks,
    is_frame,
    is_missing,
    last_step,
    nets_in,
    observed_labels,
    seed_unset,
    seeded_nets,
    split_missing,
    spread_labels,
    subtask,
    take_rows,
    validated_fit,
    warn_of_minus_one,
    warn_user,
)

logger = logging.getLogger("skgal.active")

DEFAULT_ROUNDS = 10

HISTORY_COLUMNS = {
    "n_labels",
    "n_bought",
    "score",
    "seconds_fit",
    "seconds_query",
    "seconds_oracle",
    "mean_entropy",
    "label_counts",
}


def as_measures(scores, taken):
    """Return what ``scoring`` gives as numbers by name; refuse names that records have already."""
    if clashing := sorted(set(taken) & set(scores)):
        raise ValueError(
            f"scoring gives the measures {clashing}, and records have columns of these names; "
            "choose others."
        )
    for name, score in scores.items():
        if isinstance(score, dict) or np.size(score) != 1:
            raise ValueError(
                f"scoring must give one number for each name, got {score!r} for {name!r}; a scorer "
                "that returns several is passed as scoring itself, not in a dict."
            )
    return {name: float(score) for name, score in scores.items()}


class ActiveLearner(DocumentedMixin, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier or regressor that chooses the samples it learns from and has them labelled.

    Each round a model is fitted to what is labelled, a strategy chooses samples of X or
    designs new ones, and an oracle labels them, until the budget is spent or X is exhausted.

    If y is complete and the strategy chooses from a pool, fitting simulates: ``n_initial``
    labels are shown, the others revealed as they are asked for (or answered by the ``oracle``, if
    there is one). If labels are missing, those given are the start. A strategy that designs
    samples starts from all labels given, or from ``n_initial`` of them.

    Where an oracle is needed and there is none, ``fit`` learns what is known, and :meth:`ask` and
    :meth:`tell` bring the other labels; the session is the same.

    Every answer is in the store before the model is fitted again; it is still there when a fit, a
    strategy or an oracle fails. The initial labels are in y, and the store knows their digest. With
    ``store`` a file it outlives the process, and the same call of ``fit`` goes on where the last
    one was killed. Each round is logged to ``skgal.active``, level INFO.

    Parameters
    ----------
    estimator : classifier, regressor, Pipeline or skorch net
        The model; each round fits a clone, or, with ``warm_start=True``, goes on with that of the
        round before (unless the classes are others). A net's integer labels number its outputs;
        other labels are encoded for it.
    strategy : PoolStrategy or SynthesisStrategy
        What to label next. A clone of it is fitted once, after the first model, unless there
        is nothing to label.
    oracle : callable, default=None
        ``oracle(X) -> y`` answers with class labels, with class probabilities of shape
        (n_asked, n_classes), or, if the estimator is a regressor, with numbers of shape (n_asked,)
        or (n_asked, n_outputs); with ``missing_label``, or a row of NaN, where it declines.
        Probabilities have one column for each class known so far, sorted; an oracle that knows
        other classes says so by an attribute ``classes_``.
    n_initial : int, default=None
        Labels that a simulation shows at the start; classes have their share, and each at
        least one where that is possible. None shows two for each class, but no fewer than 10,
        and no more than there are; a strategy that designs samples is shown all. Must be None
        if y has missing labels.
    batch_size : int, default=10
        Labels asked for in each round.
    budget : int, default=None
        Answers to ask for beyond the initial labels, over all of a store's session; one that was
        declined or has failed counts, a sample that was ignored doesn't. A pool with fewer
        samples is labelled whole. None: ten batches.
    stopping : StoppingCriterion, default=None
        When to stop before the budget is spent: an object whose ``check(learner)`` returns a
        reason or None, called after each fit of the model.
    store : LabelStore, str or path-like, default=None
        Where labels are kept; a path is a file that is created if there is none. None keeps
        them in memory, and each ``fit`` begins a new session.
    memory : None, str, path-like or joblib.Memory, default=None
        Caches the fitted strategy, so that learners on the same samples share it.
    synthetic_weight : float, default=1.0
        Weight, above 0, of synthetic samples against real ones. Another weight than 1 needs an
        estimator with ``sample_weight``, or a net that classifies.
    scoring : str, list, dict or callable, default=None
        Further measures of each round's model on ``X_val``, columns of ``history_``: names of
        scikit-learn's scorers, a dict from names to scorers, or a callable
        ``scoring(learner, X_val, y_val)`` that returns a dict, such as
        :class:`skgal.generators.GenerationScorer` where the estimator is a generator. Needs
        ``X_val`` and ``y_val``.
    missing_label : scalar, default=nan
        What stands in y, and in answers, for "not labelled". Strategies always see NaN.
    random_state : int, RandomState instance or None, default=None
        Decides the initial labels and seeds every ``random_state`` of estimator and strategy
        that is None, and the nets; the notes say with which weights these start. A session in
        a store keeps the seed it began with.

    Attributes
    ----------
    estimator_ : estimator
        The model, fitted to all that is labelled.
    strategy_ : strategy
        The fitted strategy.
    store_ : LabelStore
        All that was asked, and what became of it.
    labelled_ : LabelledSet
        The labelled samples with their labels, the initial ones first, then in the order of
        asking.
    pending_ : Query
        The samples that wait for their labels.
    stop_reason_ : str or None
        Why no more is asked for: what ``stopping`` said, or that the budget is spent or all of the
        pool asked for. None if there is more to ask.
    history_ : list of dict
        One entry for each fit of the model: ``n_labels`` and, of these, ``n_bought``; ``score``
        on ``X_val`` (NaN without), and what ``scoring`` measures there; ``seconds_fit`` and, of
        the labels just before, ``seconds_query`` (the first includes the strategy's own fit),
        ``seconds_oracle`` (summed over the answers) and ``mean_entropy`` in nats of the chosen
        samples under the model that chose them (NaN if it has no ``predict_proba``); for
        classifiers ``label_counts``, a dict from class to number of labels, soft ones counted for
        their most probable class.
    label_encoder_ : LabelEncoder or None
        Turns a net's predictions into class labels, where those don't number its outputs.
    classes_ : ndarray of shape (n_classes,)
        Class labels; only for classifiers.
    n_samples_fit_ : int
        Number of samples of X.
    first_asked_at_ : datetime or None
        When the session first asked for a label, in UTC.
    n_features_in_ : int
        Number of features; only where the estimator counts them.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features; only if X has such.

    See Also
    --------
    compare_strategies : Which strategy is best, by simulation.
    LabelStore : The file in which answers are kept.
    CallableOracle : Lets a function of one design answer.

    Notes
    -----
    A session follows from its store, X, the initial labels and the seed. So one that was killed
    and is resumed, by the same ``fit`` or by :meth:`resume`, chooses as an unbroken one; models
    that go on from each other (``warm_start``) are fitted again, round by round.
    An answer that can't be used becomes an event of kind ``"refused"`` in the store, as it came;
    its sample stays pending.
    What an oracle has answered is asked for again only if the process was killed before the
    answer was committed: never with ``label_pending``; with ``stream``, at most the answer on its
    way; with a plain callable, at most the batch it was called for. Samples with the same values
    as one whose label the store has are never sent to an oracle; they get that label, and count
    for the budget. Any number of people and programs may answer a session's store at once, but one
    learner at a time asks for them, or two would pay for the same labels: another one gets a
    :class:`~skgal.exceptions.StoreInUseError`. An empty file ``-lock`` beside the store is
    its lock; it holds nothing, and a killed process leaves no lock behind.

    A net starts from the same weights in every round. They, and the initial labels, follow from
    ``random_state`` alone, so that learners that differ in estimator or strategy only start
    alike.

    ``set_callbacks`` takes scikit-learn's callbacks, such as
    :class:`sklearn.callback.ProgressBar`. The tasks of ``fit`` are ``"model"``, the first one,
    ``"strategy"``, its fit, and each ``"round"`` of ``"label"`` and ``"model"``; below
    them are those of the model and of the strategy's generator, where these take callbacks, too
    (``ProgressBar(max_propagation_depth=None)`` shows all levels).

    With an :class:`skgal.generators.ACGAN` as the estimator and
    :class:`skgal.query.CertaintySampling` as the strategy, this is Algorithm 1 of M.-K. Xie and
    S.-J. Huang, "Learning class-conditional GANs with active sampling", KDD 2019;
    ``warm_start=True`` has the networks go on from round to round.

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

    Bringing the labels oneself:

    >>> import numpy as np
    >>> y_known = np.where(np.arange(150) % 10 == 0, y, np.nan)
    >>> _ = learner.set_params(store=":memory:").fit(X, y_known)
    >>> query = learner.ask(3)
    >>> _ = learner.tell(query, y[query.indices])
    >>> len(learner.labelled_)
    18
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit"])],
        "strategy": [HasMethods(["fit", "query"]), HasMethods(["fit", "synthesize"])],
        "oracle": [*ORACLE_FORMS, None],
        "n_initial": [Interval(Integral, 1, None, closed="left"), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "budget": [Interval(Integral, 0, None, closed="left"), None],
        "stopping": [HasMethods(["check"]), None],
        "store": [LabelStore, str, os.PathLike, None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "synthetic_weight": [Interval(Real, 0, None, closed="neither")],
        "scoring": [str, list, tuple, dict, callable, None],
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
        stopping=None,
        store=None,
        memory=None,
        synthetic_weight=1.0,
        scoring=None,
        missing_label=np.nan,
        random_state=None,
    ):
        self.estimator = estimator
        self.strategy = strategy
        self.oracle = oracle
        self.n_initial = n_initial
        self.batch_size = batch_size
        self.budget = budget
        self.stopping = stopping
        self.store = store
        self.memory = memory
        self.synthetic_weight = synthetic_weight
        self.scoring = scoring
        self.missing_label = missing_label
        self.random_state = random_state

    # Fitting

    @validated_fit(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Learn from labels, asking for more; or begin a session of :meth:`ask` and :meth:`tell`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w), or DataFrame
            The given samples, labelled or not. NaN only if the estimator takes it.
        y : array-like of shape (n_samples,), or (n_samples, n_outputs) for a regressor
            Their labels, complete or with missing ones; of several outputs all are missing, or
            none.
        X_val, y_val : array-like, default=None
            Samples on which the model of each round is scored, for ``history_``.

        Returns
        -------
        self
            The learner, its model fitted to all that is labelled.

        Raises
        ------
        ValueError
            If X has NaN or infinite values, y no label or one class only, or an answer of the
            oracle can't be used; if X_val and y_val aren't like X and a complete y, or ``scoring``
            has none; if the store holds a session with other samples or labels.
        TypeError
            If the estimator can't learn from weighted or soft labels that it would get, or can't
            say what the strategy asks of it.
        RuntimeError
            If whole batches fail for one reason, although the oracle is to go on without these.
        StoreError
            If the store can't be used; `skgal.exceptions` says what may be wrong with it, such
            as a :class:`~skgal.exceptions.StoreInUseError` while another learner uses it.
        """
        X, known, labels = self._check(X, y)
        validation = self._check_validation(X_val, y_val, X)
        simulates = self.oracle is None and not self._designs and known.all()
        store = open_store(self.store)
        with nullcontext() if self.oracle is None and not simulates else store.lock():
            before = dict(vars(self))
            # After all checks, so that a refused call leaves the learner unchanged.
            oracle = self._begin(store, X, known, labels, validation, simulates)
            n_rounds = 0
            if oracle is not None:  # an estimate: stopping, or smaller batches, change it
                n_rounds = -(-self._n_left // self.batch_size) + self._session.has_unlabelled
            task = self._init_callback_context(max_subtasks=2 + n_rounds)
            task.call_on_fit_task_begin(estimator=self, X=X, y=y)
            with self._noting_kept_labels(before):
                # The model first, so that its errors come before a generator is trained.
                if self.history_:
                    self._resume_model(task)
                else:
                    self._refit(None, task)
                if self._count_wanted():
                    self._fit_strategy(task)
                n_done = 0
                while oracle is not None:  # without one, `ask` and `tell` bring the labels
                    query = self._session.unlabelled  # of a session that was left
                    if len(query) == 0:
                        query = self._propose()
                    if len(query) == 0:
                        break
                    n_done += 1
                    task.max_subtasks += n_done > n_rounds  # a strategy may propose few at a time
                    round_task = task.subcontext(task_name="round", max_subtasks=2)
                    round_task.call_on_fit_task_begin(estimator=self)
                    with subtask(round_task, "label", self):
                        self._session.label(oracle, query.ids)
                    self._refit_if_new(round_task)
                    round_task.call_on_fit_task_end(estimator=self)
            task.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    @property
    def _designs(self):
        """Whether the strategy designs samples, rather than choosing some of a pool."""
        return hasattr(self.strategy, "synthesize")

    @property
    def _takes_sparse(self):
        """Whether the strategy works with sparse matrices."""
        if self._designs or not isinstance(self.strategy, BaseEstimator):
            return not self._designs
        return get_tags(self.strategy).input_tags.sparse

    def _check(self, X, y):
        """Check samples and labels, and whether estimator, strategy and oracle suit each other."""
        if not (is_classifier(self.estimator) or is_regressor(self.estimator)):
            raise TypeError(
                "estimator must be a classifier or a regressor, or a Pipeline that ends in one; "
                f"got {type(self.estimator).__name__}."
            )
        X = check_samples(X, self.estimator, accept_sparse=self._takes_sparse)
        if y is None:
            raise ValueError("ActiveLearner requires y to be passed, but the target y is None.")
        known, labels = check_labels(
            y, X, self.estimator, missing_label=self.missing_label, warn=True
        )
        if is_classifier(self.estimator):
            warn_of_minus_one(
                known, labels, self.missing_label, expects_missing=self.oracle is not None
            )
        if self._designs and self.oracle is None and self.store is None and known.all():
            warn_user(
                f"{type(self.strategy).__name__} designs samples, and fit has no oracle to label "
                "them, so it only learns what is known: pass oracle=, or bring the labels by ask "
                "and tell (with store=, they are kept).",
                UserWarning,
            )
        check_n_initial(self.n_initial, known)
        check_strategy_parameters(self.strategy)
        check_fit_support(
            self.estimator,
            soft=getattr(self.oracle, "soft", False),
            weighted=self._designs and self.synthetic_weight != 1,
        )
        return X, known, labels

    def _check_validation(self, X_val, y_val, X):
        """Check what each model is scored on; return it, or None."""
        if X_val is None and y_val is None and self.scoring is not None:
            raise ValueError(
                "scoring measures each round's model on held-out samples; pass X_val and y_val to "
                "fit, or scoring=None."
            )
        return check_validation(X_val, y_val, X, self.estimator, missing_label=self.missing_label)

    def _begin(self, store, X, known, labels, validation, simulates):
        """Seed everything, and open or go on with the session of a store; return the oracle."""
        rng = np.random.RandomState(settle_seed(store, X, self.random_state))
        # Separate streams: the seeds of one don't depend on how many the other draws.
        estimator_rng, strategy_rng = (np.random.RandomState(draw_seed(rng)) for _ in range(2))
        template = seed_unset(clone(self.estimator), estimator_rng)
        strategy = seed_unset(clone(self.strategy), strategy_rng)
        parameters = strategy.get_params(deep=False)
        if "missing_label" in parameters:
            strategy.set_params(missing_label=np.nan)
        net_seed = draw_seed(rng)
        initial = self._initial_labels(X, known, labels, rng)
        session = Session(store, X, initial, duplicates_share_labels=not simulates)

        seed = parameters.get("random_state")
        strategy_seed = None if seed is None else draw_seed(as_random_state(seed))

        vars(self).pop("estimator_", None)  # of an earlier fit
        self.store_, self.strategy_, self.history_ = store, strategy, session.history
        self._criterion_met = None
        self._strategy_is_fitted, self._strategy_fit_seconds = False, 0.0
        self._session = session
        self._setup = _Setup(template, net_seed, strategy_seed, validation)
        if simulates:
            return RevealedLabels(labels)
        if self.oracle is None:
            return None
        return as_store_oracle(
            self.oracle, lambda ids: session.select(ids).X, missing_label=self.missing_label
        )

    def _initial_labels(self, X, known, labels, rng):
        """Choose the labels known at the start: those given, or those that a simulation shows."""
        stratify, classes = is_classifier(self.estimator), None
        if stratify:
            named = getattr(self.oracle, "classes_", None)
            classes = np.union1d(labels, labels if named is None else named)
        shown = slice(None)
        if known.all() and not (self._designs and self.n_initial is None):
            n_initial = count_initial(self.n_initial, labels, classes)
            shown = draw_initial(labels, n_initial, rng, stratify=stratify)
        return initial_set(X, known, labels, shown, classes)

    @contextmanager
    def _noting_kept_labels(self, before):
        """Add to any error where the labels are; keep the previous model if there is no new one."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            session, places = self._session, []
            session.refresh()
            if "estimator_" in before and not hasattr(self, "estimator_"):
                vars(self).clear()
                vars(self).update(before)
            else:
                places.append("in the learner's `labelled_`, after the initial ones")
            if session.store.is_durable and not isinstance(error, StoreMissingError):
                places.append(f"in {session.store.path}")
            if n_bought := session.labelled.n_bought:
                where = ", and ".join(places) or "in the store"
                error.add_note(f"No label is lost: the {n_bought} given before this are {where}.")
            raise

    # The model

    @property
    def _total_budget(self):
        return DEFAULT_ROUNDS * self.batch_size if self.budget is None else self.budget

    @property
    def _n_left(self):
        """How many samples may still be asked for: what is left of the budget, and of the pool."""
        n_left = max(self._total_budget - self._session.n_counted, 0)
        return n_left if self._designs else min(n_left, len(self._session.candidates))

    def _resume_model(self, task):
        """Fit the model as it was when the session was left, or to labels that came since."""
        session = self._session
        last = len(self.history_) - 1
        if session.has_unlabelled or session.is_current:
            with subtask(task, "model", self):
                self.estimator_, self.label_encoder_ = self._fit_earlier(last)
            if session.is_current:
                self._check_stopping()
        else:
            self._refit(self._fit_earlier(last) if self._is_warm_start else None, task)

    def _refit_if_new(self, task=None):
        """Fit the model anew if labels came or went since it was fitted."""
        if not self._session.is_current:
            self._refit(FittedModel(self.estimator_, self.label_encoder_), task)

    def _refit(self, previous, task=None):
        """Fit a new model to all that is labelled, and add an entry to the history."""
        labelled, costs = self.labelled_, self._session.sum_costs()
        start = perf_counter()
        self.estimator_, self.label_encoder_ = self._fit_model(labelled, previous, task)
        seconds = perf_counter() - start
        validation = self._setup.validation
        entry = {
            "n_labels": len(labelled),
            "n_bought": labelled.n_bought,
            "score": np.nan if validation is None else self.score(*validation),
            "seconds_fit": seconds,
            **costs,
        }
        if self.scoring is not None:
            entry |= self._further_scores()
        if labelled.classes is not None:
            entry["label_counts"] = labelled.count_labels()
        self._session.add_entry(entry)
        logger.info(
            "%d labels, %d of them beyond the initial ones: score %.4g",
            entry["n_labels"],
            entry["n_bought"],
            entry["score"],
        )
        self._check_stopping()

    @property
    def _is_warm_start(self):
        """Whether the model goes on from the one of the round before."""
        return bool(getattr(last_step(self._setup.template), "warm_start", False))

    def _fit_model(self, labelled, previous=None, task=None):
        """Fit a model to labels, from the start or going on from the one of the round before."""
        # A copy, so that the previous model is kept if this fit fails.
        goes_on = self._is_warm_start and previous is not None and _can_go_on(previous, labelled)
        weights = np.where(labelled.is_synthetic, self.synthetic_weight, 1.0)
        with seeded_nets(self._setup.template, self._setup.net_seed):
            estimator = deepcopy(previous.estimator) if goes_on else clone(self._setup.template)
            with subtask(task, "model", self, estimator):
                encoder = fit_estimator(
                    estimator,
                    labelled.X,
                    labelled.y,
                    proba=labelled.proba,
                    classes=labelled.classes,
                    sample_weight=weights,
                )
        return FittedModel(estimator, encoder)

    def _fit_earlier(self, number):
        """Fit the model of an entry of the history, by its number, to the labels that it had."""
        model = None
        for each in range(number + 1) if self._is_warm_start else [number]:
            model = self._fit_model(self._session.labelled_at(each), model)
        return model

    def _further_scores(self):
        """Score the model by what ``scoring`` says."""
        scoring = [self.scoring] if isinstance(self.scoring, str) else self.scoring
        scores = check_scoring(self, scoring=scoring)(self, *self._setup.validation)
        if not isinstance(scores, dict):
            raise ValueError(
                f"scoring must return a dict from names to numbers, got {scores!r}; pass "
                '{"name": scorer} for a scorer that returns one number.'
            )
        return as_measures(scores, taken=HISTORY_COLUMNS)

    def _check_stopping(self):
        if self.stopping is not None:
            self._criterion_met = self.stopping.check(self)

    # The strategy

    def _count_wanted(self, n=None):
        """How many samples to ask for next; 0 once a criterion has stopped the session."""
        return min(n or self.batch_size, self._n_left) if self._criterion_met is None else 0

    def _fit_strategy(self, task=None):
        """Fit the strategy, or take it fitted from the cache."""
        start = perf_counter()
        # Check before this fit, which may take hours, that it can read the model. With two
        # samples, since the module of a net may squeeze a batch of one.
        some = take_rows(self.labelled_.X, [0, 0])
        self._predictions(some)
        if hasattr(self.strategy_, "check_model"):
            with seeded_nets(self.estimator_):
                self.strategy_.check_model(self.estimator_, some)
        # On the initial labels only, so that a resumed session chooses the same samples.
        samples, y = _given_samples(self._session.X, self._session.initial)
        self.strategy_ = fit_strategy(self.strategy_, samples, y, self.memory, task, self)
        self._strategy_is_fitted, self._strategy_fit_seconds = True, perf_counter() - start

    def _propose(self, n=None):
        """Have the strategy propose samples, and record them; return those that need a label."""
        session = self._session
        while n_wanted := self._count_wanted(n):
            if not self._strategy_is_fitted:
                self._fit_strategy()
            start = perf_counter()
            proposal = self._query_strategy(n_wanted)
            # The fit of the strategy counts as part of its first query.
            seconds = perf_counter() - start + self._strategy_fit_seconds
            self._strategy_fit_seconds = 0.0
            predictions, mean_entropy = self._predictions(proposal.X)
            ids = self.store_.add_query(
                proposal.X,
                indices=proposal.indices,
                latent=proposal.latent,
                details=proposal.details,
                round=session.n_rounds,
                strategy=type(self.strategy_).__name__,
                model=f"{type(self.estimator).__name__}, {self.history_[-1]['n_labels']} labels",
                predictions=predictions,
                notes={"seconds_query": seconds, "mean_entropy": mean_entropy},
            )
            session.refresh()
            session.answer_known(ids)
            pending = session.select(ids, "pending")
            if len(pending):
                return pending
            self._refit_if_new()
        return session.select([])

    def _query_strategy(self, n_wanted):
        """Ask the strategy for samples of X, or for designed ones."""
        session = self._session
        seed = self._setup.strategy_seed
        if seed is not None:
            # Each round has a seed of its own, and can be repeated.
            words = np.random.SeedSequence([seed, session.n_asked]).generate_state(1)
            self.strategy_.set_params(random_state=int(words[0]))
        samples, y = _given_samples(session.X, self.labelled_)
        with seeded_nets(self.estimator_):
            if self._designs:
                generator = getattr(self.strategy_, "generator_", None)
                asked = session.asked_designs(getattr(generator, "latent_dim_", None))
                return _design(self.strategy_, samples, y, self.estimator_, asked, n_wanted)
            candidates = session.candidates
            return _choose(self.strategy_, samples, y, self.estimator_, candidates, n_wanted)

    def _predictions(self, X):
        """What the model predicts for samples, one by one, and the mean entropy of that."""
        if not is_classifier(self):
            return self.predict(X).tolist(), np.nan
        if not hasattr(self, "predict_proba"):
            return None, np.nan
        proba = self.predict_proba(X)
        mean_entropy = float(entropy(proba).mean())
        classes = self.classes_.tolist()
        if len(classes) < proba.shape[1]:  # a net's outputs are numbered by classes, seen or not
            classes = range(proba.shape[1])
        return [dict(zip(classes, row, strict=True)) for row in proba.tolist()], mean_entropy

    # Sessions in which the caller brings the labels

    @property
    def labelled_(self):
        """LabelledSet: what is labelled, the initial samples first, then in the order of asking."""
        check_is_fitted(self, "_session")
        return self._session.labelled

    @property
    def stop_reason_(self):
        """Why no more is asked for; None if there is more to ask."""
        check_is_fitted(self, "_session")
        if self._criterion_met is not None:
            return self._criterion_met
        if self._session.n_counted >= self._total_budget:
            return f"budget: {self._session.n_counted} answers, of {self._total_budget}"
        if not self._designs and not len(self._session.candidates):
            return f"pool: all of its {self.n_samples_fit_} samples are labelled or asked for"
        return None

    @property
    def n_samples_fit_(self):
        """Number of samples of X."""
        check_is_fitted(self, "_session")
        return self._session.X.shape[0]

    @property
    def first_asked_at_(self):
        """When the session first asked for a label, whatever was imported before; None if never."""
        check_is_fitted(self, "_session")
        return self._session.first_asked_at

    @property
    def pending_(self):
        """Query: the samples that wait for an answer, second opinions included, oldest first."""
        check_is_fitted(self)
        self._session.refresh()
        return self._session.pending

    def ask(self, n=None):
        """Choose samples to label next.

        If labels came since the last fit of the model, it is fitted anew before.

        Parameters
        ----------
        n : int, default=None
            How many; None: ``batch_size``.

        Returns
        -------
        Query
            No more than the budget and the pool have left, so maybe of length 0. Samples that
            wait for their labels already are not among them: those are in :attr:`pending_`.
            Samples that X has more than once may be there more than once, with ids of their own,
            and each needs its label: only a label that the store has already is not asked for
            again. An oracle is asked once for all of them.

        Raises
        ------
        TypeError, ValueError
            If n is no positive whole number.
        StoreInUseError
            If another learner is using the store, and doesn't finish within a minute.
        """
        check_is_fitted(self)
        if n is not None:
            check_scalar(n, "n", Integral, min_val=1)
            if isinstance(n, bool):
                raise TypeError(f"n must be a whole number, got {n}.")
        with self.store_.lock(wait=SECONDS_TO_WAIT):
            self._session.refresh()
            self._refit_if_new()
            return self._propose(n)

    def ask_again(self, query, *, oracle=None):
        """Ask for a second opinion on samples that have a label, from another annotator.

        The label holds until the other answer comes; then it is what ``store_.combine`` makes of
        both: the most frequent class (of equally frequent ones the one given first), shares of the
        votes, or the mean of numbers. ``store_.opinions()`` has them side by side,
        ``store_.agreement()`` says how far the annotators agree. A second opinion doesn't count for
        the budget, which counts samples; ``fit`` never asks for one.

        Parameters
        ----------
        query : Query, int or array-like of int
            Samples, or their ids; those that wait for a label, or were ignored, stay as they are.
        oracle : callable, default=None
            As the parameter ``oracle``; who is asked, and hasn't answered yet. None: the answers
            come by :meth:`tell` with ``annotator``, from the page, or from another process.

        Returns
        -------
        Query
            The samples that wait for a second opinion from now on.

        Raises
        ------
        ValueError
            If an id is unknown, or the oracle has answered for a sample already.
        StoreInUseError
            If there is an oracle, and another learner is using the store for a minute.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from skgal.active import ActiveLearner
        >>> from skgal.query import RandomSampling
        >>> X, y = load_iris(return_X_y=True)
        >>> y_known = np.where(np.arange(150) % 10 == 0, y, np.nan)
        >>> learner = ActiveLearner(GaussianNB(), RandomSampling(), random_state=0).fit(X, y_known)
        >>> query = learner.ask(4)
        >>> _ = learner.tell(query, y[query.indices], annotator="Ada")
        >>> again = learner.ask_again(query.ids[:2])
        >>> _ = learner.tell(again, y[again.indices], annotator="Bob")
        >>> [len(opinions) for opinions in learner.store_.opinions().values()]
        [2, 2, 1, 1]
        """
        check_is_fitted(self)
        session, ids = self._session, _ids_of(query)
        if oracle is None:
            self.store_.ask_again(ids)
            session.refresh()
            return session.select(ids)
        if getattr(oracle, "annotator", "") is None:
            raise ValueError(
                "A second opinion needs the name of its annotator: give the oracle annotator=."
            )
        name, said = annotator_name(oracle), self.store_.opinions(ids)
        if known := [sample for sample, opinions in said.items() if name in opinions]:
            raise ValueError(
                f"{name} has answered for {len(known)} of these samples already, the first with id "
                f"{known[0]}; a second opinion is another annotator's. Further answers of a noisy "
                "oracle are recorded by store_.tell(..., replicate=True)."
            )
        oracle = as_store_oracle(
            oracle, lambda ids: session.select(ids).X, missing_label=self.missing_label
        )
        with self.store_.lock(wait=SECONDS_TO_WAIT):
            self.store_.ask_again(ids)
            try:
                if waiting := self.store_.waiting(name, ids):
                    oracle.label_pending(self.store_, waiting)
            finally:
                session.refresh()
            self._refit_if_new()
        return session.select(ids)

    def tell(self, query, y, *, annotator=None, seconds=None):
        """Record labels; they are in the store, and on disk if it is, when this returns.

        Labels may come in part, out of order, or again. As soon as nothing is pending, the model is
        fitted to all that is known.

        Parameters
        ----------
        query : Query, int or array-like of int
            What :meth:`ask` returned, or ids of samples, in this process or in another one.
        y : array-like of shape (n_answers,), (n_answers, n_classes) or (n_answers, n_outputs)
            Labels, class probabilities with a column for each of ``labelled_.classes``, or, of a
            regressor, one or several numbers; ``missing_label``, or a row of NaN, where declined.
        annotator : str, default=None
            Who labelled them; needed where :meth:`ask_again` wants a second opinion.
        seconds : float, default=None
            How long it took for each.

        Returns
        -------
        self
            The learner.

        Raises
        ------
        ValueError
            If an id is unknown, or there isn't a label for each. If some can't be used: then
            the others are recorded, and the samples of these stay pending.
        """
        check_is_fitted(self)
        ids, y = _ids_of(query), [y] if np.ndim(query) == 0 and not isinstance(query, Query) else y
        self._session.refresh()  # the columns of probabilities follow the classes known by now
        try:
            self.store_.tell(
                ids, y, annotator=annotator, seconds=seconds, missing_label=self.missing_label
            )
        finally:
            self._session.refresh()
        if not self._session.has_pending:
            self._refit_if_new()
        return self

    def ignore(self, query):
        """Withdraw samples that are not to be labelled; they are not asked for again.

        Those that wait for a second opinion only keep the label they have.

        Parameters
        ----------
        query : Query, int or array-like of int
            What :meth:`ask` returned, or ids of samples; those that aren't pending stay as
            they are.

        Returns
        -------
        self
            The learner.
        """
        check_is_fitted(self)
        self.store_.withdraw(_ids_of(query))
        self._session.refresh()
        if not self._session.has_pending:
            self._refit_if_new()
        return self

    def undo(self, annotator=None):
        """Take the last answer back: its sample is pending again.

        The model is without it from its next fit on; :meth:`LabelStore.events` keeps it.

        Parameters
        ----------
        annotator : str, default=None
            Take back the last answer of this one only.

        Returns
        -------
        int or None
            The id of the sample; None if there is nothing to undo.
        """
        check_is_fitted(self)
        sample = self.store_.undo(annotator)
        self._session.refresh()
        return sample

    def resume(self, path, X, y, *, X_val=None, y_val=None):
        """Go on with the session that a store holds, in a new process or after a crash.

        The same as ``fit`` with ``store=path``, except that there must be a session to go on
        with. Labels in the store aren't asked for again, and the choices are those of
        a session without a break.

        Parameters
        ----------
        path : str or path-like
            The store; becomes the parameter ``store``.
        X, y : array-like
            The samples and labels that the session began with.
        X_val, y_val : array-like, default=None
            As in ``fit``.

        Returns
        -------
        self
            The learner, where the session stood and beyond.

        Raises
        ------
        FileNotFoundError
            If there is no file.
        ValueError
            If it holds no session, or one with other samples or labels.
        """
        if not os.path.exists(path):
            raise FileNotFoundError(f"There is no store {os.fspath(path)} to resume from.")
        with LabelStore(path) as store:
            if store.read_meta("initial") is None:
                raise ValueError(
                    f"The store {store.path} holds no session; fit with store={store.path!r} "
                    "begins one."
                )
        self.set_params(store=path)
        return self.fit(X, y, X_val=X_val, y_val=y_val)

    def as_of(self, number):
        """Return a copy that predicts as the learner did at an earlier fit of its model.

        Parameters
        ----------
        number : int
            The position of an entry in ``history_``, from 0.

        Returns
        -------
        ActiveLearner
            Its model is fitted again, to the labels that there were; all else is of today.

        Raises
        ------
        ValueError
            If the history has no such entry.
        """
        check_is_fitted(self)
        check_scalar(number, "number", Integral, min_val=0, max_val=len(self.history_) - 1)
        earlier = copy(self)
        earlier.estimator_, earlier.label_encoder_ = self._fit_earlier(number)
        return earlier

    # Predicting

    def predict(self, X):
        """Predict class labels or numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
            Samples like those of ``fit``.

        Returns
        -------
        ndarray of shape (n_samples,), or (n_samples, n_outputs)
            What the model of the last round predicts.
        """
        y = self._call("predict", X)
        if self.label_encoder_ is not None:
            return self.label_encoder_.inverse_transform(y)
        # skorch's regressors predict a column.
        return y.ravel() if is_regressor(self) and y.shape[1:] == (1,) else y

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X):
        """Predict class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            One column for each of ``classes_``; a net has one for each output.
        """
        return self._call("predict_proba", X)

    @available_if(_estimator_has("predict_log_proba"))
    def predict_log_proba(self, X):
        """Predict logarithms of class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        return self._call("predict_log_proba", X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X):
        """Signed distance to the decision boundary, as the estimator defines it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._call("decision_function", X)

    @available_if(_estimator_has("score"))
    def score(self, X, y):
        """Score predictions as the estimator does: accuracy or R² unless it says otherwise.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, c, h, w)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        float
        """
        check_is_fitted(self)
        if is_classifier(self) and getattr(getattr(y, "dtype", None), "kind", "") == "O":
            y = observed_labels(y)  # a column that could hold missing labels
        if self.label_encoder_ is not None:
            return accuracy_score(y, self.predict(X))
        return self._call("score", X, y)

    def _call(self, method, X, *arguments):
        check_is_fitted(self)
        with seeded_nets(self.estimator_):
            return getattr(self.estimator_, method)(cast_for_nets(self.estimator_, X), *arguments)

    @property
    def classes_(self):
        """Class labels; only for classifiers."""
        if self.label_encoder_ is not None:
            return self.label_encoder_.classes_
        return self.estimator_.classes_

    @property
    def n_features_in_(self):
        """Number of features, where the estimator counts them."""
        return self.estimator_.n_features_in_

    @property
    def feature_names_in_(self):
        """Names of features, where X had such."""
        return self.estimator_.feature_names_in_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "estimator_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.estimator_type = inner.estimator_type
        tags.classifier_tags = deepcopy(inner.classifier_tags)
        tags.regressor_tags = deepcopy(inner.regressor_tags)
        if tags.classifier_tags is not None:
            tags.classifier_tags.multi_label = False
        tags.target_tags.required = True
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        tags.input_tags.sparse = inner.input_tags.sparse and self._takes_sparse
        return tags


# Checks of what users pass


def check_samples(X, estimator, *, accept_sparse, input_name="X"):
    """Check samples: an ndarray, csr matrix, DataFrame, or Pool of what is not in memory."""
    finite = "allow-nan" if accepts_nan(estimator) else True
    if is_frame(X):
        return _check_frame(X, input_name, allow_nan=finite == "allow-nan")
    if gives_blocks(X) or hasattr(X, "chunks"):
        pool = as_pool(X)
        if 0 in pool.shape:
            raise ValueError(
                f"{input_name} must have samples and features; got a pool of shape {pool.shape}."
            )
        return pool
    # Strings and mixed columns are for the estimator to read, so dtype=None.
    X = check_array(
        X,
        accept_sparse="csr" if accept_sparse and get_tags(estimator).input_tags.sparse else False,
        dtype=None,
        ensure_all_finite=finite,
        allow_nd=True,
        estimator="ActiveLearner",
        input_name=input_name,
    )
    if X.dtype != object:
        return X
    if all(isinstance(value, Real) for value in X.flat):
        return X.astype(np.float64)  # as numbers: some methods of models refuse objects
    # Else the error would come from the model, after the sample's label was paid for.
    several = [v for v in X.flat if isinstance(v, Collection) and not isinstance(v, str | bytes)]
    if several:
        raise TypeError(
            f"{input_name} holds {several[0]!r}; each value of that argument must be a string, a "
            "number, or another scalar that the estimator takes."
        )
    return X


def _check_frame(X, input_name, *, allow_nan):
    if 0 in X.shape:
        raise ValueError(
            f"{input_name} must have samples and features; got a table of shape {X.shape}."
        )
    for position, name in enumerate(column_names(X)):
        # Columns of any type may have missing values: None, pandas' NA, or polars' null.
        column = as_label_array(_safe_indexing(X, position, axis=1))
        column_name = f"{input_name}[{name!r}]"
        if column.dtype.kind == "f":
            assert_all_finite(column, allow_nan=allow_nan, input_name=column_name)
        elif not allow_nan and is_missing(column).any():
            raise ValueError(
                f"{column_name} contains missing values; impute them, or use an estimator that "
                "accepts them."
            )
    return X


def check_labels(y, X, estimator, *, missing_label, warn=False):
    """Check labels; return which are known, and those, one row each for several outputs."""
    y = as_label_array(y, warn=warn)
    if is_classifier(estimator) or y.ndim != 2:
        y = column_or_1d(y)
    if y.dtype.kind in "mM":
        raise ValueError(
            f"y holds times ({y.dtype}); turn them into numbers, or strings of classes."
        )
    check_consistent_length(X, y)
    return split_missing(y, is_classifier=is_classifier(estimator), missing_label=missing_label)


def check_validation(X_val, y_val, X, estimator, *, missing_label):
    """Check the samples that models are scored on; return them with their labels, or None."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val come together; got one of them only.")
    if X_val is None:
        return None
    X_val = check_samples(X_val, estimator, accept_sparse=True, input_name="X_val")
    known, labels = check_labels(y_val, X_val, estimator, missing_label=missing_label)
    if not known.all():
        raise ValueError(
            f"y_val must be complete, but {(~known).sum()} of its {len(known)} labels are missing; "
            "leave these samples out."
        )
    # Frames may differ in width: the estimator may select columns by name.
    if not is_frame(X_val) and X_val.shape[1:] != X.shape[1:]:
        raise ValueError(
            f"Samples of X_val must have the shape of those of X, {X.shape[1:]}; they have shape "
            f"{X_val.shape[1:]}."
        )
    return X_val, labels


def check_strategy_parameters(strategy):
    """Check the parameters of a strategy, and those of a generator or a transformer in it."""
    if isinstance(strategy, type):
        raise TypeError(f"{strategy.__name__} is a class; pass an instance, {strategy.__name__}().")
    # For other objects the error of `clone` says more.
    nested = strategy.get_params().values() if isinstance(strategy, BaseEstimator) else ()
    for each in (strategy, *nested):
        if isinstance(each, BaseEstimator) and hasattr(each, "_parameter_constraints"):
            each._validate_params()


def _ids_of(query):
    ids = query.ids if isinstance(query, Query) else np.atleast_1d(query)
    if ids is None:
        raise ValueError("This query was never recorded; pass what ask() returned, or ids.")
    return ids


# What all rounds share: seeds, models, the fitted strategy


@dataclass
class _Setup:
    """What all rounds of a session have in common: decided once, by ``fit``."""

    template: BaseEstimator  # the seeded estimator that each round clones
    net_seed: int
    strategy_seed: int | None
    validation: tuple | None


class FittedModel(NamedTuple):
    """A fitted estimator, and what decodes its predictions; None where they are labels already."""

    estimator: BaseEstimator
    encoder: LabelEncoder | None


def _can_go_on(model, labelled):
    """Whether the classes are still those that a model was fitted to: else most can't go on."""
    estimator, encoder = model
    if labelled.classes is None or (encoder is None and nets_in(estimator)):
        return True  # classes number the outputs of such a net
    known = estimator.classes_ if encoder is None else encoder.classes_
    if labelled.proba is None:
        return np.array_equal(known, np.unique(labelled.y))
    return np.array_equal(known, labelled.classes[(labelled.proba > 0).any(axis=0)])


def fit_strategy(strategy, X, y, memory=None, task=None, learner=None):
    """Fit a strategy, or take it fitted from a cache of joblib."""
    # The cache key is all that a fit may read: the strategy's parameters (those of
    # nested estimators too, the seeds among them), X, y, and the source of `_fit`. So learners
    # that differ in their model, budget or batch size only, the cells of a grid, share one fit.
    memory = as_memory(memory)
    if type(strategy).fit is BaseStrategy.fit:  # learns nothing: hashing X would take longer
        return _fit(strategy, X, y, task, learner)
    return memory.cache(_fit, ignore=["task", "learner"])(strategy, X, y, task, learner)


def as_memory(memory):
    """Return the cache of joblib that a folder, a cache or None stands for."""
    if isinstance(memory, str | os.PathLike) and os.path.isfile(memory):
        raise ValueError(f"memory is a folder, and {os.fspath(memory)} is a file; pass another.")
    return check_memory(os.fspath(memory) if isinstance(memory, os.PathLike) else memory)


def _fit(strategy, X, y, task, learner):
    with subtask(task, "strategy", learner, strategy):
        return strategy.fit(X, y)


# Queries: what the strategy proposes, checked


def _given_samples(X, labelled):
    """Put the synthetic samples below the given ones, and labels beside both, NaN for none."""
    synthetic = np.flatnonzero(labelled.is_synthetic)
    indices = labelled.indices.copy()
    indices[synthetic] = X.shape[0] + np.arange(len(synthetic))
    y = spread_labels(labelled.y, indices, X.shape[0] + len(synthetic))
    if len(synthetic):
        X = concat_rows(X, take_rows(labelled.X, synthetic))
    return X, y


def _choose(strategy, X, y, model, candidates, n_wanted):
    """Let a strategy choose samples of the pool; refuse what breaks its contract."""
    indices = np.asarray(strategy.query(X, y, model, candidates=candidates, batch_size=n_wanted))
    _check_count(strategy, len(indices), n_wanted)
    if len(np.unique(indices)) < len(indices) or not np.isin(indices, candidates).all():
        raise ValueError(
            f"{type(strategy).__name__}.query must choose different samples among the "
            f"candidates; it chose {indices.tolist()}."
        )
    return Query(take_rows(X, indices), indices)


def _design(strategy, X, y, model, asked, n_wanted):
    """Let a strategy design samples; refuse what breaks its contract."""
    synthesis = strategy.synthesize(X, y, model, batch_size=n_wanted, asked=asked)
    n_designed = synthesis.X.shape[0]
    _check_count(strategy, n_designed, n_wanted)
    try:  # try on no rows what will be done once the labels are paid for
        concat_rows(take_rows(X, []), take_rows(synthesis.X, []))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must design samples like those of X. {error}"
        ) from error
    latent = np.asarray(synthesis.latent)
    if latent.ndim != 2 or len(latent) != n_designed:
        raise ValueError(
            f"{type(strategy).__name__}.synthesize must give a latent point for each of the "
            f"{n_designed} samples it designed; it gave an array of shape {latent.shape}."
        )
    if asked is not None and latent.shape[1] != asked.latent.shape[1]:
        raise ValueError(
            "Latent points must have the same dimension in every round, "
            f"{asked.latent.shape[1]}; the strategy gave points of dimension {latent.shape[1]}."
        )
    return Query(synthesis.X, np.full(n_designed, SYNTHETIC), latent, synthesis.details)


def _check_count(strategy, n_chosen, n_wanted):
    if not 1 <= n_chosen <= n_wanted:
        raise ValueError(
            f"{type(strategy).__name__} was to propose {n_wanted} samples, or fewer but at least "
            f"one; it proposed {n_chosen}."
        )
