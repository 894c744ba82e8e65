"""Rewards as genomes: what to pay a learner for. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qd.rewards.clip import Clip
    from qd.rewards.critic import Critic, Verdict
    from qd.rewards.delta import Delta
    from qd.rewards.feature import Feature
    from qd.rewards.gene import Gene
    from qd.rewards.potential import Potential
    from qd.rewards.program import Program, ProgramReward
    from qd.rewards.reward import Reward, RewardForm
    from qd.rewards.steps import Steps, Variable
    from qd.rewards.term import Combiner, Operator, Term, Values
    from qd.rewards.weighted_sum import WeightedSum

_HOMES = {
    "Clip": "clip",
    "Combiner": "term",
    "Critic": "critic",
    "Delta": "delta",
    "Feature": "feature",
    "Gene": "gene",
    "Operator": "term",
    "Potential": "potential",
    "Program": "program",
    "ProgramReward": "program",
    "Reward": "reward",
    "RewardForm": "reward",
    "Steps": "steps",
    "Term": "term",
    "Values": "term",
    "Variable": "steps",
    "Verdict": "critic",
    "WeightedSum": "weighted_sum",
}

__all__ = [
    "Clip",
    "Combiner",
    "Critic",
    "Delta",
    "Feature",
    "Gene",
    "Operator",
    "Potential",
    "Program",
    "ProgramReward",
    "Reward",
    "RewardForm",
    "Steps",
    "Term",
    "Values",
    "Variable",
    "Verdict",
    "WeightedSum",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
