"""Reflection: a writer reads how a prompt did on some examples, and rewrites one component of it.

GEPA, Agrawal et al. 2025, https://arxiv.org/abs/2507.19457. The wording is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qd.errors import ModelError
from qd.prompts.rewrites import ANSWER, Context, Parent, Rewrite, Trace, about, block, paragraphs


@dataclass(frozen=True)
class Reflect(Rewrite):
    """From inputs, outputs and feedback to a better text of one component."""

    longest: int = 2000
    """Characters of one example that the writer is shown; the middle of longer ones is left out."""

    name = "reflection"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return paragraphs(
            "Below is a text that a language model was given, and what became of it on some examples.",
            about(context.task),
            block("current", parents[0].texts[context.component]),
            *(block("example", self._shown(trace)) for trace in context.traces),
            "First say what the examples that went wrong have in common, and what a reader of the text had to know to "
            "get them right: facts, rules, the form of the answer. Then write a better text in place of the current "
            "one. It must hold for all examples of this kind, not name these, and keep what already works.",
            ANSWER,
        )

    def _shown(self, trace: Trace) -> str:
        score = "" if np.isnan(trace.score) else f"Score: {trace.score:g}"
        parts = (("Input", trace.inputs), ("Output", trace.reply), ("Feedback", trace.feedback))
        lines = [f"{name}: {self._cut(text)}" for name, text in parts if text]
        return "\n".join([*lines, score] if score else lines)

    def _cut(self, text: str) -> str:
        if len(text) <= self.longest:
            return text
        half = self.longest // 2
        return f"{text[:half]} [...] {text[-half:]}"


@dataclass(frozen=True)
class Merge(Rewrite):
    """Of two descendants of one text, component by component the one that changed; no writer needed.

    Parents: the two, then their ancestor. Where both changed, the better one's text is taken.
    """

    name = "merge"
    parents = 3
    writes = False

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return ""

    def read(
        self, answer: str, parents: Sequence[Parent], context: Context, rng: np.random.Generator
    ) -> list[dict[str, str]]:
        first, second, ancestor = parents
        better = second if second.objective > first.objective else first
        merged = {}
        for name, old in ancestor.texts.items():
            a, b = first.texts[name], second.texts[name]
            merged[name] = b if a == old else a if b == old else better.texts[name]
        if merged in (dict(first.texts), dict(second.texts)):
            raise ModelError("the two have changed no different components")
        return [merged]
