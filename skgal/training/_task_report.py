"""Telling scikit-learn's callbacks, such as its ProgressBar, how far a training is."""

from skorch.callbacks import Callback


class TaskReport(Callback):
    """Report each epoch of a net's training as a task of its estimator.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the estimator's ``fit``.
    estimator : estimator
        The one being fitted.
    """

    def __init__(self, context, estimator):
        self.context = context
        self.estimator = estimator
        self._task = None

    def on_epoch_begin(self, net, **kwargs):
        """Report that a task begins."""
        self._task = self.context.subcontext(task_name="epoch")
        self._task.call_on_fit_task_begin(estimator=self.estimator)

    def on_epoch_end(self, net, **kwargs):
        """Report that it ends; stop if a callback wants to."""
        if self._task.call_on_fit_task_end(estimator=self.estimator):
            raise KeyboardInterrupt  # how skorch's callbacks say that it is enough

    def on_train_end(self, net, **kwargs):
        """Let go of the estimator, which holds the net."""
        self.context = self.estimator = self._task = None
