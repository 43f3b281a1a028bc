"""Image sets from array files in the folder that SKGAL_DATA names."""

import io
import os
from itertools import pairwise
from pathlib import Path

import numpy as np

FOLDER_VARIABLE = "SKGAL_DATA"


def read_from_folder(name, subset):
    """Read a subset of an image set from the user's folder."""
    if not os.environ.get(FOLDER_VARIABLE):
        return None
    folder = Path(os.environ[FOLDER_VARIABLE])
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{FOLDER_VARIABLE}={str(folder)!r} is not a folder; let it name the folder with "
            f"{name}.npz, or unset it."
        )
    for path, read_part in [
        (folder / f"{name}.npz", _read_arrays),
        (folder / f"{name}_jpeg.npz", _read_jpegs),
    ]:
        if path.is_file():
            return _read_parts(path, read_part, subset)
    return None


def _read_parts(path, read_part, subset):
    parts = ["train", "test"] if subset == "all" else [subset]
    with np.load(path, allow_pickle=False) as archive:
        try:
            loaded = [_checked(*read_part(archive, part), path, part) for part in parts]
        except KeyError as error:
            raise ValueError(f"{path} has the arrays {archive.files}: {error.args[0]}") from error
    data, target = (np.concatenate(arrays) for arrays in zip(*loaded, strict=True))
    return data, target


def _read_arrays(archive, part):
    images = archive[f"X_{part}"]
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return images, archive[f"y_{part}"]


def _read_jpegs(archive, part):
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("Images stored as JPEG files need Pillow: pip install pillow") from error

    stored, offsets = archive[f"{part}_bytes"].tobytes(), archive[f"{part}_offsets"]
    jpegs = (stored[start:stop] for start, stop in pairwise(offsets))
    images = [np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")) for jpeg in jpegs]
    return np.stack(images), archive[f"y_{part}"]


def _checked(images, labels, path, part):
    """Bring (n, h, w, c) images and their labels to the layout of all image sets."""
    if images.ndim != 4 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{path} should hold {part} images of shape (n, h, w) or (n, h, w, c), dtype uint8, "
            f"and labels of shape (n,); it holds images of shape {images.shape}, dtype "
            f"{images.dtype}, and labels of shape {labels.shape}."
        )
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)), labels.astype(np.int64)
