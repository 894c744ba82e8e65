"""Addressed randomness: every random number has an address, none is consumed from a shared stream.

This is the only module that makes generators. A generation's generator is a function of (run seed, stream,
generation), and a row's seed a function of (run seed, draw); so a generation can be made again without its
history, resuming needs no generator state, and the number of ranks cannot matter.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_27, _30, _31 = np.uint64(27), np.uint64(30), np.uint64(31)
_MASK = (1 << 64) - 1


class _Address(np.random.bit_generator.ISeedSequence):
    """Hashes an address to the 192 bits that SFC64 starts from; numpy's SeedSequence does it too, in ten times as long.

    Two chains of SplitMix64's finaliser over the parts of the address, so that two addresses meet by chance only:
    with a million in use, once in 2^88.
    """

    def __init__(self, seed: int, stream: int, generation: int) -> None:
        a, b = 0x243F6A8885A308D3, 0x13198A2E03707344  # digits of pi
        for part in (seed & _MASK, seed >> 64, stream, generation):
            a = _splitmix_int(a ^ part)
            b = _splitmix_int((b + part) & _MASK)
        self._words = np.array([a, b, _splitmix_int(a ^ b)], np.uint64)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        """The words that a bit generator asks for: three of 64 bits for SFC64."""
        if n_words != 3 or np.dtype(dtype) != np.uint64:
            raise NotImplementedError("addresses seed SFC64 only")
        return self._words


def generator(seed: int, stream: str, generation: int = 0) -> np.random.Generator:
    """The generator at the address (seed, stream, generation).

    Args:
        seed: the run's seed, any non-negative integer.
        stream: what the numbers are for, e.g. ``"variation"``; streams are independent.
        generation: the generation or request number, non-negative.

    >>> int(generator(1, "variation", 7).integers(1000)) == int(generator(1, "variation", 7).integers(1000))
    True
    """
    return np.random.Generator(np.random.SFC64(_Address(seed, crc32(stream.encode()), generation)))  # type: ignore[arg-type]


def row_generator(seed: int) -> np.random.Generator:
    """The generator of one evaluation, from the 64-bit seed that the loop gave its row."""
    return np.random.Generator(np.random.SFC64(_Address(int(seed), 0, 0)))  # type: ignore[arg-type]


def row_seeds(seed: int, draws: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One 64-bit seed a row: a counter hash of (run seed, draw).

    Args:
        seed: the run's seed.
        draws: (n,) draw numbers; equal draws give equal seeds (common random numbers).

    Returns:
        (n,) seeds. The finaliser is that of SplitMix64 (Steele, Lea and Flood 2014), applied twice.
    """
    key = np.uint64(_splitmix_int((seed & _MASK) ^ _splitmix_int(seed >> 64)))
    return _splitmix(_splitmix(np.asarray(draws, np.uint64)) ^ key)


def derived_seeds(seeds: NDArray[np.uint64], repeat: int) -> NDArray[np.uint64]:
    """Seeds of repeat number ``repeat`` of the same rows; repeat 0 keeps the seeds as they are."""
    if repeat == 0:
        return seeds
    return _splitmix(seeds ^ np.uint64(_splitmix_int(repeat)))


def _splitmix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = x + _GOLDEN  # arrays of uint64 wrap around silently
    for shift, factor in ((_30, _MIX_1), (_27, _MIX_2)):
        z ^= z >> shift
        z *= factor
    z ^= z >> _31
    return z


def _splitmix_int(x: int) -> int:
    z = (x + int(_GOLDEN)) & _MASK
    z = ((z ^ (z >> 30)) * int(_MIX_1)) & _MASK
    z = ((z ^ (z >> 27)) * int(_MIX_2)) & _MASK
    return z ^ (z >> 31)
