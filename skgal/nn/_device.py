"""Where the networks live."""

import torch


def resolve_device(device):
    """Turn ``"auto"`` into CUDA where there is a GPU, else the CPU; check any other name.

    Parameters
    ----------
    device : str
        ``"auto"`` or a name that torch knows, such as ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If torch doesn't know the device or the machine hasn't got it.

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
