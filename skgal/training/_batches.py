"""Batches cut from tensors that stay on the device."""

import torch


class TensorBatches:
    """An endless stream of shuffled batches of one tensor, without copying it sample by sample.

    The rows are visited in a random order, each once before any comes twice; a batch that
    crosses the end of one pass takes its last rows from the next, so all batches are full.

    Parameters
    ----------
    data : torch.Tensor of shape (n_samples, ...)
    batch_size : int
        At most n_samples rows make a batch.
    rng : torch.Generator
        On the device of ``data``, so that nothing waits for a transfer.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_generator
    >>> from skgal.training import TensorBatches
    >>> batches = TensorBatches(torch.arange(4), batch_size=2, rng=torch_generator(0))
    >>> sorted(torch.cat([batches.next(), batches.next()]).tolist())
    [0, 1, 2, 3]
    """

    def __init__(self, data, batch_size, rng):
        self.data = data
        self.batch_size = min(batch_size, len(data))
        self.rng = rng
        self._order = torch.empty(0, dtype=torch.long, device=data.device)

    def next(self):
        """Return the next batch, a tensor of shape (batch_size, ...)."""
        return self.data[self._next_rows()]

    def state_dict(self):
        """Return what decides the batches to come."""
        return {"order": self._order.cpu(), "rng": self.rng.get_state()}

    def load_state_dict(self, state):
        """Go on with the batches that were to come when the state was taken."""
        self._order = state["order"].to(self.data.device)
        self.rng.set_state(state["rng"])

    def _next_rows(self):
        if len(self._order) < self.batch_size:
            device = self.data.device
            fresh = torch.randperm(len(self.data), generator=self.rng, device=device)
            self._order = torch.cat([self._order, fresh])
        rows, self._order = self._order.split([self.batch_size, len(self._order) - self.batch_size])
        return rows


class LabelledBatches(TensorBatches):
    """The same stream of batches, each with the classes of its samples.

    Parameters
    ----------
    data : torch.Tensor of shape (n_samples, ...)
    labels : torch.Tensor of shape (n_samples,), dtype int64
        On the device of ``data``.
    batch_size : int
        At most n_samples rows make a batch.
    rng : torch.Generator
        On the device of ``data``.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_generator
    >>> from skgal.training import LabelledBatches
    >>> rows = torch.arange(4)
    >>> samples, labels = LabelledBatches(rows, rows + 10, 2, torch_generator(0)).next()
    >>> bool(torch.equal(labels, samples + 10))
    True
    """

    def __init__(self, data, labels, batch_size, rng):
        super().__init__(data, batch_size, rng)
        self.labels = labels

    def next(self):
        """Return the next batch: samples, shape (batch_size, ...), and their classes."""
        rows = self._next_rows()
        return self.data[rows], self.labels[rows]
