"""Ancestors written to disk, so that lineages of thousands of generations need not be grown from their first seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from qd.codec import decode, encode
from qd.errors import CheckpointError, QDError

if TYPE_CHECKING:
    from qd.lineages.decoder import Decoder


def write_keyframe(path: str | Path, decoder: Decoder, lineage: NDArray[np.uint32]) -> None:
    """Write one ancestor: its words, its weights, and a checksum of both."""
    words, grown = np.ascontiguousarray(lineage, np.uint32), decoder.grown(lineage)
    tree = {"words": words, "grown": grown, "crc32": crc32(grown.tobytes(), crc32(words.tobytes()))}
    Path(path).write_bytes(encode(tree))


def read_keyframe(path: str | Path, decoder: Decoder) -> bool:
    """Let a decoder start from a written ancestor: False, and lineages grow from further back, where it is missing.

    Raises QDError where the file is altered or of networks of another size: weights would be wrong without a word.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return False
    try:
        tree = decode(data)
        words, grown, written = tree["words"], tree["grown"], tree["crc32"]
        sound = crc32(grown.tobytes(), crc32(words.tobytes())) == written
    except (CheckpointError, KeyError, AttributeError, TypeError) as error:
        raise QDError(f"keyframe {path}: {error}; delete it, and lineages are grown from their seeds") from error
    if not sound:
        raise QDError(f"keyframe {path}: its checksum does not fit, so it was altered; delete it, and lineages are "
                      "grown from their seeds")  # fmt: skip
    decoder.keep({words.tobytes(): grown})
    return True
