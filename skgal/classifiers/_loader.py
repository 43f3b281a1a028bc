"""A fixed number of updates, however many samples there are."""

from torch.utils.data import DataLoader, RandomSampler


class UpdatesLoader(DataLoader):
    """A skorch ``iterator_train`` with the same number of batches an epoch for any data set.

    A classifier that learns from a growing labelled set otherwise makes more updates each
    round, which alone improves it. With this loader rounds, and arms of a comparison, differ
    in their data only.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
    batch_size : int, default=64
    updates_per_epoch : int, default=50
    **kwargs
        Further parameters of :class:`torch.utils.data.DataLoader`.

    Examples
    --------
    >>> from skgal.classifiers import UpdatesLoader
    >>> sum(1 for batch in UpdatesLoader([1.0, 2.0, 3.0], batch_size=2, updates_per_epoch=5))
    5
    """

    def __init__(self, dataset, batch_size=64, updates_per_epoch=50, **kwargs):
        sampler = RandomSampler(dataset, num_samples=batch_size * updates_per_epoch)
        super().__init__(dataset, batch_size=batch_size, sampler=sampler, **kwargs)
