"""Rewards as genomes: what to pay a learner for. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.rewards.anchors import Anchors
    from qd.rewards.clip import Clip
    from qd.rewards.criterion import Criterion
    from qd.rewards.delta import Delta
    from qd.rewards.feature import Feature
    from qd.rewards.gene import Gene
    from qd.rewards.lagrange import Lagrange, Multipliers
    from qd.rewards.potential import Potential
    from qd.rewards.reward import Reward, RewardForm
    from qd.rewards.rubric_edits import RubricEdits
    from qd.rewards.rubric_mean import RubricMean
    from qd.rewards.soft_cap import SoftCap
    from qd.rewards.steps import Steps, Variable
    from qd.rewards.term import Combiner, Operator, Term, Values
    from qd.rewards.weighted_sum import WeightedSum

_HOMES = {
    "Anchors": "anchors",
    "Clip": "clip",
    "Combiner": "term",
    "Criterion": "criterion",
    "Delta": "delta",
    "Feature": "feature",
    "Gene": "gene",
    "Lagrange": "lagrange",
    "Multipliers": "lagrange",
    "Operator": "term",
    "Potential": "potential",
    "Reward": "reward",
    "RewardForm": "reward",
    "RubricEdits": "rubric_edits",
    "RubricMean": "rubric_mean",
    "SoftCap": "soft_cap",
    "Steps": "steps",
    "Term": "term",
    "Values": "term",
    "Variable": "steps",
    "WeightedSum": "weighted_sum",
}

__all__ = [
    "Anchors",
    "Clip",
    "Combiner",
    "Criterion",
    "Delta",
    "Feature",
    "Gene",
    "Lagrange",
    "Multipliers",
    "Operator",
    "Potential",
    "Reward",
    "RewardForm",
    "RubricEdits",
    "RubricMean",
    "SoftCap",
    "Steps",
    "Term",
    "Values",
    "Variable",
    "WeightedSum",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
