"""Layers that draw random numbers, each from a generator that it is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# Of the relaxed categories; the lower, the nearer to a category, and the steeper the gradient.
_TEMPERATURE = 0.2
# How fast the draws of evaluation mode change with the latent: much faster than any network does.
_FREQUENCY = 1024.0


class Stochastic(nn.Module):
    """Base of layers that draw in training mode.

    Torch's own such layers read its global generator; these read ``rng``, which the training sets
    with `set_rng`.

    Attributes
    ----------
    rng : torch.Generator or None
        The source, on the device of the input. Copies and pickles start without one.

    See Also
    --------
    Dropout : The one that is there.
    set_rng : Gives layers their source of randomness.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Stochastic, set_rng, torch_generator
    >>> class Noise(Stochastic):
    ...     def forward(self, x):
    ...         if not self.training:
    ...             return x
    ...         return x + torch.randn(x.shape, generator=self.rng)
    >>> noise = Noise()
    >>> set_rng(noise, torch_generator(0))
    >>> noise(torch.zeros(2)).shape, noise.eval()(torch.zeros(2))
    (torch.Size([2]), tensor([0., 0.]))
    """

    def __init__(self):
        super().__init__()
        self._rng: torch.Generator | None = None

    @property
    def rng(self) -> torch.Generator:
        """The source of randomness.

        Raises
        ------
        RuntimeError
            If none was set.
        """
        if self._rng is None:
            raise RuntimeError(
                f"{type(self).__name__} in training mode needs a source of randomness: call "
                "skgal.nn.set_rng(network, torch.Generator(device)), as the training does."
            )
        return self._rng

    def __getstate__(self) -> dict:
        # A generator belongs to a training run, not to the network.
        return {**self.__dict__, "_rng": None}


def set_rng(network: nn.Module, rng: torch.Generator | None) -> None:
    """Give every layer of a network that draws its source of randomness.

    Masks and noise then depend on the seed of the training alone, not on torch's global state.

    Parameters
    ----------
    network : torch.nn.Module
        The network, changed in place.
    rng : torch.Generator or None
        On the device of the network's input; shared by all layers.

    See Also
    --------
    torch_generator : Makes such a source.
    Stochastic : The layers.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import Dropout
    >>> network = torch.nn.Sequential(torch.nn.Linear(2, 2), Dropout(0.5))
    >>> set_rng(network, torch.Generator().manual_seed(0))
    """
    for module in network.modules():
        if isinstance(module, Stochastic):
            module._rng = rng


class Dropout(Stochastic):
    """Dropout whose masks come from its own source of randomness.

    In evaluation mode it is the identity.

    Parameters
    ----------
    p : float, default=0.0
        The probability that an element is set to zero, in [0, 1). The others are divided by ``1 -
        p``.

    Raises
    ------
    ValueError
        If ``p`` is not in [0, 1).

    See Also
    --------
    Stochastic : Its base.
    set_rng : Gives it its source of randomness.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import set_rng
    >>> dropout = Dropout(0.5)
    >>> set_rng(dropout, torch.Generator().manual_seed(0))
    >>> sorted(set(dropout(torch.ones(100)).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, p: float = 0.0):
        if not 0 <= p < 1:
            raise ValueError(f"p must be in [0, 1), got {p!r}.")
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Set elements to zero at random, in training mode.

        Parameters
        ----------
        x : torch.Tensor
            Any shape.

        Returns
        -------
        torch.Tensor
            The same shape.

        Raises
        ------
        RuntimeError
            If no source of randomness was set.
        """
        if not self.training or self.p == 0:
            return x
        return x * torch.empty_like(x).bernoulli_(1 - self.p, generator=self.rng).div_(1 - self.p)

    def extra_repr(self) -> str:
        """Return the parameters shown in the representation."""
        return f"p={self.p}"


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

    See Also
    --------
    Dense : Numbers only.

    References
    ----------
    .. [1] E. Jang, S. Gu, B. Poole, "Categorical reparameterization with Gumbel-softmax", ICLR
       2017, equation 2.

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
        self.groups = tuple(groups)
        n_categorical = sum(width > 1 for width in self.groups)
        directions = torch.empty(n_inputs, n_categorical, dtype=torch.float64)
        self.register_buffer("directions", directions.uniform_(-_FREQUENCY, _FREQUENCY))

    def forward(self, z: Tensor) -> Tensor:
        """Map latents to rows of a table.

        Parameters
        ----------
        z : torch.Tensor of shape (n, n_inputs)
            Latents.

        Returns
        -------
        torch.Tensor of shape (n, sum(groups))
            Numbers in [-1, 1]; for each group of categories non-negative values of sum 1.
        """
        outputs = self.body(z)
        if self.training:
            return self._relax(outputs)
        return self._pick(outputs, (z.double() @ self.directions).remainder(1.0))

    def _relax(self, outputs: Tensor) -> Tensor:
        uniform = torch.rand(
            outputs.shape, generator=self.rng, device=outputs.device, dtype=torch.float32
        )
        # Zero is among what is drawn, one isn't.
        noise = uniform.clamp_min(torch.finfo(torch.float32).tiny).log().neg().log()
        relaxed = (outputs - noise) / _TEMPERATURE
        # A loop over columns of the table: to pad them to one width costs four times as much.
        numbers, categories = outputs.split(self.groups, dim=1), relaxed.split(self.groups, dim=1)
        rows = [
            number.tanh() if width == 1 else category.softmax(dim=1)
            for width, number, category in zip(self.groups, numbers, categories, strict=True)
        ]
        return torch.cat(rows, dim=1)

    def _pick(self, outputs: Tensor, positions: Tensor) -> Tensor:
        rows, position = [], iter(positions.split(1, dim=1))
        for width, group in zip(self.groups, outputs.split(self.groups, dim=1), strict=True):
            if width == 1:
                rows.append(group.tanh())
                continue
            passed = group.softmax(dim=1).double().cumsum(dim=1) <= next(position)
            # Rounding may leave the last sum below 1: the last category ends the search.
            category = passed.sum(dim=1).clamp_max(width - 1)
            rows.append(nn.functional.one_hot(category, width).to(outputs.dtype))
        return torch.cat(rows, dim=1)
