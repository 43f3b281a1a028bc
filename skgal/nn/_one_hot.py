"""Classes as further inputs of a network that knows only samples, or only latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def one_hot(labels: Tensor, n_classes: int) -> Tensor:
    """Turn classes into rows with a one among zeros.

    Parameters
    ----------
    labels : torch.Tensor of shape (n,), dtype int64
        Classes as integers, from 0 to n_classes - 1.
    n_classes : int
        The number of classes.

    Returns
    -------
    rows : torch.Tensor of shape (n, n_classes), dtype float32

    Examples
    --------
    >>> import torch
    >>> one_hot(torch.tensor([2, 0]), 3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    # Unlike torch's own function, it checks no range, for which a GPU would have to be waited for.
    return (labels.unsqueeze(1) == torch.arange(n_classes, device=labels.device)).float()


def append_classes(x: Tensor, labels: Tensor, n_classes: int) -> Tensor:
    """Append classes to samples: as columns to rows, as constant planes to images.

    Parameters
    ----------
    x : torch.Tensor of shape (n, n_columns) or (n, channels, height, width)
        Samples or latents.
    labels : torch.Tensor of shape (n,), dtype int64
        Their classes.
    n_classes : int
        The number of classes.

    Returns
    -------
    x : torch.Tensor of shape (n, n_columns + n_classes) or (n, channels + n_classes, ...)

    Examples
    --------
    >>> import torch
    >>> append_classes(torch.zeros(5, 3, 8, 8), torch.zeros(5, dtype=torch.int64), 2).shape
    torch.Size([5, 5, 8, 8])
    """
    planes = one_hot(labels, n_classes)
    planes = planes.reshape(planes.shape + (1,) * (x.ndim - 2))
    return torch.cat([x, planes.expand(-1, -1, *x.shape[2:])], dim=1)


class ClassInput(nn.Module):
    """A generator of given classes, made of one that takes its latent and classes side by side.

    Parameters
    ----------
    generator : torch.nn.Module
        Maps (n, latent_dim + n_classes) to samples.
    n_classes : int
        The number of classes.

    Examples
    --------
    >>> import torch
    >>> generator = ClassInput(torch.nn.Linear(2 + 10, 5), 10)
    >>> generator(torch.zeros(7, 2), torch.zeros(7, dtype=torch.int64)).shape
    torch.Size([7, 5])
    """

    def __init__(self, generator: nn.Module, n_classes: int):
        super().__init__()
        self.generator = generator
        self.n_classes = n_classes

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Return samples of the given classes.

        Parameters
        ----------
        z : torch.Tensor of shape (n, latent_dim)
            Latents.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each sample.

        Returns
        -------
        samples : torch.Tensor of shape (n, *shape)
        """
        return self.generator(append_classes(z, labels, self.n_classes))
