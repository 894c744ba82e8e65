"""Language models behind one small protocol: local, at an endpoint, scripted."""

from qd.models.endpoint import Endpoint
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.scripted import Scripted

__all__ = ["Endpoint", "Ids", "LanguageModel", "Reply", "Scripted"]
