"""Behaviour spaces: what makes measures out of observations. Torch loads where an encoder uses it."""

from qd.behavior.contract import BehaviorSpace, Encoder, Fit
from qd.behavior.pca import PCA
from qd.behavior.preference import PreferenceReward
from qd.behavior.similarity import SimilarityEncoder
from qd.behavior.terminal import StopAsking, Terminal
from qd.behavior.whitened import Whitened

__all__ = [
    "PCA",
    "BehaviorSpace",
    "Encoder",
    "Fit",
    "PreferenceReward",
    "SimilarityEncoder",
    "StopAsking",
    "Terminal",
    "Whitened",
]
