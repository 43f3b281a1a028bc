"""What a generator of mixed tables puts out: numbers, and one category of each column."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skgal.nn._stochastic import Stochastic

# Of the relaxed categories; the lower, the nearer to a category, and the steeper the gradient.
_TEMPERATURE = 0.2
# How fast the draws of evaluation mode change with the latent: much faster than any network does.
_FREQUENCY = 1024.0


class TableGenerator(Stochastic):
    """A generator of numbers in [-1, 1] and of categories.

    In training mode categories are drawn from the Gumbel-softmax distribution [1]_, whose draws
    the critic's gradient passes through. In evaluation mode they are drawn from the same
    probabilities and are exact, columns of zeros and a one; a latent determines the draw, which
    inverts the distribution function at the fractional part of a steep linear function of the
    latent, so that ``generate`` stays a function.

    Parameters
    ----------
    body : torch.nn.Module
        Maps (n, n_inputs) to (n, sum(groups)), not bounded.
    n_inputs : int
        Width of its input.
    groups : sequence of int
        How its outputs belong together: 1 for a number, k for one of k categories.

    References
    ----------
    .. [1] E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017,
       equation 2.

    Examples
    --------
    >>> import torch
    >>> generator = TableGenerator(torch.nn.Linear(2, 4), 2, (1, 3)).eval()
    >>> generator(torch.zeros(5, 2))[:, 1:].sum(dim=1)
    tensor([1., 1., 1., 1., 1.], grad_fn=<SumBackward1>)
    """

    def __init__(self, body: nn.Module, n_inputs: int, groups: Sequence[int]):
        super().__init__()
        self.body = body
        widths = torch.tensor(groups)
        starts = widths.cumsum(0) - widths
        categorical = widths > 1
        self.register_buffer("numbers", starts[~categorical], persistent=False)
        # One row of output columns for each categorical group; short ones repeat their last.
        steps = torch.arange(int(widths.max()))
        widths, starts = widths[categorical, None], starts[categorical, None]
        self.register_buffer("columns", starts + steps.minimum(widths - 1), persistent=False)
        self.register_buffer("is_padding", steps >= widths, persistent=False)
        directions = torch.empty(n_inputs, len(widths), dtype=torch.float64)
        self.register_buffer("directions", directions.uniform_(-_FREQUENCY, _FREQUENCY))

    def forward(self, z: Tensor) -> Tensor:
        """Map latents to rows of a table.

        Parameters
        ----------
        z : torch.Tensor of shape (n, n_inputs)
            Latents.

        Returns
        -------
        rows : torch.Tensor of shape (n, sum(groups))
            Numbers in [-1, 1]; for each group of categories non-negative values of sum 1.
        """
        outputs = self.body(z)
        logits = outputs[:, self.columns].masked_fill(self.is_padding, -torch.inf)
        draw = self._relax(logits) if self.training else self._pick(logits, z)
        rows = torch.zeros_like(outputs)
        rows[:, self.numbers] = outputs[:, self.numbers].tanh()
        rows[:, self.columns[~self.is_padding]] = draw[:, ~self.is_padding]
        return rows

    def _relax(self, logits: Tensor) -> Tensor:
        noise = torch.empty_like(logits).exponential_(generator=self.rng).log()
        return torch.softmax((logits - noise) / _TEMPERATURE, dim=2)

    def _pick(self, logits: Tensor, z: Tensor) -> Tensor:
        position = (z.double() @ self.directions).remainder(1.0).unsqueeze(2)
        passed = logits.softmax(dim=2).double().cumsum(dim=2) <= position
        # Rounding may leave the last sum below 1: the last category ends the search.
        category = passed.sum(dim=2).minimum((~self.is_padding).sum(dim=1) - 1)
        return nn.functional.one_hot(category, logits.shape[2]).to(logits.dtype)
