"""Batched policies: networks whose weights are solutions."""

from qd.policies.mlp import MLP

__all__ = ["MLP"]
