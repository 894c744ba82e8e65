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
    """Write one ancestor: its words, its weights, and checksums of both and of the scale that weights start at."""
    words, grown = np.ascontiguousarray(lineage, np.uint32), decoder.grown(lineage)
    sound = crc32(grown.tobytes(), crc32(words.tobytes()))
    tree = {"words": words, "grown": grown, "crc32": sound, "start": _start(decoder)}
    Path(path).write_bytes(encode(tree))


def read_keyframe(path: str | Path, decoder: Decoder) -> bool:
    """Let a decoder start from a written ancestor: False, and lineages grow from further back, where it is missing.

    Raises QDError where the file is altered, or of networks of another size or of first weights at another scale:
    weights would be wrong without a word.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return False
    try:
        tree = decode(data)
        words, grown, written, start = tree["words"], tree["grown"], tree["crc32"], tree["start"]
        sound = crc32(grown.tobytes(), crc32(words.tobytes())) == written
    except (CheckpointError, KeyError, AttributeError, TypeError) as error:
        raise QDError(f"keyframe {path}: {error}; delete it, and lineages are grown from their seeds") from error
    if not sound:
        raise QDError(f"keyframe {path}: its checksum does not fit, so it was altered; delete it, and lineages are "
                      "grown from their seeds")  # fmt: skip
    if start != _start(decoder):
        raise QDError(f"keyframe {path}: its first weights have other standard deviations than init_sigma of "
                      f"{decoder.space!r}; it belongs to another problem")  # fmt: skip
    decoder.keep({words.tobytes(): grown})
    return True


def _start(decoder: Decoder) -> int:
    """A checksum of the standard deviations that first weights have."""
    sigma = np.broadcast_to(np.asarray(decoder.space.init_sigma, "<f4"), (decoder.space.weights,))
    return crc32(sigma.tobytes())
