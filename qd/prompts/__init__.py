"""Prompts: what they are made of, what they are judged by, and how models rewrite them."""

from qd.prompts.examples import Examples, Splits
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged, PromptTask

__all__ = ["Examples", "Judged", "Prompt", "PromptTask", "Splits"]
