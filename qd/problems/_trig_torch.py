"""The kernels' sine and cosine in torch, operation by operation: in float64 the same bits."""

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
