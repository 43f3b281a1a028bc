"""A skorch net whose unit of work is an update of the weights, not a pass over the data."""

from abc import abstractmethod

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PrintLog

from skgal.exceptions import NonFiniteLossError
from skgal.nn import torch_generator
from skgal.training._acceleration import prepare_network, run_in
from skgal.utils import seeded_torch


class UpdateNet(NeuralNet):
    """Base of the nets that train by a number of updates.

    What skorch calls an epoch is here ``updates_per_epoch`` updates: the interval at which
    losses reach the history and callbacks see them. Between two of them nothing waits for
    the device. The data are one tensor on the device; all randomness comes from ``seed``.

    A subclass sets its modules in ``initialize_module`` and its optimizers in
    ``initialize_optimizer``, both called in a seeded context, and implements
    :meth:`start` and :meth:`train_step`. Networks that a step calls through :meth:`run` compute in
    the net's precision; losses, penalties, gradients and averages are float32 in any.

    Parameters
    ----------
    module : callable
        Makes the main network; called without arguments.
    max_iter : int
        Number of updates.
    seed : int
        Decides initial weights, batches and latent points.
    optimizer : class, default=torch.optim.Adam
    lr : float, default=2e-4
    updates_per_epoch : int, default=50
    precision : {"float32", "bfloat16"}, default="float32"
        What networks compute in while they are trained. Weights are float32, always.
    checkpoint : TrainingCheckpoint or None, default=None
        Where the training goes on from, and leaves its state after epochs.
    callbacks : list of skorch callbacks or None, default=None
        A callback with a state that must survive a checkpoint has ``state_dict()`` and
        ``load_state_dict(state)``. One that stops skorch, such as ``EarlyStopping``, stops this
        net as well.
    verbose : int, default=0
        Print a row of losses every epoch if positive.
    device : str, default="cpu"
    **kwargs
        Further skorch parameters, such as ``optimizer__betas``.

    Attributes
    ----------
    n_updates_ : int
        Updates made since the networks were new.
    rng_ : torch.Generator
        Draws on the device.
    history_ : skorch.history.History
        A row an epoch: mean losses by name, ``updates`` so far, ``dur`` in seconds.
    """

    #: Attributes made by :meth:`start` that change with the updates, and have a ``state_dict``.
    stateful = ()

    def __init__(
        self,
        module,
        *,
        max_iter,
        seed,
        optimizer=torch.optim.Adam,
        lr=2e-4,
        updates_per_epoch=50,
        precision="float32",
        checkpoint=None,
        callbacks=None,
        verbose=0,
        device="cpu",
        **kwargs,
    ):
        self.max_iter = max_iter
        self.seed = seed
        self.updates_per_epoch = updates_per_epoch
        self.precision = precision
        self.checkpoint = checkpoint
        super().__init__(
            module,
            criterion=None,
            optimizer=optimizer,
            lr=lr,
            train_split=None,
            callbacks=callbacks,
            verbose=verbose,
            device=device,
            **kwargs,
        )

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer()), ("print_log", PrintLog())]

    @abstractmethod
    def start(self, data, labels=None):
        """Prepare the batches of ``data``, and of its labels, tensors on the device."""

    @abstractmethod
    def train_step(self):
        """Make one update; return a dict of scalar loss tensors, not yet synchronised."""

    def initialize(self):
        """Make networks, optimizers and generators from the seed."""
        with seeded_torch(self.seed):
            super().initialize()
        for name in self._modules:
            prepare_network(getattr(self, name + "_"), self.precision)
        self.rng_ = torch_generator(self.seed, self.device)
        self.n_updates_ = 0
        return self

    def initialize_criterion(self):
        """Do nothing: the loss belongs to the step, not to a criterion."""
        return self

    def initialize_callbacks(self):
        """Make the callbacks, once they are seen to be such."""
        for callback in self.callbacks or ():
            instance = callback[1] if isinstance(callback, tuple) else callback
            cls = instance if isinstance(instance, type) else type(instance)
            if not issubclass(cls, Callback):
                raise TypeError(
                    "callbacks must be skorch callbacks (skorch.callbacks.Callback), got "
                    f"{callback!r}."
                )
        return super().initialize_callbacks()

    def make_optimizer(self, module):
        """Make an optimizer for one network's weights."""
        args, kwargs = self.get_params_for_optimizer("optimizer", module.named_parameters())
        return self.optimizer(*args, **kwargs)

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train on; an interrupt by the user is not swallowed, as skorch would."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        self.fit_loop(X, y)
        self.notify("on_train_end", X=X, y=y)
        return self

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Make ``max_iter`` updates, in epochs of ``updates_per_epoch``."""
        data = torch.as_tensor(X).to(self.device)
        self.start(data, None if y is None else torch.as_tensor(y).to(self.device))
        shown = {"dataset_train": data, "dataset_valid": None}
        last = self.n_updates_ + self.max_iter
        is_enough = self._resume()
        while self.n_updates_ < last and not is_enough:
            self.notify("on_epoch_begin", **shown)
            self._run_updates(min(self.updates_per_epoch, last - self.n_updates_))
            self.history.record("updates", self.n_updates_)
            try:
                self.notify("on_epoch_end", **shown)
            except KeyboardInterrupt:  # how skorch's callbacks say that it is enough
                is_enough = True
            self._save(is_last=is_enough or self.n_updates_ == last, is_enough=is_enough)
        return self

    def _run_updates(self, n_updates):
        totals = {}
        for _ in range(n_updates):
            self.notify("on_batch_begin", batch=None, training=True)
            step = self.train_step()
            self.n_updates_ += 1
            for name, loss in step.items():
                totals[name] = totals[name] + loss if name in totals else loss
            self.notify("on_batch_end", batch=None, training=True, **step)
        for name, total in totals.items():
            mean = float(total) / n_updates
            self.history.record(name, mean)
            self.history.record_batch(name, mean)
            self._check_finite(name, mean)

    def _check_finite(self, name, mean):
        if not abs(mean) < float("inf"):
            raise NonFiniteLossError(
                f"{name} became {mean} within {self.n_updates_} updates; lower learning_rate, or "
                "choose another objective or penalty."
            )

    def on_epoch_begin(self, net, **kwargs):
        """Start the history row of the epoch, and the one row that stands for its batches."""
        super().on_epoch_begin(net, **kwargs)
        self.history.new_batch()

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Start no history row: a loss per update would have to be waited for."""

    def run(self, function, *inputs):
        """Apply a network, or one of its methods, in the net's precision; return float32."""
        return run_in(self.precision, function, *inputs)

    def apply_gradients(self, module, optimizer, loss):
        """Update one network alone: gradients of the others are not even computed."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(module.parameters()))
        self.notify("on_grad_computed", named_parameters=module.named_parameters(), training=True)
        optimizer.step()

    def _save(self, *, is_last, is_enough):
        if self.checkpoint is None:
            return
        state = {
            "parts": self._parts(),
            "stateful": {name: getattr(self, name).state_dict() for name in self.stateful},
            "callbacks": {name: keeper.state_dict() for name, keeper in self._keepers()},
            "rng": self.rng_.get_state(),
            "n_updates": self.n_updates_,
            "history": list(self.history),
            "is_enough": is_enough,
        }
        self.checkpoint.save(_on_cpu(state), is_last=is_last)

    def _resume(self):
        """Go on from the checkpoint, if there is one; tell whether a callback had stopped it."""
        state = None if self.checkpoint is None else self.checkpoint.load()
        if state is None:
            return False
        self._load_parts(state["parts"])
        for name in self.stateful:
            getattr(self, name).load_state_dict(state["stateful"][name])
        for name, keeper in self._keepers():
            keeper.load_state_dict(state["callbacks"][name])
        self.rng_.set_state(state["rng"])
        self.n_updates_ = state["n_updates"]
        self.history[:] = state["history"]
        return state["is_enough"]

    def _keepers(self):
        """Callbacks that have a state to keep, and say so as modules and optimizers do."""
        return [(name, cb) for name, cb in self.callbacks_ if hasattr(cb, "load_state_dict")]

    def weights(self):
        """Return the tensors of all networks, by the names of network and tensor."""
        return {
            f"{name}/{key}": tensor
            for name in self._modules
            for key, tensor in getattr(self, name + "_").state_dict().items()
        }

    def load_weights(self, weights):
        """Make the networks with tensors that `weights` returned, ready for use."""
        self.initialize()
        for name in self._modules:
            start = name + "/"
            part = {k.removeprefix(start): w for k, w in weights.items() if k.startswith(start)}
            getattr(self, name + "_").load_state_dict(part)
            getattr(self, name + "_").eval()
        return self

    def _parts(self):
        """Return the states of networks and optimizers."""
        names = (name + "_" for name in (*self._modules, *self._optimizers))
        return {name: getattr(self, name).state_dict() for name in names if hasattr(self, name)}

    def _load_parts(self, parts):
        for name, part in parts.items():
            getattr(self, name).load_state_dict(part)

    # Networks are pickled as their weights: parametrised layers don't pickle, and weights
    # trained on a GPU must load without one.

    def __getstate__(self):
        state = self.__dict__.copy()
        state["checkpoint"] = None  # the file stays with the training
        if not self.initialized_:
            return state
        parts = self._parts()
        for name in parts:
            del state[name]
        state["rng_"] = self.rng_.get_state()
        state["parts"] = _on_cpu(parts)
        return state

    def __setstate__(self, state):
        parts = state.pop("parts", None)
        self.__dict__.update(state)
        if parts is None:
            return
        self.device = self._check_device(self.device, _available(self.device))
        rng_state, n_updates = self.rng_, self.n_updates_
        history, verbose = self.history_, self.verbose
        self.history_, self.verbose = None, 0
        self.initialize()
        self.history_, self.verbose, self.n_updates_ = history, verbose, n_updates
        self._load_parts(parts)
        for name in self._modules:
            getattr(self, name + "_").eval()
        if rng_state.shape == self.rng_.get_state().shape:  # else another kind of device
            self.rng_.set_state(rng_state)


def _on_cpu(value):
    """Copy every tensor of a nested state to the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_on_cpu(item) for item in value]
    return value


def _available(device):
    is_missing_gpu = torch.device(device).type == "cuda" and not torch.cuda.is_available()
    return "cpu" if is_missing_gpu else device
