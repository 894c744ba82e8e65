"""Checkpoints: atomic, checksummed, the last two kept; a damaged one is named and the one before is used."""

from __future__ import annotations

import logging
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from qd.codec import decode, decode_header, encode_parts, header_bytes
from qd.errors import CheckpointError
from qd.store.files import FORMAT, write_atomic

log = logging.getLogger("qd")

_HEAD = b"qd checkpoint %d\n"
_KEPT = 2


def write_checkpoint(folder: Path, number: int, tree: Any, touched: bool) -> Path:
    """Write checkpoint ``number`` and drop those no longer needed.

    Args:
        folder: the run's ``checkpoints/``.
        number: rises with every checkpoint of the run.
        tree: plain data, see ``qd.codec``.
        touched: whether the budget has shaped what was asked (a cut request, a closing stage). The newest
            untouched one is kept too: a run whose budget is raised goes on from there.

    Raises:
        OSError: the disk is full or gone; the older checkpoints are untouched.
    """
    body = encode_parts(tree)  # views of the archives' columns: never a second copy of them
    head = _HEAD % FORMAT
    checksum = sha256(head)
    for part in body:
        checksum.update(part)
    path = folder / f"{number:08d}-{'touched' if touched else 'clean'}.qdc"
    write_atomic(path, lambda file: file.writelines([head, checksum.digest(), *body]))
    everything = checkpoints(folder)
    clean = [file for file in everything if file.stem.endswith("clean")]
    for file in everything[_KEPT:]:
        if clean[:1] != [file]:
            file.unlink(missing_ok=True)
    if hasattr(os, "O_DIRECTORY"):
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    return path


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoint files, newest first."""
    return sorted(folder.glob("*.qdc"), reverse=True)


def read_checkpoint(path: Path) -> Any:
    """The tree of one checkpoint. Raises CheckpointError that says what is wrong. Executes nothing."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error
    head = _HEAD % FORMAT
    if not data.startswith(head):
        first = data.split(b"\n", 1)[0][:40]
        raise CheckpointError(f"{path}: starts with {first!r}, wanted {head.strip()!r}: another format, or damaged")
    digest, body = data[len(head) : len(head) + 32], memoryview(data)[len(head) + 32 :]
    checksum = sha256(head)
    checksum.update(body)
    if checksum.digest() != digest:
        raise CheckpointError(f"{path}: its checksum does not match: it was cut short or changed")
    return decode(body)


def peek(path: Path) -> Any:
    """The tree of one checkpoint without its arrays, and unchecked: quick, however large the archives are.

    Raises CheckpointError where its beginning is damaged.
    """
    head = _HEAD % FORMAT
    try:
        with open(path, "rb") as file:
            if file.read(len(head)) != head:
                raise CheckpointError(f"{path}: another format, or damaged")
            file.seek(len(head) + 32)
            size = min(header_bytes(file.read(16)), path.stat().st_size)
            file.seek(len(head) + 32)
            return decode_header(file.read(size))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from error


def read_newest(folder: Path, clean: bool = False) -> Any:
    """The tree of the newest good checkpoint; damaged ones are named in the log and passed over.

    Args:
        folder: the run's ``checkpoints/``.
        clean: only those that the budget has not touched.
    """
    files = [file for file in checkpoints(folder) if not clean or file.stem.endswith("clean")]
    problems = []
    for file in files:
        try:
            tree = read_checkpoint(file)
        except CheckpointError as error:
            log.warning("%s", error)
            problems.append(str(error))
            continue
        if problems:
            log.warning("going on from the one before: %s", file)
        return tree
    raise CheckpointError(f"{folder}: no good checkpoint" + "".join(f"; {problem}" for problem in problems))
