"""What a strategy promises that chooses from a pool."""

import numpy as np

from skgal.testing._common_checks import COMMON_CHECKS
from skgal.testing._problem import N_SAMPLES, require


def check_batch_size(subject):
    """A query returns as many positions as were asked for, in one dimension."""
    problem = subject.problem()
    for batch_size in (1, 5, len(problem.unlabelled)):
        indices = subject.ask(problem, batch_size=batch_size)
        require(
            indices.shape == (batch_size,) and indices.dtype.kind in "iu",
            f"{subject.name} was asked for {batch_size} positions, and returned an array of "
            f"shape {indices.shape} and dtype {indices.dtype}.",
        )


def check_no_index_twice(subject):
    """No sample is chosen twice, even if all are to be chosen."""
    problem = subject.problem()
    indices = subject.ask(problem, batch_size=len(problem.unlabelled))
    require(
        len(np.unique(indices)) == len(indices),
        f"{subject.name} chose a sample more than once: {indices.tolist()}.",
    )


def check_labelled_never_chosen(subject):
    """No labelled sample is chosen, even if it is among the candidates."""
    problem = subject.problem()
    for candidates in (None, np.arange(N_SAMPLES)):
        indices = subject.ask(problem, batch_size=len(problem.unlabelled), candidates=candidates)
        labelled = np.intersect1d(indices, problem.labelled).tolist()
        require(
            not labelled,
            f"{subject.name} chose {labelled}, which are labelled, with "
            f"candidates={'None' if candidates is None else 'all positions'}.",
        )


def check_candidates_as_positions(subject):
    """Where candidates are positions in X, only these are chosen."""
    problem = subject.problem()
    candidates = problem.unlabelled[::2]
    indices = subject.ask(problem, candidates=candidates, batch_size=len(candidates))
    require(
        np.isin(indices, candidates).all(),
        f"{subject.name} was to choose among {candidates.tolist()}, and chose {indices.tolist()}.",
    )


def check_foreign_candidates(subject):
    """Where candidates are samples, positions among these are chosen, not positions in X."""
    problem = subject.problem()
    candidates = problem.X[:7] / 2
    indices = subject.ask(problem, candidates=candidates, batch_size=7)
    require(
        sorted(indices.tolist()) == list(range(7)),
        f"{subject.name} was to choose all of 7 samples that are not in X, and chose "
        f"{indices.tolist()}.",
    )


def check_images(subject):
    """Samples of four dimensions, in X and as candidates, are as good as those of two."""
    problem = subject.problem(samples="images")
    _require_valid(subject, problem, subject.ask(problem), "images")
    indices = subject.ask(problem, candidates=problem.X[:7] / 2, batch_size=7)
    require(
        sorted(indices.tolist()) == list(range(7)),
        f"{subject.name} was to choose all of 7 images that are not in X, and chose "
        f"{indices.tolist()}.",
    )


def check_string_labels(subject):
    """Labels may be strings, with NaN among them for the missing ones."""
    problem = subject.problem(classes=("dog", "cat"))
    _require_valid(subject, problem, subject.ask(problem), "string labels")


def check_missing_label(subject):
    """A parameter missing_label, if there is one, says what stands for no label."""
    if "missing_label" not in subject.strategy.get_params(deep=False):
        return
    problem = subject.problem(missing_label=-1)
    strategy = subject.fresh(problem, missing_label=-1)
    _require_valid(subject, problem, subject.ask(problem, strategy), "missing_label=-1")


def check_batch_larger_than_pool(subject):
    """A batch larger than what can be chosen is a ValueError, not a smaller batch."""
    problem = subject.problem()
    n_wanted = len(problem.unlabelled) + 1
    _require_value_error(subject, problem, f"a batch of {n_wanted} of {n_wanted - 1}", n_wanted)


def check_exhausted_pool(subject):
    """A pool in which everything is labelled is a ValueError."""
    problem = subject.problem()
    strategy = subject.fresh(problem)
    exhausted = problem._replace(y=np.where(np.isnan(problem.y), 0, problem.y))
    _require_value_error(subject, exhausted, "a pool in which all is labelled", 1, strategy)


def check_utilities(subject):
    """On request there is a utility for each row, finite for candidates and NaN for others."""
    problem = subject.problem()
    strategy = subject.fresh(problem)
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
            f"{subject.name} returned no pair of indices and utilities.",
        )
        utilities = np.asarray(answer[1])
        require(
            utilities.shape == (n_rows,),
            f"{subject.name} returned utilities of shape {utilities.shape} for {n_rows} rows.",
        )
        finite = np.flatnonzero(np.isfinite(utilities))
        require(
            np.array_equal(finite, np.sort(wanted)),
            f"{subject.name} returned finite utilities for the rows {finite.tolist()}, and the "
            f"candidates were {sorted(wanted.tolist())}.",
        )


def _require_valid(subject, problem, indices, what):
    valid = len(np.unique(indices)) == 5 and np.isin(indices, problem.unlabelled).all()
    require(
        valid,
        f"{subject.name} was to choose 5 of the unlabelled {problem.unlabelled.tolist()} of a "
        f"problem with {what}, and chose {indices.tolist()}.",
    )


def _require_value_error(subject, problem, what, batch_size, strategy=None):
    try:
        indices = subject.ask(problem, strategy, batch_size=batch_size)
    except ValueError:
        return
    raise AssertionError(
        f"{subject.name} was asked for {what}; it should raise ValueError, and chose "
        f"{indices.tolist()}."
    )


POOL_CHECKS = (
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
    *COMMON_CHECKS,
)
