"""A branch-free sine and cosine that the compiler can run on several rows at once."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def sincos_turns(turns: float) -> tuple[float, float]:
    """(sin, cos) of 2 pi ``turns``, within 2e-15 of the true values.

    Counted in turns, whole turns drop out exactly. The Taylor series of degree 15 and 16 give sine and cosine of
    a quarter of the rest, |r| <= pi / 4, and doubling the angle twice gives those of the whole: no branches and
    no exchange of sine and cosine by quadrant.
    """
    r = (turns - np.floor(turns + 0.5)) * 1.5707963267948966  # pi / 2: a quarter of the angle [rad]
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
