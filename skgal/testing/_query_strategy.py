"""The contract of query strategies, as checks that anyone can run on their own."""

import pickle
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skgal.testing._runner import (
    Specimen,
    check_clone,
    check_global_random_state,
    list_checks,
    require,
    require_value_error,
    run_checks,
    state_of,
)
from skgal.utils import seeded_nets


def query_strategy_checks(strategy, *, clf=None):
    """List the checks of a strategy, for ``pytest.mark.parametrize`` for example.

    Each has a name of its own in the report of the tests.

    Parameters
    ----------
    strategy : object with ``query`` or ``synthesize``
        As for :func:`check_query_strategy`.
    clf : classifier, default=None
        As for :func:`check_query_strategy`.

    Returns
    -------
    list of (str, callable)
        Name and check; a check takes no argument and raises if the promise is broken.

    See Also
    --------
    check_query_strategy : All at once.

    Examples
    --------
    >>> from skgal.query import RandomSampling
    >>> from skgal.testing import query_strategy_checks
    >>> checks = dict(query_strategy_checks(RandomSampling()))
    >>> checks["check_images"]()
    """
    if hasattr(strategy, "query"):
        checks = _POOL_CHECKS
    elif hasattr(strategy, "synthesize"):
        checks = _SYNTHESIS_CHECKS
    else:
        raise TypeError(
            f"A query strategy has a method query or synthesize; {type(strategy).__name__} has "
            "neither."
        )
    return list_checks(checks, StrategySpecimen(strategy, clf))


def check_query_strategy(strategy, *, clf=None, expected_failures=None):
    """Check that a strategy keeps the promises of all query strategies.

    Among them: it can be cloned and pickled; with a seed, the same question gets the same
    answer; it leaves its parameters, its inputs and the global random states alone; it chooses
    as many samples as it was asked for, none twice, no labelled one, and only candidates,
    whether these are positions or samples from elsewhere; it takes images of four dimensions and
    labels that are strings; and it raises ValueError where there is not enough to choose from.

    Parameters
    ----------
    strategy : object with ``query`` or ``synthesize``
        It is cloned, and never changed. If ``random_state`` is a parameter of its and None, the
        clones get one.
    clf : classifier, default=None
        What the strategy is asked about, if it needs a special one. It is cloned and fitted on
        tables of shape (8, 4) and images of shape (8, 1, 8, 8), of two classes. None is logistic
        regression on flattened samples.
    expected_failures : dict from str to str, default=None
        Names of checks that must fail, each with the reason why that is all right.

    Raises
    ------
    AssertionError
        If a promise is broken, or one is kept that was expected to be broken.
    Exception
        Whatever the strategy itself raises. A note names the check.

    See Also
    --------
    query_strategy_checks : The same checks one by one.
    skgal.base.PoolStrategy : The contract.

    Examples
    --------
    A strategy of one's own, for which the smaller of the first features come first:

    >>> import numpy as np
    >>> from skgal.base import PoolStrategy
    >>> from skgal.testing import check_query_strategy
    >>> class SmallestFirst(PoolStrategy):
    ...     def query(self, X, y, clf, *, candidates=None, batch_size=1, return_utilities=False):
    ...         if candidates is None:
    ...             candidates = np.arange(len(X))
    ...         first = np.reshape(X, (len(X), -1))[:, 0]
    ...         return candidates[np.argsort(first[candidates])[:batch_size]]
    >>> check_query_strategy(SmallestFirst())
    Traceback (most recent call last):
    AssertionError: SmallestFirst chose [...], which are labelled, with candidates=None.
    It breaks check_labelled_never_chosen: No labelled sample is chosen, even if it is among
    the candidates.
    """
    checks = query_strategy_checks(strategy, clf=clf)
    run_checks(checks, type(strategy).__name__, expected_failures)


N_SAMPLES = 24
_SHAPES = {"table": (4,), "images": (1, 8, 8)}


class Problem(NamedTuple):
    """A pool of which a third is labelled, and a classifier fitted on that."""

    X: np.ndarray  # of shape (24, 4) or (24, 1, 8, 8), dtype float32, in [-1, 1]
    y: np.ndarray  # two classes, each with the same number of labels
    clf: Any
    labelled: np.ndarray  # positions in X
    unlabelled: np.ndarray


def make_problem(clf=None, *, samples="table", classes=(0, 1), missing_label=np.nan):
    """Make a problem, the same each time; samples are "table" or "images"."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(N_SAMPLES, *_SHAPES[samples])).astype(np.float32)
    order = rng.permutation(N_SAMPLES)
    X.reshape(N_SAMPLES, -1)[order, 0] = np.linspace(-1, 1, N_SAMPLES)
    is_first = X.reshape(N_SAMPLES, -1)[:, 0] < 0
    labels = np.where(is_first, *classes)
    chosen = [rng.permutation(np.flatnonzero(of_class))[:4] for of_class in (is_first, ~is_first)]
    labelled = np.sort(np.concatenate(chosen))
    unlabelled = np.setdiff1d(np.arange(N_SAMPLES), labelled)
    clf = _flat_logistic_regression() if clf is None else clone(clf)
    with seeded_nets(clf):
        clf.fit(X[labelled], labels[labelled])
    y = labels.astype(object if labels.dtype.kind == "U" else float)
    y[unlabelled] = missing_label
    return Problem(X, y, clf, labelled, unlabelled)


def flatten(X):
    """Make one row of each sample."""
    return np.reshape(X, (len(X), -1))


def _flat_logistic_regression():
    return make_pipeline(FunctionTransformer(flatten), LogisticRegression())


class StrategySpecimen(Specimen):
    """A strategy under test, and the classifier that it is asked about."""

    def __init__(self, strategy, clf=None):
        super().__init__(strategy)
        self.clf = clf

    def use(self):
        """Ask a fresh clone for a batch."""
        self.ask(self.problem())

    def problem(self, **kwargs):
        """Make a problem for the strategy; see :func:`make_problem`."""
        return make_problem(self.clf, **kwargs)

    def fresh(self, problem, **params):
        """Make a clone with a seed, fitted to the problem if it has a ``fit``."""
        strategy = self.clone(**params)
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


def check_parameters_kept(specimen):
    """Neither fit nor a query changes a parameter; what is learnt goes to attributes_."""
    problem = specimen.problem()
    strategy = clone(specimen.estimator)
    before = repr(strategy.get_params())
    if hasattr(strategy, "fit"):
        strategy.fit(problem.X, problem.y)
    specimen.ask(problem, strategy)
    require(
        repr(strategy.get_params()) == before,
        f"{specimen.name} had the parameters {before}, and after a query {strategy.get_params()}.",
    )


def check_determinism(specimen):
    """With a seed, the same question gets the same answer, from one strategy or its clone."""
    problem = specimen.problem()
    strategy = specimen.fresh(problem)
    answers = [
        specimen.ask(problem, strategy),
        specimen.ask(problem, strategy),
        specimen.ask(problem),
    ]
    require(
        all(np.array_equal(answer, answers[0]) for answer in answers),
        f"{specimen.name} with random_state=0 answered the same question with "
        f"{[answer.tolist() for answer in answers]}.",
    )


def check_pickling(specimen):
    """A fitted strategy comes out of pickle and gives the same answer."""
    problem = specimen.problem()
    strategy = specimen.fresh(problem)
    revived = pickle.loads(pickle.dumps(strategy))
    expected, got = specimen.ask(problem, strategy), specimen.ask(problem, revived)
    require(
        np.array_equal(expected, got),
        f"{specimen.name} answered {expected.tolist()}, and out of pickle {got.tolist()}.",
    )


def check_inputs_unchanged(specimen):
    """X, y and the classifier are the same after a query as before."""
    problem = specimen.problem()
    with seeded_nets(problem.clf):
        problem.clf.predict(problem.X)  # any prediction leaves a net in evaluation mode
    before = [state_of(item) for item in problem[:3]]
    specimen.ask(problem)
    changed = [
        name
        for name, item, state in zip(("X", "y", "clf"), problem[:3], before, strict=True)
        if state_of(item) != state
    ]
    require(not changed, f"{specimen.name} changed {' and '.join(changed)}.")


def check_batch_size(specimen):
    """A query returns as many positions as were asked for, in one dimension."""
    problem = specimen.problem()
    for batch_size in (1, 5, len(problem.unlabelled)):
        indices = specimen.ask(problem, batch_size=batch_size)
        require(
            indices.shape == (batch_size,) and indices.dtype.kind in "iu",
            f"{specimen.name} was asked for {batch_size} positions, and returned an array of "
            f"shape {indices.shape} and dtype {indices.dtype}.",
        )


def check_no_index_twice(specimen):
    """No sample is chosen twice, even if all are to be chosen."""
    problem = specimen.problem()
    indices = specimen.ask(problem, batch_size=len(problem.unlabelled))
    require(
        len(np.unique(indices)) == len(indices),
        f"{specimen.name} chose a sample more than once: {indices.tolist()}.",
    )


def check_labelled_never_chosen(specimen):
    """No labelled sample is chosen, even if it is among the candidates."""
    problem = specimen.problem()
    for candidates in (None, np.arange(N_SAMPLES)):
        indices = specimen.ask(problem, batch_size=len(problem.unlabelled), candidates=candidates)
        labelled = np.intersect1d(indices, problem.labelled).tolist()
        require(
            not labelled,
            f"{specimen.name} chose {labelled}, which are labelled, with "
            f"candidates={'None' if candidates is None else 'all positions'}.",
        )


def check_candidates_as_positions(specimen):
    """Where candidates are positions in X, only these are chosen."""
    problem = specimen.problem()
    candidates = problem.unlabelled[::2]
    indices = specimen.ask(problem, candidates=candidates, batch_size=len(candidates))
    require(
        np.isin(indices, candidates).all(),
        f"{specimen.name} was to choose among {candidates.tolist()}, and chose {indices.tolist()}.",
    )


def check_foreign_candidates(specimen):
    """Where candidates are samples, positions among these are chosen, not positions in X."""
    problem = specimen.problem()
    candidates = problem.X[:7] / 2
    indices = specimen.ask(problem, candidates=candidates, batch_size=7)
    require(
        sorted(indices.tolist()) == list(range(7)),
        f"{specimen.name} was to choose all of 7 samples that are not in X, and chose "
        f"{indices.tolist()}.",
    )


def check_images(specimen):
    """Samples of four dimensions, in X and as candidates, are as good as those of two."""
    problem = specimen.problem(samples="images")
    _require_valid(specimen, problem, specimen.ask(problem), "images")
    indices = specimen.ask(problem, candidates=problem.X[:7] / 2, batch_size=7)
    require(
        sorted(indices.tolist()) == list(range(7)),
        f"{specimen.name} was to choose all of 7 images that are not in X, and chose "
        f"{indices.tolist()}.",
    )


def check_string_labels(specimen):
    """Labels may be strings, with NaN among them for the missing ones."""
    problem = specimen.problem(classes=("dog", "cat"))
    _require_valid(specimen, problem, specimen.ask(problem), "string labels")


def check_missing_label(specimen):
    """A parameter missing_label, if there is one, says what stands for no label."""
    if "missing_label" not in specimen.estimator.get_params(deep=False):
        return
    problem = specimen.problem(missing_label=-1)
    strategy = specimen.fresh(problem, missing_label=-1)
    _require_valid(specimen, problem, specimen.ask(problem, strategy), "missing_label=-1")


def check_batch_larger_than_pool(specimen):
    """A batch larger than what can be chosen is a ValueError, not a smaller batch."""
    problem = specimen.problem()
    n_wanted = len(problem.unlabelled) + 1
    require_value_error(
        specimen,
        f"a batch of {n_wanted} of {n_wanted - 1}",
        lambda: specimen.ask(problem, batch_size=n_wanted),
    )


def check_exhausted_pool(specimen):
    """A pool in which everything is labelled is a ValueError."""
    problem = specimen.problem()
    strategy = specimen.fresh(problem)
    exhausted = problem._replace(y=np.where(np.isnan(problem.y), 0, problem.y))
    require_value_error(
        specimen,
        "a pool in which all is labelled",
        lambda: specimen.ask(exhausted, strategy, batch_size=1),
    )


def check_utilities(specimen):
    """On request there is a utility for each row, finite for candidates and NaN for others."""
    problem = specimen.problem()
    strategy = specimen.fresh(problem)
    foreign = problem.X[:7] / 2
    for candidates, n_rows, wanted in (
        (None, N_SAMPLES, problem.unlabelled),
        (problem.unlabelled[:6], N_SAMPLES, problem.unlabelled[:6]),
        (foreign, 7, np.arange(7)),
    ):
        answer = strategy.query(
            *problem[:3], candidates=candidates, batch_size=3, return_utilities=True
        )
        require(
            isinstance(answer, tuple) and len(answer) == 2,
            f"{specimen.name} returned no pair of indices and utilities.",
        )
        utilities = np.asarray(answer[1])
        require(
            utilities.shape == (n_rows,),
            f"{specimen.name} returned utilities of shape {utilities.shape} for {n_rows} rows.",
        )
        finite = np.flatnonzero(np.isfinite(utilities))
        require(
            np.array_equal(finite, np.sort(wanted)),
            f"{specimen.name} returned finite utilities for the rows {finite.tolist()}, and the "
            f"candidates were {sorted(wanted.tolist())}.",
        )


def _require_valid(specimen, problem, indices, what):
    valid = len(np.unique(indices)) == 5 and np.isin(indices, problem.unlabelled).all()
    require(
        valid,
        f"{specimen.name} was to choose 5 of the unlabelled {problem.unlabelled.tolist()} of a "
        f"problem with {what}, and chose {indices.tolist()}.",
    )


def check_as_many_samples(specimen):
    """There are as many samples as were asked for, and a latent point for each."""
    problem = specimen.problem()
    strategy = specimen.fresh(problem)
    for batch_size in (1, 5):
        synthesis = strategy.synthesize(*problem[:3], batch_size=batch_size)
        latent = np.asarray(synthesis.latent)
        require(
            len(synthesis.X) == batch_size and latent.ndim == 2 and len(latent) == batch_size,
            f"{specimen.name} was asked for {batch_size} samples; X has shape "
            f"{np.shape(synthesis.X)} and latent {latent.shape}.",
        )


def check_samples_like_those_of_x(specimen):
    """Samples have the shape and dtype of those of X, and finite values."""
    _require_samples_like(specimen, specimen.problem())


def check_designed_images(specimen):
    """Where X holds images of four dimensions, the samples are such."""
    _require_samples_like(specimen, specimen.problem(samples="images"))


def check_labels_that_are_strings(specimen):
    """Labels may be strings, with NaN among them for the missing ones."""
    _require_samples_like(specimen, specimen.problem(classes=("dog", "cat")))


def _require_samples_like(specimen, problem):
    made = specimen.fresh(problem).synthesize(*problem[:3], batch_size=5).X
    require(
        made.shape[1:] == problem.X.shape[1:] and made.dtype == problem.X.dtype,
        f"{specimen.name} designed samples of shape {made.shape[1:]} and dtype {made.dtype}; "
        f"those of X have {problem.X.shape[1:]} and {problem.X.dtype}.",
    )
    require(
        np.isfinite(made).all(), f"{specimen.name} designed samples with NaN or infinite values."
    )


_COMMON_CHECKS = (
    check_clone,
    check_parameters_kept,
    check_determinism,
    check_pickling,
    check_inputs_unchanged,
    check_global_random_state,
)
_POOL_CHECKS = (
    check_batch_size,
    check_no_index_twice,
    check_labelled_never_chosen,
    check_candidates_as_positions,
    check_foreign_candidates,
    check_images,
    check_string_labels,
    check_missing_label,
    check_batch_larger_than_pool,
    check_exhausted_pool,
    check_utilities,
    *_COMMON_CHECKS,
)
_SYNTHESIS_CHECKS = (
    check_as_many_samples,
    check_samples_like_those_of_x,
    check_designed_images,
    check_labels_that_are_strings,
    *_COMMON_CHECKS,
)
