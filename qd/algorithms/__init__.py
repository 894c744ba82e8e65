"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.cem import CEM
from qd.algorithms.evotorch_cma_es import EvotorchCMAES
from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.map_elites import MapElites
from qd.algorithms.normalised import ObservationNormalised
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.pgpe import PGPE
from qd.algorithms.random_search import RandomSearch
from qd.algorithms.snes import SNES
from qd.algorithms.xnes import XNES
from qd.interop.ask_tell import AskTell

__all__ = [
    "CEM",
    "PGPE",
    "SNES",
    "XNES",
    "AskTell",
    "EvotorchCMAES",
    "GeneticAlgorithm",
    "MapElites",
    "NoveltySearch",
    "ObservationNormalised",
    "RandomSearch",
]
