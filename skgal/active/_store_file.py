"""The SQLite file under a store: its schema, how it is created, opened and checked."""

import errno
import os
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

from skgal.active._store_labels import digest_event
from skgal.exceptions import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreVersionError,
)

APPLICATION_ID = 0x736B676C
"""Marks the file as ours: "skgl" in the header of an SQLite file."""

SECONDS_TO_WAIT = 60.0
"""How long to wait for another process to finish its transaction."""

PAGE_SIZE = 4096
"""Bytes; also SQLite's default, but salvaging must know."""

MIGRATIONS = (
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    );
    CREATE TABLE queries (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        round INTEGER,
        strategy TEXT NOT NULL,
        model TEXT NOT NULL,
        at TEXT NOT NULL,
        notes TEXT NOT NULL
    );
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        query INTEGER NOT NULL REFERENCES queries,
        hash TEXT NOT NULL,
        format TEXT NOT NULL,
        payload BLOB NOT NULL,
        position INTEGER,
        latent BLOB,
        belief TEXT,
        details TEXT
    );
    CREATE INDEX samples_by_hash ON samples (hash);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sample INTEGER NOT NULL REFERENCES samples,
        kind TEXT NOT NULL,
        label TEXT,
        annotator TEXT,
        seconds REAL,
        message TEXT,
        details TEXT,
        at TEXT NOT NULL,
        digest TEXT NOT NULL
    );
    CREATE INDEX events_by_sample ON events (sample, id);
    CREATE TABLE history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL,
        content TEXT NOT NULL
    );
    """,
)
"""Entry ``i`` brings a file from version ``i`` to ``i + 1``; a new file goes through all."""

_HEADER_MAGIC = b"SQLite format 3\0"
_IOERR_READING = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)


def connect(path):
    """Open a store's file, creating it if there is none.

    Parameters
    ----------
    path : str
        ``":memory:"`` for a store without a file.

    Returns
    -------
    sqlite3.Connection
        Of a file of the current version that passed SQLite's own check.

    Raises
    ------
    StoreCorruptError, StoreFullError, StoreReadOnlyError, StoreVersionError, StoreError
    """
    if path == ":memory:":
        connection = _open(path)
        migrate(connection, path)
        return connection
    if not os.path.lexists(path):
        _create(path)
    _check_header(path)
    with errors_named(path):
        _check_content(path)
        connection = _open(path)
        try:
            _check_writable(connection, path)
            migrate(connection, path)
        except BaseException:  # a Ctrl-C as well: no connection stays open
            connection.close()
            raise
    return connection


def migrate(connection, path):
    """Bring a file to the current version, whole or not at all.

    Parameters
    ----------
    connection : sqlite3.Connection
    path : str
        For messages.

    Raises
    ------
    StoreVersionError
        If the file is of a newer version.
    """
    if _check_version(_version(connection), path) == len(MIGRATIONS):
        return
    with transaction(connection):
        # Read again: another process may have migrated while this one waited for the lock.
        version = _check_version(_version(connection), path)
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    # Into the file itself, whose header is looked at before SQLite may touch it.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def transaction(connection):
    """Run statements so that all of them last, or none: on disk when this is left.

    Parameters
    ----------
    connection : sqlite3.Connection
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:  # a Ctrl-C as well: all of it is undone
        if connection.in_transaction:  # SQLite itself rolls back on a full disk
            connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_named(path):
    """Turn SQLite's errors into those of :mod:`skgal.exceptions`, which say what to do.

    Parameters
    ----------
    path : str
        For messages.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None and "decode" in str(error):
            raise corrupt(path, str(error)) from error
        if code is None:  # not SQLite's, but of a wrong use of Python's module
            raise
        raise _named(error, code, path) from error


def _named(error, code, path):
    primary = code & 0xFF
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or code in _IOERR_READING:
        return corrupt(path, str(error))
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StoreFullError(
            errno.ENOSPC,
            f"The store can't be written ({error}): the disk is full, over its quota, or failing. "
            "What was committed before is kept; make room and go on with the same store",
            path,
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreReadOnlyError(
            errno.EACCES,
            f"The store can't be written ({error}); it needs permission to write to the file and "
            "to its folder, where SQLite keeps its log",
            path,
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            f"Another process holds the store {path} for more than {SECONDS_TO_WAIT:g} seconds "
            f"({error})."
        )
    return StoreError(f"SQLite can't use the store {path}: {error}.")


def corrupt(path, reason):
    """Say that a file is damaged.

    Parameters
    ----------
    path, reason : str

    Returns
    -------
    StoreCorruptError
    """
    return StoreCorruptError(
        f"{path} is no store of labels, or is damaged: {reason}. The file is left as it is; "
        f"LabelStore.salvage({path!r}, new_path) rescues what can be read."
    )


def _open(path):
    # Calls are serialised by the store's own lock, so threads may share the connection.
    connection = sqlite3.connect(
        path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
    )
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _create(path):
    """Make a new file beside its place, whole, and move it there: none is ever half made."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The folder of the store {path} doesn't exist; create {target.parent} first."
        ) from None
    except PermissionError as error:
        raise StoreReadOnlyError(
            errno.EACCES, "The store can't be created: its folder can't be written to", path
        ) from error
    os.close(handle)
    try:
        with errors_named(path):
            connection = _open(name)
            try:
                migrate(connection, path)
            finally:
                connection.close()
        _place(name, path)
    finally:
        for leftover in (name, f"{name}-wal", f"{name}-shm"):
            Path(leftover).unlink(missing_ok=True)


def _place(name, path):
    os.chmod(name, 0o666 & ~_umask())
    try:
        os.link(name, path)  # unlike a rename, this never replaces a file
    except FileExistsError:
        return  # another process was faster; its store is as good
    except OSError:  # a file system without hard links
        os.rename(name, path)
    _sync_folder(Path(path).parent)


def _umask():
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _sync_folder(folder):
    """Make the name of a new file last, too, where the system lets one."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_header(path):
    """Look at the first bytes before SQLite may touch the file."""
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except PermissionError as error:
        raise StoreReadOnlyError(errno.EACCES, "The store can't be read", path) from error
    if len(header) < 100:
        raise corrupt(path, f"it has {len(header)} bytes, less than its header")
    if not header.startswith(_HEADER_MAGIC):
        raise corrupt(path, "it doesn't begin as an SQLite file does")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise corrupt(path, "it is an SQLite file of another kind")
    _check_version(int.from_bytes(header[60:64], "big"), path)


def _check_content(path):
    """Check pages, and the log of events, which is what was paid for."""
    # For reading only: closing another connection may write what its log holds into a damaged file.
    uri = f"{Path(path).as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=SECONDS_TO_WAIT)) as connection:
        problems = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        if problems != ["ok"]:
            raise corrupt(path, "; ".join(problems))
        if _version(connection) == len(MIGRATIONS):
            _check_events(connection, path)


def _check_events(connection, path):
    rows = connection.execute(
        "SELECT id, digest, sample, kind, label, annotator, seconds, message, details, at"
        " FROM events ORDER BY id"
    )
    for position, (event, digest, *content) in enumerate(rows, start=1):
        if event != position:
            raise corrupt(path, f"event {position} is missing")
        if digest_event(*content) != digest:
            raise corrupt(path, f"event {event} doesn't match its digest")


def _check_writable(connection, path):
    # SQLite opens a file for reading where it can't write, and says so at the first answer.
    if not os.access(path, os.W_OK):
        raise StoreReadOnlyError(errno.EACCES, "The store can't be written to", path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")


def _version(connection):
    return connection.execute("PRAGMA user_version").fetchone()[0]


def _check_version(version, path):
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"The store {path} is of schema version {version}; this skgal reads versions up to "
            f"{len(MIGRATIONS)}. The file is left as it is; use a newer skgal."
        )
    return version
