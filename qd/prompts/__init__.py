"""Prompts: what they are made of, what they are judged by, and how models rewrite them."""

from qd.prompts.classification import Classification
from qd.prompts.examples import Examples, Splits
from qd.prompts.prompt import Prompt
from qd.prompts.task import Judged, PromptTask
from qd.prompts.templates import TEMPLATES, Template

__all__ = ["TEMPLATES", "Classification", "Examples", "Judged", "Prompt", "PromptTask", "Splits", "Template"]
