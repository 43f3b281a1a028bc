"""The layers that the differentiable forms of scikit-learn's estimators are built of."""

import numpy as np
import torch
from torch import nn


class Affine(nn.Module):
    """Compute x W' + b in the precision of the weights.

    Parameters
    ----------
    weight : ndarray of shape (n_outputs, n_features)
    bias : ndarray of shape (n_outputs,) or scalar
    """

    def __init__(self, weight, bias):
        super().__init__()
        weight = np.atleast_2d(weight)
        bias = np.broadcast_to(bias, len(weight)).astype(weight.dtype)
        self.register_buffer("weight", torch.tensor(weight))
        self.register_buffer("bias", torch.tensor(bias))

    def forward(self, x):
        """Map (n, n_features) to (n, n_outputs)."""
        return nn.functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


class Rescale(nn.Module):
    """Compute x * factor + shift column by column, in double precision.

    Parameters
    ----------
    factor, shift : ndarray of shape (n_features,) or scalar
    bounds : tuple of float or None, default=None
        Where the result is clipped.
    """

    def __init__(self, factor, shift, bounds=None):
        super().__init__()
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float64))
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float64))
        self.bounds = bounds

    def forward(self, x):
        """Map (n, n_features) to the same shape."""
        x = x * self.factor + self.shift
        return x if self.bounds is None else x.clamp(*self.bounds)


class UnitRows(nn.Module):
    """Divide each row by its norm; a row of zeros stays as it is.

    Parameters
    ----------
    order : {1, 2, inf}
    """

    def __init__(self, order):
        super().__init__()
        self.order = order

    def forward(self, x):
        """Map (n, n_features) to the same shape."""
        norms = torch.linalg.vector_norm(x, self.order, dim=1, keepdim=True)
        return x / torch.where(norms == 0, 1.0, norms)


class SqueezeOneColumn(nn.Module):
    """Turn (n, 1) into (n,): the decision values of a binary classifier."""

    def forward(self, decisions):
        """Map (n, n_outputs) to the same shape, or (n, 1) to (n,)."""
        return decisions.squeeze(1) if decisions.ndim == 2 else decisions


class HuberProba(nn.Module):
    """Clip decision values to [-1, 1] and map these to [0, 1] (modified Huber loss)."""

    def forward(self, decisions):
        """Map any shape to the same shape."""
        return (decisions.clamp(-1, 1) + 1) / 2


class Complement(nn.Module):
    """Turn the probability of the second class into those of both.

    Parameters
    ----------
    proba : (n,) or (n, 1) tensor, mapped to (n, 2)
    """

    def forward(self, proba):
        """Map (n,) or (n, 1) to (n, 2)."""
        proba = proba.reshape(-1, 1)
        return torch.cat([1 - proba, proba], dim=1)


class ShareOut(nn.Module):
    """Make each row sum to one (one-vs-rest).

    Parameters
    ----------
    uniform : bool
        Whether a row of zeros is shared out evenly; else it stays.
    """

    def __init__(self, uniform=True):
        super().__init__()
        self.uniform = uniform

    def forward(self, proba):
        """Map (n, n_classes) to the same shape."""
        totals = proba.sum(dim=1, keepdim=True)
        if self.uniform:
            proba = torch.where(totals == 0, 1.0, proba)
            return proba / proba.sum(dim=1, keepdim=True)
        return proba / torch.where(totals == 0, 1.0, totals)


class Columns(nn.Module):
    """Compute one column each by several modules from the same input.

    Parameters
    ----------
    parts : list of torch.nn.Module
    column : int or None
        Which column of each part to take; None for parts that return (n,).
    """

    def __init__(self, parts, column):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.column = column

    def forward(self, x):
        """Map (n, n_features) to (n, n_parts)."""
        outputs = [part(x) for part in self.parts]
        if self.column is not None:
            outputs = [output[:, self.column] for output in outputs]
        return torch.stack(outputs, dim=1)
