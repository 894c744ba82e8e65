"""A model of texts by counts of word n-grams with add-k smoothing: a stand-in that runs anywhere.

It has the call of a language model that scores texts, and none of its knowledge: what is found with it is about the
mechanism alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qd.errors import QDError


@dataclass(frozen=True)
class NGramModel:
    """Fitted to texts when it is made.

    >>> model = NGramModel(("a b a b",), order=2, added=1.0)
    >>> round(float(np.exp(model.token_log_probabilities("a b")[1])), 3)  # b after a: (2 + 1) / (2 + 4 words)
    0.5

    Args:
        texts: what it is fitted to.
        order: words of an n-gram.
        added: the count that every word has beforehand (k), also the word that was never seen.
    """

    texts: tuple[str, ...]
    order: int = 2
    added: float = 0.1

    def __post_init__(self) -> None:
        if self.order < 1 or not self.added > 0:
            raise QDError(f"NGramModel: order {self.order} and added {self.added} must be above 0")

    def log_probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(m,) natural log-probability of each whole text."""
        return np.array([self.token_log_probabilities(text).sum() for text in texts])

    def token_log_probabilities(self, text: str) -> NDArray[np.float64]:
        """(t,) natural log-probability of each word given those before it, the text's end last."""
        counts, contexts, size = self._fitted
        grams = list(_grams(text, self.order))
        seen = np.array([counts[gram] for gram in grams], np.float64)
        context = np.array([contexts[gram[:-1]] for gram in grams], np.float64)
        return np.asarray(np.log((seen + self.added) / (context + self.added * size)))

    @cached_property
    def _fitted(self) -> tuple[Counter[tuple[str, ...]], Counter[tuple[str, ...]], int]:
        counts = Counter(gram for text in self.texts for gram in _grams(text, self.order))
        contexts: Counter[tuple[str, ...]] = Counter()
        for gram, count in counts.items():
            contexts[gram[:-1]] += count
        words = {word for text in self.texts for word in text.split()}
        return counts, contexts, len(words) + 2  # the end of a text, and any word never seen


def _grams(text: str, order: int) -> Iterator[tuple[str, ...]]:
    words = ["<s>"] * (order - 1) + text.split() + ["</s>"]
    for i in range(order - 1, len(words)):
        yield tuple(words[i - order + 1 : i + 1])
