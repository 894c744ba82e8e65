"""Operators on texts that a language model performs: what it is asked, and how children are read from its answers.

A rewrite makes children of parents: it says what to ask the writer, and reads what the writer says. All rewrites of a
generation go to the writer in one call. An answer that cannot be read is a child that failed: it has no texts, it says
why, and it is counted; nothing is raised.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qd.errors import ModelError, QDError
from qd.models import LanguageModel, Reply
from qd.rng import row_generator
from qd.texts import Texts


@dataclass(frozen=True)
class Parent:
    """What a child is made of.

    Args:
        texts: component -> text.
        id: its evaluation number; -1: it has none.
        objective: what it was worth.
    """

    texts: Mapping[str, str]
    id: int = -1
    objective: float = float("nan")


@dataclass(frozen=True)
class Child:
    """What came of a rewrite.

    Args:
        texts: component -> text; None where it failed.
        operator: the rewrite's name.
        parents: evaluation numbers.
        error: why there are no texts; "" where there are.
        tokens: that the writer read and wrote; of several children of one answer the first bears all.
    """

    texts: Mapping[str, str] | None
    operator: str
    parents: tuple[int, ...]
    error: str = ""
    tokens: int = 0


@dataclass(frozen=True)
class Trace:
    """How a parent did on one example.

    Args:
        inputs: the example's fields, as text.
        reply: what the model answered; may be empty.
        feedback: what was right or wrong about it; may be empty.
        score: what it was worth.
    """

    inputs: str
    reply: str = ""
    feedback: str = ""
    score: float = float("nan")


@dataclass(frozen=True)
class Context:
    """What a rewrite may know beside the parents.

    Args:
        component: the one to be rewritten; the others stay as the first parent has them.
        task: what the prompts are for, in words.
        traces: how the first parent did on some examples.
        others: texts of the component elsewhere: of the population, or of the lineage, oldest first.
        target: what the child should be like, in words.
        mutation: the component that says how to rewrite; "" where solutions have none.
        demonstrations: the component with worked examples; "" where solutions have none.
        style: a way of thinking to begin with, in words.
    """

    component: str
    task: str = ""
    traces: tuple[Trace, ...] = ()
    others: tuple[str, ...] = ()
    target: str = ""
    mutation: str = ""
    demonstrations: str = ""
    style: str = ""


class Rewrite(ABC):
    """One way to make children: a frozen dataclass of settings.

    Attributes:
        name: of the operator, for records.
        parents: how many it takes.
        writes: whether it needs the writer; where it does not, ``read`` is given an empty answer.
    """

    name: str
    parents: int = 1
    writes: bool = True

    @abstractmethod
    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        """What the writer is asked. Raises ModelError where the parents give nothing to ask."""

    def read(
        self, answer: str, parents: Sequence[Parent], context: Context, rng: np.random.Generator
    ) -> list[dict[str, str]]:
        """The children's texts. Raises ModelError where the answer cannot be read."""
        return [{**parents[0].texts, context.component: tagged(answer)}]


@dataclass(frozen=True)
class Job:
    """One rewrite of some parents."""

    rewrite: Rewrite
    parents: tuple[Parent, ...]
    context: Context


def rewritten(
    writer: LanguageModel,
    jobs: Sequence[Job],
    seeds: NDArray[np.uint64],
    space: Texts,
    max_tokens: int = 512,
    temperature: float = 0.5,
) -> list[list[Child]]:
    """The children of each job, in one call of the writer; at least one a job, which may have failed.

    Args:
        writer: who writes.
        jobs: n rewrites.
        seeds: (n,) all the randomness there is.
        space: that children must lie in.
        max_tokens: of an answer.
        temperature: of the writer.
    """
    asked, replies = dict[int, str](), dict[int, Reply]()
    for row, (job, seed) in enumerate(zip(jobs, seeds, strict=True)):
        if job.rewrite.writes:
            try:
                asked[row] = job.rewrite.ask(job.parents, job.context, row_generator(int(seed)))
            except ModelError as error:
                replies[row] = Reply("", 0, str(error))
    rows = list(asked)
    replies.update(zip(rows, replied(writer, list(asked.values()), seeds[rows], max_tokens, temperature), strict=True))
    return [
        _children(job, replies.get(row, Reply("")), space, row_generator(int(seed)))
        for row, (job, seed) in enumerate(zip(jobs, seeds, strict=True))
    ]


def replied(
    writer: LanguageModel,
    texts: Sequence[str],
    seeds: NDArray[np.uint64],
    max_tokens: int,
    temperature: float,
    stop: Sequence[str] = (),
) -> list[Reply]:
    """What the writer says to n texts; where it gives no answer at all, n replies that say so."""
    if not texts:
        return []
    try:
        replies = writer.generate(texts, max_tokens=max_tokens, temperature=temperature, seeds=seeds, stop=stop)
    except ModelError as error:
        return [Reply("", 0, str(error) or "the writer gave no answer")] * len(texts)
    if len(replies) != len(texts):
        raise QDError(f"{type(writer).__name__}.generate: got {len(replies)} replies to {len(texts)} texts")
    return replies


def _children(job: Job, reply: Reply, space: Texts, rng: np.random.Generator) -> list[Child]:
    ids = tuple(parent.id for parent in job.parents)
    failed = Child(None, job.rewrite.name, ids, reply.error, reply.tokens)
    if not reply.ok:
        return [failed]
    try:
        found = job.rewrite.read(reply.text, job.parents, job.context, rng)
        if not found:
            raise ModelError("the answer holds no child")
    except ModelError as error:
        return [replace(failed, error=str(error))]
    born = [_child(replace(failed, tokens=0), texts, space) for texts in found]
    return [replace(born[0], tokens=reply.tokens), *born[1:]]


def _child(blank: Child, texts: Mapping[str, str], space: Texts) -> Child:
    whole = {name: text.encode(errors="replace").decode() for name, text in texts.items()}  # half characters become ?
    packed = space.pack([whole])
    if space.valid(packed) is not None:
        return replace(blank, error=f"{packed.lengths[0]} bytes, more than Texts.max_bytes = {space.max_bytes}")
    return replace(blank, texts=whole)


def tagged(answer: str, tag: str = "prompt") -> str:
    """The text between the last <tag> and </tag> of an answer, without white space around it.

    >>> tagged("Sure: <prompt> Be brief. </prompt>")
    'Be brief.'

    Raises ModelError where there is none, or nothing in between.
    """
    end = answer.rfind(f"</{tag}>")
    start = answer.rfind(f"<{tag}>", 0, max(end, 0))
    if end < 0 or start < 0:
        raise ModelError(f"no text between <{tag}> and </{tag}> in the answer {_short(answer)!r}")
    found = answer[start + len(tag) + 2 : end].strip()
    if not found:
        raise ModelError(f"nothing between <{tag}> and </{tag}>")
    return found


def block(tag: str, text: str) -> str:
    """A text between tags, on lines of its own: how a writer is shown what is not addressed to it."""
    return f"<{tag}>\n{text}\n</{tag}>"


def paragraphs(*parts: str) -> str:
    """The parts that are not empty, with a blank line between."""
    return "\n\n".join(part for part in parts if part)


def about(task: str) -> str:
    """The task as a paragraph; nothing where it is not described."""
    return f"What the prompts are for: {task}" if task else ""


ANSWER = "Write the new prompt, and nothing else, between <prompt> and </prompt>."
"""How every request for one prompt ends."""


@dataclass(frozen=True)
class Paraphrase(Rewrite):
    """The same in other words."""

    name = "paraphrase"

    def ask(self, parents: Sequence[Parent], context: Context, rng: np.random.Generator) -> str:
        return paragraphs(
            "Say the same as the prompt below in other words. It must ask for exactly the same thing.",
            about(context.task),
            block("current", parents[0].texts[context.component]),
            ANSWER,
        )


def seeds_of(rng: np.random.Generator, n: int) -> NDArray[np.uint64]:
    """(n,) seeds for ``rewritten``."""
    return rng.integers(0, 2**64, n, dtype=np.uint64)


def distinct(texts: Iterable[str]) -> tuple[str, ...]:
    """Each text once, the first time that it stands there."""
    return tuple(dict.fromkeys(texts))


def _short(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    return line if len(line) <= 60 else line[:57] + "..."
