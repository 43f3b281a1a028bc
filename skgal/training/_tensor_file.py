"""Named tensors and a text in one file, from which no code is run."""

from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file


def save_tensors(path, tensors, text):
    """Write tensors and a text.

    Parameters
    ----------
    path : path-like
        Of the safetensors file.
    tensors : dict of str to torch.Tensor
    text : str
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, path, metadata={"skgal": text, "sha256": _digest(tensors, text)})


def load_tensors(path):
    """Read tensors and text.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    tensors : dict of str to torch.Tensor
        On the CPU.
    text : str

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is cut short, was changed, or is of another kind.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dict
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged, or no safetensors file: {error}.") from error
    if "skgal" not in metadata:
        raise ValueError(f"{path} is a safetensors file, but was not written by skgal.")
    text = metadata["skgal"]
    if metadata.get("sha256") != _digest(tensors, text):
        raise ValueError(f"{path} was changed after it was written: its checksum is another.")
    return tensors, text


def _digest(tensors, text):
    digest = sha256(text.encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(str((tensors[name].dtype, tuple(tensors[name].shape))).encode())
        digest.update(tensors[name].numpy().tobytes())
    return digest.hexdigest()
