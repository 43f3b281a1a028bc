"""The learner: fit a model, choose samples, buy their labels, record them, fit again."""

import os
from contextlib import nullcontext
from numbers import Integral, Real

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

from skgal.active._ask_tell import AskTellMixin
from skgal.active._initial import (
    check_n_initial,
    count_initial,
    draw_initial,
    initial_set,
    known_classes,
)
from skgal.active._inputs import check_parameters, check_samples, check_validation
from skgal.active._labels import split_missing
from skgal.active._loop import LoopMixin
from skgal.active._oracles import LabelOracle
from skgal.active._predictions import PredictionMixin
from skgal.active._rounds import Rounds
from skgal.active._seeding import own_seed
from skgal.active._session import Session, open_store, settle_seed
from skgal.active._store import LabelStore
from skgal.classifiers import check_fit_support
from skgal.utils import as_label_array, draw_seed, seed_unset


class ActiveLearner(LoopMixin, AskTellMixin, PredictionMixin, MetaEstimatorMixin, BaseEstimator):
    """A classifier or regressor that buys the labels it learns from.

    Each round a model is fitted to what is labelled, a strategy chooses samples of X or
    designs new ones, and an oracle labels them, until the budget is spent or X is exhausted.

    If y is complete and the strategy chooses from a pool, fitting simulates: ``n_initial``
    labels are shown, the others revealed as they are bought (or answered by the ``oracle``, if
    there is one). If labels are missing, those given are the start. A strategy that designs
    samples starts from all labels given, or from ``n_initial`` of them.

    Where an oracle is needed and there is none, ``fit`` learns what is known, and :meth:`ask` and
    :meth:`tell` bring the other labels: the same session, in other hands.

    Every label is in the store before the model is fitted again; it is still there when a fit, a
    strategy or an oracle fails. With ``store`` a file it outlives the process, and the same call
    of ``fit`` goes on where the last one was killed. Each round is logged to ``skgal.active``,
    level INFO.

    Parameters
    ----------
    estimator : classifier, regressor, Pipeline or skorch net
        The model to teach; each round fits a clone. A net's integer labels number its outputs;
        other labels are encoded for it.
    strategy : PoolStrategy or SynthesisStrategy
        What to label next. A clone of it is fitted once, after the first model, unless there
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
        Answers to buy beyond the initial labels, over all of a store's session; one that was
        declined or has failed counts, a sample that was ignored doesn't. A pool with fewer
        samples is bought whole. None buys ten batches.
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
        :class:`skgal.generators.GenerationScorer` where the estimator is a generator.
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
        What ``stopping`` said last.
    refused_ : tuple (Query, answers) or None
        The last samples asked about and what the oracle answered, as it came, if that could not
        be recorded and ``fit`` failed over it; identical samples were answered once.
    history_ : list of dict
        One entry for each fit of the model: ``n_labels`` and, of these, ``n_bought``; ``score``
        on ``X_val`` (NaN without), and what ``scoring`` measures there; ``seconds_fit`` and, of
        the purchase just before, ``seconds_query`` (the first includes the strategy's own fit),
        ``seconds_oracle`` (summed over the answers) and ``mean_entropy`` in nats of the chosen
        samples under the model that chose them (NaN if it has no ``predict_proba``); for
        classifiers ``label_counts``, a dict from class to number of labels, soft ones counted for
        their most probable class.
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
    A session follows from its store, X, the initial labels and the seed. So one that was killed
    and is taken up again, by the same ``fit`` or by :meth:`resume`, chooses as an unbroken one.
    What an oracle has answered is asked for again only if the process was killed before the
    answer was committed: never with ``label_pending``; with ``stream``, at most the answer on its
    way; with a plain callable, at most the batch it was called for. Samples with the same values
    as one whose label the store has are never sent to an oracle; they get that label, and count
    for the budget. Any number of people and programs may answer a session's store at once, but one
    learner at a time buys for it, or two would both pay for what waits: another one gets a
    :class:`~skgal.exceptions.StoreInUseError`. An empty file ``-lock`` beside the store is its
    lock; it holds nothing, and a killed process leaves no lock behind.

    A net starts from the same weights in every round. They, and the initial labels, follow from
    ``random_state`` alone, so that learners that differ in estimator or strategy only start
    alike.

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
        "estimator": [HasMethods(["fit", "predict"])],
        "strategy": [HasMethods(["fit", "query"]), HasMethods(["fit", "synthesize"])],
        "oracle": [callable, HasMethods(["stream"]), HasMethods(["label_pending"]), None],
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

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, *, X_val=None, y_val=None):
        """Buy labels and learn from them, or begin a session of :meth:`ask` and :meth:`tell`.

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
            If X has NaN or infinite values, y no label or one class only, if the oracle answers
            with what is no label; if X_val and y_val aren't like X and a complete y; if the
            store holds a session with other samples or labels.
        TypeError
            If the estimator can't learn from weighted or soft labels that it would get, or can't
            say what the strategy asks of it.
        StoreError
            If the store can't be used; `skgal.exceptions` says what may be wrong with it, such
            as a :class:`~skgal.exceptions.StoreInUseError` while another learner buys for it.
        """
        X, known, labels = self._check(X, y)
        validation = check_validation(
            X_val, y_val, X, self.estimator, missing_label=self.missing_label
        )
        simulates = self.oracle is None and not self._synthesizes and known.all()
        store = open_store(self.store)
        buys = self.oracle is not None or simulates
        with store.lock() if buys else nullcontext():
            # Only now: a learner that is refused stays what it was.
            self.store_, self._validation = store, validation
            self._hidden = LabelOracle(X, labels) if simulates else None
            self._start(X, known, labels)
            self._work(buys)
        return self

    def _work(self, buys):
        """Fit model and strategy, and buy; say where the labels are if that fails."""
        try:
            # The model first: what is wrong with it shows before a generator is trained.
            self._take_up()
            if self._count_wanted():
                self._fit_strategy()
            if buys:
                self._run()
        # Whatever it is, it is told where the labels are, and goes on.
        except (Exception, KeyboardInterrupt) as error:
            if self.labelled_.n_bought:
                error.add_note(
                    f"No label is lost: the {self.labelled_.n_bought} bought before this, and "
                    "those from the start, are in the learner's `labelled_`"
                    + (f" and in {self.store_.path}." if self.store_.is_durable else ".")
                )
            raise

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
        check_parameters(self.strategy)
        check_fit_support(
            self.estimator,
            soft=getattr(self.oracle, "soft", False),
            weighted=self._synthesizes and self.synthetic_weight != 1,
        )
        return X, known, labels

    def _start(self, X, known, labels):
        """Seed everything, and record the labels known at the start."""
        rng = np.random.RandomState(settle_seed(self.store_, X, self.random_state))
        self._clone(rng)
        self._session = Session(self.store_, X, self._first_labels(X, known, labels, rng))
        self._rounds = Rounds(self.store_)
        self.history_ = self._rounds.history
        self.refused_ = self.stop_reason_ = None
        self._strategy_ready, self._seconds_unbilled = False, 0.0
        self._refresh()

    def _clone(self, rng):
        """Clone estimator and strategy; what has no seed of its own gets one here, once."""
        # Streams of their own: what the one leaves None changes neither the other nor the rest.
        estimator_rng, strategy_rng = (np.random.RandomState(draw_seed(rng)) for _ in range(2))
        self._template = seed_unset(clone(self.estimator), estimator_rng)
        self.strategy_ = seed_unset(clone(self.strategy), strategy_rng)
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse &= not self._synthesizes
        return tags
