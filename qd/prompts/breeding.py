"""The rewrites of Promptbreeder: prompts bred by prompts that are bred themselves.

Fernando et al. 2023, https://arxiv.org/abs/2309.16797. The kinds of operators are theirs; wording, ways of thinking
and first mutation prompts are ours. Hyper-mutation asks for the new mutation prompt and for the task prompt that comes
of it in one answer, where the paper asks twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qd.errors import ModelError
from qd.prompts.overlap import different
from qd.prompts.rewrites import ANSWER, Context, Parent, Rewrite, about, block, paragraphs, tagged

STYLES = (
    "Which smaller questions does this one consist of?",
    "What would somebody check who must not be wrong?",
    "What is given, and what is asked for?",
    "Where do people usually go wrong here?",
    "What would be the shortest way to the answer?",
    "How would you explain this to a child?",
    "Which answer can be ruled out at once, and why?",
    "What if the opposite were true?",
    "What does this look like as a table or a list?",
    "Which rule or fact decides it?",
)
"""Ways to begin to think about a task, for first prompts and first mutation prompts."""
MUTATIONS = (
    "Say the same in half as many words.",
    "Put it so that nobody can misread it.",
    "Add one step that would avoid the most likely mistake.",
    "Change the order: begin with what matters most.",
    "Write it as a list of short rules.",
    "Write it as if to an expert in the field.",
    "Take out whatever could be left out.",
    "Say how the answer should look.",
    "Replace one of its ideas by a different one.",
    "Give a reason for what is asked.",
)
"""First mutation prompts."""


def _task(context: Context) -> str:
    return context.task or "the task that the prompts below are written for"


@dataclass(frozen=True)
class ZeroOrder(Rewrite):
    """A new prompt from the task's description and a way of thinking alone; the parent's other texts stay."""

    name = "zero_order"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        style = context.style or STYLES[int(rng.integers(len(STYLES)))]
        return paragraphs(
            f"Write a prompt for a language model. What it is for: {_task(context)}",
            f"Begin your thinking with this question: {style}",
            ANSWER,
        )


@dataclass(frozen=True)
class FirstOrder(Rewrite):
    """The prompt, rewritten as its own mutation prompt says."""

    name = "first_order"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        texts = parents[0].texts
        how = texts.get(context.mutation, "") or MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        return paragraphs(
            "Rewrite the prompt below as the instruction says.",
            about(context.task),
            block("instruction", how),
            block("current", texts[context.component]),
            ANSWER,
        )


@dataclass(frozen=True)
class FromPopulation(Rewrite):
    """A further prompt of the kind that the population is made of: estimation of distribution (EDA).

    Texts too similar to one before are left out. ``ranked``: the texts come from worst to best, and the writer is told
    the contrary, so that it does not repeat the last.
    """

    ranked: bool = False
    limit: float = 0.95
    """How alike two texts that are shown may be (``qd.prompts.overlap``)."""

    name = "population"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        shown = different(context.others, self.limit)
        order = "from best to worst" if self.ranked else "in no order"
        return paragraphs(
            f"Below is a list of prompts for the same task, {order}. Write a further one that continues it and differs "
            "from all of them.",
            about(context.task),
            block("list", "\n".join(f"{number}. {text}" for number, text in enumerate(shown, 1))),
            ANSWER,
        )


@dataclass(frozen=True)
class FromLineage(Rewrite):
    """A further prompt after those that were best, oldest first."""

    name = "lineage"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return paragraphs(
            "Below are prompts for the same task in the order in which they were found, each better than the one "
            "before it. Write the next one.",
            about(context.task),
            block("list", "\n".join(f"{number}. {text}" for number, text in enumerate(context.others, 1))),
            ANSWER,
        )


@dataclass(frozen=True)
class HyperMutation(Rewrite):
    """A new mutation prompt, and the task prompt as it rewrites it.

    ``fresh``: the mutation prompt is written anew from a way of thinking (zero order), else the old one is improved
    (first order).
    """

    fresh: bool = False

    name = "hyper_mutation"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        texts = parents[0].texts
        if self.fresh:
            first = (
                "1. Write an instruction for rewriting prompts. Begin your thinking with this question: "
                f"{STYLES[int(rng.integers(len(STYLES)))]}"
            )
        else:
            first = "1. Improve the instruction below, which says how prompts are rewritten."
        return paragraphs(
            f"Two steps.\n{first}\n2. Rewrite the prompt below as your new instruction says.",
            about(context.task),
            "" if self.fresh else block("instruction", texts[context.mutation]),
            block("current", texts[context.component]),
            "Write the new instruction between <mutation> and </mutation>, then the new prompt between <prompt> and "
            "</prompt>, and nothing else.",
        )

    def read(
        self, answer: str, parents: Sequence[Parent], context: Context, rng: np.random.Generator
    ) -> list[dict[str, str]]:
        made = {context.mutation: tagged(answer, "mutation"), context.component: tagged(answer)}
        return [{**parents[0].texts, **made}]


@dataclass(frozen=True)
class Lamarck(Rewrite):
    """A prompt guessed from a correct working: what could have been asked to get this answer?"""

    name = "lamarckian"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        shown = [trace for trace in context.traces if trace.reply]
        if not shown:
            raise ModelError("there is no correct working to begin from")
        trace = shown[int(rng.integers(len(shown)))]
        return paragraphs(
            "Somebody was given an instruction and then this input, and gave this correct answer. Which instruction "
            "was it? It did not know the input.",
            about(context.task),
            block("input", trace.inputs),
            block("answer", trace.reply),
            ANSWER,
        )


@dataclass(frozen=True)
class Swap(Rewrite):
    """The prompt of a second parent in place of the first one's: Promptbreeder's crossover. No writer needed."""

    name = "crossover"
    parents = 2
    writes = False

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return ""

    def read(
        self, answer: str, parents: Sequence[Parent], context: Context, rng: np.random.Generator
    ) -> list[dict[str, str]]:
        return [{**parents[0].texts, context.component: parents[1].texts[context.component]}]


@dataclass(frozen=True)
class Shuffle(Rewrite):
    """New worked examples out of correct workings, in a new order. No writer needed."""

    count: int = 3
    """Workings that are shown in the prompt, at most."""

    name = "context_shuffling"
    writes = False

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return ""

    def read(
        self, answer: str, parents: Sequence[Parent], context: Context, rng: np.random.Generator
    ) -> list[dict[str, str]]:
        shown = [f"{trace.inputs}\n{trace.reply}" for trace in context.traces if trace.reply]
        if not shown:
            raise ModelError("there are no correct workings to show")
        count = int(rng.integers(1, min(self.count, len(shown)) + 1))
        chosen = [shown[i] for i in rng.permutation(len(shown))[:count]]
        return [{**parents[0].texts, context.demonstrations: "\n\n".join(chosen)}]
