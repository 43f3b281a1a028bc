"""Tasks of a fit that scikit-learn's callbacks see, and their results as they come."""

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
    """Run a part of a fit as a task of scikit-learn's callbacks.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext or None
        The task that it is a part of; None: no callback sees it.
    name : str
        Its name for callbacks.
    owner : estimator
        Whose fit it is.
    estimator : estimator or None, default=None
        What is fitted in it: if it takes callbacks, the same ones see the tasks of that fit, too,
        below this one.
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
