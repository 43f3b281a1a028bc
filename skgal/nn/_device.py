"""Where and how networks run: the device, seeded generators, an array block by block."""

from contextlib import contextmanager, nullcontext

import numpy as np
import torch

BLOCK_SIZE = 512
# On a CPU a block has fewer rows, if they are large, but these at least: what layers make of larger
# blocks leaves the cache, which takes up to twice the time.
_CACHED_BYTES, _FEW_ROWS = 2**21, 8


def resolve_device(device):
    """Turn ``"auto"`` into CUDA where there is a GPU, else the CPU; check any other name.

    ``"auto"`` is what estimators have by default, so the same script runs on any machine.

    Parameters
    ----------
    device : str
        ``"auto"`` or a name that torch knows, such as ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Returns
    -------
    str
        A name that torch knows.

    Raises
    ------
    ValueError
        If torch doesn't know the device or the machine hasn't got it.

    See Also
    --------
    torch_defaults : Defaults of torch that a user may have changed.

    Examples
    --------
    >>> from skgal.nn import resolve_device
    >>> resolve_device("cpu")
    'cpu'
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(
            f"device={device!r} is not a device that torch knows; use 'auto', 'cpu' or 'cuda'."
        ) from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={device!r} was asked for, but torch finds no CUDA GPU here; "
            "use device='auto' or device='cpu'."
        )
    return str(device)


def torch_generator(seed, device="cpu"):
    """Return a new random number generator, seeded.

    Nothing here draws from torch's global state, nor changes it.

    Parameters
    ----------
    seed : int
        Decides all that it draws.
    device : str or torch.device, default="cpu"
        Where it draws.

    Returns
    -------
    torch.Generator
        Apart from torch's global one.

    See Also
    --------
    set_rng : Gives it to layers.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_generator
    >>> same = [torch.rand(3, generator=torch_generator(0)) for _ in range(2)]
    >>> bool((same[0] == same[1]).all())
    True
    """
    return torch.Generator(device=device).manual_seed(seed)


@contextmanager
def torch_defaults():
    """Have float32 and the CPU as defaults, and gradients, whatever the user has set.

    A user may work in float64, on a GPU by default or under ``inference_mode``; a training must
    give the same there.

    Yields
    ------
    None

    See Also
    --------
    resolve_device : The device of a training.

    Examples
    --------
    >>> import torch
    >>> from skgal.nn import torch_defaults
    >>> with torch.no_grad(), torch_defaults():
    ...     layer = torch.nn.Linear(2, 1)
    ...     loss = layer(torch.ones(1, 2)).sum()
    >>> layer.weight.dtype, loss.requires_grad
    (torch.float32, True)
    """
    dtype = torch.get_default_dtype()
    # Only where it is another one: the context slows down every call of torch.
    on_cpu = nullcontext() if torch.empty(0).device.type == "cpu" else torch.device("cpu")
    torch.set_default_dtype(torch.float32)
    try:
        with on_cpu, torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)


def apply_network(function, array, device, *others):
    """Apply a network, or one of its methods, to the rows of an array.

    Block by block, without gradients, so memory is bounded however long the array is.

    Parameters
    ----------
    function : callable
        Maps a tensor of shape (n, ...) to a tensor of shape (n, ...). A network should be in
        evaluation mode.
    array : ndarray of shape (n_samples, ...), dtype float32
        The rows.
    device : str
        Where the network is.
    *others : ndarrays of shape (n_samples, ...)
        What ``function`` takes besides, row by row: the classes, say.

    Returns
    -------
    ndarray of shape (n_samples, ...), dtype float32
        What the function makes of each row.

    See Also
    --------
    resolve_device : Where networks run.
    torch_defaults : What holds while they do.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.nn import apply_network
    >>> apply_network(torch.tanh, np.zeros((3, 2), dtype=np.float32), "cpu").shape
    (3, 2)
    """
    tensors = [torch.from_numpy(one) for one in (array, *others)]
    blocks, start, n_rows = [], 0, _FEW_ROWS
    with torch_defaults(), torch.inference_mode():
        while start < len(array) or not blocks:
            parts = [tensor[start : start + n_rows].to(device) for tensor in tensors]
            blocks.append(function(*parts).cpu())
            start += n_rows
            row_bytes = 4 * max(tensor[:1].numel() for tensor in (tensors[0], blocks[0]))
            in_cache = BLOCK_SIZE if parts[0].is_cuda else _CACHED_BYTES // max(1, row_bytes)
            n_rows = min(BLOCK_SIZE, max(_FEW_ROWS, in_cache))
        return np.concatenate(blocks)
