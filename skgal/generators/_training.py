"""What one ``fit`` of a generator gives the nets that it trains."""

import re
from pathlib import Path

import numpy as np
from joblib import hash as hash_of

from skgal.nn import resolve_device
from skgal.training import TaskReport, TrainingCheckpoint

# Parameters that may change between a killed training and the one that goes on.
_WITHOUT_EFFECT = {"callbacks", "checkpoint", "device", "verbose", "warm_start"}
# Where an object or function was in the memory of the process that was killed.
_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


class Training:
    """Callbacks, checkpoints and the device of one ``fit``, which may train several nets.

    Parameters
    ----------
    generator : estimator
        Whose ``fit`` it is.
    data : tuple
        All that the generator learns from; a checkpoint of other data is refused.
    device : str
        As `skgal.nn.resolve_device` takes it.
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
        # At once: a RandomState moves on as the training draws seeds from it.
        self._asked = None if generator.checkpoint is None else _describe(generator, data)

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
            "precision": self.generator.precision,
            "verbose": int(self.generator.verbose),
        }

    def _make_checkpoint(self, part, n_updates):
        if self._asked is None:
            return None
        asked = {**self._asked, "updates before": str(n_updates)}
        return TrainingCheckpoint(Path(self.generator.checkpoint) / f"{part}.pt", asked)


def renew(net, arguments):
    """Have a net that was trained before train on as another ``fit`` asks.

    Parameters
    ----------
    net : UpdateNet
    arguments : dict
        As :meth:`Training.arguments` returns them.
    """
    for name in ("max_iter", "callbacks", "checkpoint"):
        setattr(net, name, arguments[name])
    net.initialize_callbacks()


def _describe(generator, data):
    """Say what a training was asked for, in words that another process would use as well."""
    params = generator.get_params(deep=False)
    asked = {
        name: _in_words(value) for name, value in params.items() if name not in _WITHOUT_EFFECT
    }
    return {"generator": type(generator).__name__, **asked, "data": hash_of(data)}


def _in_words(value):
    if isinstance(value, np.random.RandomState):
        return f"a RandomState in the state {hash_of(value.get_state())}"
    return _ADDRESS.sub("", repr(value))
