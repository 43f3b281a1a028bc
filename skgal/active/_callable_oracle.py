"""An oracle that calls a function for each sample: in parallel, with patience and an end to it."""

from functools import partial
from numbers import Integral, Real
from time import perf_counter

import numpy as np
from joblib import delayed
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints

from skgal.active._answers import Answer, raise_failures
from skgal.active._consult import annotator_name, count_samples, log_failure
from skgal.active._isolated import Isolation
from skgal.active._parallel import parallel_as_completed

_CONSTRAINTS = {
    "func": [callable],
    "n_jobs": [Integral, None],
    "timeout": [Interval(Real, 0, None, closed="neither"), None],
    "retries": [Interval(Integral, 0, None, closed="left")],
    "on_error": [StrOptions({"raise", "decline"})],
    "classes": ["array-like", None],
    "soft": ["boolean"],
}


class CallableOracle:
    """An oracle that asks a function about one sample at a time.

    Parameters
    ----------
    func : callable
        ``func(x) -> answer`` for one sample: an ndarray of shape (n_features,) or (c, h, w),
        or of a DataFrame a row as scikit-learn takes it (a Series of pandas). It answers with
        a class, with class probabilities of shape (n_classes,), with a number, or with None
        where it declines.
    n_jobs : int, default=None
        How many calls run at once; None is 1, or what ``joblib.parallel_config`` says, which
        also chooses the backend: "loky", "threading", "dask", "ray".
    timeout : float, default=None
        Seconds after which a call is given up; None waits for ever. Each call runs in a
        process that can be killed, and is, with all that it has started. ``func`` must be
        picklable then; lambdas and functions of ``__main__`` are.
    retries : int, default=0
        How often a call that raised or was given up is repeated.
    on_error : {"raise", "decline"}, default="raise"
        What a sample means whose last call failed. Either way all other samples are asked,
        and the log tells which failed. "raise" raises after that; "decline" goes on without
        the label.
    classes : array-like of shape (n_classes,), default=None
        All classes that ``func`` may answer with, in the order of its probabilities, sorted.
        Other answers fail.
    soft : bool, default=False
        Say so if ``func`` answers with class probabilities: a model that can't learn from
        such is refused then before anything is bought.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Only if ``classes`` are given.

    Notes
    -----
    A child process takes half a second to start, and is used again until it overruns its
    time. Where the backend's workers may start no processes (multiprocessing's daemons; Dask's,
    unless its ``distributed.worker.daemon`` is False), calls with a ``timeout`` fail and say so.
    Without ``timeout``, a function that takes its process down with it ends the batch.

    Backends that don't return results as they come (multiprocessing, Ray) answer when all
    samples are done, so of an interrupted batch they keep nothing.

    Examples
    --------
    >>> from skgal.active import CallableOracle
    >>> oracle = CallableOracle(lambda x: "hot" if x[0] > 30 else None)
    >>> oracle([[31.0], [12.0]]).tolist()
    ['hot', nan]
    """

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
    ):
        self.func = func
        self.n_jobs = n_jobs
        self.timeout = timeout
        self.retries = retries
        self.on_error = on_error
        self.classes = classes
        self.soft = soft
        validate_parameter_constraints(_CONSTRAINTS, vars(self), type(self).__name__)
        if classes is not None and not np.array_equal(classes, np.unique(classes)):
            raise ValueError(
                f"classes must be sorted and differ from each other, got {list(classes)}; the "
                "columns of probabilities follow this order."
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

        Yields
        ------
        Answer
            One for each sample, those that failed included, in the order of their arrival.
            What arrived before a Ctrl-C has been yielded.
        """
        # Whoever waits for a child process may do so in a thread.
        parallel = parallel_as_completed(
            self.n_jobs, prefer=None if self.timeout is None else "threads"
        )
        with Isolation() as isolation:
            answer = partial(
                _answer,
                func=self.func,
                attempts=1 + self.retries,
                timeout=self.timeout,
                isolation=isolation,
                annotator=annotator_name(self),
            )
            tasks = (delayed(answer)(i, _safe_indexing(X, i)) for i in range(count_samples(X)))
            for each in parallel(tasks):
                log_failure(each)
                yield each

    def __call__(self, X):
        """Ask about samples.

        Parameters
        ----------
        X : array-like, sparse matrix or DataFrame of n_asked rows

        Returns
        -------
        ndarray of shape (n_asked,) or (n_asked, n_classes)
            Answers in the order of X; NaN where declined, or failed with
            ``on_error="decline"``.

        Raises
        ------
        ValueError
            If calls failed and ``on_error="raise"``.
        """
        answers = sorted(self.stream(X), key=lambda answer: answer.position)
        if self.on_error == "raise":
            raise_failures(answers)
        return as_array(answers)

    def __sklearn_clone__(self):
        # Clones of a learner ask the same oracle: func may hold a connection, or a licence.
        return self


def as_array(answers):
    """Write answers as oracles return them.

    Parameters
    ----------
    answers : list of Answer
        In the order of the samples.

    Returns
    -------
    ndarray of shape (n_asked,) or (n_asked, n_classes)
        NaN where there is no answer.
    """
    given = [np.asarray(a.label) for a in answers if a.status == "answered"]
    shape = given[0].shape if given else ()
    none = np.full(shape, np.nan)
    labels = [np.asarray(a.label) if a.status == "answered" else none for a in answers]
    if any(label.dtype.kind in "OUS" for label in given):
        # NumPy would spell the NaN beside text as a label.
        return np.array([label.item() for label in labels], dtype=object)
    return np.array(labels)


def _answer(position, x, *, func, attempts, timeout, isolation, annotator):
    """Call the function until it answers or attempts run out; in a worker of joblib."""
    start = perf_counter()
    for attempt in range(1, attempts + 1):
        try:
            label = func(x) if timeout is None else isolation.call(func, x, timeout)
        except Exception as error:  # whatever a user's function raises is an answer that failed
            message = f"{type(error).__name__}: {error}"
            if attempts > 1:
                message += f" (attempt {attempt} of {attempts})"
        else:
            status = "declined" if label is None else "answered"
            return Answer(position, label, annotator, perf_counter() - start, status)
    answer = Answer(position, None, annotator, perf_counter() - start)
    return answer.failed(message)
