"""A skorch net whose unit of work is an update of the weights, not a pass over the data."""

from abc import abstractmethod

import torch
from skorch import NeuralNet
from skorch.callbacks import Callback, EpochTimer, PrintLog

from skgal.engine._seeding import torch_generator
from skgal.exceptions import NonFiniteLossError
from skgal.utils import seeded_torch


class UpdateNet(NeuralNet):
    """Base of the nets that train by a number of updates.

    What skorch calls an epoch is here ``updates_per_epoch`` updates: the interval at which
    losses reach the history and callbacks see them. Between two of them nothing waits for
    the device. The data are one tensor on the device; all randomness comes from ``seed``.

    A subclass sets its modules in ``initialize_module`` and its optimizers in
    ``initialize_optimizer``, both called in a seeded context, and implements
    :meth:`start` and :meth:`train_step`.

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
    callbacks : list of skorch callbacks or None, default=None
        A callback that stops skorch, such as ``EarlyStopping``, stops this net as well.
    verbose : int, default=0
        Print a row of losses every epoch if positive.
    device : str, default="cpu"
    **kwargs
        Further skorch parameters, such as ``optimizer__betas``.

    Attributes
    ----------
    rng_ : torch.Generator
        Draws on the device.
    history_ : skorch.history.History
        A row an epoch: mean losses by name, ``updates`` so far, ``dur`` in seconds.
    """

    def __init__(
        self,
        module,
        *,
        max_iter,
        seed,
        optimizer=torch.optim.Adam,
        lr=2e-4,
        updates_per_epoch=50,
        callbacks=None,
        verbose=0,
        device="cpu",
        **kwargs,
    ):
        self.max_iter = max_iter
        self.seed = seed
        self.updates_per_epoch = updates_per_epoch
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
    def start(self, data):
        """Prepare the batches of ``data``, a tensor on the device."""

    @abstractmethod
    def train_step(self):
        """Make one update; return a dict of scalar loss tensors, not yet synchronised."""

    def initialize(self):
        """Make networks, optimizers and generators from the seed."""
        with seeded_torch(self.seed):
            super().initialize()
        self.rng_ = torch_generator(self.seed, self.device)
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
        self.start(data)
        shown = {"dataset_train": data, "dataset_valid": None}
        for first in range(0, self.max_iter, self.updates_per_epoch):
            n_updates = min(self.updates_per_epoch, self.max_iter - first)
            self.notify("on_epoch_begin", **shown)
            self._run_updates(n_updates)
            self.history.record("updates", first + n_updates)
            try:
                self.notify("on_epoch_end", **shown)
            except KeyboardInterrupt:  # how skorch's callbacks say that it is enough
                break
        return self

    def _run_updates(self, n_updates):
        totals = {}
        for _ in range(n_updates):
            self.notify("on_batch_begin", batch=None, training=True)
            step = self.train_step()
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
                f"{name} became {mean} within {len(self.history) * self.updates_per_epoch} "
                "updates; lower learning_rate, or choose another objective or penalty."
            )

    def on_epoch_begin(self, net, **kwargs):
        """Start the history row of the epoch, and the one row that stands for its batches."""
        super().on_epoch_begin(net, **kwargs)
        self.history.new_batch()

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Start no history row: a loss per update would have to be waited for."""

    def apply_gradients(self, module, optimizer, loss):
        """Update one network alone: gradients of the others are not even computed."""
        optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=list(module.parameters()))
        self.notify("on_grad_computed", named_parameters=module.named_parameters(), training=True)
        optimizer.step()

    # Networks are pickled as their weights: parametrised layers don't pickle, and weights
    # trained on a GPU must load without one.

    def __getstate__(self):
        state = self.__dict__.copy()
        if not self.initialized_:
            return state
        parts = {}
        for name in (*self._modules, *self._optimizers):
            if (part := state.pop(name + "_", None)) is not None:
                parts[name + "_"] = _on_cpu(part.state_dict())
        state["rng_"] = self.rng_.get_state()
        state["parts"] = parts
        return state

    def __setstate__(self, state):
        parts = state.pop("parts", None)
        self.__dict__.update(state)
        if parts is None:
            return
        self.device = self._check_device(self.device, _available(self.device))
        rng_state = self.rng_
        history, verbose = self.history_, self.verbose
        self.history_, self.verbose = None, 0
        self.initialize()
        self.history_, self.verbose = history, verbose
        for name, part in parts.items():
            getattr(self, name).load_state_dict(part)
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
