"""The state of a training on disk, so that a killed one goes on where it was."""

import json
import os
from pathlib import Path
from time import perf_counter

import torch

# A checkpoint is written only after this many times as long as the last one took to write.
_PATIENCE = 20


class TrainingCheckpoint:
    """One file that holds all that a training needs to go on to the same bits.

    The file is replaced as a whole, so whenever the process is killed there is a complete one;
    it is read without running any code from it. It is written at the end of an epoch, though
    not so often that writing would take more than a twentieth of the time.

    Parameters
    ----------
    path : path-like
        The file. Folders above it are made.
    configuration : dict of str to str
        What the training was asked for; one that was asked for something else does not go on
        from this file.
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
        """
        start = perf_counter()
        if start < self._due and not is_last:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.path.with_name(self.path.name + ".part")
        with open(unfinished, "wb") as file:
            torch.save({"configuration": json.dumps(self.configuration), "state": state}, file)
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
            If the file is damaged, or was saved by a training of another configuration.
        """
        if not self.path.exists():
            return None
        # What torch raises depends on where the file is damaged.
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True)
            configuration, state = json.loads(saved["configuration"]), saved["state"]
        except Exception as error:  # a damaged file makes torch raise nearly anything
            raise ValueError(
                f"The checkpoint {self.path} can't be read ({type(error).__name__}: {error}); "
                "delete it to train from the start."
            ) from error
        self._compare(configuration)
        return state

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
