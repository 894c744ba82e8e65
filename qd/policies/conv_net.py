"""Convolutional networks in batches: pictures in, one number an output; every row has its own weights.

Sizes are those of the networks of Such et al. 2017 (https://arxiv.org/abs/1712.06567) as their authors released them:
convolutions padded so that a map has ceil(size / stride) rows and columns ("same", what is odd goes below and to the
right), which is what makes the large one four million weights.

The weights of a network are one flat vector: for each layer the (inputs, outputs) matrix row by row, then its bias. The
inputs of a convolution are those of one window, by row, column and channel; those of the first dense layer are the
last maps, by row, column and channel.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest

if TYPE_CHECKING:
    import torch


class Convolution(NamedTuple):
    """One convolution of a network: its window, and where it lies in a padded picture."""

    channels: int  # of its input
    rows: int  # of its input
    columns: int  # of its input
    filters: int
    kernel: int
    stride: int

    @property
    def out_rows(self) -> int:
        """Rows of its output."""
        return -(-self.rows // self.stride)

    @property
    def out_columns(self) -> int:
        """Columns of its output."""
        return -(-self.columns // self.stride)

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Zeros left, right, above and below."""
        across = max((self.out_columns - 1) * self.stride + self.kernel - self.columns, 0)
        down = max((self.out_rows - 1) * self.stride + self.kernel - self.rows, 0)
        return across // 2, across - across // 2, down // 2, down - down // 2

    @property
    def inputs(self) -> int:
        """Numbers in a window."""
        return self.kernel * self.kernel * self.channels


@dataclass(frozen=True)
class ConvNet:
    """Convolutions, then dense layers, with ReLU between and none at the end.

    Args:
        outputs: numbers that come out.
        inputs: channels, rows and columns of an observation.
        convolutions: filters, side of the window and stride of each.
        hidden: units of each dense layer before the last.

    >>> ConvNet.large(18).length, ConvNet.small(18).length
    (4052658, 1008450)
    """

    outputs: int
    inputs: tuple[int, int, int] = (4, 84, 84)
    convolutions: tuple[tuple[int, int, int], ...] = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
    hidden: tuple[int, ...] = (512,)

    def __post_init__(self) -> None:
        for name in ("inputs", "hidden"):
            object.__setattr__(self, name, tuple(int(number) for number in getattr(self, name)))
        object.__setattr__(self, "convolutions", tuple(tuple(int(x) for x in one) for one in self.convolutions))
        if self.outputs < 1:
            raise QDError(f"ConvNet.outputs: got {self.outputs}, wanted at least 1")
        if len(self.inputs) != 3 or min(self.inputs) < 1:
            raise QDError(f"ConvNet.inputs: got {self.inputs}, wanted channels, rows and columns, each at least 1")
        for one in self.convolutions:
            if len(one) != 3 or min(one) < 1:
                raise QDError(f"ConvNet.convolutions: got {one}, wanted filters, window and stride, each at least 1")
        if min(self.hidden, default=1) < 1:
            raise QDError(f"ConvNet.hidden: got {self.hidden}, wanted layers of at least 1 unit")

    @classmethod
    def large(cls, outputs: int) -> Self:
        """The network of the genetic algorithm and of random search: 4,052,658 weights for 18 actions."""
        return cls(outputs)

    @classmethod
    def small(cls, outputs: int) -> Self:
        """The network of the evolution strategies: 1,008,450 weights for 18 actions."""
        return cls(outputs, convolutions=((16, 8, 4), (32, 4, 2)), hidden=(256,))

    @classmethod
    def tiny(cls, outputs: int) -> Self:
        """A network for one processor core, not a published one: 66,698 weights for 18 actions."""
        return cls(outputs, convolutions=((8, 8, 4), (16, 4, 2)), hidden=(32,))

    @classmethod
    def named(cls, name: str, outputs: int, field: str = "network") -> Self:
        """``"large"``, ``"small"`` or ``"tiny"``.

        Raises:
            QDError: there is no such network.
        """
        if name not in SIZES:
            raise QDError(f"{field}: got {name!r}, {nearest(str(name), SIZES)}")
        made: Self = getattr(cls, name)(outputs)
        return made

    def shapes(self) -> tuple[Convolution, ...]:
        """Each convolution with the size of what comes in."""
        return self._shapes

    @cached_property
    def _shapes(self) -> tuple[Convolution, ...]:
        channels, rows, columns = self.inputs
        found = []
        for filters, kernel, stride in self.convolutions:
            found.append(Convolution(channels, rows, columns, filters, kernel, stride))
            channels, rows, columns = filters, found[-1].out_rows, found[-1].out_columns
        return tuple(found)

    def dense(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each dense layer."""
        maps = self.shapes()
        flat = maps[-1].filters * maps[-1].out_rows * maps[-1].out_columns if maps else int(np.prod(self.inputs))
        units = (flat, *self.hidden, self.outputs)
        return list(itertools.pairwise(units))

    def layers(self) -> list[tuple[int, int]]:
        """Inputs and outputs of the matrix of each layer, convolutions first."""
        return [(one.inputs, one.filters) for one in self.shapes()] + self.dense()

    @property
    def length(self) -> int:
        """Weights a network."""
        return sum(n_in * n_out + n_out for n_in, n_out in self.layers())

    def initial_sigma(self) -> NDArray[np.float32]:
        """(length,) the standard deviation that each first weight is drawn with.

        1 / sqrt(inputs) in each layer, a tenth of it in the last, and 0 for biases, as the authors' program has it.
        """
        layers = self.layers()
        parts = []
        for index, (n_in, n_out) in enumerate(layers):
            last = 0.1 if index == len(layers) - 1 else 1.0
            parts += [np.full(n_in * n_out, last / np.sqrt(n_in)), np.zeros(n_out)]
        return np.concatenate(parts).astype(np.float32)

    def pack(self, weights: torch.Tensor) -> Packed:
        """The layers of a batch of networks, each where torch wants it.

        Args:
            weights: (n, d) with d = ``length``, on any device.

        Returns:
            For each convolution its filters (n * filters, channels, kernel, kernel) and biases (n * filters,), for each
            dense layer its matrix (n, inputs, outputs) and biases (n, 1, outputs).
        """
        if weights.ndim != 2 or weights.shape[1] != self.length:
            raise QDError(f"weights: got shape {tuple(weights.shape)}, wanted (n, {self.length})")
        n, at = len(weights), 0
        convolutions, dense = [], []
        for one in self.shapes():
            end = at + one.inputs * one.filters
            matrix = weights[:, at:end].reshape(n, one.kernel, one.kernel, one.channels, one.filters)
            filters = matrix.permute(0, 4, 3, 1, 2).reshape(n * one.filters, one.channels, one.kernel, one.kernel)
            at = end + one.filters
            convolutions.append((filters.contiguous(), weights[:, end:at].reshape(-1)))
        for n_in, n_out in self.dense():
            end = at + n_in * n_out
            matrix, at = weights[:, at:end].reshape(n, n_in, n_out), end + n_out
            dense.append((matrix, weights[:, end:at].reshape(n, 1, n_out)))
        return Packed(convolutions, dense)

    def apply(self, packed: Packed, observations: torch.Tensor) -> torch.Tensor:
        """Every network on its own observation, all at once: grouped convolutions, then batched products.

        Args:
            packed: of ``pack``, n networks.
            observations: (n, channels, rows, columns), on the same device.

        Returns:
            (n, outputs).
        """
        import torch.nn.functional as F

        n = len(observations)
        maps = observations.reshape(1, n * self.inputs[0], *self.inputs[1:])
        for one, (filters, bias) in zip(self.shapes(), packed.convolutions, strict=True):
            maps = F.conv2d(F.pad(maps, one.padding), filters, bias, stride=one.stride, groups=n).relu_()
        if self.convolutions:
            maps = maps.reshape(n, -1, *maps.shape[2:]).permute(0, 2, 3, 1)  # by row, column and channel
        units = maps.reshape(n, 1, -1)
        for index, (matrix, bias) in enumerate(packed.dense):
            units = bias.baddbmm(units, matrix)
            if index < len(packed.dense) - 1:
                units = units.relu_()
        return units[:, 0]

    def unpack(self, weights: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The layers of one network, as views: for each the matrix (inputs, outputs) and the biases (outputs,).

        Args:
            weights: (d,) contiguous, with d = ``length``.
        """
        if weights.shape != (self.length,):
            raise QDError(f"weights: got shape {weights.shape}, wanted ({self.length},)")
        at, layers = 0, []
        for n_in, n_out in self.layers():
            end = at + n_in * n_out
            layers.append((weights[at:end].reshape(n_in, n_out), weights[end : end + n_out]))
            at = end + n_out
        return layers

    def see(
        self, layers: list[tuple[NDArray[np.float32], NDArray[np.float32]]], observation: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """One network on one observation, on the processor: windows gathered, and a matrix product a layer.

        For one network at a time twice as fast as torch's convolutions (``benchmarks/conv_net_forward.py``).

        Args:
            layers: of ``unpack``.
            observation: (channels, rows, columns).

        Returns:
            (outputs,).
        """
        maps = observation.transpose(1, 2, 0)  # rows, columns, channels
        for one, (matrix, bias) in zip(self.shapes(), layers, strict=False):
            left, right, above, below = one.padding
            padded = np.zeros((above + one.rows + below, left + one.columns + right, one.channels), np.float32)
            padded[above : above + one.rows, left : left + one.columns] = maps
            down, across, step = padded.strides
            windows = np.lib.stride_tricks.as_strided(
                padded,
                (one.out_rows, one.out_columns, one.kernel, one.kernel * one.channels),
                (down * one.stride, across * one.stride, down, step),
                writeable=False,
            )
            maps = windows.reshape(-1, one.inputs) @ matrix
            maps += bias
            maps = np.maximum(maps, 0.0, out=maps).reshape(one.out_rows, one.out_columns, one.filters)
        units = maps.reshape(-1)
        dense = layers[len(self.convolutions) :]
        for index, (matrix, bias) in enumerate(dense):
            units = units @ matrix + bias
            if index < len(dense) - 1:
                units = np.maximum(units, 0.0, out=units)
        return units

    def forward(self, weights: NDArray[Any], observations: NDArray[Any]) -> NDArray[np.float32]:
        """Each network on its own observation, one after the other, so that a row never depends on its neighbours.

        Args:
            weights: (n, d) with d = ``length``.
            observations: (n, channels, rows, columns), most often 0 to 1.

        Returns:
            (n, outputs).
        """
        weights = np.ascontiguousarray(weights, np.float32)
        observations = np.ascontiguousarray(observations, np.float32)
        if weights.ndim != 2 or weights.shape[1] != self.length:
            raise QDError(f"weights: got shape {weights.shape}, wanted (n, {self.length})")
        if observations.shape != (len(weights), *self.inputs):
            raise QDError(f"observations: got {observations.shape}, wanted {(len(weights), *self.inputs)}")
        out = np.empty((len(weights), self.outputs), np.float32)
        for row in range(len(weights)):
            out[row] = self.see(self.unpack(weights[row]), observations[row])
        return out


class Packed(NamedTuple):
    """The layers of a batch of networks as ``ConvNet.pack`` lays them out: pairs of weights and biases."""

    convolutions: list[tuple[torch.Tensor, torch.Tensor]]
    dense: list[tuple[torch.Tensor, torch.Tensor]]


SIZES = ("large", "small", "tiny")
