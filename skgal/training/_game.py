"""What a game is: networks, what one batch holds, and losses; and the data that it draws from."""

from abc import ABC, abstractmethod
from copy import copy
from typing import Any, NamedTuple

import torch
from scipy import stats
from torch import nn

from skgal.nn import torch_generator
from skgal.training._precision import run_in


class Batch(NamedTuple):
    """What one loss is computed on; a game fills in what its losses read.

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
        How many steps this turn of the game has made before.
    """

    real: Any = None
    labels: Any = None
    fake: Any = None
    fake_labels: Any = None
    latent: Any = None
    rng: Any = None
    step: int = 0


class Game(nn.Module, ABC):
    """Base of what is trained: networks, batches and losses.

    One update of :class:`GameNet` takes the :meth:`turns` of the game in order. For the turn
    ``name`` it calls ``name_batch(data, previous)``, which returns a :class:`Batch`
    (``previous`` is that of the turn before, None in the first), then ``name_loss(batch)``,
    which returns a scalar, and steps against its gradient with the weights of
    ``parts()[name]``. So an adversarial game has ``critic_batch``, ``critic_loss``,
    ``generator_batch`` and ``generator_loss``; the training of an autoencoder has one turn.

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
    """

    averaged = ()
    precision = "float32"

    @abstractmethod
    def parts(self):
        """Return a dict of turn to the network, a ``torch.nn.Module``, that the turn trains."""

    def turns(self, n_updates):
        """Return the turns of one update, in order.

        Parameters
        ----------
        n_updates : int
            Updates made before.

        Returns
        -------
        sequence of str
        """
        return tuple(self.parts())

    def make_data(self, X, y, *, batch_size, rng, device):
        """Return what the batches are drawn from; called once a training."""
        labels = None if y is None else torch.as_tensor(y).to(device)
        return TrainingData(torch.as_tensor(X).to(device), labels, batch_size, rng)

    def after_step(self, turn):
        """Do what follows a step of the optimizer; nothing here."""

    def draw_inputs(self, data, n_samples=None, network="generator"):
        """Draw what an averaged network takes, a tuple of tensors, a batch by default."""
        raise NotImplementedError(f"{type(self).__name__} must say what its networks take.")

    def stateful(self):
        """Return what else has a state to be kept in checkpoints, by name; nothing here."""
        return {}

    def run(self, function, *inputs):
        """Apply a network, or one of its methods, in the training's precision; return float32."""
        return run_in(self.precision, function, *inputs)


class TrainingData:
    """Samples that stay on the device, and an endless stream of shuffled batches of them.

    The rows are visited in a random order, each once before any comes twice; a batch that
    crosses the end of one pass takes its last rows from the next, so all batches are full.

    Parameters
    ----------
    samples : torch.Tensor of shape (n_samples, ...)
    labels : torch.Tensor of shape (n_samples,), dtype int64, or None
        Their classes.
    batch_size : int
        At most n_samples rows make a batch.
    rng : torch.Generator
        On the device of ``samples``, to avoid transfers. All draws of a training are from it.

    Attributes
    ----------
    step : int
        How many steps the turn that asks for a batch has made before.

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
        self.step = 0
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

    def batch(self, **parts):
        """Make a batch for the present step."""
        return Batch(rng=self.rng, step=self.step, **parts)

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

    Parameters
    ----------
    name : {"uniform", "normal"}
        Uniform on [-1, 1], or standard normal, independently in each coordinate.
    n_samples, latent_dim : int
    rng : torch.Generator

    Returns
    -------
    torch.Tensor of shape (n_samples, latent_dim), dtype float32

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

    Parameters
    ----------
    name : {"uniform", "normal"}

    Returns
    -------
    frozen distribution of scipy.stats

    Examples
    --------
    >>> from skgal.training import latent_distribution
    >>> [float(bound) for bound in latent_distribution("uniform").support()]
    [-1.0, 1.0]
    """
    return _LATENTS[name][1]
