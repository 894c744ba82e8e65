"""What searches share whose children a language model writes: settings, the bill, what happens when it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qd.algorithm import Algorithm, Report, positive
from qd.contracts import Problem, Request
from qd.errors import QDError, StoppedError, nearest
from qd.models import LanguageModel
from qd.prompts.rewrites import Child, Context, Job, Parent, rewritten, seeds_of
from qd.ragged import Ragged
from qd.rng import generator
from qd.texts import Texts

NO_WRITING = {"calls": 0, "tokens": 0, "failures": 0, "repeats": 0}
"""The bill of a writer before its first call: texts it was asked, tokens, children that failed, and known ones."""


@dataclass(frozen=True)
class Writing(Algorithm):
    """A search whose children a language model writes.

    The writer is called where the search asks, on the first rank; evaluations are spread as ever. Its tokens are no
    cost of the budget: the metrics ``writer_calls``, ``writer_tokens``, ``writer_failures`` and ``writer_repeats``
    (children that are there already or too like a parent, not evaluated) say what it did. A run is exact to the bit
    where the writer answers the same text and seed alike.
    """

    writer: LanguageModel
    """The model that writes children."""
    task: str = ""
    """What they are for, in words; the writer reads it."""
    temperature: float = 0.5
    """Of the writer."""
    max_tokens: int = 512
    """That an answer of the writer may have."""
    patience: int = 5
    """Generations in a row without one child before the run stops, where the writer failed, or the search ends, where
    it wrote what is there already."""

    def __post_init__(self) -> None:
        if not isinstance(self.writer, LanguageModel):
            raise QDError(f"{self.name}.writer: got {type(self.writer).__name__}, wanted a model of qd.models")
        positive(self, "max_tokens", "patience")
        if not self.temperature >= 0:
            raise QDError(f"{self.name}.temperature: got {self.temperature}, wanted 0 or more")


@dataclass(frozen=True)
class WrittenSearch(Writing):
    """A search over texts whose operators a writer performs."""

    component: str = ""
    """The text that is rewritten; empty: the first."""

    def _space(self, problem: Problem) -> Texts:
        """The problem's texts. Raises QDError for other spaces, and for a component that there is not."""
        space = problem.space()
        if not isinstance(space, Texts):
            raise QDError(f"{self.name} rewrites texts (qd.Texts), not {space!r}")
        self._known_component(space, "component", self.component)
        return space

    def _known_component(self, space: Texts, field: str, name: str) -> None:
        if name and name not in space.names:
            raise QDError(f"{self.name}.{field}: got {name!r}, {nearest(name, space.names)}")

    def _context(self, space: Texts, component: str = "", **more: Any) -> Context:
        return Context(component or self.component or space.names[0], self.task, **more)

    def _worth_it(self, job: Job, texts: Mapping[str, str]) -> bool:
        """Whether a child that nobody knows yet is worth an evaluation."""
        return True

    def _written(
        self, state: Any, jobs_of: Callable[[int], Sequence[Job]], known: Sequence[Ragged] = ()
    ) -> tuple[list[tuple[int, Child]], int] | None:
        """(job, child) of all children of the next generation that has any, and its number; None: nothing new comes.

        Args:
            state: with seed, space, generation and writing; changed in place, unless this raises.
            jobs_of: the rewrites of a generation, by its number.
            known: solutions that are not worth evaluating again.
        """
        before, bill = state.generation, dict(state.writing)
        seen = {row.tobytes() for batch in known for row in batch}
        error, readable = "", False
        for _ in range(self.patience):
            number, state.generation = state.generation, state.generation + 1
            jobs = jobs_of(number)
            seeds = seeds_of(generator(state.seed, "writer", number), len(jobs))
            families = rewritten(self.writer, jobs, seeds, state.space, self.max_tokens, self.temperature)
            born, fresh = [], set(seen)
            for place, family in enumerate(families):
                for child in family:
                    charge(state.writing, child)
                    if child.texts is None:
                        error = child.error
                        continue
                    readable = True
                    if not self._worth_it(jobs[place], child.texts):
                        state.writing["repeats"] += 1
                        continue
                    key = state.space.pack([child.texts]).values.tobytes()
                    if key in fresh:
                        state.writing["repeats"] += 1
                    else:
                        fresh.add(key)
                        born.append((place, child))
            state.writing["calls"] += sum(job.rewrite.writes for job in jobs)
            if born:
                return born, number
        if readable:
            return None
        state.generation, state.writing = before, bill  # a resumed run asks the same again
        raise StoppedError(f"{self.name}.writer: no child in {self.patience} generations in a row; the last one failed "
                           f"with: {error}. The run can be resumed once the writer answers")  # fmt: skip


def charge(bill: dict[str, int], child: Child) -> None:
    """Put a child on the bill."""
    bill["tokens"] += child.tokens
    bill["failures"] += child.texts is None


def bill_metrics(bill: dict[str, int]) -> dict[str, float]:
    """The bill as metrics."""
    return {f"writer_{name}": float(value) for name, value in bill.items()}


def population_report(state: Any) -> Report:
    """Of a state with solutions, their objective, and the writer's bill."""
    best, mean = float("nan"), float("nan")
    if len(state.objective):
        best, mean = float(state.objective.max()), float(state.objective.mean())
    metrics = {"population_best": best, "population_mean": mean, **bill_metrics(state.writing)}
    if state.solutions is None:
        return Report(metrics=metrics)
    return Report(metrics=metrics, populations={"solutions": state.solutions, "objective": state.objective})


def request_of(space: Texts, children: Sequence[Child], **more: Any) -> Request:
    """The request of some children."""
    parents = padded([child.parents for child in children])
    packed = space.pack([child.texts for child in children if child.texts is not None])
    return Request(packed, parents=parents, operators=[child.operator for child in children], **more)


def padded(parents: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """(n, p) evaluation numbers of the parents of n children, -1 where one has fewer than others."""
    rows = np.full((len(parents), max(1, *(len(of) for of in parents), 0)), -1, np.int64)
    for row, of in enumerate(parents):
        rows[row, : len(of)] = of
    return rows


def parents_of(space: Texts, solutions: Ragged, ids: NDArray[np.int64], objective: NDArray[np.float64]) -> list[Parent]:
    """All members of a population as parents."""
    return [
        Parent(texts, int(number), float(worth))
        for texts, number, worth in zip(space.named(solutions), ids, objective, strict=True)
    ]


def inputs_of(problem: Problem) -> list[str]:
    """(E,) the examples of the search split as text, where the problem has a task that knows them; else none."""
    task = getattr(problem, "task", None)
    if task is None:
        return []
    examples = task.splits.search
    rows = zip(*examples.fields.values(), strict=True)
    return ["\n".join(f"{name}: {text}" for name, text in zip(examples.fields, row, strict=True)) for row in rows]
