"""One learner at a time buys for a store: two would both pay for what waits."""

import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from skgal.active._store_file import errors_named
from skgal.exceptions import StoreInUseError

SUFFIX = "-buyer"
"""What the name of the empty file ends in that stands beside a store for whoever buys for it."""


@contextmanager
def sole_buyer(store, *, wait=0.0):
    """Be the only learner that buys for a store, within a context.

    The lock is SQLite's own, on an empty file beside the store: it works wherever the store
    does, between threads and between processes; children of a fork don't inherit it; and the
    system gives it back when the process ends, however that ends. The file stays, since whoever
    deletes it may do so just after another one has opened it.

    Parameters
    ----------
    store : LabelStore
        One in memory belongs to this process, and has no lock.
    wait : float, default=0.0
        Seconds to wait for another learner to finish.

    Raises
    ------
    StoreInUseError
        If another learner is buying; the store is left as it is.
    """
    if not store.is_durable:
        yield
        return
    path = os.path.realpath(store.path) + SUFFIX
    with suppress(OSError):  # what SQLite then meets, it names
        Path(path).touch()  # with the permissions of a store; SQLite's own would keep a group out
    with closing(sqlite3.connect(path, timeout=wait, isolation_level=None)) as lock:
        with errors_named(path):
            _take(lock, store)
        yield


def _take(lock, store):
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise StoreInUseError(
            f"Another learner is buying labels for the store {store.path}, and what waits there "
            "would be paid for twice. Wait until it is done, or give this one a store of its own; "
            "people and programs that only answer (tell, skgal-annotate) need not wait."
        ) from None
