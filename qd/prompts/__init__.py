"""Prompts: what they are made of, what they are judged by, and how models rewrite them."""

from qd.prompts.classification import Classification
from qd.prompts.drawn import Drawn
from qd.prompts.examples import Examples, Splits
from qd.prompts.lettered import lettered
from qd.prompts.multiple_choice import MultipleChoice, choice_template
from qd.prompts.packages import movie_reviews, paired_reviews, spoiled_sentences, tweets, vader
from qd.prompts.prompt import Prompt
from qd.prompts.readers import read_examples, split_examples
from qd.prompts.task import Judged, PromptTask
from qd.prompts.templates import TEMPLATES, Template
from qd.prompts.word_problems import word_problems
from qd.prompts.written import ExactMatch, TextReward

__all__ = [
    "TEMPLATES",
    "Classification",
    "Drawn",
    "ExactMatch",
    "Examples",
    "Judged",
    "MultipleChoice",
    "Prompt",
    "PromptTask",
    "Splits",
    "Template",
    "TextReward",
    "choice_template",
    "lettered",
    "movie_reviews",
    "paired_reviews",
    "read_examples",
    "split_examples",
    "spoiled_sentences",
    "tweets",
    "vader",
    "word_problems",
]
