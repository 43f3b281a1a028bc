"""One connection to a store's file, for all threads; another one for each process."""

import os
import threading
from contextlib import contextmanager

from skgal.active._store_file import connect, errors_named, transaction

_inherited = []
"""Connections of a parent process: a fork may not use them, nor even close them."""


class StoreConnection:
    """Opens, shares, closes and pickles a store.

    Parameters
    ----------
    path : str or path-like
        ``":memory:"`` for a store without a file.
    """

    def __init__(self, path):
        path = os.fspath(path)
        self.path = path if path == ":memory:" else os.path.abspath(path)
        self._connect()

    def _connect(self):
        self._lock = threading.RLock()
        self._connection = connect(self.path)
        self._process = os.getpid()

    @property
    def is_durable(self):
        """Whether it has a file."""
        return self.path != ":memory:"

    def close(self):
        """Fold the log into the file and let go of it; a closed store can't be used."""
        if self._process != os.getpid():
            _inherited.append(self._connection)
            self._connection = None
            return
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def __del__(self):
        # A store whose opening failed has no connection.
        if getattr(self, "_connection", None) is not None:
            self.close()

    def __repr__(self):
        return f"LabelStore({self.path!r})"

    def __sklearn_clone__(self):
        # Clones of a learner write to the same file.
        return self

    def __getstate__(self):
        if self.path != ":memory:":
            return {"path": self.path}
        with self._reading() as connection:
            return {"path": self.path, "content": connection.serialize()}

    def __setstate__(self, state):
        self.path = state["path"]
        self._connect()
        if "content" in state:
            self._connection.deserialize(state["content"])

    @contextmanager
    def transaction(self):
        """Group several calls: on disk, all of them or none, when the context is left.

        Other threads and processes that write wait meanwhile.
        """
        with self._writing():
            yield

    @contextmanager
    def _reading(self):
        if self._process != os.getpid() and self.is_durable and self._connection is not None:
            _inherited.append(self._connection)
            self._connect()
        with self._lock, errors_named(self.path):
            if self._connection is None:
                raise ValueError(f"The store {self.path} is closed; open it again.")
            yield self._connection

    @contextmanager
    def _writing(self):
        with self._reading() as connection:
            if connection.in_transaction:  # a method that calls another: one transaction for both
                yield connection
            else:
                with transaction(connection):
                    yield connection
