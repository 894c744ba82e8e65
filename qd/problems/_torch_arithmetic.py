"""The kernels' arithmetic in torch, operation by operation: in float64 the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def sincos_turns(turns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(sin, cos) of 2 pi ``turns``; the twin of ``qd.problems._trig.sincos_turns``."""
    import torch

    r = (turns - torch.floor(turns + 0.5)) * 1.5707963267948966
    s = r * r
    sine = 1.0 / 6227020800.0 - s * (1.0 / 1307674368000.0)
    sine = s * sine - 1.0 / 39916800.0
    sine = s * sine + 1.0 / 362880.0
    sine = s * sine - 1.0 / 5040.0
    sine = s * sine + 1.0 / 120.0
    sine = s * sine - 1.0 / 6.0
    sine = r + r * s * sine
    cosine = s * (1.0 / 20922789888000.0) - 1.0 / 87178291200.0
    cosine = s * cosine + 1.0 / 479001600.0
    cosine = s * cosine - 1.0 / 3628800.0
    cosine = s * cosine + 1.0 / 40320.0
    cosine = s * cosine - 1.0 / 720.0
    cosine = s * cosine + 1.0 / 24.0
    cosine = 1.0 - s * (0.5 - s * cosine)
    sine2 = 2.0 * sine * cosine
    cosine2 = 1.0 - 2.0 * sine * sine
    return 2.0 * sine2 * cosine2, 1.0 - 2.0 * sine2 * sine2


def root(x: torch.Tensor) -> torch.Tensor:
    """The square root of positive numbers, rounded to the nearest as the processor's own instruction does it.

    On the processor torch takes a vector library's, which is off by one place in a hundred numbers. What is missing to
    the square, exact by Dekker's product (1971, https://doi.org/10.1007/BF01397083), says by how much.
    """
    import torch

    s = torch.sqrt(x)
    if x.dtype != torch.float64 or x.device.type != "cpu":
        return s
    shifted = s * 134217729.0  # 2^27 + 1
    high = shifted - (shifted - s)
    low = s - high
    square = s * s
    missing = (x - square) - (((high * high - square) + 2.0 * high * low) + low * low)
    return torch.where(x > 0.0, s + missing / (2.0 * s), s)
