"""What every strategy promises, whether it chooses from a pool or designs samples.

A strategy comes to a check wrapped in a :class:`Subject`, which knows how it is asked.
"""

import pickle

import numpy as np
from sklearn.base import clone

from skgal.testing._problem import global_random_states, make_problem, require, state_of
from skgal.utils import seeded_nets


class Subject:
    """A strategy under test, and the classifier that it is asked about.

    Parameters
    ----------
    strategy : strategy
    clf : classifier or None
        As in :func:`make_problem`.
    """

    def __init__(self, strategy, clf=None):
        self.strategy = strategy
        self.clf = clf

    @property
    def name(self):
        """The name of the strategy's class, for messages."""
        return type(self.strategy).__name__

    def problem(self, **kwargs):
        """Make a problem for the strategy; see :func:`make_problem`."""
        return make_problem(self.clf, **kwargs)

    def fresh(self, problem, **params):
        """Make a clone with a seed, fitted to the problem if it has a ``fit``."""
        strategy = clone(self.strategy)
        known = strategy.get_params(deep=False)
        if known.get("random_state", "none of its own") is None:
            strategy.set_params(random_state=0)
        strategy.set_params(**params)
        if hasattr(strategy, "fit"):
            strategy.fit(problem.X, problem.y)
        return strategy

    def ask(self, problem, strategy=None, *, batch_size=5, **kwargs):
        """Ask a strategy, or a fresh clone, for a batch; return it as one array."""
        strategy = self.fresh(problem) if strategy is None else strategy
        X, y, clf = problem[:3]
        if hasattr(strategy, "query"):
            return np.asarray(strategy.query(X, y, clf, batch_size=batch_size, **kwargs))
        return np.asarray(strategy.synthesize(X, y, clf, batch_size=batch_size).latent)


def check_clone(subject):
    """A clone has the same parameters, and set_params takes what get_params gives."""
    params = subject.strategy.get_params()
    copy = clone(subject.strategy)
    require(
        repr(copy.get_params()) == repr(params),
        f"clone({subject.name}) has the parameters {copy.get_params()}, the original {params}.",
    )
    copy.set_params(**params)


def check_parameters_kept(subject):
    """Neither fit nor a query changes a parameter; what is learnt goes to attributes_."""
    problem = subject.problem()
    strategy = clone(subject.strategy)
    before = repr(strategy.get_params())
    if hasattr(strategy, "fit"):
        strategy.fit(problem.X, problem.y)
    subject.ask(problem, strategy)
    require(
        repr(strategy.get_params()) == before,
        f"{subject.name} had the parameters {before}, and after a query {strategy.get_params()}.",
    )


def check_determinism(subject):
    """With a seed, the same question gets the same answer, from one strategy or its clone."""
    problem = subject.problem()
    strategy = subject.fresh(problem)
    answers = [subject.ask(problem, strategy), subject.ask(problem, strategy), subject.ask(problem)]
    require(
        all(np.array_equal(answer, answers[0]) for answer in answers),
        f"{subject.name} with random_state=0 answered the same question with "
        f"{[answer.tolist() for answer in answers]}.",
    )


def check_pickling(subject):
    """A fitted strategy comes out of pickle and gives the same answer."""
    problem = subject.problem()
    strategy = subject.fresh(problem)
    revived = pickle.loads(pickle.dumps(strategy))
    expected, got = subject.ask(problem, strategy), subject.ask(problem, revived)
    require(
        np.array_equal(expected, got),
        f"{subject.name} answered {expected.tolist()}, and out of pickle {got.tolist()}.",
    )


def check_inputs_unchanged(subject):
    """X, y and the classifier are the same after a query as before."""
    problem = subject.problem()
    with seeded_nets(problem.clf):
        problem.clf.predict(problem.X)  # any prediction leaves a net in evaluation mode
    before = [state_of(item) for item in problem[:3]]
    subject.ask(problem)
    changed = [
        name
        for name, item, state in zip(("X", "y", "clf"), problem[:3], before, strict=True)
        if state_of(item) != state
    ]
    require(not changed, f"{subject.name} changed {' and '.join(changed)}.")


def check_global_random_state(subject):
    """The global random states of numpy and torch are neither read nor written."""
    problem = subject.problem()
    before = global_random_states()
    subject.ask(problem)
    after = global_random_states()
    changed = [library for library in before if after[library] != before[library]]
    require(
        not changed,
        f"{subject.name} drew from the global random state of {' and '.join(changed)}; it should "
        "draw from its random_state.",
    )


COMMON_CHECKS = (
    check_clone,
    check_parameters_kept,
    check_determinism,
    check_pickling,
    check_inputs_unchanged,
    check_global_random_state,
)
