"""Pictures of characters: curves in braille, a map in half blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a braille character, column by column
_SHADES = " .:-=+*#%@"  # of a map without colours

VIRIDIS = ("440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725")


def curve(across: NDArray[np.float64], up: NDArray[np.float64], width: int, height: int) -> list[str]:
    """Lines of braille of a step curve, the last value held to the right.

    >>> curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 2, 1)
    ['⣀⣸']
    """
    if not len(across) or width < 1 or height < 1:
        return [" " * max(width, 0)] * max(height, 0)
    columns, rows = 2 * width, 4 * height
    low, high = float(up.min()), float(up.max())
    start, stop = float(across.min()), float(across.max())
    at = np.linspace(start, stop, columns)
    values = up[np.clip(np.searchsorted(across, at, side="right") - 1, 0, len(up) - 1)]
    share = (values - low) / (high - low) if high > low else np.full(columns, 0.5)
    places = np.clip(np.rint(share * (rows - 1)), 0, rows - 1).astype(int)  # from the bottom
    cells = np.zeros((height, width), np.int64)
    before = places[0]
    for column, place in enumerate(places):
        for one in range(min(before, place), max(before, place) + 1):
            row = rows - 1 - one
            cells[row // 4, column // 2] |= _DOTS[column % 2][row % 4]
        before = place
    return ["".join(chr(0x2800 + int(cell)) for cell in line) for line in cells]


def coarse(
    measures: NDArray[np.float64], objective: NDArray[np.float64], axes: tuple[int, int], columns: int, rows: int
) -> NDArray[np.float64]:
    """(rows, columns) the best objective of each coarse cell, the first row at the top; NaN where nothing is."""
    x, y = measures[:, axes[0]], measures[:, axes[1]]

    def cells(values: NDArray[np.float64], n: int) -> NDArray[np.int64]:
        low, high = float(values.min()), float(values.max())
        share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
        return np.clip((share * n).astype(np.int64), 0, n - 1)

    best = np.full(rows * columns, -np.inf)
    np.maximum.at(best, (rows - 1 - cells(y, rows)) * columns + cells(x, columns), objective)
    best[np.isneginf(best)] = np.nan
    return best.reshape(rows, columns)


def shade(share: float) -> str:
    """The colour at a share of viridis, as ``#rrggbb``."""
    at = min(max(share, 0.0), 1.0) * (len(VIRIDIS) - 1)
    i = min(int(at), len(VIRIDIS) - 2)
    parts = [[int(text[k : k + 2], 16) for k in (0, 2, 4)] for text in VIRIDIS[i : i + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (at - i)):02x}" for a, b in zip(*parts, strict=True))


def plain_map(best: NDArray[np.float64]) -> list[str]:
    """A map of characters, denser where better."""
    fine = best[np.isfinite(best)]
    low, high = (float(fine.min()), float(fine.max())) if len(fine) else (0.0, 1.0)
    lines = []
    for row in best:
        line = ""
        for value in row:
            share = (value - low) / (high - low) if high > low else 1.0
            line += " " if not np.isfinite(value) else _SHADES[1 + int(share * (len(_SHADES) - 2))]
        lines.append(line)
    return lines


__all__ = ["coarse", "curve", "plain_map", "shade"]
