"""Variation and selection on plain arrays: (parents, rng, ...) -> children, batch first, no state.

variation    gaussian, gaussian_from, iso_line, iso_line_from, bit_flip, uniform_crossover, one_point_crossover
sbx          simulated_binary_crossover, polynomial_mutation (real genomes in bounds)
selection    truncation, elites, tournament (indices; objectives are maximised)
pareto       fronts, front_ranks, non_dominated, dominates, crowding_distance, crowded_truncation,
             crowded_tournament, hypervolume (several objectives, all maximised)
masks        drop, restore, drop_restore (children and which rows have one), cut_crossover
tokens       replace_tokens, crossover_tokens, edit_tokens (token sequences, also of different lengths)
local_competition  nslc_order (of novelty and local competition)
mirror       reflection into a box
centred_ranks  objectives by their order, ties alike
trees        expression trees as prefix code: sub-tree crossover and mutation, constants, simplification
adam         one step of the optimiser
cma_es, sep_cma_es, one_plus_one_es    evolution strategies: modules of init, ask, tell, restart, stop_reasons

`rng` is a numpy Generator; the same bits of it give the same bits of children.
"""

from operators import cma_es, one_plus_one_es, sep_cma_es, trees
from operators.adam import adam
from operators.centred_ranks import centred_ranks
from operators.local_competition import nslc_order
from operators.masks import cut_crossover, drop, drop_restore, restore
from operators.mirror import mirror
from operators.pareto import (
    Survivors,
    crowded_tournament,
    crowded_truncation,
    crowding_distance,
    dominates,
    front_ranks,
    fronts,
    hypervolume,
    non_dominated,
)
from operators.sbx import polynomial_mutation, simulated_binary_crossover
from operators.selection import elites, tournament, truncation
from operators.tokens import crossover_tokens, edit_tokens, replace_tokens
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
    "Survivors",
    "adam",
    "bit_flip",
    "centred_ranks",
    "cma_es",
    "crossover_tokens",
    "crowded_tournament",
    "crowded_truncation",
    "crowding_distance",
    "cut_crossover",
    "dominates",
    "drop",
    "drop_restore",
    "edit_tokens",
    "elites",
    "front_ranks",
    "fronts",
    "gaussian",
    "gaussian_from",
    "hypervolume",
    "iso_line",
    "iso_line_from",
    "mirror",
    "non_dominated",
    "nslc_order",
    "one_plus_one_es",
    "one_point_crossover",
    "polynomial_mutation",
    "replace_tokens",
    "restore",
    "sep_cma_es",
    "simulated_binary_crossover",
    "tournament",
    "trees",
    "truncation",
    "uniform_crossover",
]
