"""Tasks of a fit that callbacks of scikit-learn hear of, and their results as they come."""

from contextlib import contextmanager, nullcontext

from joblib.parallel import get_active_backend
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.parallel import Parallel


def parallel_in_order(n_jobs):
    """Make joblib return results in order, each as it is done where its backend can."""
    backend, _ = get_active_backend()
    return Parallel(
        n_jobs=n_jobs, return_as="generator" if backend.supports_return_generator else "list"
    )


@contextmanager
def subtask(context, name, owner, estimator=None):
    """Run a part of a fit as a task that callbacks hear of.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        The task that it is a part of; None: nobody hears of it.
    name : str
        What callbacks know it by.
    owner : estimator
        Whose fit it is.
    estimator : estimator or None, default=None
        What is fitted in it: the same callbacks hear of the tasks of that fit, below this one, if
        it takes callbacks.
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
