"""Small fully connected networks in batches: one weight vector a row, each with its own observation.

The weights of a network are one flat vector: for each layer the (inputs, outputs) matrix row by row, then its
bias. That is the order of Paolo's released controllers (SERENE and STAX, 2021), whose layers have one bias number
for all units; ``bias="scalar"`` reads them as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest

Array = NDArray[np.float64]
Bias = Literal["vector", "scalar", "none"]
Backend = Literal["numpy", "numba"]
Precision = Literal["float64", "float32"]


def _tanh_half(x: Array) -> Array:
    return np.tanh(0.5 * x)


def _sigmoid(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # never overflows


def _relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


def _identity(x: Array) -> Array:
    return x


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "tanh_half": _tanh_half,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "identity": _identity,
}
BIASES = ("none", "scalar", "vector")  # in the order of the kernel's codes


@dataclass(frozen=True)
class MLP:
    """A network shape; the weights come with each call.

    Args:
        sizes: units a layer, inputs first, outputs last.
        activation: of the hidden layers: tanh, tanh_half (2 sigmoid(x) - 1 = tanh(x / 2)), sigmoid, relu, identity.
        output_activation: of the last layer; by default the same.
        bias: ``"vector"`` one number a unit, ``"scalar"`` one a layer, ``"none"``.

    >>> MLP((6, 5, 5, 5, 2), activation="tanh_half", bias="scalar").length
    94
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"
    output_activation: str | None = None
    bias: Bias = "vector"

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(int(size) for size in self.sizes))
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise QDError(f"MLP.sizes: got {self.sizes}, wanted inputs, hidden layers, outputs, each at least 1")
        for field in ("activation", "output_activation"):
            value = getattr(self, field)
            if value not in ACTIVATIONS and not (field == "output_activation" and value is None):
                raise QDError(f"MLP.{field}: got {value!r}, {nearest(str(value), ACTIVATIONS)}")
        if self.bias not in BIASES:
            raise QDError(f"MLP.bias: got {self.bias!r}, {nearest(str(self.bias), BIASES)}")

    @property
    def length(self) -> int:
        """Weights a network."""
        return sum(n_in * n_out + self._bias_length(n_out) for n_in, n_out in self._layers())

    @property
    def activations(self) -> list[str]:
        """The activation of each layer."""
        last = self.activation if self.output_activation is None else self.output_activation
        return [self.activation] * (len(self.sizes) - 2) + [last]

    def initial_sigma(self) -> NDArray[np.float32]:
        """(d,) standard deviations to start from, what ``Box(init_sigma=...)`` takes.

        1 / sqrt(inputs) a weight, a tenth of that in the last layer, 0 for biases (Such et al. 2017).
        """
        return layer_sigma(self._layers(), [self._bias_length(n_out) for _, n_out in self._layers()])

    def unpack(self, weights: Array) -> list[tuple[Array, Array]]:
        """The layers of a batch of networks, as views where the weights are contiguous.

        Args:
            weights: (n, d).

        Returns:
            For each layer the matrices (n, inputs, outputs) and the biases (n, outputs), (n, 1) or (n, 0).
        """
        n, at, layers = len(weights), 0, []
        for n_in, n_out in self._layers():
            after = at + n_in * n_out
            end = after + self._bias_length(n_out)
            layers.append((weights[:, at:after].reshape(n, n_in, n_out), weights[:, after:end]))
            at = end
        return layers

    def forward(
        self, weights: Array, observations: Array, backend: Backend = "numpy", dtype: Precision = "float64"
    ) -> Array:
        """Each network on its own observation.

        Args:
            weights: (n, d) with d = ``length``.
            observations: (n, o).
            backend: ``"numpy"`` is the reference. ``"numba"`` releases the lock and replaces tanh by a rational
                function within 1e-4 of it (half that for sigmoid), so that results are the same on any machine;
                errors of earlier layers grow with the weights behind them.
            dtype: what is added up in. float32, with numba alone, is twice as fast where the weights are float32 too.

        Returns:
            (n, a) actions, of that dtype.
        """
        if backend != "numba" or weights.dtype != np.float32:  # which the kernel reads as it is
            weights = np.ascontiguousarray(weights, np.float64)
        weights = np.ascontiguousarray(weights)
        if dtype not in ("float64", "float32") or (dtype == "float32" and backend != "numba"):
            raise QDError(f"dtype: got {dtype!r} for {backend!r}, wanted 'float64', or 'float32' with 'numba'")
        observations = np.ascontiguousarray(observations, dtype)
        if weights.ndim != 2 or weights.shape[1] != self.length:
            raise QDError(f"weights: got shape {weights.shape}, wanted (n, {self.length})")
        if observations.shape != (len(weights), self.sizes[0]):
            raise QDError(f"observations: got {observations.shape}, wanted ({len(weights)}, {self.sizes[0]})")
        if backend == "numba":
            from qd.policies import _mlp_kernel as kernel

            actions = np.empty((len(weights), self.sizes[-1]), dtype)
            kernel.forward_batch(weights, *self._shape, observations, actions)
            return actions
        if backend != "numpy":
            raise QDError(f"backend: got {backend!r}, {nearest(str(backend), ('numba', 'numpy'))}")
        units = observations  # (n, units)
        for (matrix, bias), name in zip(self.unpack(weights), self.activations, strict=True):
            total = np.einsum("ni,nij->nj", units, matrix)
            units = ACTIVATIONS[name](total + bias if bias.shape[1] else total)
        return units

    @cached_property
    def _shape(self) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Sizes, activations and bias as the kernel has them."""
        from qd.policies._mlp_kernel import codes

        return np.array(self.sizes, np.int64), codes(self.activations), BIASES.index(self.bias)

    def _layers(self) -> list[tuple[int, int]]:
        return list(zip(self.sizes[:-1], self.sizes[1:], strict=True))

    def _bias_length(self, n_out: int) -> int:
        return {"vector": n_out, "scalar": 1, "none": 0}[self.bias]


def layer_sigma(layers: list[tuple[int, int]], biases: list[int]) -> NDArray[np.float32]:
    """(d,) standard deviations of ``MLP.initial_sigma`` for (inputs, outputs) of each layer and its count of biases."""
    parts = []
    for layer, ((n_in, n_out), n_bias) in enumerate(zip(layers, biases, strict=True)):
        sigma = (0.1 if layer == len(layers) - 1 else 1.0) / np.sqrt(n_in)
        parts += [np.full(n_in * n_out, sigma, np.float32), np.zeros(n_bias, np.float32)]
    return np.concatenate(parts)
