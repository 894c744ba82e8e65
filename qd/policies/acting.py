"""A network with one solution's weights, as a function of observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qd.contracts import Policy
from qd.errors import QDError
from qd.policies.conv_net import ConvNet
from qd.policies.mlp import MLP

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def acting(network: MLP | ConvNet, solution: ArrayLike) -> Policy:
    """A network with its weights: observations to its outputs, one or a batch.

    It computes as evaluations do: the compiled form, where tanh is a rational function within 1e-4 of the exact one.

    Args:
        network: its shape; an observation is (o,) of an ``MLP``, and as ``ConvNet.forward`` has it of a ``ConvNet``.
        solution: (d,) weights.

    >>> policy = acting(MLP((2, 1), bias="none", output_activation="identity"), [1.0, -2.0])
    >>> policy([3.0, 1.0]), policy([[3.0, 1.0], [0.0, 1.0]]).shape
    (array([1.]), (2, 1))
    """
    weights = np.asarray(solution, np.float64 if isinstance(network, MLP) else np.float32)
    if weights.shape != (network.length,):
        raise QDError(f"solution: got shape {weights.shape}, wanted ({network.length},), the network's weights")
    one = 1 if isinstance(network, MLP) else 3  # axes of one observation

    def act(observations: NDArray[Any]) -> NDArray[Any]:
        seen = np.asarray(observations)
        if seen.ndim not in (one, one + 1):
            raise QDError(
                f"observations: got shape {seen.shape}, wanted {'(o,) or (n, o)' if one == 1 else 'pictures'}"
            )
        batch = seen if seen.ndim > one else seen[None]
        repeated = np.broadcast_to(weights, (len(batch), len(weights)))
        if isinstance(network, MLP):
            outputs: NDArray[Any] = network.forward(repeated, batch, "numba")
        else:
            outputs = network.forward(repeated, batch)
        return outputs if seen.ndim > one else outputs[0]

    return act


__all__ = ["acting"]
