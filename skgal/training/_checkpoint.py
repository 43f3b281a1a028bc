"""The state of a training on disk, from which a killed one resumes."""

import json
import os
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import perf_counter

import torch

# A checkpoint is written only after this many times as long as the last one took to write.
_PATIENCE = 20
# What a file begins with; then come the checksum of the rest, and the rest.
_HEADER = b"skgal checkpoint 2\n"


class TrainingCheckpoint:
    """One file with all that a training needs to resume bit for bit.

    The file is replaced as a whole, so whenever the process is killed there is a complete one;
    it is read without running any code from it, and refused if a single bit of it has changed. It
    is written at the end of an epoch, though not so often that writing would take more than a
    twentieth of the time.

    Parameters
    ----------
    path : path-like
        The file. Folders above it are made.
    configuration : dict of str to str
        What the training was asked for; one that was asked for something else does not go on
        from this file.

    See Also
    --------
    GameNet : Resumes from one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgal.training import TrainingCheckpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = TrainingCheckpoint(Path(folder, "training"), {"max_iter": "100"})
    ...     before = checkpoint.load()
    ...     checkpoint.save({"n_updates": 50}, is_last=True)
    ...     after = checkpoint.load()
    >>> before, after
    (None, {'n_updates': 50})
    """

    def __init__(self, path, configuration):
        self.path = Path(path)
        self.configuration = dict(configuration)
        self._due = 0.0

    def save(self, state, *, is_last=False):
        """Write a state, if it is time to or this is the last.

        Parameters
        ----------
        state : dict
            Nested dicts and lists of tensors, numbers, strings and None.
        is_last : bool, default=False
            Whether to write whatever the time.
        """
        start = perf_counter()
        if start < self._due and not is_last:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = BytesIO()
        torch.save({"configuration": json.dumps(self.configuration), "state": state}, content)
        unfinished = self.path.with_name(self.path.name + ".part")
        with open(unfinished, "wb", opener=_open_no_link) as file:
            file.write(_HEADER + sha256(content.getbuffer()).digest())
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self.path)
        self._due = perf_counter() + _PATIENCE * (perf_counter() - start)

    def load(self):
        """Read the state.

        Returns
        -------
        dict or None
            None if nothing was saved yet.

        Raises
        ------
        ValueError
            If the file is damaged, or was saved by a training of another configuration; if
            something else is in the place of the file, or of its folder.
        """
        for path, is_right, kind in (
            (self.path.parent, Path.is_dir, "a folder"),
            (self.path, Path.is_file, "a file"),
        ):
            if os.path.lexists(path) and not is_right(path):
                raise ValueError(
                    f"A checkpoint is a file in a folder, and {path} is not {kind}; pass another "
                    "folder, or remove it."
                )
        if not self.path.exists():
            return None
        header, checksum, content = self._read()
        if header != _HEADER or sha256(content).digest() != checksum:
            raise ValueError(
                f"The checkpoint {self.path} is damaged, or was written by another version of "
                "skgal: its checksum differs. Delete it to train from the start."
            )
        saved = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
        self._compare(json.loads(saved["configuration"]))
        return saved["state"]

    def _read(self):
        with open(self.path, "rb") as file:
            return file.read(len(_HEADER)), file.read(sha256().digest_size), file.read()

    def _compare(self, saved):
        wanted = self.configuration
        differences = [
            f"{name} was {saved.get(name, 'not there')} and is {wanted.get(name, 'not there')}"
            for name in sorted(saved.keys() | wanted.keys())
            if saved.get(name) != wanted.get(name)
        ]
        if differences:
            raise ValueError(
                f"The checkpoint {self.path} belongs to another training: "
                f"{'; '.join(differences)}. Choose another folder, or delete this one."
            )


def _open_no_link(path, flags):
    """Open a file for writing, unless a symbolic link in its place leads elsewhere."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)
