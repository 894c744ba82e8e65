"""Language models behind one small protocol: local, at an endpoint, scripted."""

from qd.models.language_model import Ids, LanguageModel, Reply

__all__ = ["Ids", "LanguageModel", "Reply"]
