"""Behaviour spaces: what makes measures out of observations. Torch loads where an encoder uses it."""

from qd.behavior.autoencoder import Autoencoder, BetaVAE, RandomEncoder
from qd.behavior.contract import BehaviorSpace, Encoder, Fit
from qd.behavior.pca import PCA
from qd.behavior.preference import PreferenceReward
from qd.behavior.samples import Samples
from qd.behavior.sequence_autoencoder import SequenceAutoencoder
from qd.behavior.signature import Signature
from qd.behavior.similarity import SimilarityEncoder
from qd.behavior.terminal import StopAsking, Terminal
from qd.behavior.whitened import Whitened

__all__ = [
    "PCA",
    "Autoencoder",
    "BehaviorSpace",
    "BetaVAE",
    "Encoder",
    "Fit",
    "PreferenceReward",
    "RandomEncoder",
    "Samples",
    "SequenceAutoencoder",
    "Signature",
    "SimilarityEncoder",
    "StopAsking",
    "Terminal",
    "Whitened",
]
