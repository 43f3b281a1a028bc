"""Calls in a process of their own, which can be killed: a thread can't be, nor can one's own."""

import threading
from concurrent.futures import BrokenExecutor, wait
from uuid import uuid4

# The one executor that sends lambdas and functions of __main__ without a guard around the
# script's main part, and that kills whatever its workers have started.
from joblib.externals.loky import ProcessPoolExecutor

IDLE_SECONDS = 300
"""After how long an idle child ends by itself, in processes that no one cleans up after a batch."""

_executors = {}
_lock = threading.Lock()


class Isolation:
    """Child processes for the calls of one batch, one child for each thread that calls.

    A child is started by a thread's first call and used again until a call overruns its
    time. In another process, a worker of joblib, a copy of this starts children of that process.

    Examples
    --------
    >>> from skgal.active._isolated import Isolation
    >>> with Isolation() as isolation:
    ...     isolation.call(abs, -3, timeout=60.0)
    3
    """

    def __init__(self):
        self.token = uuid4().hex

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        """Kill the children that this process has started."""
        for key in [key for key in _executors.copy() if key[0] == self.token]:
            _kill(key)

    def call(self, func, argument, timeout):
        """Call a function and give up on it after a while.

        Parameters
        ----------
        func : callable
        argument : object
        timeout : float
            Seconds; the start of the child, and of the imports that func needs, don't count.

        Returns
        -------
        What ``func(argument)`` returns.

        Raises
        ------
        TimeoutError
            If it took longer; it has been killed then, and all processes it started.
        Exception
            What ``func`` raises, or that it took its process down with it.
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
