"""Behaviour spaces: what makes measures out of observations. Torch loads where an encoder uses it."""

from qd.behavior.contract import BehaviorSpace, Encoder, Fit
from qd.behavior.pca import PCA
from qd.behavior.samples import Samples
from qd.behavior.signature import Signature
from qd.behavior.whitened import Whitened

__all__ = ["PCA", "BehaviorSpace", "Encoder", "Fit", "Samples", "Signature", "Whitened"]
