"""The SQLite file under a store: its schema, how it is created, opened, checked and salvaged."""

import errno
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np

from skgal.active._labels import decode_label
from skgal.active._store_samples import decode_sample
from skgal.exceptions import (
    StoreCorruptError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreVersionError,
)

SECONDS_TO_WAIT = 60.0
"""How long to wait for another process to finish its transaction."""

STATUS_OF = {
    "asked": "pending",
    "reopened": "pending",
    "answered": "answered",
    "imported": "answered",
    "aggregated": "answered",
    "declined": "declined",
    "failed": "failed",
    "withdrawn": "withdrawn",
}
"""The status that an event gives its sample; those of the other kinds leave it as it is."""

KINDS = {*STATUS_OF, "surplus", "refused", "replicate"}

APPLICATION_ID = 0x736B676C
"""Marks the file as ours: "skgl" in the header of an SQLite file."""

VERSION = 2

SCHEMA = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL, digest TEXT NOT NULL);
    CREATE TABLE samples (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash TEXT NOT NULL, round INTEGER, strategy TEXT NOT NULL, model TEXT NOT NULL,
        position INTEGER, latent BLOB, prediction TEXT, details TEXT, at TEXT NOT NULL,
        format TEXT NOT NULL, checksum TEXT NOT NULL, digest TEXT NOT NULL, payload BLOB NOT NULL
    );
    CREATE INDEX samples_by_hash ON samples (hash);
    CREATE TABLE events (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sample INTEGER NOT NULL REFERENCES samples, kind TEXT NOT NULL, label TEXT, annotator TEXT,
        seconds REAL, message TEXT, details TEXT, at TEXT NOT NULL, digest TEXT NOT NULL
    );
    CREATE INDEX events_by_sample ON events (sample);
    CREATE INDEX events_of_change ON events (id)
        WHERE kind NOT IN ('asked', 'surplus', 'refused', 'replicate');
    CREATE TABLE states (
        sample INTEGER PRIMARY KEY REFERENCES samples, status TEXT NOT NULL, event INTEGER NOT NULL
    );
    CREATE INDEX states_by_status ON states (status);
    CREATE TABLE history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        event INTEGER NOT NULL, kind TEXT NOT NULL, content TEXT NOT NULL, digest TEXT NOT NULL
    );
    CREATE INDEX history_by_kind ON history (kind, event)
"""

COLUMNS = {
    "meta": "key, value",
    "samples": "hash, round, strategy, model, position, latent, prediction, details, at, format,"
    " checksum",
    "events": "sample, kind, label, annotator, seconds, message, details, at",
    "history": "event, kind, content",
}
"""What the digest of a row is of; the payload of a sample has a checksum, which is among it."""


# Rows and their digests


def insert_row(connection, table, content, payload=None):
    """Insert a row with its digest; return its id."""
    columns, values = f"{COLUMNS[table]}, digest", (*content, _digest(table, content))
    if payload is not None:
        columns, values = f"{columns}, payload", (*values, payload)
    places = ", ".join("?" * len(values))
    return connection.execute(
        f"INSERT INTO {table} ({columns}) VALUES ({places})", values
    ).lastrowid


def _digest(table, content):
    """Hash a row, so that a single flipped bit shows."""
    text = repr((table, *content)).encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def checksum(payload):
    return hashlib.blake2b(payload, digest_size=16).hexdigest()


# The file


def open_file(path):
    """Open a store's file, creating it if there is none, and check all that it says."""
    if path == ":memory:":
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.executescript(SCHEMA)
        return connection
    if not os.path.lexists(path):
        _create(path)
    _check_header(path)
    with errors_named(path):
        # First for reading only: a connection that may write would fold a log into a damaged file.
        uri = f"{Path(path).as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=SECONDS_TO_WAIT)) as connection:
            _verify(connection, path)
        if not os.access(path, os.W_OK):
            raise StoreReadOnlyError(errno.EACCES, "The store can't be written to", path)
        # Calls are serialised by the store's own lock, so threads may share the connection.
        connection = sqlite3.connect(
            path, timeout=SECONDS_TO_WAIT, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            # SQLite opens a file for reading where it can't write, and says so when it is late.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        except BaseException:  # a Ctrl-C as well: no connection stays open
            connection.close()
            raise
    return connection


def _new_content():
    """The bytes of a store without samples."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.executescript(SCHEMA)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        return connection.serialize()


def _create(path):
    """Make a new file beside its place, whole, and link it there: none is ever half made."""
    if os.path.lexists(f"{path}-wal") and not os.path.lexists(
        path
    ):  # SQLite would take it for the log of the new file
        raise StoreError(
            f"There is no store {path}, but its log {path}-wal, which may have labels in it: the "
            "store was deleted or moved alone. Move it back, or the log away."
        )
    name = f"{path}.{secrets.token_hex(8)}.new"
    try:
        with open(name, "xb") as file:
            file.write(_new_content())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(name, path)  # unlike a rename, this never replaces a file
        except FileExistsError:
            return  # another process was faster; its store is as good
        except OSError:  # a file system without hard links
            os.rename(name, path)
        _sync_folder(os.path.dirname(path))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The folder of the store {path} doesn't exist; create {os.path.dirname(path)} first."
        ) from None
    except PermissionError as error:
        raise StoreReadOnlyError(
            errno.EACCES, "The store can't be created: its folder can't be written to", path
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(name)


def _sync_folder(folder):
    """Make the name of a new file last, too, where the system lets one."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def touch(path):
    """Make an empty file, unless there is one; refuse links and folders in its place."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        os.close(os.open(path, flags, 0o666))
    except PermissionError as error:
        raise StoreReadOnlyError(errno.EACCES, "The lock can't be written to", path) from error
    except OSError as error:
        raise StoreError(
            f"The lock of a store needs a file {path}, but there is a link, a folder or something "
            f"else ({error.strerror}); move it away."
        ) from error


def identify(path):
    """Which file a path leads to: device and inode."""
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _check_header(path):
    """Look at the first bytes before SQLite may touch the file."""
    try:
        with open(path, "rb") as file:
            header = file.read(100)
    except PermissionError as error:
        raise StoreReadOnlyError(errno.EACCES, "The store can't be read", path) from error
    except IsADirectoryError:
        raise StoreError(f"{path} is a folder; a store is a file.") from None
    if len(header) < 100:
        raise corrupt(path, f"it has {len(header)} bytes, less than its header")
    if not header.startswith(b"SQLite format 3\0"):
        raise corrupt(path, "it doesn't begin as an SQLite file does")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise corrupt(path, "it is an SQLite file of another kind")
    version = int.from_bytes(header[60:64], "big")
    if version != VERSION:
        raise StoreVersionError(
            f"The store {path} is of schema version {version}; this skgal reads version {VERSION}. "
            "The file is left as it is; use the skgal that wrote it."
        )


def _verify(connection, path):
    """Check the schema, the pages, and every row but the payloads of samples."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("BEGIN")  # one state of the file, whoever writes meanwhile
    if _read_schema(connection) != _EXPECTED_SCHEMA:
        raise corrupt(path, "it has other tables, views or triggers than a store")
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
    if problems != ["ok"]:
        raise corrupt(path, "; ".join(map(str, problems)))
    for table, columns in COLUMNS.items():
        rows = connection.execute(f"SELECT rowid, digest, {columns} FROM {table}")
        for rowid, digest, *content in rows:
            if _digest(table, content) != digest:
                name = content[0] if table == "meta" else rowid
                raise corrupt(path, f"{table} {name} doesn't match its digest")
    states = {}
    for event, sample, kind in connection.execute("SELECT id, sample, kind FROM events"):
        if kind not in KINDS:
            raise corrupt(path, f"event {event} is of no known kind")
        if kind in STATUS_OF:
            states[sample] = (STATUS_OF[kind], event)
    found = {row[0]: row[1:] for row in connection.execute("SELECT * FROM states")}
    samples = {row[0] for row in connection.execute("SELECT id FROM samples")}
    if states != found or samples != set(states):
        raise corrupt(path, "samples and events don't belong together")
    # SQLite counts what was ever added; rows of a log are never removed.
    added = dict(connection.execute("SELECT name, seq FROM sqlite_sequence"))
    for table in ("samples", "events", "history"):
        query = f"SELECT coalesce(max(id), 0), count(*) FROM {table}"
        last, n_rows = connection.execute(query).fetchone()
        if added.pop(table, 0) != last or (table != "samples" and n_rows != last):
            raise corrupt(path, f"{table} are missing")
    if added:
        raise corrupt(path, f"rows of {', '.join(map(str, added))} are missing")


def _read_schema(connection):
    return sorted(
        connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master"), key=repr
    )


def _make_expected_schema():
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        return _read_schema(connection)


_EXPECTED_SCHEMA = _make_expected_schema()


@contextmanager
def run_transaction(connection):
    """Run statements so that all of them last, or none: on disk when this is left."""
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
    """Turn SQLite's errors into those of :mod:`skgal.exceptions`, which say what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's message cites a damaged name
        raise corrupt(path, repr(error.object)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None and "decode" in str(error):
            raise corrupt(path, str(error)) from error
        if code is None:  # not SQLite's, but of a wrong use of Python's module
            raise
        raise _named(error, code, path) from error


def _named(error, code, path):
    primary = code & 0xFF
    io_reading = (sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ)
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or code in io_reading:
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
    return StoreCorruptError(
        f"{path} is no store of labels, or is damaged: {reason}. The file is left as it is; "
        f"LabelStore.salvage({path!r}, new_path) rescues what can be read."
    )


# Salvaging: rows are looked up one by one, so that a bad page hides only those that are on it


def read_damaged(path):
    """Rows of a damaged file that match their digests, by table and id; how many others are not."""
    tables = {}
    n_lost = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy.db")
        shutil.copyfile(path, copy)
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}-wal", f"{copy}-wal")
        if not _has_schema(copy):
            _replace_first_page(copy)
        with closing(_connect_damaged(copy)) as connection:
            for table, columns in COLUMNS.items():
                tables[table], n_lost[table] = _read_rows(connection, table, columns)
    return tables, n_lost


def _connect_damaged(path):
    connection = sqlite3.connect(path, isolation_level=None)
    # So that a file is read that is shorter than it says.
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _has_schema(path):
    """Whether the first page of a file, which says where tables begin, is that of a store."""
    try:
        with closing(_connect_damaged(path)) as connection:
            return _read_schema(connection) == _EXPECTED_SCHEMA
    except (sqlite3.Error, UnicodeError):
        return False


def _replace_first_page(path):
    """Write the first page of a new store over that of a file: those of all stores are alike."""
    page = bytearray(_new_content()[:4096])
    page[28:32] = (os.path.getsize(path) // 4096).to_bytes(4, "big")
    page[92:96] = page[24:28]  # or SQLite wouldn't believe this number of pages
    with open(path, "r+b") as file:
        file.write(page)
    with suppress(FileNotFoundError):  # it may hold another first page, and be damaged
        os.unlink(f"{path}-wal")


def _read_rows(connection, table, columns):
    names = f"digest, {columns}" + (", payload" if table == "samples" else "")
    rows, lost = {}, 0
    for rowid in range(1, _last_rowid(connection, table) + 1):
        try:
            row = connection.execute(
                f"SELECT {names} FROM {table} WHERE rowid = ?", (rowid,)
            ).fetchone()
        except (sqlite3.Error, UnicodeError):  # on a bad page
            row = ()
        if row is not None and (not row or not _is_whole(table, *row)):
            lost += 1
        elif row is not None:
            rows[rowid] = row[1:]
    return rows, lost


def _last_rowid(connection, table):
    """The highest id that a table may have: of several ways to ask, the largest answer."""
    answers = [0]
    for query in (
        f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'",
        f"SELECT max(rowid) FROM {table}",
        f"SELECT max(sample) FROM states WHERE '{table}' = 'samples'",
        f"SELECT max(event) FROM states WHERE '{table}' = 'events'",
    ):
        with suppress(sqlite3.Error):
            answers += [value for (value,) in connection.execute(query) if isinstance(value, int)]
    return min(max(answers), 10**9)


def _is_whole(table, digest, *content):
    """Whether a row matches its digest and can be decoded."""
    *content, payload = content if table == "samples" else (*content, None)
    if _digest(table, content) != digest:
        return False
    try:
        if table == "samples":
            decode_sample(content[-2], payload)
            return checksum(payload) == content[-1]
        if table == "events":
            decode_label(content[2])
            return content[1] in KINDS
        json.loads(content[-1])
    except Exception:  # damaged values raise almost anything, a RecursionError for one
        return False
    return True


def write_salvaged(connection, tables, n_lost):
    """Write rescued rows: samples with their ids, events renumbered, since the log has no gaps."""
    for row in tables["meta"].values():
        insert_row(connection, "meta", row)
    for sample, (*row, payload) in tables["samples"].items():
        columns = f"id, {COLUMNS['samples']}, digest, payload"
        values = (sample, *row, _digest("samples", row), payload)
        places = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO samples ({columns}) VALUES ({places})", values)
    events = [row for row in tables["events"].items() if row[1][0] in tables["samples"]]
    n_lost["events"] += len(tables["events"]) - len(events)
    states, new_ids = {}, []
    told_of = {row[0] for _, row in events if row[1] in STATUS_OF}
    orphans = [
        (0, (sample, "asked", None, None, None, "salvaged", None, row[8]))
        for sample, row in tables["samples"].items()
        if sample not in told_of
    ]
    for old_id, row in sorted([*orphans, *events], key=lambda item: item[0]):
        event = insert_row(connection, "events", row)
        new_ids.append(old_id)
        if row[1] in STATUS_OF:
            states[row[0]] = (row[0], STATUS_OF[row[1]], event)
    connection.executemany("INSERT INTO states VALUES (?, ?, ?)", states.values())
    for event, kind, content in tables["history"].values():
        new_event = int(np.searchsorted(new_ids, event, side="right"))
        insert_row(connection, "history", (new_event, kind, content))
