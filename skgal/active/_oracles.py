"""Oracles: callables from samples to labels, some of which answer as a stream, one by one.

How a learner asks them is in ``_session.py``; whatever they say goes to the store as it came.
"""

import logging
import os
import pickle
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, wait
from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs

# The one executor that sends lambdas and functions of __main__ without a guard around the
# script's main part, and that kills whatever its workers have started.
from joblib.externals.loky import ProcessPoolExecutor
from joblib.parallel import get_active_backend
from scipy import sparse
from sklearn.utils import check_consistent_length

from skgal.metrics import entropy
from skgal.utils import (
    HasMethods,
    Interval,
    PrintedParameters,
    StrOptions,
    _safe_indexing,
    as_label_array,
    as_labels,
    describe_error,
    seeded_nets,
    take_rows,
    validate_parameter_constraints,
)

logger = logging.getLogger("skgal.active")

NAMED_FAILURES = 5
"""How many failures an error message quotes; the log has them all."""


class Answer(NamedTuple):
    """What became of one sample that an oracle was asked about.

    Oracles yield one as soon as it is there, in any order, so that each is on disk before the
    next.

    Parameters
    ----------
    position : int
        Which sample of the batch.
    label : scalar, ndarray of shape (n_classes,) or (n_outputs,), dict, or None
        A class, class probabilities, one or several numbers; None where there is no answer.
    annotator : str, default=""
        Who or what answered.
    seconds : float, default=nan
        How long it took.
    status : {"answered", "declined", "failed"}, default="answered"
    message : str, default=""
        Why there is no answer.
    details : dict or None, default=None
        What else the oracle has to say, in types that JSON knows: of a
        :class:`~skgal.active.VotingOracle` the ``votes`` and their ``disagreement``.
    error : Exception or None, default=None
        Of an answer that failed, what was raised.

    See Also
    --------
    Record : The same sample as a store keeps it.
    CallableOracle : What yields answers one by one.

    Examples
    --------
    >>> from skgal.active import Answer
    >>> Answer(0, "cat", annotator="Ada").status
    'answered'
    >>> Answer(1, None, status="declined", message="too dark").label is None
    True
    """

    position: int
    label: Any
    annotator: str = ""
    seconds: float = np.nan
    status: str = "answered"
    message: str = ""
    details: dict | None = None
    error: Exception | None = None


# The contract of oracles, and what they share

# An oracle has one of three forms; of an object with several, a learner uses the first:
#
#     label_pending(store, ids)   has samples of a store labelled, and returns when none of them is
#                                 pending any more; it writes to the store itself (HumanOracle)
#     stream(X)                   a generator of an Answer for each row of X, in any order
#     oracle(X) -> y              labels of all rows at once
#
# It may have attributes: `classes_`, the classes it knows, in the order of the columns of its
# probabilities; `soft`, whether it answers with these; `annotator` or `name`, who answers;
# `on_error`, "decline" if samples of a stream that have failed are not to be asked about again.
ORACLE_FORMS = [callable, HasMethods(["stream"]), HasMethods(["label_pending"])]


def as_failed(answer, message, error=None):
    """Make of an answer one that failed, for a reason."""
    return answer._replace(label=None, status="failed", message=message, error=error)


def raise_failures(failures, n_asked, ids=None):
    """Raise a ValueError if answers failed, naming the samples, from the first error."""
    if not failures:
        return
    named = "; ".join(f"{_name_sample(a, ids)}: {a.message}" for a in failures[:NAMED_FAILURES])
    more = len(failures) - NAMED_FAILURES
    raise ValueError(
        f"There is no usable answer for {len(failures)} of {n_asked} samples of the "
        f"batch: {named}" + (f"; and {more} more." if more > 0 else "")
    ) from failures[0].error


def log_failure(answer, ids=None):
    """Log an answer that failed, at the level WARNING."""
    if answer.status == "failed":
        name = _name_sample(answer, ids).capitalize()
        logger.warning("%s: %s: %s", name, answer.annotator, answer.message)


def _name_sample(answer, ids):
    """Name a sample by its id, where it has one: an oracle alone knows a batch only."""
    where = answer.position
    return f"sample {where} of the batch" if ids is None else f"sample with id {ids[where]}"


def annotator_name(oracle):
    """Name of an oracle: its own, its function's or its class's."""
    for named in (oracle, getattr(oracle, "func", None)):
        name = getattr(named, "annotator", None) or getattr(named, "name", None)
        name = name or getattr(named, "__qualname__", None)
        if isinstance(name, str):
            return name
    return type(oracle).__qualname__


def count_samples(X):
    """Count the rows of an array, sparse matrix, DataFrame or list."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def as_array(answers):
    """Write answers as a callable returns them, by position; NaN where there is none."""
    answers = sorted(answers, key=lambda answer: answer.position)
    given = [np.asarray(a.label) for a in answers if a.status == "answered"]
    shapes = {label.shape for label in given}
    if len(shapes) > 1:
        raise ValueError(f"Answers must have one shape; got the shapes {sorted(shapes)}.")
    none = np.full(shapes.pop() if shapes else (), np.nan)
    labels = [np.asarray(a.label) if a.status == "answered" else none for a in answers]
    if any(label.dtype.kind in "OUS" for label in given):
        # NumPy would turn the NaN beside text into the label "nan".
        return np.array([label.item() for label in labels], dtype=object)
    return np.array(labels)


# Oracles that users make


class LabelOracle(PrintedParameters):
    """An oracle that reveals labels known beforehand, to simulate labelling.

    It finds a sample by its values, so it can't answer about designed ones.

    Parameters
    ----------
    X : array-like, sparse matrix or DataFrame of n_samples rows
        The samples.
    y : array-like of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_outputs)
        What to answer for each.

    See Also
    --------
    EstimatorOracle : A model answers, for samples that are designed.
    compare_strategies : Simulates with it.

    Examples
    --------
    >>> from skgal.active import LabelOracle
    >>> oracle = LabelOracle([[1.0], [2.0], [3.0]], ["a", "b", "c"])
    >>> oracle([[3.0], [1.0]]).tolist()
    ['c', 'a']
    """

    def __init__(self, X, y):
        check_consistent_length(X, y)
        self.X = X
        self.y = as_label_array(y)
        self._indices = None

    def __call__(self, X):
        """Find samples by their values and reveal their labels.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,) or (n_asked, n_classes)

        Raises
        ------
        ValueError
            If a sample is unknown, or is there more than once with different labels.
        """
        if self._indices is None:
            self._indices = {}
            for index, values in enumerate(_hashable_rows(self.X)):
                self._indices.setdefault(values, []).append(index)
        return self.y[[self._find(*row) for row in enumerate(_hashable_rows(X))]]

    def _find(self, position, values):
        indices = self._indices.get(values)
        if indices is None:
            raise ValueError(
                f"Sample {position} of the batch is none of the {len(self.y)} samples this "
                "LabelOracle has labels for; synthetic samples need another oracle."
            )
        labels = self.y[indices].tolist()
        if any(label != labels[0] for label in labels):
            raise ValueError(
                f"Sample {position} of the batch is in this LabelOracle {len(indices)} times, with "
                f"the labels {labels}; give it each sample with one label."
            )
        return indices[0]

    def __sklearn_clone__(self):
        # Clones of a learner share the oracle, so that its data aren't copied.
        return self


def _hashable_rows(X):
    """Samples as hashable values, equal exactly where all their entries are."""
    if sparse.issparse(X):
        X = X.toarray()
    X = np.asarray(X)
    X = X.reshape(len(X), -1)
    if X.dtype.kind not in "biuf":
        return [tuple(row) for row in X.tolist()]
    # One dtype for all, and no negative zeros: equal numbers must have equal bytes. Beyond 2**53
    # float64 would merge integers; Python compares those with floats exactly.
    floats = X.astype(np.float64) + 0.0
    is_large = (np.abs(floats) >= 2**53).any(axis=1)
    rows = zip(X, floats, is_large, strict=True)
    return [tuple(x.tolist()) if large else row.tobytes() for x, row, large in rows]


class EstimatorOracle(PrintedParameters):
    """An oracle that answers as a fitted estimator predicts.

    A model that was trained on much data stands for a person or a laboratory; it answers about
    designed samples too, as well as it can.

    Parameters
    ----------
    estimator : fitted classifier or regressor
        The model that answers; a copy is not made.
    soft : bool, default=False
        Answer with class probabilities instead of classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes it may answer with, in the order of the probabilities.

    See Also
    --------
    LabelOracle : The labels of a pool are known.
    CallableOracle : A function answers.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skgal.active import EstimatorOracle
    >>> tree = DecisionTreeClassifier(random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> EstimatorOracle(tree)([[0.2]]).tolist()
    [0]
    >>> EstimatorOracle(tree, soft=True)([[0.2]]).tolist()
    [[1.0, 0.0]]
    """

    def __init__(self, estimator, *, soft=False):
        if soft and not hasattr(estimator, "predict_proba"):
            raise TypeError(
                f"soft=True needs an estimator with predict_proba; {type(estimator).__name__} has "
                "none."
            )
        self.estimator = estimator
        self.soft = soft

    @property
    def classes_(self):
        """The classes it may answer with."""
        return self.estimator.classes_

    def __call__(self, X):
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_asked, n_features) or (n_asked, c, h, w)

        Returns
        -------
        ndarray of shape (n_asked,), or (n_asked, n_classes) if ``soft``
        """
        with seeded_nets(self.estimator):
            if self.soft:
                return self.estimator.predict_proba(X)
            return self.estimator.predict(X)

    def __sklearn_clone__(self):
        # A clone of the estimator would be unfitted.
        return self


class CallableOracle(PrintedParameters):
    """An oracle that calls a function: in parallel, with retries and a time limit.

    Around any function of one design, such as a simulator: what fails or hangs costs its own
    label only, and every answer is kept as it comes.

    Parameters
    ----------
    func : callable
        ``func(x) -> answer`` for one sample: an ndarray of shape (n_features,) or (c, h, w),
        or of a DataFrame a row as scikit-learn takes it (a Series of pandas). It answers with
        a class, with class probabilities of shape (n_classes,), with one number or several of
        shape (n_outputs,), or with None where it declines. If ``vectorized``,
        ``func(X) -> answers`` for several samples.
    n_jobs : int, default=None
        How many calls run at once; None is 1, or what ``joblib.parallel_config`` says, which
        also chooses the backend: "loky", "threading", "dask", "ray".
    timeout : float, default=None
        Seconds after which a call is given up; None waits without limit. Each call runs in a
        process that can be killed, and is, with all that it has started. ``func`` must be
        picklable then; lambdas and functions of ``__main__`` are.
    retries : int, default=0
        How often a call that raised or was given up is repeated.
    on_error : {"raise", "decline"}, default="raise"
        What a sample means whose last call failed: raised any error, ``sys.exit()`` included.
        Either way all other samples are asked, and the log tells which failed. "raise" raises
        after that; "decline" goes on without the label, unless ten calls in a row, a whole batch
        at least, fail with the same kind of error: then the samples wait, and a RuntimeError is
        raised from the first error.
    classes : array-like of shape (n_classes,), default=None
        All classes that ``func`` may answer with, in the order of its probabilities, sorted.
        Other answers fail.
    soft : bool, default=False
        Say so if ``func`` answers with class probabilities: a model that can't learn from
        such is refused then before anything is labelled.
    vectorized : bool, default=False
        Whether ``func`` takes several samples, as an array or DataFrame of n rows, and answers
        with an array or list of length n.
    chunk_size : int, default=None
        How many samples a vectorized ``func`` gets at once, at most; None gives each of the jobs
        an equal share of the batch.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Only if ``classes`` are given.

    See Also
    --------
    skgal.annotation.HumanOracle : A person answers, on a page.
    VotingOracle : Several annotators answer each sample.

    Notes
    -----
    A child process takes half a second to start, and is used again until it overruns its
    time. Where the backend's workers may start no processes (multiprocessing's daemons; Dask's,
    unless its ``distributed.worker.daemon`` is False), calls with a ``timeout`` fail and say so.
    Without ``timeout``, a function that takes its process down with it ends the batch.

    Backends that don't return results as they come (multiprocessing, Ray) answer when all
    samples are done, so of an interrupted batch they keep nothing. Loky's workers outlive a
    learner that was killed, for up to five minutes.

    Examples
    --------
    >>> from skgal.active import CallableOracle
    >>> oracle = CallableOracle(lambda x: "hot" if x[0] > 30 else None)
    >>> oracle([[31.0], [12.0]]).tolist()
    ['hot', nan]
    >>> CallableOracle(lambda X: X.sum(axis=1), vectorized=True)([[1.0, 2.0], [3.0, 4.0]])
    array([3., 7.])
    """

    _constraints = {
        "func": [callable],
        "n_jobs": [Integral, None],
        "timeout": [Interval(Real, 0, None, closed="neither"), None],
        "retries": [Interval(Integral, 0, None, closed="left")],
        "on_error": [StrOptions({"raise", "decline"})],
        "classes": ["array-like", None],
        "soft": ["boolean"],
        "vectorized": ["boolean"],
        "chunk_size": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        func,
        n_jobs=None,
        timeout=None,
        retries=0,
        on_error="raise",
        *,
        classes=None,
        soft=False,
        vectorized=False,
        chunk_size=None,
    ):
        self.func = func
        self.n_jobs = n_jobs
        self.timeout = timeout
        self.retries = retries
        self.on_error = on_error
        self.classes = classes
        self.soft = soft
        self.vectorized = vectorized
        self.chunk_size = chunk_size
        validate_parameter_constraints(self._constraints, vars(self), type(self).__name__)
        if classes is not None and not np.array_equal(classes, np.unique(classes)):
            raise ValueError(
                f"classes must be sorted and differ from each other, got {list(classes)}; the "
                "columns of probabilities follow this order."
            )
        if chunk_size is not None and not vectorized:
            raise ValueError(
                f"chunk_size={chunk_size} needs vectorized=True, and a func that takes several "
                "samples at once."
            )

    @property
    def classes_(self):
        """The classes it may answer with."""
        if self.classes is None:
            raise AttributeError("This oracle doesn't know its classes; pass classes=.")
        return np.asarray(self.classes)

    def stream(self, X):
        """Ask about samples, and pass on each answer as it comes.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows
            The samples to label.

        Yields
        ------
        Answer
            One for each sample, those that failed included, in the order of their arrival.
            What arrived before a Ctrl-C has been yielded.
        """
        # A call that waits for a child process may do so in a thread.
        parallel = parallel_as_completed(
            self.n_jobs, prefer=None if self.timeout is None else "threads"
        )
        with Isolation() as isolation:
            ask = partial(
                _ask,
                func=self.func,
                attempts=1 + self.retries,
                timeout=self.timeout,
                isolation=isolation,
                annotator=annotator_name(self),
                parent=os.getpid(),
            )
            for answers in parallel(delayed(ask)(*task) for task in self._tasks(X)):
                yield from answers

    def _tasks(self, X):
        """Iterate over calls: what to pass, and which samples of the batch that is."""
        n_samples = count_samples(X)
        if not self.vectorized:
            yield from ((_safe_indexing(X, i), i) for i in range(n_samples))
            return
        X = X if hasattr(X, "shape") else np.asarray(X)
        size = self.chunk_size or -(-n_samples // effective_n_jobs(self.n_jobs))
        for start in range(0, n_samples, size):
            positions = np.arange(start, min(start + size, n_samples))
            yield take_rows(X, positions), positions

    def __call__(self, X):
        """Ask about samples.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,), (n_asked, n_classes) or (n_asked, n_outputs)
            Answers in the order of X; NaN where declined, or failed with
            ``on_error="decline"``.

        Raises
        ------
        ValueError
            If calls failed and ``on_error="raise"``.
        """
        answers = []
        for answer in self.stream(X):
            log_failure(answer)
            answers.append(answer)
        answers.sort(key=lambda answer: answer.position)
        if self.on_error == "raise":
            raise_failures([a for a in answers if a.status == "failed"], len(answers))
        return as_array(answers)

    def __sklearn_clone__(self):
        # Clones of a learner share the oracle: func may hold a connection, or a licence.
        return self


def _ask(x, positions, *, func, attempts, timeout, isolation, annotator, parent):
    """Call the function until it answers or attempts run out; runs in a worker of joblib."""
    start = perf_counter()
    for _ in range(attempts):
        try:
            # A copy, since func may write into what it gets, and the next call needs it as it was.
            answers = func(deepcopy(x)) if timeout is None else isolation.call(func, x, timeout)
            labels = _split_answers(answers, positions)
        # Any error of the user's function is a failed answer; solvers made for a command line exit.
        except (Exception, SystemExit) as error:
            labels, failure = None, error
        else:
            break
    many = np.atleast_1d(positions).tolist()
    seconds = (perf_counter() - start) / len(many)
    if labels is None:
        message = describe_error(failure)
        message += f" (attempt {attempts} of {attempts})" if attempts > 1 else ""
        failure = _portable(failure) if os.getpid() != parent else failure
        return [as_failed(Answer(i, None, annotator, seconds), message, failure) for i in many]
    return [
        Answer(i, label, annotator, seconds, "declined" if label is None else "answered")
        for i, label in zip(many, labels, strict=True)
    ]


def _split_answers(answers, positions):
    """Take the answers of one call apart, one for each sample."""
    if np.ndim(positions) == 0:
        return [answers]
    labels = as_label_array(answers)
    if labels.ndim == 0 or len(labels) != len(positions):
        raise ValueError(
            f"A vectorized function must answer for each of the {len(positions)} samples it gets; "
            f"its answer has the shape {labels.shape}."
        )
    return list(labels)


def _portable(error):
    """Make of a worker's exception one that can be sent, its traceback in a note."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:  # any kind of error: it can't be sent
        return RuntimeError("".join(traceback.format_exception_only(error)))


class VotingOracle(PrintedParameters):
    r"""An oracle of several annotators, all of whom are asked about every sample.

    Where annotators differ, the shares of their votes tell a model that learns from class
    probabilities how clear a case is.

    Parameters
    ----------
    oracles : list of callable, or dict from str to callable
        The annotators, each an oracle itself; a dict names them. The votes they decline, or
        fail to give, are left out.
    combine : {"shares", "majority", "mean"}, default="shares"
        "shares" answers with class probabilities: the share of votes that each class got,
        annotators that answer with probabilities averaged in. "majority" answers with the
        class of the largest share; of classes with equal shares, with that of the annotator
        named first who is for one of them. "mean" is for numbers.
    classes : array-like of shape (n_classes,), default=None
        All classes, sorted. None: those in the ``classes_`` of the annotators.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Only for classes.
    soft : bool
        Whether it answers with class probabilities.

    See Also
    --------
    LabelStore : Its ``ask_again`` and ``combine`` do the same with people, in a store.
    CallableOracle : One function answers.

    Notes
    -----
    An answer's ``details``, which a :class:`~skgal.active.LabelStore` keeps, has the
    ``votes``, a dict from annotator to label, and their ``disagreement``: the entropy in nats
    of the shares (vote entropy), or the standard deviation of numbers.

    Annotators are asked side by side, so those that run in parallel do, and an answer is
    passed on as soon as its last vote is there.

    References
    ----------
    S. Argamon-Engelson and I. Dagan, Committee-based sample selection for probabilistic
    classifiers, JAIR 11, 1999: vote entropy, there divided by a constant.

    Examples
    --------
    >>> from skgal.active import LabelOracle, VotingOracle
    >>> X = [[1.0], [2.0]]
    >>> readers = [LabelOracle(X, y) for y in ([0, 1], [0, 1], [0, 0], [1, 0])]
    >>> VotingOracle(readers, classes=[0, 1])(X).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """

    # Each annotator has its own `on_error`; its stream raises where that says so.
    on_error = "decline"

    _constraints = {
        "oracles": [list, tuple, dict],
        "combine": [StrOptions({"shares", "majority", "mean"})],
        "classes": ["array-like", None],
    }

    def __init__(self, oracles, combine="shares", *, classes=None):
        self.oracles = oracles
        self.combine = combine
        self.classes = classes
        validate_parameter_constraints(self._constraints, vars(self), type(self).__name__)
        if not len(oracles):
            raise ValueError("VotingOracle needs annotators, got none.")
        if combine != "mean" and self._known_classes() is None:
            raise ValueError(
                "Votes for classes need to know all of them; pass classes=, or annotators with "
                'classes_. combine="mean" is for numbers.'
            )

    @property
    def soft(self):
        """Whether it answers with class probabilities."""
        return self.combine == "shares"

    @property
    def classes_(self):
        """The classes it may answer with."""
        if self.combine == "mean":
            raise AttributeError('combine="mean" is for numbers, not for classes.')
        return self._known_classes()

    def stream(self, X):
        """Ask about samples, and pass on each answer when its votes are complete.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows
            The samples to label.

        Yields
        ------
        Answer
            One for each sample.

        Raises
        ------
        ValueError
            After the last answer, if an annotator failed whose ``on_error`` is not
            ``"decline"``.
        """
        n_annotators = len(self.oracles)
        votes_of, errors = {}, []  # by position, then by annotator
        for name, vote in _in_turn(self._streams(X), errors):
            votes = votes_of.setdefault(vote.position, {})
            votes[name] = vote
            if len(votes) == n_annotators:
                yield self._count(vote.position, votes_of.pop(vote.position))
        # The others lack the vote of an annotator whose stream raised.
        for position, votes in sorted(votes_of.items()):
            yield self._count(position, votes)
        if errors:
            raise errors[0]

    def __call__(self, X):
        """Ask about samples.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,), or (n_asked, n_classes) if ``soft``
            NaN where all annotators declined.

        Raises
        ------
        ValueError
            If an annotator failed whose ``on_error`` is not ``"decline"``.
        """
        return as_array(self.stream(X))

    def __sklearn_clone__(self):
        return self

    def _annotators(self):
        if isinstance(self.oracles, dict):
            return dict(self.oracles)
        # Numbered, since annotators of one kind would share a name.
        return {
            f"{number}: {annotator_name(oracle)}": oracle
            for number, oracle in enumerate(self.oracles)
        }

    def _known_classes(self):
        if self.classes is not None:
            return np.unique(self.classes)
        known = [getattr(oracle, "classes_", None) for oracle in self._annotators().values()]
        if any(classes is None for classes in known):
            return None
        return np.unique(np.concatenate(known))

    def _streams(self, X):
        classes = None if self.combine == "mean" else self._known_classes()
        for name, oracle in self._annotators().items():
            yield name, _votes(oracle, X, classes)

    def _count(self, position, votes):
        """Make one answer of all votes for a sample."""
        given = {name: vote for name, vote in votes.items() if vote.status == "answered"}
        answer = Answer(
            position,
            None,
            annotator=", ".join(given or votes),
            seconds=float(np.sum([vote.seconds for vote in votes.values()])),
            details=_details(votes),
        )
        if not given:
            failed = {name: vote for name, vote in votes.items() if vote.status == "failed"}
            message = "; ".join(f"{name}: {vote.message}" for name, vote in failed.items())
            error = next((vote.error for vote in failed.values()), None)
            return (
                as_failed(answer, message, error) if failed else answer._replace(status="declined")
            )
        if self.combine == "mean":
            numbers = [vote.label for vote in given.values()]
            label, disagreement = float(np.mean(numbers)), float(np.std(numbers))
        else:
            proba = np.array([self._shares(vote.label) for vote in given.values()])
            shares = proba.mean(axis=0)
            disagreement = float(entropy(shares[np.newaxis])[0])
            label = shares if self.soft else self._majority(proba, shares)
        answer.details["disagreement"] = disagreement
        return answer._replace(label=label)

    def _shares(self, label):
        shares = label if isinstance(label, Mapping) else {label: 1.0}
        return [shares.get(name, 0.0) for name in self._known_classes().tolist()]

    def _majority(self, proba, shares):
        winners = np.isclose(shares, shares.max())
        backed = proba.argmax(axis=1)
        decisive = next((k for k in backed if winners[k]), shares.argmax())
        return self._known_classes()[decisive].item()


def _votes(oracle, X, classes):
    """Iterate over an annotator's answers, checked; raise at the end if some failed for good."""
    columns = None if classes is None else getattr(oracle, "classes_", None)
    rules = {"classes": classes, "columns": classes if columns is None else columns}
    rules["n_outputs"] = 1 if classes is None else None
    failures, n_asked, name = [], count_samples(X), annotator_name(oracle)
    X = deepcopy(X)  # an annotator may write into what it gets
    if columns is not None and (unknown := set(columns) - set(classes.tolist())):
        raise ValueError(
            f"Annotator {name} knows the class {min(unknown)!r}, which is none of the classes "
            f"{classes.tolist()}."
        )
    if hasattr(oracle, "stream"):
        answers = oracle.stream(X)
    else:
        start = perf_counter()
        labels = list(oracle(X))
        seconds = (perf_counter() - start) / n_asked
        if len(labels) != n_asked:
            raise ValueError(
                f"There must be an answer for each of the {n_asked} samples; {name} gave "
                f"{len(labels)}."
            )
        answers = (Answer(i, label, name, seconds) for i, label in enumerate(labels))
    for answer in answers:
        if answer.status == "answered":
            (label,), problems = as_labels([answer.label], 1, **rules)
            answer = answer._replace(
                label=label, status="declined" if label is None else "answered"
            )
            if problems:
                answer = as_failed(answer, problems[0])
        log_failure(answer)
        failures += [answer] if answer.status == "failed" else []
        yield answer
    if getattr(oracle, "on_error", "raise") != "decline":
        raise_failures(failures, n_asked)


def _in_turn(streams, errors):
    """Take one vote after the other from each annotator, until its stream ends or raises."""
    streams = dict(streams)
    while streams:
        for name, stream in list(streams.items()):
            try:
                yield name, next(stream)
            except StopIteration:
                del streams[name]
            except Exception as error:  # one's failure, raised when the others have answered
                error.add_note(f"This was annotator {name!r}.")
                errors.append(error)
                del streams[name]


def _details(votes):
    """What is kept of the votes, in types that JSON knows."""
    details = {"votes": {}, "disagreement": None}
    for name, vote in votes.items():
        if vote.status == "answered":
            is_soft = isinstance(vote.label, Mapping)
            details["votes"][name] = list(vote.label.values()) if is_soft else vote.label
        elif vote.status == "failed":
            details.setdefault("failed", {})[name] = vote.message
    return details


# Calls in parallel, and calls that can be killed


IDLE_SECONDS = 300
"""After how long an idle child ends by itself, where nothing ends it after a batch."""

_executors = {}
_lock = threading.Lock()


def parallel_as_completed(n_jobs, *, prefer=None):
    """Make joblib return results as they come, where its backend can."""
    # One task at a time for each worker, so that an interrupt wastes little.
    backend, _ = get_active_backend(prefer=prefer)
    return Parallel(
        n_jobs=n_jobs,
        prefer=prefer,
        batch_size=1,
        pre_dispatch="n_jobs",
        return_as="generator_unordered" if backend.supports_return_generator else "list",
    )


class Isolation:
    """Child processes for the calls of one batch, one for each thread: they can be killed."""

    # A child is started by a thread's first call and used until a call overruns its time. In
    # another process, a worker of joblib, a copy of this starts children of that process.

    def __init__(self):
        self.token = uuid4().hex

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for key in [key for key in _executors.copy() if key[0] == self.token]:
            _kill(key)

    def call(self, func, argument, timeout):
        """Call a function; after ``timeout`` seconds kill it, with all it started: TimeoutError."""
        key = (self.token, threading.get_ident())
        executor = _executors.get(key) or self._start(key, func)  # not part of the time limit
        future = executor.submit(func, argument)
        try:
            if wait([future], timeout).not_done:
                raise TimeoutError(f"no answer within {timeout:g} s")
        except BaseException:  # also on Ctrl-C: the child must not go on
            _kill(key)
            raise
        try:
            return future.result()
        except BrokenExecutor:
            _kill(key)
            raise

    def _start(self, key, func):
        executor = ProcessPoolExecutor(max_workers=1, timeout=IDLE_SECONDS)
        with _lock:
            _executors[key] = executor
        executor.submit(callable, func).result()  # imports what func needs
        return executor


def _kill(key):
    with _lock:
        executor = _executors.pop(key, None)
    if executor is not None:  # a thread may have killed its own child meanwhile
        executor.shutdown(kill_workers=True)
