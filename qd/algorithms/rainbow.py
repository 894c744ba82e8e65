"""Rainbow Teaming, Samvelyan et al. 2024, https://arxiv.org/abs/2402.16822: MAP-Elites whose judge is a writer.

A cell of the map is drawn, and a writer rewrites an elite so that it fits the cell's description. The child goes where
its measures put it. Where an elite is there already, a judge is shown both, in both orders; only a child that wins
twice takes the cell. Good where what makes a text better can be told by reading, and not by the objective. Children
too similar to their parent are dropped before they are evaluated.

Where we differ: cells come from the problem's measures of a child, not from what the writer was asked for; and cells
to aim at are drawn evenly among those that are empty, with the chance ``empty``, else among all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qd.algorithm import Report, positive, probability
from qd.algorithms._ragged_elites import RaggedElites
from qd.algorithms._written import NO_WRITING, WrittenSearch, bill_metrics, parents_of, request_of
from qd.contracts import Evaluation, Problem, Request
from qd.errors import QDError
from qd.models import LanguageModel
from qd.prompts.comparing import Towards, judged
from qd.prompts.overlap import alike
from qd.prompts.rewrites import Job, seeds_of
from qd.ragged import Ragged
from qd.rng import generator
from qd.space import Measures
from qd.texts import Texts

_ID = {"id": ((), np.int64)}
_NO_JUDGING = {"calls": 0, "tokens": 0, "unreadable": 0, "contradictions": 0}


@dataclass
class RainbowState:
    """The elites, which are in an archive that is made anew when a cell changes hands."""

    seed: int
    space: Texts
    measures: Measures
    dims: list[int]
    archive: RaggedElites
    generation: int = 0
    writing: dict[str, int] = field(default_factory=lambda: dict(NO_WRITING))
    judging: dict[str, int] = field(default_factory=lambda: dict(_NO_JUDGING))


@dataclass(frozen=True)
class Rainbow(WrittenSearch):
    """A map of texts, filled by a writer and judged by one.

    >>> from qd.models import Scripted
    >>> Rainbow(Scripted(), dims=(10,)).batch_size
    16
    """

    batch_size: int = 16
    """Children a generation."""
    dims: tuple[int, ...] = ()
    """Cells a measure; the problem's own declaration by default."""
    descriptions: tuple[tuple[str, ...], ...] = ()
    """Of each measure, the description of each cell along it, for the writer; empty: the measure's name and bounds."""
    judge: LanguageModel | None = None
    """Who decides between two texts; None: the writer."""
    criterion: str = "serves its purpose better"
    """What the judge is asked: which of the two ...?"""
    empty: float = 0.5
    """Chance of aiming at a cell that is empty, while there are some."""
    similarity: float = 0.6
    """A child more alike to its parent than this is dropped (``qd.prompts.overlap``)."""

    State = RainbowState

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(self, "batch_size")
        probability(self, "empty", "similarity")
        if self.judge is not None and not isinstance(self.judge, LanguageModel):
            raise QDError(f"Rainbow.judge: got {type(self.judge).__name__}, wanted a model of qd.models, or None")
        object.__setattr__(self, "descriptions", tuple(tuple(axis) for axis in self.descriptions))

    def init(self, problem: Problem, seed: int) -> RainbowState:
        space, measures = self._space(problem), problem.measure_space
        if measures is None:
            raise QDError(f"Rainbow: {problem.name} declares no measures, so there are no cells; give it some, e.g. "
                          "measures=('kept',)")  # fmt: skip
        dims = self.dims or measures.dims
        if dims is None or len(dims) != measures.size:
            raise QDError(f"Rainbow.dims: got {dims}, wanted cells for each of the measures {measures.names}")
        sizes = tuple(len(axis) for axis in self.descriptions)
        if sizes and sizes != tuple(dims):
            raise QDError(f"Rainbow.descriptions: got {sizes} texts for {tuple(dims)} cells")
        return RainbowState(seed, space, measures, list(dims), _archive(measures, list(dims)))

    def ask(self, state: RainbowState, left: int) -> Request | None:
        if left <= 0:
            return None
        if len(state.archive) == 0:
            state.generation += 1
            return Request(state.space.start, operators="initial")
        written = self._written(state, lambda number: self._jobs(state, number), [state.archive.column("solution")])
        return None if written is None else request_of(state.space, [child for _, child in written[0]])

    def _jobs(self, state: RainbowState, number: int) -> list[Job]:
        archive, rng = state.archive, generator(state.seed, "variation", number)
        members = parents_of(
            state.space, archive.column("solution"), archive.column("id"), archive.column("objective")
        )  # fmt: skip
        cells = int(np.prod(state.dims))
        free = np.setdiff1d(np.arange(cells), archive.column("index"))
        jobs = []
        for _ in range(self.batch_size):
            aim_at = free if len(free) and rng.random() < self.empty else np.arange(cells)
            target = self._described(state, int(rng.choice(aim_at)))
            context = self._context(state.space, target=target)
            jobs.append(Job(Towards(), (members[int(rng.integers(len(members)))],), context))
        return jobs

    def _worth_it(self, job: Job, texts: Mapping[str, str]) -> bool:
        name = job.context.component
        return alike(texts[name], job.parents[0].texts[name]) <= self.similarity

    def _described(self, state: RainbowState, cell: int) -> str:
        """A cell in words, a line a measure."""
        lines = []
        for axis, place in enumerate(np.unravel_index(cell, state.dims)):
            if self.descriptions:
                lines.append(self.descriptions[axis][int(place)])
                continue
            low, high = state.measures.low[axis], state.measures.high[axis]
            width = (high - low) / state.dims[axis]
            lines.append(f"{state.measures.names[axis]}: from {low + width * place:.3g} to "
                         f"{low + width * (place + 1):.3g}")  # fmt: skip
        return "\n".join(lines)

    # ------------------------------------------------------------ contests

    def tell(self, state: RainbowState, request: Request, evaluation: Evaluation) -> None:
        assert isinstance(request.solutions, Ragged)
        ok = np.flatnonzero(evaluation.ok)
        if len(ok) == 0:
            return
        cells = state.archive.index_of(evaluation.measures[ok])
        waiting: dict[int, list[dict[str, Any]]] = {}  # cell -> challengers, in order of row
        for row, cell in zip(ok, cells.tolist(), strict=True):
            one = {
                "solution": request.solutions.row(int(row)),
                "objective": float(evaluation.objective[row]),
                "measures": evaluation.measures[row],
                "id": int(request.ids[row]),
            }
            waiting.setdefault(cell, []).append(one)
        holders = self._holders(state)
        round_number = 0
        while waiting:
            for cell in [cell for cell in waiting if cell not in holders]:
                holders[cell] = waiting[cell].pop(0)
            waiting = {cell: queue for cell, queue in sorted(waiting.items()) if queue}
            if not waiting:
                break
            self._round(state, holders, {cell: queue.pop(0) for cell, queue in waiting.items()}, request, round_number)
            round_number += 1
        self._rebuild(state, holders)

    def _round(
        self, state: RainbowState, holders: dict[int, Any], challengers: dict[int, Any], request: Request, number: int
    ) -> None:
        """One challenger a cell against its holder, all in one call of the judge."""
        name = self.component or state.space.names[0]
        pairs = [(self._text(state, challengers[cell], name), self._text(state, holders[cell], name))
                 for cell in challengers]  # fmt: skip
        rng = generator(state.seed, f"judge {number}", max(request.number, 0))
        verdicts = judged(
            self.judge or self.writer, pairs, seeds_of(rng, len(pairs)), self.task, self.criterion, self.max_tokens
        )
        for cell, verdict in zip(challengers, verdicts, strict=True):
            state.judging["calls"] += 2
            state.judging["tokens"] += verdict.tokens
            state.judging["unreadable"] += 2 - verdict.readable
            state.judging["contradictions"] += verdict.readable == 2 and verdict.winner < 0
            if verdict.winner == 0:
                holders[cell] = challengers[cell]

    @staticmethod
    def _text(state: RainbowState, one: dict[str, Any], name: str) -> str:
        return state.space.named(Ragged.from_rows([one["solution"]], np.uint8))[0][name]

    @staticmethod
    def _holders(state: RainbowState) -> dict[int, dict[str, Any]]:
        names = ("solution", "objective", "measures", "id")
        columns = [state.archive.column(name) for name in names]
        rows = zip(*columns, strict=True)
        return {int(cell): dict(zip(names, row, strict=True))
                for cell, row in zip(state.archive.column("index"), rows, strict=True)}  # fmt: skip

    @staticmethod
    def _rebuild(state: RainbowState, holders: dict[int, dict[str, Any]]) -> None:
        """An archive of these alone: its own contest would go by objective."""
        state.archive = _archive(state.measures, state.dims)
        rows = list(holders.values())
        state.archive.add(
            Ragged.from_rows([row["solution"] for row in rows], np.uint8),
            np.array([row["objective"] for row in rows]),
            np.stack([row["measures"] for row in rows]),
            id=np.array([row["id"] for row in rows], np.int64),
        )

    def report(self, state: RainbowState) -> Report:
        metrics = {**bill_metrics(state.writing), **{f"judge_{k}": float(v) for k, v in state.judging.items()}}
        return Report({"elites": state.archive}, metrics)


def _archive(measures: Measures, dims: list[int]) -> RaggedElites:
    from archives import GridArchive

    grid = GridArchive(
        solution_dim=1, dims=dims, ranges=measures.ranges, solution_dtype=np.int64, extra_fields=dict(_ID)
    )
    return RaggedElites(grid, np.uint8)
