"""The two rewrites of EvoPrompt: crossing of two prompts, and differences of two put into a third.

Guo et al. 2024, https://arxiv.org/abs/2309.08532. The steps are theirs, the wording is ours; a worked example, which
they put before the question, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qd.prompts.rewrites import ANSWER, Context, Parent, Rewrite, about, block, paragraphs


@dataclass(frozen=True)
class Cross(Rewrite):
    """Crossover of two prompts, then mutation of the result: EvoPrompt's genetic operator."""

    name = "crossover+mutation"
    parents = 2

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        first, second = (parent.texts[context.component] for parent in parents)
        return paragraphs(
            "Make a new prompt of the two below, in two steps.\n"
            "1. Cross them: take some of what the first asks for and some of what the second asks for, in one prompt.\n"
            "2. Mutate the result: change how it is put, or one of the things that it asks for.",
            about(context.task),
            block("first", first),
            block("second", second),
            "Give the result of the second step. " + ANSWER,
        )


@dataclass(frozen=True)
class Differ(Rewrite):
    """Differential evolution in words.

    Parents: the target, two others whose difference counts, and the one to build on: the best, or a third other one.
    """

    name = "differential"
    parents = 4

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        target, first, second, base = (parent.texts[context.component] for parent in parents)
        return paragraphs(
            "Make a new prompt of the four below, in four steps.\n"
            "1. List what is different between the first and the second.\n"
            "2. Change each of these differences into something new that serves the task better.\n"
            "3. Put what you have so changed into the base prompt, in place of what it says on the same points.\n"
            "4. Cross the result with the current prompt: take some parts of one and some of the other.",
            about(context.task),
            block("first", first),
            block("second", second),
            block("base", base),
            block("current", target),
            "Give the result of the fourth step. " + ANSWER,
        )
