"""What goes around a ``fit``: checks, tasks of scikit-learn's callbacks, failures, warnings."""

import signal
import sys
import threading
import warnings
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from functools import wraps

from joblib.parallel import get_active_backend
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.parallel import Parallel

from skgal.utils._sklearn import _fit_context

# Messages that `warn_user_once` has shown in the outermost `fit` of the user; None outside of any.
_already_warned = ContextVar("already_warned", default=None)

_LIBRARIES = {
    "contextlib",
    "imblearn",
    "joblib",
    "skgal",
    "sklearn",
    "skorch",
    "threading",
    "torch",
}


def validated_fit(*, prefer_skip_nested_validation):
    """Decorate a `fit`: scikit-learn's `_fit_context`, and one scope for `warn_user_once`."""

    def decorate(fit):
        checked = _fit_context(prefer_skip_nested_validation=prefer_skip_nested_validation)(fit)

        @wraps(fit)
        def wrapped(estimator, *args, **kwargs):
            warned = _already_warned.get()
            token = _already_warned.set(set() if warned is None else warned)
            try:
                return checked(estimator, *args, **kwargs)
            finally:
                _already_warned.reset(token)

        return wrapped

    return decorate


def parallel_in_order(n_jobs):
    """Make joblib return results in order, as they are done where its backend can."""
    backend, _ = get_active_backend()
    return Parallel(
        n_jobs=n_jobs, return_as="generator" if backend.supports_return_generator else "list"
    )


@contextmanager
def subtask(context, name, owner, estimator=None):
    """Run a part of ``owner``'s fit as a task; None as context: no callback sees it.

    Where ``estimator``, which is fitted in it, takes callbacks, the same ones see its tasks below.
    """
    if context is None:
        yield
        return
    task = context.subcontext(task_name=name)
    takes_callbacks = isinstance(estimator, CallbackSupportMixin)
    with task.propagate_callback_context(estimator) if takes_callbacks else nullcontext():
        task.call_on_fit_task_begin(estimator=owner)
        yield
        task.call_on_fit_task_end(estimator=owner)


def restored_on_failure(fit):
    """Leave an estimator as it was before if an error or Ctrl-C ends its ``fit``."""

    @wraps(fit)
    def restoring(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:  # also on Ctrl-C: no fit is left half done
            vars(self).clear()
            vars(self).update(before)
            raise

    return restoring


class _Interrupted(BaseException):
    """What Ctrl-C raises within a fit: skorch swallows a KeyboardInterrupt."""


@contextmanager
def stopped_by_interrupt():
    """Raise KeyboardInterrupt on Ctrl-C even where skorch's ``fit`` swallows it."""
    # A search or an ensemble of nets ends at once, too. What callbacks of skorch raise to stop a
    # training early is left alone.
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # only the main thread gets signals
        return
    interrupts = []

    def interrupt(number, frame):
        try:
            before(number, frame)
        except KeyboardInterrupt as error:
            interrupts.append(error)
            raise _Interrupted from error

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    except _Interrupted:
        if not interrupts:  # of a context around this one
            raise
    finally:
        signal.signal(signal.SIGINT, before)
    if interrupts:
        raise KeyboardInterrupt


def warn_user(message, category):
    """Warn at the innermost line of code outside of libraries."""
    # A fixed `stacklevel` is wrong as soon as a Pipeline or a search is in between.
    level, frame = 1, sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES:
            break
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def warn_user_once(message, category):
    """Warn, but only once in a call of `fit` by the user, however many fits are in it."""
    warned = _already_warned.get()
    if warned is None or message not in warned:
        warn_user(message, category)
    if warned is not None:
        warned.add(message)
