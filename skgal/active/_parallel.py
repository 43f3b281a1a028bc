"""Calls in parallel whose results are taken as they come, and calls that can be killed."""

import threading
from concurrent.futures import BrokenExecutor, wait
from uuid import uuid4

from joblib import Parallel

# The one executor that sends lambdas and functions of __main__ without a guard around the
# script's main part, and that kills whatever its workers have started.
from joblib.externals.loky import ProcessPoolExecutor
from joblib.parallel import get_active_backend

IDLE_SECONDS = 300
"""After how long an idle child ends by itself, where nothing ends it after a batch."""

_executors = {}
_lock = threading.Lock()


def parallel_as_completed(n_jobs, *, prefer=None):
    """Make joblib return results in the order in which they are there.

    Tasks are sent one by one, and none before a worker is free for it, so that after an
    interrupt as little as possible was begun in vain. Backends that can't do this
    (multiprocessing, Ray) return all results at the end.
    """
    backend, _ = get_active_backend(prefer=prefer)
    return Parallel(
        n_jobs=n_jobs,
        prefer=prefer,
        batch_size=1,
        pre_dispatch="n_jobs",
        return_as="generator_unordered" if backend.supports_return_generator else "list",
    )


class Isolation:
    """Child processes for the calls of one batch, one child for each thread that calls.

    A thread can't be killed, a process can. A child is started by a thread's first call and used
    again until a call overruns its time. In another process, a worker of joblib, a copy of this
    starts children of that process.

    Examples
    --------
    >>> from skgal.active._parallel import Isolation
    >>> with Isolation() as isolation:
    ...     isolation.call(abs, -3, timeout=60.0)
    3
    """

    def __init__(self):
        self.token = uuid4().hex

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for key in [key for key in _executors.copy() if key[0] == self.token]:
            _kill(key)

    def call(self, func, argument, timeout):
        """Call a function; after ``timeout`` seconds kill it, with all it started: TimeoutError.

        The start of the child, and of the imports that func needs, don't count.
        """
        key = (self.token, threading.get_ident())
        executor = _executors.get(key) or self._start(key, func)
        future = executor.submit(func, argument)
        try:
            if wait([future], timeout).not_done:
                raise TimeoutError(f"no answer within {timeout:g} s")
        except BaseException:  # a Ctrl-C as well: the child is not to outlive the wait for it
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
