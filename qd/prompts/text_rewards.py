"""What a written text is worth: the same number as the reference, or words in common with references.

BLEU and ROUGE come from the libraries that papers report them by, sacrebleu (Post 2018,
https://aclanthology.org/W18-6319) and rouge-score (Lin 2004, https://aclanthology.org/W04-1013), a sentence at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from qd.errors import ModelError

TextScore = Callable[[str, Sequence[str]], float]
"""(reply, references) -> a number, the higher the better."""

# A minus counts where it does not stand between two numbers, or letters: 5-3 ends in 3.
_NUMBER = re.compile(r"(?<![\d.])(?:(?<!\w)-\s?)?\$?(\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)")


def last_number(text: str) -> Decimal | None:
    """The last number of a text, None where it has none. Commas between thousands and a dollar sign are taken off.

    >>> last_number("He pays $1,250.50. The answer is 1,300.")
    Decimal('1300')
    >>> last_number("It is -5, or 7-2") == 2
    True
    """
    found = None
    for match in _NUMBER.finditer(text):
        found = match
    if found is None:
        return None
    try:
        value = Decimal(found[1].replace(",", ""))
    except InvalidOperation:  # digits of other scripts, of which not all make a number
        return None
    return -value if found[0].startswith("-") else value


def bleu(reply: str, references: Sequence[str]) -> float:
    """Sentence BLEU, 0 to 1: n-grams up to 4, or as long as the reply is; exponential smoothing.

    >>> bleu("the cat sat on the mat", ["the cat sat on the mat"]).__round__(6)
    1.0
    """
    score: float = _bleu().sentence_score(reply, list(references)).score
    return min(1.0, max(0.0, score / 100))


def chrf(reply: str, references: Sequence[str]) -> float:
    """Character n-gram F-score (chrF2), 0 to 1: for short texts and languages with many word forms."""
    score: float = _chrf().sentence_score(reply, list(references)).score
    return min(1.0, max(0.0, score / 100))


def rouge1(reply: str, references: Sequence[str]) -> float:
    """F-score of the words in common with the best of the references, 0 to 1."""
    return _rouge("rouge1", reply, references)


def rouge2(reply: str, references: Sequence[str]) -> float:
    """F-score of the pairs of words in common with the best of the references, 0 to 1."""
    return _rouge("rouge2", reply, references)


def rouge_l(reply: str, references: Sequence[str]) -> float:
    """F-score of the longest common subsequence of words with the best of the references, 0 to 1."""
    return _rouge("rougeL", reply, references)


TEXT_SCORES: dict[str, TextScore] = {"bleu": bleu, "chrf": chrf, "rouge1": rouge1, "rouge2": rouge2, "rouge_l": rouge_l}


def _rouge(kind: str, reply: str, references: Sequence[str]) -> float:
    return float(_scorer(kind).score_multi(list(references), reply)[kind].fmeasure)


@lru_cache(1)
def _bleu() -> Any:
    return _needed("sacrebleu.metrics").BLEU(effective_order=True)


@lru_cache(1)
def _chrf() -> Any:
    return _needed("sacrebleu.metrics").CHRF()


@lru_cache(None)
def _scorer(kind: str) -> Any:
    return _needed("rouge_score.rouge_scorer").RougeScorer([kind])


def _needed(module: str) -> Any:
    from importlib import import_module

    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(f"TextReward.score: {module.partition('.')[0]} is not installed ({error}); `make prompts` "
                         "installs it, or `pip install qd-evolution[prompts]`") from None  # fmt: skip
