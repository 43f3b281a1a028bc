"""Running a trained network over an array, block by block."""

import numpy as np
import torch

BLOCK_SIZE = 512


def apply_network(function, array, device, *others):
    """Apply a network, or one of its methods, to the rows of an array.

    Parameters
    ----------
    function : callable
        Maps a tensor of shape (n, ...) to a tensor of shape (n, ...). A network should be in
        evaluation mode.
    array : ndarray of shape (n_samples, ...), dtype float32
    device : str
        Where the network is.
    *others : ndarrays of shape (n_samples, ...)
        What ``function`` takes besides, row by row: the classes, say.

    Returns
    -------
    ndarray of shape (n_samples, ...), dtype float32

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skgal.nn import apply_network
    >>> apply_network(torch.tanh, np.zeros((3, 2), dtype=np.float32), "cpu").shape
    (3, 2)
    """
    blocks = zip(
        *(torch.from_numpy(one).split(BLOCK_SIZE) for one in (array, *others)), strict=True
    )
    with torch.inference_mode():
        return np.concatenate(
            [function(*(part.to(device) for part in block)).cpu() for block in blocks]
        )
