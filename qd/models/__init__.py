"""Language models behind one small protocol: local, at an endpoint, scripted."""

from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.local import Local

__all__ = ["Ids", "LanguageModel", "Local", "Reply"]
