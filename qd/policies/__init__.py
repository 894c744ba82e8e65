"""Batched policies: networks whose weights are solutions."""

from qd.policies.mlp import MLP
from qd.policies.recurrent import Recurrent

__all__ = ["MLP", "Recurrent"]
