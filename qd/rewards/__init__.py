"""Rewards as genomes: what to pay a learner for. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.rewards.anchors import Anchors
    from qd.rewards.best_so_far import BestSoFar
    from qd.rewards.bm25 import BM25
    from qd.rewards.box_overlap import BoxOverlap
    from qd.rewards.clip import Clip
    from qd.rewards.count_bonus import CountBonus
    from qd.rewards.criterion import Criterion
    from qd.rewards.critic import Critic
    from qd.rewards.delta import Delta
    from qd.rewards.difficulty_scale import DifficultyScale
    from qd.rewards.empowerment_of_tables import capacity, empowerment
    from qd.rewards.exact_match import ExactMatch
    from qd.rewards.feature import Feature
    from qd.rewards.gene import Gene
    from qd.rewards.goal_distance import GoalDistance
    from qd.rewards.goal_projection import GoalProjection
    from qd.rewards.gym_reward import GymReward
    from qd.rewards.harmonic_mean import HarmonicMean
    from qd.rewards.lagrange import Lagrange, Multipliers
    from qd.rewards.length_history import LengthHistory
    from qd.rewards.lexicographic import Lexicographic
    from qd.rewards.log_ratio import LogRatio
    from qd.rewards.minimum import Minimum
    from qd.rewards.n_gram_model import NGramModel
    from qd.rewards.network import Network
    from qd.rewards.novelty import Novelty
    from qd.rewards.own_best import OwnBest
    from qd.rewards.pattern import Pattern
    from qd.rewards.potential import Potential
    from qd.rewards.process_score import ProcessScore
    from qd.rewards.product import Product
    from qd.rewards.program import Program, ProgramReward
    from qd.rewards.reward import Reward, RewardForm
    from qd.rewards.router import Mixture, Router
    from qd.rewards.rubric_edits import RubricEdits
    from qd.rewards.rubric_mean import RubricMean
    from qd.rewards.soft_cap import SoftCap
    from qd.rewards.sql_query import sql_scores
    from qd.rewards.squash import Squash
    from qd.rewards.standardise import Standardise, fitted
    from qd.rewards.step_mask import StepMask
    from qd.rewards.steps import Steps, Variable
    from qd.rewards.term import Combiner, Operator, Term, Values
    from qd.rewards.text_overlap import TextOverlap
    from qd.rewards.tfidf_similarity import TfidfSimilarity
    from qd.rewards.threshold import Threshold
    from qd.rewards.tighten import Tighten
    from qd.rewards.vote import Vote
    from qd.rewards.weighted_sum import WeightedSum
    from qd.rewards.within import Within

_HOMES = {
    "Anchors": "anchors",
    "BM25": "bm25",
    "BestSoFar": "best_so_far",
    "BoxOverlap": "box_overlap",
    "Clip": "clip",
    "Combiner": "term",
    "CountBonus": "count_bonus",
    "Criterion": "criterion",
    "Critic": "critic",
    "Delta": "delta",
    "DifficultyScale": "difficulty_scale",
    "ExactMatch": "exact_match",
    "Feature": "feature",
    "Gene": "gene",
    "GoalDistance": "goal_distance",
    "GoalProjection": "goal_projection",
    "GymReward": "gym_reward",
    "HarmonicMean": "harmonic_mean",
    "Lagrange": "lagrange",
    "LengthHistory": "length_history",
    "Lexicographic": "lexicographic",
    "LogRatio": "log_ratio",
    "Minimum": "minimum",
    "Mixture": "router",
    "Multipliers": "lagrange",
    "NGramModel": "n_gram_model",
    "Network": "network",
    "Novelty": "novelty",
    "Operator": "term",
    "OwnBest": "own_best",
    "Pattern": "pattern",
    "Potential": "potential",
    "ProcessScore": "process_score",
    "Product": "product",
    "Program": "program",
    "ProgramReward": "program",
    "Reward": "reward",
    "RewardForm": "reward",
    "Router": "router",
    "RubricEdits": "rubric_edits",
    "RubricMean": "rubric_mean",
    "SoftCap": "soft_cap",
    "Squash": "squash",
    "Standardise": "standardise",
    "StepMask": "step_mask",
    "Steps": "steps",
    "Term": "term",
    "TextOverlap": "text_overlap",
    "TfidfSimilarity": "tfidf_similarity",
    "Threshold": "threshold",
    "Tighten": "tighten",
    "Values": "term",
    "Variable": "steps",
    "Vote": "vote",
    "WeightedSum": "weighted_sum",
    "Within": "within",
    "capacity": "empowerment_of_tables",
    "empowerment": "empowerment_of_tables",
    "fitted": "standardise",
    "sql_scores": "sql_query",
}

__all__ = [
    "BM25",
    "Anchors",
    "BestSoFar",
    "BoxOverlap",
    "Clip",
    "Combiner",
    "CountBonus",
    "Criterion",
    "Critic",
    "Delta",
    "DifficultyScale",
    "ExactMatch",
    "Feature",
    "Gene",
    "GoalDistance",
    "GoalProjection",
    "GymReward",
    "HarmonicMean",
    "Lagrange",
    "LengthHistory",
    "Lexicographic",
    "LogRatio",
    "Minimum",
    "Mixture",
    "Multipliers",
    "NGramModel",
    "Network",
    "Novelty",
    "Operator",
    "OwnBest",
    "Pattern",
    "Potential",
    "ProcessScore",
    "Product",
    "Program",
    "ProgramReward",
    "Reward",
    "RewardForm",
    "Router",
    "RubricEdits",
    "RubricMean",
    "SoftCap",
    "Squash",
    "Standardise",
    "StepMask",
    "Steps",
    "Term",
    "TextOverlap",
    "TfidfSimilarity",
    "Threshold",
    "Tighten",
    "Values",
    "Variable",
    "Vote",
    "WeightedSum",
    "Within",
    "capacity",
    "empowerment",
    "fitted",
    "sql_scores",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
