"""What one ``fit`` of a generator gives the nets that it trains."""

from pathlib import Path

from joblib import hash as hash_of

from skgal.engine import TaskReport, TrainingCheckpoint, resolve_device

# Parameters that may change between a killed training and the one that goes on.
_WITHOUT_EFFECT = {"callbacks", "checkpoint", "device", "verbose", "warm_start"}


class Training:
    """Callbacks, checkpoints and the device of one ``fit``, which may train several nets.

    Parameters
    ----------
    generator : estimator
        Whose ``fit`` it is.
    data : tuple
        All that the generator learns from; a checkpoint of other data is refused.
    device : str
        As `skgal.engine.resolve_device` takes it.
    context : sklearn.callback.CallbackContext or None, default=None
        Of that ``fit``, for scikit-learn's callbacks. None: nets are made, but not trained.

    Attributes
    ----------
    watchers : list of skorch callbacks
        Those that watch the game itself.
    """

    def __init__(self, generator, data, device, context=None):
        self.generator = generator
        self.data = data
        self.device = device
        self.context = context
        self.watchers = []

    def arguments(self, part, callbacks=(), n_updates=0):
        """Return what any net is trained with, but its networks and losses.

        Parameters
        ----------
        part : str
            What this net does in the training; names its checkpoint.
        callbacks : iterable of skorch callbacks, default=()
        n_updates : int, default=0
            Updates that the net has made in an earlier ``fit``.

        Returns
        -------
        dict
        """
        return {
            "max_iter": self.generator.max_iter,
            "lr": self.generator.learning_rate,
            "optimizer__betas": (0.5, 0.9),
            "optimizer__fused": True,
            "checkpoint": self._make_checkpoint(part, n_updates),
            "callbacks": [*callbacks, TaskReport(self.context, self.generator)],
            "device": resolve_device(self.device),
            "verbose": int(self.generator.verbose),
        }

    def _make_checkpoint(self, part, n_updates):
        folder = self.generator.checkpoint
        if folder is None:
            return None
        asked = {
            name: repr(value)
            for name, value in self.generator.get_params(deep=False).items()
            if name not in _WITHOUT_EFFECT
        }
        asked["data"] = hash_of(self.data)
        asked["updates before"] = str(n_updates)
        return TrainingCheckpoint(Path(folder) / f"{part}.pt", asked)
