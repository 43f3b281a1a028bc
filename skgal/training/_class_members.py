"""Rows of a class, and classes by how rare they are."""

import torch


class ClassMembers:
    """Draws of classes by how rare they are, and of rows of given classes.

    Parameters
    ----------
    data : torch.Tensor of shape (n_samples, ...)
    labels : torch.Tensor of shape (n_samples,), dtype int64
    n_classes : int

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_generator
    >>> members = ClassMembers(torch.tensor([7.0, 8.0, 8.0]), torch.tensor([0, 1, 1]), 2)
    >>> labels = members.draw_rare(4, torch_generator(0))
    >>> labels, members.draw(labels, torch_generator(0))
    (tensor([0, 0, 0, 0]), tensor([7., 7., 7., 7.]))
    """

    def __init__(self, data, labels, n_classes):
        self.data = data
        self.counts = torch.bincount(labels, minlength=n_classes)
        self.rows = labels.argsort(stable=True)
        self.first = self.counts.cumsum(0) - self.counts
        deficit = torch.where(self.counts > 0, self.counts.max() - self.counts, 0)
        # Where no class is rarer than another, each that is there counts alike.
        self.deficit = torch.where(deficit.any(), deficit, self.counts).float()

    def draw_rare(self, n_samples, rng):
        """Draw classes with probability proportional to what they lack to the most frequent."""
        return torch.multinomial(self.deficit, n_samples, replacement=True, generator=rng)

    def draw_evenly(self, n_samples, rng):
        """Draw the classes that lack any, each with the same probability."""
        lacking = (self.deficit > 0).float()
        return torch.multinomial(lacking, n_samples, replacement=True, generator=rng)

    def draw(self, labels, rng):
        """Draw a row of each class given."""
        counts = self.counts[labels]
        position = torch.rand(len(labels), generator=rng, device=labels.device, dtype=torch.float64)
        steps = (position * counts).long().minimum(counts - 1)
        return self.data[self.rows[self.first[labels] + steps]]
