"""Rewrites towards a place in a map, and a writer as the judge of two texts: Rainbow Teaming.

Samvelyan et al. 2024, https://arxiv.org/abs/2402.16822. The wording is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qd.models import LanguageModel
from qd.prompts.rewrites import ANSWER, Context, Parent, Rewrite, about, block, paragraphs, replied

_VERDICT = re.compile(r"\b(first|second)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Towards(Rewrite):
    """The prompt, changed so that it becomes what the context's target says."""

    name = "towards"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return paragraphs(
            "Rewrite the prompt below so that it fits the target and still serves its purpose.",
            about(context.task),
            block("target", context.target),
            block("current", parents[0].texts[context.component]),
            ANSWER,
        )


@dataclass(frozen=True)
class Verdict:
    """What a judge said of two texts in both orders.

    Args:
        winner: 0 or 1 where it named the same one both times; -1 where it contradicted itself or could not be read.
        readable: of its two answers.
        tokens: that it read and wrote.
    """

    winner: int
    readable: int
    tokens: int


def judged(
    judge: LanguageModel,
    pairs: Sequence[tuple[str, str]],
    seeds: NDArray[np.uint64],
    task: str = "",
    criterion: str = "serves its purpose better",
    max_tokens: int = 512,
    temperature: float = 0.0,
) -> list[Verdict]:
    """Which of two texts is better, in one call of the judge.

    Judges favour a place: each pair is shown in both orders, and only who wins twice has won.

    Args:
        judge: who is asked.
        pairs: n pairs of texts.
        seeds: (n,) of the judge.
        task: what the texts are for.
        criterion: what the better one does.
        max_tokens, temperature: of an answer.
    """
    asked = [_question(*order, task, criterion) for pair in pairs for order in (pair, pair[::-1])]
    replies = replied(judge, asked, np.repeat(seeds, 2), max_tokens, temperature)
    verdicts = []
    for place in range(len(pairs)):
        straight, turned = replies[2 * place : 2 * place + 2]
        said = [_named(straight.text), _named(turned.text)]
        said[1] = 1 - said[1] if said[1] >= 0 else -1
        winner = said[0] if said[0] == said[1] else -1
        verdicts.append(Verdict(winner, sum(one >= 0 for one in said), straight.tokens + turned.tokens))
    return verdicts


def _question(first: str, second: str, task: str, criterion: str) -> str:
    return paragraphs(
        f"Which of the two prompts below {criterion}?",
        about(task),
        block("first", first),
        block("second", second),
        'Answer with one word: "first" or "second".',
    )


def _named(answer: str) -> int:
    """0 or 1 for the first or the second, by the last that is named; -1 for neither."""
    found = _VERDICT.findall(answer)
    return -1 if not found else int(found[-1].lower() == "second")
