"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.cma_mae import CMAMAE
from qd.algorithms.cma_me import CMAME
from qd.algorithms.cma_mega import CMAMEGA
from qd.algorithms.evolution_strategy import EvolutionStrategy
from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.random_search import RandomSearch
from qd.algorithms.ribs_scheduler import RibsScheduler

__all__ = [
    "CMAMAE",
    "CMAME",
    "CMAMEGA",
    "EvolutionStrategy",
    "GeneticAlgorithm",
    "MapElites",
    "NoveltySearch",
    "RandomSearch",
    "RibsScheduler",
]
