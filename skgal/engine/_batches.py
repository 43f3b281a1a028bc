"""Batches cut from a tensor that stays on the device."""

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
    >>> from skgal.engine import TensorBatches, torch_generator
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
        if len(self._order) < self.batch_size:
            device = self.data.device
            fresh = torch.randperm(len(self.data), generator=self.rng, device=device)
            self._order = torch.cat([self._order, fresh])
        rows, self._order = self._order.split([self.batch_size, len(self._order) - self.batch_size])
        return self.data[rows]
