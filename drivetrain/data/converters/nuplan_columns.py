"""The answer to a query as arrays: a nuPlan log has half a million boxes."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from drivetrain.data.converters.contract import UnfitFileError

TOKEN_BYTES = 8
ROWS_AT_ONCE = 1024
"""More are slower: they leave the processor's caches."""

_TYPES = {"t": np.uint64, "i": np.int64, "f": np.float64}


def columns_of(database: sqlite3.Connection, query: str, kinds: str) -> list[Any]:
    """The columns of a query's answer.

    kinds: one letter per column: (t)oken as a number, (i)nteger, (f)loat with NaN for NULL,
    (v)alue as it is.
    Raises: UnfitFileError for tokens that are none; ValueError and its kin for other values.
    """
    pieces: list[list[Any]] = [[] for _ in kinds]
    numbers = [at for at, kind in enumerate(kinds) if kind == "f"]
    for rows in _chunks(database.execute(query)):
        columns = list(zip(*rows, strict=True))
        # One array for all numbers: making it costs more than filling it.
        filled = np.array([columns[at] for at in numbers], np.float64)
        for at, kind in enumerate(kinds):
            is_number = kind == "f"
            piece = filled[numbers.index(at)] if is_number else _column(kind, columns[at])
            pieces[at].append(piece)
    return [_joined(kind, parts) for kind, parts in zip(kinds, pieces, strict=True)]


def _joined(kind: str, parts: list[Any]) -> Any:
    if kind == "v":
        return list(chain.from_iterable(parts))
    return np.concatenate([np.empty(0, _TYPES[kind]), *parts])


def _chunks(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


def _column(kind: str, values: Sequence[Any]) -> Any:
    if kind == "v":
        return values
    if kind == "i":
        return np.array(values, np.int64)
    if {*map(type, values)} != {bytes} or {*map(len, values)} != {TOKEN_BYTES}:
        raise UnfitFileError("bad_tokens")
    return np.frombuffer(b"".join(values), ">u8").astype(np.uint64)
