"""Batched policies: networks whose weights are solutions."""

from qd.policies.acting import acting
from qd.policies.conv_net import ConvNet
from qd.policies.mlp import MLP
from qd.policies.recurrent import Recurrent

__all__ = ["MLP", "ConvNet", "Recurrent", "acting"]
