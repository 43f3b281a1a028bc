"""What can be rescued of a damaged store, row by row."""

import json
import os
from contextlib import closing
from pathlib import Path

from skgal.active._store_file import connect, transaction
from skgal.active._store_labels import digest_event
from skgal.active._store_pages import read_rows
from skgal.active._store_samples import decode_sample, hash_sample
from skgal.exceptions import StoreCorruptError


def salvage(path, new_path):
    """Write all rows of a damaged store that can be read, and trusted, into a new one.

    Parameters
    ----------
    path, new_path : str

    Raises
    ------
    FileExistsError
        If there is a file at ``new_path``.
    StoreCorruptError
        If no sample can be rescued.
    """
    if os.path.lexists(new_path):
        raise FileExistsError(f"{new_path} exists already; salvage writes to a new file.")
    tables = _read_tables(path)
    if not tables["samples"]:
        raise StoreCorruptError(
            f"Nothing can be rescued from {path}: no sample in it can be read. It is left as it is."
        )
    try:
        with closing(connect(new_path)) as connection, transaction(connection):
            _write_tables(connection, tables)
    except BaseException:  # a Ctrl-C as well: no half a store is left
        for leftover in (new_path, f"{new_path}-wal", f"{new_path}-shm"):
            Path(leftover).unlink(missing_ok=True)
        raise


def _read_tables(path):
    """Rows by table and id; a row tells its table by its number of columns, and by its check."""
    tables = {name: {} for name in _TABLES}
    for rowid, values in read_rows(path):
        for name, (columns, has_id, check) in _TABLES.items():
            row = values[has_id:]  # an id is the rowid, and left out of the row
            if len(values) == has_id + columns.count(",") + 1 and _is_trusted(check, row):
                tables[name][rowid] = row
    return tables


def _is_trusted(check, row):
    try:
        return check(*row)
    except (KeyError, TypeError, ValueError):  # of another table, or damaged
        return False


def _is_note(key, value):
    json.loads(value)
    return isinstance(key, str)


def _is_query(round, strategy, model, at, notes):
    json.loads(notes)
    return round is None or round >= 0


def _is_sample(query, digest, layout, payload, position, latent, belief, details):
    return hash_sample(decode_sample(layout, payload)) == digest


def _is_event(*row):
    *content, digest = row
    return digest_event(*content) == digest


def _is_entry(event, content):
    json.loads(content)
    return event >= 0


_TABLES = {
    "meta": ("key, value", False, _is_note),
    "queries": ("round, strategy, model, at, notes", True, _is_query),
    "samples": (
        "query, hash, format, payload, position, latent, belief, details",
        True,
        _is_sample,
    ),
    "events": (
        "sample, kind, label, annotator, seconds, message, details, at, digest",
        True,
        _is_event,
    ),
    "history": ("event, content", True, _is_entry),
}
"""Columns of each table but its id, whether it has one, and what makes a row trusted."""


def _write_tables(connection, tables):
    samples = tables["samples"]
    events = [(rowid, row) for rowid, row in sorted(tables["events"].items()) if row[0] in samples]
    # The log has no gaps; the history refers to its entries.
    kept = [rowid for rowid, _ in events]
    history = [
        [sum(rowid <= event for rowid in kept), content]
        for _, (event, content) in sorted(tables["history"].items())
    ]
    queries = tables["queries"]
    lost = {row[0] for row in samples.values()} - set(queries)
    now = max(row[7] for _, row in events) if events else ""
    queries = queries | {query: [None, "lost", "lost", now, "{}"] for query in lost}
    told_of = {row[0] for _, row in events}
    events += [(None, _asked(sample, now)) for sample in sorted(set(samples) - told_of)]

    _insert(connection, "meta", "rowid", tables["meta"].items())
    _insert(connection, "queries", "id", sorted(queries.items()))
    _insert(connection, "samples", "id", sorted(samples.items()))
    _insert(connection, "events", "id", enumerate((row for _, row in events), start=1))
    _insert(connection, "history", "id", enumerate(history, start=1))


def _asked(sample, at):
    """Stand in for the event of a sample of which no event was rescued."""
    content = [sample, "asked", None, None, None, "salvaged", None, at]
    return [*content, digest_event(*content)]


def _insert(connection, table, key, rows):
    columns, _, _ = _TABLES[table]
    places = ", ".join("?" * (columns.count(",") + 2))
    connection.executemany(
        f"INSERT INTO {table} ({key}, {columns}) VALUES ({places})",
        ((rowid, *row) for rowid, row in rows),
    )
