"""What a query is worth beside a reference, in parts, after Reasoning-SQL (Pourreza et al. 2025).

https://arxiv.org/abs/2503.23157: an answer that is nearly right should be paid something. Four scores, 0 .. 1, that
``Feature`` reads; their weights evolve. Queries run for real, on sqlite, in memory, and can do nothing but read.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from functools import partial
from itertools import pairwise
from typing import Any

from qd.errors import QDError

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_REFUSED = {"random", "randomblob", "load_extension", "date", "time", "datetime", "julianday", "strftime", "unixepoch"}
"""Functions of chance and of the clock: a score must be the same every time."""
_MOST_ROWS = 10_000
_MOST_BYTES = 1_000_000
_WORK = 1000  # instructions between two looks at the count


def sql_scores(query: str, reference: str, script: str, *, instructions: int = 1_000_000) -> dict[str, float]:
    """``runs``, ``execution``, ``schema`` and ``n_gram`` of a query.

    runs: 1 where the query is valid on this schema and only reads. execution: 1 where its rows are the reference's, in
    any order unless the reference orders them. schema: tables and columns read by both over those read by either.
    n_gram: the same of pairs of words.

    Args:
        query: what is scored: any text.
        reference: a query that is right.
        script: SQL that makes the tables and their rows, trusted.
        instructions: of sqlite's machine that a query may take; a count, not a time, so that results do not depend on
            the machine.

    Raises:
        QDError: the script or the reference does not run.

    >>> scores = sql_scores("SELECT b FROM t", "SELECT a FROM t", "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2);")
    >>> {name: round(score, 2) for name, score in scores.items()}
    {'runs': 1.0, 'execution': 0.0, 'schema': 0.0, 'n_gram': 0.43}
    """
    wanted, wanted_reads, error = _run(reference, script, instructions)
    if wanted is None:
        raise QDError(f"sql_scores.reference: {reference!r} does not run: {error}")
    rows, reads, _ = _run(query, script, instructions)
    if rows is not None and not re.search(r"\border\s+by\b", reference, re.IGNORECASE):
        rows, wanted = sorted(rows, key=repr), sorted(wanted, key=repr)
    return {
        "runs": float(reads is not None),
        "execution": float(rows == wanted),
        "schema": _jaccard(reads or set(), wanted_reads or set()),
        "n_gram": _jaccard(_pairs(query), _pairs(reference)),
    }


def _run(query: str, script: str, instructions: int) -> tuple[list[Any] | None, set[Any] | None, str]:
    """(its rows, what it reads, what was wrong); None without rows, and where the query is not valid."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        try:
            connection.executescript(script)
        except sqlite3.Error as error:
            raise QDError(f"sql_scores.script: {error}") from error
        reads: set[tuple[str, str]] = set()
        connection.set_authorizer(partial(_authorise, reads))
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
        looks = iter(range(instructions // _WORK))
        connection.set_progress_handler(lambda: next(looks, None) is None, _WORK)
        try:
            connection.execute(f"EXPLAIN {query}")  # it is compiled, and not run
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            return None, None, str(error)
        known = set(reads)
        try:
            rows = connection.execute(query).fetchmany(_MOST_ROWS + 1)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
            return None, known, str(error)
        return (rows, known, "") if len(rows) <= _MOST_ROWS else (None, known, f"more than {_MOST_ROWS} rows")


def _authorise(reads: set[tuple[str, str]], action: int, first: str | None, second: str | None, *_: Any) -> int:
    if action == sqlite3.SQLITE_READ:
        reads.add((str(first).lower(), str(second).lower()))
    refused = action == sqlite3.SQLITE_FUNCTION and str(second).lower() in _REFUSED
    return sqlite3.SQLITE_OK if action in _ALLOWED and not refused else sqlite3.SQLITE_DENY


def _pairs(query: str) -> set[tuple[str, str]]:
    words = ["", *re.findall(r"\w+|[^\w\s]", query.lower()), ""]
    return set(pairwise(words))


def _jaccard(a: set[Any], b: set[Any]) -> float:
    return len(a & b) / len(a | b) if a | b else 1.0
