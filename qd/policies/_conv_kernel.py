"""Numba kernels of a convolutional network on pictures that differ little from a background: what differs is counted.

A camera that stands still sees the same background at every step. Its way through the network is worked out once an
episode; a step then carries the differences from layer to layer: a window is visited only where something in it
changed, and a unit that is cut off by ReLU before and after costs nothing. Every step starts from the background, so
rounding does not pile up. Sums have one fixed order.

Numbers of a network's shape, a row a convolution, and a row a dense layer (``layout``):
convolution: rows, columns, channels, out rows, out columns, filters, kernel, stride, zeros above, left, first weight,
where its part of ``reach`` begins: for each row of its input the first window that sees it and the one after the last,
then the same for each column.
dense layer: inputs, outputs, first weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

if TYPE_CHECKING:
    from qd.policies.conv_net import ConvNet

ZERO = np.float32(0.0)


class Memory(NamedTuple):
    """Working memory of one episode. Maps of all convolutions lie one after the other, by window and filter."""

    before: NDArray[np.float32]  # sums of the background
    after: NDArray[np.float32]  # what ReLU leaves of them
    units: NDArray[np.float32]  # sums of the first dense layer
    total: NDArray[np.float32]  # sums of the windows that were met, in the order of ``touched``
    slots: NDArray[np.int64]  # where in ``total`` a window is, -1 for nowhere
    touched: NDArray[np.int64]  # the windows that were met
    scratch: NDArray[np.float32]  # (2, widest dense layer)


def layout(net: ConvNet) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(convolutions, 12), (dense layers, 3) and ``reach``: the network's shape as the kernels take it."""
    at, convolutions, dense = 0, [], []
    reach: list[int] = []
    for one in net.shapes():
        left, _, above, _ = one.padding
        convolutions.append(
            (one.rows, one.columns, one.channels, one.out_rows, one.out_columns, one.filters, one.kernel, one.stride,
             above, left, at, len(reach))
        )  # fmt: skip
        at += (one.inputs + 1) * one.filters
        for size, out, before in ((one.rows, one.out_rows, above), (one.columns, one.out_columns, left)):
            places = np.arange(before, before + size)
            first = np.maximum(0, (places - one.kernel + one.stride) // one.stride)
            reach += np.stack([first, np.minimum(out, places // one.stride + 1)], axis=1).ravel().tolist()
    for n_in, n_out in net.dense():
        dense.append((n_in, n_out, at))
        at += (n_in + 1) * n_out
    return np.array(convolutions, np.int64).reshape(-1, 12), np.array(dense, np.int64), np.array(reach, np.int64)


def memory(net: ConvNet) -> Memory:
    """Working memory for a network of this shape."""
    windows = [one.out_rows * one.out_columns for one in net.shapes()]
    numbers = sum(count * one.filters for count, one in zip(windows, net.shapes(), strict=True))
    widest = max(n_out for _, n_out in net.dense())
    maps = [np.zeros(numbers, np.float32) for _ in range(3)]
    units, scratch = np.zeros(net.dense()[0][1], np.float32), np.zeros((2, widest), np.float32)
    slots, touched = np.full(sum(windows), -1, np.int64), np.zeros(sum(windows), np.int64)
    return Memory(maps[0], maps[1], units, maps[2], slots, touched, scratch)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def spread(  # type: ignore[no-untyped-def]
    weights, shape, reach, row, column, values, start, channel, channels, maps, windows, before, total, slots, touched,
    count,
):  # fmt: skip
    """Add what changed numbers at one place of a layer's input change in its windows.

    Args:
        weights: (d,) of the network.
        shape: (12,) of the layer.
        reach: of ``layout``.
        row, column: where in the input.
        values, start: by how much the channels there differ: ``values`` from ``start`` on.
        channel, channels: the first of these channels, and how many.
        maps, windows: where the layer's part of the memory begins, in numbers and in windows.
        before, total, slots, touched: of the memory.
        count: how many windows were met so far.

    Returns:
        How many are met now.
    """
    filters, kernel, stride = shape[5], shape[6], shape[7]
    rows, columns = shape[11] + 2 * row, shape[11] + 2 * (shape[0] + column)
    down, across = row + shape[8], column + shape[9]
    for i in range(reach[rows], reach[rows + 1]):
        for j in range(reach[columns], reach[columns + 1]):
            window = i * shape[4] + j
            slot = slots[windows + window]
            if slot < 0:
                slot = count
                slots[windows + window], touched[windows + count] = slot, window
                for f in range(filters):
                    total[maps + slot * filters + f] = before[maps + window * filters + f]
                count += 1
            to = maps + slot * filters
            at = shape[10] + (((down - i * stride) * kernel + across - j * stride) * shape[2] + channel) * filters
            for k in range(channels):
                x = values[start + k]
                if x != ZERO:
                    for f in range(filters):
                        total[to + f] += x * weights[at + k * filters + f]
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def _first_dense(weights, dense, place, filters, values, start, units):  # type: ignore[no-untyped-def]
    """Add a window's values, times their rows of the first dense layer."""
    n_out, at = dense[0, 1], dense[0, 2]
    for f in range(filters):
        x, row = values[start + f], at + (place * filters + f) * n_out
        if x != ZERO:
            for j in range(n_out):
                units[j] += x * weights[row + j]


@njit(cache=True, nogil=True, error_model="numpy")
def background(weights, convolutions, dense, reach, picture, before, after, units, slots, touched):  # type: ignore[no-untyped-def]
    """The background's way through the network, as far as the first dense layer.

    Args:
        weights: (d,).
        convolutions, dense, reach: of ``layout``.
        picture: (places * channels,) the background.
        before, after, units, slots, touched: of the memory; the first three are filled.
    """
    maps = windows = 0
    for layer in range(len(convolutions)):
        shape = convolutions[layer]
        filters, count = shape[5], shape[3] * shape[4]
        bias = shape[10] + shape[6] * shape[6] * shape[2] * filters
        for window in range(count):
            slots[windows + window] = window
            for f in range(filters):
                before[maps + window * filters + f] = weights[bias + f]
        source = picture if layer == 0 else after
        first = 0 if layer == 0 else maps - shape[0] * shape[1] * shape[2]
        for row in range(shape[0]):
            for column in range(shape[1]):
                spread(weights, shape, reach, row, column, source, first + (row * shape[1] + column) * shape[2], 0,
                       shape[2], maps, windows, before, before, slots, touched, count)  # fmt: skip
        for window in range(count):
            slots[windows + window] = -1
        for k in range(maps, maps + count * filters):
            after[k] = max(before[k], ZERO)
        maps, windows = maps + count * filters, windows + count
    n_in, n_out, at = dense[0]
    for j in range(n_out):
        units[j] = weights[at + n_in * n_out + j]
    filters, count = convolutions[-1, 5], convolutions[-1, 3] * convolutions[-1, 4]
    for place in range(count):
        _first_dense(weights, dense, place, filters, after, maps - (count - place) * filters, units)


@njit(cache=True, nogil=True, error_model="numpy")
def different(  # type: ignore[no-untyped-def]
    weights, convolutions, dense, reach, rows, columns, channels, differences, changed, before, after, units, total,
    slots, touched, scratch, outputs,
):  # fmt: skip
    """The network's outputs for a picture that differs from the background in some numbers.

    Args:
        weights, convolutions, dense, reach: of ``background``, which was called before.
        rows, columns, channels, differences: (changed,) or longer: where the picture differs, and by how much.
        changed: how many there are.
        before ... scratch: the memory.
        outputs: (outputs,) out.
    """
    layers, count, maps, windows = len(convolutions), 0, 0, 0
    for k in range(changed):
        count = spread(weights, convolutions[0], reach, rows[k], columns[k], differences, k, channels[k], 1, maps,
                       windows, before, total, slots, touched, count)  # fmt: skip
    top = scratch[0]
    for j in range(dense[0, 1]):
        top[j] = units[j]
    for layer in range(layers):
        filters = convolutions[layer, 5]
        size = convolutions[layer, 3] * convolutions[layer, 4]
        met = 0
        for slot in range(count):
            window = touched[windows + slot]
            slots[windows + window] = -1
            start, old = maps + slot * filters, maps + window * filters
            for f in range(filters):  # now the difference that goes on
                total[start + f] = max(total[start + f], ZERO) - after[old + f]
            if layer + 1 == layers:
                _first_dense(weights, dense, window, filters, total, start, top)
            else:
                across = convolutions[layer, 4]
                met = spread(weights, convolutions[layer + 1], reach, window // across, window % across, total, start,
                             0, filters, maps + size * filters, windows + size, before, total, slots, touched,
                             met)  # fmt: skip
        count, maps, windows = met, maps + size * filters, windows + size
    for layer in range(1, len(dense)):
        source, target = scratch[(layer - 1) % 2], scratch[layer % 2]
        n_in, n_out, at = dense[layer]
        for j in range(n_out):
            target[j] = weights[at + n_in * n_out + j]
        for i in range(n_in):
            x = source[i]
            if x > ZERO:
                for j in range(n_out):
                    target[j] += x * weights[at + i * n_out + j]
    last = scratch[(len(dense) - 1) % 2]
    for j in range(len(outputs)):
        outputs[j] = last[j]
