"""Rescue what can be read of a damaged store: rows that are there, and match their digests."""

import json
import logging
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import numpy as np

from skgal.active._samples import decode_sample
from skgal.active._store import (
    COLUMNS,
    EXPECTED_SCHEMA,
    KINDS,
    STATUS_OF,
    LabelStore,
    check_regular,
    checksum,
    digest_row,
    insert_row,
    new_content,
    read_schema,
)
from skgal.exceptions import StoreCorruptError
from skgal.utils import decode_label

logger = logging.getLogger("skgal.active")


def salvage_store(path, new_path):
    """Rescue what can be read of a damaged store into a new one.

    Rows that SQLite can't reach, and those that don't match their digest or checksum, are
    left behind; so are events whose sample is lost. The damaged file isn't written to. How
    much was lost is logged, and noted in the new store: ``read_meta("salvaged")``.

    Parameters
    ----------
    path : str or path-like
        The damaged file.
    new_path : str or path-like
        Where to put the new store; there must be none yet.

    Returns
    -------
    LabelStore
        The new store; its :meth:`~LabelStore.counts` say what was rescued.

    Raises
    ------
    FileExistsError
        If there is a file at ``new_path``.
    StoreCorruptError
        If nothing can be rescued.

    See Also
    --------
    LabelStore.backup : Copies a store that is whole.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skgal.active import LabelStore, salvage_store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.db")
    ...     with LabelStore(path) as store:
    ...         store.tell(store.add_query([[0.0], [1.0]]), ["cat", "dog"])
    ...     _ = path.write_bytes(path.read_bytes().replace(b"cat", b"bat"))
    ...     with salvage_store(path, Path(folder, "rescued.db")) as store:
    ...         labels = [record.label for record in store.records()]
    >>> labels
    [None, 'dog']
    """
    path, new_path = os.path.abspath(path), os.path.abspath(new_path)
    if os.path.lexists(new_path):
        raise FileExistsError(f"{new_path} exists already; salvage writes to a new file.")
    tables, n_lost = _read_damaged(path)
    if not tables["samples"]:
        raise StoreCorruptError(
            f"Nothing can be rescued from {path}: no sample in it can be read. It is left as it is."
        )
    try:
        store = LabelStore(new_path)
        with store.transaction() as connection:
            _write_rescued(connection, tables, n_lost)
            store._write_meta("salvaged", n_lost)
    except BaseException:  # also on Ctrl-C: no incomplete store is left
        for suffix in ("", "-wal", "-shm"):
            Path(new_path + suffix).unlink(missing_ok=True)
        raise
    logger.warning("Salvaged %s; rows lost, as far as is known: %s", path, n_lost)
    return store


def _read_damaged(path):
    """Rows of a damaged file that match their digests, by table and id; how many others are not."""
    tables = {}
    n_lost = {}
    check_regular(path)
    check_regular(f"{path}-wal")
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
    # With it, SQLite reads a file that is shorter than its header says.
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _has_schema(path):
    """Whether the first page of a file, which says where tables begin, is that of a store."""
    try:
        with closing(_connect_damaged(path)) as connection:
            return read_schema(connection) == EXPECTED_SCHEMA
    except (sqlite3.Error, UnicodeError):
        return False


def _replace_first_page(path):
    """Write the first page of a new store over that of a file: that of all stores is the same."""
    page = bytearray(new_content()[:4096])
    page[28:32] = (os.path.getsize(path) // 4096).to_bytes(4, "big")
    page[92:96] = page[24:28]  # or SQLite takes the file's own size instead
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
        if row is not None and (not row or not _is_readable(table, *row)):
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


def _is_readable(table, digest, *content):
    """Whether a row matches its digest and can be decoded."""
    *content, payload = content if table == "samples" else (*content, None)
    if digest_row(table, content) != digest:
        return False
    try:
        if table == "samples":
            decode_sample(content[-2], payload)
            return checksum(payload) == content[-1]
        if table == "events":
            decode_label(content[2])
            return content[1] in KINDS
        json.loads(content[-1])
    except Exception:  # damaged values raise errors of any kind, also RecursionError
        return False
    return True


def _write_rescued(connection, tables, n_lost):
    """Write rescued rows: samples with their ids, events renumbered, since the log has no gaps."""
    for row in tables["meta"].values():
        insert_row(connection, "meta", row)
    for sample, (*row, payload) in tables["samples"].items():
        columns = f"id, {COLUMNS['samples']}, digest, payload"
        values = (sample, *row, digest_row("samples", row), payload)
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
