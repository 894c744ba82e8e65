"""Answers of models that outlive the process: a small table on disk that several processes share."""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path
from threading import RLock
from time import sleep
from typing import Any, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError

log = logging.getLogger("qd")

T = TypeVar("T")
Answer = NDArray[Any] | str
"""What is kept under a key: a small array of numbers, or a text."""

_FORMAT = 1
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT)
_PATIENCE = 60.0  # seconds to wait for another process that writes
_TRIES = 100
_AT_ONCE = 500  # keys a query; SQLite takes at least 999
_IN_MEMORY = 1_000_000  # answers that are kept where there is no folder, the oldest go


def answer_key(*parts: bytes | str | int) -> bytes:
    """The 16-byte key of what an answer depends on; parts of another type or cut elsewhere make another key.

    >>> answer_key("model", "text", 3) == answer_key("model", "text3")
    False

    Raises:
        QDError: for a part that is neither bytes nor text nor a whole number.
    """
    digest = blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, bytes):
            kind, data = b"b", part
        elif isinstance(part, str):
            kind, data = b"s", part.encode(errors="surrogatepass")
        elif isinstance(part, int | np.integer):
            kind, data = b"i", str(int(part)).encode()
        else:
            raise QDError(f"answer_key: got a {type(part).__name__}, wanted bytes, text or a whole number")
        digest.update(kind + struct.pack("<Q", len(data)) + data)
    return digest.digest()


class AnswerStore:
    """Keys of bytes, each with a small array or a text, in one file that any number of processes read and write.

    What was put is there after a ``kill -9`` and after a restart. Every value carries a checksum; one that does not
    match is as good as absent. A file that is damaged as a whole is set aside, and a new one begun. A folder that
    cannot be written to (a full disk, no permission) ends nothing: one warning names it, and what comes from then on is
    kept in memory. The folder should be on a disk of this machine: network file systems lock badly.

    >>> store = AnswerStore()
    >>> key = answer_key("model", "What is new?")
    >>> store.put_many([key], ["Nothing."])
    >>> store.get_many([key, answer_key("other")])
    ['Nothing.', None]

    Args:
        folder: where the file lies, made where it is missing; None: in memory, for this process alone.

    Raises:
        QDError: where ``folder`` is a file.
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise QDError(f"AnswerStore.folder: {self.folder} is a file, wanted a folder")
        self._begin()

    def _begin(self) -> None:
        self._memory: dict[bytes, bytes] = {}
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._parents: sqlite3.Connection | None = None
        self._path = Path()
        self._process = os.getpid()
        self._readable = self._writable = self.folder is not None
        self._warned = False

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.folder = state["folder"]
        self._begin()

    def get_many(self, keys: Sequence[bytes]) -> list[Answer | None]:
        """The answer of each key, None where there is none."""
        _check(keys)
        with self._lock:
            found = {key: self._memory[key] for key in keys if key in self._memory}
            missing = [key for key in dict.fromkeys(keys) if key not in found]
            if missing and self._readable:
                found.update(self._tried(lambda: self._select(missing), "read") or {})
        return [_unpacked(key, found[key]) if key in found else None for key in keys]

    def put_many(self, keys: Sequence[bytes], answers: Sequence[Answer]) -> None:
        """Keep an answer a key; of two under one key, the later."""
        _check(keys)
        rows = [(key, _packed(key, answer)) for key, answer in zip(keys, answers, strict=True)]
        if not rows:
            return
        with self._lock:
            if self._writable and self._tried(lambda: self._insert(rows), "written"):
                return
            self._memory.update(rows)
            for key in list(self._memory)[: max(0, len(self._memory) - _IN_MEMORY)]:
                del self._memory[key]

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    # ------------------------------------------------------------ the file

    def _tried(self, action: Callable[[], T], verb: str) -> T | None:
        """What an action on the file gives. None where it cannot be; then the store goes on without."""
        for _ in range(3):  # files that are found damaged
            try:
                return action()
            except (sqlite3.Error, OSError) as error:
                if _code(error) not in _DAMAGED or not self._set_aside(error):
                    self._give_up(error, verb)
                    return None
        return None

    def _select(self, keys: list[bytes]) -> dict[bytes, bytes]:
        connection = self._open()
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            found.update(connection.execute(f"SELECT key, value FROM answers WHERE key IN ({marks})", some).fetchall())
        return found

    def _insert(self, rows: list[tuple[bytes, bytes]]) -> bool:
        connection = self._open()
        with _transaction(connection):
            connection.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
        return True

    def _open(self) -> sqlite3.Connection:
        """The connection of this process; one that came over a fork is left alone."""
        if self._connection is not None and self._process == os.getpid():
            return self._connection
        assert self.folder is not None
        self._parents = self._connection  # of the process that this one was forked from: closing it is not for us
        self._process = os.getpid()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._path = _in_use(self.folder)
            self._connection = _connected(self._path, "mode=rwc")
        except (sqlite3.OperationalError, OSError) as error:
            if not self._path.is_file() or _code(error) in _DAMAGED:
                raise
            self._give_up(error, "written")  # what is there can be read, though nothing can be added
            self._connection = _connected_to_read(self._path)
        return self._connection

    def _set_aside(self, error: BaseException) -> bool:
        """Mark a damaged file as not to be used, so that all processes go on with the next. Returns whether it is."""
        self.close()
        try:
            _mark(self._path).touch(exist_ok=False)
        except FileExistsError:
            return True  # another process has been here
        except OSError:
            return False
        log.warning("%s: the stored answers are damaged (%s). The file is set aside and a new one begun: %s",
                    self._path, error, _in_use(self._path.parent).name)  # fmt: skip
        return True

    def _give_up(self, error: Exception, verb: str) -> None:
        if verb == "read":
            self._readable = False
        self._writable = False
        if not self._warned:
            log.warning("%s: answers cannot be %s there (%s). The run goes on and keeps new ones in memory; after an "
                        "interruption they are asked for again. Free some space, or give a folder that can be written "
                        "to", self.folder, verb, error)  # fmt: skip
        self._warned = True


def _in_use(folder: Path) -> Path:
    """The file of a folder: the first that is not marked as damaged.

    A damaged file keeps its name: SQLite finds the files beside it by that, and other processes may have it open.
    """
    names = (folder / f"answers{f'-{number}' if number else ''}.sqlite" for number in count())
    return next(path for path in names if not _mark(path).exists())


def _mark(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _connected(path: Path, how: str) -> sqlite3.Connection:
    """A connection to a file that is made where it is missing. Raises sqlite3.Error."""
    for left in range(_TRIES, -1, -1):
        connection = _raw(path, how)
        try:
            connection.execute("PRAGMA journal_mode=WAL")  # readers and a writer at once; whole after a kill
            connection.execute("PRAGMA synchronous=NORMAL")
            with _transaction(connection):
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version not in (0, _FORMAT):
                    error = sqlite3.DatabaseError(f"format {version}, wanted {_FORMAT}")
                    error.sqlite_errorcode = sqlite3.SQLITE_FORMAT
                    raise error
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA user_version={_FORMAT}")
            return connection
        except BaseException as error:
            connection.close()
            if not left or _code(error) != sqlite3.SQLITE_BUSY:
                raise
        sleep(0.05)  # two processes make the file at once: turning on the log does not wait by itself
    raise AssertionError


def _connected_to_read(path: Path) -> sqlite3.Connection:
    """A connection to a file that cannot be written. Raises sqlite3.Error."""
    connection = _raw(path, "mode=ro")
    try:
        connection.execute("SELECT key FROM answers LIMIT 1")
        return connection
    except sqlite3.OperationalError:  # the files beside it cannot be made
        connection.close()
        return _raw(path, "immutable=1")


def _raw(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{how}"
    return sqlite3.connect(uri, _PATIENCE, isolation_level=None, check_same_thread=False, uri=True)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself where the disk is full
            connection.execute("ROLLBACK")
        raise


def _code(error: BaseException) -> int:
    """SQLite's primary code of an error, 0 for another kind."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


# ---------------------------------------------------------------- values


def _check(keys: Sequence[bytes]) -> None:
    for key in keys:
        if not isinstance(key, bytes) or not 16 <= len(key) <= 32:
            raise QDError(f"AnswerStore: got the key {key!r}, wanted 16 to 32 bytes, as answer_key makes them")


def _packed(key: bytes, answer: Answer) -> bytes:
    """Kind, shape and numbers, or text; then a checksum over it and the key."""
    if isinstance(answer, str):
        data = b"s" + answer.encode(errors="surrogatepass")
    else:
        array = np.asarray(answer)
        if array.dtype.kind not in "biuf":
            raise QDError(f"AnswerStore: got an array of {array.dtype}, wanted numbers, or a text")
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        about = f"{array.dtype.str} {','.join(map(str, array.shape))}".encode()
        data = b"a" + bytes([len(about)]) + about + array.tobytes()
    return data + struct.pack("<I", crc32(data, crc32(key)))


def _unpacked(key: bytes, packed: bytes) -> Answer | None:
    """The answer, None where it is not what was written."""
    data, check = packed[:-4], packed[-4:]
    if check != struct.pack("<I", crc32(data, crc32(key))):
        log.warning("a stored answer (key %s) is damaged and is taken as absent", key.hex())
        return None
    if data[:1] == b"s":
        return data[1:].decode(errors="surrogatepass")
    start = 2 + data[1]
    dtype, _, shape = data[2:start].decode().partition(" ")
    sizes = tuple(int(size) for size in shape.split(",") if size)
    return np.frombuffer(data[start:], dtype).reshape(sizes).copy()
