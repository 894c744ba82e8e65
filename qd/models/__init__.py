"""Language models behind one small protocol: local, at an endpoint, scripted."""

from qd.models.endpoint import Endpoint
from qd.models.language_model import Ids, LanguageModel, Reply
from qd.models.local import Local
from qd.models.remembered import Remembered
from qd.models.scripted import Scripted
from qd.models.store import AnswerStore, answer_key

__all__ = [
    "AnswerStore",
    "Endpoint",
    "Ids",
    "LanguageModel",
    "Local",
    "Remembered",
    "Reply",
    "Scripted",
    "answer_key",
]
