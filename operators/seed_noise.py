"""Noise that is an integer function of a seed: the mutations and first weights of networks that are stored as seeds.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011, https://doi.org/10.1145/2063384.2063405): any weight
of any mutation can be computed alone, on any device, in any order. Each block of 128 bits gives eight normals of 16
bits, by a table of the inverse distribution function: fixed point with 12 fractional bits, at most 4.33 in size,
symmetric to the bit.

A weight is an int32 in units of 2^-24, so weights lie within 128 on either side of 0. What a mutation adds is one
float32 product, rounded to the nearest whole unit, and whole numbers are summed: the order of the sum does not
matter, and neither does the machine. ``qd.lineages`` documents the format that is built on it.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

UNIT = 2.0**-24  # of a weight
_FRACTION = 4096.0  # of the table's fixed point
_TABLE_CRC32 = 0x24DCCC6F
_MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_32 = np.uint64(32)
INITIAL, MUTATION = 0, 1  # what the noise is for: the third word of the counter


@cache
def normal_table() -> NDArray[np.int16]:
    """(32768,) the upper half of the normal distribution's quantiles in units of 2^-12, each at the middle of its bin.

    Raises ValueError where this machine's arithmetic gives another table than the one that lineages are written with.
    """
    from statistics import NormalDist
    from zlib import crc32

    quantile = NormalDist().inv_cdf
    table = np.array([round(_FRACTION * quantile(0.5 + (i + 0.5) / 65536)) for i in range(32768)], np.int16)
    if crc32(table.astype("<i2").tobytes()) != _TABLE_CRC32:
        raise ValueError(
            "the table of normals differs from the one that lineages are written with: weights decoded on this machine "
            "would not be those of others"
        )
    table.setflags(write=False)
    return table


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _philox(c0, c1, c2, c3, k0, k1):  # type: ignore[no-untyped-def]
    """Philox4x32-10: a counter of four 32-bit words and a key of two to four random words."""
    for _ in range(10):
        p0 = _M0 * np.uint64(c0)
        p1 = _M1 * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(p1 >> _32) ^ c1 ^ k0,
            np.uint32(p1 & _MASK),
            np.uint32(p0 >> _32) ^ c3 ^ k1,
            np.uint32(p0 & _MASK),
        )
        k0 = np.uint32(k0 + _W0)
        k1 = np.uint32(k1 + _W1)
    return c0, c1, c2, c3


@njit(cache=True, nogil=True, error_model="numpy")
def philox(counter, key):  # type: ignore[no-untyped-def]
    """(4,) uint32 of a counter (4,) and a key (2,), uint32: for tests against the published vectors."""
    out = np.empty(4, np.uint32)
    out[0], out[1], out[2], out[3] = _philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1])
    return out


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _normal(bits, table):  # type: ignore[no-untyped-def]
    """A normal in units of 2^-12 from 16 bits: the lowest is the sign."""
    size = np.int32(table[bits >> np.uint32(1)])
    sign = -np.int32(bits & np.uint32(1))
    return (size ^ sign) - sign


@njit(cache=True, nogil=True, error_model="numpy")
def _normals_of_block(block, purpose, k0, k1, table, out):  # type: ignore[no-untyped-def]
    a, b, c, d = _philox(np.uint32(block), np.uint32(0), np.uint32(purpose), np.uint32(0), k0, k1)
    low = np.uint32(0xFFFF)
    out[0], out[1] = _normal(a & low, table), _normal(a >> np.uint32(16), table)
    out[2], out[3] = _normal(b & low, table), _normal(b >> np.uint32(16), table)
    out[4], out[5] = _normal(c & low, table), _normal(c >> np.uint32(16), table)
    out[6], out[7] = _normal(d & low, table), _normal(d >> np.uint32(16), table)


@njit(cache=True, nogil=True, error_model="numpy")
def fill_initial(key, factors, table, out):  # type: ignore[no-untyped-def]
    """Set out (d,) int32 to the first weights of a key: normals times factors (d,) or (1,) float32."""
    k0, k1 = np.uint32(key & _MASK), np.uint32(key >> _32)
    z = np.empty(8, np.int32)
    one, n = factors.shape[0] == 1, out.shape[0]
    for start in range(0, n, 8):
        _normals_of_block(start >> 3, INITIAL, k0, k1, table, z)
        for j in range(min(8, n - start)):
            factor = factors[0] if one else factors[start + j]
            out[start + j] = np.int32(np.rint(np.float32(z[j]) * factor))


@njit(cache=True, nogil=True, error_model="numpy")
def add_mutation(key, factor, table, parent, out):  # type: ignore[no-untyped-def]
    """Set out (d,) int32 to parent (d,) and one mutation; they may be the same array."""
    k0, k1 = np.uint32(key & _MASK), np.uint32(key >> _32)
    z = np.empty(8, np.int32)
    n = out.shape[0]
    whole = n - n % 8
    for start in range(0, whole, 8):
        _normals_of_block(start >> 3, MUTATION, k0, k1, table, z)
        for j in range(8):
            out[start + j] = parent[start + j] + np.int32(np.rint(np.float32(z[j]) * factor))
    if whole < n:
        _normals_of_block(whole >> 3, MUTATION, k0, k1, table, z)
        for j in range(n - whole):
            out[whole + j] = parent[whole + j] + np.int32(np.rint(np.float32(z[j]) * factor))


@njit(cache=True, nogil=True, error_model="numpy")
def child_weights(key, factor, table, parent, out):  # type: ignore[no-untyped-def]
    """Set out (d,) float32 to the weights of parent (d,) int32 and one mutation."""
    k0, k1 = np.uint32(key & _MASK), np.uint32(key >> _32)
    z = np.empty(8, np.int32)
    n = out.shape[0]
    unit = np.float32(UNIT)
    whole = n - n % 8
    for start in range(0, whole, 8):
        _normals_of_block(start >> 3, MUTATION, k0, k1, table, z)
        for j in range(8):
            total = parent[start + j] + np.int32(np.rint(np.float32(z[j]) * factor))
            out[start + j] = np.float32(total) * unit
    if whole < n:
        _normals_of_block(whole >> 3, MUTATION, k0, k1, table, z)
        for j in range(n - whole):
            total = parent[whole + j] + np.int32(np.rint(np.float32(z[j]) * factor))
            out[whole + j] = np.float32(total) * unit


def factor(sigma: Any) -> Any:
    """What normals in units of 2^-12 are multiplied by to give weights in units of 2^-24: float32."""
    return np.asarray(sigma, np.float32) * np.float32(1.0 / (_FRACTION * UNIT))


@njit(cache=True, nogil=True, error_model="numpy")
def own_weights(grown, out):  # type: ignore[no-untyped-def]
    """Set out (d,) float32 to the weights of grown (d,) int32."""
    unit = np.float32(UNIT)
    for i in range(out.shape[0]):
        out[i] = np.float32(grown[i]) * unit
