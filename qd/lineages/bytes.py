"""Lineages as bytes, for files and messages, and how much smaller than their weights they are.

The format, little-endian: the first seed (8 bytes), the number of mutations g (4 bytes), the number of runs of equal
sigma r (4 bytes); r times a sigma (float32) and how many mutations in a row have it (uint32); g draws (uint32 each),
oldest first. With one sigma that is 24 + 4 g bytes.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.lineages.space import WORDS

_HEAD = struct.Struct("<QII")


def to_bytes(lineage: NDArray[np.uint32]) -> bytes:
    """The bytes of one lineage, a row of words."""
    words = np.ascontiguousarray(lineage, np.uint32)
    if words.ndim != 1 or len(words) < WORDS or len(words) % WORDS:
        raise QDError(f"lineage: got words of shape {words.shape}, wanted 2 of the first seed and 2 a mutation")
    sigmas, drawn = words[WORDS + 1 :: WORDS], words[WORDS::WORDS]
    starts = np.flatnonzero(np.diff(sigmas, prepend=sigmas[:1] + np.uint32(1))) if len(sigmas) else np.zeros(0, int)
    runs = np.empty((len(starts), 2), "<u4")
    runs[:, 0], runs[:, 1] = sigmas[starts], np.diff(np.append(starts, len(sigmas)))
    first = int(words[0]) | int(words[1]) << 32
    return _HEAD.pack(first, len(drawn), len(runs)) + runs.tobytes() + drawn.astype("<u4").tobytes()


def from_bytes(data: bytes) -> NDArray[np.uint32]:
    """The lineage (words,) of its bytes. Raises QDError where they are cut short or do not fit together."""
    if len(data) < _HEAD.size:
        raise QDError(f"lineage: got {len(data)} bytes, its head alone has {_HEAD.size}")
    first, g, r = _HEAD.unpack_from(data)
    if len(data) != _HEAD.size + 8 * r + 4 * g:
        raise QDError(f"lineage: got {len(data)} bytes, but its head announces {_HEAD.size + 8 * r + 4 * g}")
    runs = np.frombuffer(data, "<u4", 2 * r, _HEAD.size).reshape(r, 2)
    if int(runs[:, 1].sum(dtype=np.int64)) != g:
        raise QDError(f"lineage: its runs of sigma cover {int(runs[:, 1].sum())} mutations of {g}")
    words = np.empty(WORDS * (1 + g), np.uint32)
    words[0], words[1] = first & 0xFFFFFFFF, first >> 32
    words[WORDS::WORDS] = np.frombuffer(data, "<u4", g, _HEAD.size + 8 * r)
    words[WORDS + 1 :: WORDS] = np.repeat(runs[:, 0], runs[:, 1])
    return words


def compression(weights: int, mutations: int, sigmas: int = 1) -> float:
    """Bytes of the float32 weights over those of the lineage."""
    return 4.0 * weights / (_HEAD.size + 8 * min(sigmas, mutations) + 4 * mutations)
