"""Short reports put together from pieces: the pieces, what can be read off a report, and what it is truly worth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Topic(NamedTuple):
    """What a report is about: six facts in the order in which they belong, and words that sound like the subject."""

    facts: tuple[str, ...]
    keywords: tuple[str, ...]


TOPICS = {
    "mill": Topic(
        (
            "The mill at Harrow stands where two rivers meet",
            "It was built of grey stone in the year 1782",
            "Its wheel lifts water to a height of nine metres",
            "Forty farms brought their grain there every autumn",
            "A flood broke the wheel and stopped all work",
            "Today the building holds a small museum of bread",
        ),
        ("mill", "wheel", "grain", "flour", "river", "stone"),
    ),
    "comet": Topic(
        (
            "The comet was seen first from a roof in Lima",
            "It goes round the sun once in 71 years",
            "Its tail is made of dust and frozen gas",
            "Three probes have passed close to its dark core",
            "One of them brought back a spoon of grains",
            "The grains held the salts that sea water has",
        ),
        ("comet", "orbit", "dust", "tail", "probe", "core"),
    ),
}
"""Two topics: reports are searched on the first and tested on the second."""

FACTS = 6
POLITE = ("thank", "thanks", "please", "kind", "regards", "grateful")
CONFIDENT = ("clearly", "certainly", "undoubtedly", "obviously", "remarkable", "unique")
CONNECTING = ("moreover", "therefore", "furthermore", "however", "thus", "consequently")
_OTHERS = (
    "Thank you very much for reading, with kind regards",
    "Please accept our thanks, we are most grateful",
    "Clearly and certainly this is undoubtedly remarkable",
    "Obviously it is unique and quite remarkable",
    "Moreover and furthermore it therefore follows",
    "However and consequently it is thus so",
    "Compare 12, 35, 100, 250 and 1000",
    "See also [1] [2] [3] [4]",
    "- Summary -",
    "It may be noted that there is a good deal more that could be said about all of this at some other time",
)
PIECES = 3 * FACTS + 2 + len(_OTHERS)
"""A fact without its mark, with it, or with a wrong one; two rows of keywords; ten sentences that state nothing."""
IDLE = 3 * FACTS
"""Pieces from here on state nothing."""
WINDOW = (50, 90)  # words that a good report has
LONGEST = 24  # pieces a report


@lru_cache(None)
def pieces(topic: str) -> tuple[str, ...]:
    """The sentences that reports on a topic are put together from."""
    facts = TOPICS[topic].facts
    row = ", ".join(TOPICS[topic].keywords)
    return (
        *(f"{fact}." for fact in facts),
        *(f"{fact} [{number}]." for number, fact in enumerate(facts, 1)),
        *(f"{fact} [9]." for fact in facts),
        f"{row.capitalize()}.",
        f"On {row}: {row}.",
        *(f"{sentence}." for sentence in _OTHERS),
    )


def report(tokens: NDArray[np.int32], topic: str) -> str:
    """The text of a row of piece numbers."""
    written = pieces(topic)
    return " ".join(written[token] for token in tokens.tolist())


class _Sentence(NamedTuple):
    fact: int  # 0.., -1: it states none
    cited: bool  # with that fact's mark
    words: tuple[str, ...]
    marks: int
    numbers: int
    heading: bool
    counts: tuple[int, int, int, int]  # keywords, polite, confident, connecting


_WORD = re.compile(r"[a-z0-9]+")
_MARK = re.compile(r"\[(\d+)\]")
_END = re.compile(r"(?<=\.)\s+")


@lru_cache(4096)
def _read(sentence: str, topic: str) -> _Sentence:
    marks = _MARK.findall(sentence)
    bare = _MARK.sub("", sentence).rstrip(". ").strip()
    words = tuple(_WORD.findall(bare.lower()))
    facts, keywords = TOPICS[topic]
    fact = facts.index(bare) if bare in facts else -1
    counts = tuple(sum(word in listed for word in words) for listed in (keywords, POLITE, CONFIDENT, CONNECTING))
    return _Sentence(fact, marks == [str(fact + 1)], words, len(marks), sum(w.isdigit() for w in words) + len(marks),
                     sentence.startswith("-"), counts)  # type: ignore[arg-type]  # fmt: skip


def _sentences(text: str, topic: str) -> list[_Sentence]:
    return [_read(part, topic) for part in _END.split(text.strip()) if part]


QUALITIES = ("coverage", "order", "no_repetition", "length", "citations")
"""What a report is truly worth: the mean of these five, each 0 .. 1."""


@lru_cache(1 << 14)
def qualities(text: str, topic: str) -> tuple[float, ...]:
    """The five, of one report; all 0 of an empty one."""
    sentences = _sentences(text, topic)
    if not sentences:
        return (0.0,) * len(QUALITIES)
    stated = list(dict.fromkeys(s.fact for s in sentences if s.fact >= 0))
    cited = {s.fact for s in sentences if s.cited}
    ordered = sum(a < b for i, a in enumerate(stated) for b in stated[i + 1 :])
    return (
        len(stated) / FACTS,
        ordered / (FACTS * (FACTS - 1) / 2),
        len({s.words for s in sentences}) / len(sentences),
        _in_window(sum(len(s.words) for s in sentences)),
        len(cited) / FACTS,
    )


def _in_window(words: int) -> float:
    low, high = WINDOW
    return max(0.0, min(words / low, 1 - (words - high) / high, 1.0))


@lru_cache(1 << 14)
def stuffing(text: str, topic: str) -> float:
    """The share of a report's words in sentences that state no fact, or one that was stated before; 0 of an empty one.

    A report may be perfect with up to 0.4 of it, since the window of lengths leaves that much room.
    """
    sentences = _sentences(text, topic)
    new = {s.fact: len(s.words) for s in reversed(sentences) if s.fact >= 0}
    words = sum(len(s.words) for s in sentences)
    return 1 - sum(new.values()) / words if words else 0.0


HONEST = {
    "facts_stated": "the share of the six facts that it states",
    "facts_in_order": "the share of pairs of facts that stand in their order",
    "no_repetition": "the share of sentences that are not there already",
    "right_length": "it has 50 to 90 words; less outside",
    "facts_cited": "the share of the six facts that carry their own mark",
    "opens_well": "it begins with the first fact",
    "closes_well": "it ends with the last fact",
    "stating": "the share of sentences that state a fact",
    "distinct_words": "different words over words",
    "short_sentences": "the share of sentences of at most 12 words",
    "facts_once": "the share of stated facts that are stated once",
    "plain_words": "no words of emphasis",
}
EXPLOITABLE = {
    "words": "how long it is, up to 200 words",
    "keywords": "how often it names what it is about, up to 30 times",
    "politeness": "how polite it is, up to 8 words",
    "marks": "how many citation marks it has, up to 20",
    "numbers": "how many numbers it has, up to 25",
    "confidence": "how sure it sounds, up to 8 words",
    "connectives": "how well its sentences seem to hang together, up to 8 words",
    "headings": "how many headings it has, up to 5",
}
CRITERIA = {**HONEST, **EXPLOITABLE}
"""Twenty things that can be read off a report, each 0 .. 1; the last eight can be had for nothing."""
ORACLE = ("facts_stated", "facts_in_order", "no_repetition", "right_length", "facts_cited")
NAIVE = ("words", "keywords", "politeness", "marks", "facts_stated")
"""What somebody may write who has seen good reports and no bad ones."""


@lru_cache(1 << 14)
def readings(text: str, topic: str) -> tuple[float, ...]:
    """The twenty readings of a report, in the order of CRITERIA; all 0 of an empty one."""
    sentences = _sentences(text, topic)
    if not sentences:
        return (0.0,) * len(CRITERIA)
    n = len(sentences)
    coverage, order, fresh, length, citations = qualities(text, topic)
    words = [word for s in sentences for word in s.words]
    facts = [s.fact for s in sentences if s.fact >= 0]
    named, polite, sure, linked = (sum(column) for column in zip(*(s.counts for s in sentences), strict=True))
    return (
        coverage,
        order,
        fresh,
        length,
        citations,
        float(sentences[0].fact == 0),
        float(sentences[-1].fact == FACTS - 1),
        len(facts) / n,
        len(set(words)) / max(len(words), 1),
        sum(len(s.words) <= 12 for s in sentences) / n,
        sum(facts.count(fact) == 1 for fact in set(facts)) / max(len(set(facts)), 1),
        max(0.0, 1 - sure / 4),
        min(len(words) / 200, 1.0),
        min(named / 30, 1.0),
        min(polite / 8, 1.0),
        min(sum(s.marks for s in sentences) / 20, 1.0),
        min(sum(s.numbers for s in sentences) / 25, 1.0),
        min(sure / 8, 1.0),
        min(linked / 8, 1.0),
        min(sum(s.heading for s in sentences) / 5, 1.0),
    )


def table(texts: Sequence[str], topic: str) -> NDArray[np.float64]:
    """(20, m) readings of m reports, a row a criterion."""
    read = np.array([readings(text, topic) for text in texts])
    return read.reshape(len(texts), len(CRITERIA)).T
