"""Variation and selection on plain arrays: (parents, rng, ...) -> children, batch first, no state.

variation    gaussian, iso_line, iso_line_from, bit_flip, uniform_crossover, one_point_crossover
selection    truncation, elites, tournament (indices; objectives are maximised)
mirror       reflection into a box
cma_es, sep_cma_es, one_plus_one_es    evolution strategies: modules of init, ask, tell, restart, stop_reasons

`rng` is a numpy Generator; the same bits of it give the same bits of children.
"""

from operators import cma_es, one_plus_one_es, sep_cma_es
from operators.mirror import mirror
from operators.selection import elites, tournament, truncation
from operators.variation import (
    bit_flip,
    gaussian,
    iso_line,
    iso_line_from,
    one_point_crossover,
    uniform_crossover,
)

__all__ = [
    "bit_flip",
    "cma_es",
    "elites",
    "gaussian",
    "iso_line",
    "iso_line_from",
    "mirror",
    "one_plus_one_es",
    "one_point_crossover",
    "sep_cma_es",
    "tournament",
    "truncation",
    "uniform_crossover",
]
