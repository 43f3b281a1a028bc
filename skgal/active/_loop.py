"""The loop: teach a model, choose samples, have them labelled, teach it again."""

import logging
from time import perf_counter

import numpy as np
from sklearn.base import clone, is_classifier

from skgal.active._asking import choose, samples_at_hand, synthesize
from skgal.active._buying import buy, wait_for_people
from skgal.active._memory import fit_strategy
from skgal.active._scoring import measure
from skgal.active._seeding import seed_round
from skgal.classifiers import fit_estimator
from skgal.metrics import entropy
from skgal.utils import seeded_nets, take_rows

logger = logging.getLogger("skgal.active")

DEFAULT_ROUNDS = 10


class LoopMixin:
    """What happens within a session, whoever brings the labels.

    A class that inherits has the parameters of :class:`ActiveLearner` and starts a session:
    ``_session``, ``_rounds``, ``_template`` and ``strategy_`` are there.
    """

    def _refresh(self):
        """See what is in the store by now."""
        self._session.refresh()
        self.labelled_ = self._session.labelled

    def _take_up(self):
        """Fit the model as it was when the session was left, or for the first time."""
        if self.history_ and (len(self._session.pending) or self._is_current()):
            self._fit_model()
        else:
            self._teach()
        if self._is_current():
            self._check_stopping()

    def _run(self):
        """Buy until there is nothing to buy; what was left unanswered comes first."""
        if self._hidden is None:
            # A session that was killed may have left samples pending whose labels are known.
            self._session.answer_known(self._session.pending.ids)
        while len(query := self._session.pending or self._ask_next()):
            self._consult(query)
            self._catch_up()

    def _catch_up(self, *, if_pending=True):
        """Fit the model anew if labels came or went since it was."""
        if not self._is_current() and (if_pending or not len(self._session.pending)):
            self._teach()

    def _is_current(self):
        return self._rounds.is_current(self._session.change)

    def _count_wanted(self, n=None):
        """How many samples to ask for next; 0 once the budget or the pool is exhausted."""
        if self.stop_reason_ is not None:
            return 0
        budget = DEFAULT_ROUNDS * self.batch_size if self.budget is None else self.budget
        n_wanted = min(n or self.batch_size, max(budget - self._session.n_billed, 0))
        return n_wanted if self._synthesizes else min(n_wanted, len(self._session.candidates))

    def _fit_strategy(self):
        start = perf_counter()
        self._try_model()
        # To the initial labels only: a session that is taken up again must choose alike.
        samples, y = samples_at_hand(self._session.X, self._session.initial)
        self.strategy_ = fit_strategy(self.strategy_, samples, y, self.memory)
        self._strategy_ready = True
        self._seconds_unbilled = perf_counter() - start

    def _try_model(self):
        """Find out before the strategy's fit, which may take hours, if it can ask the model."""
        # Two samples, since the module of a net may squeeze a batch of one.
        some = take_rows(self.labelled_.X, [0, 0])
        self._believe(some)
        if hasattr(self.strategy_, "check_model"):
            with seeded_nets(self.estimator_):
                self.strategy_.check_model(self.estimator_, some)

    def _ask_next(self, n=None):
        """Propose samples and record them; those whose label is known need nobody's answer."""
        while n_wanted := self._count_wanted(n):
            if not self._strategy_ready:
                self._fit_strategy()
            ids = self._propose(n_wanted)
            if self._hidden is None:
                self._session.answer_known(ids)
            query = self._session.select_pending(ids)
            self._refresh()
            if len(query):
                return query
            self._catch_up()
        return self._session.select([])

    def _propose(self, n_wanted):
        """Let the strategy choose samples of X, or design some."""
        start = perf_counter() - self._seconds_unbilled
        self._seconds_unbilled = 0.0
        samples, y = samples_at_hand(self._session.X, self.labelled_)
        seed_round(self.strategy_, self._strategy_seed, self._session.n_asked)
        with seeded_nets(self.estimator_):
            if self._synthesizes:
                query = synthesize(self.strategy_, samples, y, self.estimator_, n_wanted)
            else:
                candidates = self._session.candidates
                query = choose(self.strategy_, samples, y, self.estimator_, candidates, n_wanted)
        seconds = perf_counter() - start
        beliefs, mean_entropy = self._believe(query.X)
        return self._session.ask(
            query,
            strategy=type(self.strategy_).__name__,
            model=f"{type(self.estimator).__name__}, {self.history_[-1]['n_labels']} labels",
            beliefs=beliefs,
            notes={"seconds_query": seconds, "mean_entropy": mean_entropy},
        )

    def _believe(self, X):
        """What the model thinks of samples, and the mean entropy of that."""
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

    def _consult(self, query):
        """Get answers from the oracle, or from the labels that a simulation hides."""
        heard = []
        oracle, asked = self.oracle, query.X
        if self._hidden is not None:
            oracle, asked = self._hidden.reveal, query.indices
        try:
            if hasattr(oracle, "label_pending"):
                wait_for_people(oracle, query.ids, self.store_)
            else:
                rules = {"classes": self.labelled_.classes, "missing_label": self.missing_label}
                buy(oracle, asked, query.ids, self.store_, heard=heard, **rules)
        # Whatever it is, what was answered before is kept, and it goes on.
        except (Exception, KeyboardInterrupt) as error:
            if heard:
                self.refused_ = query, heard if hasattr(oracle, "stream") else heard[0]
                error.add_note(
                    "The samples asked about and the oracle's answers are in the learner's "
                    "`refused_`."
                )
            raise
        finally:
            self._refresh()

    def _teach(self):
        """Fit a new model to all that is labelled, and enter it into the history."""
        purchase = self._rounds.purchase()
        seconds = self._fit_model()
        labelled = self.labelled_
        row = {
            "n_labels": len(labelled),
            "n_bought": labelled.n_bought,
            "score": np.nan if self._validation is None else self.score(*self._validation),
            "seconds_fit": seconds,
            **purchase,
        }
        if self.scoring is not None and self._validation is not None:
            row |= measure(self.scoring, self, *self._validation)
        if labelled.classes is not None:
            row["label_counts"] = labelled.count_labels()
        self._rounds.add(row, self._session.change)
        logger.info(
            "%d labels, %d of them bought: score %.4g",
            row["n_labels"],
            row["n_bought"],
            row["score"],
        )
        self._check_stopping()

    def _fit_model(self):
        start = perf_counter()
        weights = np.where(self.labelled_.is_synthetic, self.synthetic_weight, 1.0)
        estimator = clone(self._template)
        with seeded_nets(estimator, self._net_seed):
            encoder = fit_estimator(
                estimator,
                self.labelled_.X,
                self.labelled_.y,
                proba=self.labelled_.proba,
                classes=self.labelled_.classes,
                sample_weight=weights,
            )
        self.estimator_, self.label_encoder_ = estimator, encoder
        return perf_counter() - start

    def _check_stopping(self):
        if self.stopping is not None:
            self.stop_reason_ = self.stopping.check(self)
