"""Pictures of bytes as the input of networks."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, error_model="numpy")
def fill_planes(frames: NDArray[np.uint8], pool: int, planes: NDArray[np.float32]) -> None:
    """Frames (n, H, W, 3) of bytes to planes (n, 3, H / pool, W / pool) from 0 to 1, squares of pixels averaged."""
    n, _, height, width = planes.shape
    factor = np.float32(1.0 / (255 * pool * pool))
    for i in range(n):
        for y in range(height):
            for x in range(width):
                red = green = blue = 0
                for dy in range(pool):
                    for dx in range(pool):
                        pixel = frames[i, y * pool + dy, x * pool + dx]
                        red += pixel[0]
                        green += pixel[1]
                        blue += pixel[2]
                planes[i, 0, y, x] = red * factor
                planes[i, 1, y, x] = green * factor
                planes[i, 2, y, x] = blue * factor
