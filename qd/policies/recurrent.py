"""Small recurrent networks in batches: one weight vector a row, each with its own observation and memory.

Two cells: Elman's (1990, https://doi.org/10.1207/s15516709cog1402_1), and the gated unit of Cho et al. (2014,
https://arxiv.org/abs/1406.1078). One layer of units, one of outputs that reads them.

    elman   h' = tanh([x h] W + b)
    gru     r, z = sigmoid([x h] W1 + b1)    c = tanh([x, r h] W2 + b2)    h' = z h + (1 - z) c
    both    a = output_activation(h' Wo + bo)

The weights of a network are one flat vector: for each layer the (inputs, outputs) matrix row by row, the observation's
rows above the memory's, then its bias. For gru the layers are W1 (both gates side by side, r first), W2 and Wo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError, nearest
from qd.policies.mlp import ACTIVATIONS, Array, layer_sigma

CELLS = ("elman", "gru")


@dataclass(frozen=True)
class Recurrent:
    """A network shape; weights and memory come with each call.

    Args:
        inputs, units, outputs: numbers of an observation, of the memory, of an action.
        cell: ``"gru"`` or ``"elman"``.
        output_activation: as of ``MLP``.

    >>> Recurrent(3, 8, 2, cell="elman").length  # 11 x 8 + 8, 8 x 2 + 2
    114
    """

    inputs: int
    units: int
    outputs: int
    cell: Literal["gru", "elman"] = "gru"
    output_activation: str = "tanh"

    def __post_init__(self) -> None:
        for name in ("inputs", "units", "outputs"):
            if getattr(self, name) < 1:
                raise QDError(f"Recurrent.{name}: got {getattr(self, name)}, wanted at least 1")
        if self.cell not in CELLS:
            raise QDError(f"Recurrent.cell: got {self.cell!r}, {nearest(str(self.cell), CELLS)}")
        if self.output_activation not in ACTIVATIONS:
            raise QDError(f"Recurrent.output_activation: got {self.output_activation!r}, "
                          f"{nearest(str(self.output_activation), ACTIVATIONS)}")  # fmt: skip

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, outputs) of each layer."""
        seen = self.inputs + self.units
        cell = [(seen, self.units)] if self.cell == "elman" else [(seen, 2 * self.units), (seen, self.units)]
        return [*cell, (self.units, self.outputs)]

    @property
    def length(self) -> int:
        """Weights a network."""
        return sum(n_in * n_out + n_out for n_in, n_out in self.layers)

    def initial_sigma(self) -> NDArray[np.float32]:
        """(d,) standard deviations to start from, as of ``MLP.initial_sigma``."""
        return layer_sigma(self.layers, [n_out for _, n_out in self.layers])

    def first_state(self, n: int) -> Array:
        """(n, units) the memory at the beginning: zeros."""
        return np.zeros((n, self.units))

    def forward(self, weights: Array, observations: Array, state: Array) -> tuple[Array, Array]:
        """Each network on its own observation and memory: the reference, in numpy.

        Args:
            weights: (n, d) with d = ``length``.
            observations: (n, o).
            state: (n, units), of ``first_state`` or of the call before.

        Returns:
            (n, a) actions, and the state after it.
        """
        weights, x, h = (np.asarray(array, np.float64) for array in (weights, observations, state))
        n = len(weights)
        for name, array, wanted in (
            ("weights", weights, self.length), ("observations", x, self.inputs), ("state", h, self.units),
        ):  # fmt: skip
            if array.shape != (n, wanted):
                raise QDError(f"{name}: got shape {array.shape}, wanted ({n}, {wanted})")
        totals, at = [], 0
        for n_in, n_out in self.layers:
            after = at + n_in * n_out
            totals.append((weights[:, at:after].reshape(n, n_in, n_out), weights[:, after : after + n_out]))
            at = after + n_out

        def layer(number: int, *parts: Array) -> Array:
            matrix, bias = totals[number]
            return np.einsum("ni,nij->nj", np.concatenate(parts, axis=1), matrix) + bias

        if self.cell == "elman":
            h = np.tanh(layer(0, x, h))
        else:
            reset, keep = np.split(ACTIVATIONS["sigmoid"](layer(0, x, h)), 2, axis=1)
            h = keep * h + (1.0 - keep) * np.tanh(layer(1, x, reset * h))
        return ACTIVATIONS[self.output_activation](layer(len(totals) - 1, h)), h
