"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.evolution_strategy import EvolutionStrategy
from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.random_search import RandomSearch

__all__ = ["EvolutionStrategy", "GeneticAlgorithm", "MapElites", "NoveltySearch", "RandomSearch"]
