"""Likeness of a text to a reference by the words they share, rare words counting more."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values


@dataclass(frozen=True)
class TfidfSimilarity(Term):
    """Cosine of TF-IDF vectors, 0 .. 1 (scikit-learn's ``TfidfVectorizer``); 0 for texts without a known word.

    Args:
        variable: the text.
        reference: the variable that holds the reference.
        corpus: texts that say which words are rare; fixed, so that a value does not depend on the texts beside it.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    reference: str
    corpus: tuple[str, ...]
    weight: Gene | None = WEIGHT
    label: str = ""

    def __post_init__(self) -> None:
        if not any(text.strip() for text in self.corpus):
            raise QDError("TfidfSimilarity.corpus: got no words, wanted texts of the kind that is compared")

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_similarity"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable, self.reference)

    @cached_property
    def _vectorizer(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer

        try:
            return TfidfVectorizer(token_pattern=r"(?u)\b\w+\b").fit(self.corpus)
        except ValueError as error:
            raise QDError(f"TfidfSimilarity.corpus: {error}") from error

    def values(self, genes: Genes, steps: Steps) -> Values:
        if not len(steps):
            return Values(np.zeros((1, 0)))
        text, reference = (self._vectorizer.transform(steps.texts(name)) for name in self.needs)
        return Values(np.asarray(text.multiply(reference).sum(axis=1), np.float64).reshape(1, -1))
