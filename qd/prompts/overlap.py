"""How much of one text stands in another: n-grams of words in common, as BLEU counts them.

Papineni et al. 2002, https://aclanthology.org/P02-1040. BLEU of one text against one other, with words in small
letters and without signs; texts shorter than four words are compared by what they have. Not symmetric: the reference
may be longer at the price of BLEU's brevity penalty.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from math import exp, log

_WORD = re.compile(r"\w+")
_LONGEST = 4  # words of an n-gram


def overlap(text: str, reference: str) -> float:
    """From 0, nothing in common, to 1, the same words in the same order.

    >>> overlap("Be brief.", "be brief"), overlap("Be brief.", "Do as you like.")
    (1.0, 0.0)
    """
    words, others = _WORD.findall(text.lower()), _WORD.findall(reference.lower())
    longest = min(_LONGEST, len(words), len(others))
    if longest == 0:
        return float(words == others)
    logs = 0.0
    for n in range(1, longest + 1):
        grams, known = _grams(words, n), _grams(others, n)
        common = sum((grams & known).values())
        if common == 0:
            return 0.0
        logs += log(common / grams.total())
    brevity = min(0.0, 1 - len(others) / len(words))
    return exp(logs / longest + brevity)


def alike(first: str, second: str) -> float:
    """The larger of both overlaps: a text and a longer one that holds it are alike."""
    return max(overlap(first, second), overlap(second, first))


def different(texts: Iterable[str], limit: float) -> tuple[str, ...]:
    """The texts without those that are more than ``limit`` alike to one that stands before them."""
    kept: list[str] = []
    for text in texts:
        if all(alike(text, other) <= limit for other in kept):
            kept.append(text)
    return tuple(kept)


def _grams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))
