"""Searches, one a file: settings, state, init, ask, tell."""

from qd.algorithms.aurora import AURORA
from qd.algorithms.cem import CEM
from qd.algorithms.claps import ClaPS
from qd.algorithms.cma_mae import CMAMAE
from qd.algorithms.cma_me import CMAME
from qd.algorithms.cma_mega import CMAMEGA
from qd.algorithms.deep_ga import DeepGA
from qd.algorithms.dominated_novelty_search import DominatedNoveltySearch
from qd.algorithms.evolution_strategy import EvolutionStrategy
from qd.algorithms.evoprompt_de import EvoPromptDE
from qd.algorithms.evoprompt_ga import EvoPromptGA
from qd.algorithms.evotorch_cma_es import EvotorchCMAES
from qd.algorithms.genetic_algorithm import GeneticAlgorithm
from qd.algorithms.genetic_programming import GeneticProgramming
from qd.algorithms.gepa import GEPA
from qd.algorithms.halving import Halving
from qd.algorithms.map_elites import MapElites
from qd.algorithms.mome import MOME
from qd.algorithms.nelder_mead import NelderMead
from qd.algorithms.noisy_map_elites import NoisyMapElites
from qd.algorithms.normalised import ObservationNormalised
from qd.algorithms.novelty_es import NoveltyES
from qd.algorithms.novelty_ga import NoveltyGA
from qd.algorithms.novelty_search import NoveltySearch
from qd.algorithms.nsga2 import NSGA2
from qd.algorithms.nslc import NSLC
from qd.algorithms.openai_es import OpenAIES
from qd.algorithms.pgpe import PGPE
from qd.algorithms.prefix_tree import PrefixTree
from qd.algorithms.promptbreeder import Promptbreeder
from qd.algorithms.promptquine import PromptQuine
from qd.algorithms.rainbow import Rainbow
from qd.algorithms.random_search import RandomSearch
from qd.algorithms.reward_designer import RewardDesigner
from qd.algorithms.ribs_scheduler import RibsScheduler
from qd.algorithms.rubric_coevolution import RubricCoevolution
from qd.algorithms.selected import Selected
from qd.algorithms.serene import SERENE, EmitterSettings
from qd.algorithms.snes import SNES
from qd.algorithms.stax import STAX
from qd.algorithms.tap_pruning import TAPruning
from qd.algorithms.taxons import TAXONS
from qd.algorithms.xnes import XNES
from qd.interop.ask_tell import AskTell

__all__ = [
    "AURORA",
    "CEM",
    "CMAMAE",
    "CMAME",
    "CMAMEGA",
    "GEPA",
    "MOME",
    "NSGA2",
    "NSLC",
    "PGPE",
    "SERENE",
    "SNES",
    "STAX",
    "TAXONS",
    "XNES",
    "AskTell",
    "ClaPS",
    "DeepGA",
    "DominatedNoveltySearch",
    "EmitterSettings",
    "EvoPromptDE",
    "EvoPromptGA",
    "EvolutionStrategy",
    "EvotorchCMAES",
    "GeneticAlgorithm",
    "GeneticProgramming",
    "Halving",
    "MapElites",
    "NelderMead",
    "NoisyMapElites",
    "NoveltyES",
    "NoveltyGA",
    "NoveltySearch",
    "ObservationNormalised",
    "OpenAIES",
    "PrefixTree",
    "PromptQuine",
    "Promptbreeder",
    "Rainbow",
    "RandomSearch",
    "RewardDesigner",
    "RibsScheduler",
    "RubricCoevolution",
    "Selected",
    "TAPruning",
]
