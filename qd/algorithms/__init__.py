"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.normalised import ObservationNormalised
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.random_search import RandomSearch

__all__ = ["GeneticAlgorithm", "MapElites", "NoveltySearch", "ObservationNormalised", "RandomSearch"]
