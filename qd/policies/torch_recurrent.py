"""Thousands of different recurrent networks at once in torch, on any device: the twin of ``Recurrent.forward``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qd.errors import QDError
from qd.policies.torch_mlp import Packed, activate

if TYPE_CHECKING:
    import torch

    from qd.policies.recurrent import Recurrent


def pack(network: Recurrent, weights: torch.Tensor) -> Packed:
    """The layers of ``weights`` (n, d), copied once into contiguous matrices with the biases on top."""
    import torch

    n = len(weights)
    if weights.ndim != 2 or weights.shape[1] != network.length:
        raise QDError(f"weights: got shape {tuple(weights.shape)}, wanted (n, {network.length})")
    matrices, at = [], 0
    for n_in, n_out in network.layers:
        after = at + n_in * n_out
        matrix, bias = weights[:, at:after].reshape(n, n_in, n_out), weights[:, after : after + n_out]
        matrices.append(torch.cat([bias[:, None, :], matrix], dim=1))
        at = after + n_out
    return Packed(tuple(matrices))


def first_state(network: Recurrent, packed: Packed) -> torch.Tensor:
    """(n, units) the memory at the beginning: zeros, where the weights are."""
    matrix = packed.matrices[0]
    return matrix.new_zeros((len(matrix), network.units))


def forward(
    network: Recurrent, packed: Packed, observations: torch.Tensor, state: torch.Tensor, exact: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each network on its own observation and memory.

    Args:
        network: the networks' shape.
        packed: of ``pack``.
        observations: (n, o), of the weights' dtype and device.
        state: (n, units), of ``first_state`` or of the call before.
        exact: with torch's own tanh, as of ``torch_mlp.forward``.

    Returns:
        (n, a) actions, and the state after it.
    """
    import torch

    one = torch.ones_like(state[:, :1])

    def layer(number: int, *parts: torch.Tensor) -> torch.Tensor:
        return torch.bmm(torch.cat([one, *parts], dim=1)[:, None, :], packed.matrices[number])[:, 0]

    if network.cell == "elman":
        state = activate(layer(0, observations, state), "tanh", exact)
    else:
        gates = activate(layer(0, observations, state), "sigmoid", exact)
        reset, keep = gates[:, : network.units], gates[:, network.units :]
        state = keep * state + (1.0 - keep) * activate(layer(1, observations, reset * state), "tanh", exact)
    actions = activate(layer(len(packed.matrices) - 1, state), network.output_activation, exact)
    return actions, state
