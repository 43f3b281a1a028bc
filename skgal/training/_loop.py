"""Games, which say what is trained, and the loop that trains any of them, a skorch net."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import copy, deepcopy
from itertools import chain
from traceback import walk_tb
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats
from skorch import NeuralNet
from skorch.callbacks import Callback, EarlyStopping, EpochTimer, PrintLog
from skorch.dataset import Dataset
from skorch.utils import to_tensor
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm  # what all batch normalisations inherit from
from torch.nn.utils.parametrize import ParametrizationList
from torch.optim.swa_utils import get_ema_multi_avg_fn, update_bn

from skgal.base import DocumentedMixin
from skgal.exceptions import NonFiniteLossError
from skgal.nn import set_rng, torch_defaults, torch_generator
from skgal.utils import seeded_torch

#: What networks may compute in while they are trained; None is without autocast.
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


class Batch(NamedTuple):
    """What one loss is computed on; a game fills in what its losses read.

    One class for all games, so that losses, penalties and callbacks of your own fit any of
    them.

    Parameters
    ----------
    real : torch.Tensor of shape (n, ...) or None
        Training samples, augmented where the game augments.
    labels : torch.Tensor of shape (n,), dtype int64, or None
        Their classes.
    fake : torch.Tensor of shape (n, ...) or None
        Generated samples; with a gradient in the batches of the generator.
    fake_labels : torch.Tensor of shape (n,), dtype int64, or None
        The classes that they were generated of.
    latent : torch.Tensor of shape (n, latent_dim) or None
        What they were generated from.
    rng : torch.Generator or None
        For losses that draw, as penalties do.
    step : int, default=0
        How many steps this part of the game has made before, as the loop computes it: the updates
        made, times the turns that the part has in this one. Exact where all updates have the same
        turns.

    See Also
    --------
    Game : Fills it.
    TrainingData : Draws its samples.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import Batch
    >>> batch = Batch(real=torch.ones(4, 2), fake=torch.zeros(4, 2))
    >>> (batch.real - batch.fake).mean().item()
    1.0
    >>> batch.labels is None
    True
    """

    real: Any = None
    labels: Any = None
    fake: Any = None
    fake_labels: Any = None
    latent: Any = None
    rng: Any = None
    step: int = 0


class Part(NamedTuple):
    """A part of a game: what is trained, on which batches, by which loss.

    The loop trains the parts of a game one after the other, in the order of :meth:`Game.turns`.

    Parameters
    ----------
    network : torch.nn.Module
        Whose weights the part trains.
    make_batch : callable ``f(data, previous) -> Batch``
        Draws a :class:`Batch` from :class:`TrainingData`; ``previous`` is the batch of the turn
        before, None in the first of an update.
    loss : callable ``f(batch) -> torch.Tensor``
        A scalar, to be minimised.

    See Also
    --------
    Game : Lists its parts.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import ReconstructionGame
    >>> game = ReconstructionGame(lambda: torch.nn.Linear(3, 1), lambda: torch.nn.Linear(1, 3))
    >>> part = game.parts()["reconstruction"]
    >>> len(list(part.network.parameters())), part.loss.__name__
    (4, 'reconstruction_loss')
    """

    network: nn.Module
    make_batch: Callable
    loss: Callable


class Game(nn.Module, ABC):
    """Base of what is trained: networks, batches and losses.

    One update of :class:`GameNet` takes the :meth:`turns` of the game in order. At the turn of a
    part it makes a batch, computes the loss, and steps against its gradient with the weights of
    the part's network. An adversarial game has two parts, critic and generator; the training of an
    autoencoder has one.

    A game keeps no state between turns but that of its networks. A subclass makes its networks in
    ``__init__``, which runs in a seeded context, and passes to :meth:`run` what should be
    computed in the precision of the training.

    Attributes
    ----------
    averaged : tuple of str
        The networks of whose weights a moving average is taken, if the training takes one. A class
        attribute.
    precision : {"float32", "bfloat16"}
        Set by the training.

    See Also
    --------
    GameNet : Trains it.
    Part : What it is made of.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import Game, GameNet, Part
    >>> class Mean(Game):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.mean = torch.nn.Linear(1, 2, bias=False)
    ...
    ...     def parts(self):
    ...         return {"mean": Part(self.mean, self.mean_batch, self.mean_loss)}
    ...
    ...     def mean_batch(self, data, previous):
    ...         return data.batch(real=data.next()[0])
    ...
    ...     def mean_loss(self, batch):
    ...         return (batch.real - self.mean.weight[:, 0]).square().mean()
    ...
    ...     def forward(self, samples):
    ...         return self.mean.weight[:, 0].expand(len(samples), -1)
    >>> samples = torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    >>> net = GameNet(Mean, max_iter=200, lr=0.1, seed=0).fit(samples)
    >>> net.predict(samples[:1]).round(2)
    array([[1., 2.]], dtype=float32)
    """

    averaged = ()
    precision = "float32"

    @abstractmethod
    def parts(self):
        """Return the parts of the game by name, a dict of str to :class:`Part`."""

    def turns(self, n_updates):
        """Return the names of the parts in the order of their turns in one update.

        Parameters
        ----------
        n_updates : int
            Updates made before.

        Returns
        -------
        sequence of str
            Names of turns, in order.
        """
        return tuple(self.parts())

    def make_data(self, X, y, *, batch_size, rng, device):
        """Return what the batches are drawn from; called once in each training."""
        labels = None if y is None else torch.as_tensor(y).to(device)
        return TrainingData(torch.as_tensor(X).to(device), labels, batch_size, rng)

    def after_step(self, turn):
        """Do what follows a step of the optimizer; nothing here."""

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw what an averaged network takes, a tuple of tensors, a batch by default."""
        raise NotImplementedError(f"{type(self).__name__} must implement draw_inputs.")

    def stateful(self):
        """Return what else has a state to be kept in checkpoints, by name; nothing here."""
        return {}

    def run(self, function, *inputs):
        """Apply a network, or one of its methods, in the training's precision; return float32."""
        dtype = PRECISIONS[self.precision]
        if dtype is None:
            return function(*inputs)
        # One context for each call, not for a whole step: autocast caches its copies of the weights
        # until the context ends, which would miss the optimizer's step.
        with torch.autocast(inputs[0].device.type, dtype=dtype):
            outputs = function(*inputs)
        if isinstance(outputs, torch.Tensor):
            return outputs.float()
        return type(outputs)(output.float() for output in outputs)


class TrainingData:
    """Samples that stay on the device, and an endless stream of shuffled batches of them.

    The rows are visited in a random order, each once before any comes twice; a batch that
    crosses the end of one pass takes its last rows from the next, so all batches are full.

    Parameters
    ----------
    samples : torch.Tensor of shape (n_samples, ...)
        The samples.
    labels : torch.Tensor of shape (n_samples,), dtype int64, or None
        Their classes.
    batch_size : int
        At most n_samples rows make a batch.
    rng : torch.Generator
        On the device of ``samples``, to avoid transfers. All draws of a training are from it.

    See Also
    --------
    Batch : What is made of a batch.
    GameNet : Trains on them.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_generator
    >>> from skgal.training import TrainingData
    >>> data = TrainingData(torch.arange(4), None, batch_size=2, rng=torch_generator(0))
    >>> sorted(torch.cat([data.samples[data.next_rows()] for _ in range(2)]).tolist())
    [0, 1, 2, 3]
    """

    def __init__(self, samples, labels, batch_size, rng):
        self.samples = samples
        self.labels = labels
        self.batch_size = min(batch_size, len(samples))
        self.rng = rng
        self._order = torch.empty(0, dtype=torch.long, device=rng.device)
        self._by_class = None

    def next_rows(self):
        """Return the rows of the next batch, shape (batch_size,)."""
        if len(self._order) < self.batch_size:
            fresh = torch.randperm(len(self.samples), generator=self.rng, device=self.rng.device)
            self._order = torch.cat([self._order, fresh])
        rows, self._order = self._order.split([self.batch_size, len(self._order) - self.batch_size])
        return rows

    def next(self):
        """Return the samples of the next batch and their classes, None where there are none."""
        rows = self.next_rows()
        return self.samples[rows], None if self.labels is None else self.labels[rows]

    def batch(self, **fields):
        """Make a batch whose losses draw as the data do."""
        return Batch(rng=self.rng, **fields)

    def draw_labels(self, n_samples):
        """Draw classes with their frequencies in the data, shape (n_samples,)."""
        device = self.labels.device
        rows = torch.randint(len(self.labels), (n_samples,), generator=self.rng, device=device)
        return self.labels[rows]

    def draw_by_deficit(self, n_samples, n_classes):
        """Draw classes, each in proportion to its deficit to the most frequent one."""
        shares = self._classes(n_classes).deficit
        return torch.multinomial(shares, n_samples, replacement=True, generator=self.rng)

    def draw_minority_classes(self, n_samples, n_classes):
        """Draw the classes that are rarer than the most frequent, all with the same probability."""
        shares = (self._classes(n_classes).deficit > 0).float()
        return torch.multinomial(shares, n_samples, replacement=True, generator=self.rng)

    def draw_samples_of(self, labels, n_classes):
        """Draw one sample for each class given."""
        classes = self._classes(n_classes)
        counts = classes.counts[labels]
        position = torch.rand(
            len(labels), generator=self.rng, device=labels.device, dtype=torch.float64
        )
        steps = (position * counts).long().minimum(counts - 1)
        return self.samples[classes.rows[classes.first[labels] + steps]]

    def _classes(self, n_classes):
        if self._by_class is None:
            counts = torch.bincount(self.labels, minlength=n_classes)
            deficit = torch.where(counts > 0, counts.max() - counts, 0)
            # If all classes are equally frequent, each is drawn equally often.
            deficit = torch.where(deficit.any(), deficit, counts).float()
            rows = self.labels.argsort(stable=True)
            self._by_class = _Classes(counts, deficit, rows, counts.cumsum(0) - counts)
        return self._by_class

    def fork(self, seed):
        """Return the same data with another generator, so that the draws of the training stay."""
        other = copy(self)
        other.rng = torch_generator(seed, self.rng.device)
        return other

    def state_dict(self):
        """Return the state that decides all further draws."""
        return {"order": self._order.cpu(), "rng": self.rng.get_state()}

    def load_state_dict(self, state):
        """Restore the state that `state_dict` returned."""
        self._order = state["order"].to(self.rng.device)
        self.rng.set_state(state["rng"])


class _Classes(NamedTuple):
    """Counts of classes, their deficits to the most frequent, and rows sorted by class."""

    counts: torch.Tensor
    deficit: torch.Tensor
    rows: torch.Tensor
    first: torch.Tensor


def _draw_uniform(shape, rng):
    return torch.rand(shape, generator=rng, device=rng.device, dtype=torch.float32).mul_(2).sub_(1)


def _draw_normal(shape, rng):
    return torch.randn(shape, generator=rng, device=rng.device, dtype=torch.float32)


_LATENTS = {
    "uniform": (_draw_uniform, stats.uniform(-1, 2)),
    "normal": (_draw_normal, stats.norm()),
}


def draw_latent(name, n_samples, latent_dim, rng):
    """Draw latent points on the device of ``rng``.

    The same distribution that :func:`latent_distribution` describes to strategies.

    Parameters
    ----------
    name : {"uniform", "normal"}
        Uniform on [-1, 1], or standard normal, independently in each coordinate.
    n_samples, latent_dim : int
        How many points, and of how many coordinates.
    rng : torch.Generator
        The source, on the device wanted.

    Returns
    -------
    torch.Tensor of shape (n_samples, latent_dim), dtype float32
        The latent points.

    See Also
    --------
    latent_distribution : What is drawn from.

    Examples
    --------
    >>> from skgal.nn import torch_generator
    >>> from skgal.training import draw_latent
    >>> draw_latent("uniform", 3, 2, torch_generator(0)).shape
    torch.Size([3, 2])
    """
    return _LATENTS[name][0]((n_samples, latent_dim), rng)


def latent_distribution(name):
    """Return the distribution of one latent coordinate.

    By its quantile function an even design of the unit cube becomes one of the latent space.

    Parameters
    ----------
    name : {"uniform", "normal"}

    Returns
    -------
    frozen distribution of scipy.stats
        With ``support()``, ``ppf`` and ``rvs``.

    See Also
    --------
    draw_latent : Draws from it.

    Examples
    --------
    >>> from skgal.training import latent_distribution
    >>> [float(bound) for bound in latent_distribution("uniform").support()]
    [-1.0, 1.0]
    """
    return _LATENTS[name][1]


# How many batches of inputs settle the batch-norm statistics of an averaged network.
_STATISTICS_BATCHES = 20


class StopTraining(Exception):  # noqa: N818, a signal and no error
    """Raised by a callback of a :class:`GameNet`, at the end of an epoch, to end the training.

    skorch's callbacks raise ``KeyboardInterrupt`` for this; that of ``EarlyStopping`` also ends the
    training. Any other ``KeyboardInterrupt`` is the user's, and ends ``fit`` by that error.

    See Also
    --------
    GameNet : Which stops.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skorch.callbacks import Callback
    >>> from skgal.generators import GAN
    >>> from skgal.training import StopTraining
    >>> class StopSoon(Callback):
    ...     def on_epoch_end(self, net, **kwargs):
    ...         raise StopTraining
    >>> X = load_iris().data
    >>> GAN(max_iter=1000, callbacks=[StopSoon()], random_state=0).fit(X).n_iter_
    50
    """


class GameNet(DocumentedMixin, NeuralNet):
    """Train a :class:`Game`, whatever its networks and losses.

    What skorch calls an epoch is here ``updates_per_epoch`` updates: the interval at which
    losses reach the history and callbacks see them. Between two of them nothing waits for
    the device. The data are one tensor on the device; all randomness comes from ``seed``.

    There is one optimizer, with a parameter group for each part of the game, so skorch's callbacks
    (``LRScheduler``, ``GradientNormClipping``, ``EarlyStopping``, ``ProgressBar`` and others)
    work as with any net. ``EpochScoring`` needs ``on_train=True, use_caching=False``.

    Parameters
    ----------
    module : class or callable
        The game; made with what is given as ``module__name``.
    max_iter : int
        Number of updates.
    seed : int
        Decides initial weights, batches and latent points.
    batch_size : int, default=64
        Samples a batch.
    optimizer : class, default=torch.optim.Adam
        One of :mod:`torch.optim`.
    lr : float, default=2e-4
        Step size.
    part_lr : dict of str to float or None, default=None
        Other step sizes, by the names of the parts of the game.
    ema_decay : float or None, default=None
        Decay of the moving average of the weights of the networks that the game names in
        ``averaged``. It is smaller in the first updates, so that the initial weights soon have no
        influence. None: no average is taken.
    updates_per_epoch : int, default=50
        Updates between two rows of the history.
    precision : {"float32", "bfloat16"}, default="float32"
        What networks compute in while they are trained. Weights, losses, penalties, gradients and
        averages are float32, always.
    checkpoint : TrainingCheckpoint or None, default=None
        Where the training goes on from, and leaves its state after epochs.
    callbacks : list of skorch callbacks or None, default=None
        A checkpoint keeps what skorch callbacks have in attributes ending in ``_`` if it is
        plain (numbers, strings, tensors) or has ``state_dict()`` and ``load_state_dict(state)``,
        and the state of a callback that has these two itself.
    verbose : int, default=0
        Print a row of losses every epoch if positive.
    device : str, default="cpu"
        Where the networks and the data are.
    **kwargs
        Further skorch parameters, such as ``optimizer__betas`` and ``module__critic_iter``.

    Attributes
    ----------
    module_ : Game
        With the weights as they are trained.
    trained_ : Game
        The same with averaged networks where there are such: what to use once trained.
    n_updates_ : int
        Updates made since the networks were new.
    history_ : skorch.history.History
        A row an epoch: mean losses by name, ``updates`` so far, ``dur`` in seconds.

    See Also
    --------
    Game : What is trained.
    TrainingCheckpoint : Resumes it.

    Examples
    --------
    >>> import torch
    >>> from skgal.training import GameNet, ReconstructionGame
    >>> net = GameNet(
    ...     ReconstructionGame,
    ...     module__encoder=lambda: torch.nn.Linear(3, 1),
    ...     module__decoder=lambda: torch.nn.Linear(1, 3),
    ...     max_iter=100,
    ...     lr=0.1,
    ...     seed=0,
    ... )
    >>> line = torch.linspace(-1, 1, 20)[:, None] * torch.ones(3)
    >>> net.fit(line).history[-1, "reconstruction_loss"] < 1e-3
    True
    >>> net.predict(line).shape
    (20, 3)
    """

    def __init__(
        self,
        module,
        *,
        max_iter,
        seed,
        criterion=None,
        optimizer=torch.optim.Adam,
        lr=2e-4,
        part_lr=None,
        batch_size=64,
        ema_decay=None,
        updates_per_epoch=50,
        precision="float32",
        checkpoint=None,
        train_split=None,
        callbacks=None,
        verbose=0,
        device="cpu",
        **kwargs,
    ):
        self.max_iter = max_iter
        self.seed = seed
        self.part_lr = part_lr
        self.ema_decay = ema_decay
        self.updates_per_epoch = updates_per_epoch
        self.precision = precision
        self.checkpoint = checkpoint
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            batch_size=batch_size,
            train_split=train_split,
            callbacks=callbacks,
            verbose=verbose,
            device=device,
            **kwargs,
        )

    @property
    def _default_callbacks(self):
        return [("epoch_timer", EpochTimer()), ("print_log", PrintLog())]

    @torch_defaults()
    def initialize(self):
        """Make the game, its optimizer and the source of randomness from the seed."""
        super().initialize()
        self.rng_ = torch_generator(self.seed, self.device)
        self.n_updates_ = 0
        return self

    def initialize_module(self):
        """Make the game, and networks for the averages."""
        with seeded_torch(self.seed):
            self.module_ = self.module(**self.get_params_for("module"))
        _prepare_precision(self.module_, self.precision)
        self.module_.precision = self.precision
        averaged = {name: self.module_.get_submodule(name) for name in self._averaged(self.module_)}
        self.averages_ = nn.ModuleDict(deepcopy(averaged)).requires_grad_(False)
        return self

    def _averaged(self, game):
        return () if self.ema_decay is None else game.averaged

    def initialize_criterion(self):
        """Do nothing: losses belong to the game."""
        return self

    def initialize_optimizer(self, triggered_directly=None):
        """Make one optimizer, with a parameter group for each part of the game.

        Parameters
        ----------
        triggered_directly : object, default=None
            Not used; skorch passes it no more.

        Returns
        -------
        GameNet
            Itself.
        """
        groups = []
        for name, part in self.module_.parts().items():
            (own,), settings = self.get_params_for_optimizer("optimizer", _trainable(part))
            lr = (self.part_lr or {}).get(name)
            groups += own if lr is None else [{**group, "lr": lr} for group in own]
        self.optimizer_ = self.optimizer(groups, **settings)
        return self

    def initialize_callbacks(self):
        """Check that the callbacks are such, and make them."""
        for callback in self.callbacks or ():
            instance = callback[1] if isinstance(callback, tuple) else callback
            cls = instance if isinstance(instance, type) else type(instance)
            if not issubclass(cls, Callback):
                raise TypeError(
                    "callbacks must be skorch callbacks (skorch.callbacks.Callback), got "
                    f"{callback!r}."
                )
        return super().initialize_callbacks()

    @property
    def trained_(self):
        """The game as it is to be used: with averaged networks, where there are such."""
        game = copy(self.module_)
        game.__dict__["_modules"] = {**self.module_._modules, **self.averages_}
        return game

    @torch_defaults()
    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train on; an interrupt by the user is not swallowed, as skorch would.

        Parameters
        ----------
        X : array or tensor of shape (n_samples, ...), or what else the game draws from
            The samples.
        y : array or tensor of shape (n_samples,), dtype int64, default=None
            Their classes, from 0.
        classes : None
            Ignored.
        **fit_params
            Ignored.

        Returns
        -------
        self
            The net, trained on.
        """
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        self.fit_loop(X, y)
        self.notify("on_train_end", X=X, y=y)
        return self

    def fit_loop(self, X, y=None, epochs=None, **fit_params):
        """Make ``max_iter`` updates, in epochs of ``updates_per_epoch``."""
        data = self.module_.make_data(
            X, y, batch_size=self.batch_size, rng=self.rng_, device=self.device
        )
        if self.n_updates_ == 0:
            for name, average in self.averages_.items():
                average.load_state_dict(self.module_.get_submodule(name).state_dict())
        self.module_.train()
        self.averages_.eval()
        for network in (self.module_, self.averages_):
            set_rng(network, self.rng_)
        last = self.n_updates_ + self.max_iter
        is_enough = self._resume(data)
        while self.n_updates_ < last and not is_enough:
            n_updates = min(self.updates_per_epoch, last - self.n_updates_)
            # Its length is the number of samples used, so that ProgressBar counts updates.
            epoch = Dataset(data.samples, data.labels, length=n_updates * self.batch_size)
            shown = {"dataset_train": epoch, "dataset_valid": None}
            self.notify("on_epoch_begin", **shown)
            self.run_single_epoch(data, n_updates)
            is_enough = not self._end_epoch(data=data, **shown)
            is_last = is_enough or self.n_updates_ == last
            self._save(data, is_last=is_last, is_enough=is_enough)
        for name, average in self.averages_.items():
            self._sync_buffers(name, average, data)
        self.module_.eval()
        return self

    def run_single_epoch(self, data, n_updates):
        """Make updates, and record the means of their losses."""
        parts = self.module_.parts()
        weights = {name: _trainable(part) for name, part in parts.items()}
        averaged = [
            (list(average.parameters()), list(self.module_.get_submodule(name).parameters()))
            for name, average in self.averages_.items()
        ]
        totals = {}
        for _ in range(n_updates):
            self.notify("on_batch_begin", batch=None, training=True)
            losses = self.train_step(data, parts, weights)
            self.n_updates_ += 1
            self._average(averaged)
            for name, loss in losses.items():
                totals.setdefault(name, []).append(loss)
            self.notify("on_batch_end", batch=None, y_pred=None, training=True, **losses)
        for name, all_losses in totals.items():
            mean = float(torch.stack(all_losses).mean())
            self.history.record(name, mean)
            self.history.record_batch(name, mean)
            _check_finite(name, mean, self.n_updates_)
        self.history.record("updates", self.n_updates_)

    def train_step(self, data, parts, weights):
        """Make one update, each part of the game at its turns.

        Parameters
        ----------
        data : TrainingData
            What the batches are drawn from.
        parts : dict of str to Part
            The parts of the game.
        weights : dict of str to list of (name, torch.nn.Parameter)
            What each part trains.

        Returns
        -------
        dict of str to torch.Tensor
            The last loss of each part.
        """
        batch, losses = None, {}
        turns = self.module_.turns(self.n_updates_)
        # Not counted one by one: exact where all updates have the same turns (see Batch).
        n_steps = {name: self.n_updates_ * turns.count(name) for name in turns}
        for name in turns:
            part = parts[name]
            batch = part.make_batch(data, batch)._replace(step=n_steps[name])
            loss = part.loss(batch)
            # Only those of this part: other gradients aren't computed.
            self.optimizer_.zero_grad(set_to_none=True)
            loss.backward(inputs=[weight for _, weight in weights[name]])
            self.notify("on_grad_computed", named_parameters=weights[name], training=True)
            self.optimizer_.step()
            self.module_.after_step(name)
            n_steps[name] += 1
            losses[f"{name}_loss"] = loss.detach()
        return losses

    def _average(self, averaged):
        """Move the averaged weights towards the present ones."""
        for average, weights in averaged:
            decay = min(self.ema_decay, (1 + self.n_updates_) / (10 + self.n_updates_))
            get_ema_multi_avg_fn(decay)(average, weights, self.n_updates_)

    def _sync_buffers(self, name, average, data):
        """Give an averaged network its buffers, batch-norm statistics of its own among them."""
        network = self.module_.get_submodule(name)
        for own, source in zip(average.buffers(), network.buffers(), strict=True):
            own.copy_(source)
        if any(isinstance(layer, _BatchNorm) for layer in average.modules()):
            # update_bn passes on the first element of what it is given: here, the inputs.
            draws = (
                [self.module_.draw_inputs(data, network=name)] for _ in range(_STATISTICS_BATCHES)
            )
            update_bn(draws, _Unpacked(average).eval())

    @torch.no_grad()
    def preview(self, data):
        """Return the game as it would be used if the training ended now.

        Parameters
        ----------
        data : TrainingData
            What statistics of averaged networks are taken from; its draws change.

        Returns
        -------
        Game
            Its networks are copies, in evaluation mode.
        """
        game = deepcopy(self.trained_)
        set_rng(game, data.rng)
        for name in self.averages_:
            self._sync_buffers(name, game.get_submodule(name), data)
        return game.eval()

    def infer(self, x, **fit_params):
        """Apply the trained game, as skorch's ``predict`` does."""
        x = to_tensor(x, device=self.device)
        return self.trained_(**x) if isinstance(x, dict) else self.trained_(x)

    def get_iterator(self, dataset, training=False):
        """Return the batches of ``predict``; torch's global generator is not drawn from."""
        iterator = super().get_iterator(dataset, training=training)
        iterator.generator = torch_generator(self.seed)
        return iterator

    def on_epoch_begin(self, net, **kwargs):
        """Start the history row of the epoch, and the one row that stands for its batches."""
        super().on_epoch_begin(net, **kwargs)
        self.history.new_batch()

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Start no history row: a loss per update would make the host wait for the device."""

    def _end_epoch(self, **shown):
        """Notify the callbacks of the epoch; return whether the training goes on."""
        try:
            self.notify("on_epoch_end", **shown)
        except StopTraining:
            return False
        except KeyboardInterrupt as interrupt:
            if not _is_early_stopping(interrupt):
                raise
            return False
        return True

    def _save(self, data, *, is_last, is_enough):
        if self.checkpoint is None:
            return
        state = {
            "states": self._states(),
            "stateful": {name: part.state_dict() for name, part in self.module_.stateful().items()},
            "data": data.state_dict(),
            "callbacks": {name: _state_of(callback) for name, callback in self.callbacks_},
            "n_updates": self.n_updates_,
            "history": list(self.history),
            "is_enough": is_enough,
        }
        self.checkpoint.save(_on_cpu(state), is_last=is_last)

    def _resume(self, data):
        """Restore the checkpoint, if there is one; return whether a callback had stopped it."""
        state = None if self.checkpoint is None else self.checkpoint.load()
        if state is None:
            return False
        self._load_states(state["states"])
        for name, part in self.module_.stateful().items():
            part.load_state_dict(state["stateful"][name])
        data.load_state_dict(state["data"])
        for name, callback in self.callbacks_:
            _restore(callback, state["callbacks"].get(name, {}))
        self.n_updates_ = state["n_updates"]
        self.history[:] = state["history"]
        return state["is_enough"]

    def weights(self):
        """Return the tensors of all networks, by the names of network and tensor."""
        return {
            f"{name}/{key}": tensor
            for name in self._modules
            for key, tensor in getattr(self, name + "_").state_dict().items()
        }

    def load_weights(self, weights):
        """Make the networks with tensors that `weights` returned, ready for use.

        Parameters
        ----------
        weights : dict of str to torch.Tensor
            Tensors by name.

        Returns
        -------
        self
            The net, initialised.

        Raises
        ------
        ValueError
            If names, shapes or dtypes of the tensors are not those of the networks. Nothing is
            allocated before that is known.
        """
        with torch_defaults(), torch.device("meta"):
            game = self.module(**self.get_params_for("module"))
        expected = {
            f"module/{key}": _shape_and_dtype(weight) for key, weight in game.state_dict().items()
        }
        for name in self._averaged(game):
            own = game.get_submodule(name).state_dict().items()
            expected |= {f"averages/{name}.{key}": _shape_and_dtype(weight) for key, weight in own}
        given = {key: _shape_and_dtype(weight) for key, weight in weights.items()}
        wrong = [k for k in expected.keys() | given.keys() if expected.get(k) != given.get(k)]
        if wrong:
            name = min(wrong)
            raise ValueError(
                f"the networks need {len(expected)} tensors, of which {name!r} is "
                f"{expected.get(name, 'not one')}; the file has {given.get(name, 'none of it')}"
            )
        self.initialize()
        for name in self._modules:
            start = name + "/"
            part = {k.removeprefix(start): w for k, w in weights.items() if k.startswith(start)}
            getattr(self, name + "_").load_state_dict(part)
            getattr(self, name + "_").eval()
        return self

    def _states(self):
        """Return the states of networks and optimizers."""
        names = (name + "_" for name in (*self._modules, *self._optimizers))
        return {name: getattr(self, name).state_dict() for name in names if hasattr(self, name)}

    def _load_states(self, states):
        for name, state in states.items():
            # A copy: an optimizer would go on writing to the tensors that it is given.
            getattr(self, name).load_state_dict(deepcopy(state))

    # Networks are pickled as their weights: parametrised layers don't pickle, and weights
    # trained on a GPU must load without one.

    def __getstate__(self):
        state = self.__dict__.copy()
        state["checkpoint"] = None  # a copy doesn't write to the file
        if not self.initialized_:
            return state
        states = self._states()
        for name in states:
            del state[name]
        state["rng_"] = self.rng_.get_state()
        state["states"] = _on_cpu(states)
        state["stateful"] = {
            name: part.state_dict() for name, part in self.module_.stateful().items()
        }
        return state

    @torch_defaults()
    def __setstate__(self, state):
        states, stateful = state.pop("states", None), state.pop("stateful", {})
        self.__dict__.update(state)
        if states is None:
            return
        self.device = self._check_device(self.device, _usable_device(self.device))
        kept = {name: state[name] for name in ("history_", "verbose", "n_updates_")}
        rng_state = state["rng_"]
        kept["history_"] = copy(kept["history_"])
        self.history_, self.verbose = None, 0
        self.initialize()
        self.__dict__.update(kept)
        self._load_states(states)
        for name, part in self.module_.stateful().items():
            part.load_state_dict(stateful[name])
        for name in self._modules:
            getattr(self, name + "_").eval()
        if rng_state.shape == self.rng_.get_state().shape:  # else of another kind of device
            self.rng_.set_state(rng_state)


class TaskReport(Callback):
    """Tell scikit-learn's callbacks, such as its ProgressBar, of each epoch, as a task.

    Every training has one, as a skorch callback; it does nothing where the estimator has no
    callbacks.

    Parameters
    ----------
    context : sklearn.callback.CallbackContext
        Of the estimator's ``fit``.
    estimator : estimator
        The one being fitted.

    See Also
    --------
    GameNet : Which reports.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skgal.generators import GAN
    >>> class Count:
    ...     n_tasks = 0
    ...
    ...     def setup(self, estimator, context):
    ...         pass
    ...
    ...     def teardown(self, estimator, context):
    ...         pass
    ...
    ...     def on_fit_task_begin(self, estimator, context):
    ...         self.n_tasks += 1
    ...
    ...     def on_fit_task_end(self, estimator, context):
    ...         pass
    >>> count = Count()
    >>> gan = GAN(max_iter=100, random_state=0).set_callbacks(count).fit(load_iris().data)
    >>> count.n_tasks  # the fit, and two epochs of 50 updates
    3
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
            raise StopTraining

    def on_train_end(self, net, **kwargs):
        """Drop the reference to the estimator, which holds the net."""
        self.context = self.estimator = self._task = None


class _Unpacked(nn.Module):
    """A network of several arguments as one of a tuple."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, inputs):
        return self.network(*inputs)


def _trainable(part):
    """Return the names and weights that a part trains."""
    return [(name, w) for name, w in part.network.named_parameters() if w.requires_grad]


def _prepare_precision(network, precision):
    """Prepare a new network, in place, to train fast in a precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {list(PRECISIONS)}, got {precision!r}.")
    for module in network.modules():
        # Tensor cores work in this layout, and CPUs are a fifth to a third faster. Layer by layer:
        # buffers of images, such as anchors, are not for convolutions.
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(memory_format=torch.channels_last)
        if isinstance(module, ParametrizationList) and PRECISIONS[precision] is not None:
            _suspend_autocast(module)


def _suspend_autocast(module):
    """Have a module compute in the precision of its weights even within autocast."""
    contexts = []

    def enter(module, inputs):
        originals = chain(module.parameters(), module.buffers())
        contexts.append(torch.autocast(next(originals).device.type, enabled=False))
        contexts[-1].__enter__()

    def leave(module, inputs, output):
        contexts.pop().__exit__(None, None, None)

    module.register_forward_pre_hook(enter)
    module.register_forward_hook(leave, always_call=True)


def _check_finite(name, mean, n_updates):
    if not abs(mean) < float("inf"):
        raise NonFiniteLossError(
            f"{name} became {mean} within {n_updates} updates; lower learning_rate, or "
            "choose another objective or penalty."
        )


def _is_early_stopping(interrupt):
    """Whether skorch's EarlyStopping raised the interrupt, and not Ctrl-C."""
    # It raises a bare KeyboardInterrupt, as Ctrl-C does: only where it was raised tells them apart.
    *_, (frame, _) = walk_tb(interrupt.__traceback__)
    callback = frame.f_locals.get("self")
    is_there = frame.f_code is EarlyStopping.on_epoch_end.__code__
    return is_there and callback.misses_ >= callback.patience


def _state_of(callback):
    """Return what a checkpoint keeps of a skorch callback."""
    if hasattr(callback, "state_dict"):
        return {"": callback.state_dict()}
    state = {}
    for name, value in vars(callback).items():
        if not name.endswith("_") or isinstance(value, type):
            continue
        if hasattr(value, "load_state_dict"):
            state[name] = value.state_dict()
        elif _is_plain(value):
            state[name] = value
    return state


def _is_plain(value):
    if isinstance(value, dict | list | tuple):
        return all(map(_is_plain, value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, bool | int | float | str | torch.Tensor)


def _restore(callback, state):
    if "" in state:
        callback.load_state_dict(state[""])
        return
    for name, value in state.items():
        part = getattr(callback, name, None)
        if hasattr(part, "load_state_dict"):
            part.load_state_dict(value)
        else:
            setattr(callback, name, value)


def _on_cpu(value):
    """Copy every tensor of a nested state to the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu()
    if isinstance(value, dict):
        return {key: _on_cpu(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_on_cpu(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _shape_and_dtype(tensor):
    return tuple(tensor.shape), tensor.dtype


def _usable_device(device):
    is_missing_gpu = torch.device(device).type == "cuda" and not torch.cuda.is_available()
    return "cpu" if is_missing_gpu else device
