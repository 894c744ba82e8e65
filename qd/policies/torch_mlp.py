"""Thousands of different small networks at once in torch, on any device: the twin of ``MLP.forward``.

``pack`` once for a population, ``forward`` at every step: splitting flat weights again at each step costs two to five
times the arithmetic. The number of torch's operators of a step does not grow with the population, nothing waits for
the device, and ``torch.compile(fullgraph=True)`` traces it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qd.errors import QDError

if TYPE_CHECKING:
    import torch

    from qd.policies.mlp import MLP


class Packed(NamedTuple):
    """The layers of n networks.

    Args:
        matrices: a layer (n, inputs, outputs), contiguous; in float64 with biases (n, 1 + inputs, outputs), the biases
            on top, so that they are added first, as in the compiled kernels.
        biases: a layer (n, 1, outputs), in float32, where the kernels' bits are out of reach and speed counts.
    """

    matrices: tuple[torch.Tensor, ...]
    biases: tuple[torch.Tensor, ...] = ()


def pack(mlp: MLP, weights: torch.Tensor) -> Packed:
    """The layers of ``weights`` (n, d), copied once into contiguous matrices."""
    import torch

    if weights.ndim != 2 or weights.shape[1] != mlp.length:
        raise QDError(f"weights: got shape {tuple(weights.shape)}, wanted (n, {mlp.length})")
    layers: Any = mlp.unpack(weights)  # which takes tensors as it takes arrays
    if mlp.bias == "none":
        return Packed(tuple(matrix.contiguous() for matrix, _ in layers))
    if weights.dtype == torch.float32:
        return Packed(
            tuple(matrix.contiguous() for matrix, _ in layers),
            tuple(bias[:, None, :].expand(-1, 1, matrix.shape[2]).contiguous() for matrix, bias in layers),
        )
    return Packed(tuple(
        torch.cat([bias[:, None, :].expand(-1, 1, matrix.shape[2]), matrix], dim=1) for matrix, bias in layers
    ))  # fmt: skip


def forward(mlp: MLP, packed: Packed, observations: torch.Tensor, exact: bool | None = None) -> torch.Tensor:
    """Each network on its own observation.

    Args:
        mlp: the networks' shape.
        packed: of ``pack``.
        observations: (n, o), of the weights' dtype and device.
        exact: with torch's own tanh; else with the rational one of the compiled kernels, which is within 1e-4 of it
            and puts out -1 for NaN. By default torch's in float32, the kernels' in float64.

    Returns:
        (n, a) actions.
    """
    import torch

    units = observations[:, None, :]  # (n, 1, units)
    if packed.biases:
        for matrix, bias, name in zip(packed.matrices, packed.biases, mlp.activations, strict=True):
            units = activate(torch.baddbmm(bias, units, matrix), name, exact is not False)
        return units[:, 0]
    exact = bool(exact)
    one = torch.ones_like(units[:, :, :1])
    for matrix, name in zip(packed.matrices, mlp.activations, strict=True):
        if mlp.bias != "none":  # as a unit that is always 1 and comes first, as in the kernels' order of adding up
            units = torch.cat([one, units], dim=2)
        units = activate(torch.bmm(units, matrix), name, exact)
    return units[:, 0]


def activate(x: torch.Tensor, name: str, exact: bool = False) -> torch.Tensor:
    """The activation of that name; arguments as ``forward``."""
    import torch

    tanh = torch.tanh if exact else rational_tanh
    if name == "tanh":
        return tanh(x)
    if name == "tanh_half":
        return tanh(0.5 * x)
    if name == "sigmoid":
        return 0.5 + 0.5 * tanh(0.5 * x)
    if name == "relu":
        return torch.where(x > 0.0, x, 0.0)  # NaN too, as in the kernels
    return x


def rational_tanh(x: torch.Tensor) -> torch.Tensor:
    """The rational function that the compiled kernels take for tanh, in their order: in float64 the same bits."""
    import torch

    x = torch.where(x > -5.0, x, -5.0).clamp(max=5.0)
    s = x * x
    over = (s + 378.0).mul_(s).add_(17325.0).mul_(s).add_(135135.0).mul_(x)  # in place: half the time of new tensors
    under = (s * 28.0).add_(3150.0).mul_(s).add_(62370.0).mul_(s).add_(135135.0)
    return over.div_(under).clamp_(-1.0, 1.0)
