"""Images of a user's folder, and image sets from array files in the folder of SKGAL_DATA."""

import csv
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from numbers import Integral
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from sklearn.utils import Bunch

from skgal.utils import StrOptions, validate_params

FOLDER_VARIABLE = "SKGAL_DATA"
# What reading a damaged archive, or a damaged image in it, ends with.
_DAMAGES = (OSError, EOFError, ValueError, NotImplementedError, RuntimeError, BadZipFile, ZlibError)
_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


@validate_params(
    {
        "folder": [str, os.PathLike],
        "labels": [str, os.PathLike, Mapping, None],
        "size": [tuple, list, None],
        "mode": [StrOptions({"RGB", "L"})],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def load_image_folder(folder, *, labels=None, size=None, mode="RGB", return_X_y=False):
    """Load the images of a folder, and their labels, from subfolders or from a CSV file.

    All images are read into memory, in the order of their paths. Needs Pillow.

    Parameters
    ----------
    folder : str or path-like
        Where the images are, ``.png``, ``.jpg``, ``.tif`` and the like; hidden files are left
        out.
    labels : None, str, path-like or mapping from str, default=None
        None: an image in a subfolder is of the class that the subfolder is named after; one in the
        folder itself has no label. A CSV file with a header, whose first column are file names,
        relative to ``folder``, and the second the labels, an empty one where there is none; or a
        mapping from file names to labels. Images that are not in it have no label.
    size : tuple of int (height, width) or None, default=None
        What images are resized to, without regard for their proportions. None: they must be of
        one size already.
    mode : {"RGB", "L"}, default="RGB"
        Colour, three channels, or grey, one.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, channels, height, width), dtype uint8
            Intensities from 0 to 255.
        target : ndarray of shape (n_samples,)
            Labels: numbers where all of a file are, else strings. Missing ones are NaN or None, as
            :class:`skgal.ActiveLearner` takes them.
        target_names : list
            The classes that occur, sorted.
        filenames : list of str
            Path of each image, relative to the folder.

    (data, target) : tuple of ndarray
        If ``return_X_y``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file, or an image that has a label isn't there.
    ValueError
        If there are no images, they differ in size, one can't be read or has more than eight
        bits a channel, or the file of labels has no two columns.
    ImportError
        If Pillow isn't installed.

    See Also
    --------
    load_images : Classic sets.
    skgal.active.ActiveLearner : Asks for the labels that are missing.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from skgal.datasets import load_image_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat/1.png", "cat/2.png", "dog/1.png", "new.png"):
    ...         Path(folder, name).parent.mkdir(exist_ok=True)
    ...         Image.new("RGB", (40, 30)).save(Path(folder, name))
    ...     images = load_image_folder(folder, size=(16, 16))
    >>> images.data.shape, images.target.tolist()
    ((4, 3, 16, 16), ['cat', 'cat', 'dog', None])
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder.")
    paths = sorted(
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".")
    )
    if not paths:
        raise ValueError(f"{folder} holds no images; looked for {', '.join(sorted(_SUFFIXES))}.")
    names = [path.as_posix() for path in paths]
    if labels is None:
        given = {path.as_posix(): path.parts[0] for path in paths if len(path.parts) > 1}
    elif isinstance(labels, Mapping):
        given = {str(name): label for name, label in labels.items()}
    else:
        given = _read_labels(Path(labels))
    unknown = sorted(given.keys() - set(names))
    if unknown:
        raise FileNotFoundError(
            f"{len(unknown)} of the images with a label are not in {folder}: {unknown[:3]}; names "
            "are relative to the folder, with their suffix."
        )
    data = _read_images(folder, names, size, mode)
    target = _as_target([given.get(name) for name in names])
    if return_X_y:
        return data, target
    known = {label for label in given.values() if label is not None and label == label}
    return Bunch(data=data, target=target, target_names=sorted(known), filenames=names)


def _read_labels(path):
    """Read labels by file name: integers if all are, else numbers if all are, else strings."""
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row][1:]
    if not rows or any(len(row) < 2 for row in rows):
        raise ValueError(
            f"{path} needs a header and two columns, file names and labels, separated by a comma."
        )
    found = {Path(name.strip()).as_posix(): label.strip() or None for name, label, *_ in rows}
    for kind in (int, float):
        with suppress(ValueError):
            return {name: None if text is None else kind(text) for name, text in found.items()}
    return found


def _as_target(labels):
    """Make an array of labels; where some are missing, NaN among numbers and None among others."""
    if None not in labels:
        return np.asarray(labels)
    known = np.asarray([label for label in labels if label is not None])
    if known.dtype.kind in "if":
        return np.asarray([np.nan if label is None else label for label in labels], dtype=float)
    target = np.empty(len(labels), dtype=object)
    target[:] = labels
    return target


def _read_images(folder, names, size, mode):
    """Read images of one size, or resized to it, as an array (n, channels, height, width)."""
    Image, ImageOps = _import_pillow("Images are read by")
    if size is not None and (
        len(size) != 2 or not all(isinstance(side, Integral) and side > 0 for side in size)
    ):
        raise ValueError(f"size must be two positive integers (height, width), got {size!r}.")
    data, shape = None, size and tuple(size)
    for i, name in enumerate(names):
        try:
            image = ImageOps.exif_transpose(Image.open(folder / name))
            deep = image.mode[0] in "IF"
            image = image.convert(mode)
        except OSError as error:
            raise ValueError(f"{name} can't be read as an image: {error}") from error
        if deep:
            raise ValueError(
                f"{name} has more than eight bits a pixel, which would be lost; read such images "
                "with a library of your field, into an array (n, channels, height, width)."
            )
        if size is not None:
            image = image.resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
        pixels = np.asarray(image)
        shape = shape or pixels.shape[:2]
        if pixels.shape[:2] != shape:
            raise ValueError(
                f"Images differ in size: {names[0]} has {shape[0]} x {shape[1]} pixels, {name} "
                f"{pixels.shape[0]} x {pixels.shape[1]}; pass size=(height, width)."
            )
        if data is None:
            data = np.empty((len(names), len(mode), *shape), dtype=np.uint8)
        data[i] = pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)
    return data


def _import_pillow(what):
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise ImportError(f"{what} Pillow, which isn't installed: pip install pillow") from error
    return Image, ImageOps


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
    parts, names = ["train", "test"] if subset == "all" else [subset], []
    try:
        with np.load(path, allow_pickle=False) as archive:
            names += archive.files
            loaded = [read_part(archive, part) for part in parts]
    except KeyError as error:
        raise ValueError(f"{path} has the arrays {names}: {error.args[0]}") from error
    except (AttributeError, *_DAMAGES) as error:  # a single array has no files
        raise ValueError(
            f"{path} is damaged, or no archive of arrays as np.savez writes it: {error}"
        ) from error
    checked = [_checked(*arrays, path, part) for part, arrays in zip(parts, loaded, strict=True)]
    data, target = (np.concatenate(arrays) for arrays in zip(*checked, strict=True))
    return data, target


def _read_arrays(archive, part):
    images = archive[f"X_{part}"]
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return images, archive[f"y_{part}"]


def _read_jpegs(archive, part):
    Image, _ = _import_pillow("Images stored as JPEG files are read by")
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
