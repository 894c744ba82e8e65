"""Variation and selection on plain arrays: (parents, rng, ...) -> children, batch first, no state.

variation    gaussian, gaussian_from, iso_line, iso_line_from, bit_flip, uniform_crossover, one_point_crossover
selection    truncation, elites, tournament (indices; objectives are maximised)

`rng` is a numpy Generator; the same bits of it give the same bits of children.
"""

from operators.selection import elites, tournament, truncation
from operators.variation import (
    bit_flip,
    gaussian,
    gaussian_from,
    iso_line,
    iso_line_from,
    one_point_crossover,
    uniform_crossover,
)

__all__ = [
    "bit_flip",
    "elites",
    "gaussian",
    "gaussian_from",
    "iso_line",
    "iso_line_from",
    "one_point_crossover",
    "tournament",
    "truncation",
    "uniform_crossover",
]
