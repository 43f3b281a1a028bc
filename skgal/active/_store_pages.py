"""Rows of an SQLite file, straight from its pages: what is left when SQLite itself gives up.

The layout is that of https://www.sqlite.org/fileformat2.html, sections 1.6 (B-tree pages), 2.1
(record format) and 4 (write-ahead log).
"""

import struct
from pathlib import Path

from skgal.active._store_file import PAGE_SIZE

LEAF_OF_TABLE = 0x0D
"""First byte of a page that holds rows; all other pages only lead to such, or are indexes."""

_FILE_HEADER, _LOG_HEADER, _FRAME_HEADER = 100, 32, 24
_LARGEST_LOCAL = PAGE_SIZE - 35
_SMALLEST_LOCAL = (PAGE_SIZE - 12) * 32 // 255 - 23
_INTEGER_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


def read_rows(path):
    """Find rows wherever there is a page that holds such.

    Parameters
    ----------
    path : str
        The file; its write-ahead log is read as well, if there is one.

    Yields
    ------
    tuple (rowid, values)
        Of any table, in no order; values may be wrong where bytes are. A row that was written
        more than once comes once for each time, the newest last.
    """
    for pages, number in _versions(path):
        page = pages[number]
        start = _FILE_HEADER if number == 1 else 0
        if page[start] != LEAF_OF_TABLE:
            continue
        n_cells = int.from_bytes(page[start + 3 : start + 5], "big")
        for cell in range(n_cells):
            pointer = start + 8 + 2 * cell
            offset = int.from_bytes(page[pointer : pointer + 2], "big")
            try:
                yield _read_cell(page, offset, pages)
            except (IndexError, KeyError, ValueError, struct.error):
                continue  # damaged, or continued on a page that is


def _versions(path):
    """Pages by number, and which of them to look at: those of the file, then those of the log."""
    content = Path(path).read_bytes()
    pages = {
        start // PAGE_SIZE + 1: content[start : start + PAGE_SIZE]
        for start in range(0, len(content) - PAGE_SIZE + 1, PAGE_SIZE)
    }
    for number in list(pages):
        yield pages, number
    log = Path(f"{path}-wal")
    content = log.read_bytes() if log.exists() else b""
    step = _FRAME_HEADER + PAGE_SIZE
    for start in range(_LOG_HEADER, len(content) - step + 1, step):
        number = int.from_bytes(content[start : start + 4], "big")
        pages[number] = content[start + _FRAME_HEADER : start + step]
        yield pages, number


def _read_cell(page, offset, pages):
    size, offset = _read_varint(page, offset)
    rowid, offset = _read_varint(page, offset)
    if size <= _LARGEST_LOCAL:
        return rowid, _read_record(_take(page, offset, size))
    local = _SMALLEST_LOCAL + (size - _SMALLEST_LOCAL) % (PAGE_SIZE - 4)
    if local > _LARGEST_LOCAL:
        local = _SMALLEST_LOCAL
    parts, missing = [_take(page, offset, local)], size - local
    number = int.from_bytes(_take(page, offset + local, 4), "big")
    while missing > 0:
        overflow = pages[number]
        parts.append(overflow[4 : 4 + missing])
        missing -= len(parts[-1])
        number = int.from_bytes(overflow[:4], "big")
    return rowid, _read_record(b"".join(parts))


def _read_record(payload):
    header_size, offset = _read_varint(payload, 0)
    kinds = []
    while offset < header_size:
        kind, offset = _read_varint(payload, offset)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, offset = _read_value(payload, offset, kind)
        values.append(value)
    return values


def _read_value(payload, offset, kind):
    if kind == 0:
        return None, offset
    if kind in (8, 9):
        return kind - 8, offset
    if kind in _INTEGER_SIZES:
        size = _INTEGER_SIZES[kind]
        return int.from_bytes(_take(payload, offset, size), "big", signed=True), offset + size
    if kind == 7:
        return struct.unpack(">d", _take(payload, offset, 8))[0], offset + 8
    size = (kind - 12) // 2
    content = _take(payload, offset, size)
    return content if kind % 2 == 0 else content.decode(), offset + size


def _read_varint(content, offset):
    value = 0
    for position in range(offset, offset + 8):
        value = value << 7 | content[position] & 0x7F
        if content[position] < 0x80:
            return value, position + 1
    return value << 8 | content[offset + 8], offset + 9


def _take(content, offset, size):
    taken = content[offset : offset + size]
    if len(taken) < size:
        raise ValueError("The bytes end too early.")
    return taken
