"""BM25, Robertson et al. 1994: how relevant a text is to a query, by rare words, often said, in a short text."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError
from qd.rewards.gene import Gene
from qd.rewards.steps import Steps
from qd.rewards.term import WEIGHT, Genes, Term, Values

SATURATION = Gene("k1", default=1.5, spread=0.5, low=0.1, high=5.0, scale="log")
LENGTH = Gene("b", default=0.75, spread=0.15, low=0.0, high=1.0)


@dataclass(frozen=True)
class BM25(Term):
    """The sum over the query's different words of idf f (k1 + 1) / (f + k1 (1 - b + b length / mean length)).

    f is how often the text has the word; idf is ln(1 + (N - d + 1/2) / (d + 1/2)) with d of the N texts having it.

    Args:
        variable: the text.
        query: the variable that holds the query.
        corpus: texts that say which words are rare and how long texts are.
        saturation, length: the genes of k1 and b.
        weight: the gene of its weight.
        label: what it is called where the variable's name is not enough.
    """

    variable: str
    query: str
    corpus: tuple[str, ...]
    saturation: Gene = SATURATION
    length: Gene = LENGTH
    weight: Gene | None = WEIGHT
    label: str = ""

    def __post_init__(self) -> None:
        if not any(_words(text) for text in self.corpus):
            raise QDError("BM25.corpus: got no words, wanted texts of the kind that is compared")

    @property
    def name(self) -> str:
        return self.label or f"{self.variable}_relevance"

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.variable, self.query)

    @property
    def genes(self) -> tuple[Gene, ...]:
        return (self.saturation, self.length)

    @cached_property
    def _known(self) -> tuple[Counter[str], float]:
        texts = [_words(text) for text in self.corpus]
        return Counter(word for text in texts for word in set(text)), sum(map(len, texts)) / len(texts)

    def values(self, genes: Genes, steps: Steps) -> Values:
        having, mean = self._known
        k1, b = genes[:, 0], genes[:, 1]
        total = np.zeros((len(genes), len(steps)))
        pairs = zip(steps.texts(self.variable), steps.texts(self.query), strict=True)
        for i, (text, query) in enumerate(pairs):
            words = _words(text)
            counts = Counter(words)
            for word in dict.fromkeys(_words(query)):
                d, f = having[word], counts[word]
                idf = np.log1p((len(self.corpus) - d + 0.5) / (d + 0.5))
                total[:, i] += idf * f * (k1 + 1) / (f + k1 * (1 - b + b * len(words) / mean)) if f else 0.0
        return Values(total)

    def formula(self, genes: NDArray[np.float64]) -> str:
        return f"{self.name}[k1 {genes[0]:.3g}, b {genes[1]:.3g}]"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
