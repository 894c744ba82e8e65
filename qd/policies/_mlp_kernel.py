"""Numba kernels of small fully connected networks: one row at a time, or a block of rows in step.

Weight layout, a row: for each layer the (inputs, outputs) matrix row by row, then its bias: ``outputs``
numbers (``VECTOR``), one number added to every unit (``SCALAR``), or nothing (``NONE``).

A problem that runs whole episodes calls ``dense_lanes`` once a layer with constant sizes: LANES rows go
through a layer together, a row a SIMD lane, and every number a row gets is the same whatever the other lanes
hold. ``forward_row`` is the plain form for any sizes. Both add up in the same order, so they agree to the bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

IDENTITY, TANH, TANH_HALF, SIGMOID, RELU = 0, 1, 2, 3, 4
NONE, SCALAR, VECTOR = 0, 1, 2
LANES = 8  # rows that travel together; two AVX2 registers of float64, one of AVX-512


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def rational_tanh(x: float) -> float:
    """tanh to within 1e-4: Lambert's continued fraction, cut after seven levels (degree 7 over degree 6).

    Odd, non-decreasing, exactly -1 or 1 beyond about 4.97, where the cut fraction crosses 1 and where the
    error is largest (9.6e-5). NaN gives -1, so that no NaN can travel on into an index.
    """
    x = x if x > -5.0 else -5.0
    x = x if x < 5.0 else 5.0
    s = x * x
    ratio = x * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)))
    ratio = ratio if ratio > -1.0 else -1.0
    return ratio if ratio < 1.0 else 1.0


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def activate(x: float, activation: int) -> float:
    """One unit's output; folds away where ``activation`` is a constant."""
    if activation == TANH:
        return rational_tanh(x)
    if activation == TANH_HALF:
        return rational_tanh(0.5 * x)
    if activation == SIGMOID:
        return 0.5 + 0.5 * rational_tanh(0.5 * x)
    if activation == RELU:
        return x if x > 0.0 else 0.0
    return x


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def activate_all(units: NDArray[np.float64], n: int, activation: int) -> None:
    """``activate`` on the first ``n`` units, in place; the choice stands outside the loops, so that they are SIMD."""
    if activation == TANH:
        for j in range(n):
            units[j] = rational_tanh(units[j])
    elif activation == TANH_HALF:
        for j in range(n):
            units[j] = rational_tanh(0.5 * units[j])
    elif activation == SIGMOID:
        for j in range(n):
            units[j] = 0.5 + 0.5 * rational_tanh(0.5 * units[j])
    elif activation == RELU:
        for j in range(n):
            units[j] = units[j] if units[j] > 0.0 else 0.0


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def dense_lanes(
    lanes: NDArray[np.float64],
    weights: int,
    inputs: int,
    outputs: int,
    n_in: int,
    n_out: int,
    bias: int,
    activation: int,
) -> None:
    """One layer for LANES rows at once.

    Args:
        lanes: (slots * LANES,) all numbers of a block of rows: number ``slot`` of row ``w`` lies at
            ``slot * LANES + w``. One array for everything lets the compiler see that nothing overlaps.
        weights, inputs, outputs: first slots of the layer's weights, its inputs and its outputs.
        n_in, n_out: units; as constants the loops over them unroll and the loop over rows becomes SIMD.
        bias, activation: as in the module's constants.
    """
    for w in range(LANES):
        for j in range(n_out):
            total = 0.0
            if bias == SCALAR:
                total = lanes[(weights + n_in * n_out) * LANES + w]
            elif bias == VECTOR:
                total = lanes[(weights + n_in * n_out + j) * LANES + w]
            for i in range(n_in):
                total += lanes[(inputs + i) * LANES + w] * lanes[(weights + i * n_out + j) * LANES + w]
            lanes[(outputs + j) * LANES + w] = activate(total, activation)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def dense_lanes_wide(
    lanes: NDArray[np.float64],
    weights: int,
    inputs: int,
    outputs: int,
    n_in: int,
    n_out: int,
    bias: int,
    activation: int,
) -> None:
    """``dense_lanes`` for wide layers: the same sums, to the bit, in loops that the compiler makes SIMD of there.

    Rows are the loop around one unit rather than around the whole layer: beyond about 50 weights a layer is too
    much to unroll, and ``dense_lanes`` falls back to one row at a time.
    """
    for j in range(n_out):
        for w in range(LANES):
            total = 0.0
            if bias == SCALAR:
                total = lanes[(weights + n_in * n_out) * LANES + w]
            elif bias == VECTOR:
                total = lanes[(weights + n_in * n_out + j) * LANES + w]
            for i in range(n_in):
                total += lanes[(inputs + i) * LANES + w] * lanes[(weights + i * n_out + j) * LANES + w]
            lanes[(outputs + j) * LANES + w] = activate(total, activation)


@njit(cache=True, nogil=True, error_model="numpy")
def forward_row(
    weights: NDArray[np.float64],
    sizes: NDArray[np.int64],
    activations: NDArray[np.int64],
    bias: int,
    observation: NDArray[np.float64],
    scratch: NDArray[np.float64],
    action: NDArray[np.float64],
) -> None:
    """One network on one observation.

    Args:
        weights: (d,) in the layout above, float64, or float32, which is read as it is: the same sums, to the bit.
        sizes: (layers + 1,) units, inputs first.
        activations: (layers,) one code a layer.
        bias: NONE, SCALAR or VECTOR.
        observation: (sizes[0],) input.
        scratch: (2, max(sizes)) working memory, so that nothing is allocated in a loop over steps.
        action: (sizes[-1],) output, overwritten.
    """
    layers = len(sizes) - 1
    for i in range(sizes[0]):
        scratch[0, i] = observation[i]
    at = 0
    for layer in range(layers):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        source, target = scratch[layer % 2], scratch[(layer + 1) % 2]
        after = at + n_in * n_out
        for j in range(n_out):
            target[j] = weights[after] if bias == SCALAR else weights[after + j] if bias == VECTOR else 0.0
        whole = n_in - n_in % 4
        for i in range(0, whole, 4):  # four rows of the matrix at a time, so that sums are read and written less often
            a, b, c, d = source[i], source[i + 1], source[i + 2], source[i + 3]
            first = at + i * n_out  # slices: an index that may be negative is no SIMD
            row_a, row_b = weights[first : first + n_out], weights[first + n_out : first + 2 * n_out]
            row_c, row_d = (
                weights[first + 2 * n_out : first + 3 * n_out],
                weights[first + 3 * n_out : first + 4 * n_out],
            )
            for j in range(n_out):
                target[j] = (((target[j] + a * row_a[j]) + b * row_b[j]) + c * row_c[j]) + d * row_d[j]
        for i in range(whole, n_in):
            a, row_a = source[i], weights[at + i * n_out : at + (i + 1) * n_out]
            for j in range(n_out):
                target[j] += a * row_a[j]
        activate_all(target, n_out, activations[layer])
        at = after
        if bias == SCALAR:
            at += 1
        elif bias == VECTOR:
            at += n_out
    for j in range(sizes[layers]):
        action[j] = scratch[layers % 2, j]


@njit(cache=True, nogil=True, error_model="numpy")
def forward_batch(
    weights: NDArray[np.floating[Any]],
    sizes: NDArray[np.int64],
    activations: NDArray[np.int64],
    bias: int,
    observations: NDArray[np.floating[Any]],
    actions: NDArray[np.floating[Any]],
) -> None:
    """Row i of ``weights`` (n, d) on row i of ``observations`` (n, o), into ``actions`` (n, a), in their dtype."""
    scratch = np.empty((2, sizes.max()), actions.dtype)
    for row in range(len(weights)):
        forward_row(weights[row], sizes, activations, bias, observations[row], scratch, actions[row])


def codes(names: list[str]) -> NDArray[np.int64]:
    """The kernel's code of each activation name."""
    table: dict[str, Any] = {
        "identity": IDENTITY, "tanh": TANH, "tanh_half": TANH_HALF, "sigmoid": SIGMOID, "relu": RELU,
    }  # fmt: skip
    return np.array([table[name] for name in names], np.int64)
