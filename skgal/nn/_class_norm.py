"""Batch normalisation whose scale and shift belong to the class."""

from __future__ import annotations

from torch import Tensor, nn

from skgal.nn._one_hot import one_hot

_DEVIATION = 0.02


class ConditionalBatchNorm2d(nn.Module):
    r"""Batch normalisation, then a scale and a shift for each channel and class.

    .. math:: (1 + g_y) \odot \frac{x - \mu}{\sigma} + b_y

    Parameters
    ----------
    width : int
        Channels.
    n_classes : int
        The number of classes.

    References
    ----------
    V. Dumoulin, J. Shlens, M. Kudlur, "A learned representation for artistic style", ICLR 2017,
    equation (5); in generators: T. Miyato, M. Koyama, "cGANs with projection discriminator", ICLR
    2018.

    Examples
    --------
    >>> import torch
    >>> norm = ConditionalBatchNorm2d(4, n_classes=10)
    >>> norm(torch.zeros(2, 4, 8, 8), torch.tensor([0, 9])).shape
    torch.Size([2, 4, 8, 8])
    """

    def __init__(self, width: int, n_classes: int):
        super().__init__()
        self.n_classes = n_classes
        self.norm = nn.BatchNorm2d(width, affine=False)
        self.gain = nn.Linear(n_classes, width, bias=False)
        self.shift = nn.Linear(n_classes, width, bias=False)
        for layer in (self.gain, self.shift):
            nn.init.normal_(layer.weight, std=_DEVIATION)

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        """Normalise, scale and shift.

        Parameters
        ----------
        x : torch.Tensor of shape (n, channels, height, width)
            Maps.
        labels : torch.Tensor of shape (n,), dtype int64
            The class of each.

        Returns
        -------
        x : torch.Tensor of the same shape
        """
        classes = one_hot(labels, self.n_classes).to(x.dtype)
        gain, shift = self.gain(classes)[..., None, None], self.shift(classes)[..., None, None]
        return (1 + gain) * self.norm(x) + shift
