"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.mome import MOME
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.nsga2 import NSGA2
from qd.algorithms.random_search import RandomSearch

__all__ = ["MOME", "NSGA2", "GeneticAlgorithm", "MapElites", "NoveltySearch", "RandomSearch"]
