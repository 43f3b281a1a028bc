"""Results of a comparison on disk, each there in full or not at all."""

import json
import os
import sqlite3
from typing import NamedTuple

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    dataset TEXT, strategy TEXT, seed INTEGER, fingerprint TEXT, history TEXT,
    PRIMARY KEY (dataset, strategy, seed)
)
"""


class Run(NamedTuple):
    """One strategy on one data set from one seed."""

    dataset: str
    strategy: str
    seed: int


class ComparisonFile:
    """An SQLite file of runs; each is written in a transaction of its own.

    Parameters
    ----------
    path : str, path or None
        None keeps them in memory.

    Raises
    ------
    ValueError
        If there is a file at ``path`` that is something else.
    """

    def __init__(self, path):
        self.path = path
        name = ":memory:" if path is None else os.fspath(path)
        self._connection = sqlite3.connect(name)
        try:
            with self._connection:
                self._connection.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self.close()
            raise ValueError(
                f"path={name!r} can't hold the results of a comparison: {error}. Name a new file, "
                "or that of an earlier comparison."
            ) from error

    def close(self):
        """Close the file."""
        self._connection.close()

    def has(self, run, fingerprint):
        """Tell whether a run has been made.

        Parameters
        ----------
        run : Run
        fingerprint : str
            Hash of what its result follows from.

        Returns
        -------
        bool

        Raises
        ------
        ValueError
            If a run of that name is there whose result follows from something else.
        """
        found = self._find("fingerprint", run)
        if found is not None and found != fingerprint:
            raise ValueError(
                f"{self.path} has a result of strategy {run.strategy!r} on {run.dataset!r} for "
                f"seed {run.seed}, but with other data, parameters or settings; name it "
                "otherwise, or use another path."
            )
        return found is not None

    def write(self, run, fingerprint, history):
        """Keep the history of a run.

        Parameters
        ----------
        run : Run
        fingerprint : str
        history : list of dict
        """
        row = (*run, fingerprint, json.dumps(history))
        with self._connection:
            # Of two processes that made the same run, the first is kept.
            self._connection.execute("INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)", row)

    def read(self, run):
        """Read the history of a run.

        Parameters
        ----------
        run : Run

        Returns
        -------
        list of dict
        """
        return json.loads(self._find("history", run))

    def _find(self, column, run):
        where = "dataset = ? AND strategy = ? AND seed = ?"
        row = self._connection.execute(f"SELECT {column} FROM runs WHERE {where}", run).fetchone()
        return None if row is None else row[0]
