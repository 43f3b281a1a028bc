"""A head that predicts the loss of each sample from what a network's layers make of it."""

import warnings

import torch
from torch import nn


class LossPrediction(nn.Module):
    """The loss prediction module: one value a sample from the outputs of several layers.

    Each output is averaged over its positions (height and width, for images) and passes through
    a linear layer and ReLU of its own; one more linear layer makes the loss of all. How wide
    the outputs are shows in the first batch.

    Parameters
    ----------
    n_outputs : int
        How many outputs there will be.
    width : int, default=128
        Units that each output is mapped to.

    References
    ----------
    D. Yoo and I. S. Kweon, "Learning Loss for Active Learning", CVPR 2019, section 3.2 and
    figure 2.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import LossPrediction
    >>> head = LossPrediction(2)
    >>> head([torch.zeros(5, 16, 14, 14), torch.zeros(5, 64)]).shape
    torch.Size([5])
    """

    def __init__(self, n_outputs, width=128):
        super().__init__()
        with warnings.catch_warnings():
            # Lazy layers say at each birth that they are young.
            warnings.filterwarnings("ignore", message="Lazy modules")
            self.branches = nn.ModuleList(nn.LazyLinear(width) for _ in range(n_outputs))
        self.head = nn.Linear(n_outputs * width, 1)

    def forward(self, outputs):
        """Return the predicted losses, shape (n,), from tensors of shape (n, width, ...)."""
        if len(outputs) != len(self.branches):
            raise ValueError(
                f"LossPrediction was made for the outputs of {len(self.branches)} layers; "
                f"got {len(outputs)}."
            )
        hidden = [
            branch(output.flatten(2).mean(2) if output.ndim > 2 else output).relu()
            for branch, output in zip(self.branches, outputs, strict=True)
        ]
        return self.head(torch.cat(hidden, dim=1)).squeeze(1)
