"""Containers of elites, with the archive interface of pyribs 0.12 and none of its imports.

GridArchive      cells of equal size; the best of each cell stays; memory goes by elite, not by cell
NoveltyArchive   points far enough from what is there; grows without end
ParetoArchive    cells, or a single one, that each keep a Pareto front of several objectives
archives.dominated  dominated novelty on plain arrays
archives.dominated  dominated novelty on plain arrays
ParetoArchive    cells, or a single one, that each keep a Pareto front of several objectives
archives.neighbors exact k nearest neighbours and novelty on plain arrays, for both and for everybody else

pyribs' emitters, schedulers and plots take these archives, and pyribs' own archives can stand in for them.
"""

from archives.dominated import dominated_novelty
from archives.grid import GridArchive
from archives.neighbors import NeighborIndex
from archives.novelty import NoveltyArchive
from archives.pareto import ParetoArchive
from archives.stats import ArchiveStats

__all__ = ["ArchiveStats", "GridArchive", "NeighborIndex", "NoveltyArchive", "ParetoArchive", "dominated_novelty"]
