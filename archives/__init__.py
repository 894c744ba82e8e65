"""Containers of elites, with the archive interface of pyribs 0.12 and none of its imports.

GridArchive          cells of equal size; the best of each cell stays; memory goes by elite, not by cell
NoveltyArchive       points far enough from what is there; grows without end; can be encoded anew
RewardArchive        what beat everything its emitter had stored before; a NoveltyArchive otherwise
UnstructuredArchive  points at least a distance apart, the better of two that are closer; keeps near a wanted size
ParetoArchive        cells, or a single one, that each keep a Pareto front of several objectives
archives.dominated   dominated novelty on plain arrays
archives.neighbors   exact k nearest neighbours and novelty on plain arrays, for all of these and for everybody else

pyribs' emitters, schedulers and plots take these archives, and pyribs' own archives can stand in for them.
"""

from archives.dominated import dominated_novelty
from archives.grid import GridArchive
from archives.neighbors import NeighborIndex
from archives.novelty import NoveltyArchive
from archives.pareto import ParetoArchive
from archives.reward import RewardArchive
from archives.stats import ArchiveStats
from archives.unstructured import UnstructuredArchive

__all__ = [
    "ArchiveStats",
    "GridArchive",
    "NeighborIndex",
    "NoveltyArchive",
    "ParetoArchive",
    "RewardArchive",
    "UnstructuredArchive",
    "dominated_novelty",
]
