"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.dominated_novelty_search import DominatedNoveltySearch
from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.mome import MOME
from qd.algorithms.noisy_map_elites import NoisyMapElites
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.nsga2 import NSGA2
from qd.algorithms.nslc import NSLC
from qd.algorithms.random_search import RandomSearch

__all__ = [
    "MOME",
    "NSGA2",
    "NSLC",
    "DominatedNoveltySearch",
    "GeneticAlgorithm",
    "MapElites",
    "NoisyMapElites",
    "NoveltySearch",
    "RandomSearch",
]
